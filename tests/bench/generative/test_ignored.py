"""What auto-encoders and VAEs are judged by, where pixels are ignored."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from hourglass_bench.architectures.config import Target
from hourglass_bench.bench import schema
from hourglass_bench.bench.generative.bounds import bound_table
from hourglass_bench.bench.generative.evaluation import evaluate_generative, quality_table
from hourglass_bench.bench.generative.probe import probe_iou
from hourglass_bench.bench.training.device_frames import to_device
from hourglass_bench.bench.training.pixels import IGNORED
from hourglass_bench.bench.training.setup import Setup
from tests.bench.conftest import MakeSetup
from tests.bench.generative.test_quality import noisy, pictures, ssim


def holes(count: int, size: tuple[int, int]) -> np.ndarray:
    """Another one in each frame."""
    ignored = np.zeros((count, *size), bool)
    for frame, of in enumerate(ignored):
        of[frame : frame + 5, 4:9] = of[-3:] = True
    return ignored


def with_holes(setup: Setup, masks: np.ndarray | None = None) -> Setup:
    frames = setup.dataset.frames
    ignored = holes(*frames.masks.shape[:1], frames.masks.shape[1:])
    frames = frames._replace(ignored=ignored, masks=frames.masks if masks is None else masks)
    return setup._replace(dataset=setup.dataset._replace(frames=frames), data=to_device(frames, torch.device("cpu")))


def test_the_squared_error_is_that_of_the_pixels_that_count_and_windows_see_black() -> None:
    originals, ignored = pictures((48, 50)), holes(2, (48, 50))
    decoded = noisy(originals, 0.1)
    table = quality_table(decoded, originals, ignored)
    for frame in range(2):
        pairs = [
            (decoded[frame, channel][at], originals[frame, channel][at])
            for channel in range(3)
            for at in np.ndindex(48, 50)
            if not ignored[frame][at]
        ]
        mse = sum((first - second) ** 2 for first, second in pairs) / len(pairs)
        assert table["mse"][frame] == pytest.approx(mse, rel=1e-4)
        assert table["psnr"][frame] == pytest.approx(-10 * math.log10(mse), rel=1e-4)
        black = [np.where(ignored[frame], 0, of[frame]) for of in (decoded, originals)]
        assert table["ssim"][frame] == pytest.approx(ssim(*black), abs=1e-4)
    noise = np.random.default_rng(0).random(originals.shape)
    elsewhere = [np.where(ignored[:, None], of, values) for of, values in ((noise, decoded), (1 - noise, originals))]
    pd.testing.assert_frame_equal(quality_table(*elsewhere, ignored), table)


def test_the_probe_is_fitted_to_and_judged_by_the_pixels_that_count() -> None:
    """The masks are a linear map of the codes, but what is ignored says the opposite."""
    generator = torch.Generator().manual_seed(0)
    planes = torch.randn(3, 40, generator=generator)
    codes = [torch.randn(count, 3, generator=generator) for count in (200, 60, 60)]
    masks = [code @ planes > 0 for code in codes]
    hidden = [torch.rand(mask.shape, generator=generator) < 0.3 for mask in masks]
    hidden[0][:, 7] = True  # never known while it learns

    def score(labels: list[torch.Tensor]) -> float:
        roles = zip(codes, labels, strict=True)
        return probe_iou(*roles, ["a", "b"] * 30, ["a", "b"] * 30)

    known = score([torch.where(of, IGNORED, mask.to(torch.int8)) for of, mask in zip(hidden, masks, strict=True)])
    inverted = score([mask ^ of for of, mask in zip(hidden, masks, strict=True)])
    assert known > 0.85 > inverted
    assert score([mask.to(torch.int8) for mask in masks]) == pytest.approx(score(masks))


@pytest.mark.parametrize("target", ["mask", "image"])
def test_labels_in_a_hole_change_nothing_that_a_vae_is_judged_by(make_setup: MakeSetup, target: Target) -> None:
    config, setup = make_setup("vae", target, 3)
    masks = setup.dataset.frames.masks
    flipped = np.where(with_holes(setup).dataset.frames.ignored, 255 - masks, masks)
    found = [
        evaluate_generative(config.architecture, of, config.repeat)
        for of in (with_holes(setup), with_holes(setup, flipped), setup)
    ]
    assert found[0].metrics == found[1].metrics
    assert all(np.isfinite(value) for value in found[0].metrics.values())
    for metric in (schema.TEST_MSE, schema.TEST_ELBO, schema.TEST_BITS, schema.PROBE_IOU):
        assert found[0].metrics[metric.name] != found[2].metrics[metric.name], metric.name


def test_bounds_and_bits_are_of_the_pixels_that_count(make_setup: MakeSetup) -> None:
    """A decoder that says 0.5 of every pixel loses a bit by each, whatever the latent."""
    config, setup = make_setup("vae", "mask", 2)
    for parameter in setup.trainer.network.get_submodule("head").parameters():
        torch.nn.init.zeros_(parameter)
    holed = with_holes(setup)
    test = setup.split.test
    counted = (~holed.dataset.frames.ignored[test]).sum(axis=(1, 2))
    table = bound_table(setup.trainer, holed.data, torch.from_numpy(test), 0)
    assert table[schema.TEST_DISTORTION.column].tolist() == pytest.approx((counted * math.log(2)).tolist(), rel=1e-5)
    metrics = evaluate_generative(config.architecture, holed, 0).metrics
    rate = metrics[schema.TEST_RATE.name] / math.log(2) / counted.mean()
    assert metrics[schema.TEST_BITS.name] == pytest.approx(1 + rate, rel=1e-5)
