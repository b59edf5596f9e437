"""Carry out a plan: photos are read and written by threads while others are being changed."""

from __future__ import annotations

import os
import time
import traceback
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from photostyle.batch.config import BatchConfig
from photostyle.batch.header import Header, read_header
from photostyle.batch.leftovers import remove_leftovers
from photostyle.batch.result import PhotoResult
from photostyle.batch.thumbnail import thumbnail, thumbnail_of_file
from photostyle.compiled import cpu_threads
from photostyle.errors import DeviceError, ModelError, PhotoError, PhotostyleError, UsageError
from photostyle.image import MAX_PIXELS, Photo, format_of, read_photo, write_photo
from photostyle.image.atomic import folder_problem
from photostyle.image.metadata import with_metadata
from photostyle.progress import Progress, ProgressCallback, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from photostyle.batch.plan import Plan, PlannedPhoto

    Apply = Callable[[Photo, ProgressCallback], Photo]

# After these there is no use in trying the next photo.
_FATAL = (DeviceError, ModelError, UsageError)


def run_batch(
    plan: Plan,
    apply: Apply,
    config: BatchConfig | None = None,
    *,
    report: Callable[[PhotoResult], None],
    progress: ProgressCallback = silent,
) -> tuple[PhotoResult, ...]:
    """Change every photo of a plan.

    Photos are changed one after another in the calling thread, while other threads read the next
    and write the last ones. A photo that cannot be read, changed or written fails alone. When the
    run ends early, by a signal, an error or `BatchConfig.fail_fast`, what is being written is
    finished first.

    Args:
        plan: What to do.
        apply: Changes a photo; called from this thread only.
        config: Settings.
        report: Called from this thread with every photo's result, as they are finished.
        progress: Called with the pixels changed so far, and of all photos, in thousands.

    Returns:
        All results, in the order they were reported.

    Raises:
        DeviceError: The device is missing or out of memory.
        ModelError: A model cannot be used.
        UsageError: The filter cannot be used like this.
    """
    batch = _Batch(apply, config or BatchConfig(), report, progress)
    # Also where nothing is left to do: the run after the killed one may have come too soon for it.
    folders = {photo.target.parent for photo in plan.photos if photo.target is not None}
    remove_leftovers(folders)
    try:
        batch.skip(photo for photo in plan.photos if photo.exists or photo.problem)
        if plan.to_do and not batch.over:
            batch.run(plan.to_do)
    except BaseException:
        batch.stop()
        raise
    remove_leftovers(folders)
    return tuple(batch.results)


@dataclass(eq=False)
class _Task:
    """A photo under way."""

    photo: PlannedPhoto
    target: Path
    pixels: int
    """As its header claims."""
    memory: int
    """Bytes set aside for it, from the beginning of reading to the end of writing."""
    seconds: float = 0.0
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    width: int
    height: int
    warnings: tuple[str, ...]
    after: bytes | None


class _Batch:
    """One run."""

    def __init__(
        self,
        apply: Apply,
        config: BatchConfig,
        report: Callable[[PhotoResult], None],
        progress: ProgressCallback,
    ) -> None:
        self.results: list[PhotoResult] = []
        self._apply = apply
        self._config = config
        self._report = report
        self._progress = progress
        self._jobs = config.jobs or cpu_threads()
        # Reading and writing have threads of their own: else photos that wait to be written, and
        # hold memory, would stand in line behind those that wait to be read.
        self._readers = ThreadPoolExecutor(self._jobs, thread_name_prefix="photostyle-read")
        self._writers = ThreadPoolExecutor(self._jobs, thread_name_prefix="photostyle-write")
        self._waiting: deque[_Task] = deque()
        self._reading: dict[Future[Photo], _Task] = {}
        self._writing: dict[Future[_Written], _Task] = {}
        self._memory = 0
        self._pixels = 0
        self._pixels_done = 0
        self._problems: dict[Path, str | None] = {}
        self._failed = False

    @property
    def over(self) -> bool:
        """Whether no more photos are to be begun."""
        return self._failed and self._config.fail_fast

    def skip(self, photos: Iterable[PlannedPhoto]) -> None:
        """Report photos that the plan has settled."""
        settled = list(photos)
        for photo, copies in zip(settled, self._readers.map(self._copies, settled), strict=True):
            if photo.problem is not None:
                self._finish(PhotoResult(photo.source, photo.target, "failed", error=photo.problem))
            else:
                before, after = copies
                self._finish(
                    PhotoResult(photo.source, photo.target, "skipped", before=before, after=after)
                )

    def run(self, photos: Iterable[PlannedPhoto]) -> None:
        """Change photos."""
        for photo in photos:
            self._enqueue(photo)
        self._pixels = sum(task.pixels for task in self._waiting)
        self._tell(0)
        while (self._waiting or self._reading or self._writing) and not self.over:
            self._admit()
            self._advance()
        self.stop()

    def stop(self) -> None:
        """Begin nothing more, and let what is being written be finished."""
        self._waiting.clear()
        self._close()
        for future in [future for future in self._writing if not future.cancelled()]:
            with suppress(Exception):  # the run has failed already, for another reason
                self._end(future)

    def _close(self) -> None:
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=True)

    def _enqueue(self, photo: PlannedPhoto) -> None:
        if photo.target is None:
            raise ValueError(f"{photo.source} is planned without a target")
        if problem := self._folder_problem(photo.target.parent):
            error = f"cannot write '{photo.target}': {problem}"
            self._finish(PhotoResult(photo.source, photo.target, "failed", error=error))
            return
        header = read_header(photo.source)
        self._waiting.append(_Task(photo, photo.target, header.pixels, memory_of(header)))

    def _folder_problem(self, folder: Path) -> str | None:
        """Why no file can be made in a folder, or in the one where it is going to be made."""
        if folder not in self._problems:
            there = folder
            while not there.exists() and there != there.parent:
                there = there.parent
            self._problems[folder] = folder_problem(there)
        return self._problems[folder]

    def _admit(self) -> None:
        """Begin to read as many photos as there are threads and memory for."""
        while self._waiting and len(self._reading) <= self._jobs:
            task = self._waiting[0]
            under_way = self._reading or self._writing
            if under_way and self._memory + task.memory > self._config.memory:
                return
            self._waiting.popleft()
            self._memory += task.memory
            self._reading[self._readers.submit(self._read, task)] = task

    def _advance(self) -> None:
        """Take up what the threads have finished; wait until there is something."""
        under_way: set[Future[Any]] = {*self._reading, *self._writing}
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for written in [future for future in self._writing if future in done]:
            self._end(written)
        # One at a time: meanwhile others may have been written, and there is room for more.
        read = next((future for future in self._reading if future in done), None)
        if read is not None:
            self._change(read)

    def _read(self, task: _Task) -> Photo:
        with _Stopwatch(task):
            return read_photo(
                task.photo.source,
                max_pixels=self._config.max_pixels or MAX_PIXELS,
                floating=False,
            )

    def _change(self, future: Future[Photo]) -> None:
        task = self._reading.pop(future)
        tell = partial(self._tell_part, self._pixels_done, task.pixels)
        finished = self._pixels_done + task.pixels
        try:
            with _Stopwatch(task):
                before = future.result()
                photo = self._apply(before, tell)
                task.before = self._thumbnail(before)
        except _FATAL:
            raise
        except Exception as error:  # noqa: BLE001 - one bad photo never stops the rest
            self._fail(task, error)
        else:
            # The warnings of reading, lest a filter that makes a new photo loses them.
            warnings = tuple(dict.fromkeys((*before.warnings, *photo.warnings)))
            self._writing[self._writers.submit(self._write, task, photo, warnings)] = task
        self._tell(finished)

    def _write(self, task: _Task, photo: Photo, warnings: tuple[str, ...]) -> _Written:
        with _Stopwatch(task):
            target = task.target
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise PhotoError(f"cannot write '{target}': {error.strerror}") from error
            final = with_metadata(
                photo,
                self._config.metadata,
                self._config.made,
                longest_xmp=format_of(target).longest_block,
            )
            unkept = write_photo(
                final,
                target,
                quality=self._config.quality,
                color=self._config.color,
                overwrite=task.photo.replace,
                protect=[task.photo.source],
            )
            after = self._thumbnail(photo)
        said = tuple(dict.fromkeys((*warnings, *final.warnings, *unkept)))
        return _Written(photo.width, photo.height, said, after)

    def _end(self, future: Future[_Written]) -> None:
        task = self._writing.pop(future)
        try:
            written = future.result()
        except Exception as error:  # noqa: BLE001 - one bad photo never stops the rest
            self._fail(task, error)
            return
        self._memory -= task.memory
        self._finish(
            PhotoResult(
                task.photo.source,
                task.target,
                "done",
                seconds=task.seconds,
                width=written.width,
                height=written.height,
                warnings=written.warnings,
                before=task.before,
                after=written.after,
            )
        )

    def _fail(self, task: _Task, error: Exception) -> None:
        self._memory -= task.memory
        source, seconds = task.photo.source, task.seconds
        if isinstance(error.__cause__, FileExistsError) and os.path.lexists(task.target):
            # Another run was faster.
            before, after = self._copies(task.photo)
            self._finish(
                PhotoResult(source, task.target, "skipped", seconds, before=before, after=after)
            )
            return
        expected = isinstance(error, PhotostyleError | MemoryError)
        self._finish(
            PhotoResult(
                source,
                task.target,
                "failed",
                seconds,
                error=_reason(source, error),
                # As text: the exception itself would keep the pixels in memory.
                traceback=None if expected else "".join(traceback.format_exception(error)),
            )
        )

    def _copies(self, photo: PlannedPhoto) -> tuple[bytes | None, bytes | None]:
        """Small copies of a photo that is not going to be opened, and of its result."""
        side = self._config.thumbnail
        if side is None or photo.target is None or photo.problem is not None:
            return None, None
        limit = self._config.max_pixels or MAX_PIXELS
        return (
            thumbnail_of_file(photo.source, side, max_pixels=limit),
            thumbnail_of_file(photo.target, side, max_pixels=limit),
        )

    def _thumbnail(self, photo: Photo) -> bytes | None:
        return thumbnail(photo, self._config.thumbnail) if self._config.thumbnail else None

    def _finish(self, result: PhotoResult) -> None:
        self._failed = self._failed or result.status == "failed"
        self.results.append(result)
        self._report(result)

    def _tell_part(self, before: int, pixels: int, progress: Progress) -> None:
        part = pixels * progress.done // max(progress.total, 1)
        # The second of several filters begins at nought again.
        self._tell(max(self._pixels_done, before + part))

    def _tell(self, pixels_done: int) -> None:
        self._pixels_done = pixels_done
        self._progress(Progress("filter", round(pixels_done / 1000), round(self._pixels / 1000)))


class _Stopwatch:
    """Adds the time within a `with` block to a task's seconds."""

    def __init__(self, task: _Task) -> None:
        self._task = task

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._task.seconds += time.perf_counter() - self._started


def memory_of(header: Header) -> int:
    """Bytes that a photo's pixels take before and after the filter, both together.

    While it is read and while it is written they are fewer, but so many more are the decoder's.
    """
    # Bytes a channel; 8-bit samples become 16-bit ones where a profile is converted.
    before = 4 if header.wide else 2
    after = 4 if header.wide else 2 if header.deep else 1
    return header.pixels * 3 * (before + after)


def _reason(source: Path, error: Exception) -> str:
    if isinstance(error, PhotostyleError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"cannot change '{source}': not enough memory"
    return f"cannot change '{source}': {type(error).__name__}: {error}"
