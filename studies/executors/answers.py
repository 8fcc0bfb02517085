"""What a worker's answer means to the driver."""

from typing import Any

from hourglass_bench.studies.executors import Broken, Crowded, Failed, Forecast, Lost
from hourglass_bench.studies.worker import Outcome, Unpredicted, brief


def told(answer: Any, *, alone: bool) -> Any:
    """A call's result, which is none if memory ran out on a worker that had only a part of its device."""
    match answer:
        case Outcome("out_of_memory", reason) if not alone:
            return Crowded(reason)
    return answer


def is_healthy(answer: Any) -> bool:
    """Whether the process can go on: a CUDA error comes again in every later call, and memory may be left over."""
    return isinstance(answer, int) or (isinstance(answer, Outcome) and answer.state not in ("failed", "out_of_memory"))


def as_forecast(answer: Any) -> Forecast:
    """That a worker did not come to a prediction is no fault of the trial."""
    match answer:
        case int() | Outcome() | Unpredicted() | Broken():
            return answer
        case Lost(reason):
            return Unpredicted(reason)
        case Failed(error):
            return Unpredicted(brief(error))
        case _:
            raise TypeError(f"a worker must answer with a forecast, got {answer!r}")
