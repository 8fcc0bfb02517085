"""Test frames through the configurations of the first claim, their errors in colour: best, median and worst scene."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.claims import Claim, arms, judge_headline, pair_key
from hourglass_bench.reports.analysis.scenes import PROTOCOL
from hourglass_bench.reports.analysis.statistics import paired
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, Summary, listed_labels, title
from hourglass_bench.reports.analysis.verified import SCENE
from hourglass_bench.reports.figures.base import NoDataError, Plot, readable, told
from hourglass_bench.reports.store.arrays import overlap, read_ignored, read_panel
from hourglass_bench.reports.store.load import ARCHITECTURE, ARTIFACTS, REPEAT, RUN

MOST_FRAMES = 3
MOST_WITH_PROBABILITY = 3
"""Architectures up to which a column of probabilities fits beside each column of errors."""

LEAST_COLUMNS = 6
"""Pictures stay as small as in a figure of so many columns: one architecture needs no whole page."""
MOST_LETTERS = 14
"""Of a frame's name below its image; of a longer one the end is shown."""

IGNORED = 0.5
"""Grey of pixels that count in no metric."""


class Panel(NamedTuple):
    """Arrays of an architecture, one entry per frame."""

    images: np.ndarray
    truth: np.ndarray
    probability: np.ndarray
    ignored: np.ndarray


class Predictions(NamedTuple):
    """A few frames, predicted by a run of each architecture."""

    frames: pd.DataFrame
    """stem, scene, rule, difference (of the scene; missing without a claim), architecture, label, run_id, repeat, iou,
    missed and invented pixels."""
    panels: dict[str, Panel]
    """Architecture -> its frames, in the order of the stems."""
    claim: Claim | None
    scenes: int
    """From which those shown were chosen."""


class Candidates(NamedTuple):
    """Frames that runs of the same configurations kept, of which a figure shows a few."""

    shots: pd.DataFrame
    """A row per frame and architecture, as `_shots`, with place and difference (of the scene; missing without a claim).
    Frames are numbered from 0 by their place, the largest difference first."""
    claim: Claim | None

    @property
    def frames(self) -> int:
        """How many there are."""
        return int(self.shots["place"].max()) + 1


def record(summary: Summary) -> Predictions:
    """The scenes with the largest, median and smallest difference; without a claim the first frames of a panel file."""
    found = candidates(summary)
    rules = _rules(found)
    shots = found.shots[found.shots["place"].isin(rules)]
    shots = shots.assign(rule=shots["place"].map(rules))
    shots = shots[shots.groupby(ARCHITECTURE)[ARCHITECTURE].transform("size") == len(rules)]
    panels, rows = {}, []
    for name in style.in_order(shots[ARCHITECTURE]):
        own = shots[shots[ARCHITECTURE] == name]
        panels[name] = Panel(*map(np.stack, zip(*(_frame(shot) for _, shot in own.iterrows()), strict=True)))
        rows += [_row(shot, panels[name], place) for place, (_, shot) in enumerate(own.iterrows())]
    return Predictions(pd.DataFrame(rows), panels, found.claim, found.frames)


def _rules(found: Candidates) -> dict[int, str]:
    """Place of each frame that is shown -> what it is shown as."""
    if found.claim is None:
        return dict.fromkeys(range(min(MOST_FRAMES, found.frames)), "first")
    last = found.frames - 1
    # Where two or three of these are the same scene, the last rule names it.
    return {last - last // 2: "median", last: "smallest", 0: "largest"}


@lru_cache(maxsize=1)
def candidates(summary: Summary) -> Candidates:
    """By the difference in the first claim, or those of one repeat by their names.

    Raises:
        NoDataError: no frames are the same.
    """
    return _by_difference(summary) or _of_one_repeat(summary)


def _by_difference(summary: Summary) -> Candidates | None:
    """None if there is no claim, or no frame that both of its configurations kept."""
    judged = judge_headline(summary)
    if not judged:
        return None
    claim = judged[0].claim
    others = summary.best[~summary.best[ARCHITECTURE].isin([claim.a[ARCHITECTURE], claim.b[ARCHITECTURE]])]
    shots = _shots(summary, [*pair_key(claim), *others[CONFIGURATION]])
    if shots.empty:
        return None
    scenes = _ranked(summary, claim, shots[shots[CONFIGURATION].isin(pair_key(claim))])
    if scenes.empty:
        return None
    return Candidates(scenes.assign(place=range(len(scenes))).merge(shots, on=SHOT), claim)


SHOT = [*PROTOCOL, SCENE, "stem"]
"""What is the same picture, predicted after training on the same frames."""


def _ranked(summary: Summary, claim: Claim, shots: pd.DataFrame) -> pd.DataFrame:
    """The scenes of which both configurations kept a frame, by falling difference: SHOT of the lowest such repeat and
    the difference.
    """
    kept = shots.groupby(SHOT, as_index=False).size()
    lowest = kept[kept["size"] == 2].sort_values(REPEAT).drop_duplicates([schema.FOLD, SCENE])
    differences = paired(*arms(summary, claim, schema.TEST_IOU)).rename(columns={"value": "difference"})
    ranked = lowest.drop(columns="size").merge(differences, on=[schema.FOLD, SCENE])
    return ranked.sort_values(["difference", schema.FOLD, SCENE], ascending=False, ignore_index=True)


def _of_one_repeat(summary: Summary) -> Candidates:
    """Those of the lowest repeat that the best configurations of all architectures with a panel file completed."""
    shots = _shots(summary, list(summary.best[CONFIGURATION]))
    if shots.empty:
        raise NoDataError(f"no complete run of the best configurations has a file {schema.PANEL_DATA}.")
    needed, shared = shots[ARCHITECTURE].nunique(), shots.groupby(REPEAT)[ARCHITECTURE].nunique()
    if shared.max() < needed:
        raise NoDataError("the best configurations have no repeat in common, so no frames are the same.")
    shots = shots[shots[REPEAT] == shared[shared == needed].index.min()]
    shots = shots[shots.groupby("stem")[ARCHITECTURE].transform("nunique") == needed]
    if shots.empty:
        raise NoDataError("the panel files of the architectures have no frame in common.")
    shots = shots.assign(place=shots["stem"].rank(method="dense").astype("int64") - 1, difference=np.nan)
    return Candidates(shots.sort_values("place", kind="stable"), None)


def _shots(summary: Summary, configurations: list[int]) -> pd.DataFrame:
    """A row per frame that a complete run kept in its panel file: SHOT, and of the run what is told of it."""
    runs = summary.runs[summary.runs[CONFIGURATION].isin(configurations) & (summary.runs[schema.STATE] == "complete")]
    about = [*PROTOCOL, RUN, ARCHITECTURE, CONFIGURATION, LABEL, ARTIFACTS]
    parts = []
    for _, run in runs.iterrows():
        if (Path(run[ARTIFACTS]) / schema.PANEL_DATA).is_file():
            stems, scenes = _read(run[ARTIFACTS], "stems", "scenes")
            parts.append(pd.DataFrame({"stem": stems, SCENE: scenes}).assign(**run[about]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["stem", SCENE, *about])


def _read(folder: str, *names: str) -> list[np.ndarray]:
    """Arrays of a panel file."""
    with readable():
        return read_panel(Path(folder) / schema.PANEL_DATA, *names)


def read_frames(folder: str) -> tuple[list[str], Panel]:
    """The stems of a run's panel file, and its frames in their order.

    Raises:
        NoDataError: it is damaged.
    """
    stems, images, truth, probability = _read(folder, "stems", "images", "truth", "probability")
    with readable():
        ignored = read_ignored(Path(folder) / schema.PANEL_DATA, truth)
    return stems.tolist(), Panel(images, truth, probability.astype(np.float32), ignored)


def _frame(shot: pd.Series) -> Panel:
    stems, panel = read_frames(shot[ARTIFACTS])
    return Panel(*(array[stems.index(shot["stem"])] for array in panel))


def _row(shot: pd.Series, panel: Panel, frame: int) -> dict[str, object]:
    about = ["stem", "scene", "rule", "difference", "architecture", "label", "run_id", "repeat"]
    return {**shot.rename({ARCHITECTURE: "architecture"})[about], **scores(panel, frame)}


def scores(panel: Panel, frame: int) -> dict[str, float]:
    """IoU of a frame, and how many of its pixels are missed and invented."""
    truth, predicted, ignored = panel.truth[frame], panel.probability[frame] > 0.5, panel.ignored[frame]
    return {
        "iou": overlap(predicted, truth, ignored),
        "missed": int((truth & ~predicted & ~ignored).sum()),
        "invented": int((predicted & ~truth & ~ignored).sum()),
    }


def draw(shown: Predictions) -> Figure:
    """A row per frame: image above the frame's name, truth, then for each architecture its probability and errors."""
    with_probability = len(shown.panels) <= MOST_WITH_PROBABILITY
    first = next(iter(shown.panels.values()))
    count, height, width = first.truth.shape
    columns = 2 + len(shown.panels) * (1 + with_probability)
    cell = 0.86 * style.PAGE_WIDTH / max(columns, LEAST_COLUMNS)
    figure, axes = style.panels(columns, rows=count, height=0.35 + count * (cell * height / width + 0.22))
    for frame, row in enumerate(axes):
        _draw_row(row, shown, frame, with_probability)
        if shown.claim is not None:
            about = shown.frames.iloc[frame]
            row[0].set_ylabel(f"{about['rule']} Δ IoU\n{text.signed(about['difference'])}", fontsize=6.5, labelpad=2)
    return figure


def _draw_row(row: list[Axes], shown: Predictions, frame: int, with_probability: bool) -> None:
    first = next(iter(shown.panels.values()))
    truth = np.where(first.ignored[frame], IGNORED, first.truth[frame])
    stem = str(shown.frames["stem"].unique()[frame])
    name = stem if len(stem) <= MOST_LETTERS else f"…{stem[1 - MOST_LETTERS :]}"
    cells = [("image", first.images[frame], name), ("truth", truth, "")]
    for name, panel in shown.panels.items():
        label = style.folded(style.look(name).label, style.PAGE_WIDTH / (len(row) + 1))
        iou = shown.frames.loc[shown.frames["architecture"] == name, "iou"].iloc[frame]
        if with_probability:
            cells.append((f"{label}\nprobability", panel.probability[frame], ""))
        cells.append((f"{label}\nerrors", errors(panel, frame), f"IoU {text.digits(iou)}"))
    for axis, (heading, picture, below) in zip(row, cells, strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none")
        axis.set(xticks=[], yticks=[], title=heading if frame == 0 else "")
        axis.set_xlabel(below, labelpad=1.5, fontsize=6.5)


def errors(panel: Panel, frame: int) -> np.ndarray:
    """(H, W, 3) picture: found white, background black, missed and invented pixels in their colours, ignored grey."""
    truth, predicted = panel.truth[frame], panel.probability[frame] > 0.5
    picture = np.repeat((truth & predicted)[..., None], 3, axis=2).astype(np.float32)
    picture[truth & ~predicted] = to_rgb(style.MISSED)
    picture[predicted & ~truth] = to_rgb(style.INVENTED)
    picture[panel.ignored[frame]] = IGNORED
    return picture


def caption(shown: Predictions) -> str:
    """Which frames by which rule, which runs, which colours."""
    colours = "white = found, orange = missed, blue = invented"
    if any(panel.ignored.any() for panel in shown.panels.values()):
        colours += ", grey = ignored"
    return f"{_rule(shown)} Errors: {colours}; below: IoU of the frame."


def _rule(shown: Predictions) -> str:
    frames = shown.frames.drop_duplicates("stem")
    if shown.claim is None:
        return (
            f"The first test frames of the panel file of repeat {frames['repeat'].iloc[0]}, predicted by "
            f"{_configurations(shown, list(shown.panels))}, {'each ' * (len(shown.panels) > 1)}at its best."
        )
    pair = [str(row[ARCHITECTURE]) for row in (shown.claim.a, shown.claim.b)]
    others = [name for name in shown.panels if name not in pair]
    best = "at its best" if len(others) == 1 else "each at its best"
    beside = f"; beside them {listed_labels(others)} {best}" if others else ""
    return (
        f"The middle frames of the scenes with the {text.listed(list(frames['rule']))} Δ IoU of "
        f"{text.counted(shown.scenes, 'test scene')}, "
        f"{' less '.join(_configurations(shown, [name]) for name in pair)}{beside}, by the runs of the lowest repeat."
    )


def _configurations(shown: Predictions, names: list[str]) -> str:
    """`Hourglass (depth 3, width 16) and U-Net (depth 3, width 16)`."""
    frames = shown.frames.rename(columns={"architecture": ARCHITECTURE})
    return text.listed([title(frames[frames[ARCHITECTURE] == name].iloc[0]) for name in names])


def alt(shown: Predictions) -> str:
    """Mean IoU of the shown frames."""
    means = told(shown.frames, lambda own: text.digits(own["iou"].mean()))
    frames = shown.frames.drop_duplicates("stem")
    named = text.listed([f"{frame['stem']} (repeat {frame['repeat']})" for _, frame in frames.iterrows()])
    return (
        f"Grid of {text.counted(len(frames), 'test frame')} with truth, predicted probability and errors: {named}. "
        f"Mean IoU of these frames: {means}."
    )


PLOT = Plot(section="predictions", record=record, draw=draw, caption=caption, alt=alt)
