"""How a network from elsewhere can be carried out: tried once, by a network that is thrown away."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.machine.precision import NAMES, Arithmetic
from hourglass_bench.bench.training.agreement import TOLERANCE, agrees
from hourglass_bench.bench.training.draws import forked
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.objective import Scores
from hourglass_bench.bench.training.trainer import Trainer

FRAMES = 2
"""Of the trial: batch norm in training refuses one whose map is a single pixel."""
TRIAL_STEPS = 2
"""Of training: buffers that the first one makes are seen to change in the second."""


class Capabilities(NamedTuple):
    """What a network's training and evaluation, and the forecast of its memory, are carried out by."""

    reference: Execution
    arithmetic: Arithmetic
    notes: tuple[str, ...] = ()
    """What is done otherwise than to the networks of this project, and what its author may not expect."""


Make = Callable[[Execution, Arithmetic], Trainer]


def probe(make: Make, name: str, size: tuple[int, int], arithmetic: Arithmetic) -> Capabilities:
    """Of a network of that name: as all networks if that works, else in contiguous memory, else in float32.

    Raises:
        ValueError: it does not train and evaluate in any of these ways, or a checkpoint would not hold what it learns.
    """
    contiguous = Execution(memory_format="contiguous")
    ways = dict.fromkeys((execution, each) for each in (arithmetic, "fp32") for execution in (REFERENCE, contiguous))
    failures: list[str] = []
    for reference, tried in ways:
        try:
            with forked():
                trainer = make(reference, tried)
                seen = _try(trainer, size)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            failures.append(f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}".rstrip("."))
            continue
        _require_storable(trainer.network, seen.lost, name)
        notes = []
        if tried != arithmetic:
            notes.append(f"it is trained in {NAMES[tried]}, since {NAMES[arithmetic]} gave {failures[1]}")
        if reference != REFERENCE:
            notes.append(f"it is trained in contiguous memory, since channels_last gave {failures[-1]}")
        return Capabilities(reference, tried, (*notes, *seen.notes))
    raise ValueError(f"architecture {name} must train and evaluate, got {failures[-1]}.")


class _Seen(NamedTuple):
    notes: tuple[str, ...]
    lost: list[str]
    """Buffers that steps change and checkpoints leave out."""


def _try(trainer: Trainer, size: tuple[int, int]) -> _Seen:
    """Two steps and three evaluations, of frames of noise."""
    network, notes = trainer.network, []
    resting = {name or "itself": module for name, module in network.named_modules() if not module.training}
    network.train()
    if woken := [name for name, module in resting.items() if module.training]:
        notes.append(f"made in evaluation mode, trained like the rest: {', '.join(woken)}")
    pixels = torch.randint(256, (FRAMES, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images, masks = pixels.to(trainer.device), (pixels[:, :1] > 127).to(trainer.device)

    trainer.step(images, masks, trainer.sample(FRAMES))  # in which what is made at first use is made
    before = {name: tensor.clone() for name, tensor in _unstored(network).items()}
    trainer.step(images, masks, trainer.sample(FRAMES))
    lost = [name for name, tensor in _unstored(network).items() if name in before and not _same(tensor, before[name])]

    network.eval()
    with torch.inference_mode():
        first, again = (trainer.score(images, masks, None) for _ in range(2))
        alone = trainer.score(images[:1], masks[:1], None)
    if not _agree(first, again, trainer.arithmetic):
        notes.append("it is random in evaluation")
    elif not _agree({metric: values[:1] for metric, values in first.items()}, alone, trainer.arithmetic):
        notes.append("what it makes of a frame depends on the others of its batch, in evaluation too")
    return _Seen(tuple(notes), lost)


def _unstored(network: nn.Module) -> dict[str, Tensor]:
    """Buffers that are not persistent."""
    stored = network.state_dict()
    return {name: buffer for name, buffer in network.named_buffers() if name not in stored}


def _same(tensor: Tensor, before: Tensor) -> bool:
    return tensor.shape == before.shape and torch.equal(tensor, before)


def _agree(ours: Scores, theirs: Scores, arithmetic: Arithmetic) -> bool:
    return agrees(list(ours.values()), list(theirs.values()), TOLERANCE[arithmetic])


def _require_storable(network: nn.Module, lost: list[str], name: str) -> None:
    extra = [key for key, value in network.state_dict().items() if not isinstance(value, Tensor)]
    if extra:
        raise ValueError(f"architecture {name} must have a state_dict of tensors only, got {', '.join(extra)}.")
    if lost:
        raise ValueError(
            f"architecture {name} must keep what training changes in persistent buffers, got {', '.join(lost)} with "
            "persistent=False, which no checkpoint holds."
        )
