"""Model cards: read back by the hub's own parser, and by one for Markdown."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from photostyle.errors import TrainingError
from photostyle.registry import read_entries
from photostyle.training.card import Card, hub_entry, render_card, write_card
from photostyle.training.result import toml_table

if TYPE_CHECKING:
    from pathlib import Path

EVIL = (
    "a`*b*`_c_ [d](http://e.f) <script>x</script> | ![g](h) &amp; $i$ ---\n"
    "# j: 'k' \"l\" \udcff \x1b"
)
ENTRY: dict[str, Any] = {
    "kind": "repair",
    "architecture": "repair",
    "params": {"widths": [8, 8]},
    "license": "CC0-1.0",
    "trained_on": "9 photos",
    "recipe": "photostyle train soft clean --degrade noise,jpeg",
    "snapshots": 1,
    "path": "/home/somebody/photos/soft.safetensors",
    "sha256": "ab" * 32,
    "size": 123456,
}
CARD = Card(
    name="soft",
    entry=ENTRY,
    file="soft.safetensors",
    folders=("clean",),
    degrade=("noise", "jpeg"),
    photos=9,
    held_out=1,
    skipped=2,
    steps=500,
    minutes=12.34,
    device="cpu",
    seed=3,
    metrics={"PSNR degraded": "25.10 dB", "PSNR repaired": "30.25 dB"},
    parameters=180345,
    picture="soft.png",
)
LOOK = replace(CARD, entry={**ENTRY, "kind": "tone"}, folders=("day", "night"), degrade=())


def with_license(license_: str) -> Card:
    return replace(CARD, entry={**ENTRY, "license": license_})


def metadata(card: Card) -> dict[str, Any]:
    return ModelCard(render_card(card)).data.to_dict()


def html(card: Card) -> str:
    body = ModelCard(render_card(card)).text
    return str(MarkdownIt("commonmark").enable("table").render(body))


def blocks(card: Card, language: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(ModelCard(render_card(card)).text)
    return [token.content for token in tokens if token.info == language]


def test_the_metadata_are_what_the_hub_wants(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("old")
    write_card(path, CARD)
    assert ModelCard.load(path).data.to_dict() == {
        "license": "cc0-1.0",
        "library_name": "photostyle",
        "pipeline_tag": "image-to-image",
        "tags": ["photostyle", "photography", "repair"],
    }
    assert path.read_text(encoding="utf-8") == render_card(CARD)
    assert list(tmp_path.iterdir()) == [path]


def test_a_base_model_is_named_where_there_is_one() -> None:
    assert metadata(replace(CARD, base_model="a/b"))["base_model"] == "a/b"


@pytest.mark.parametrize(
    ("license_", "identifier"),
    [("MIT", "mit"), ("Apache-2.0", "apache-2.0"), (" CC-BY-4.0 ", "cc-by-4.0"),
     ("GPL-3.0-or-later", "gpl-3.0"), ("AGPL-3.0-only", "agpl-3.0"), ("ODbL-1.0", "odbl"),
     ("unspecified", "unknown")],
)  # fmt: skip
def test_licences_that_the_hub_knows(license_: str, identifier: str) -> None:
    found = metadata(with_license(license_))
    assert found["license"] == identifier
    assert "license_name" not in found


@pytest.mark.parametrize(
    ("license_", "name"),
    [("MIT OR Apache-2.0", "mit-or-apache-2.0"), ("Ask: me\n#!", "ask-me"), ("私の", "custom"),
     ("no", "no"), ("1.0", "1.0")],
)  # fmt: skip
def test_licences_that_it_does_not(license_: str, name: str) -> None:
    found = metadata(with_license(license_))
    assert (found["license"], found["license_name"]) == ("other", name)


def test_a_reader_finds_what_there_is_to_know() -> None:
    page = html(CARD)
    assert "It undoes noise and the traces of JPEG compression. A repair filter" in page
    assert re.findall(r'<img src="([^"]*)"', page) == ["soft.png"]
    cells = dict(re.findall(r"<td>(.*?)</td>\s*<td>(.*?)</td>", page))
    assert cells == {
        "From": "'clean'",
        "Trained on": "9 photos",
        "Held out": "1 photo",
        "Skipped, unreadable": "2 photos",
        "Steps": "500",
        "Time": "12.3 minutes",
        "Device": "cpu",
        "Seed": "3",
        "PSNR degraded": "25.10 dB",
        "PSNR repaired": "30.25 dB",
        "Name": "soft.safetensors",
        "Size": "123456 bytes",
        "SHA-256": "ab" * 32,
        "Parameters": "180345",
        "Licence": "CC0-1.0",
    }
    use, recipe = blocks(CARD, "sh")
    assert use == "photostyle filter soft.safetensors photo.jpg\n"
    assert recipe == f"{ENTRY['recipe']}\n"
    # The folders of whoever trained it are nobody's business.
    assert "/home/somebody" not in page


def test_the_purpose_follows_from_the_photos() -> None:
    assert "photos like those of 'day' look like those of 'night'. A tone filter" in html(LOOK)
    paired = html(replace(LOOK, paired=True))
    assert "what was done to those of 'day', as their counterparts in 'night' show" in paired


def test_a_look_of_a_photo_is_told_from_one_of_a_folder() -> None:
    pair = replace(LOOK, folders=("a.jpg", "b.jpg"), imitate="pair")
    page = html(pair)
    assert "It makes photos look like 'b.jpg', and with its second look, 'soft:back'," in page
    assert "like 'a.jpg'." in page
    assert "before, after, and a part of 'b.jpg'" in page
    assert "photostyle filter soft.safetensors:back photo.jpg" in blocks(pair, "sh")[0]
    assert "from one photo alone" in page
    assert "differ in what they show" not in page
    one = html(replace(pair, folders=("day", "b.jpg"), imitate="photo"))
    assert "It makes photos like those of 'day' look like 'b.jpg'." in one
    assert ":back" not in one


def test_limits_are_those_of_the_kind_and_of_the_photos() -> None:
    assert "a lamp that was off stays off" in html(LOOK)
    assert "differ in what they show" in html(LOOK)
    assert "differ in what they show" not in html(replace(LOOK, paired=True))
    assert "a lamp" not in html(CARD)
    assert "no evidence of what was there" in html(CARD)
    assert "No photo was held out" not in html(CARD)
    none = html(replace(CARD, held_out=0))
    assert "No photo was held out" in none
    assert "Photos that it learned from, from left to right: degraded" in none


def test_several_networks_and_no_licence() -> None:
    page = html(replace(CARD, entry={**ENTRY, "snapshots": 3, "license": "unspecified"}))
    assert "180345 in each of 3 networks, whose results are averaged" in page
    assert "not specified: ask whoever trained it" in page


def test_without_picture_and_figures() -> None:
    page = html(replace(CARD, picture=None, metrics={}))
    assert "<img" not in page
    assert "Figures" not in page


def test_the_table_can_be_pasted_beside_the_file(tmp_path: Path) -> None:
    (table,) = blocks(CARD, "toml")
    models = tmp_path / "models.toml"
    models.write_text(table, encoding="utf-8")
    listed = read_entries(models)["soft"]
    assert (listed.path, listed.sha256) == (tmp_path / "soft.safetensors", ENTRY["sha256"])


def test_on_the_hub_it_is_downloaded_from_there() -> None:
    card = replace(CARD, repo_id="somebody/soft")
    download, use = blocks(card, "sh")[0].splitlines()
    assert download == "hf download somebody/soft soft.safetensors --local-dir ."
    assert use == "photostyle filter soft.safetensors photo.jpg"
    table = tomllib.loads(blocks(card, "toml")[0])["soft"]
    assert (table["repo_id"], table["file"]) == ("somebody/soft", "soft.safetensors")
    assert "path" not in table


def test_the_registry_reads_the_entry_of_a_published_filter(tmp_path: Path) -> None:
    made = hub_entry(ENTRY, file="soft.safetensors", repo_id="somebody/soft", revision="0" * 40)
    models = tmp_path / "models.toml"
    models.write_text(toml_table("soft", made), encoding="utf-8")
    listed = read_entries(models)["soft"]
    assert (listed.origin, listed.repo_id, listed.revision) == ("hub", "somebody/soft", "0" * 40)
    assert (listed.file, listed.size) == ("soft.safetensors", ENTRY["size"])


def test_no_value_can_break_the_page(tmp_path: Path) -> None:
    recipe = shlex.join(["photostyle", "train", "soft", EVIL, "```\n# fence"])
    card = replace(
        LOOK,
        name="so_ft",
        entry={**ENTRY, "kind": "tone", "license": EVIL, "recipe": recipe},
        file=f"{EVIL}.safetensors",
        folders=(EVIL, f"{EVIL}2"),
        device=EVIL,
        metrics={EVIL: EVIL},
        picture="a b)>\udcff.png",
        base_model=EVIL,
    )
    write_card(tmp_path / "README.md", card)
    plain = metadata(card)
    assert plain.keys() == metadata(CARD).keys() | {"license_name", "base_model"}
    assert plain["base_model"] == "".join(c if c.isprintable() else " " for c in EVIL)
    page = html(card)
    assert re.findall("<(script|a|em|strong|h1)\\b", page) == ["h1"]
    assert "<h1>so_ft</h1>" in page
    assert re.findall(r'<img src="([^"]*)"', page) == ["a%20b%29%3E%3F.png"]
    # As many rows and sections as without.
    for tag in ("<tr>", "<h2>", "<pre>", "<li>"):
        assert page.count(tag) == html(replace(LOOK, metrics={"a": "b"})).count(tag)
    assert "a`*b*`_c_ [d](http://e.f) &lt;script&gt;x&lt;/script&gt; | ![g](h) &amp;amp;" in page
    assert tomllib.loads(blocks(card, "toml")[0])["so_ft"]["kind"] == "tone"
    assert "```\n# fence" in blocks(card, "sh")[1]


def test_a_card_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"cannot write .*README.md': No such file"):
        write_card(tmp_path / "none" / "README.md", CARD)
