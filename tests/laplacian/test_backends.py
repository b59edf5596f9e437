"""Both implementations, in both precisions, against the definition and against pymatting."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from pymatting import cf_laplacian, lkm_laplacian

from photostyle.laplacian.cpu import MAX_RADIUS, CpuBackend
from photostyle.laplacian.tensor import TensorBackend

CASES = [
    pytest.param(height, width, radius, id=f"{height}x{width}-r{radius}")
    for height, width in [(3, 3), (5, 9), (33, 47), (37, 64)]
    for radius in (1, 2, 5)
    if min(height, width) > 2 * radius
]
BACKENDS = [
    pytest.param(CpuBackend, torch.float32, 1e-6, id="compiled"),
    pytest.param(TensorBackend, torch.float32, 1e-4, id="torch-float32"),
    pytest.param(TensorBackend, torch.float64, 1e-8, id="torch-float64"),
]
EPSILON = 1e-7


class Operator:
    """A backend, fed with and answering in arrays `H W C`."""

    def __init__(self, backend, dtype, guide, radius, epsilon=EPSILON):
        self.dtype = dtype
        self.backend = backend(self.planes(guide), radius, epsilon / (2 * radius + 1) ** 2)

    def planes(self, image):
        return torch.from_numpy(image).to(self.dtype).permute(2, 0, 1)[None]

    @staticmethod
    def image(planes):
        return planes[0].permute(1, 2, 0).double().numpy()

    def matvec(self, p):
        return self.image(self.backend.matvec(self.planes(p)))

    def energy(self, p):
        return self.backend.energy(self.planes(p)).item()

    def both(self, p):
        product, energy = self.backend.matvec_and_energy(self.planes(p))
        return self.image(product), energy.item()

    def diagonal(self):
        return self.image(self.backend.diagonal())


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), np.float32)


def toned(photo, seed=0):
    """The photo with other tones, and some noise: a typical result of an editing step."""
    grain = np.random.default_rng(seed).normal(0, 0.02, photo.shape)
    return np.clip(photo[..., ::-1] ** 1.4 + grain, 0, 1).astype(np.float32)


def smoothed(photo):
    """Box-blurred: windows whose colours lie nearly on a line or a plane."""
    for _ in range(3):
        photo = sum(np.roll(photo, s, 0) for s in range(-3, 4)) / 7
        photo = sum(np.roll(photo, s, 1) for s in range(-3, 4)) / 7
    return photo.astype(np.float32)


@pytest.mark.parametrize(("height", "width", "radius"), CASES)
@pytest.mark.parametrize(("backend", "dtype", "tolerance"), BACKENDS)
def test_agrees_with_the_definition(
    backend, dtype, tolerance, height, width, radius, reference, error
):
    guide, p = noise(height, width), noise(height, width, 2, seed=1)
    operator = Operator(backend, dtype, guide, radius)
    truth = reference(guide, p, radius, EPSILON)
    assert error(operator.matvec(p), truth.product) < tolerance
    assert operator.energy(p) == pytest.approx(truth.energy, rel=tolerance)
    assert error(operator.diagonal(), truth.diagonal) < tolerance
    product, energy = operator.both(p)
    np.testing.assert_array_equal(product, operator.matvec(p))
    assert energy == operator.energy(p)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("radius", [1, 5])
def test_seams_between_tiles_and_threads(threads, radius, monkeypatch, reference, error):
    monkeypatch.setattr("photostyle.compiled.cpu_threads", lambda: threads)
    guide, p = noise(23, 1050), noise(23, 1050, 2, seed=1)
    operator = Operator(CpuBackend, torch.float32, guide, radius)
    truth = reference(guide, p, radius, EPSILON)
    product, energy = operator.both(p)
    assert error(product, truth.product) < 1e-6
    assert energy == pytest.approx(truth.energy, rel=1e-6)
    assert error(operator.diagonal(), truth.diagonal) < 1e-6


@pytest.mark.parametrize(
    ("height", "width", "radius", "epsilon"),
    [(3, 3, 1, 1e-7), (5, 9, 1, 1e-7), (33, 47, 2, 1e-3), (37, 64, 1, 1e-7), (37, 64, 5, 1e-7)],
)
@pytest.mark.parametrize(("backend", "dtype", "tolerance"), BACKENDS)
def test_agrees_with_cf_laplacian(
    backend, dtype, tolerance, height, width, radius, epsilon, landscape, error
):
    guide = landscape(height, width)
    p = toned(guide)
    explicit = cf_laplacian(guide.astype(np.float64), epsilon=epsilon, radius=radius)
    truth = (explicit @ p.reshape(-1, 3).astype(np.float64)).reshape(p.shape)
    operator = Operator(backend, dtype, guide, radius, epsilon)
    tolerance = max(tolerance, 1e-6)  # that one inverts Delta by its determinant
    assert error(operator.matvec(p), truth) < tolerance
    assert error(operator.diagonal().ravel(), explicit.diagonal()) < tolerance


@pytest.mark.parametrize(("height", "width", "radius"), [(33, 47, 1), (37, 64, 5)])
def test_agrees_with_lkm_laplacian(height, width, radius, landscape, error):
    guide = landscape(height, width)
    p = toned(guide)
    product, diagonal = lkm_laplacian(guide, epsilon=EPSILON, radius=radius)
    truth = np.stack([product(p[..., c].astype(np.float64)) for c in range(3)], 1)
    for backend, dtype, tolerance in (case.values for case in BACKENDS):
        operator = Operator(backend, dtype, guide, radius)
        assert error(operator.matvec(p).reshape(-1, 3), truth) < max(tolerance, 1e-6)
        assert error(operator.diagonal().ravel(), diagonal) < max(tolerance, 1e-6)


@pytest.mark.parametrize("radius", [1, 2, 5])
@pytest.mark.parametrize(("backend", "dtype", "tolerance"), BACKENDS)
def test_real_photo(backend, dtype, tolerance, radius, shared_data, reference, error):
    file = sorted(shared_data.glob("luan/*/content.jpg"))[0]
    photo = cv2.imread(str(file))[120:161, 90:153, ::-1].astype(np.float32) / 255
    p = toned(photo)
    operator = Operator(backend, dtype, photo, radius)
    truth = reference(photo, p, radius, EPSILON)
    assert error(operator.matvec(p), truth.product) < tolerance
    assert operator.energy(p) == pytest.approx(truth.energy, rel=tolerance)
    assert error(operator.diagonal(), truth.diagonal) < tolerance


@pytest.mark.parametrize("make", ["constant", "grey", "two colours", "smooth", "clipped"])
@pytest.mark.parametrize("radius", [1, 5])
@pytest.mark.parametrize(("backend", "dtype", "tolerance"), BACKENDS)
def test_degenerate_guides(backend, dtype, tolerance, radius, make, landscape, reference, error):
    photo = landscape(43, 61)
    bright = photo.mean(2, keepdims=True)
    guide = {
        "constant": np.full_like(photo, 0.3),
        "grey": np.repeat(bright, 3, 2),
        "two colours": np.where(bright > 0.5, np.float32([0.9, 0.1, 0.3]), np.float32(0.21)),
        "smooth": smoothed(photo),
        "clipped": np.clip(3 * photo - 1, 0, 1),
    }[make]
    p = toned(photo)
    operator = Operator(backend, dtype, guide, radius)
    truth = reference(guide, p, radius, EPSILON)
    assert error(operator.matvec(p), truth.product) < 3 * tolerance
    assert operator.energy(p) == pytest.approx(truth.energy, rel=tolerance)


@pytest.mark.parametrize(("backend", "dtype", "tolerance"), BACKENDS)
def test_large_radius(backend, dtype, tolerance, landscape, reference, error):
    guide = landscape(45, 71)
    operator = Operator(backend, dtype, guide, 11)
    truth = reference(guide, toned(guide), 11, EPSILON)
    assert error(operator.matvec(toned(guide)), truth.product) < tolerance
    assert error(operator.diagonal(), truth.diagonal) < tolerance


def test_largest_radius_of_the_compiled_kernels(reference, error):
    size = 2 * MAX_RADIUS + 4
    guide, p = noise(size, size + 3), noise(size, size + 3, 1, seed=1)
    operator = Operator(CpuBackend, torch.float32, guide, MAX_RADIUS)
    assert error(operator.matvec(p), reference(guide, p, MAX_RADIUS, EPSILON).product) < 1e-6


@pytest.mark.parametrize(("backend", "dtype", "tolerance"), BACKENDS)
class TestProperties:
    @pytest.fixture(params=[1, 2])
    def radius(self, request):
        return request.param

    @pytest.fixture
    def matrix(self, backend, dtype, radius, landscape):
        """L itself, from the product with every unit vector, each a channel of its own."""
        guide = landscape(7, 9)
        unit_vectors = np.eye(63, dtype=np.float32).reshape(7, 9, 63)
        return Operator(backend, dtype, guide, radius).matvec(unit_vectors).reshape(63, 63)

    def test_symmetric(self, matrix, tolerance):
        assert np.abs(matrix - matrix.T).max() < tolerance

    def test_eigenvalues_between_zero_and_n(self, matrix, radius, tolerance):
        eigenvalues = np.linalg.eigvalsh((matrix + matrix.T) / 2)
        assert eigenvalues.min() > -tolerance
        assert eigenvalues.max() < (2 * radius + 1) ** 2 + tolerance
        assert eigenvalues.max() > 1

    def test_constants_are_free(self, backend, dtype, tolerance, radius, landscape):
        operator = Operator(backend, dtype, landscape(21, 33), radius)
        ones = np.ones((21, 33, 1), np.float32)
        assert np.abs(operator.matvec(ones)).max() < 10 * tolerance
        assert 0 <= operator.energy(ones) < tolerance

    def test_affine_functions_of_the_guide_cost_next_to_nothing(
        self, backend, dtype, tolerance, radius, landscape
    ):
        guide = landscape(21, 33)
        slopes = np.float32([[1.2, -0.3, 0.1], [0.2, 0.7, 0.0], [0.0, 0.1, 0.9]])
        p = guide @ slopes + np.float32(0.05)
        operator = Operator(backend, dtype, guide, radius)
        # The map itself is one candidate of each fit: its residual is zero, its penalty this.
        windows = (21 - 2 * radius) * (33 - 2 * radius)
        bound = windows * EPSILON * (slopes**2).sum()
        assert 0.1 * bound < operator.energy(p) < 1.01 * bound + 0.2 * tolerance
        assert np.abs(operator.matvec(p)).max() < 1e-3
