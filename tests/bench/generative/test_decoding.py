"""What decoders draw, by one that shows its code and by networks."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hourglass_bench.architectures.config import Target
from hourglass_bench.bench.generative import decoding
from hourglass_bench.bench.generative.decoding import OFFSETS, decode, interpolate, sample, to_pictures, traverse
from tests.bench.conftest import MakeSetup

SIZE = (16, 16)


class Window(nn.Module):
    """A decoder whose picture is its code: a latent number is a pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def from_code(self, code: Tensor, size: tuple[int, int]) -> Tensor:
        return code.logit()


WINDOW = cast(Any, Window())


def test_pictures_of_masks_are_flat_and_those_of_images_coloured() -> None:
    values = torch.zeros(2, 3, 4, 5)
    values[1, 2, 3, 4] = 0.7
    coloured = to_pictures(values)
    assert coloured.shape == (2, 4, 5, 3)
    assert coloured[1, 3, 4].tolist() == [0, 0, 178]  # 178.5 to the nearest, ties to even
    assert to_pictures(values[:, 2:]).shape == (2, 4, 5)
    assert to_pictures(torch.ones(1, 1, 2, 2).half()).min() == 255


def test_decoding_goes_on_through_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = torch.rand(7, 1, 2, 2)
    monkeypatch.setattr(decoding, "BATCH", 3)
    assert decode(WINDOW, codes, (2, 2)).tolist() == to_pictures(codes).tolist()


def test_a_way_is_straight_and_has_both_ends() -> None:
    start, end = torch.zeros(2, 1, 1, 2), torch.tensor([[0.8, 0.4], [0.4, 0.0]]).view(2, 1, 1, 2)
    ways = interpolate(WINDOW, start, end, (1, 2), steps=5)
    assert ways.shape == (2, 5, 1, 2)
    assert ways[0, :, 0, 0].tolist() == [0, 51, 102, 153, 204]
    assert ways[0, :, 0, 1].tolist() == [0, 26, 51, 76, 102]
    assert ways[1, -1, 0].tolist() == [102, 0]


def test_a_traversal_moves_one_number_about_its_mean_and_keeps_the_others() -> None:
    codes = 0.5 + 0.02 * torch.randn(50, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    start = torch.linspace(0.1, 0.9, 6).view(1, 2, 3)
    rows = traverse(WINDOW, codes, start, [4, 1], (2, 3)).reshape(2, len(OFFSETS), 6)
    centre, spread = codes.flatten(1).numpy().mean(axis=0), codes.flatten(1).numpy().std(axis=0)
    still = to_pictures(start[None]).flatten()
    for row, dimension in zip(rows, (4, 1), strict=True):
        expected = 255 * (centre[dimension] + np.linspace(-2.5, 2.5, 9) * spread[dimension])
        assert np.abs(row[:, dimension] - expected).max() <= 0.51
        others = [number for number in range(6) if number != dimension]
        assert (row[:, others] == still[others]).all()


def test_traversal_of_a_lone_frame_stands_still() -> None:
    code = torch.full((1, 1, 1, 2), 0.4)
    assert np.unique(traverse(WINDOW, code, code[0], [0], (1, 2))).tolist() == [102]


@pytest.mark.parametrize("target", ["mask", "image"])
def test_samples_are_drawn_from_the_prior_by_the_seed(make_setup: MakeSetup, target: Target) -> None:
    _, setup = make_setup("vae", target, 3)
    network = setup.trainer.network.eval()
    first, again, other = (sample(network, (3, 1, 1), 70, SIZE, seed) for seed in (0, 0, 1))
    assert first.shape == ((70, 16, 16) if target == "mask" else (70, 16, 16, 3))
    assert (first == again).all()
    assert (first != other).any()
    assert len(np.unique(first, axis=0)) == 70


def test_samples_have_the_spread_of_the_prior() -> None:
    class Ranks(Window):
        def from_code(self, code: Tensor, size: tuple[int, int]) -> Tensor:
            return super().from_code(torch.special.ndtr(code), size)

    pixels = sample(cast(Any, Ranks()), (1, 8, 8), 500, (8, 8), 0) / 255
    assert pixels.mean() == pytest.approx(0.5, abs=0.01)
    assert pixels.std() == pytest.approx(12**-0.5, abs=0.01)  # of a uniform distribution
