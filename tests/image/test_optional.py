from __future__ import annotations

import math

import pytest

from photostyle.image.optional import optional_module


def test_a_package_that_is_there():
    assert optional_module("math", "sums", "sums need another package") is math


def test_a_missing_package_is_told_with_the_remedy():
    with pytest.raises(ValueError, match=r"^sums .*: pip install 'photostyle\[sums\]'$"):
        optional_module("no_such_module", "sums", "sums need another package")
