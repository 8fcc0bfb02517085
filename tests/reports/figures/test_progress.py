"""Figures of how trainings went: targets reached, times, and what a search learnt about its hyperparameters."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_store import IMPORTANCE
from fake_units import Unit, refits
from helpers import Summarised, drawn
from scipy import stats

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import summarise
from hourglass_bench.reports.figures import importance, learning_rate, targets, times
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.figures.times import ALL, PARTS, mean_times
from hourglass_bench.reports.store.load import ARCHITECTURE


def learners() -> list[Unit]:
    """U-Net: two runs of 0.8, which set the target, and one that misses it; Hourglass: one diverges, one is cut off."""
    unet = [Unit(architecture="unet", repeat=repeat, iou=iou) for repeat, iou in enumerate((0.8, 0.8, 0.3))]
    hourglass = [Unit(repeat=0, iou=0.8), Unit(repeat=1, state="diverged", reason="nan")]
    return [*unet, *hourglass, Unit(repeat=2, state="out_of_memory", learnt=False), Unit(repeat=3, state="pruned")]


def epochs_to(target: float, unit: Unit) -> float:
    return next((e for e in range(1, 9) if unit.curve(e)[schema.VAL_IOU.name] >= target), math.inf)


def test_shares_of_runs_that_reached_the_target(summarised: Summarised) -> None:
    shown = targets.record(summarised(learners()))
    assert shown.target == pytest.approx(0.9 * 0.81)
    reached = shown.reached.set_index("architecture")
    assert reached[["n", "reached"]].to_dict("index") == {
        "hourglass": {"n": 3, "reached": 1},
        "unet": {"n": 3, "reached": 2},
    }
    for name in ("hourglass", "unet"):
        n, count = reached.loc[name, ["n", "reached"]]
        # Clopper and Pearson's interval by quantiles of the beta distribution.
        assert reached.loc[name, "low"] == pytest.approx(stats.beta.ppf(0.025, count, n - count + 1))
        assert reached.loc[name, "high"] == pytest.approx(stats.beta.ppf(0.975, count + 1, n - count))


@pytest.mark.parametrize(("effort", "factor"), [("epochs", 1), ("seconds", 2.0)])
def test_steps_are_the_efforts_of_the_runs(effort: str, factor: float, summarised: Summarised) -> None:
    shown = targets.record(summarised(learners()))
    steps = shown.steps[(shown.steps["architecture"] == "unet") & (shown.steps["effort"] == effort)]
    at = sorted(epochs_to(shown.target, unit) for unit in learners()[:2])
    assert steps["at"].tolist() == pytest.approx([0, *(factor * epoch for epoch in at), factor * 8])
    assert steps["share"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])


def test_an_architecture_that_never_reached_the_target_stays_at_nothing(summarised: Summarised) -> None:
    units = [Unit(architecture="unet", iou=0.8), *(Unit(repeat=repeat, iou=0.2) for repeat in range(4))]
    shown = targets.record(summarised(units))
    assert shown.steps.loc[shown.steps["architecture"] == "hourglass", "share"].tolist() == [0, 0] * 2
    hourglass = shown.reached.iloc[0]
    assert (hourglass["low"], hourglass["high"]) == (0, pytest.approx(1 - 0.025 ** (1 / 4)))
    assert "Hourglass 0 of 4; U-Net 1 of 1, half of them by epoch" in targets.alt(shown)


def test_runs_on_random_frames_reach_no_target_of_scenes(summarised: Summarised) -> None:
    units = [Unit(iou=0.6), Unit(iou=0.95, split="random_frames"), Unit(architecture="unet", iou=0.6)]
    assert targets.record(summarised(units)).reached["n"].tolist() == [1, 1]


@pytest.mark.parametrize(("last", "scale"), [(2.0, "linear"), (1000.0, "log")])
def test_seconds_that_span_a_decade_are_logarithmic(last: float, scale: str, summarised: Summarised) -> None:
    summary = summarised(learners())
    slow = (summary.study.curves["metric"] == schema.EPOCH_SECONDS.name) & (summary.study.curves["epoch"] == 8)
    curves = summary.study.curves.assign(value=summary.study.curves["value"].mask(slow, last))
    axes = drawn(targets, targets.record(summarise(replace(summary.study, curves=curves)))).axes
    assert [axis.get_xscale() for axis in axes] == ["linear", scale]


def test_times_of_an_architecture_are_those_of_all_its_runs(summarised: Summarised) -> None:
    units = [Unit(), Unit(width=16, repeat=1), Unit(depth=3), Unit(architecture="unet")]
    shown = times.record(summarised([*units, Unit(repeat=5, state="diverged")]))
    own = shown.parts[shown.parts["architecture"] == "hourglass"]
    measured = pd.DataFrame([unit.values() for unit in units[:3]])
    assert own["runs"].unique().tolist() == [3]
    seconds = own.set_index("part")["seconds"]
    assert seconds["train"] == pytest.approx(measured["time/train_seconds"].mean())
    assert seconds["idle"] == pytest.approx(0.4)
    assert seconds.sum() == pytest.approx(measured["time/seconds"].mean() + 0.4)
    assert own["share"].tolist() == pytest.approx((seconds / seconds.sum()).tolist())
    assert "autotune" not in seconds
    assert shown.parts.groupby("architecture")["share"].sum().tolist() == pytest.approx([1, 1])
    every = pd.DataFrame([unit.values() for unit in units])
    learning = (every["time/train_seconds"] + every["time/validation_seconds"]).sum()
    whole = (every["time/seconds"] + 0.4).sum()
    assert f"training and validation took {learning / whole:.0%} of all" in times.caption(shown)


def test_mean_times_count_phases_that_a_run_did_not_enter_as_nothing() -> None:
    logged = {metric.name: 1.0 for metric in schema.PHASES.values()} | {"time/seconds": 10.0, "time/idle_seconds": 0.5}
    runs = pd.DataFrame([logged, logged | {"time/autotune_seconds": math.nan, "time/idle_seconds": math.nan}])
    means = mean_times(runs)
    assert list(means) == [*PARTS, ALL]
    assert means["autotune"] == 0.5
    assert means["other"] == pytest.approx(10 - (len(schema.PHASES) - 0.5))
    assert (means["idle"], means["all"]) == (0.5, 10.5)
    alone = mean_times(runs.iloc[1:])
    assert math.isnan(alone["idle"])
    assert alone["all"] == 10


def test_only_large_parts_hold_their_share_in_writing(summarised: Summarised) -> None:
    shown = times.record(summarised([Unit(), Unit(architecture="unet", width=64)]))
    longest = shown.parts.groupby("architecture")["seconds"].sum().max()
    (axis,) = drawn(times, shown).axes
    written = sorted(label.get_text() for label in axis.texts if label.get_text())
    large = shown.parts[shown.parts["seconds"] > times.ROOM * longest]
    assert written == sorted(f"{share:.0%}" for share in large["share"])


def tried(*rates: tuple[float, float, str]) -> list[Unit]:
    """A search trial of U-Net for each rate, IoU and state."""
    return [
        Unit(architecture="unet", trial=number, iou=iou, state=state, epochs=2, params={"training.lr": str(rate)})
        for number, (rate, iou, state) in enumerate(rates)
    ]


def test_the_best_trial_of_each_half_decade(summarised: Summarised) -> None:
    trials = [(rate, iou, "complete") for rate, iou in ((0.001, 0.5), (0.0029, 0.6), (0.003, 0.4), (0.02, 0.3))]
    trials += [(0.0099, 0.9, "pruned"), (0.5, 0.9, "infeasible")]
    other = Unit(architecture="hourglass", trial=9, iou=0.7, epochs=2, params={"training.lr": "0.002"})
    shown = learning_rate.record(summarised([*tried(*trials), other]))
    best = shown.best[shown.best["architecture"] == "unet"]
    assert best[["low", "high"]].to_numpy() == pytest.approx(np.array([[0.001, 0.003], [0.003, 0.01], [0.01, 0.03]]))
    assert best["n"].tolist() == [2, 1, 1]
    assert best["val_iou"].tolist() == pytest.approx([0.61, 0.41, 0.31])
    assert shown.best.loc[shown.best["architecture"] == "hourglass", "val_iou"].tolist() == pytest.approx([0.71])
    assert shown.trials.loc[shown.trials["val_iou"].isna(), "lr"].tolist() == [0.0099]
    assert "ticks: those that did not complete" in learning_rate.caption(shown)
    assert "complete trials: 1 of Hourglass and 4 of U-Net, 1 pruned." in learning_rate.alt(shown)
    assert "U-Net 0.610 at 0.00290, tried 0.00100 to 0.0200" in learning_rate.alt(shown)


def test_learning_rates_need_a_complete_trial(summarised: Summarised) -> None:
    with pytest.raises(NoDataError, match="no complete run of the search"):
        learning_rate.record(summarised(tried((0.001, 0.5, "pruned"))))


def test_importances_are_those_that_the_study_logged(summarised: Summarised) -> None:
    units = [*tried(*[(0.001, 0.5, "complete")] * 3, (0.001, 0.5, "pruned")), Unit(trial=9, epochs=2), *refits(2)]
    summary = summarised(units, tags={schema.STUDY_IMPORTANCE: json.dumps(IMPORTANCE)})
    assert {name: found._asdict() for name, found in summary.study.importance.items()} == IMPORTANCE
    shown = importance.record(summary)
    table = shown.shares.set_index(["architecture", "evaluator", "hyperparameter"])["share"].sort_index()
    for name, found in IMPORTANCE.items():
        for evaluator, shares in found["shares"].items():  # type: ignore[attr-defined]
            assert table[name, evaluator].to_dict() == shares
    order = shown.shares["hyperparameter"].unique().tolist()
    assert order[:3] == ["lr", "depth", "base_width"]
    # Those that the shares are of: a trial that was pruned before it measured anything is none of them.
    assert shown.trials.to_dict("list") == {"architecture": ["hourglass", "unet"], "n": [24, 27]}
    assert "(24 to 27 search trials of each architecture)" in importance.caption(shown)
    assert "by trials: 24 of Hourglass and 27 of U-Net." in importance.alt(shown)
    assert "U-Net by fANOVA learning rate 71%" in importance.alt(shown)


def test_without_importances_the_report_says_what_they_need(summarised: Summarised) -> None:
    summary = summarised(tried((0.001, 0.5, "complete")), tags={schema.STUDY_IMPORTANCE: "{}"})
    assert summary.study.importance == {}
    assert (summary.search[ARCHITECTURE] == "unet").all()
    with pytest.raises(NoDataError, match="no run of the study holds importances; .* at least 10 search trials"):
        importance.record(summary)


@pytest.mark.parametrize(
    "tag",
    [
        "[]",
        "{",
        '{"unet": 3}',
        '{"unet": {"trials": 30, "shares": {"fANOVA": {"lr": "much"}}}}',
        '{"unet": {"fANOVA": {"lr": 1.0}}}',
    ],
)
def test_importances_that_cannot_be_read_are_named(tag: str, summarised: Summarised) -> None:
    with pytest.raises(ValueError, match=r"tag study\.importance must be JSON of trials and shares"):
        summarised([Unit()], tags={schema.STUDY_IMPORTANCE: tag})
