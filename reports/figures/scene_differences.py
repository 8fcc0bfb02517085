"""The difference on every test scene: what the mean of the first claim is made of."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.claims import Claim, Judged, arms, judge_headline, pair, pair_key, word
from hourglass_bench.reports.analysis.statistics import paired
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import NoDataError, Plot, draw_arrow, interval
from hourglass_bench.reports.store.load import ARCHITECTURE

MANY = 60
"""Scenes above which dots are small."""
MARGIN_GREY = "#D4D4D4"
ROOM_BELOW, ROOM_ABOVE = 0.06, 0.17
"""Of the y axis, beyond all that is shown; the text has its place above."""


class SceneDifferences(NamedTuple):
    """The first claim, in the metrics of the headline."""

    scenes: pd.DataFrame
    """metric, fold, scene, difference and repeats that it is the mean of; by rising difference."""
    means: pd.DataFrame
    """metric, difference, low and high of the primary interval, over, n, repeats, margin, verdict, claims, text."""
    claim: Claim


def record(summary: Summary) -> SceneDifferences:
    """Differences of the scene means over the repeats that both configurations have."""
    headline = judge_headline(summary)
    if not headline:
        raise NoDataError(
            "no complete run of a second architecture is there to compare with, on the same scenes and repeats."
        )
    first = headline[0].claim
    judged = [one for one in headline if (one.claim.matching, pair_key(one.claim)) == (first.matching, pair_key(first))]
    scenes = pd.concat([_scenes(summary, one) for one in judged], ignore_index=True)
    if len(scenes) == len(judged):
        raise NoDataError("the two configurations of the first claim were tested on a single scene.")
    return SceneDifferences(scenes, pd.DataFrame([_mean(one) for one in judged]), judged[0].claim)


def _scenes(summary: Summary, one: Judged) -> pd.DataFrame:
    a, b = arms(summary, one.claim, one.metric)
    pairs = paired(a, b).rename(columns={"value": "difference"})
    repeats = a.groupby(["fold", "scene"])["repeat"].nunique().rename("repeats").reset_index()
    return pairs.merge(repeats).sort_values("difference", kind="stable").assign(metric=one.metric.label)


def _mean(one: Judged) -> dict[str, object]:
    found = one.comparison
    return {
        "metric": one.metric.label,
        "difference": found.difference,
        **one.interval._asdict(),
        **{name: getattr(found, name) for name in ("over", "n", "repeats")},
        "margin": one.metric.margin,
        "verdict": word(one),
        "claims": one.claims,
        "text": f"{text.signed(found.difference)} {text.bounds(*one.interval)}",
    }


def draw(shown: SceneDifferences) -> Figure:
    """A panel per metric: dots by rank, and the mean with its interval to the right of them."""
    figure, (axes,) = style.panels(len(shown.means), height=2.3, sharey=True)
    low, high = _limits(shown)
    for axis, (_, mean) in zip(axes, shown.means.iterrows(), strict=True):
        scenes = shown.scenes[shown.scenes["metric"] == mean["metric"]]
        axis.set_ylim(low, high)
        _draw_scenes(axis, scenes, mean["margin"], _names(shown))
        place = 1.12 * len(scenes) + 1.5
        _draw_mean(axis, mean, place)
        ranks = [rank for rank in MaxNLocator(5, integer=True).tick_values(0, len(scenes)) if 1 <= rank <= len(scenes)]
        axis.set_xticks([*ranks, place], [*(f"{rank:.0f}" for rank in ranks), "mean"])
        axis.set(title=f"{mean['metric']}: {mean['text']}", xlabel="test scenes, by their difference")
        axis.set_xlim(0.5 - 0.03 * len(scenes), 1.2 * len(scenes) + 2.5)
        axis.grid(visible=False)
    axes[0].set_ylabel(" less\n".join(style.look(name).label for name in _names(shown)))
    style.architecture_legend(figure, _names(shown), lines=False)
    return figure


def _limits(shown: SceneDifferences) -> tuple[float, float]:
    """Of the y axis: all dots, zero and the margins; an interval has as much room again at either side."""
    margin = shown.means["margin"].max()
    low = min(shown.scenes["difference"].min(), -margin)
    high = max(shown.scenes["difference"].max(), margin)
    span = high - low
    low = min(low, max(shown.means["low"].min(), low - span))
    high = max(high, min(shown.means["high"].max(), high + span))
    span = high - low
    return low - ROOM_BELOW * span, high + ROOM_ABOVE * span


def _draw_scenes(axis: Axes, scenes: pd.DataFrame, margin: float, names: list[str]) -> None:
    axis.axhspan(-margin, margin, color=MARGIN_GREY, linewidth=0)
    axis.axhline(0, color="black", linewidth=0.6)
    ranks = pd.Series(range(1, len(scenes) + 1), index=scenes.index)
    first, second = map(style.look, names)
    size, edge = (4, 0.3) if len(scenes) <= MANY else (2, 0)
    for look, where in ((first, scenes["difference"] >= 0), (second, scenes["difference"] < 0)):
        marks = {**look.marked, "markersize": size, "markeredgecolor": "white", "markeredgewidth": edge}
        axis.plot(ranks[where], scenes.loc[where, "difference"], **marks)
    # Dots rise to the right, so that this corner is free.
    axis.text(0.02, 0.97, _higher(scenes, first.label), transform=axis.transAxes, va="top", fontsize=6.5)


def _higher(scenes: pd.DataFrame, label: str) -> str:
    """`U-Net higher on 25 of 36 scenes`."""
    return f"{label} higher on {int((scenes['difference'] > 0).sum())} of {text.counted(len(scenes), 'scene')}"


def _draw_mean(axis: Axes, mean: pd.Series, x: float) -> None:
    """A diamond with its interval; an arrow where the interval goes on beyond the axis."""
    low, high = axis.get_ylim()
    axis.plot([x, x], [max(mean["low"], low), min(mean["high"], high)], color="black", linewidth=1)
    axis.plot(x, mean["difference"], marker="D", markersize=4.5, color="black")
    draw_arrow(axis, x, mean["low"], mean["high"], "black")


def _names(shown: SceneDifferences) -> list[str]:
    return [str(row[ARCHITECTURE]) for row in (shown.claim.a, shown.claim.b)]


def caption(shown: SceneDifferences) -> str:
    """What a dot, the diamond and the band are, and what may be said."""
    mean = shown.means.iloc[0]
    band = " and ".join(f"±{margin:g}" for margin in shown.means["margin"].unique())
    verdicts = "; ".join(f"{row['metric']}, {row['verdict']}" for _, row in shown.means.iterrows())
    count = text.counted(int((shown.scenes["metric"] == mean["metric"]).sum()), "test scene")
    repeats = text.counted_range(shown.scenes["repeats"], "repeat")
    return (
        f"{pair(shown.claim)}, {shown.claim.matching}, on {count} ({repeats} each); the mark is of the higher one. "
        f"Diamond: mean and {interval(_units(mean), cut=_cut(shown))}. Band: {band}, differences that do not matter. "
        f"Verdict ({text.counted(mean['claims'], 'claim')}): {verdicts}."
    )


def _units(mean: pd.Series) -> str:
    if mean["over"] == "scenes" and mean["repeats"] > 1:
        return f"over {mean['n']} scenes crossed with {mean['repeats']} repeats"
    return f"over {mean['n']} {mean['over']}"


def _cut(shown: SceneDifferences) -> bool:
    low, high = _limits(shown)
    return bool(((shown.means["low"] < low) | (shown.means["high"] > high)).any())


def alt(shown: SceneDifferences) -> str:
    """On how many scenes the first is higher, and the means."""
    first, second = (style.look(name).label for name in _names(shown))
    parts = []
    for _, mean in shown.means.iterrows():
        scenes = shown.scenes[shown.scenes["metric"] == mean["metric"]]
        low, high = text.signed(scenes["difference"].min()), text.signed(scenes["difference"].max())
        parts.append(f"{mean['metric']}: {_higher(scenes, first)}, differences {low} to {high}, mean {mean['text']}")
    return f"Dots of the difference on each test scene, {first} less {second}. {'; '.join(parts)}."


PLOT = Plot(section="differences", record=record, draw=draw, caption=caption, alt=alt)
