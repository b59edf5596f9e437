"""`photostyle doctor`: what this machine has, what it lacks, and what to do about it."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from photostyle import __version__
from photostyle.cli import options
from photostyle.cli.console import console_of, one_line
from photostyle.cli.failures import OPENCV_ADVICE, lacks_system_library
from photostyle.errors import DeviceError, PhotoError, PhotostyleError
from photostyle.image.formats import EXTRA_FORMATS, FORMATS, JXL

if TYPE_CHECKING:
    from photostyle.registry import Entry

PACKAGES = (
    ("torch", "torch"),
    ("numba", "photostyle.compiled"),
    ("numpy", "numpy"),
    ("opencv-python", "cv2"),
    ("pillow", "PIL"),
    ("safetensors", "safetensors"),
)
"""Required distributions, and a module that shows whether they load."""

LARGEST_ERRORS: dict[str, float] = {JXL.name: 0.12}
"""How far lossy formats may be off on a smooth picture, where that is more than 0.06 of white."""

REINSTALL = "pip install --force-reinstall --no-deps photostyle"

STYLES = {"ok": "green", "absent": "yellow", "missing": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    part: str
    """What it belongs to: a heading."""

    name: str
    """What was looked at."""

    state: str
    """`"ok"`, `"absent"` (the tool works without it) or `"missing"` (it does not)."""

    detail: str
    """What was found: a version, a size, or what went wrong."""

    remedy: str = ""
    """What to do when it is not there."""


def doctor(
    context: typer.Context,
    as_json: options.JsonOption = False,
) -> None:
    """Check this installation and say what is missing.

    The exit code is 1 if something is missing without which photos cannot be processed.
    """
    console = console_of(context)
    console.configure(quiet=False, verbose=False, as_json=as_json)
    checks = list(examine())
    failed = any(check.state == "missing" for check in checks)
    if as_json:
        status = "failed" if failed else "done"
        console.emit({"status": status, "checks": [asdict(check) for check in checks]})
    else:
        _print_table(checks)
    if failed:
        raise typer.Exit(1)


def examine() -> Iterator[Check]:
    """Look at everything photostyle needs, one check after the other."""
    yield from _versions()
    yield from _devices()
    yield from _backends()
    yield from _codecs()
    yield from _models()
    yield from _folders()


def _check(
    part: str, name: str, probe: Callable[[], str], remedy: str, *, required: bool = True
) -> Check:
    """Call a probe, which tells what it found or raises."""
    try:
        return Check(part, name, "ok", probe())
    except Exception as error:  # noqa: BLE001 - whatever is broken, the other checks go on
        if lacks_system_library(error):
            remedy = OPENCV_ADVICE
        found = (
            str(error) if isinstance(error, PhotostyleError) else f"{type(error).__name__}: {error}"
        )
        return Check(part, name, "missing" if required else "absent", one_line(found), remedy)


def _versions() -> Iterator[Check]:
    yield Check("versions", "photostyle", "ok", __version__)
    yield Check("versions", "python", "ok", sys.version.split()[0])
    for name, module in PACKAGES:
        yield _check(
            "versions",
            name,
            partial(_version, name, module),
            f"pip install --force-reinstall {name}",
        )
    yield _check(
        "versions",
        "scikit-image",
        partial(_version, "scikit-image", "skimage"),
        _optional("photostyle demo", "demo"),
        required=False,
    )


def _version(name: str, module: str) -> str:
    from importlib import metadata

    loaded = import_module(module)
    # OpenCV comes as one of several distributions, so its module is asked first.
    return str(getattr(loaded, "__version__", None) or metadata.version(name))


def _devices() -> Iterator[Check]:
    yield _check("devices", "cpu", _cpu, "pip install --force-reinstall numba")
    yield _check(
        "devices",
        "cuda",
        _cuda,
        "with an NVIDIA GPU: install its driver and a CUDA build of PyTorch",
        required=False,
    )
    if sys.platform == "darwin":
        yield _check("devices", "mps", _mps, "needs macOS 14 on Apple silicon", required=False)


def _cpu() -> str:
    from photostyle.compiled import cpu_threads

    return f"{cpu_threads()} threads"


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise DeviceError("PyTorch sees no CUDA device")
    devices = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return ", ".join(f"{each.name} {each.total_memory / 2**30:.0f} GiB" for each in devices)


def _mps() -> str:
    import torch

    if not torch.backends.mps.is_available():
        raise DeviceError("PyTorch sees no Metal device")
    return "Metal"


def _backends() -> Iterator[Check]:
    yield _check("backends", "torch", _torch_computes, "pip install --force-reinstall torch")
    yield _check(
        "backends",
        "numba",
        _numba_compiles,
        "set NUMBA_CACHE_DIR to a folder that can be written to",
    )


def _torch_computes() -> str:
    import torch

    from photostyle.device import resolve_device

    device = resolve_device("auto")
    pixels = torch.ones(1, 3, 8, 8, device=device)
    kernel = torch.ones(1, 3, 3, 3, device=device)
    if float(torch.nn.functional.conv2d(pixels, kernel)[0, 0, 0, 0]) != 27:
        raise ArithmeticError(f"a convolution on {device} gives a wrong result")
    return f"convolves on {device}"


def _numba_compiles() -> str:
    from photostyle.compiled import compiled

    doubled: Any = compiled(_double)
    if doubled(21) != 42:
        raise ArithmeticError("a compiled function gives a wrong result")
    folder = Path(doubled.stats.cache_path)
    with tempfile.TemporaryFile(dir=folder):
        return f"compiles, caches in {folder}"


def _double(number: int) -> int:
    return 2 * number


def _codecs() -> Iterator[Check]:
    for format_ in FORMATS.values():
        depths: tuple[Literal[8, 16], ...] = (8, 16) if format_.deep else (8,)
        yield _check(
            "codecs",
            format_.name,
            partial(_round_trip, format_.suffixes[0], depths),
            "pip install --force-reinstall pillow opencv-python",
        )

    for extra, format_ in EXTRA_FORMATS.items():
        yield _check(
            "codecs",
            format_.name,
            partial(_round_trip, format_.suffixes[0], (8,)),
            _optional(f"{format_.suffixes[0]} photos", extra),
            required=False,
        )
    yield _check(
        "codecs",
        "RAW",
        partial(_version, "rawpy", "rawpy"),
        _optional("cameras' raw data", "raw"),
        required=False,
    )
    yield _check(
        "codecs",
        "rare TIFF",
        lambda: ", ".join(f"{name} {_version(name, name)}" for name in ("imagecodecs", "tifffile")),
        _optional("TIFF files of rare kinds", "tiff"),
        required=False,
    )


def _optional(purpose: str, extra: str) -> str:
    return f'only for {purpose}: pip install "photostyle[{extra}]"'


def _round_trip(suffix: str, depths: tuple[Literal[8, 16], ...]) -> str:
    """Write a smooth picture and read it again, as every photo is."""
    import numpy as np

    from photostyle.image import Photo, read_photo, write_photo

    y, x = np.mgrid[0:1:48j, 0:1:64j].astype(np.float32)
    pixels = np.stack([y, x, 1 - x], -1)
    with tempfile.TemporaryDirectory() as folder:
        for depth in depths:
            path = Path(folder) / f"{depth}{suffix}"
            write_photo(Photo(pixels, bit_depth=depth), path)
            back = read_photo(path)
            largest = float(np.abs(back.floats() - pixels).max())
            # Lossy formats have only 8 bits.
            limit = LARGEST_ERRORS.get(back.format, 0.06) if depth == 8 else 1e-4
            if back.bit_depth != depth or largest > limit:
                raise PhotoError(f"{depth}-bit pixels come back off by {largest:.4f}")
    return f"{' and '.join(map(str, depths))} bits, written and read"


def _models() -> Iterator[Check]:
    from photostyle.registry import local_weights, read_entries

    listed = _check("models", "models.toml", lambda: f"{len(read_entries())} listed", REINSTALL)
    yield listed
    if listed.state == "ok":
        for entry in read_entries().values():
            # What was never downloaded is not missing; `photostyle models list` tells of it.
            if entry.bundled:
                yield _check("models", entry.name, partial(_verify, entry), REINSTALL)
            elif local_weights(entry):
                again = f"photostyle models verify {entry.name}"
                yield _check("models", entry.name, partial(_verify, entry), again, required=False)


def _verify(entry: "Entry") -> str:
    from photostyle.registry import verified_weights

    return f"{len(verified_weights(entry)) / 2**20:.1f} MiB, the bytes that are listed"


def _folders() -> Iterator[Check]:
    for name, remedy in (
        ("temporary", "set TMPDIR to another folder"),
        ("current", "go elsewhere"),
    ):
        folder = Path(tempfile.gettempdir()) if name == "temporary" else Path.cwd()
        yield _check("folders", name, partial(_room, folder), remedy, required=False)


def _room(folder: Path) -> str:
    with tempfile.TemporaryFile(dir=folder):
        free = shutil.disk_usage(folder).free / 2**30
    if free < 1:
        raise PhotoError(f"{folder} has {free:.1f} GiB free, large photos need more")
    return f"{folder}, {free:.0f} GiB free"


def _print_table(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"photostyle {__version__}", title_justify="left")
    for heading in ("", "what", "state", "found"):
        table.add_column(heading, overflow="fold")
    part = ""
    for check in checks:
        heading = ""
        if check.part != part:
            heading = part = check.part
            table.add_section()
        state = Text(check.state, STYLES[check.state])
        table.add_row(heading, check.name, state, Text(check.detail))
    console = Console(highlight=False)
    console.print(table)
    for check in checks:
        if check.state != "ok":
            line = Text(f"{check.state}: {check.name}. {check.remedy}", STYLES[check.state])
            console.print(line, soft_wrap=True)
