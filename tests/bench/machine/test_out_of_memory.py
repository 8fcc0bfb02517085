"""Which errors mean that memory ran out: texts as PyTorch, CUDA and its libraries write them."""

import pytest
import torch

from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory

ASYNCHRONOUS = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
)
INVALIDATED = "CUDA error: operation failed due to a previous error during capture" + ASYNCHRONOUS
UNPERMITTED = "CUDA error: operation not permitted when stream is capturing" + ASYNCHRONOUS

OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.81 GiB"),
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.93 GiB total capacity)"),
    RuntimeError("CUDA error: out of memory" + ASYNCHRONOUS),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in the documentation"),
    RuntimeError("HIP out of memory. Tried to allocate 1.00 GiB"),
    RuntimeError("Triton Error [CUDA]: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("FIND was unable to find an engine to execute this computation after trying 6 plans."),
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
    RuntimeError(INVALIDATED),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 137438953472 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 137438953472 bytes."),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 15.72 GiB, other allocations: 2.41 MiB, max allowed: 18.13 GiB). "
        "Tried to allocate 5.81 GiB on private pool."
    ),
)
OTHERS = (
    RuntimeError("CUDA error: device-side assert triggered" + ASYNCHRONOUS),
    RuntimeError("CUDA error: an illegal memory access was encountered" + ASYNCHRONOUS),
    RuntimeError("CUDA error: misaligned address" + ASYNCHRONOUS),
    RuntimeError("CUDA error: no kernel image is available for execution on the device" + ASYNCHRONOUS),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle)`"),
    RuntimeError(UNPERMITTED),
    RuntimeError("No available engine can execute this graph"),
    RuntimeError("the search engine is unable to find this computation"),
    ValueError("architecture.channels must be positive, got 0"),
    KeyError("memory"),
)


def text_of(error: Exception) -> str:
    return f"{type(error).__name__} {str(error)[:60]}"


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=text_of)
def test_out_of_memory_in_all_its_words(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", OTHERS, ids=text_of)
def test_other_errors_are_not_out_of_memory(error: Exception) -> None:
    assert not is_out_of_memory(error)


def raised(*errors: Exception, explicitly: bool = False) -> Exception:
    """The last of the errors, each raised because of the one before it or while that was handled."""
    *before, last = errors
    try:
        try:
            if before:
                raise raised(*before, explicitly=explicitly)
        except Exception as cause:
            if explicitly:
                raise last from cause
            raise last  # noqa: B904 - so that only the context tells
        raise last
    except Exception as error:
        return error


@pytest.mark.parametrize("explicitly", [True, False])
def test_what_led_to_an_error_counts(explicitly: bool) -> None:
    """Such as the clock that waits for a device on which an allocation has failed."""
    for cause in OUT_OF_MEMORY:
        led_to = raised(type(cause)(*cause.args), ArithmeticError("then"), OSError("at last"), explicitly=explicitly)
        assert is_out_of_memory(led_to)
    assert not is_out_of_memory(raised(ValueError("first"), ArithmeticError("then"), explicitly=explicitly))


def test_a_capture_that_another_error_ended_is_not_out_of_memory() -> None:
    for first, expected in ((UNPERMITTED, False), ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True)):
        assert is_out_of_memory(raised(RuntimeError(first), RuntimeError(INVALIDATED))) is expected
