"""Whether an error means that memory ran out, which libraries say in many words. Imports no torch."""

from collections.abc import Iterator

TEXTS = (
    "out of memory",  # CUDA's, HIP's, Triton's and the MPS backend's, also where the exception's type got lost
    "cudaErrorMemoryAllocation",
    "ALLOC_FAILED",  # of cuBLAS, cuSOLVER and cuDNN
    "ALLOCATION_FAILED",  # of cuDNN from version 9
    # cuDNN's convolutions try one engine after the other and do not say that each lacked memory for its workspace.
    "unable to find an engine to execute this computation",
    "Unable to find a valid cuDNN algorithm",
    "DefaultCPUAllocator",
)
INVALIDATED = ("operation failed due to a previous error during capture", "cudaErrorStreamCaptureInvalidated")
"""How a capture ends in which an allocation failed. Other errors end it so too, but those have been raised before."""


def is_out_of_memory(error: BaseException) -> bool:
    """By its type, by its text, or by an error that led to it."""
    chain = list(causes(error))
    return any(_says_so(each) for each in chain) or any(text in str(chain[-1]) for text in INVALIDATED)


def _says_so(error: BaseException) -> bool:
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(text in str(error) for text in TEXTS)
    )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was raised from or while handling, back to the first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
