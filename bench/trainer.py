"""A network with its optimiser: one training step, one epoch, one evaluation.

Shapes: N frames, B batch, H height, W width.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.augment import Transform, augment, draw
from bench.config import RunConfig
from bench.data.frames import Frames, is_foreground
from bench.device import choose_dtype
from bench.execution import REFERENCE, Execution
from bench.graph import CudaGraphs, Graphed
from bench.losses import cross_entropy, segmentation_loss
from bench.metrics import frame_scores, scene_mean
from bench.optimizer import AdamW
from bench.schedule import lr_factor

EVALUATION_BATCH = {"cpu": 16, "cuda": 256}
"""On a CPU small enough that its activations stay in the caches; on a GPU large enough to fill it."""


class DeviceFrames(NamedTuple):
    """A data set on the device, bytes as decoded."""

    images: Tensor
    """(N, 3, H, W) uint8, channels last."""
    masks: Tensor
    """(N, 1, H, W) bool."""
    scenes: tuple[str, ...]


class Evaluation(NamedTuple):
    """Scores of some frames; losses are means over frames, IoU and Dice means over scenes."""

    loss: float
    bce: float
    iou: float
    dice: float


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
        self.dtype = choose_dtype(training.precision, device)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._optimizer = AdamW(network.parameters(), training.weight_decay, capturable=execution.graph)
        self._steps, self._planned_steps = 0, steps
        self._aspect = config.data.size[0] / config.data.size[1]
        self._graphed = Graphed(CudaGraphs(device)) if execution.graph else None

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return self.config.lr * lr_factor(self._steps, self._planned_steps, self.config)

    def draw(self, batch: int) -> Transform | None:
        """The augmentation of the next `batch` frames, on the device."""
        transform = draw(batch, self._aspect, self.config, self._generator)
        return transform and Transform(*(part.to(self.device) for part in transform))

    def step(self, images: Tensor, masks: Tensor, transform: Transform | None) -> Tensor:
        """(B, 3, H, W) uint8 and (B, 1, H, W) bool -> the batch's mean loss, detached, on the device."""
        self._optimizer.set_lr(self.lr)
        self._steps += 1
        inputs = (images, masks, *(transform or ()))
        return self._graphed(self.update, *inputs) if self._graphed else self.update(*inputs)

    def free_graph(self) -> None:
        """Give back the memory of a captured step; the trainer trains no more."""
        self._graphed = None

    def update(self, images: Tensor, masks: Tensor, *transform: Tensor) -> Tensor:
        """A step's work on the device: the same kernels on the same memory whatever the step, as a graph demands."""
        loss = self._accumulate_gradients(images, masks, *transform)
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss

    def gradient(self, images: Tensor, masks: Tensor) -> Tensor:
        """The batch's gradient as one flat tensor, without augmentation and update."""
        self.network.train()
        self._accumulate_gradients(images, masks)
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._optimizer.zero_grad()
        return flat

    def _accumulate_gradients(self, images: Tensor, masks: Tensor, *transform: Tensor) -> Tensor:
        """Add the gradients of the batch's mean loss to the parameters' -> that loss."""
        inputs, targets = images.float() / 255, masks.float()
        if transform:
            inputs, targets = augment(inputs, targets, Transform(*transform))
        inputs = standardise(inputs).contiguous(memory_format=self.execution.layout)
        size = self.execution.micro_batch or len(inputs)
        losses = []
        for part, part_targets in zip(inputs.split(size), targets.split(size), strict=True):
            with self._autocast():
                logits = self.network(part)
            loss = segmentation_loss(logits.float(), part_targets, self.config).sum() / len(inputs)
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
        transform = self.draw(len(batches) * size)
        parts = (
            [Transform(*part) for part in zip(*(t.split(size) for t in transform), strict=True)] if transform else []
        )
        total = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches):
            total += self.step(data.images[batch], data.masks[batch], parts[number] if parts else None)
            on_step()
        return total, len(batches)

    @torch.inference_mode()
    def evaluate(self, data: DeviceFrames, indices: Tensor) -> Evaluation:
        """Scores of the frames at `indices`, each frame weighing the same in the losses."""
        logits, masks = self._logits(data.images, indices), data.masks[indices]
        scores = frame_scores(logits > 0, masks)
        scenes = [data.scenes[index] for index in indices.tolist()]
        return Evaluation(
            loss=segmentation_loss(logits, masks.float(), self.config).mean().item(),
            bce=cross_entropy(logits, masks.float()).mean().item(),
            iou=scene_mean(scores.iou.tolist(), scenes),
            dice=scene_mean(scores.dice.tolist(), scenes),
        )

    @torch.inference_mode()
    def predict(self, data: DeviceFrames, indices: Tensor) -> Tensor:
        """Foreground probability of the frames at `indices`: (N, H, W) float16 on the CPU."""
        return self._logits(data.images, indices).sigmoid().squeeze(1).half().cpu()

    def _logits(self, images: Tensor, indices: Tensor) -> Tensor:
        """(N, 1, H, W) float32."""
        self.network.eval()
        parts = []
        for part in indices.to(self.device).split(EVALUATION_BATCH[self.device.type]):
            inputs = standardise(images[part].float() / 255).contiguous(memory_format=self.execution.layout)
            with self._autocast():
                parts.append(self.network(inputs).float())
        return torch.cat(parts)

    def _autocast(self) -> torch.autocast:
        """Mixed precision where the arithmetic is not float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


def standardise(images: Tensor) -> Tensor:
    """[0, 1] -> about zero mean and unit variance, by constants that no data set decides."""
    return (images - 0.5) / 0.25
