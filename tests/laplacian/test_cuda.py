"""The kernels of NVIDIA GPUs against the definition and against pymatting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pymatting import cf_laplacian

from photostyle.laplacian import MattingLaplacian, matting_energy

EPSILON = 1e-7
TOLERANCE = 1e-4


@pytest.fixture
def make(device):
    """`make(*guides)`: the backend of some photos `H W 3`."""
    from photostyle.laplacian.cuda import CudaBackend

    def backend(*guides, stored=False):
        return CudaBackend(planes(device, *guides), EPSILON, stored=stored)

    return backend


def planes(device, *images):
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(device)


def images(tensor):
    return tensor.permute(0, 2, 3, 1).cpu().numpy()


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), np.float32)


@pytest.mark.parametrize(
    ("height", "width", "channels"),
    [
        (3, 3, 3),  # one window
        (3, 70, 2),  # three programs side by side
        (9, 4, 1),  # two below each other, the second with a row that no window is centred on
        (4, 31, 1),  # the second of two for a column that no window is centred on
        (17, 5, 4),  # three below each other; channels that do not fit into one pass
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_agrees_with_the_definition(
    make, device, height, width, channels, stored, reference, error
):
    guide, p = noise(height, width), noise(height, width, channels, seed=1)
    truth = reference(guide, p, 1, EPSILON)
    backend = make(guide, stored=stored)
    product, energy = backend.matvec_and_energy(planes(device, p))
    assert error(images(product)[0], truth.product) < TOLERANCE
    assert energy.dtype == torch.float64
    assert energy.item() == pytest.approx(truth.energy, rel=TOLERANCE)
    assert error(images(backend.diagonal())[0], truth.diagonal) < TOLERANCE


def test_agrees_with_cf_laplacian(make, device, landscape, error):
    guide = landscape(19, 35)
    p = guide[..., :1] ** 1.4 + noise(19, 35, 1) / 50
    explicit = cf_laplacian(guide.astype(np.float64), epsilon=EPSILON, radius=1)
    backend = make(guide)
    truth = explicit @ p.reshape(-1, 1).astype(np.float64)
    product = images(backend.matvec(planes(device, p)))
    assert error(product.reshape(-1, 1), truth) < TOLERANCE
    assert error(images(backend.diagonal()).ravel(), explicit.diagonal()) < TOLERANCE


@pytest.mark.parametrize("kind", ["constant", "grey", "smooth"])
def test_degenerate_guides(make, device, kind, landscape, reference, error):
    photo = landscape(5, 29)
    slope = np.linspace(0.3, 0.32, 29, dtype=np.float32)[None, :, None]
    guide = {
        "constant": np.full_like(photo, 0.3),
        "grey": np.repeat(photo.mean(2, keepdims=True), 3, 2),
        "smooth": np.broadcast_to(slope * np.float32([1, 0.9, 1.1]), photo.shape).copy(),
    }[kind]
    p = photo[..., :1]
    truth = reference(guide, p, 1, EPSILON)
    product, energy = make(guide).matvec_and_energy(planes(device, p))
    assert error(images(product)[0], truth.product) < TOLERANCE
    assert energy.item() == pytest.approx(truth.energy, rel=TOLERANCE)


def test_photos_of_a_batch_are_independent(make, device, reference, error):
    guides, ps = ([noise(4, 5, channels, seed) for seed in (0, 1)] for channels in (3, 2))
    backend = make(*guides)
    product, energy = backend.matvec_and_energy(planes(device, *ps))
    diagonal = images(backend.diagonal())
    for i, (guide, p) in enumerate(zip(guides, ps, strict=True)):
        truth = reference(guide, p, 1, EPSILON)
        assert error(images(product)[i], truth.product) < TOLERANCE
        assert energy[i].item() == pytest.approx(truth.energy, rel=TOLERANCE)
        assert error(diagonal[i], truth.diagonal) < TOLERANCE


def test_two_runs_give_the_same_bits(make, device):
    guide, p = noise(5, 33), planes(device, noise(5, 33, 1, seed=1))
    runs = []
    for _ in range(2):
        backend = make(guide)
        runs.append([*backend.matvec_and_energy(p), backend.matvec(p), backend.energy(p)])
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))
    # Compiled, multiplications and additions may be joined in one of these and not in the other.
    torch.testing.assert_close(runs[0][:2], runs[0][2:])


def test_memory_layout_does_not_matter(make, device):
    guide, p = noise(4, 6), planes(device, noise(4, 6, 2, seed=1))
    product = make(guide).matvec(p)
    last = p.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert not last.is_contiguous()
    assert torch.equal(make(guide).matvec(last), product)


def test_constants_are_free(make, device, landscape):
    ones = torch.ones(1, 1, 5, 9, device=device)
    product, energy = make(landscape(5, 9)).matvec_and_energy(ones)
    assert product.abs().max() < 1e-5
    assert 0 <= energy.item() < 1e-8


@pytest.fixture
def kernels_run(monkeypatch):
    """As on a GPU, even for tensors on the CPU."""
    monkeypatch.setattr("photostyle.laplacian.operator.runs_fused_kernels", lambda _: True)


@pytest.mark.usefixtures("kernels_run")
def test_the_operator_chooses_it(make, device, landscape, reference, error):
    guide, p = landscape(4, 7), noise(4, 7)
    laplacian = MattingLaplacian(planes(device, guide))
    assert type(laplacian.backend) is type(make(guide))
    truth = reference(guide, p, 1, EPSILON)
    place = planes(device, p).requires_grad_()
    energy = matting_energy(place, laplacian)
    energy.backward()
    assert energy.item() == pytest.approx(truth.energy, rel=TOLERANCE)
    assert error(images(place.grad)[0], 2 * truth.product) < TOLERANCE


@pytest.mark.usefixtures("kernels_run")
@pytest.mark.parametrize(("dtype", "radius"), [(torch.float64, 1), (torch.float32, 2)])
def test_the_operator_leaves_the_rest_to_others(make, device, dtype, radius):
    laplacian = MattingLaplacian(planes(device, noise(5, 6)).to(dtype), radius)
    assert type(laplacian.backend) is not type(make(noise(5, 6)))
