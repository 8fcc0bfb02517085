"""The bottleneck as a latent space: auto-encoders and VAEs beside segmentation through latents of the same sizes.

Three stages: what reconstructs (masks through flat latents, and images, which need more numbers, through bottleneck
maps), what segments through the same flat latents, and whether an encoder that learnt to reconstruct first segments
better when few scenes are labelled.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from hourglass_bench.architectures.config import EncoderDecoderConfig, Target, widths
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.studies.spaces import SMALL, grid
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Factor, Unit

BASE_WIDTH, GROWTH = 8, 1.5
DEPTHS, DEEP = (2, 4), 4
"""Of the auto-encoders of masks, and of what segments beside them."""
MAP_DEPTHS = (2, 3, 4)
"""Of the auto-encoders of images: maps of 3072, 1152 and 432 numbers at 64x64."""
LATENTS = (4, 16, 64)
MAP = (0,)
BETAS = (1.0, 8.0)
LABELLED_SCENES = 6
FEW_LABELS_EPOCHS = 5
"""Times the epochs of the others: an epoch of few labelled frames is short."""


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    return [
        *_generative("mask", DEPTHS, LATENTS, BETAS, data, training),
        *_generative("image", MAP_DEPTHS, MAP, BETAS[:1], data, training),
        *_segmentation(data, training),
        *_pretraining(data, training),
    ]


def _generative(
    target: Target,
    depths: Sequence[int],
    latents: Sequence[int],
    betas: Sequence[float],
    data: DataConfig,
    training: TrainingConfig,
) -> list[Unit]:
    """Auto-encoders, which have no beta, and VAEs of every beta."""
    from hourglass_bench.architectures.registry import configure

    units = []
    for depth, latent in product(depths, latents):
        channels = widths(BASE_WIDTH, depth, GROWTH)
        for name, beta in (("autoencoder", 1.0), *(("vae", beta) for beta in betas)):
            network = configure(name, channels, norm="batch", target=target, latent=latent, image_size=data.size)
            config = RunConfig(architecture=network, data=data, training=replace(training, beta=beta))
            factors: dict[str, Factor] = {"architecture": name, "target": target, "depth": depth, "latent": latent}
            if name == "vae":
                factors["beta"] = beta
            units.append(Unit(config=config, factors=factors, stage="generative"))
    return units


def _segmentation(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    """Images to masks through the same latents."""
    return [
        Unit(
            config=RunConfig(
                architecture=replace(network, latent=latent, image_size=data.size), data=data, training=training
            ),
            factors={**factors, "latent": latent},
        )
        for latent in LATENTS
        for network, factors in _deep()
    ]


def _pretraining(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    """With few labels: the whole budget to segment, or half of it to reconstruct the images of all scenes first."""
    few, epochs = replace(data, labelled_scenes=LABELLED_SCENES), FEW_LABELS_EPOCHS * training.epochs
    return [
        Unit(
            config=RunConfig(
                architecture=network,
                data=few,
                training=replace(training, epochs=epochs, pretrain_epochs=pretrain_epochs),
            ),
            factors={**factors, "pretrain_epochs": pretrain_epochs},
            stage="pretraining",
        )
        for network, factors in _deep()
        for pretrain_epochs in (0, epochs // 2)
    ]


def _deep() -> list[tuple[EncoderDecoderConfig, dict[str, Factor]]]:
    found = grid(("hourglass", "unet"), depth=(DEEP,), base_width=(BASE_WIDTH,), growth=(GROWTH,), norm="batch")
    return [(config, factors) for config, factors in found if isinstance(config, EncoderDecoderConfig)]


STUDY = Factorial(
    name="generative",
    question="The latent space: auto-encoder and VAE by depth, latent and beta, pre-training with few labels.",
    size=64,
    training=TrainingConfig(epochs=7, batch_size=8, lr=1e-2, loss=(("bce", 1.0), ("dice", 3.0))),
    plan=_plan,
    repeats=5,
    first_repeats=3,
    data=SMALL,
)
