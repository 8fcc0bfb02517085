"""A network with its optimiser: one training step, one epoch, one evaluation.

Shapes: N frames, B batch, H height, W width.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from random import Random
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.bench.machine import signs
from hourglass_bench.bench.machine.device import send
from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.machine.precision import Arithmetic, torch_dtype
from hourglass_bench.bench.metrics.overlap import scene_mean
from hourglass_bench.bench.training.agreement import TOLERANCE
from hourglass_bench.bench.training.augment import Transform, augment, sample_transform
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.draws import seed_draws
from hourglass_bench.bench.training.encoder import Encoder, trainable
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.graph import Graphed, cuda_graphs
from hourglass_bench.bench.training.objective import LatentSample, Objective, Scores, Targets
from hourglass_bench.bench.training.optimizer import AdamW, Group
from hourglass_bench.bench.training.pixels import known
from hourglass_bench.bench.training.schedule import lr_factor

CPU_EVALUATION_BATCH = 16
"""Frames, few enough that their activations stay in a CPU's caches. Elsewhere they are as many as in a training step,
whose memory was asked for and is more: a forward pass keeps nothing for a backward pass."""

OVER_SCENES = (schema.VAL_IOU, schema.VAL_DICE)
"""Scores whose mean is over scenes; that of the others is over frames."""


class StepSample(NamedTuple):
    """What is random about a step, a row for each of its frames, on the device."""

    transform: Transform | None
    """Their augmentation; None leaves them as they are."""
    latent: LatentSample | None
    """The objective's, see `Objective.sample`."""


Result = TypeVar("Result")
Rows = TypeVar("Rows", Transform, LatentSample)


def _send(of: Rows | None, device: torch.device) -> Rows | None:
    return of and type(of)(*(send(tensor, device) for tensor in of))


def _split(of: Rows | None, size: int, parts: int) -> Sequence[Rows | None]:
    """Tensors with a row per frame in parts of `size` frames."""
    if of is None:
        return [None] * parts
    return [type(of)(*rows) for rows in zip(*(tensor.split(size) for tensor in of), strict=True)]


class _Batch(NamedTuple):
    """Indices of a batch's frames, (B,), on the host and on the device: no one waits for the other to tell them."""

    host: Tensor
    there: Tensor


def _frames(data: DeviceFrames, batch: _Batch) -> tuple[Tensor, Tensor]:
    """Images and masks of a batch, on the device."""
    images = data.images[batch.there if isinstance(data.images, Tensor) else batch.host]
    return images, data.masks[batch.there]


def _gathering(function: Callable[..., Result]) -> Callable[..., Result]:
    """The function of a batch's images and masks as one of all images, all masks, and the batch's indices."""

    def gathered(images: Tensor, masks: Tensor, indices: Tensor, *rest: object) -> Result:
        return function(images[indices], masks[indices], *rest)

    return gathered


def _make_generator(device: torch.device, seed: int) -> torch.Generator:
    """The device's own, so that nothing has to be sent."""
    return torch.Generator(device).manual_seed(seed)


class Trainer:
    """A network in training: data on the device, a batch is an index, no host synchronisation inside an epoch."""

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        config: TrainingConfig,
        *,
        size: tuple[int, int],
        steps: int,
        seed: int,
        device: torch.device,
        arithmetic: Arithmetic,
        execution: Execution = REFERENCE,
        encoder: Sequence[nn.Module] = (),
    ) -> None:
        """Of frames of a height and width.

        Args:
            network: on the device, in the memory format of `execution`.
            steps: that the schedule spans.
            seed: of order, augmentation, latents and what modules draw.
            encoder: submodules that may be frozen and have a learning rate of their own, see `TrainingConfig`.
        """
        self.network = network
        self.objective = objective
        self.config = config
        self.device = device
        self.execution = execution
        self.arithmetic = arithmetic
        self.dtype = torch_dtype(self.arithmetic)
        self._generator = torch.Generator().manual_seed(seed)
        # Latents have a generator to themselves: order and augmentation are the same whatever the objective.
        self._latent_generator = _make_generator(device, seed)
        self._module_seeds = Random(seed)
        self._encoder = Encoder(encoder)
        own = set(self._encoder.parameters)
        rest = [parameter for parameter in trainable(network) if parameter not in own]
        groups = [Group(rest), Group(self._encoder.parameters, config.encoder_lr_factor)]
        self._optimizer = AdamW(groups, config.weight_decay, capturable=execution.graph)
        self._steps, self._planned_steps = 0, steps
        self._seed = seed
        self._aspect = size[0] / size[1]
        graphs = cuda_graphs(device) if execution.graph else None
        self._training, self._evaluation = (Graphed(graphs, TOLERANCE[self.arithmetic]) for _ in range(2))

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return self.config.lr * lr_factor(self._steps, self._planned_steps, self.config)

    def sample(self, frames: int, *, augment: bool = True) -> StepSample:
        """What is random about the next step, of so many frames."""
        return StepSample(self._sample_transform(frames) if augment else None, self._sample_latent(frames))

    def _sample_transform(self, frames: int) -> Transform | None:
        return _send(sample_transform(frames, self._aspect, self.config, self._generator), self.device)

    def _sample_latent(self, frames: int) -> LatentSample | None:
        progress = self._steps / self._planned_steps
        return _send(self.objective.sample(frames, progress, self._latent_generator), self.device)

    def freeze_encoder(self, frozen: bool) -> None:
        """Whether the encoder stays as it is in the next steps: no gradient, no decay, no statistics, no dropout.

        What was captured would go on as before, so both graphs begin anew: they share their memory, which the next
        steps need.
        """
        if frozen == self._encoder.is_frozen:
            return
        self._encoder.freeze(frozen)
        for graphed in (self._training, self._evaluation):
            graphed.restart()

    def step(self, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        """(B, 3, H, W) and (B, 1, H, W) as in `DeviceFrames` -> the batch's mean loss, detached, on the device."""
        return self._step(self.update, images, masks, sample)

    def _step(self, update: Callable[..., Tensor], *inputs: object, fixed: tuple[Tensor, ...] = ()) -> Tensor:
        self._optimizer.set_lr(self.lr)
        self._steps += 1
        return self._training(update, *inputs, fixed=fixed, state=self._state)

    @property
    def graph_failure(self) -> str:
        """Why a graph was given up and its calls are eager; empty if none was."""
        failures = {"training": self._training.failure, "evaluation": self._evaluation.failure}
        return "; ".join(f"{name}: {failure}" for name, failure in failures.items() if failure)

    def free_graph(self) -> None:
        """Give back the memory of what was captured, training step and evaluation; later calls are eager."""
        self._training.free()
        self._evaluation.free()

    def update(self, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        """A step's work on the device: the same kernels on the same memory whatever the step, as a graph demands."""
        try:
            loss = self._accumulate_gradients(images, masks, sample)
            if self.config.clip_norm:
                nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
            self._optimizer.step()
        finally:
            self._optimizer.zero_grad()  # those of a capture that broke, too: they never were
        return loss

    def gradient(self, images: Tensor, masks: Tensor) -> Tensor:
        """The batch's gradient as one flat tensor, without augmentation and update."""
        self.network.train()
        seed_draws(self._seed, self.device)
        self._accumulate_gradients(images, masks, self.sample(len(images), augment=False))
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._optimizer.zero_grad()
        return flat

    def _accumulate_gradients(self, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        """Add the gradients of the batch's mean loss to the parameters' -> that loss."""
        pixels, labels = images.float() / 255, masks.float()
        if sample.transform is not None:
            pixels, labels = augment(pixels, labels, sample.transform)
        labels, ignored = known(labels, masks)
        inputs, targets = self.objective.pair(pixels, labels)
        inputs = inputs.contiguous(memory_format=self.execution.torch_format)
        size = self.execution.micro_batch or len(inputs)
        parts = inputs.split(size), Targets(targets, ignored).split(size)
        losses = []
        for part, part_targets, latent in zip(*parts, _split(sample.latent, size, len(parts[0])), strict=True):
            with self._autocast():
                output = self.objective.forward(self.network, part, latent)
            loss = self.objective.loss(output.float(), part_targets, latent).sum() / len(inputs)
            loss.backward()
            losses.append(loss.detach())
        return torch.stack(losses).sum()

    def resident(self) -> Iterator[Tensor]:
        """Tensors that live between steps: parameters, buffers and the optimiser's state."""
        return chain.from_iterable(self._state())

    def _state(self) -> list[list[Tensor]]:
        """What a step changes in place, in groups of one kind."""
        buffers = list(self.network.buffers())
        statistics = [buffer for buffer in buffers if buffer.is_floating_point()]
        counters = [buffer for buffer in buffers if not buffer.is_floating_point()]
        return [list(self.network.parameters()), statistics, counters, *self._optimizer.state()]

    def state(self) -> dict[str, Any]:
        """Everything that decides the next epochs, tensors on the CPU; of plain types only."""
        return {
            "tensors": [tensor.detach().cpu() for tensor in self.resident()],
            "steps": self._steps,
            "generator": self._generator.get_state(),
            "latent_generator": self._latent_generator.get_state(),
            "module_seeds": self._module_seeds.getstate(),
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` told of a trainer that was made alike, and has not taken a step since."""
        for own, stored in zip(self.resident(), state["tensors"], strict=True):
            own.copy_(stored)
        self._steps = state["steps"]
        self._generator.set_state(state["generator"])
        self._latent_generator.set_state(state["latent_generator"])
        self._module_seeds.setstate(state["module_seeds"])

    def train_epoch(
        self, data: DeviceFrames, indices: Tensor, on_step: Callable[[], None] = lambda: None
    ) -> tuple[Tensor, int]:
        """One pass over the frames at `indices` in a fresh order: (sum of the batches' losses, number of batches).

        Full batches only; the rest of less than a batch waits for the next epoch's order. `on_step` is told of each.
        """
        self.network.train()
        self._encoder.rest()
        seed_draws(self._module_seeds.getrandbits(62), self.device)
        size = min(self.config.batch_size, len(indices))
        order = indices[torch.randperm(len(indices), generator=self._generator)]
        batches = self._batches(order, size)[: len(indices) // size]
        transforms = self._sample_transform(len(batches) * size)  # small, and faster for all of an epoch
        total = torch.zeros((), device=self.device)
        fixed = self._fixed(data)
        for batch, transform in zip(batches, _split(transforms, size, len(batches)), strict=True):
            sample = StepSample(transform, self._sample_latent(size))
            if fixed:
                total += self._step(_gathering(self.update), batch.there, sample, fixed=fixed)
            else:
                total += self.step(*_frames(data, batch), sample)
            signs.give()
            on_step()
        return total, len(batches)

    @torch.inference_mode()
    def evaluate(self, data: DeviceFrames, indices: Tensor) -> dict[str, float]:
        """Scores of the frames at `indices` by their names, each frame weighing the same in the losses.

        Latents, and what modules draw, are the same in every evaluation.
        """
        self.network.eval()
        seed_draws(self._seed, self.device)
        try:
            parts = self._score_parts(data, indices)
        except RuntimeError as error:
            if not self.execution.graph or not is_out_of_memory(error):
                raise
            parts = []
        if not parts:  # the memory of the training's graph is lost to eager calls: without it there is room
            self.free_graph()
            self._evaluation.failure = "there was no memory for it beside the training's graph, which was given up"
            parts = self._score_parts(data, indices)
        scenes = [data.scenes[index] for index in indices.tolist()]
        values = {metric: torch.cat([part[metric] for part in parts])[: len(indices)] for metric in parts[0]}
        return {
            metric.name: scene_mean(of.tolist(), scenes) if metric in OVER_SCENES else of.mean().item()
            for metric, of in values.items()
        }

    def _score_parts(self, data: DeviceFrames, indices: Tensor) -> list[Scores]:
        """Of one batch after the other; the last may be filled up."""
        generator = _make_generator(self.device, self._seed)
        parts = []
        fixed = self._fixed(data)
        for batch in self._batches(self._filled(indices), self._evaluation_size):
            latent = _send(self.objective.sample(len(batch.host), 1.0, generator), self.device)
            if fixed:
                parts.append(self._evaluation(_gathering(self.score), batch.there, latent, fixed=fixed))
            else:
                parts.append(self._evaluation(self.score, *_frames(data, batch), latent))
            signs.give()
        return parts

    def score(self, images: Tensor, masks: Tensor, latent: LatentSample | None) -> Scores:
        """An evaluation's work on the device, of a batch as in `step`; what holds for `update` holds here."""
        inputs, targets = self._pair(images, masks)
        with self._autocast():
            output = self.objective.forward(self.network, inputs, latent)
        return self.objective.scores(output.float(), targets, latent)

    @torch.inference_mode()
    def predict(self, data: DeviceFrames, indices: Tensor) -> Tensor:
        """Foreground probability, or pixels in [0, 1], of the frames at `indices`: (N, C, H, W) float16 on the CPU."""
        self.network.eval()
        seed_draws(self._seed, self.device)
        parts = []
        for inputs, _ in self.pairs(data, self._filled(indices)):
            with self._autocast():
                parts.append(self.network(inputs).float().sigmoid().half().cpu())
        return torch.cat(parts)[: len(indices)]

    def pairs(self, data: DeviceFrames, indices: Tensor) -> Iterator[tuple[Tensor, Targets]]:
        """What enters the network and what is to leave it, without augmentation, some frames at a time."""
        for batch in self._batches(indices, self._evaluation_size):
            yield self._pair(*_frames(data, batch))
            signs.give()

    def _pair(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Targets]:
        labels, ignored = known(masks.float(), masks)
        inputs, targets = self.objective.pair(images.float() / 255, labels)
        return inputs.contiguous(memory_format=self.execution.torch_format), Targets(targets, ignored)

    @property
    def _evaluation_size(self) -> int:
        return CPU_EVALUATION_BATCH if self.device.type == "cpu" else self.config.batch_size

    def _filled(self, indices: Tensor) -> Tensor:
        """With the first frame again until the last batch is full, where graphs are.

        Their batches have one size; and for each size cuDNN would look for its fastest kernels again.
        """
        missing = -len(indices) % self._evaluation_size if self.execution.graph else 0
        return torch.cat([indices, indices[:1].expand(missing)])

    def _batches(self, indices: Tensor, size: int) -> list[_Batch]:
        """Frames at indices on the host, some at a time; all indices are sent at once."""
        parts = zip(indices.split(size), send(indices, self.device).split(size), strict=True)
        return [_Batch(*part) for part in parts]

    def _fixed(self, data: DeviceFrames) -> tuple[Tensor, ...]:
        """All images and masks, where a graph can choose among them: they lie on the device. Else nothing."""
        images, masks = data.images, data.masks
        if self.execution.graph and isinstance(images, Tensor) and isinstance(masks, Tensor):
            return images, masks
        return ()

    def _autocast(self) -> torch.autocast:
        """Mixed precision where the arithmetic is not float32.

        It is entered within what is captured and left there, which empties its cache of weights in bf16: each replay
        makes them of the weights that there are.
        """
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
