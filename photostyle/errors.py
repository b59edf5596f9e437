"""The errors photostyle raises on purpose, each with the exit code the command line gives it."""

from __future__ import annotations

from typing import ClassVar


class PhotostyleError(Exception):
    """Something went wrong that the user can understand and act on.

    The message is one line: what is wrong, with which file, and what to do.
    """

    exit_code: ClassVar[int] = 1


class PhotoError(PhotostyleError):
    """A photo cannot be read, or a result cannot be written."""


class UsageError(PhotostyleError):
    """The request itself makes no sense: a bad value, or options that exclude each other."""

    exit_code = 2


class ModelError(PhotostyleError):
    """A model's weights are missing, cannot be fetched, or are not the ones listed."""

    exit_code = 3


class DeviceError(PhotostyleError):
    """The requested device does not exist, or ran out of memory."""

    exit_code = 4


class TrainingError(PhotostyleError):
    """Training cannot go on."""
