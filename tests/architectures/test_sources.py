"""What a network from elsewhere is made of: files and packages."""

import sys

import torch

from architectures.sources import packages, sources
from tests.architectures.conftest import NETWORK, SPEC, Write


def test_sources_are_the_named_file_and_that_of_the_class(write: Write) -> None:
    write(NETWORK, "parts/nets.py")
    again = "from parts.nets import Net\nOther = Net\n"
    name = f"{write(again)}:Other"
    assert sources(name) == {"mine.py": again, "parts/nets.py": NETWORK}
    assert packages(name) == ()
    del sys.modules["parts.nets"], sys.modules["parts"]


def test_sources_of_a_spec_are_of_its_functions(write: Write) -> None:
    assert sources(f"{write(SPEC)}:SPEC") == {"mine.py": SPEC}


def test_of_a_package_the_class_and_the_version_are_known() -> None:
    assert list(sources("torch.nn:Conv2d")) == ["torch/nn/modules/conv.py"]
    assert packages("torch.nn:Conv2d") == (f"torch {torch.__version__}",)
    assert sources("unet") == {}
    assert packages("unet") == ()
