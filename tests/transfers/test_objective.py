"""The objective of the grid solver: what a step draws, and that no GPU would wait in it."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from photostyle.transfers.config import LossWeights
from photostyle.transfers.objective import Objective
from photostyle.transfers.segments import segments_from_labels, single_segment


class Crossings(TorchDispatchMode):
    """Notes operations that copy between the processor's memory and the device `meta`.

    That device has no memory: a value that is read from it is an error in itself.
    """

    def __init__(self, noted):
        super().__init__()
        self.noted = noted

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, torch.Tensor)]
        if len({tensor.device for tensor in tensors if tensor.dim()}) > 1:
            self.noted.append(str(function))
        return result


class Constants(TorchFunctionMode):
    """Notes calls that make tensors of Python's numbers, which the other one does not see."""

    def __init__(self, noted):
        super().__init__()
        self.noted = noted

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor):
            self.noted.append(str(function))
        return function(*args, **(kwargs or {}))


@contextmanager
def traffic():
    noted = []
    with Crossings(noted), Constants(noted):
        yield noted


@pytest.fixture
def pair(landscape):
    return landscape(48, 64), landscape(40, 60, sky="dusk", seed=1)


def objective(pair, device="cpu", *, labels=None, exact=False):
    segments = single_segment(*pair) if labels is None else segments_from_labels(pair[0], *labels)
    generator = torch.Generator().manual_seed(0)
    return Objective(*pair, segments, LossWeights(), torch.device(device), generator, exact=exact)


def test_a_device_computes_its_gradients_without_waiting(pair):
    halves = [np.repeat([0, 1], p[..., 0].size // 2).reshape(p.shape[:2]) for p in pair]
    waiting = objective(pair, "meta", labels=[half.astype(np.uint8) for half in halves])
    result = torch.empty(pair[0].shape, device="meta")
    draws = waiting.draws(4)
    waiting.gradient(result, next(draws))  # constants may be made on first use
    with traffic() as crossings:
        for draw in draws:
            assert waiting.gradient(result, draw).shape == result.shape
    assert crossings == []


def test_traffic_is_seen():
    there = torch.empty(2, 3, device="meta")
    with traffic() as crossings:
        there.new_tensor([1.0, 2.0])
        torch.ones(3).to("meta")
    assert len(crossings) == 2
    with pytest.raises(RuntimeError):
        there.sum().item()


def test_steps_are_drawn_as_if_one_by_one(pair, monkeypatch):
    together = list(objective(pair).draws(7))
    monkeypatch.setattr("photostyle.transfers.objective._AHEAD", 3)
    for first, second in zip(together, objective(pair).draws(7), strict=True):
        torch.testing.assert_close(first.directions, second.directions, rtol=0, atol=0)
        torch.testing.assert_close(first.places[0], second.places[0], rtol=0, atol=0)
    assert not torch.equal(together[0].places[0], together[1].places[0])


def test_a_draw_has_the_axes_and_pixels_of_every_segment(pair):
    labels = [np.zeros(p.shape[:2], np.uint8) for p in pair]
    for part in labels:
        part[20:] = 1
    (draw,) = objective(pair, labels=labels).draws(1)
    assert draw.directions[:3].tolist() == [0, 1, 2]
    assert len(draw.directions.unique()) == len(draw.directions) == 16
    upper, lower = draw.places
    assert (upper < 20 * 64).all()
    assert (lower >= 20 * 64).all()
    assert len(lower) > len(upper) >= 512


def test_an_exact_objective_is_the_same_in_every_call(pair):
    result = torch.from_numpy(pair[0]) * 0.9
    exact = objective(pair, exact=True)
    first, second = (exact(result, draw) for draw in exact.draws(2))
    assert first == second
    sampled = objective(pair)
    first, second = (sampled(result, draw) for draw in sampled.draws(2))
    assert first != second
    assert abs(first - second) < 0.2 * first


def test_the_gradient_is_that_of_the_value(pair):
    place = torch.from_numpy(pair[0].copy()).requires_grad_()
    own = objective(pair)
    (draw,) = own.draws(1)
    own(place, draw).backward()
    torch.testing.assert_close(own.gradient(place, draw), place.grad, rtol=1e-4, atol=1e-6)
