from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from photostyle.cli import doctor
from photostyle.errors import ModelError


def state(outcome, name):
    (check,) = [check for check in outcome.json["checks"] if check["name"] == name]
    return check["state"], check["remedy"]


def test_a_working_installation_passes(cli):
    outcome = cli("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    for word in ("torch", "threads", "numba", "JPEG", "8 and 16 bits", "models.toml", "GiB free"):
        assert word in outcome.out


def test_json_is_one_object(cli):
    report = cli("doctor", "--json").json
    assert report["status"] == "done"
    assert {check["part"] for check in report["checks"]} == {
        "versions", "devices", "backends", "codecs", "models", "folders",
    }  # fmt: skip
    assert all(check["state"] == "ok" or check["remedy"] for check in report["checks"])


def test_something_required_that_is_missing_fails_and_has_a_remedy(cli, monkeypatch):
    def cannot_cache(_function):
        raise RuntimeError("cannot cache function '_double': no locator available")

    monkeypatch.setattr("photostyle.compiled.compiled", cannot_cache)
    outcome = cli("doctor")
    assert outcome.code == 1
    assert "missing: numba. set NUMBA_CACHE_DIR to a folder" in outcome.out
    outcome = cli("doctor", "--json")
    assert (outcome.code, outcome.json["status"]) == (1, "failed")


def test_something_optional_that_is_absent_does_not_fail(cli, monkeypatch):
    def without_skimage(name):
        if name == "skimage":
            raise ModuleNotFoundError("No module named 'skimage'")
        return import_module(name)

    monkeypatch.setattr(doctor, "import_module", without_skimage)
    outcome = cli("doctor", "--json")
    assert outcome.code == 0
    assert state(outcome, "scikit-image") == (
        "absent", 'only for photostyle demo: pip install "photostyle[demo]"',
    )  # fmt: skip


def test_opencv_without_system_libraries_has_its_own_remedy(cli, monkeypatch):
    def bare_server(name):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file")
        return import_module(name)

    monkeypatch.setattr(doctor, "import_module", bare_server)
    found, remedy = state(cli("doctor", "--json"), "opencv-python")
    assert found == "missing"
    assert "apt install libgl1 libglib2.0-0" in remedy
    assert "opencv-python-headless" in remedy


def test_weights_that_differ_are_found(cli, monkeypatch):
    def differs(_entry):
        raise ModelError("encoder.safetensors has another sha256")

    monkeypatch.setattr("photostyle.registry.read_entries", lambda: {"encoder": Encoder})
    monkeypatch.setattr("photostyle.registry.verified_weights", differs)
    outcome = cli("doctor", "--json")
    assert outcome.code == 1
    assert state(outcome, "encoder") == ("missing", doctor.REINSTALL)


class Encoder:
    name = "encoder"
    bundled = True


def test_a_codec_that_changes_pixels_is_found(cli, monkeypatch):
    from photostyle import image

    read_photo = image.read_photo

    def darker(path):
        photo = read_photo(path)
        return photo.with_pixels(photo.pixels * np.float32(0.9))

    monkeypatch.setattr(image, "read_photo", darker, raising=False)
    outcome = cli("doctor", "--json")
    assert outcome.code == 1
    assert {state(outcome, name)[0] for name in ("JPEG", "PNG", "TIFF", "WEBP")} == {"missing"}


@pytest.mark.parametrize("free", [2**29, 2**40])
def test_a_disk_that_is_nearly_full_is_told(cli, monkeypatch, free):
    class Usage:
        def __init__(self, _folder):
            self.free = free

    monkeypatch.setattr("shutil.disk_usage", Usage)
    outcome = cli("doctor", "--json")
    assert outcome.code == 0
    assert state(outcome, "temporary")[0] == ("absent" if free < 2**30 else "ok")


def test_formats_of_extras_are_optional(cli, monkeypatch):
    def without_extras(name, *_):
        if name in ("pillow_heif", "pillow_jxl", "rawpy", "imagecodecs"):
            raise ImportError(f"No module named '{name}'")
        return import_module(name)

    monkeypatch.setattr(doctor, "import_module", without_extras)
    monkeypatch.setattr("photostyle.image.optional.import_module", without_extras)
    outcome = cli("doctor", "--json")
    assert outcome.code == 0
    for name, extra in (("HEIF", "heif"), ("JXL", "jxl"), ("RAW", "raw"), ("rare TIFF", "tiff")):
        found, remedy = state(outcome, name)
        assert found == "absent"
        assert f'pip install "photostyle[{extra}]"' in remedy


def test_jpeg_xl_may_be_further_off_than_other_formats(cli, monkeypatch):
    pytest.importorskip("pillow_jxl")
    from photostyle import image

    read_photo = image.read_photo

    def a_tenth_off(path):
        photo = read_photo(path)
        y, x = np.mgrid[0:1:48j, 0:1:64j].astype(np.float32)
        return photo.with_pixels(np.stack([y, x, 1 - x], -1) + np.float32(0.1))

    monkeypatch.setattr(image, "read_photo", a_tenth_off, raising=False)
    outcome = cli("doctor", "--json")
    assert [state(outcome, name)[0] for name in ("JXL", "JPEG")] == ["ok", "missing"]
