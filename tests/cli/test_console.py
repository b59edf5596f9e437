from __future__ import annotations

import sys

import pytest

from photostyle.cli.console import Console, console_of, one_line
from photostyle.errors import UsageError
from photostyle.progress import Progress


def test_one_line_spells_out_what_would_move_the_cursor():
    assert one_line("a\n b\tc") == "a b c"
    assert one_line("\x1b[31mred\x07.jpg") == r"\x1b[31mred\x07.jpg"
    assert one_line("caf\udce9.jpg") == r"caf\udce9.jpg"
    assert one_line("Zürich 東京.jpg") == "Zürich 東京.jpg"


def test_results_go_to_stdout_and_everything_else_to_stderr(capsys):
    console = Console()
    console.configure(quiet=False, verbose=True, as_json=False)
    console.emit("result.jpg")
    console.detail("device cpu")
    console.info("done")
    console.warning("no profile")
    console.error("broken")
    out, err = capsys.readouterr()
    assert out == "result.jpg\n"
    assert err == "device cpu\ndone\nwarning: no profile\nerror: broken\n"


def test_quiet_leaves_errors(capsys):
    console = Console()
    console.configure(quiet=True, verbose=False, as_json=False)
    console.detail("device cpu")
    console.info("done")
    console.warning("no profile")
    console.error("broken")
    assert capsys.readouterr().err == "error: broken\n"


def test_details_are_for_verbose_only(capsys):
    Console().detail("device cpu")
    assert capsys.readouterr().err == ""


def test_the_debug_variable_is_verbose(monkeypatch):
    for value, verbose in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("PHOTOSTYLE_DEBUG", value)
        assert Console().verbose is verbose


def test_quiet_and_verbose_exclude_each_other():
    with pytest.raises(UsageError, match="exclude each other"):
        Console().configure(quiet=True, verbose=True, as_json=False)


def test_long_lines_and_brackets_are_printed_as_they_are(capsys):
    text = "a[bold]" * 40
    Console().error(text)
    assert capsys.readouterr().err == f"error: {text}\n"


def test_a_failure_with_json_completes_the_record(capsys):
    console = Console()
    console.configure(quiet=False, verbose=False, as_json=True)
    console.record = {"input": "a.jpg", "status": None, "error": None}
    console.fail("a.jpg: broken")
    out, err = capsys.readouterr()
    assert out == '{"input": "a.jpg", "status": "failed", "error": "a.jpg: broken"}\n'
    assert err == "error: a.jpg: broken\n"


def test_progress_is_a_bar_on_a_terminal_and_nothing_elsewhere(capsys, monkeypatch):
    def fit():
        console = Console()
        with console.progress() as report:
            report(Progress("fit", 1, 4))
            report(Progress("apply", 0, 2))
        return capsys.readouterr().err

    assert fit() == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = fit()
    assert "apply" in shown
    assert "0%" in shown


def test_no_color_is_respected(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    Console().error("broken")
    assert "\x1b[31m" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    Console().error("broken")
    assert "\x1b[31m" not in capsys.readouterr().err


def test_a_command_outside_run_has_no_console():
    class Context:
        obj = None

    with pytest.raises(TypeError, match="run"):
        console_of(Context())
