"""A network with its optimiser: one training step, one epoch, one evaluation.

Shapes: N frames, B batch, H height, W width.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench import schema
from bench.config import RunConfig
from bench.data.frames import Frames, is_foreground
from bench.machine.device import choose_dtype
from bench.metrics.overlap import scene_mean
from bench.training.augment import Transform, augment, draw
from bench.training.execution import REFERENCE, Execution
from bench.training.graph import CudaGraphs, Graphed
from bench.training.objective import Scores, make_objective
from bench.training.optimizer import AdamW
from bench.training.schedule import lr_factor

EVALUATION_BATCH = {"cpu": 16, "cuda": 256}
"""On a CPU small enough that its activations stay in the caches; on a GPU large enough to fill it."""


class DeviceFrames(NamedTuple):
    """A data set on the device, bytes as decoded."""

    images: Tensor
    """(N, 3, H, W) uint8, channels last."""
    masks: Tensor
    """(N, 1, H, W) bool."""
    scenes: tuple[str, ...]


OVER_SCENES = (schema.VAL_IOU, schema.VAL_DICE)
"""Scores whose mean is over scenes; that of the others is over frames."""


def to_device(frames: Frames, device: torch.device) -> DeviceFrames:
    """Move frames to the device once; on the CPU images stay the mapped file that all workers share."""
    images = torch.from_numpy(frames.images).to(device).permute(0, 3, 1, 2)
    masks = torch.from_numpy(is_foreground(frames.masks)).to(device).unsqueeze(1)
    return DeviceFrames(images, masks, frames.scenes)


class Trainer:
    """A network in training: data on the device, a batch is an index, no host synchronisation inside an epoch."""

    def __init__(
        self,
        network: nn.Module,
        config: RunConfig,
        steps: int,
        device: torch.device,
        execution: Execution = REFERENCE,
    ) -> None:
        """`network` lies on the device in the memory format of `execution`; the schedule spans `steps` steps."""
        training = config.training
        self.network = network
        self.config = training
        self.device = device
        self.execution = execution
        self.objective = make_objective(config, network)
        self.dtype = choose_dtype(training.precision, device)
        self._generator = torch.Generator().manual_seed(config.repeat)
        # Of its own, so that order and augmentation are the same whatever the objective draws.
        self._own_generator = torch.Generator().manual_seed(config.repeat)
        self._optimizer = AdamW(network.parameters(), training.weight_decay, capturable=execution.graph)
        self._steps, self._planned_steps = 0, steps
        self._seed = config.repeat
        self._aspect = config.data.size[0] / config.data.size[1]
        self._graphed = Graphed(CudaGraphs(device)) if execution.graph else None

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return self.config.lr * lr_factor(self._steps, self._planned_steps, self.config)

    def draw(self, frames: int, *, augment: bool = True) -> tuple[Tensor, ...]:
        """What is random about a step of so many frames, on the device: their augmentation, and the objective's own."""
        return (*(self._draw_transform(frames) if augment else ()), *self._draw_own(frames))

    def _draw_transform(self, frames: int) -> tuple[Tensor, ...]:
        transform = draw(frames, self._aspect, self.config, self._generator)
        return tuple(part.to(self.device) for part in transform or ())

    def _draw_own(self, frames: int) -> tuple[Tensor, ...]:
        progress = torch.full((frames,), self._steps / self._planned_steps)
        return tuple(part.to(self.device) for part in self.objective.draw(progress, self._own_generator))

    def step(self, images: Tensor, masks: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        """(B, 3, H, W) uint8, (B, 1, H, W) bool and their draws -> the batch's mean loss, detached, on the device."""
        self._optimizer.set_lr(self.lr)
        self._steps += 1
        inputs = (images, masks, *drawn)
        return self._graphed(self.update, *inputs) if self._graphed else self.update(*inputs)

    def free_graph(self) -> None:
        """Give back the memory of a captured step; the trainer trains no more."""
        self._graphed = None

    def update(self, images: Tensor, masks: Tensor, *drawn: Tensor) -> Tensor:
        """A step's work on the device: the same kernels on the same memory whatever the step, as a graph demands."""
        loss = self._accumulate_gradients(images, masks, *drawn)
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss

    def gradient(self, images: Tensor, masks: Tensor) -> Tensor:
        """The batch's gradient as one flat tensor, without augmentation and update."""
        self.network.train()
        self._accumulate_gradients(images, masks, *self.draw(len(images), augment=False))
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._optimizer.zero_grad()
        return flat

    def _accumulate_gradients(self, images: Tensor, masks: Tensor, *drawn: Tensor) -> Tensor:
        """Add the gradients of the batch's mean loss to the parameters' -> that loss."""
        transform, own = drawn[: len(drawn) - self.objective.draws], drawn[len(drawn) - self.objective.draws :]
        pixels, labels = images.float() / 255, masks.float()
        if transform:
            pixels, labels = augment(pixels, labels, Transform(*transform))
        inputs, targets = self.objective.pair(pixels, labels)
        inputs = inputs.contiguous(memory_format=self.execution.torch_format)
        size = self.execution.micro_batch or len(inputs)
        losses = []
        for part, part_targets, *part_own in zip(
            *(tensor.split(size) for tensor in (inputs, targets, *own)), strict=True
        ):
            with self._autocast():
                output = self.objective.forward(self.network, part, *part_own)
            loss = self.objective.loss(output.float(), part_targets, *part_own).sum() / len(inputs)
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
        transform = self._draw_transform(len(batches) * size)  # small, and drawn faster for all of an epoch
        parts = list(zip(*(tensor.split(size) for tensor in transform), strict=True)) or [()] * len(batches)
        total = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches):
            total += self.step(data.images[batch], data.masks[batch], (*parts[number], *self._draw_own(size)))
            on_step()
        return total, len(batches)

    @torch.inference_mode()
    def evaluate(self, data: DeviceFrames, indices: Tensor) -> dict[str, float]:
        """Scores of the frames at `indices` by their names, each frame weighing the same in the losses.

        What is random is drawn alike in every evaluation.
        """
        self.network.eval()
        generator = torch.Generator().manual_seed(self._seed)
        parts: list[Scores] = []
        for inputs, targets in self.pairs(data, indices):
            own = [own.to(self.device) for own in self.objective.draw(torch.ones(len(inputs)), generator)]
            with self._autocast():
                output = self.objective.forward(self.network, inputs, *own)
            parts.append(self.objective.scores(output.float(), targets, *own))
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

    def pairs(self, data: DeviceFrames, indices: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """What enters the network and what is to leave it, without augmentation, some frames at a time."""
        for part in indices.to(self.device).split(EVALUATION_BATCH[self.device.type]):
            inputs, targets = self.objective.pair(data.images[part].float() / 255, data.masks[part].float())
            yield inputs.contiguous(memory_format=self.execution.torch_format), targets

    def _autocast(self) -> torch.autocast:
        """Mixed precision where the arithmetic is not float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
