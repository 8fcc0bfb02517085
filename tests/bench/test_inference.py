"""Probabilities of images of any size: resized and back, or tile by tile."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hourglass_bench.architectures import registry
from hourglass_bench.bench.data.resizing.boxes import Fit, Size
from hourglass_bench.bench.inference import TILES, predict, predict_tiles

CPU = torch.device("cpu")


class Pixelwise(nn.Module):
    """Sees each pixel alone, and counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[torch.Size] = []

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(images.shape)
        return images.mean(1, keepdim=True)


class Whole(nn.Module):
    """Sees the mean of all that it is given."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3), keepdim=True).expand(-1, 1, *images.shape[2:])


class Placed(nn.Module):
    """Says something else at each place of a tile, whatever it shows."""

    def forward(self, images: Tensor) -> Tensor:
        rows = torch.linspace(-3, 3, images.shape[2])[:, None]
        return (rows + torch.linspace(-1, 1, images.shape[3])).expand(len(images), 1, -1, -1)


def draw(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def seen(image: np.ndarray) -> np.ndarray:
    """What `Pixelwise` says."""
    return 1 / (1 + np.exp(-(image.mean(axis=2) / 255 - 0.5) / 0.25))


@pytest.mark.parametrize("size", [(16, 16), (16, 24), (17, 19)])
def test_tiles_of_an_image_of_the_training_size_are_the_image(size: Size) -> None:
    network = registry.build(registry.configure("unet", (4, 8)), seed=0).eval()
    image = draw(*size)
    whole = predict(network, image, size, "squash", CPU)
    assert whole.std() > 0.01
    np.testing.assert_allclose(predict_tiles(network, image, size, CPU), whole, rtol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(16, 24), (50, 61), (16, 100), (5, 7), (9, 60), (25, 40), (100, 17)])
def test_tiles_say_of_each_pixel_what_the_network_says(height: int, width: int) -> None:
    image, network = draw(height, width), Pixelwise()
    found = predict_tiles(network, image, (16, 24), CPU)
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, seen(image), rtol=1e-4)
    assert all(shape[0] <= TILES and shape[1:] == (3, 16, 24) for shape in network.sizes)


def test_where_tiles_overlap_the_one_whose_middle_is_nearer_says_more() -> None:
    found = predict_tiles(Placed(), draw(24, 16), (16, 16), CPU)  # two tiles, from rows 0 and 8
    one = predict_tiles(Placed(), draw(16, 16), (16, 16), CPU)
    distance = np.array([*range(1, 9), *range(8, 0, -1)])
    np.testing.assert_allclose(found[:8], one[:8], rtol=1e-5)
    np.testing.assert_allclose(found[16:], one[8:], rtol=1e-5)
    for row in range(8, 16):
        first, second = distance[row], distance[row - 8]
        expected = (first * one[row] + second * one[row - 8]) / (first + second)
        np.testing.assert_allclose(found[row], expected, rtol=1e-5)


def test_a_small_image_is_continued_by_its_mirror_image() -> None:
    for image in (draw(8, 12), np.full((5, 7, 3), 200, np.uint8)):  # whose mirror images have the same mean
        expected = seen(image.mean((0, 1), keepdims=True)).item()
        np.testing.assert_allclose(predict_tiles(Whole(), image, (16, 24), CPU), expected, rtol=1e-4)


@pytest.mark.parametrize("length", [16, 17, 23, 24, 25, 32, 100])
def test_tiles_are_at_most_half_a_tile_apart(length: int) -> None:
    network = Pixelwise()
    predict_tiles(network, draw(length, 16), (16, 16), CPU)
    assert sum(shape[0] for shape in network.sizes) == 1 + -(-(length - 16) // 8)


@pytest.mark.parametrize(
    ("fit", "shown"), [("squash", slice(0, 64)), ("letterbox", slice(0, 64)), ("crop", slice(16, 48))]
)
def test_a_fit_is_undone(fit: Fit, shown: slice) -> None:
    """A bright square in the middle of an image twice as wide as high comes back to its place and size."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[8:24, 24:40] = 255
    found = predict(Pixelwise(), image, (32, 32), fit, CPU)
    assert found.shape == (32, 64)
    assert ((found > 0.5) != (image[..., 0] > 0)).sum() <= 4 * 5  # corners of what was halved
    assert (found[:, shown] > 0).all()
    assert found.astype(bool).sum() == 32 * (shown.stop - shown.start)
