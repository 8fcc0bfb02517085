"""What invented auto-encoders and VAEs would have logged and left behind."""

import math
from typing import TYPE_CHECKING

import numpy as np

from hourglass_bench.bench import schema

if TYPE_CHECKING:
    from fake_units import Unit

SAMPLES = 64
STEPS = 9


def values(unit: "Unit") -> dict[schema.Metric, float]:
    """Scalar metrics of a complete run, beside those of any run."""
    mse = 0.2 * (1 - unit.test_iou)
    found = {
        schema.TEST_MSE: mse,
        schema.TEST_PSNR: -10 * math.log10(mse),
        schema.TEST_SSIM: unit.test_iou - 0.1,
        schema.TEST_MS_SSIM: unit.test_iou - 0.05,
        schema.PROBE_IOU: unit.test_iou - 0.15,
    }
    return found | (_of_posterior(unit) if unit.architecture == "vae" else {})


def _of_posterior(unit: "Unit") -> dict[schema.Metric, float]:
    """Of a VAE: the higher beta, the lower the rate and the higher the distortion."""
    active, image = active_units(unit), unit.target == "image"
    rate = 4.0 * active / math.sqrt(unit.beta)
    distortion = 3000 * (1 - unit.test_iou) - (12_000 if image else 0)
    elbo = -distortion - rate
    found = {
        schema.TEST_DISTORTION: distortion,
        schema.TEST_RATE: rate,
        schema.TEST_ELBO: elbo,
        schema.TEST_IWAE: elbo + 0.1 * rate,
        schema.TEST_BITS: -elbo / math.log(2) / (unit.size**2 * (3 if image else 1)),
        schema.ACTIVE_UNITS: float(active),
        schema.SAMPLE_DISTANCE: 0.12 + 0.01 * unit.beta,
        schema.UNSEEN_DISTANCE: 0.11 + 0.002 * unit.repeat,
        schema.COPIED_SHARE: 0.05,
    }
    return found | ({schema.TEST_SIGMA: 1 / 255 if "sigma" in unit.collapse else 0.1} if image else {})


def active_units(unit: "Unit") -> int:
    """Of its latent numbers: all of few, fewer of many, and the fewer the higher beta."""
    return 0 if "posterior" in unit.collapse else round(unit.elements / (1 + 0.01 * unit.beta * unit.elements))


def curve(unit: "Unit") -> dict[str, float]:
    """Metrics of any epoch, beside the loss."""
    found = {schema.VAL_MSE: 0.2 * (1 - unit.test_iou)}
    if unit.architecture == "vae":
        found |= {schema.VAL_KL: 4.0 * active_units(unit)}
        found |= {schema.VAL_SIGMA: 0.1} if unit.target == "image" else {}
    return {metric.name: value for metric, value in found.items()}


def reconstruction_table(unit: "Unit") -> dict[str, list[float] | list[str]]:
    """Columns of the table of reconstructions: every frame is as good as the run."""
    names = unit.scenes()
    metrics = (*schema.RECONSTRUCTION_METRICS, *(schema.BOUND_METRICS if unit.architecture == "vae" else ()))
    found = values(unit)
    about = {"stem": [f"{name}_{place:04d}" for place, name in enumerate(names)], "scene": names}
    return {**about, **{metric.column: [found[metric]] * len(names) for metric in metrics}}


def latent_table(unit: "Unit") -> dict[str, list[float] | list[int] | list[bool]]:
    """Columns of the table of latent numbers, the active ones first."""
    count, active = unit.elements, active_units(unit)
    is_active = [place < active for place in range(count)]
    return {
        "dimension": list(range(count)),
        "mean": [0.0] * count,
        "variance": [1.0 if live else 0.001 for live in is_active],
        "kl": [4.0 if live else 0.0 for live in is_active] if unit.architecture == "vae" else [math.nan] * count,
        "active": is_active,
    }


def pictures(unit: "Unit") -> dict[str, np.ndarray]:
    """Arrays of `schema.GENERATED_DATA`: discs, whose radius is what the latent says."""
    frames = len(set(unit.scenes()))
    dimensions = np.arange(min(6, unit.elements))
    radii = np.linspace(0.2, 0.4, frames)
    ways = np.linspace(radii[:-1], radii[1:], STEPS, axis=1)
    found = {
        "originals": _discs(unit, radii),
        "reconstructions": _discs(unit, radii, soft=1.3 - unit.test_iou),
        "interpolations": _discs(unit, ways, soft=0.2),
        "traversals": _discs(unit, np.linspace(0.1, 0.4 + 0.0 * dimensions, STEPS, axis=1), soft=0.2),
        "dimensions": dimensions,
    }
    if unit.architecture != "vae":
        return found
    drawn = np.random.default_rng(unit.repeat).uniform(0.15, 0.45, SAMPLES)
    return found | {"samples": _discs(unit, drawn, soft=0.3), "neighbours": _discs(unit, drawn.round(1))}


def _discs(unit: "Unit", radii: np.ndarray, soft: float = 0.01) -> np.ndarray:
    """(...) -> pictures (..., H, W) of masks, (..., H, W, 3) of images, uint8."""
    y, x = (np.mgrid[: unit.size, : unit.size] + 0.5) / unit.size - 0.5
    inside = 0.5 - 0.5 * np.tanh((np.hypot(x, y) - radii[..., None, None]) / (0.1 * soft))
    pixels = (255 * inside).astype(np.uint8)
    return pixels if unit.target == "mask" else np.stack([pixels, pixels // 2, 255 - pixels], axis=-1)
