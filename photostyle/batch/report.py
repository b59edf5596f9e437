"""A batch as one HTML file: every photo before and after, what was said, what failed."""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from photostyle.batch.config import PIXELS_PER_BYTE
from photostyle.errors import PhotoError, UsageError
from photostyle.image.atomic import folder_problem, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from photostyle.batch.result import PhotoResult

LARGEST_THUMBNAIL, SMALLEST_THUMBNAIL = 640, 160
"""Long sides of copies, in pixels."""

MOST_BYTES = 100_000_000
"""Of a report, as long as copies are larger than the smallest."""

_MARK = '<meta name="generator" content="photostyle report">'

_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_MARK}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --dim: #777; --bad: #c22; }}
@media (prefers-color-scheme: dark) {{ :root {{ --dim: #999; --bad: #f77; }} }}
body {{ margin: 0 auto; max-width: 96rem; padding: 1.5rem; font: 15px/1.45 system-ui, sans-serif; }}
h1 {{ font-size: 1.3rem; margin: 0; }}
h2 {{ font-size: 1.05rem; margin: 2rem 0 .5rem; }}
p {{ margin: .2rem 0; }}
.dim, figcaption {{ color: var(--dim); }}
.bad {{ color: var(--bad); }}
ul {{ margin: .3rem 0; padding-left: 1.2rem; }}
main {{ display: grid; gap: 1.5rem; margin-top: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%%), 1fr)); }}
figure {{ margin: 0; border-top: 1px solid var(--line); padding-top: .7rem; min-width: 0; }}
figcaption {{ font-size: .85rem; overflow-wrap: anywhere; }}
figcaption b {{ color: CanvasText; }}
a {{ color: inherit; }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 4px; margin-bottom: .5rem; }}
.pair img {{ display: block; width: 100%%; height: auto; }}
.pair input {{ display: none; }}
.slides .pair {{ position: relative; display: block; --at: 50%%; }}
.slides .pair img + img {{ position: absolute; inset: 0; height: 100%%;
  clip-path: inset(0 0 0 var(--at)); }}
.slides .pair::after {{ content: ""; position: absolute; top: 0; bottom: 0; left: var(--at);
  width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 3px #000;
  pointer-events: none; }}
.slides .pair input {{ display: block; position: absolute; inset: 0; z-index: 1; width: 100%%;
  height: 100%%; margin: 0; opacity: 0; cursor: ew-resize; }}
.slides .pair:focus-within {{ outline: 2px solid Highlight; outline-offset: 2px; }}
</style>
</head>
<body>
"""

# Without it, the pictures stand side by side.
_SCRIPT = """<script>
document.documentElement.classList.add("slides");
document.addEventListener("input", event =>
  event.target.parentElement.style.setProperty("--at", event.target.value + "%"));
</script>
"""


def thumbnail_side(photos: int) -> int:
    """Long side of the copies in a report of so many photos: the more there are, the smaller."""
    copy = MOST_BYTES * 3 / 4 / (2 * max(photos, 1))  # as text, 3 bytes take 4
    side = int((copy * PIXELS_PER_BYTE) ** 0.5)
    return max(SMALLEST_THUMBNAIL, min(LARGEST_THUMBNAIL, side))


def check_report(path: Path, *, overwrite: bool) -> None:
    """See that a report can be written; only an earlier report is replaced unasked.

    Raises:
        UsageError: The name is none of an HTML file.
        PhotoError: It cannot.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"'{path}' is no name of a report: it must end in .html")
    if not path.parent.is_dir():
        raise PhotoError(f"cannot write '{path}': there is no folder '{path.parent}'")
    if path.is_dir():
        raise PhotoError(f"cannot write '{path}': it is a folder")
    if os.path.lexists(path) and not (overwrite or _is_report(path)):
        raise PhotoError(
            f"cannot write '{path}': it exists already and is no report; use --overwrite to "
            "replace it"
        )
    if problem := folder_problem(path.parent):
        raise PhotoError(f"cannot write '{path}': {problem}")


def write_report(path: Path, results: Iterable[PhotoResult], *, title: str, left: int = 0) -> None:
    """Write a report in one file that needs no other.

    Args:
        path: The HTML file; an existing one is replaced.
        results: What became of each photo, in the order to show them.
        title: Heading of the page.
        left: Number of photos that were not begun.

    Raises:
        PhotoError: The file cannot be written.
    """
    page = "".join(_page(list(results), path.parent, title, left))
    try:
        # Names of files may hold bytes that are no text.
        write_atomically(path, page.encode("utf-8", "backslashreplace"), overwrite=True)
    except OSError as error:
        raise PhotoError(f"cannot write '{path}': {error.strerror}") from error


def _is_report(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK.encode() in file.read(1000)
    except OSError:
        return False


def _page(results: Sequence[PhotoResult], folder: Path, title: str, left: int) -> Iterator[str]:
    counts = {status: sum(r.status == status for r in results) for status in _STATUSES}
    if left:
        counts["not begun"] = left
    numbers = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    yield _HEAD % escape(title)
    yield f'<h1>{escape(title)}</h1>\n<p class="dim">{numbers or "no photos"} · {when}</p>\n'
    failed = [result for result in results if result.status == "failed"]
    if failed:
        yield '<h2>Failed</h2>\n<ul class="bad">\n'
        for result in failed:
            yield f"<li>{_text(result.error or str(result.source))}</li>\n"
        yield "</ul>\n"
    yield "<main>\n"
    for result in results:
        if result.status != "failed":
            yield from _figure(result, folder)
    yield f"</main>\n{_SCRIPT}</body>\n</html>\n"


_STATUSES = ("done", "skipped", "failed")


def _figure(result: PhotoResult, folder: Path) -> Iterator[str]:
    yield "<figure>\n"
    if result.before or result.after:
        name = _text(result.source.name)
        both = result.before and result.after
        yield '<div class="pair">\n' if both else "<div>\n"
        for copy, word in ((result.before, "before"), (result.after, "after")):
            if copy:
                data = b64encode(copy).decode()
                yield f'<img loading="lazy" alt="{name}, {word}" '
                yield f'src="data:image/jpeg;base64,{data}">\n'
        if both:
            yield f'<input type="range" value="50" aria-label="{name}: how much of before">\n'
        yield "</div>\n"
    yield f"<figcaption>{_file(result.source, folder)}"
    if result.target is not None:
        yield f" → {_file(result.target, folder)}"
    facts = [f"{result.width} × {result.height}"] if result.width else []
    sizes = [_size(path) for path in (result.source, result.target)]
    facts.append(" → ".join(size for size in sizes if size))
    facts.append("was there already" if result.status == "skipped" else f"{result.seconds:.1f} s")
    yield f"<p>{', '.join(fact for fact in facts if fact)}</p>\n"
    if result.warnings:
        yield f"<ul>{''.join(f'<li>{_text(text)}</li>' for text in result.warnings)}</ul>\n"
    yield "</figcaption>\n</figure>\n"


def _file(path: Path, folder: Path) -> str:
    """A file's name, which leads to it from the folder of the report."""
    try:
        way = os.path.relpath(path.absolute(), folder.absolute())
    except ValueError:  # on another drive
        return f"<b>{_text(path.name)}</b>"
    link = quote(os.fsencode(Path(way).as_posix()))
    return f'<a href="{link}"><b>{_text(path.name)}</b></a>'


def _size(path: Path | None) -> str:
    """The size of a file, as people say it."""
    try:
        size = path.stat().st_size if path is not None else 0
    except OSError:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _text(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text))
