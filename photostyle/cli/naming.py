"""Where a result goes: its name, and every reason not to write there, found before any work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from photostyle.batch import fill
from photostyle.batch.plan import is_write_protected
from photostyle.errors import PhotoError, UsageError
from photostyle.image import format_of
from photostyle.image.atomic import folder_problem
from photostyle.image.formats import result_suffix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TEMPLATE = "{stem}_{op}{ext}"
"""The file name of a result unless `--name` says otherwise."""


def output_path(
    content: Path,
    *,
    op: str,
    style: Path,
    output: Path | None = None,
    out_dir: Path | None = None,
    template: str = TEMPLATE,
    extension: str | None = None,
) -> Path:
    """The file a result is written to.

    Args:
        content: The photo that is changed; its folder and suffix are the result's.
        op: What is done to it, a word for the template.
        style: The photo whose look is taken, a word for the template.
        output: The result's path as the user gave it, instead of all that follows.
        out_dir: A folder other than the photo's.
        template: A file name with the fields `{stem}`, `{op}`, `{style}` and `{ext}` (with dot).
        extension: Another file format, with or without dot.

    Raises:
        UsageError: The template has other fields or leaves the folder, or options exclude
            each other.
    """
    if output is not None:
        check_alone(out_dir, template, extension)
        return output
    suffix = (
        result_suffix(content) if extension is None else "." + extension.lower().removeprefix(".")
    )
    fields = {"stem": content.stem, "op": op, "style": style.stem, "ext": suffix}
    folder = content.parent if out_dir is None else out_dir
    return folder / fill(template, fields)


def check_alone(out_dir: Path | None, template: str, extension: str | None) -> None:
    """See that the options by which a result's name is made are not used along with `--output`.

    Args:
        out_dir: Value of `--out-dir`.
        template: Value of `--name`.
        extension: Value of `--format`.

    Raises:
        UsageError: One of them is.
    """
    if out_dir is not None or template != TEMPLATE or extension is not None:
        raise UsageError("--output names the file: drop --out-dir, --name and --format")


def check_inputs(paths: Sequence[Path]) -> None:
    """See that every input is a file that may be read.

    Raises:
        PhotoError: One is not.
    """
    for path in paths:
        if not path.exists():
            raise PhotoError(f"cannot read '{path}': there is no such file")
        if not path.is_file():
            raise PhotoError(f"cannot read '{path}': it is not a file")
        if not os.access(path, os.R_OK):
            raise PhotoError(f"cannot read '{path}': permission denied")


def check_output(path: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """See that a result can be written, and that nothing is lost by writing it.

    Args:
        path: Where the result goes.
        inputs: Existing files that must not be replaced, whatever name they go by.
        overwrite: Another existing file may be replaced.

    Raises:
        UsageError: The suffix is none of a format that can be written.
        PhotoError: The file exists, is write-protected or an input, or its folder does not exist or
            cannot be written to.
    """
    format_of(path)
    check_place(path, inputs, overwrite=overwrite)


def check_place(path: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """See that a file can be written, and that nothing is lost by writing it.

    Args:
        path: Where the file goes.
        inputs: Existing files that must not be replaced, whatever name they go by.
        overwrite: Another existing file may be replaced.

    Raises:
        PhotoError: The file exists, is write-protected or an input, or its folder does not exist or
            cannot be written to.
    """
    if path.is_dir():
        raise PhotoError(f"cannot write '{path}': it is a folder; name a file, or use --out-dir")
    if any(path.exists() and path.samefile(other) for other in inputs):
        raise PhotoError(f"cannot write '{path}': it is an input; choose another name")
    if os.path.lexists(path) and not overwrite:
        raise PhotoError(f"cannot write '{path}': it exists already; use --overwrite to replace it")
    if is_write_protected(path):
        raise PhotoError(f"cannot write '{path}': it is there and write-protected")
    if not path.parent.is_dir():
        raise PhotoError(f"cannot write '{path}': there is no folder '{path.parent}'")
    if problem := folder_problem(path.parent):
        raise PhotoError(f"cannot write '{path}': {problem}")
