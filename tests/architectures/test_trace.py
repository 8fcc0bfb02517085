"""The sizes by closed form are those of one pass on tensors without contents, whatever our networks are made of."""

from itertools import combinations, product
from typing import Any, get_args

import pytest

from hourglass_bench.architectures.config import Block, Norm, Upsampling
from hourglass_bench.architectures.registry import ARCHITECTURES, build, configure, get_spec, predict
from hourglass_bench.architectures.trace import trace

CHOICES: dict[str, tuple[Any, ...]] = {
    "name": tuple(ARCHITECTURES),
    "norm": get_args(Norm),
    "block": get_args(Block),
    "upsampling": get_args(Upsampling),
    "bottom": (0, 9),
    "latent": (0, 5),
    "image_size": ((16, 16), (17, 23), (9, 8)),
    "channels": ((5,), (4, 4), (5, 7, 6)),
}
FLAT = "simple_conv"
"""It never pools: upsampling, bottom and latent say nothing to it."""


def sampled() -> list[dict[str, Any]]:
    """Every 31st combination, which is every pair of choices, as the test below finds."""
    every = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]
    pooled = [options for options in every[::31] if options["name"] != FLAT]
    flat = {"upsampling": "transposed", "bottom": 0, "latent": 0}
    return pooled + [options for options in every if options["name"] == FLAT and flat.items() <= options.items()][::5]


def label(options: dict[str, Any]) -> str:
    return "-".join(str(value).replace(" ", "") for value in options.values())


def test_the_sample_has_every_pair_of_choices() -> None:
    for one, other in combinations(CHOICES, 2):
        pairs = {(options[one], options[other]) for options in sampled() if options["name"] != FLAT}
        assert pairs == {pair for pair in product(CHOICES[one], CHOICES[other]) if FLAT not in pair}
    assert {options["block"] for options in sampled() if options["name"] == FLAT} == set(get_args(Block))


@pytest.mark.parametrize("options", sampled(), ids=label)
def test_the_closed_form_is_the_trace(options: dict[str, Any]) -> None:
    config, size = (
        configure(options["name"], **{key: value for key, value in options.items() if key != "name"}),
        options["image_size"],
    )
    predicted = predict(config, *size)
    traced = trace(config, get_spec(config.name), size).prediction
    assert predicted._replace(activations=traced.activations) == traced
    assert 0 < predicted.activations <= traced.activations  # of which it is the least
    assert predicted.params == sum(parameter.numel() for parameter in build(config, seed=0).parameters())
