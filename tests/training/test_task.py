"""What a run is to learn follows from its folders and settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from photostyle.errors import PhotoError, UsageError
from photostyle.networks import ConditionalToneGenerator, ToneGenerator
from photostyle.progress import silent
from photostyle.training import palette, translation
from photostyle.training.conditional_tone import ConditionalToneFamily
from photostyle.training.config import TrainConfig
from photostyle.training.imitation import Imitation
from photostyle.training.preview import COLOURS, PSNR
from photostyle.training.reconstruction import Reconstruction
from photostyle.training.repair import RepairFamily
from photostyle.training.task import FAMILIES, Task, read_task
from photostyle.training.tone import ToneFamily
from photostyle.training.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

CPU = torch.device("cpu")
REPAIR: dict[str, Any] = {"widths": [8, 8], "encoder_blocks": [1, 1], "decoder_blocks": [1]}
TONE: dict[str, Any] = {"width": 4, "depth": 2}
DEGRADED = TrainConfig(degrade=("noise",), size=32, batch=2, steps=10)
LOOK = replace(DEGRADED, family="tone", degrade=())
PAIR = replace(LOOK, imitate="pair", batch=1)


@pytest.fixture
def sides(photo_file: Callable[..., Path]) -> list[Path]:
    """Three photos by day and, of the same names, four at dusk."""
    for number in range(4):
        path = photo_file(f"dusk/{number}.png", 48, 72, sky="dusk")
        if number < 3:
            photo_file(f"day/{number}.png", 48, 72)
    return [path.parent.with_name("day"), path.parent]


def read(folders: Sequence[Path], config: TrainConfig, params: dict[str, Any] | None) -> Task:
    return read_task(folders, config, params, progress=silent, warn=lambda _: None)


def test_one_folder_is_degraded(sides: list[Path]) -> None:
    task = read(sides[:1], DEGRADED, REPAIR)
    assert isinstance(task.family, RepairFamily)
    assert task.family.params == REPAIR
    assert (task.photos, task.held_out, task.skipped) == (3, 0, 0)
    inputs, targets = task.examples.batch(0, 2)
    assert inputs.shape == targets.shape == (2, 3, 32, 32)
    judge = task.objective(DEGRADED, CPU)
    assert isinstance(judge, Reconstruction)
    assert judge.measure is PSNR


def test_pairs_are_compared_with_their_counterparts(sides: list[Path]) -> None:
    config = replace(LOOK, paired=True)
    task = read(sides, config, TONE)
    assert isinstance(task.family, ToneFamily)
    assert (task.photos, task.held_out, task.skipped) == (3, 0, 0)
    assert isinstance(task.objective(config, CPU), Reconstruction)
    inputs, targets = task.examples.batch(0, 1)
    assert inputs.shape == targets.shape == (1, 3, 256, 256)
    assert inputs.mean() > targets.mean() + 0.1
    patches, _ = read(sides, replace(config, family="repair"), REPAIR).examples.batch(0, 1)
    assert patches.shape == (1, 3, 32, 32)


def test_two_folders_are_a_look(sides: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "SIDE", 64)
    monkeypatch.setattr(palette, "POOL", 8192)
    task = read(sides, LOOK, TONE)
    assert (task.photos, task.held_out, task.skipped) == (7, 0, 0)
    judge = task.objective(LOOK, CPU)
    assert isinstance(judge, Translation)
    assert judge.measure is COLOURS
    inputs, targets = task.examples.batch(0, 4)
    assert inputs.shape == targets.shape == (4, 3, 256, 256)
    assert inputs.mean() > targets.mean() + 0.1
    # The other way round is another run.
    assert read(sides[::-1], LOOK, TONE).fingerprint != task.fingerprint


def test_each_side_of_a_look_holds_some_back(photo_file: Callable[..., Path]) -> None:
    for number in range(9):
        photo_file(f"day/{number}.png", 40, 40)
        path = photo_file(f"dusk/{number}.png", 40, 40)
    (path.parent / "broken.png").write_bytes(b"no photo")
    task = read([path.parent.with_name("day"), path.parent], LOOK, TONE)
    assert (task.photos, task.held_out, task.skipped) == (16, 2, 1)


def test_what_is_shown_is_always_the_same_and_no_example(sides: list[Path]) -> None:
    first, again = (read(sides[:1], DEGRADED, REPAIR) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.shown, again.shown, strict=True))
    assert first.shown[0].shape[0] > DEGRADED.batch
    assert not torch.equal(first.examples.batch(0, len(first.shown[0]))[0], first.shown[0])
    other = read(sides[:1], replace(DEGRADED, seed=1), REPAIR)
    assert not torch.equal(other.shown[0], first.shown[0])


def test_what_is_shown_was_held_out(photo_file: Callable[..., Path]) -> None:
    import numpy as np
    from PIL import Image

    folder = photo_file("grey/x.png").parent
    (folder / "x.png").unlink()
    levels = range(20, 220, 20)
    for level in levels:
        Image.fromarray(np.full((40, 40, 3), level, np.uint8)).save(folder / f"{level}.png")
    task = read([folder], DEGRADED, REPAIR)
    assert task.held_out == 1
    shown = set((255 * task.shown[1]).round().flatten().tolist())
    trained = set((255 * task.examples.batch(0, 64)[1]).round().flatten().tolist())
    assert len(shown) == 1
    assert not shown & trained
    assert shown | trained <= set(levels)


def test_a_trainer_starts_with_the_weights_it_is_given(sides: list[Path]) -> None:
    task = read(sides, replace(LOOK, paired=True), TONE)
    given = ToneGenerator(**TONE)
    torch.nn.init.normal_(given.tail.weight)
    trainer = task.trainer(LOOK, CPU, given.state_dict())
    assert all(torch.equal(given.state_dict()[n], v) for n, v in trainer.weights().items())


def pictures(sides: list[Path]) -> list[Path]:
    return [sides[0] / "0.png", sides[1] / "0.png"]


def test_two_photos_imitate_each_other(sides: list[Path]) -> None:
    task = read(pictures(sides), PAIR, None)
    assert isinstance(task.family, ConditionalToneFamily)
    assert task.family.params["looks"] == ["look", "look:back"]
    assert (task.photos, task.held_out, task.skipped, task.weights) == (2, 0, 0, None)
    judge = task.objective(PAIR, CPU)
    assert isinstance(judge, Imitation)
    inputs, targets = task.examples.batch(0, 2)
    assert inputs.shape == targets.shape == (2, 3, 128, 128)
    assert inputs.mean() > targets.mean() + 0.1
    losses = judge.losses(0, task.family.generator(), inputs[:1], targets[:1])
    assert "cycle" in losses
    assert read(pictures(sides)[::-1], PAIR, None).fingerprint != task.fingerprint


def test_photos_of_a_folder_imitate_one(sides: list[Path]) -> None:
    config = replace(PAIR, imitate="photo")
    task = read([sides[0], sides[1] / "0.png"], config, None)
    assert task.family.params["looks"] == ["look"]
    assert (task.photos, task.held_out) == (4, 0)
    inputs, targets = task.examples.batch(0, 1)
    losses = task.objective(config, CPU).losses(0, task.family.generator(), inputs, targets)
    assert "cycle" not in losses


def test_a_single_style_keeps_colours_that_its_thumbnail_has_lost(
    sides: list[Path], tmp_path: Path
) -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    config = replace(PAIR, imitate="photo")
    generator = read([sides[0], tmp_path / "stripes.png"], config, None).family.generator()
    assert isinstance(generator, ConditionalToneGenerator)
    colours = generator.look(0).colours
    assert torch.equal(colours.round(), colours)
    assert colours.mean() == 0.5


def test_masks_go_with_their_photos(sides: list[Path], tmp_path: Path) -> None:
    painted = np.zeros((48, 72, 3), np.uint8)
    painted[:, 36:] = 255
    masks = [tmp_path / "a.png", tmp_path / "b.png"]
    for mask in masks:
        Image.fromarray(painted).save(mask)
    task = read_task(pictures(sides), PAIR, masks=masks, progress=silent, warn=lambda _: None)
    inputs, targets = task.examples.batch(0, 1)
    assert inputs.shape == targets.shape == (1, 6, 128, 128)
    assert set(inputs[:, 3:].unique().tolist()) >= {0.0, 1.0}
    losses = task.objective(PAIR, CPU).losses(0, task.family.generator(), inputs, targets)
    assert losses["style"] > 0
    # They are not shown, and a run with other masks is another run.
    assert [side.shape[1] for side in task.shown] == [3, 3]
    assert task.fingerprint != read(pictures(sides), PAIR, None).fingerprint


def test_masks_are_for_two_photos_of_their_shape(sides: list[Path], tmp_path: Path) -> None:
    mask = tmp_path / "wide.png"
    Image.new("RGB", (90, 20)).save(mask)
    with pytest.raises(UsageError, match="mask is 90x20"):
        read_task(pictures(sides), PAIR, masks=[mask, mask], progress=silent, warn=lambda _: None)
    with pytest.raises(UsageError, match="give two photos"):
        read_task(sides, LOOK, masks=[mask, mask], progress=silent, warn=lambda _: None)


def start_of(looks: list[str]) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    params = {**TONE, "looks": looks}
    network = ConditionalToneGenerator(**params)
    torch.nn.init.normal_(network.tail.weight)
    return params, network.state_dict()


def imitation(
    paths: list[Path],
    config: TrainConfig,
    params: dict[str, Any],
    weights: dict[str, torch.Tensor] | None,
    name: str,
) -> Task:
    return read_task(
        paths, config, params, weights, name=name, progress=silent, warn=lambda _: None
    )


def test_looks_may_be_added_to_those_of_another_filter(sides: list[Path]) -> None:
    params, weights = start_of(["dusk", "dusk:back"])
    config = replace(PAIR, only_norm=True)
    task = imitation(pictures(sides), config, params, weights, "fog")
    names = ["fog", "fog:back", "dusk", "dusk:back"]
    assert task.family.params == {**TONE, "looks": names}
    assert task.weights is not None
    trainer = task.trainer(config, CPU, task.weights)
    trainer.step()
    changed = {
        name
        for name, value in trainer.state()["generator"].items()
        if not torch.equal(value, task.weights[name])
    }
    assert changed
    assert all(name.startswith(("looks.0.", "looks.1.")) for name in changed)
    # A run that is resumed has them already.
    again = imitation(pictures(sides), config, dict(task.family.params), None, "fog")
    assert again.family.params == task.family.params
    with pytest.raises(UsageError, match="there is a look 'dusk' already"):
        imitation(pictures(sides), config, params, weights, "dusk")


def test_without_their_convolutions_the_looks_of_another_filter_are_lost(sides: list[Path]) -> None:
    params, weights = start_of(["dusk", "dusk:back"])
    task = imitation(pictures(sides), PAIR, params, weights, "dusk")
    assert task.family.params["looks"] == ["dusk", "dusk:back"]
    assert task.weights is not None
    assert torch.equal(task.weights["tail.weight"], weights["tail.weight"])
    assert task.trainer(PAIR, CPU, task.weights).step()


def test_photos_that_cannot_be_imitated(sides: list[Path], tmp_path: Path) -> None:
    first, second = pictures(sides)
    with pytest.raises(UsageError, match=r"both photos are '.*0\.png': give two that look differ"):
        read([first, first], PAIR, None)
    second.write_bytes(b"no photo")
    for config, paths in ((PAIR, [first, second]), (PAIR, [second, first])):
        with pytest.raises(PhotoError, match=r"0\.png"):
            read(paths, config, None)
    with pytest.raises(UsageError, match="there is no folder"):
        read([tmp_path / "none", first], replace(PAIR, imitate="photo"), None)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_made_with_their_own_params_too(family: str) -> None:
    made = FAMILIES[family]()
    again = FAMILIES[family](made.params)
    assert made.architecture == again.architecture == family
    first, second = (one.generator().state_dict() for one in (made, again))
    assert {n: v.shape for n, v in first.items()} == {n: v.shape for n, v in second.items()}


def test_folders_must_go_with_the_settings(sides: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave out the second"):
        read(sides, DEGRADED, REPAIR)
    for config in (LOOK, replace(LOOK, paired=True)):
        with pytest.raises(UsageError, match=r"a second folder with photos .*--degrade"):
            read(sides[:1], config, TONE)
        around = sides[0].parent / "dusk" / ".." / "day"
        with pytest.raises(UsageError, match=r"both folders are '.*day'"):
            read([sides[0], around], config, TONE)
    with pytest.raises(UsageError, match=r"there is no folder '.*none'"):
        read([sides[0], tmp_path / "none"], LOOK, TONE)


@pytest.mark.parametrize("which", [0, 1])
def test_each_side_of_a_look_needs_two_photos(sides: list[Path], which: int) -> None:
    first, *others = sorted(sides[which].iterdir())
    for path in others:
        path.unlink()
    with pytest.raises(UsageError, match=rf"only one photo in '{sides[which]}': training needs 2"):
        read(sides, LOOK, TONE)
    first.unlink()
    with pytest.raises(UsageError, match=rf"there are no photos in '{sides[which]}'"):
        read(sides, LOOK, TONE)
