from __future__ import annotations

import pytest

from photostyle.errors import UsageError
from photostyle.training.degrade import DEGRADATIONS
from photostyle.training.families import FAMILY_OF, family_of


def test_every_degradation_has_a_family() -> None:
    assert FAMILY_OF.keys() == DEGRADATIONS.keys()
    assert family_of(["exposure"]) == "tone"
    assert family_of(["exposure", "haze"]) == "tone"
    assert family_of(["noise", "jpeg"]) == "repair"
    assert family_of(["blur"]) == "deconvolution"
    assert family_of(["blur", "noise", "jpeg"]) == "repair"


def test_no_family_undoes_both() -> None:
    with pytest.raises(UsageError, match="no filter undoes both exposure and jpeg"):
        family_of(["exposure", "noise", "jpeg"])
    with pytest.raises(UsageError, match="no filter undoes both haze and blur"):
        family_of(["haze", "blur"])
