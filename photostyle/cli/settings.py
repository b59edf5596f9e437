"""Values of options from files and from the environment.

A value given on the command line comes before one from the environment
(`PHOTOSTYLE_FILTER_QUALITY=90`), that before one of `photostyle.toml` in the current folder, and
that before one of `photostyle.toml` in the user's configuration folder. In the files, every command
has a table, whose keys are its options' long names:

    [filter]
    quality = 90
    out-dir = "corrected"
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import typer

from photostyle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROJECT_FILE = Path("photostyle.toml")

COMMANDS = ("transfer", "filter", "train", "compare", "compare-methods", "demo")
"""Those that take settings."""

_MODELS = "models"  # the section of the project's file that is a list of models


def user_file() -> Path:
    """Where a user's own settings are looked for."""
    return platformdirs.user_config_path("photostyle") / "photostyle.toml"


def read_settings(context: typer.Context, command: str) -> dict[str, Any]:
    """The values of a command's options that files and the environment hold.

    Args:
        context: That of the program.
        command: Name of the command.

    Returns:
        Values by the names of parameters, as `default_map` takes them; empty for commands that
        take no settings.

    Raises:
        UsageError: A file cannot be read, or it or a variable of the environment holds something
            that is no value of an option.
    """
    if command not in COMMANDS:
        return {}
    options = _Options(context, command)
    values: dict[str, Any] = {}
    for path, known in ((user_file(), COMMANDS), (PROJECT_FILE, (*COMMANDS, _MODELS))):
        for key, value in _table(path, command, known).items():
            values |= options.from_file(path, key, value)
    for key in options.names:
        variable = f"PHOTOSTYLE_{command}_{key}".upper().replace("-", "_")
        if text := os.environ.get(variable):
            values |= options.converted(key, text, variable)
    return values


def from_settings(context: typer.Context, parameter: str) -> bool:
    """Whether a parameter of a command has its value from a file or the environment."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "DEFAULT_MAP"


def _table(path: Path, command: str, known: Iterable[str]) -> Mapping[str, Any]:
    """The table of a command in a file."""
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read the settings {path}: {error}") from error
    for name in tables:
        if name == _MODELS and name not in known:
            raise UsageError(f"{path}: unknown 'models': they go into models.toml beside it")
        if name not in known:
            raise UsageError(f"{path}: unknown '{name}'{_guess(name, known)}")
    table = tables.get(command, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: '{command}' must be a table, [{command}]")
    return table


def _guess(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean '{close[0]}'?" if close else f"; there are {', '.join(known)}"


class _Options:
    """The options of a command by their long names."""

    def __init__(self, context: typer.Context, command: str) -> None:
        group = context.command
        found = group.get_command(context, command)  # type: ignore[attr-defined]
        self._context = context
        self._command = command
        self._options = {
            option.opts[0].removeprefix("--"): option
            for option in found.params
            if option.param_type_name == "option" and option.name != "help"
        }

    @property
    def names(self) -> Iterable[str]:
        return self._options

    def from_file(self, path: Path, key: str, value: object) -> dict[str, Any]:
        place = f"{path}: {key} in [{self._command}]"
        if key not in self._options:
            raise UsageError(
                f"{path}: unknown '{key}' in [{self._command}]{_guess(key, self._options)}"
            )
        if not isinstance(value, bool | int | float | str):
            raise UsageError(f"{place} must be a single value")
        converted = self.converted(key, str(value), place)
        (result,) = converted.values()
        kinds: tuple[type, ...] = (bool, int | float, str | Path)  # type: ignore[assignment]
        if next(k for k in kinds if isinstance(value, k)) is not next(
            k for k in kinds if isinstance(result, k)
        ):
            raise UsageError(f"{place} cannot be {value!r}")
        return converted

    def converted(self, key: str, text: str, place: str) -> dict[str, Any]:
        option = self._options[key]
        try:
            value = option.process_value(self._context, text)
        except typer.BadParameter as error:
            raise UsageError(f"{place}: {error.message}") from error
        return {option.name: value.expanduser() if isinstance(value, Path) else value}
