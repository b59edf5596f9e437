"""The `photostyle` command: its subcommands, and the one place where errors become text."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle import __version__
from photostyle.allocator import keep_freed_memory
from photostyle.cli import models
from photostyle.cli.compare import compare
from photostyle.cli.compare_methods import compare_methods
from photostyle.cli.console import Console
from photostyle.cli.demo import demo
from photostyle.cli.doctor import doctor
from photostyle.cli.failures import explain
from photostyle.cli.filter import filter_photos
from photostyle.cli.settings import read_settings
from photostyle.cli.train import train
from photostyle.cli.transfer import transfer
from photostyle.errors import PhotostyleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""

TERMINATED = 143
"""Exit code after SIGTERM: 128 + SIGTERM."""

app = typer.Typer(
    name="photostyle",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(transfer)
app.command()(train)
app.command("filter")(filter_photos)
app.command()(compare)
app.command()(compare_methods)
app.command()(demo)
app.command()(doctor)
app.add_typer(models.app, name="models")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"photostyle {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _photostyle(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """Give a photo another look, and keep it a photo.

    Options can also be set in photostyle.toml, here or in your configuration folder, in a table
    with the command's name; or in the environment, as in PHOTOSTYLE_FILTER_QUALITY=90.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        command = context.invoked_subcommand
        context.default_map = {command: read_settings(context, command)}
        keep_freed_memory()


class _Terminated(BaseException):
    """SIGTERM arrived. Raised so that open files are cleaned up on the way out."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `photostyle`; those of this process when None.

    Returns:
        The exit code: 0 done, 1 a photo failed, 2 usage, 3 model, 4 device, 130 interrupted.
    """
    console = Console()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # paths leave with the bytes they have
    try:
        with _terminable():
            # Outside its standalone mode typer hands exceptions through, and returns exit codes.
            code: int | None = typer.main.get_command(app).main(
                arguments, prog_name="photostyle", obj=console, standalone_mode=False
            )
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone, as in `photostyle ... | head`; say nothing more to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except _Terminated:
        console.fail("terminated", status="interrupted")
        return TERMINATED
    except Exception as error:  # noqa: BLE001 - the boundary: nothing may end in a traceback
        if console.verbose and not isinstance(error, PhotostyleError | typer.TyperException):
            traceback.print_exc()
        message, code = explain(error)
        console.fail(message)
        return code
    if code == INTERRUPTED:
        console.fail("interrupted", status="interrupted")
    return code or 0


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does: temporary files are removed on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
