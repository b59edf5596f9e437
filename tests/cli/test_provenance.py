from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from safetensors.numpy import save

from photostyle import __version__
from photostyle.cli.provenance import made_by
from photostyle.errors import ModelError
from photostyle.registry import find_entry


def test_a_listed_model_is_noted_with_the_digest_of_the_list():
    made = made_by("filter denoise", ["denoise"])
    assert made.software == f"photostyle {__version__}"
    assert made.command == "filter denoise"
    assert made.models == (f"denoise@{find_entry('denoise').sha256[:12]}",)
    assert abs((datetime.now(UTC) - made.when).total_seconds()) < 60


def test_a_trained_file_is_noted_with_its_own_digest(tmp_path):
    about = {
        "name": "mine", "kind": "tone", "architecture": "tone", "params": {}, "license": "MIT",
        "trained_on": "nothing",
    }  # fmt: skip
    data = save({}, {"photostyle": json.dumps(about)})
    path = tmp_path / "mine.safetensors"
    path.write_bytes(data)
    made = made_by("filter mine", [str(path)])
    assert made.models == (f"mine@{hashlib.sha256(data).hexdigest()[:12]}",)


def test_without_models_none_are_noted():
    assert made_by("transfer").models == ()


def test_an_unknown_model_is_an_error():
    with pytest.raises(ModelError, match="dawn"):
        made_by("filter dawn", ["dawn"])
