from __future__ import annotations

import pytest

from photostyle.errors import UsageError
from photostyle.filters.words import Word, mixtures, read_word


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("dusk", Word("dusk")),
        ("dusk:back", Word("dusk", "back")),
        ("dusk:0.6", Word("dusk", "", 0.6)),
        ("dusk:1", Word("dusk", "", 1.0)),
        ("dusk:back:.25", Word("dusk", "back", 0.25)),
        ("dusk:storm:back", Word("dusk", "storm:back")),
        ("dusk:5:1", Word("dusk", "5", 1.0)),
        ("dusk:1e-1", Word("dusk", "", 0.1)),
        ("a/dusk.safetensors", Word("a/dusk.safetensors")),
        ("C:/a/dusk.safetensors", Word("C:/a/dusk.safetensors")),
        ("C:/a/dusk.safetensors:back:0.5", Word("C:/a/dusk.safetensors", "back", 0.5)),
        ("dusk:nan", Word("dusk", "nan")),
    ],
)
def test_parts(text, word):
    assert read_word(text) == word


@pytest.mark.parametrize("text", [":back", "dusk:", "dusk::0.5", "a.safetensors:", ""])
def test_parts_that_are_missing(text):
    with pytest.raises(UsageError, match="write NAME, NAME:LOOK or NAME:WEIGHT"):
        read_word(text)


@pytest.mark.parametrize("text", ["dusk:0", "dusk:1.5", "dusk:back:-0.5", "dusk:2"])
def test_weights_out_of_range(text):
    with pytest.raises(UsageError, match=f"weight of '{text}' is out of range"):
        read_word(text)


def test_a_word_is_written_as_it_was_but_for_folders():
    assert str(read_word("a/dusk.safetensors:back:0.50")) == "dusk:back:0.5"
    assert str(read_word("dusk")) == "dusk"


def test_those_with_weights_that_follow_one_another_are_mixed():
    words = [read_word(text) for text in ("a", "b:0.5", "c:0.5", "d", "e:0.2", "f:x")]
    names = [[word.name for word in group] for group in mixtures(words)]
    assert names == [["a"], ["b", "c"], ["d"], ["e"], ["f"]]


def test_weights_add_up_to_1_at_most():
    thirds = [read_word("a:0.3333333")] * 3
    assert len(mixtures(thirds)) == 1
    assert len(mixtures([read_word(text) for text in ("a:0.1", "b:0.2", "c:0.7")])) == 1
    with pytest.raises(UsageError, match=r"a:0\.6,b:0\.5 add up to 1\.1: 1 is all"):
        mixtures([read_word("a:0.6"), read_word("b:0.5")])
