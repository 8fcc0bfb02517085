"""What a network learns: what enters it, what is to leave it, and how far off it is.

Shapes: B batch, C channels, H height, W width. Images are float in [0, 1], masks float 0 or 1.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.config import ArchitectureConfig, Target
from hourglass_bench.architectures.vae import VAE, Posterior
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import TrainingConfig, Weights
from hourglass_bench.bench.metrics.overlap import frame_scores
from hourglass_bench.bench.training import likelihood
from hourglass_bench.bench.training.losses import cross_entropy, require_known, segmentation_loss
from hourglass_bench.bench.training.pixels import frame_mean

Scores = dict[schema.Metric, Tensor]
"""Values of each frame, (B,)."""


class Output(NamedTuple):
    """What leaves a network."""

    logits: Tensor
    """(B, C, H, W)."""
    posterior: Posterior | None = None

    def float(self) -> "Output":
        """In float32, in which losses are computed."""
        posterior = self.posterior and Posterior(*(part.float() for part in self.posterior))
        return Output(self.logits.float(), posterior)


class Targets(NamedTuple):
    """What is to leave it."""

    values: Tensor
    """(B, C, H, W) in [0, 1]."""
    ignored: Tensor | None = None
    """(B, 1, H, W) bool: pixels that count in no loss and no score, of an image too. None: every pixel counts."""

    def split(self, frames: int) -> "list[Targets]":
        """In parts of so many frames."""
        values = self.values.split(frames)
        ignored = [None] * len(values) if self.ignored is None else self.ignored.split(frames)
        return [Targets(*part) for part in zip(values, ignored, strict=True)]


class LatentSample(NamedTuple):
    """What a VAE's step needs beside the frames, a row for each of them."""

    noise: Tensor
    """(B, C, h, w) from the standard normal, by which a code is sampled from the posterior."""
    beta: Tensor
    """(B,): weight of the KL divergence at this point of the training."""


class Objective(ABC):
    """The one place where training differs between networks that segment and networks that reconstruct.

    Everything but a VAE does without a `LatentSample`: it is None.
    """

    best: schema.Metric = schema.VAL_LOSS
    """Chooses the epoch."""

    @abstractmethod
    def pair(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) and (B, 1, H, W) -> what enters and what is to leave."""

    def sample(self, frames: int, progress: float, generator: torch.Generator) -> LatentSample | None:
        """What is random about the objective of so many frames when this share of the training is over.

        It is drawn where the generator is.
        """
        return None

    def forward(self, network: nn.Module, inputs: Tensor, latent: LatentSample | None) -> Output:
        """Run the network in training."""
        return Output(network(inputs))

    @abstractmethod
    def loss(self, output: Output, targets: Targets, latent: LatentSample | None) -> Tensor:
        """What is minimised: (B,)."""

    @abstractmethod
    def scores(self, output: Output, targets: Targets, latent: LatentSample | None) -> Scores:
        """What is known of validation frames, the loss among it."""


class Segmentation(Objective):
    """Images in, masks out."""

    best = schema.VAL_IOU

    def __init__(self, weights: Weights) -> None:
        require_known(weights)
        self._weights = weights

    @override
    def pair(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        return standardise(images), masks

    @override
    def loss(self, output: Output, targets: Targets, latent: LatentSample | None) -> Tensor:
        return segmentation_loss(output.logits, targets.values, self._weights, targets.ignored)

    @override
    def scores(self, output: Output, targets: Targets, latent: LatentSample | None) -> Scores:
        return {schema.VAL_LOSS: self.loss(output, targets, latent), **mask_scores(output.logits, *targets)}


class Reconstruction(Objective):
    """Images or masks in, the same out: cross-entropy of masks, squared error of images, as means over the pixels."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @override
    def pair(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        target = images if self._target == "image" else masks
        return standardise(target), target

    @override
    def loss(self, output: Output, targets: Targets, latent: LatentSample | None) -> Tensor:
        if self._target == "image":
            return squared_error(output.logits, *targets)
        return cross_entropy(output.logits, *targets)

    @override
    def scores(self, output: Output, targets: Targets, latent: LatentSample | None) -> Scores:
        found = {
            schema.VAL_LOSS: self.loss(output, targets, latent),
            schema.VAL_MSE: squared_error(output.logits, *targets),
        }
        return found | (mask_scores(output.logits, *targets) if self._target == "mask" else {})


class Variational(Reconstruction):
    """The negative evidence lower bound per pixel and channel, with the KL divergence weighted by beta.

    Higgins et al. 2017 (beta-VAE); beta rises from 0 at first, since a decoder that cannot use the latent yet would
    teach the encoder to leave it (Bowman et al. 2016, arXiv 1511.06349). The bound is that of the pixels that count,
    divided by the number of all: a frame that is mostly ignored has no larger a part in the sum for that.
    """

    def __init__(self, target: Target, config: TrainingConfig, shape: tuple[int, int, int], network: VAE) -> None:
        """`shape` is the latent's, (C, h, w)."""
        super().__init__(target)
        self._config = config
        self._network = network
        self._shape = shape
        if target == "image" and config.sigma:
            network.fix_sigma(config.sigma)

    @override
    def sample(self, frames: int, progress: float, generator: torch.Generator) -> LatentSample:
        device = generator.device
        noise = torch.randn((frames, *self._shape), generator=generator, device=device)
        share = torch.full((frames,), progress, device=device)
        warmup = self._config.beta_warmup
        rise = (share / warmup).clamp(max=1) if warmup else torch.ones((), device=device)
        return LatentSample(noise, (self._config.beta * rise).expand(frames))

    @override
    def forward(self, network: nn.Module, inputs: Tensor, latent: LatentSample | None) -> Output:
        assert isinstance(network, VAE)
        assert latent is not None
        return Output(*network.infer(inputs, latent.noise))

    @override
    def loss(self, output: Output, targets: Targets, latent: LatentSample | None) -> Tensor:
        assert output.posterior is not None
        assert latent is not None
        distortion = -self.log_likelihood(output.logits, targets)
        return (distortion + latent.beta * likelihood.kl(output.posterior)) / targets.values[0].numel()

    def log_likelihood(self, logits: Tensor, targets: Targets) -> Tensor:
        """Of targets given the decoder's output (B, C, H, W), in nats: (B,)."""
        if self._target == "mask":
            return likelihood.bernoulli(logits, *targets)
        return likelihood.gaussian(logits, *targets, self._network.sigma())

    @override
    def scores(self, output: Output, targets: Targets, latent: LatentSample | None) -> Scores:
        assert output.posterior is not None
        found = super().scores(output, targets, latent) | {schema.VAL_KL: likelihood.kl(output.posterior)}
        sigma = {schema.VAL_SIGMA: self._network.sigma().expand(len(targets.values))} if self._target == "image" else {}
        return found | sigma


def latent_shape(architecture: ArchitectureConfig, size: tuple[int, int]) -> tuple[int, int, int]:
    """Of what stands between the network's encoder and decoder for one frame of that height and width: (C, h, w)."""
    return registry.predict(architecture, *size).shape


def make_objective(
    architecture: ArchitectureConfig, training: TrainingConfig, size: tuple[int, int], network: nn.Module
) -> Objective:
    """What a network of that architecture learns from frames of that height and width."""
    if isinstance(network, VAE):
        return Variational(architecture.target, training, latent_shape(architecture, size), network)
    return Reconstruction(architecture.target) if architecture.reconstructs else Segmentation(training.loss)


def mask_scores(logits: Tensor, masks: Tensor, ignored: Tensor | None) -> dict[schema.Metric, Tensor]:
    """Cross-entropy and overlap of each frame, see `Targets`."""
    overlap, entropy = frame_scores(logits > 0, masks > 0.5, ignored), cross_entropy(logits, masks, ignored)
    return {schema.VAL_BCE: entropy, schema.VAL_IOU: overlap.iou, schema.VAL_DICE: overlap.dice}


def squared_error(logits: Tensor, targets: Tensor, ignored: Tensor | None) -> Tensor:
    """Mean squared error of sigmoid(logits): (B, C, H, W) twice -> (B,), see `Targets`."""
    return frame_mean(F.mse_loss(logits.sigmoid(), targets, reduction="none"), ignored)


def standardise(values: Tensor) -> Tensor:
    """[0, 1] -> about zero mean and unit variance, by constants that no data set decides."""
    return (values - 0.5) / 0.25
