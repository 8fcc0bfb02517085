"""Whether a replayed graph trains and evaluates as the same kernels do one by one."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench.check.lines import Line, NotHere, Task
from hourglass_bench.bench.check.workload import frames_on, run_config
from hourglass_bench.bench.training.agreement import TOLERANCE
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.setup import make_trainer

SIDE, BATCH, STEPS = 64, 16, 30
NOISE = 2.0
"""Times that two eager trainings' difference may be added: kernels whose sums have no order drift apart in 30 steps."""
EVALUATIONS = 6
"""More than a graph takes until it is replayed."""


class Trained(NamedTuple):
    """What is compared: on the CPU, in float64."""

    losses: Tensor
    """(STEPS,)."""
    weights: Tensor
    """(P,) of all parameters and statistics at the end."""
    scores: Tensor
    """Of the last evaluation."""


def compare(task: Task) -> Iterator[Line | NotHere]:
    """A line for each architecture: losses of each step, weights at the end, scores of an evaluation."""
    device = torch.device(task.device)
    if device.type != "cuda":
        yield NotHere(f"only CUDA has graphs, and this is {device}")
        return
    for name in ARCHITECTURES:
        yield compare_one(configure(name, norm="batch"), device)


def compare_one(architecture: ArchitectureConfig, device: torch.device) -> Line:
    """A training by graphs beside one without."""
    graph, failure, tolerance = train(architecture, device, Execution(graph=True))
    eager, again = (train(architecture, device, REFERENCE)[0] for _ in range(2))
    return judge(architecture.name, graph, eager, again, tolerance, failure)


def train(architecture: ArchitectureConfig, device: torch.device, execution: Execution) -> tuple[Trained, str, float]:
    """What a training gives, why it had no graph (empty: it had one), and how far it may be from another's."""
    data = frames_on(device, STEPS * BATCH, SIDE)
    trainer = make_trainer(run_config(architecture, SIDE, batch_size=BATCH), STEPS, device, execution)
    batches = torch.arange(STEPS * BATCH).split(BATCH)
    losses = torch.stack([trainer.train_epoch(data, batch)[0] for batch in batches])
    state = trainer.network.state_dict().values()
    weights = torch.cat([tensor.flatten().double() for tensor in state if tensor.is_floating_point()])
    evaluations = [trainer.evaluate(data, batches[0]) for _ in range(EVALUATIONS)]
    scores = torch.tensor(list(evaluations[-1].values()), dtype=torch.float64)
    trained = Trained(losses.double().cpu(), weights.cpu(), scores)
    return trained, trainer.graph_failure, TOLERANCE[trainer.arithmetic]


def judge(name: str, graph: Trained, eager: Trained, again: Trained, tolerance: float, failure: str) -> Line:
    """How far a graph's training is from that without; one that fell back on none has not passed."""
    differences, noise = differences_of(graph, eager), differences_of(again, eager)
    return Line(
        name=name,
        figures=differences | {f"{kind}, eager twice": of for kind, of in noise.items()},
        passed=not failure and all(of <= tolerance + NOISE * noise[kind] for kind, of in differences.items()),
        note=failure or f"at most {tolerance:g} and {NOISE:g} times what two eager ones differ",
    )


def differences_of(ours: Trained, theirs: Trained) -> dict[str, float]:
    """Of each kind, by norms."""
    kinds = zip(Trained._fields, ours, theirs, strict=True)
    return {kind: float((one - other).norm() / other.norm()) for kind, one, other in kinds}
