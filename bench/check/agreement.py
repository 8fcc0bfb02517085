"""Whether a device trains what the CPU trains in float32: the same gradient and the same losses, up to rounding."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from hourglass_bench.architectures.config import ArchitectureConfig, Norm
from hourglass_bench.architectures.examples import tiny
from hourglass_bench.architectures.registry import ARCHITECTURES
from hourglass_bench.bench.check.lines import Line, Task
from hourglass_bench.bench.check.workload import arithmetics, batch_of, epoch_losses, frames_on, run_config
from hourglass_bench.bench.machine.precision import Arithmetic
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.setup import make_trainer

SIDE, FRAMES, BATCH, EPOCHS = 32, 32, 8, 3


class Difference(NamedTuple):
    """Largest ones, relative to the reference's."""

    gradient: float
    """Of the gradient of a parameter, in norm."""
    loss: float
    """Of the loss of an epoch."""


TOLERANCES: dict[Arithmetic, Difference] = {
    "fp32": Difference(1e-4, 1e-3),
    "tf32": Difference(6e-2, 1e-2),
    "bf16": Difference(2.5e-1, 2e-2),
}
"""On the CPU layouts differ by up to 6e-6 and 5e-5, and bf16 by 1.3e-1 and 4e-3; TF32 keeps two bits more than bf16."""
SMALL = 0.1
"""Share of the whole gradient's norm below which that of a parameter is taken for as large: some are nothing but
rounding, such as of a bias before a batch norm."""


class Trained(NamedTuple):
    """What is compared."""

    gradient: tuple[Tensor, ...]
    """(P,) float32 on the CPU, of each parameter at the start."""
    losses: list[float]
    """Of each epoch."""


def compare(task: Task) -> Iterator[Line]:
    """What is allowed, then a line for each architecture and norm."""
    torch.set_num_threads(1)  # networks this small gain nothing from a second one
    cpu, device = torch.device("cpu"), torch.device(task.device)
    compared = ways(device)
    allowed = {way: TOLERANCES[arithmetic] for way, (arithmetic, _) in compared.items()}
    yield Line(name="at most", figures=_figures(allowed))
    for name, norm in product(ARCHITECTURES, get_args(Norm)):
        architecture = tiny(name, norm)
        reference = train(architecture, "fp32", REFERENCE, cpu)
        found = {way: difference(train(architecture, *how, device), reference) for way, how in compared.items()}
        yield judge(f"{name}, norm {norm}", found, allowed)


def ways(device: torch.device) -> dict[str, tuple[Arithmetic, Execution]]:
    """What is compared with float32 on the CPU; there, another layout of the same numbers and bf16."""
    if device.type == "cpu":
        return {"fp32, contiguous": ("fp32", Execution(memory_format="contiguous")), "bf16": ("bf16", REFERENCE)}
    return {arithmetic: (arithmetic, REFERENCE) for arithmetic in reversed(arithmetics(device))}


def train(
    architecture: ArchitectureConfig, arithmetic: Arithmetic, execution: Execution, device: torch.device
) -> Trained:
    """The first gradient, and some epochs from equal weights over equal frames in equal order."""
    config = run_config(architecture, SIDE, batch_size=BATCH, epochs=EPOCHS, precision=arithmetic)
    data = frames_on(device, FRAMES, SIDE)
    trainer = make_trainer(config, EPOCHS * FRAMES // BATCH, device, execution)
    trainer._latent_generator = torch.Generator().manual_seed(0)  # a GPU's own has other numbers
    sizes = [parameter.numel() for parameter in trainer.network.parameters()]
    gradient = trainer.gradient(*batch_of(data, BATCH)).float().cpu().split(sizes)
    return Trained(gradient, epoch_losses(trainer, data, EPOCHS))


def difference(trained: Trained, reference: Trained) -> Difference:
    """How far one is from the other."""
    least = SMALL * torch.cat(reference.gradient).norm()
    pairs = zip(trained.gradient, reference.gradient, strict=True)
    gradient = torch.stack([(ours - theirs).norm() / theirs.norm().clamp(min=least) for ours, theirs in pairs]).max()
    losses, expected = torch.tensor(trained.losses), torch.tensor(reference.losses)
    loss = ((losses - expected).abs() / expected.abs()).max()
    return Difference(gradient.item(), loss.item())


def judge(name: str, found: Mapping[str, Difference], allowed: Mapping[str, Difference]) -> Line:
    """All differences of a network, and which are too large or no numbers."""
    figures, limits = _figures(found), _figures(allowed)
    failed = [figure for figure, value in figures.items() if not value <= limits[figure]]
    return Line(name=name, figures=figures, passed=not failed, note=", ".join(failed))


def _figures(of: Mapping[str, Difference]) -> dict[str, float]:
    return {
        f"{way}: {kind}": value
        for way, difference in of.items()
        for kind, value in zip(Difference._fields, difference, strict=True)
    }
