"""Whether a trainer that is dropped gives back its memory: a worker makes one after the other."""

from collections.abc import Iterator, Sequence

import torch

from hourglass_bench.architectures.examples import segmenter
from hourglass_bench.bench.check.lines import Line, NotHere, Task
from hourglass_bench.bench.check.workload import epoch_losses, frames_on, run_config
from hourglass_bench.bench.machine.allocator import keep_freed_memory
from hourglass_bench.bench.machine.device import proc_entry
from hourglass_bench.bench.training.setup import execution_choices, make_trainer

TRAINERS = 40
WARM_UP = 8
"""Trainers after which nothing should grow any more: libraries and allocators have what they keep."""
STEPS = 8
"""Of each, more than a graph takes until it is replayed."""
GROWTH = 32 << 20
"""Bytes that may be added by all others, which would be a few of these trainers."""


def watch(task: Task) -> Iterator[Line | NotHere]:
    """A line for each kind of memory, by trainers in their default execution."""
    torch.set_num_threads(1)
    keep_freed_memory()
    device = torch.device(task.device)
    side, batch = (64, 32) if device.type == "cuda" else (16, 4)
    config = run_config(segmenter((32, 64, 128), norm="batch"), side, batch_size=batch)
    execution = execution_choices(config, device)[0]
    data = frames_on(device, batch, side)
    held: list[dict[str, int]] = []
    for _ in range(TRAINERS // (2 if task.short else 1)):
        trainer = make_trainer(config, STEPS, device, execution)
        epoch_losses(trainer, data, STEPS)
        trainer.evaluate(data, torch.arange(batch).repeat(STEPS))
        del trainer
        held.append(memory(device))
    if not held[0]:
        yield NotHere("only Linux tells a process's memory at any time")
    for kind in held[0]:
        yield judge(kind, [figures[kind] for figures in held])


def memory(device: torch.device) -> dict[str, int]:
    """Bytes that this process has, by kind."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        allocated, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
        return {"allocated": allocated, "reserved": reserved}
    resident = proc_entry("self/status", "VmRSS")
    return {"resident": int(resident.split()[0]) * 1024} if resident else {}


def judge(kind: str, held: Sequence[int]) -> Line:
    """The most that was held early against the most that was held later."""
    early, late = max(held[:WARM_UP]), max(held[WARM_UP:])
    return Line(
        name=f"memory, {kind}",
        figures={f"after {WARM_UP}, MB": early / 1e6, f"after {len(held)}, MB": late / 1e6},
        passed=late - early <= GROWTH,
        note=f"may grow by {GROWTH / 1e6:.0f} MB",
    )
