"""What an architecture is taken for rests on its options and on what it logs, whatever it is called."""

from dataclasses import replace

import pytest
from fake_units import Unit, foreign, grid
from helpers import Summarised

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import headline
from hourglass_bench.reports.analysis.generative import latent_points, vaes
from hourglass_bench.reports.analysis.skips import with_and_without
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.store.load import ARCHITECTURE

OTHER_NAMES = {"unet": "mine.py:A", "hourglass": "mine.py:B", "simple_conv": "mine.py:C", "vae": "mine.py:D"}


def renamed(summary: Summary) -> Summary:
    """The same study of architectures that nobody has heard of."""
    return summarise(replace(summary.study, trials=summary.study.trials.replace({ARCHITECTURE: OTHER_NAMES})))


def test_the_pair_of_the_headline_differs_in_skip_connections(small: Summary) -> None:
    assert headline(small) == ("unet", "hourglass")
    other = renamed(small)
    assert with_and_without(other) == ["mine.py:A", "mine.py:B"]
    assert headline(other) == ("mine.py:A", "mine.py:B")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("simple_conv", "hourglass"), ["hourglass"]),  # SimpleConv has nothing that skip connections could lead past
        (("simple_conv", "unet"), ["unet"]),
        (("unet", "unet_twin"), ["unet"]),
        (("simple_conv",), []),
    ],
)
def test_of_one_kind_there_may_be_none(names: tuple[str, ...], found: list[str], summarised: Summarised) -> None:
    summary = summarised(
        [unit for name in names for unit in (Unit(architecture=name), Unit(architecture=name, depth=3))]
    )
    assert with_and_without(summary) == found
    assert headline(summary) == (names if len(names) > 1 else None)


def test_the_headline_is_rather_of_networks_with_depth_and_width(summarised: Summarised) -> None:
    ours = [replace(unit, repeat=0) for unit in grid(1, 3) if unit.architecture != "hourglass"]
    summary = summarised([unit for unit in foreign(1, 3) if unit.options is not None] + ours)
    assert headline(summary) == ("simple_conv", "unet")


def test_a_vae_is_what_logs_a_rate(generating: Summary) -> None:
    for summary, name in ((generating, "vae"), (renamed(generating), OTHER_NAMES["vae"])):
        points = latent_points(summary.others["generative"], schema.PROBE_IOU)
        assert set(points.loc[points["beta"].notna(), "architecture"]) == {name}
        assert set(points.loc[points["beta"].isna(), "architecture"]) == {"autoencoder"}
    assert vaes(generating) == set()
