"""Whether skip connections matter more as dancers are harder to see: no scores are compared across difficulties."""

import numpy as np
import pytest
from fake_units import Unit
from helpers import Summarised, drawn, t_interval, written

from hourglass_bench.reports.analysis.choices import choices
from hourglass_bench.reports.analysis.claims import claims
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.analysis.texture import texture
from hourglass_bench.reports.figures import texture as figure
from hourglass_bench.reports.figures.base import NotVariedError
from hourglass_bench.reports.store.load import BLEND

BLENDS = (0.0, 0.4, 0.8)
SLOPES = (0.10, 0.14, 0.09, 0.13, 0.11)
"""Of U-Net less Hourglass per unit of blend, by repeat, each of which tests a fold of its own."""


def runs(slopes: tuple[float, ...], blends: tuple[float, ...] = BLENDS) -> list[Unit]:
    """Hourglass and U-Net at every blend; the data as they are do not say so, as in stores of before."""
    return [
        Unit(
            architecture=name,
            repeat=repeat,
            epochs=2,
            size=16,
            panel=False,
            data=f"blend{blend}",
            # The harder, the better: whoever chose among difficulties would choose the hardest.
            iou=0.5 + 0.3 * blend + 0.02 * repeat + (0.01 + slope * blend) * (name == "unet"),
            params={"data.synthetic_blend": str(blend)} if blend else {},
        )
        for repeat, slope in enumerate(slopes)
        for blend in blends
        for name in ("hourglass", "unet")
    ]


@pytest.fixture(scope="module")
def varied(summarised: Summarised) -> Summary:
    return summarised(runs(SLOPES))


def test_the_slope_is_of_a_line_through_each_folds_differences(varied: Summary) -> None:
    found = texture(varied)
    assert found is not None
    row = found.trends.set_index("metric").loc["iou"]
    np.testing.assert_allclose([row["slope"], row["low"], row["high"]], t_interval(SLOPES), atol=1e-6)
    assert (row["folds"], row["repeats"], row["dose"]) == (5, 5, 2)
    differences = found.differences[(found.differences["metric"] == "iou") & (found.differences["dose"] > 0)]
    expected = [0.01 + blend * np.mean(SLOPES) for blend in BLENDS]
    np.testing.assert_allclose(differences["difference"], expected, atol=1e-6)
    assert differences["blend"].to_list() == list(BLENDS)


def test_the_verdict_is_said_in_words(varied: Summary, summarised: Summarised) -> None:
    sentence = written("depth", varied)[-1]
    assert "From a blend of 0 to one of 0.8" in sentence
    assert "+0.114" in sentence
    assert "(they matter more)" in sentence
    assert "(they matter less)" in written("depth", summarised(runs((-0.1, -0.12, -0.09, -0.1, -0.11))))[-1]
    assert "(no trend shown)" in written("depth", summarised(runs((-0.1, 0.12, -0.09, 0.1, 0.0))))[-1]
    assert "(a first look: they matter more)" in written("depth", summarised(runs(SLOPES[:3])))[-1]
    assert "(no verdict)" in written("depth", summarised(runs(SLOPES[:2])))[-1]


def test_a_blend_that_has_no_difference_is_left_out_of_the_line_and_of_the_words(summarised: Summarised) -> None:
    """Without any Hourglass at 0.8, where nothing says what the U-Net is worth."""
    summary = summarised([unit for unit in runs(SLOPES) if (unit.architecture, unit.data) != ("hourglass", "blend0.8")])
    found = texture(summary)
    assert found is not None
    row = found.trends.set_index("metric").loc["iou"]
    np.testing.assert_allclose([row["slope"], row["low"], row["high"]], t_interval(SLOPES), atol=1e-6)
    assert row["repeats"] == 5
    assert "From a blend of 0 to one of 0.4" in written("depth", summary)[-1]


def test_configurations_of_other_difficulties_are_never_compared(varied: Summary) -> None:
    made = claims(varied)
    assert made
    assert {float(row[BLEND]) for claim in made for row in (claim.a, claim.b)} == {0.0}
    assert {float(choice.row[BLEND]) for choice in choices(varied)} == {0.0}
    assert set(varied.best[BLEND]) == {0.0}
    assert varied.configurations["label"].str.contains("synthetic blend 0.4").sum() == 2


def test_the_figure_appears_where_difficulty_is_varied_alone(varied: Summary, summarised: Summarised) -> None:
    shown = figure.record(varied)
    assert len(drawn(figure.PLOT, shown).axes) == 2
    assert "IoU +0.114" in figure.caption(shown)
    assert "U" in figure.alt(shown)
    for units in (runs(SLOPES, (0.0,)), [*runs(SLOPES), Unit(architecture="unet", depth=3)]):
        with pytest.raises(NotVariedError, match="no complete runs differ in their difficulty"):
            figure.record(summarised(units))
