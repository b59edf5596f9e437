"""`photostyle models`: what there is, where it is, and whether it is what it should be."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photostyle.cli import options
from photostyle.cli.console import Console, console_of, one_line
from photostyle.errors import ModelError, PhotostyleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photostyle.registry import Entry

app = typer.Typer(help="List, describe, download and verify the models filters are made of.")

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A model's name, or the path of a .safetensors file made by photostyle train.",
        show_default=False,
    ),
]


@app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_models(
    context: typer.Context,
    models: options.ModelsOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """List every model: what it is for, its size and licence, and where it is.

    The network is not used.
    """
    console = _start(context, quiet=quiet, verbose=verbose, as_json=as_json)
    from photostyle.registry import read_entries

    entries = list(read_entries(models).values())
    if as_json:
        console.emit({"models": [_record(entry) for entry in entries], "status": "done"})
    else:
        _print_table(entries)


@app.command()
def info(
    context: typer.Context,
    name: NameArgument,
    models: options.ModelsOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Tell everything about one model.

    The network is not used.
    """
    console = _start(context, quiet=quiet, verbose=verbose, as_json=as_json)
    from photostyle.registry import find_entry

    record = _record(find_entry(name, models=models))
    if as_json:
        console.emit(record | {"status": "done"})
        return
    width = max(map(len, record)) + 2
    for key, value in record.items():
        if value is not None:
            console.emit(f"{key:{width}}{_in_words(key, value)}")


@app.command()
def download(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Models to fetch.", show_default=False)
    ],
    models: options.ModelsOption = None,
    offline: options.OfflineOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Download models from the Hugging Face hub, and check what came.

    Models that are there already are checked only. The paths of the files are printed.
    HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE work as everywhere.
    """
    console = _start(context, quiet=quiet, verbose=verbose, as_json=as_json)
    from photostyle.registry import check_weights, find_entry, local_weights, weights_file

    def fetch(entry: "Entry") -> Path:
        if path := local_weights(entry):
            console.detail(f"{entry.name}: is there already")
            check_weights(entry, path)
            return path
        with console.progress() as report:
            return weights_file(entry, offline=offline, progress=report)

    # A name that does not exist is found before hours of downloading, not after.
    entries = [find_entry(name, models=models) for name in dict.fromkeys(names)]
    failures = 0
    records: list[dict[str, object]] = []
    for entry in entries:
        path, error = _attempt(fetch, entry)
        records.append(_outcome(entry, path, error))
        if error is not None:
            failures += 1
            console.error(error)
        elif not as_json:
            console.emit(str(path))
    _finish(console, records, failures)


@app.command()
def verify(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]", help="Models to check; all that are here when none is named."
        ),
    ] = None,
    models: options.ModelsOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = False,
) -> None:
    """Check that the files of models are the listed ones, to the byte.

    The network is not used, and no file is changed. The exit code is 3 if any is not.
    """
    console = _start(context, quiet=quiet, verbose=verbose, as_json=as_json)
    from photostyle.registry import check_weights, find_entry, local_weights, read_entries

    def check(entry: "Entry") -> Path:
        path = local_weights(entry)
        if path is None:
            raise ModelError(
                f"model '{entry.name}' is not downloaded: run photostyle models download "
                f"{entry.name}"
            )
        check_weights(entry, path)
        return path

    if names:
        entries = [find_entry(name, models=models) for name in dict.fromkeys(names)]
    else:
        entries = [entry for entry in read_entries(models).values() if local_weights(entry)]
    failures = 0
    records: list[dict[str, object]] = []
    for entry in entries:
        path, error = _attempt(check, entry)
        records.append(_outcome(entry, path, error))
        if error is not None:
            failures += 1
            console.error(error)
        elif not as_json:
            # What has no digest has nothing to differ from.
            console.emit(f"{entry.name}: {'OK' if entry.sha256 else 'no sha256 is listed'}")
    _finish(console, records, failures)


def _start(context: typer.Context, *, quiet: bool, verbose: bool, as_json: bool) -> Console:
    console = console_of(context)
    console.configure(quiet=quiet, verbose=verbose, as_json=as_json)
    return console


def _attempt(action: "Callable[[Entry], Path]", entry: "Entry") -> tuple[Path | None, str | None]:
    """Do something with a model; give the path of its file, or why there is none."""
    try:
        return action(entry), None
    except PhotostyleError as error:
        return None, str(error)


def _outcome(entry: "Entry", path: Path | None, error: str | None) -> dict[str, object]:
    return {
        "name": entry.name,
        "path": None if path is None else str(path),
        "status": "done" if error is None else "failed",
        "error": None if error is None else one_line(error),
    }


def _finish(console: Console, records: list[dict[str, object]], failures: int) -> None:
    if console.json:
        console.emit({"models": records, "status": "failed" if failures else "done"})
    if failures:
        raise typer.Exit(ModelError.exit_code)


def _place(entry: "Entry") -> str:
    """Where a model is, in two words at most."""
    from photostyle.registry import local_weights

    if entry.origin != "hub":
        return entry.origin
    return "cached" if local_weights(entry) else "not downloaded"


def _record(entry: "Entry") -> dict[str, object]:
    """Everything about a model, ready for JSON."""
    from photostyle.registry import local_weights

    record: dict[str, object] = {field.name: getattr(entry, field.name) for field in fields(entry)}
    del record["bundled"]
    if entry.repo_id is None:
        del record["repo_type"]
    path = local_weights(entry)
    return record | {
        "params": dict(entry.params),
        "where": _place(entry),
        "path": None if path is None else str(path),
    }


def _in_words(key: str, value: object) -> str:
    if key == "size" and isinstance(value, int):
        return f"{_megabytes(value)} ({value} bytes)"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {what}" for name, what in value.items()) or "none"
    return one_line(str(value))


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f} MB"


def _print_table(entries: "Sequence[Entry]") -> None:
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "kind", "size", "licence", "where"):
        table.add_column(
            heading, justify="right" if heading == "size" else "left", no_wrap=heading == "name"
        )
    for entry in entries:
        row = (entry.name, entry.kind, _megabytes(entry.size), entry.license, _place(entry))
        table.add_row(*map(Text, row))
    RichConsole(highlight=False).print(table)
