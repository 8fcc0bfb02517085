"""Whether a device computes, and what is said where it does not: no GPU is needed to tell."""

import os
import time
from typing import Any

import pytest
import torch

from hourglass_bench.bench.machine import device, examine
from hourglass_bench.bench.machine.examine import DeviceFacts

CPU, GPU = torch.device("cpu"), torch.device("cuda")
INDEX = "make setup TORCH_INDEX="


def test_a_cpu_computes_and_is_described() -> None:
    facts = examine.examine(CPU)
    assert facts == facts._replace(capability="", driver="", cuda="", cudnn="")
    assert facts.name
    assert 2**28 < facts.memory <= facts.total < 2**50


def test_the_facts_are_a_line() -> None:
    h200 = DeviceFacts("NVIDIA H200", 139 * 2**30, 141 * 2**30, "9.0", "580.159", "13.0", "9.13")
    assert str(h200) == "NVIDIA H200, 139 GiB free of 141, driver 580.159, CUDA 13.0, cuDNN 9.13"
    assert str(DeviceFacts("EPYC", 3 * 2**30, 4 * 2**30)) == "EPYC, 3 GiB free of 4"


@pytest.mark.parametrize(
    ("error", "told", "remedy"),
    [
        ("The NVIDIA driver on your system is too old (found version 11040).", "driver 470.1", INDEX),
        ("CUDA driver version is insufficient for CUDA runtime version", "new enough for CUDA 13.0", INDEX),
        ("CUDA error: the provided PTX was compiled with an unsupported toolchain.", "driver 470.1", INDEX),
        (
            "CUDA error: no kernel image is available for execution on the device\nFor debugging consider",
            "(sm_80 sm_90), got one of compute capability 6.1",
            INDEX,
        ),
        ("CUDA error: device kernel image is invalid", "compute capability 6.1", INDEX),
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "EXCLUSIVE_PROCESS", "end that"),
        ("CUDA error: all CUDA-capable devices are busy or unavailable", "EXCLUSIVE_PROCESS", "--device cpu"),
        ("CUDA out of memory. Tried to allocate 2.00 MiB.", "memory for a first small kernel", "nvidia-smi"),
        ("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "memory for a first", "nvidia-smi"),
        ("Found no NVIDIA driver on your system. Please check", "present, got no GPU", "nvidia-smi"),
        ("No CUDA GPUs are available", "present, got no GPU", "nvidia-smi"),
        ("CUDA error: invalid device ordinal", "present, got no GPU", "--device cpu"),
        ("Torch not compiled with CUDA enabled", "built without CUDA", INDEX),
        (
            "CUDA error: something new. Compile with X\nmore",
            "got the error 'CUDA error: something new'",
            "--device cpu",
        ),
        ("", "got the error 'no reason'", "--device cpu"),
    ],
)
def test_a_failing_kernel_is_told_in_a_sentence_with_the_remedy(
    error: str, told: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: torch.device) -> Any:
        raise RuntimeError(error)

    monkeypatch.setattr(examine, "_kernels", fail)
    monkeypatch.setattr(examine, "driver_version", lambda: "470.1")
    monkeypatch.setattr(examine, "capability", lambda _: "6.1")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90"])
    with pytest.raises(ValueError, match="must be|must have|must compute") as refusal:
        examine.examine(GPU)
    sentence = str(refusal.value)
    assert told in sentence
    assert remedy in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("error", [AssertionError, torch.cuda.DeferredCudaCallError, torch.AcceleratorError])
def test_every_kind_of_error_is_told(error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: torch.device) -> Any:
        raise error("no kernel image is available")

    monkeypatch.setattr(examine, "_kernels", fail)
    with pytest.raises(ValueError, match="must be a GPU that this torch has kernels for"):
        examine.examine(GPU)


def test_wrong_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = examine._kernels(CPU)
    assert right.isfinite().all()
    assert len(right.unique()) > 100
    answers = iter((right * 1.02, right))
    monkeypatch.setattr(examine, "_kernels", lambda _: next(answers))
    with pytest.raises(ValueError, match="must multiply and convolve as the CPU does"):
        examine.examine(CPU)


def test_rounding_to_tf32_is_right() -> None:
    """The numbers are small and whole: 10 bits of mantissa hold the factors."""
    numbers = torch.arange(64 * 64).remainder(7).float()
    assert torch.equal(numbers.bfloat16().float(), numbers)


def answer(where: torch.device) -> DeviceFacts:
    return DeviceFacts(f"{where} of {os.getpid()}", 1, 2)


def refuse(where: torch.device) -> DeviceFacts:
    raise ValueError(f"device {where} must be something else.")


def die(_: torch.device) -> DeviceFacts:
    os._exit(7)


def hang(_: torch.device) -> DeviceFacts:
    time.sleep(600)
    raise AssertionError


def test_apart_is_another_process() -> None:
    facts = examine._apart(answer, GPU, 60)
    assert facts == DeviceFacts(facts.name, 1, 2)
    assert facts.name.startswith("cuda of ")
    assert str(os.getpid()) not in facts.name


@pytest.mark.parametrize(
    ("work", "seconds", "told"),
    [
        (refuse, 60, r"^device cuda must be something else\.$"),
        (die, 60, r"a process that died of it \(exit code 7\)"),
        (hang, 5, "must answer within 5 s, got a kernel that hangs"),
    ],
)
def test_what_goes_wrong_apart_is_told_here(work: Any, seconds: float, told: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ValueError, match=told):
        examine._apart(work, GPU, seconds)
    assert time.monotonic() - begin < 60


def test_a_gpu_is_examined_apart_and_a_cpu_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "_apart", lambda work, where, _: DeviceFacts(f"apart {where}", 1, 1))
    monkeypatch.setattr(examine, "examine", lambda where: DeviceFacts(f"here {where}", 1, 1))
    assert examine.examine_apart(GPU).name == "apart cuda"
    assert examine.examine_apart(CPU).name == "here cpu"


@pytest.mark.parametrize(
    ("name", "gpus", "built", "message"),
    [
        ("tpu", 1, True, "device must be one of auto, cpu, cuda, cuda:INDEX or mps, got 'tpu'"),
        ("cpu:0", 1, True, "device must be one of"),
        ("cuda:x", 1, True, "device must be one of"),
        ("mps:0", 1, True, "device must be one of"),
        ("cuda", 0, False, f"'cuda' must be present, got torch .*, built without CUDA; .*`{INDEX}`"),
        ("cuda", 0, True, "'cuda' must be present, got 0 CUDA devices"),
        ("cuda:2", 2, True, "'cuda:2' must be present, got 2 CUDA devices"),
        ("mps", 0, True, "'mps' must be the GPU of a Mac"),
    ],
)
def test_devices_that_are_not_there_are_refused(
    name: str, gpus: int, built: bool, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: built)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=message):
        device.parse_device(name)


def test_auto_takes_a_gpu_even_if_it_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is told then: nobody is to find out after a night that the sweep ran on the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for gpus, kind in ((0, "cpu"), (2, "cuda")):
        monkeypatch.setattr(torch.cuda, "device_count", lambda gpus=gpus: gpus)
        assert device.parse_device("auto") == torch.device(kind)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert device.parse_device("auto") == torch.device("cpu")
    assert device.parse_device("mps") == torch.device("mps")


def test_one_device_is_a_gpu_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's limit of a process's memory takes no device without one."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    chosen = [str(device.one_device(name)) for name in ("auto", "cuda", "cuda:1", "cpu")]
    assert chosen == ["cuda:0", "cuda:0", "cuda:1", "cpu"]
