"""How freed memory is dealt with: the one place that knows the C library."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt, from malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8

_LARGEST = 2**30


def keep_freed_memory() -> bool:
    """Keep freed memory for what is needed next instead of giving it back to the system.

    A photo's tiles need the same large arrays again and again. glibc maps them anew each time, and
    the system fills each page with zeros at its first use: a sixth of the time that deblurring
    takes. From one heap for all threads, they need less memory, too.

    Returns:
        Whether it could be done; elsewhere than on Linux with glibc, it cannot.
    """
    if sys.platform != "linux":
        return False
    try:
        set_parameter = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    wanted = {_ARENA_MAX: 1, _MMAP_THRESHOLD: _LARGEST, _TRIM_THRESHOLD: _LARGEST}
    done = [set_parameter(*each) for each in wanted.items()]
    return all(done)
