"""Faults, each in a process of its own: are they recognised, and can one train afterwards?"""

import math
import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple, TypeVar

import torch

from hourglass_bench.architectures.examples import segmenter
from hourglass_bench.bench.check.lines import Line, Task, cause, error_line
from hourglass_bench.bench.check.workload import batch_of, frames_on, run_config
from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.perf.isolated import IsolatedProcess
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.graph import cuda_graphs
from hourglass_bench.bench.training.setup import execution_choices, make_trainer

SIDE, BATCH, STEPS = 32, 8, 8
SECONDS = 90.0
"""That a fault may take, libraries loaded from a slow disk among it."""
ROOM = 1 << 30
"""Bytes of a GPU that a process is held to where it is to run out of them, so that it is soon."""
ABSURD = 1 << 55
"""Bytes that no machine has."""

A = TypeVar("A")


class Fault(NamedTuple):
    """One that is provoked."""

    name: str
    provoke: Callable[[torch.device], None]
    """Raises it."""
    of_memory: bool
    survivable: bool
    """Whether the same process must be able to train afterwards."""


def provoke(task: Task) -> Iterator[Line]:
    """A line for each fault, and one for a new process after the last of them."""
    for fault in ON_A_GPU if torch.device(task.device).type == "cuda" else ON_A_CPU:
        yield apart(fault.name, _meet, (fault, task.device))
    yield apart("a new process after these", _start_anew, task.device)


def apart(name: str, work: Callable[[A, Callable[[Line], None]], None], argument: A) -> Line:
    """What a process of its own reports; a failure if it dies or hangs."""
    try:
        with IsolatedProcess[Line](name, work, argument) as process:
            return process.step(SECONDS)
    except (RuntimeError, TimeoutError) as error:
        return Line(name=name, passed=False, note=cause(str(error)))


def meet(fault: Fault, device: torch.device) -> Line:
    """Provoke a fault in this process, and train afterwards."""
    train(device)  # a fault comes to a process that works
    try:
        fault.provoke(device)
    except Exception as error:
        said, known = error_line(error), is_out_of_memory(error) == fault.of_memory
    else:
        return Line(name=fault.name, passed=False, note="nothing was raised")
    survived = _survives(device)
    return Line(
        name=fault.name,
        passed=known and (survived or not fault.survivable),
        note=f"{'' if known else 'not '}recognised; {'trains on' if survived else 'trains no more'} ({said})",
    )


def train(device: torch.device, batch: int = BATCH, execution: Execution | None = None) -> None:
    """A few steps, by default as trainings are carried out, of a network that gains nothing from a second thread.

    Raises:
        ValueError: its losses are no numbers, or it gave up its graph.
    """
    torch.set_num_threads(1)
    config = run_config(segmenter(), SIDE, batch_size=batch)
    images, masks = batch_of(frames_on(device, BATCH, SIDE), batch)
    trainer = make_trainer(config, STEPS, device, execution or execution_choices(config, device)[0])
    losses = [trainer.step(images, masks, trainer.sample(batch)).item() for _ in range(STEPS)]
    if not all(map(math.isfinite, losses)):
        raise ValueError(f"losses must be finite, got {losses}.")
    if trainer.graph_failure:
        raise ValueError(f"a step must be captured, got {trainer.graph_failure}.")


def _survives(device: torch.device) -> bool:
    try:
        train(device)
    except Exception:
        return False
    return True


def _meet(argument: tuple[Fault, str], report: Callable[[Line], None]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a failed assertion on the device prints a line per thread
    fault, device = argument
    report(meet(fault, torch.device(device)))


def _start_anew(device: str, report: Callable[[Line], None]) -> None:
    train(torch.device(device))
    report(Line(name="a new process after these", passed=True, note="trains"))


def _grow(device: torch.device) -> None:
    _limit(device, ROOM)
    for growth in count():  # in few sizes, for each of which cuDNN looks for its fastest kernels
        train(device, BATCH * 16**growth, REFERENCE)


def _capture_too_much(device: torch.device) -> None:
    cuda_graphs(device).capture(lambda: torch.empty(ABSURD, dtype=torch.uint8, device=device))


def _capture_a_wait(device: torch.device) -> None:
    cuda_graphs(device).capture(lambda: torch.ones((), device=device).item())


def _ask_too_much(device: torch.device) -> None:
    torch.empty(ABSURD, dtype=torch.uint8, device=device)


def _ask_out_of_range(device: torch.device) -> None:
    torch.zeros(4, device=device)[torch.tensor([9], device=device)].cpu()


def _limit(device: torch.device, size: int) -> None:
    """Hold this process to so many bytes of a GPU."""
    torch.cuda.set_per_process_memory_fraction(size / torch.cuda.get_device_properties(device).total_memory, device)


ON_A_CPU = (
    Fault("an allocation that no machine has room for", _ask_too_much, of_memory=True, survivable=True),
    Fault("an index out of range", _ask_out_of_range, of_memory=False, survivable=True),
)
ON_A_GPU = (
    Fault("out of memory, eager", _grow, of_memory=True, survivable=True),
    Fault("out of memory in a capture", _capture_too_much, of_memory=True, survivable=True),
    Fault("a capture that CUDA invalidates", _capture_a_wait, of_memory=False, survivable=True),
    Fault("an index out of range, an assertion on the device", _ask_out_of_range, of_memory=False, survivable=False),
)
