"""Photographs that tests share: pictures made here by numpy, and a folder of real ones if present.

`landscape` makes a photo-like picture of any size (a sky gradient, a sun, two ranges of hills,
film grain); `photo_file` writes one to a file. Both are deterministic. `shared_data` is the folder
of real photographs next to the checkout; tests that ask for it are skipped where it is absent.
`stripes` makes masks. `device` is where the kernels of NVIDIA GPUs are tested: on one, or in
Triton's interpreter.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from photostyle.fused import runs_fused_kernels
from photostyle.image.masks import PALETTE

if TYPE_CHECKING:
    from collections.abc import Callable

# A shell starts background jobs with Ctrl-C ignored, and what they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Pixels = NDArray[np.float32]

PROJECT_ROOT = Path(__file__).resolve().parents[1]

SKIES = {
    "day": ((0.25, 0.47, 0.80), (0.78, 0.87, 0.95), (0.24, 0.36, 0.16)),
    "dusk": ((0.10, 0.10, 0.28), (0.95, 0.52, 0.25), (0.10, 0.08, 0.12)),
}
"""Colours of the zenith, the horizon and the near hills, sRGB-encoded."""


def make_landscape(
    height: int = 96, width: int = 144, *, sky: str = "day", seed: int = 0
) -> Pixels:
    """A photo-like landscape, float32 `H W 3` in [0, 1]."""
    zenith, horizon, ground = (np.array(colour, np.float32) for colour in SKIES[sky])
    noise = np.random.default_rng(seed)
    x = np.linspace(0, 1, width, dtype=np.float32)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]

    blend = np.clip(y / 0.7, 0, 1)[..., None] ** 1.5
    picture = zenith + (horizon - zenith) * blend + np.zeros((height, width, 3), np.float32)
    sun = np.exp(-((x - 0.7) ** 2 * 2.2 + (y - 0.35) ** 2) / 0.004)[..., None]
    picture += 0.5 * sun * np.array([1.0, 0.9, 0.6], np.float32)

    for distance, level, waves in ((0.6, 0.62, 3.0), (0.0, 0.78, 5.0)):
        ridge = level + 0.06 * np.sin(2 * np.pi * waves * x + seed) + 0.02 * np.sin(40 * x)
        texture = 1 + 0.25 * np.sin(90 * x + 55 * y) * np.sin(70 * y)
        hill = (ground + distance * (horizon - ground)) * texture[..., None]
        picture = np.where((y > ridge)[..., None], hill, picture)

    picture += noise.normal(0, 0.012, picture.shape)
    return np.clip(picture, 0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def landscape() -> Callable[..., Pixels]:
    """`landscape(height, width, sky="day" | "dusk", seed=0)` -> float32 `H W 3` in [0, 1]."""
    return make_landscape


@pytest.fixture
def photo_file(tmp_path: Path) -> Callable[..., Path]:
    """`photo_file("name.jpg", height, width, sky=..., seed=...)` -> an 8-bit file in `tmp_path`."""

    def write(name: str = "photo.jpg", height: int = 96, width: int = 144, **look: object) -> Path:
        pixels = make_landscape(height, width, **look)  # type: ignore[arg-type]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def stripes() -> Callable[..., Pixels]:
    """Make masks, `H W 3`: vertical stripes of equal width, in colours of the palette by name."""

    def make(height: int, width: int, *colours: str) -> Pixels:
        painted = np.empty((height, width, 3), np.float32)
        places = np.array_split(np.arange(width), len(colours))
        for place, colour in zip(places, colours, strict=True):
            painted[:, place] = PALETTE[colour]
        return painted

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photographs beside the checkout (`../shared/data`)."""
    folder = PROJECT_ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared photographs (../shared/data) are not here")
    return folder


GPU = torch.cuda.is_available()

if not GPU:  # read when Triton is imported
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="session", params=["interpreter", "gpu"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """The device whose tensors the kernels take; both are never tested in one process."""
    if request.param == "gpu":
        if not GPU:
            pytest.skip("no NVIDIA GPU")
        device = torch.device("cuda", torch.cuda.current_device())
        assert runs_fused_kernels(device)
        return device
    if GPU:
        pytest.skip("tested on the GPU itself")
    pytest.importorskip("triton", reason="Triton is not installed")
    return torch.device("cpu")
