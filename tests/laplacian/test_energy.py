"""The matting energy as a loss: its value and its gradient 2 L p."""

from __future__ import annotations

import pytest
import torch

from photostyle.errors import UsageError
from photostyle.laplacian import MattingLaplacian, matting_energy


@pytest.fixture(scope="module")
def make(landscape):
    def photos(*batch, dtype, channels=3):
        guide = torch.from_numpy(landscape(6, 8)).permute(2, 0, 1).to(dtype)
        shape = (*batch, channels, 6, 8)
        p = torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
        return guide.expand(*batch, 3, 6, 8), p.requires_grad_()

    return photos


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize(("batch", "channels"), [((), 3), ((1,), 3), ((2,), 1)])
def test_gradcheck(make, batch, channels, radius):
    guide, p = make(*batch, dtype=torch.float64, channels=channels)
    laplacian = MattingLaplacian(guide, radius, 1e-3)
    assert torch.autograd.gradcheck(lambda x: matting_energy(x, laplacian), p)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [(), (1,), (2,)])
def test_value_and_gradient(make, batch, dtype):
    guide, p = make(*batch, dtype=dtype)
    laplacian = MattingLaplacian(guide)
    energy = matting_energy(p, laplacian)
    assert energy.shape == ()
    assert energy.dtype == dtype
    assert energy.item() == pytest.approx(laplacian.quadratic_form(p), rel=1e-6)
    (3 * energy).backward()
    torch.testing.assert_close(p.grad, 6 * laplacian.matvec(p))


def test_without_gradient(make):
    guide, p = make(dtype=torch.float32)
    laplacian = MattingLaplacian(guide)
    value = matting_energy(p.detach(), laplacian)
    assert not value.requires_grad
    torch.testing.assert_close(value, matting_energy(p, laplacian).detach())


def test_descends_to_a_local_affine_map(make):
    guide, p = make(dtype=torch.float32)
    laplacian = MattingLaplacian(guide)
    before = matting_energy(p, laplacian).item()
    for _ in range(50):
        (gradient,) = torch.autograd.grad(matting_energy(p, laplacian), p)
        with torch.no_grad():
            p -= gradient / 18  # 2 n bounds the curvature
    after = matting_energy(p, laplacian).item()
    assert 0 <= after < 0.01 * before


def test_p_must_fit(make):
    guide, p = make(dtype=torch.float32)
    with pytest.raises(UsageError, match="does not go with"):
        matting_energy(p[..., :-1], MattingLaplacian(guide))
