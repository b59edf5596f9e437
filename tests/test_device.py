"""Devices by name, and threads for a while."""

import pytest
import torch

from photostyle.device import operator_threads, resolve_device
from photostyle.errors import DeviceError, UsageError


def test_the_processor_is_always_there():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:0", "cuda:-1", ""])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UsageError, match="use auto, cpu, cuda, cuda:N or mps"):
        resolve_device(name)


def test_a_device_that_is_missing_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match="cuda:1"):
        resolve_device("cuda:1")
    assert resolve_device("cuda:0") == torch.device("cuda:0")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="mps"):
        resolve_device("mps")


def test_threads_come_back_even_after_an_error():
    before = torch.get_num_threads()
    during = []

    def fail():
        with operator_threads(1):
            during.append(torch.get_num_threads())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert during == [1]
    assert torch.get_num_threads() == before
