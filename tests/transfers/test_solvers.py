"""The choice of a solver, from the settings to the full-size photo."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
import safetensors.torch
import torch
from huggingface_hub import constants
from torch import nn

from photostyle import transfer
from photostyle.errors import ModelError, UsageError
from photostyle.features import Vgg19
from photostyle.laplacian import MattingLaplacian
from photostyle.transfers import TransferConfig
from photostyle.transfers.config import ITERATIONS, SIZES, SOLVERS, Solver

THIN = [4, 4, 0, 4, 4, 0, 4, 4, 4, 4, 0, 4, 4, 4, 4, 0, 4]


@pytest.fixture
def thin(tmp_path, monkeypatch):
    """A model `thin` of VGG-19's shape, in the list of models of the current folder."""
    torch.manual_seed(0)
    network = Vgg19(THIN)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "thin.safetensors")
    (tmp_path / "photostyle.toml").write_text(
        '[models.thin]\nkind = "features"\narchitecture = "vgg19"\n'
        f'params = {{ layers = {THIN} }}\npath = "thin.safetensors"\nlicense = "MIT"\n'
        'trained_on = "nothing"\n'
    )
    monkeypatch.chdir(tmp_path)
    return "thin"


@pytest.fixture
def nothing_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_every_solver_has_its_own_size_and_iterations():
    assert get_args(Solver) == SOLVERS == tuple(SIZES) == tuple(ITERATIONS)
    assert (TransferConfig().size, TransferConfig().iterations) == (352, 130)
    paper = TransferConfig(solver="luan")
    assert (paper.size, paper.iterations, paper.features) == (700, 1000, "vgg19")
    assert TransferConfig(solver="luan", size=300, iterations=7).size == 300


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"solver": "adam"}, "unknown solver 'adam': use grid, luan, gatys, mkl, idt"),
        ({"solver": "mkl", "refine": 3}, "only the solver grid is refined, not mkl"),
        ({"features": "thin"}, "features are for the solvers luan and gatys, not for grid"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(bad, message):
    with pytest.raises(UsageError, match=message):
        TransferConfig(**bad)


@pytest.mark.parametrize("solver", ["mkl", "idt", "gatys", "luan"])
def test_a_photo_gets_its_look_at_full_size(landscape, thin, solver):
    content, style = landscape(120, 150), landscape(64, 80, sky="dusk")
    features = {"features": thin} if solver in ("gatys", "luan") else {}
    config = TransferConfig(solver=solver, size=64, iterations=4, device="cpu", **features)
    reports = []
    result = transfer(content, style, config=config, progress=reports.append)
    pixels = result.photo.pixels
    assert pixels.shape == content.shape
    assert result.device == "cpu"
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert (
        stages
        == {
            "mkl": ["fit", "apply"],
            "idt": ["fit", "apply"],
            "gatys": ["style", "apply"],
            "luan": ["style", "photorealism", "apply"],
        }[solver]
    )
    if solver in ("mkl", "idt"):
        np.testing.assert_allclose(pixels.mean((0, 1)), style.mean((0, 1)), atol=0.02)
    none = transfer(content, style, config=dataclasses.replace(config, strength=0)).photo.pixels
    np.testing.assert_array_equal(none, content)


@pytest.mark.parametrize("solver", ["mkl", "idt", "gatys", "luan"])
def test_masks_count(landscape, thin, solver):
    content = landscape(64, 80)
    mask = np.zeros((64, 80, 3), np.float32)
    mask[:32] = 1
    style = np.where(mask > 0, np.float32((0.8, 0.3, 0.2)), np.float32((0.1, 0.2, 0.5)))
    style = (style + landscape(64, 80) / 10).astype(np.float32)
    features = {"features": thin} if solver in ("gatys", "luan") else {}
    config = TransferConfig(solver=solver, size=80, iterations=5, device="cpu", **features)
    plain = transfer(content, style, config=config).photo.pixels
    masked = transfer(
        content, style, content_mask=mask, style_mask=mask, config=config
    ).photo.pixels
    assert np.abs(masked - plain).mean() > 0.001
    if solver in ("mkl", "idt"):
        for rows in (slice(28), slice(36, None)):
            ours, theirs = (image[rows].mean((0, 1)) for image in (masked, style))
            np.testing.assert_allclose(ours, theirs, atol=0.03)


def test_luan_keeps_the_edges_that_gatys_paints_over(landscape, thin):
    content, style = landscape(60, 72), landscape(60, 72, sky="dusk")
    laplacian = MattingLaplacian(content)
    energy = {
        solver: laplacian.quadratic_form(
            transfer(
                content,
                style,
                config=TransferConfig(
                    solver=solver, size=72, iterations=10, device="cpu", features=thin
                ),
            ).photo.pixels
        )
        for solver in ("gatys", "luan")
    }
    assert energy["luan"] < 0.2 * energy["gatys"]


@pytest.mark.usefixtures("nothing_downloaded")
def test_missing_weights_are_told_with_what_to_do(landscape):
    config = TransferConfig(solver="luan", offline=True, device="cpu")
    with pytest.raises(ModelError, match="run photostyle models download vgg19"):
        transfer(landscape(20, 20), landscape(20, 20), config=config)


def test_features_must_be_a_vgg19(landscape):
    config = TransferConfig(solver="gatys", features="encoder", device="cpu")
    with pytest.raises(ModelError, match="model 'encoder' is not a vgg19 but a 'encoder'"):
        transfer(landscape(20, 20), landscape(20, 20), config=config)
