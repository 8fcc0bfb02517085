"""A network with its optimiser: one training step, one epoch, one evaluation.

Shapes: N frames, B batch, H height, W width.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from bench import schema
from bench.config import TrainingConfig
from bench.machine.precision import resolve, torch_dtype
from bench.metrics.overlap import scene_mean
from bench.training.augment import Transform, augment, sample_transform
from bench.training.device_frames import DeviceFrames
from bench.training.execution import REFERENCE, Execution
from bench.training.graph import CudaGraphs, Graphed
from bench.training.objective import LatentSample, Objective, Scores, Targets
from bench.training.optimizer import AdamW
from bench.training.pixels import known
from bench.training.schedule import lr_factor

EVALUATION_BATCH = {"cpu": 16, "cuda": 256, "mps": 64}
"""On a CPU small enough that its activations stay in the caches; on a GPU large enough to fill it."""


OVER_SCENES = (schema.VAL_IOU, schema.VAL_DICE)
"""Scores whose mean is over scenes; that of the others is over frames."""


class StepSample(NamedTuple):
    """What is random about a step, a row for each of its frames, on the device."""

    transform: Transform | None
    """Their augmentation; None leaves them as they are."""
    latent: LatentSample | None
    """The objective's, see `Objective.sample`."""


Rows = TypeVar("Rows", Transform, LatentSample)


def _on(device: torch.device, of: Rows | None) -> Rows | None:
    return of and type(of)(*(tensor.to(device) for tensor in of))


def _split(of: Rows | None, size: int, parts: int) -> Sequence[Rows | None]:
    """Tensors with a row per frame in parts of `size` frames."""
    if of is None:
        return [None] * parts
    return [type(of)(*rows) for rows in zip(*(tensor.split(size) for tensor in of), strict=True)]


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
        execution: Execution = REFERENCE,
    ) -> None:
        """Of frames of a height and width.

        Args:
            network: on the device, in the memory format of `execution`.
            steps: that the schedule spans.
            seed: of order, augmentation and latents.
        """
        self.network = network
        self.objective = objective
        self.config = config
        self.device = device
        self.execution = execution
        self.arithmetic = resolve(config.precision, device)
        self.dtype = torch_dtype(self.arithmetic)
        self._generator = torch.Generator().manual_seed(seed)
        # Latents have a generator to themselves: order and augmentation are the same whatever the objective.
        self._latent_generator = torch.Generator().manual_seed(seed)
        self._optimizer = AdamW(network.parameters(), config.weight_decay, capturable=execution.graph)
        self._steps, self._planned_steps = 0, steps
        self._seed = seed
        self._aspect = size[0] / size[1]
        self._graphed = Graphed(CudaGraphs(device)) if execution.graph else None

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return self.config.lr * lr_factor(self._steps, self._planned_steps, self.config)

    def sample(self, frames: int, *, augment: bool = True) -> StepSample:
        """What is random about the next step, of so many frames."""
        return StepSample(self._sample_transform(frames) if augment else None, self._sample_latent(frames))

    def _sample_transform(self, frames: int) -> Transform | None:
        return _on(self.device, sample_transform(frames, self._aspect, self.config, self._generator))

    def _sample_latent(self, frames: int) -> LatentSample | None:
        progress = self._steps / self._planned_steps
        return _on(self.device, self.objective.sample(frames, progress, self._latent_generator))

    def step(self, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        """(B, 3, H, W) and (B, 1, H, W) as in `DeviceFrames` -> the batch's mean loss, detached, on the device."""
        self._optimizer.set_lr(self.lr)
        self._steps += 1
        inputs = (images, masks, sample)
        return self._graphed(self.update, *inputs) if self._graphed else self.update(*inputs)

    @property
    def graph_failure(self) -> str:
        """Why a graph was given up and its calls are eager; empty if none was."""
        return ""

    def free_graph(self) -> None:
        """Give back the memory of a captured step; the trainer trains no more."""
        self._graphed = None

    def update(self, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        """A step's work on the device: the same kernels on the same memory whatever the step, as a graph demands."""
        loss = self._accumulate_gradients(images, masks, sample)
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss

    def gradient(self, images: Tensor, masks: Tensor) -> Tensor:
        """The batch's gradient as one flat tensor, without augmentation and update."""
        self.network.train()
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
        yield from self.network.parameters()
        yield from self.network.buffers()
        yield from self._optimizer.state()

    def train_epoch(
        self, data: DeviceFrames, indices: Tensor, on_step: Callable[[], None] = lambda: None
    ) -> tuple[Tensor, int]:
        """One pass over the frames at `indices` in a fresh order: (sum of the batches' losses, number of batches).

        Full batches only; the rest of less than a batch waits for the next epoch's order. `on_step` is told of each.
        """
        self.network.train()
        size = min(self.config.batch_size, len(indices))
        order = indices[torch.randperm(len(indices), generator=self._generator)].to(self.device)
        batches = order.split(size)[: len(indices) // size]
        transforms = self._sample_transform(len(batches) * size)  # small, and faster for all of an epoch
        total = torch.zeros((), device=self.device)
        for batch, transform in zip(batches, _split(transforms, size, len(batches)), strict=True):
            sample = StepSample(transform, self._sample_latent(size))
            total += self.step(data.images[batch], data.masks[batch], sample)
            on_step()
        return total, len(batches)

    @torch.inference_mode()
    def evaluate(self, data: DeviceFrames, indices: Tensor) -> dict[str, float]:
        """Scores of the frames at `indices` by their names, each frame weighing the same in the losses.

        Latents are the same in every evaluation.
        """
        self.network.eval()
        generator = torch.Generator().manual_seed(self._seed)
        parts: list[Scores] = []
        for inputs, targets in self.pairs(data, indices):
            latent = _on(self.device, self.objective.sample(len(inputs), 1.0, generator))
            with self._autocast():
                output = self.objective.forward(self.network, inputs, latent)
            parts.append(self.objective.scores(output.float(), targets, latent))
        scenes = [data.scenes[index] for index in indices.tolist()]
        values = {metric: torch.cat([part[metric] for part in parts]) for metric in parts[0]}
        return {
            metric.name: scene_mean(of.tolist(), scenes) if metric in OVER_SCENES else of.mean().item()
            for metric, of in values.items()
        }

    @torch.inference_mode()
    def predict(self, data: DeviceFrames, indices: Tensor) -> Tensor:
        """Foreground probability, or pixels in [0, 1], of the frames at `indices`: (N, C, H, W) float16 on the CPU."""
        self.network.eval()
        parts = []
        for inputs, _ in self.pairs(data, indices):
            with self._autocast():
                parts.append(self.network(inputs).float().sigmoid().half().cpu())
        return torch.cat(parts)

    def pairs(self, data: DeviceFrames, indices: Tensor) -> Iterator[tuple[Tensor, Targets]]:
        """What enters the network and what is to leave it, without augmentation, some frames at a time."""
        for part in indices.to(self.device).split(EVALUATION_BATCH[self.device.type]):
            masks = data.masks[part]
            labels, ignored = known(masks.float(), masks)
            inputs, targets = self.objective.pair(data.images[part].float() / 255, labels)
            yield inputs.contiguous(memory_format=self.execution.torch_format), Targets(targets, ignored)

    def _autocast(self) -> torch.autocast:
        """Mixed precision where the arithmetic is not float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
