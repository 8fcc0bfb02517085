"""What a network learns: what enters it, what is to leave it, and how far off it is.

Shapes: B batch, C channels, H height, W width. Images are float in [0, 1], masks float 0 or 1.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from architectures import registry
from architectures.vae import VAE, Posterior
from bench import schema
from bench.config import RunConfig, Weights
from bench.metrics.overlap import frame_scores
from bench.training import likelihood
from bench.training.losses import cross_entropy, require_known, segmentation_loss

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


class Objective(ABC):
    """The one place where training differs between networks that segment and networks that reconstruct."""

    draws = 0
    """Number of random tensors that a step needs, beside augmentation."""
    best: schema.Metric = schema.VAL_LOSS
    """Chooses the epoch."""

    @abstractmethod
    def pair(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) and (B, 1, H, W) -> what enters and what is to leave."""

    def draw(self, progress: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """`draws` tensors with a row per frame, given each frame's share of the training that is over: (B,)."""
        return ()

    def forward(self, network: nn.Module, inputs: Tensor, *drawn: Tensor) -> Output:
        """Run the network in training."""
        return Output(network(inputs))

    @abstractmethod
    def loss(self, output: Output, targets: Tensor, *drawn: Tensor) -> Tensor:
        """What is minimised: (B,)."""

    @abstractmethod
    def scores(self, output: Output, targets: Tensor, *drawn: Tensor) -> Scores:
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
    def loss(self, output: Output, targets: Tensor, *drawn: Tensor) -> Tensor:
        return segmentation_loss(output.logits, targets, self._weights)

    @override
    def scores(self, output: Output, targets: Tensor, *drawn: Tensor) -> Scores:
        return {schema.VAL_LOSS: self.loss(output, targets), **mask_scores(output.logits, targets)}


class Reconstruction(Objective):
    """Images or masks in, the same out: cross-entropy of masks, squared error of images, as means over the pixels."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config.training
        self._target = config.architecture.target

    @override
    def pair(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        target = images if self._target == "image" else masks
        return standardise(target), target

    @override
    def loss(self, output: Output, targets: Tensor, *drawn: Tensor) -> Tensor:
        if self._target == "image":
            return squared_error(output.logits, targets)
        return cross_entropy(output.logits, targets)

    @override
    def scores(self, output: Output, targets: Tensor, *drawn: Tensor) -> Scores:
        found = {
            schema.VAL_LOSS: self.loss(output, targets, *drawn),
            schema.VAL_MSE: squared_error(output.logits, targets),
        }
        return found | (mask_scores(output.logits, targets) if self._target == "mask" else {})


class Variational(Reconstruction):
    """The negative evidence lower bound per pixel and channel, with the KL divergence weighted by beta.

    Higgins et al. 2017 (beta-VAE); beta rises from 0 at first, since a decoder that cannot use the latent yet would
    teach the encoder to leave it (Bowman et al. 2016, arXiv 1511.06349).
    """

    draws = 2

    def __init__(self, config: RunConfig, network: VAE) -> None:
        super().__init__(config)
        self._network = network
        self._shape = latent_shape(config)
        if self._target == "image" and self._config.sigma:
            network.fix_sigma(self._config.sigma)

    @override
    def draw(self, progress: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        noise = torch.randn((len(progress), *self._shape), generator=generator)
        rise = (progress / self._config.beta_warmup).clamp(max=1) if self._config.beta_warmup else progress.new_ones(())
        return noise, (self._config.beta * rise).expand(len(progress))

    @override
    def forward(self, network: nn.Module, inputs: Tensor, *drawn: Tensor) -> Output:
        assert isinstance(network, VAE)
        return Output(*network.infer(inputs, drawn[0]))

    @override
    def loss(self, output: Output, targets: Tensor, *drawn: Tensor) -> Tensor:
        assert output.posterior is not None
        distortion = -self.log_likelihood(output.logits, targets)
        return (distortion + drawn[1] * likelihood.kl(output.posterior)) / targets[0].numel()

    def log_likelihood(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Of targets given the decoder's output, in nats: (B, C, H, W) twice -> (B,)."""
        if self._target == "mask":
            return likelihood.bernoulli(logits, targets)
        return likelihood.gaussian(logits, targets, self._network.sigma())

    @override
    def scores(self, output: Output, targets: Tensor, *drawn: Tensor) -> Scores:
        assert output.posterior is not None
        found = super().scores(output, targets, *drawn) | {schema.VAL_KL: likelihood.kl(output.posterior)}
        return found | (
            {schema.VAL_SIGMA: self._network.sigma().expand(len(targets))} if self._target == "image" else {}
        )


def latent_shape(config: RunConfig) -> tuple[int, int, int]:
    """Of what stands between the network's encoder and decoder for one frame: (C, h, w)."""
    return registry.predict(config.architecture, *config.data.size).shape


def make_objective(config: RunConfig, network: nn.Module) -> Objective:
    """The objective of a configuration, for its network."""
    if isinstance(network, VAE):
        return Variational(config, network)
    return Reconstruction(config) if config.architecture.reconstructs else Segmentation(config.training.loss)


def mask_scores(logits: Tensor, masks: Tensor) -> dict[schema.Metric, Tensor]:
    """Cross-entropy and overlap of each frame."""
    overlap = frame_scores(logits > 0, masks > 0.5)
    return {
        schema.VAL_BCE: cross_entropy(logits, masks),
        schema.VAL_IOU: overlap.iou,
        schema.VAL_DICE: overlap.dice,
    }


def squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of sigmoid(logits): (B, C, H, W) twice -> (B,)."""
    return F.mse_loss(logits.sigmoid(), targets, reduction="none").flatten(1).mean(1)


def standardise(values: Tensor) -> Tensor:
    """[0, 1] -> about zero mean and unit variance, by constants that no data set decides."""
    return (values - 0.5) / 0.25
