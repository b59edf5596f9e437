"""From an exception to the one line a user reads, and the exit code."""

from __future__ import annotations

import os

import typer

from photostyle.errors import DeviceError, PhotostyleError

OPENCV_ADVICE = (
    "install the system libraries OpenCV needs (Debian, Ubuntu: apt install libgl1 libglib2.0-0), "
    "or the build without windows: pip uninstall opencv-python && "
    "pip install opencv-python-headless"
)


def explain(error: Exception) -> tuple[str, int]:
    """What went wrong and what to do about it, in a line, and the exit code that goes with it."""
    if isinstance(error, PhotostyleError):
        return str(error), error.exit_code
    if isinstance(error, typer.TyperException):
        return f"{error.format_message()} (see --help)", error.exit_code
    if is_out_of_memory(error):
        advice = "try a smaller --size, another --device, or close other programs"
        return f"out of memory: {advice}", DeviceError.exit_code
    if lacks_system_library(error):
        return f"OpenCV cannot be loaded ({error}): {OPENCV_ADVICE}", 1
    if isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{place}{error.strerror}", 1
    advice = "run with -v or PHOTOSTYLE_DEBUG=1 for the traceback"
    return f"internal error: {type(error).__name__}: {error} ({advice})", 1


def is_out_of_memory(error: Exception) -> bool:
    """Whether a computation, on whatever device, found no memory."""
    # PyTorch raises its own error for CUDA and a plain RuntimeError for CPU and MPS; telling them
    # by their words needs no import of PyTorch here.
    told = ("out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in told)
    )


def lacks_system_library(error: Exception) -> bool:
    """Whether OpenCV's desktop build misses its shared libraries, as on servers without X."""
    libraries = ("libGL.so", "libgthread-2.0.so", "libglib-2.0.so")
    return isinstance(error, ImportError) and any(name in str(error) for name in libraries)
