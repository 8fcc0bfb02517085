"""Which arithmetic a precision means on a device, and the flags that make torch compute in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.config import Precision
from hourglass_bench.bench.machine import precision
from hourglass_bench.bench.machine.precision import Arithmetic, resolve, resolve_by, set_arithmetic, torch_dtype, widest
from hourglass_bench.bench.training.setup import make_trainer
from tests.bench.conftest import MakeConfig

CPU, GPU, MPS = torch.device("cpu"), torch.device("cuda:0"), torch.device("mps")


@pytest.fixture
def flags() -> Iterator[Any]:
    """Torch's flags, which are put back."""
    found = torch.backends
    before = found.cuda.matmul.allow_tf32, found.cudnn.allow_tf32, found.cudnn.benchmark
    yield found
    found.cuda.matmul.allow_tf32, found.cudnn.allow_tf32, found.cudnn.benchmark = before


@pytest.mark.parametrize(
    ("asked", "device", "capability", "arithmetic"),
    [
        ("auto", GPU, "9.0", "bf16"),
        ("auto", GPU, "12.0", "bf16"),
        ("auto", GPU, "8.0", "bf16"),
        ("auto", GPU, "7.5", "fp32"),
        ("auto", GPU, "", "fp32"),
        ("auto", MPS, "", "fp32"),
        ("tf32", GPU, "8.6", "tf32"),
        ("fp32", GPU, "9.0", "fp32"),
        ("bf16", GPU, "7.5", "bf16"),
        ("fp32", CPU, "", "fp32"),
    ],
)
def test_a_precision_means_an_arithmetic(
    asked: Precision, device: torch.device, capability: str, arithmetic: Arithmetic
) -> None:
    assert resolve_by(asked, device, capability) == arithmetic


def test_of_this_machine_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "capability", lambda device: "8.0" if device == GPU else "")
    assert resolve("tf32", GPU) == "tf32"
    for amx, avx, arithmetic in ((True, False, "bf16"), (False, True, "bf16"), (False, False, "fp32")):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx)
        assert resolve("auto", CPU) == arithmetic


@pytest.mark.parametrize(("device", "capability"), [(CPU, ""), (MPS, ""), (GPU, "7.5"), (GPU, "")])
def test_tf32_is_refused_where_there_is_none(device: torch.device, capability: str) -> None:
    rule = r"training\.precision must be auto, fp32 or bf16 where .* capability 8\.0 or more, got tf32 on"
    with pytest.raises(ValueError, match=f"{rule} {device}"):
        resolve_by("tf32", device, capability)


@pytest.mark.parametrize("arithmetic", ["fp32", "bf16", "tf32"])
def test_flags_of_a_gpu(arithmetic: Arithmetic, flags: Any) -> None:
    """By the new names and the old ones, which torch.compile reads and which raise errors where the two disagree."""
    for before in ("tf32", "fp32", arithmetic):
        set_arithmetic(before, GPU)
    rounds = arithmetic == "tf32"
    assert flags.cudnn.conv.fp32_precision == flags.cuda.matmul.fp32_precision == ("tf32" if rounds else "ieee")
    assert flags.cudnn.allow_tf32 is flags.cuda.matmul.allow_tf32 is rounds
    assert torch.get_float32_matmul_precision() == ("high" if rounds else "highest")
    assert flags.cudnn.benchmark
    with flags.cudnn.flags(enabled=True):  # reads the old name
        pass


@pytest.mark.parametrize("device", [CPU, MPS])
def test_elsewhere_no_flag_changes(device: torch.device, flags: Any) -> None:
    def state() -> tuple[Any, ...]:
        return flags.cudnn.conv.fp32_precision, flags.cuda.matmul.fp32_precision, flags.cudnn.benchmark

    before = state()
    set_arithmetic("fp32", device)
    assert state() == before


def test_number_formats() -> None:
    assert [torch_dtype(of) for of in ("fp32", "tf32", "bf16")] == [torch.float32, torch.float32, torch.bfloat16]
    assert [widest(device) for device in (CPU, GPU, MPS)] == [torch.float64, torch.float64, torch.float32]


def test_whoever_computes_sets_the_flags(
    make_config: MakeConfig, save_checkpoint: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainings by their precision, predictions and samples in fp32, in which the weights are."""
    made: list[Arithmetic] = []
    for module in (
        "hourglass_bench.bench.training.setup",
        "hourglass_bench.bench.segmenter",
        "hourglass_bench.bench.commands.sample",
    ):
        monkeypatch.setattr(f"{module}.set_arithmetic", lambda arithmetic, _: made.append(arithmetic))
    config = make_config("unet")
    for asked in ("fp32", "bf16"):
        training = replace(config.training, precision=asked)
        trainer = make_trainer(replace(config, training=training), 1, CPU)
        assert trainer.arithmetic == asked
    assert made == ["fp32", "bf16"]

    Image.new("RGB", (16, 16)).save(tmp_path / "image.png")
    out = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path), "--device", "cpu"]
    assert main(["predict", str(save_checkpoint("unet")), str(tmp_path / "image.png"), *out]) == 0
    assert main(["sample", str(save_checkpoint("vae", "mask", 2)), "--n", "4", *out]) == 0
    assert made[2:] == ["fp32", "fp32"]
