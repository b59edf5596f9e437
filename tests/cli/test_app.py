from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest
import typer

from photostyle import __version__
from photostyle.cli import app as app_module
from photostyle.errors import ModelError


@pytest.fixture
def command(monkeypatch):
    """`command(function)` puts a subcommand `try` beside the real ones, for this test."""
    registered = list(app_module.app.registered_commands)
    monkeypatch.setattr(app_module.app, "registered_commands", registered)
    return app_module.app.command("try")


def raising(error):
    def body() -> None:
        raise error

    return body


def test_version(cli):
    outcome = cli("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"photostyle {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_names_the_commands(cli, arguments):
    outcome = cli(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert all(
        name in outcome.out for name in ("transfer", "compare", "demo", "doctor", "--version")
    )


def commands(group, path=()):
    """Every command of a group with its path, groups of commands too."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


def test_help_leaves_out_nothing_that_looks_like_markup(cli):
    for path, command in commands(typer.main.get_command(app_module.app)):
        shown = cli(*path, "--help").out
        texts = [command.help, *(getattr(option, "help", None) for option in command.params)]
        for word in " ".join(text for text in texts if text).replace("\\[", "[").split():
            assert word in shown, path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frob"], "No such command 'frob'"),
        (["--frob"], "No such option: --frob"),
        (["transfer"], "Missing argument 'CONTENT'"),
        (["transfer", "a.jpg"], "Missing argument 'STYLE'"),
        (["transfer", "a.jpg", "b.jpg", "c.jpg"], "3 photos: give two, CONTENT and STYLE"),
        (["transfer", "a.jpg", "b.jpg", "--size", "big"], "'--size'"),
        (["transfer", "a.jpg", "b.jpg", "--quality", "0"], "'--quality'"),
        (["transfer", "a.jpg", "b.jpg", "--quality", "101"], "'--quality'"),
        (["transfer", "a.jpg", "b.jpg", "--max-pixels", "0"], "'--max-pixels'"),
    ],
)
def test_usage_errors_are_one_line(cli, arguments, words):
    assert cli(*arguments).failed(2, words, "--help")


def test_an_error_of_the_library_is_its_message_and_code(cli, command):
    command(raising(ModelError("vgg19: the hash differs;\nrun models verify")))
    outcome = cli("try")
    assert outcome.failed(3)
    assert outcome.err == "error: vgg19: the hash differs; run models verify\n"


def test_a_full_disk_is_one_line(cli, command):
    command(raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.jpg")))
    assert cli("try").failed(1, "out.jpg: No space left on device")


def test_an_unexpected_exception_is_one_line_and_tells_how_to_see_more(cli, command):
    command(raising(ValueError("bad\nnews")))
    assert cli("try").failed(1, "internal error: ValueError: bad news", "PHOTOSTYLE_DEBUG=1")


def test_the_debug_variable_shows_the_traceback(cli, command, monkeypatch):
    command(raising(ValueError("bad news")))
    monkeypatch.setenv("PHOTOSTYLE_DEBUG", "1")
    # `cli` clears the variable for the run of the test; set afterwards, it holds.
    outcome = cli("try")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("error: internal error: ValueError: bad news")


def test_ctrl_c_is_130(cli, command):
    command(raising(KeyboardInterrupt()))
    outcome = cli("try")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "error: interrupted\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
def test_sigterm_cleans_up_and_is_143(cli, command, tmp_path):
    leftover = tmp_path / "temporary"

    def body() -> None:
        leftover.touch()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            leftover.unlink()

    command(body)
    before = signal.getsignal(signal.SIGTERM)
    outcome = cli("try")
    assert (outcome.code, outcome.err) == (143, "error: terminated\n")
    assert not leftover.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_exit_codes_of_commands_pass_through(cli, command):
    command(raising(typer.Exit(1)))
    outcome = cli("try")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "")


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_has_gone_is_no_error_message():
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "photostyle", "--help"], stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (process.returncode, process.stderr) == (1, b"")


def test_shell_completion_knows_the_commands():
    environment = {
        **os.environ,
        "_PHOTOSTYLE_COMPLETE": "complete_bash",
        "COMP_WORDS": "photostyle do",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "photostyle"], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["doctor"]
