"""Training on a CUDA device without a GPU: on tensors without contents nothing is computed, but all is dispatched.

Checks run in processes of their own, since torch asks for a device once. Where torch is built for CUDA its own device
is used, which needs a GPU.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.architectures.registry import ARCHITECTURES
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.setup import make_trainer
from tests.bench.conftest import MakeConfig
from tests.bench.fake_cuda.cases import cases
from tests.bench.fake_cuda.watch import Watch

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TORCH = Path(torch.__file__).parent
COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")

Check = Callable[[str], Any]


@pytest.fixture(scope="session")
def device(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Statements that give a process its CUDA device, before it imports torch."""
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda:
        pytest.skip("a torch that is built for CUDA has a device of its own, which needs a GPU")
    if sys.platform != "linux":
        pytest.skip("the device is one of Linux")
    if COMPILER is None:
        pytest.skip("there is no C++ compiler")
    library = tmp_path_factory.mktemp("fake_cuda") / "fake_cuda.so"
    build = [COMPILER, "-std=c++20", "-shared", "-fPIC", f"-I{TORCH / 'include'}", str(HERE / "fake_cuda.cpp")]
    link = [f"-L{TORCH / 'lib'}", f"-Wl,-rpath,{TORCH / 'lib'}", "-ltorch_cpu", "-lc10", "-o", str(library)]
    subprocess.run([*build, *link], check=True)
    return f"import ctypes; ctypes.CDLL({str(library)!r}); "


@pytest.fixture
def check(device: str) -> Check:
    """Function that evaluates an expression of `checks` in a process with that device, and returns what it gives."""

    def run(expression: str) -> Any:
        code = f"{device}import json; from tests.bench.fake_cuda.checks import *; print(json.dumps({expression}))"
        ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_training_stays_on_its_device_and_never_waits_for_it(name: str, check: Check) -> None:
    """Of every norm, precision and objective: prediction, step, gradient, epoch and evaluation."""
    assert len({str(case) for case in cases(name)}) == 15 * (1 + ARCHITECTURES[name].reconstructs)
    assert check(f"faults({name!r})") == {}


def test_what_waits_or_mixes_devices_is_found(check: Check) -> None:
    assert check("found_of_faulty_code()") == {
        "a number of the CPU": ["aten.add.Tensor mixes devices"],
        "a tensor of the CPU": ["aten.index.Tensor mixes devices"],
        "a generator of the CPU": ["aten.randn.generator mixes devices"],
        "a number read": ["aten._local_scalar_dense.default reads"],
        "a condition": ["aten._local_scalar_dense.default reads"],
        "a comparison": ["aten.equal.default reads"],
        "a copy back": ["aten._to_copy.default reads"],
        "a copy into the CPU": ["aten.copy_.default reads"],
        "a copy that waits": ["aten._to_copy.default waits to send"],
        "a copy out of memory that may move": ["aten._to_copy.default waits to send"],
        "a copy out of pinned memory": ["aten._to_copy.default sends"],
        "a copy out of pinned memory that waits": ["aten._to_copy.default waits to send"],
        "a number of the CPU in the backward pass": ["aten.add.Tensor mixes devices"],
        "nothing": [],
    }


def test_a_network_from_elsewhere_takes_nothing_from_the_host(check: Check) -> None:
    assert check("found_of_a_network_from_elsewhere()") == []


@pytest.mark.parametrize("name", ["unet", "autoencoder", "vae"])
def test_an_epoch_of_real_tensors_reads_none(name: str, make_config: MakeConfig) -> None:
    """What tensors without contents may hide: a branch that only some contents take."""
    trainer = make_trainer(make_config(name), 10, torch.device("cpu"))
    data = DeviceFrames(torch.zeros((9, 3, 16, 16), dtype=torch.uint8), torch.ones((9, 1, 16, 16)) > 0, ("0",) * 9)
    with Watch() as watch:
        trainer.train_epoch(data, torch.arange(9))
    assert any("convolution_backward" in call for call in watch.calls)
    assert [call for call in watch.calls if "item" in call or "_local_scalar_dense" in call or "equal" in call] == []


def test_what_cudnn_keeps_for_the_backward_pass_is_counted(check: Check) -> None:
    """Batch norm in float32 is cuDNN's, once per block; in bf16 it is torch's own."""
    assert check("[bytes_of_cudnn('fp32'), bytes_of_cudnn('bf16')]") == [4 * 1000, 0]
