from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import photostyle
from photostyle.registry import read_entries

ROOT = Path(__file__).resolve().parents[1]

HEAVY = {"torch", "numpy", "cv2", "numba", "PIL", "scipy", "tifffile", "huggingface_hub"}

LAYOUT = {
    "photostyle", "tests", "models.toml", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE",
}  # fmt: skip


def modules_loaded_by(*arguments: str) -> set[str]:
    """The top-level modules in a process that ran the command line with these arguments."""
    code = (
        "import sys; from photostyle.cli.app import run; code = run(sys.argv[1:]);"
        "print({name.split('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"'(\w+)'", done.stderr))


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], [], ["transfer", "--help"], ["doctor", "--help"]]
)
def test_asking_for_help_loads_nothing_heavy(arguments):
    assert not modules_loaded_by(*arguments) & HEAVY


def test_the_public_names_all_load():
    assert {name for name in photostyle.__all__ if getattr(photostyle, name, None) is None} == set()


def test_transfer_is_the_function_whatever_was_imported_before():
    code = (
        "from photostyle.transfers import TransferResult, transfer; import photostyle;"
        "print(callable(transfer), callable(photostyle.transfer))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'tranfser'"):
        photostyle.tranfser  # noqa: B018


@pytest.mark.parametrize(("given", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_the_command_wait_without_spinning(given, policy):
    """Unless users want otherwise; it must be known before torch is loaded."""
    code = (
        "import os, sys; from photostyle.__main__ import main; sys.argv[1:] = ['--version']\n"
        "try: main()\nexcept SystemExit: print(os.environ['OMP_WAIT_POLICY'])"
    )
    others = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    env = others | ({} if given is None else {"OMP_WAIT_POLICY": given})
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.split() == ["photostyle", photostyle.__version__, policy]


def test_python_m_photostyle_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "photostyle", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        0, f"photostyle {photostyle.__version__}\n", "",
    )  # fmt: skip


def test_the_newest_entry_of_the_changelog_is_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", text, flags=re.MULTILINE)
    assert versions[0] == photostyle.__version__


def test_models_toml_is_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert "encoder" in read_entries()


def test_models_toml_is_packed_where_it_is_looked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert packed == {"models.toml": "photostyle/models.toml"}


def test_the_repository_holds_the_agreed_names_only():
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    visible = {line.split("/")[0] for line in listing.stdout.splitlines() if line[0] != "."}
    assert visible == LAYOUT
