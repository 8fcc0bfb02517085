"""The tags that say where a run took place, of a GPU too."""

from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.machine import environment
from hourglass_bench.bench.machine.environment import device_versions, driver_version

CPU, GPU = torch.device("cpu"), torch.device("cuda:1")


class Library:
    """NVIDIA's management library, which knows the driver's version."""

    def __init__(self, failing: str = "") -> None:
        self.nvmlInit_v2 = lambda: int(failing == "init")
        if failing != "old":
            self.nvmlSystemGetDriverVersion = self.write

    @staticmethod
    def write(text: Any, _size: int) -> int:
        text.value = b"580.159.03"
        return 0


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    driver_version.cache_clear()


@pytest.mark.parametrize(("failing", "found"), [("", "580.159.03"), ("init", ""), ("old", "")])
def test_the_driver_is_asked_of_its_library(failing: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "CDLL", lambda _: Library(failing))
    assert driver_version() == found


def test_without_a_driver_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Library:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(environment, "CDLL", absent)
    assert driver_version() == ""


def test_tags_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "CDLL", lambda _: Library())
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"NVIDIA H200 as {device}")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "m", SimpleNamespace(version=lambda: 91301))
    tags = environment.environment(GPU, "tf32")
    names = ("device", "driver", "cuda", "cudnn", "precision")
    found = {name: tags[schema.ENVIRONMENT + name] for name in names}
    assert found == {
        "device": "NVIDIA H200 as cuda:1",
        "driver": "580.159.03",
        "cuda": "13.0",
        "cudnn": "9.13",
        "precision": "tf32",
    }


def test_tags_of_a_cpu() -> None:
    tags = environment.environment(CPU, "bf16")
    assert tags["environment.device"] == "cpu"
    assert tags["environment.precision"] == "bfloat16"
    assert tags["environment.torchmetrics"] == version("torchmetrics")
    assert environment.environment(CPU, "fp32")["environment.precision"] == "float32"
    assert device_versions(CPU) == {}
    assert "environment.driver" not in tags


def test_what_is_not_installed_has_no_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """To train takes torch and numpy alone."""
    monkeypatch.setattr(environment, "PACKAGES", ("torch", "no-such-package"))
    tags = environment.environment(CPU, "fp32")
    assert tags["environment.torch"] == torch.__version__
    assert "environment.no-such-package" not in tags
