"""Tuned learning rates: what each group was tried at, what was chosen, and what lies at the edge of the ladder."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_store import TUNED_TAGS
from fake_units import LADDER, grid, tuned

from hourglass_bench.bench import schema
from hourglass_bench.reports import prose
from hourglass_bench.reports.analysis.claims import claims
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.analysis.tuning import edge, tuning
from hourglass_bench.reports.prose.facts import Facts
from hourglass_bench.reports.tables import TABLES

Summarised = Callable[..., Summary]


def text_of(section: str, summary: Summary) -> str:
    return " ".join(prose.write(section, summary, Facts()))


def test_groups_have_the_rate_that_they_are_compared_at(tuning: Summary) -> None:
    from hourglass_bench.reports.analysis.tuning import tuning as tuning_of

    found = tuning_of(tuning)
    chosen = found.groups.set_index("group")
    assert chosen["rate"].to_dict() == {
        f"{name} depth {depth}": rate
        for name, rate in (("simple_conv", 0.003), ("hourglass", 0.03), ("unet", 0.01))
        for depth in (2, 3)
    }
    assert (chosen["configurations"] == 2).all()
    assert chosen["edge"].to_dict() == {name: "largest" if "hourglass" in name else "" for name in chosen.index}
    assert (found.rates.groupby(["group", "epochs"]).size().unstack() == [4, 2]).all().all()
    assert set(found.rates.loc[found.rates["val_iou"].isna(), "state"]) == {"diverged"}


def test_runs_that_tune_are_never_compared(tuning: Summary) -> None:
    assert set(tuning.runs[schema.STAGE]) == {"comparison"}
    assert set(tuning.tuning[schema.STAGE]) == {"tuning"}
    assert set(tuning.runs["training.epochs"]) == {"8"}
    assert tuning.scenes["run_id"].isin(tuning.runs["run_id"]).all()
    assert all(claim.a["training.epochs"] == "8" for claim in claims(tuning))


@pytest.mark.parametrize(
    ("rate", "ladder", "found"),
    [
        (0.03, LADDER, "largest"),
        (0.001, LADDER, "smallest"),
        (0.01, LADDER, ""),
        (float("nan"), LADDER, ""),
        (0.01, [0.01], ""),
    ],
)
def test_edge(rate: float, ladder: list[float], found: str) -> None:
    assert edge(rate, ladder) == found


def test_groups_without_a_comparison_have_no_rate_yet(summarised: Summarised) -> None:
    units = [unit for unit in tuned() if unit.tunes or unit.architecture == "unet"]
    found = tuning(summarised(units, tags=TUNED_TAGS)).groups.set_index("architecture")
    assert found.loc["hourglass", "rate"].isna().all()
    assert (found.loc["hourglass", "configurations"] == 0).all()
    assert (found.loc["hourglass", "edge"] == "").all()
    assert (found.loc["unet", "rate"] == 0.01).all()


def test_the_first_page_says_which_rates_were_tuned(tuning: Summary) -> None:
    page = text_of("answer", tuning)
    assert "chosen on validation scenes, by equal budgets, from 0.001, 0.003, 0.01 and 0.03." in page
    # Of the Hourglass of depth 3 that is compared; that of depth 2 is in a section of its own.
    assert "That of Hourglass depth 3, 0.03, is the largest tried: the best may lie beyond it." in page
    assert "Hourglass depth 2, 0.03" not in page
    assert "Hourglass depth 2, 0.03" in text_of("tuning", tuning)
    assert "not tuned" not in page


def test_the_first_page_says_that_no_rate_was_tuned(small: Summary, searching: Summary, summarised: Summarised) -> None:
    said = "The learning rate was not tuned: all networks were trained at 0.003, which may favour some of them."
    assert f"{said} A study that tunes it needs RUNS of its own." in text_of("answer", small)
    assert text_of("tuning", small) == ""
    assert TABLES["tuning"].make(small) is None
    assert "not tuned" not in text_of("answer", searching)
    several = [replace(unit, params={"training.lr": "0.01"}) if unit.width == 8 else unit for unit in grid(2, epochs=2)]
    assert "The learning rate was not tuned." in text_of("answer", summarised(several))
    alone = [unit for unit in grid(2, epochs=2) if unit.architecture == "unet"]
    assert "learning rate" not in text_of("answer", summarised(alone))


def test_what_is_held_fixed_is_of_the_comparison(tuning: Summary, small: Summary) -> None:
    assert "lr 0.003" in text_of("protocol", small)
    held = text_of("protocol", tuning).partition("Held fixed")[2].partition(".")[0]
    assert "epochs 8" in held
    assert "lr " not in held


def test_groups_of_networks_are_no_unequal_plan(tuning: Summary, summarised: Summarised) -> None:
    from fake_store import plan_of

    units = [unit for unit in tuned(epochs=4) if not (unit.tunes and unit.group == "unet depth 2")]
    outcomes = text_of("outcomes", summarised(units, tags=TUNED_TAGS | plan_of(units)))
    assert "Every architecture had the same plan: 20 comparison runs each." in outcomes


def test_the_table_shows_both_rungs_and_what_failed(tuning: Summary) -> None:
    table = TABLES["tuning"].make(tuning)
    assert table is not None
    cells = {tuple(row[:2]): row[2:] for row in table.rows}
    unet = cells["U-Net", "depth\xa03"]
    assert unet == ["2", "0.380", "0.430", "0.530\n0.550", "0.480\n0.500", "0.01", "–"]
    assert cells["SimpleConv", "depth\xa02"][4] == "diverged"
    assert cells["Hourglass", "depth\xa02"][-2:] == ["0.03", "largest"]


def test_a_ladder_that_is_no_list_is_refused(summarised: Summarised) -> None:
    with pytest.raises(ValueError, match=r"tag study\.ladder must be JSON of learning rates, got 'three'"):
        summarised(grid(1, epochs=1), tags={schema.STUDY_LADDER: "three"})
