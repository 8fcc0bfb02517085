"""The same test frames through the best configuration of each architecture, with their errors in colour."""

from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from bench import schema
from reports import style, text
from reports.figures.base import NoDataError, Plot
from reports.load import ARCHITECTURE, ARTIFACTS, RUN, SEED
from reports.summary import CONFIGURATION, LABEL, Summary

MOST_FRAMES = 4
MOST_WITH_PROBABILITY = 3
"""Architectures up to which a column of probabilities fits beside each column of errors."""

LEAST_COLUMNS = 6
"""Pictures stay as small as in a figure of so many columns: one architecture needs no whole page."""


class Panel(NamedTuple):
    """Arrays of one run's panel file, one entry per frame."""

    images: np.ndarray
    truth: np.ndarray
    probability: np.ndarray


class Predictions(NamedTuple):
    """A few frames, predicted by a run of each architecture."""

    frames: pd.DataFrame
    """stem, architecture, label, run_id, seed, iou, missed and invented pixels."""
    panels: dict[str, Panel]
    """Architecture -> its frames, in the order of the stems."""


def record(of: Summary) -> Predictions:
    """Best configuration of each architecture by validation, lowest seed that all of these completed with a panel."""
    runs = _chosen_runs(of)
    loaded = {name: _load(Path(run[ARTIFACTS])) for name, run in runs.items()}
    stems = [stem for stem in next(iter(loaded.values())) if all(stem in frames for frames in loaded.values())]
    if not stems:
        raise NoDataError("the panel files of the architectures have no frame in common.")
    panels = {name: _stacked([frames[stem] for stem in stems[:MOST_FRAMES]]) for name, frames in loaded.items()}
    rows = [row for name, panel in panels.items() for row in _rows(name, panel, stems, runs[name])]
    return Predictions(pd.DataFrame(rows), panels)


def _chosen_runs(of: Summary) -> dict[str, pd.Series]:
    candidates = of.runs[of.runs[CONFIGURATION].isin(of.best[CONFIGURATION]) & (of.runs[schema.STATE] == "complete")]
    with_file = [(Path(folder) / schema.PANEL_DATA).is_file() for folder in candidates[ARTIFACTS]]
    candidates = candidates[with_file]
    if candidates.empty:
        raise NoDataError(f"no complete run of the best configurations has a file {schema.PANEL_DATA}.")
    needed = candidates[ARCHITECTURE].nunique()
    shared = candidates.groupby(SEED)[ARCHITECTURE].nunique()
    if shared.max() < needed:
        raise NoDataError("the best configurations have no seed in common, so no frames are the same.")
    chosen = candidates[candidates[SEED] == shared[shared == needed].index.min()]
    return {str(run[ARCHITECTURE]): run for _, run in chosen.iterrows()}


def _load(folder: Path) -> dict[str, Panel]:
    """Stem -> arrays of that frame."""
    path = folder / schema.PANEL_DATA
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            images, truth, probability = data["images"], data["truth"], data["probability"].astype(np.float32)
            return {
                str(stem): Panel(*frame) for stem, *frame in zip(data["stems"], images, truth, probability, strict=True)
            }
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise NoDataError(f"{path} cannot be read: {error}.") from error


def _stacked(frames: list[Panel]) -> Panel:
    return Panel(*(np.stack(arrays) for arrays in zip(*frames, strict=True)))


def _rows(name: str, panel: Panel, stems: list[str], run: pd.Series) -> list[dict[str, object]]:
    predicted = panel.probability > 0.5
    both, either = (predicted & panel.truth).sum((1, 2)), (predicted | panel.truth).sum((1, 2))
    return [
        {
            "stem": stems[frame],
            "architecture": name,
            "label": run[LABEL],
            "run_id": run[RUN],
            "seed": run[SEED],
            # Nothing there and nothing predicted is right, as in bench.metrics.
            "iou": both[frame] / either[frame] if either[frame] else 1.0,
            "missed": int((panel.truth & ~predicted)[frame].sum()),
            "invented": int((predicted & ~panel.truth)[frame].sum()),
        }
        for frame in range(len(predicted))
    ]


def draw(shown: Predictions) -> Figure:
    """A row per frame: image, truth, then for each architecture its probability and its errors."""
    with_probability = len(shown.panels) <= MOST_WITH_PROBABILITY
    first = next(iter(shown.panels.values()))
    count, height, width = first.truth.shape
    columns = 2 + len(shown.panels) * (1 + with_probability)
    cell = 0.92 * style.PAGE_WIDTH / max(columns, LEAST_COLUMNS)
    size = 0.35 + count * (cell * height / width + 0.2)
    figure, axes = style.panels(columns, rows=count, height=size)
    for frame, row in enumerate(axes):
        _draw_row(row, shown, frame, with_probability)
    return figure


def _draw_row(row: list[Axes], shown: Predictions, frame: int, with_probability: bool) -> None:
    first = next(iter(shown.panels.values()))
    cells = [("image", first.images[frame], ""), ("truth", first.truth[frame], "")]
    for name, panel in shown.panels.items():
        label = style.look(name).label
        iou = shown.frames.loc[shown.frames["architecture"] == name, "iou"].iloc[frame]
        if with_probability:
            cells.append((f"{label}\nprobability", panel.probability[frame], ""))
        cells.append((f"{label}\nerrors", errors(panel, frame), f"IoU {text.digits(iou)}"))
    for axis, (title, picture, below) in zip(row, cells, strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none")
        axis.set(xticks=[], yticks=[], title=title if frame == 0 else "")
        axis.set_xlabel(below, labelpad=1.5, fontsize=6.5)


def errors(panel: Panel, frame: int) -> np.ndarray:
    """(H, W, 3) picture: found white, background black, missed and invented pixels in their colours."""
    truth, predicted = panel.truth[frame], panel.probability[frame] > 0.5
    picture = np.repeat((truth & predicted)[..., None], 3, axis=2).astype(np.float32)
    picture[truth & ~predicted] = to_rgb(style.MISSED)
    picture[predicted & ~truth] = to_rgb(style.INVENTED)
    return picture


def caption(shown: Predictions) -> str:
    """Which runs, which frames, which colours."""
    first = shown.frames.drop_duplicates("architecture")
    runs = text.listed([f"{style.look(run['architecture']).label} ({run['label']})" for _, run in first.iterrows()])
    return (
        f"Test frames {text.listed(list(shown.frames['stem'].unique()))}, seed {first['seed'].iloc[0]}: the first "
        f"frames of the panel file, predicted by the best configuration by validation of {runs}. Errors: white = "
        "found, orange = missed, blue = invented; threshold 0.5; IoU of the frame below."
    )


def alt(shown: Predictions) -> str:
    """Mean IoU of the shown frames."""
    means = shown.frames.groupby("architecture", sort=False)["iou"].mean()
    listed = "; ".join(f"{style.look(str(name)).label} {text.digits(float(mean))}" for name, mean in means.items())
    frames = text.counted(shown.frames["stem"].nunique(), "test frame")
    return f"Grid of {frames} with truth, predicted probability and errors. Mean IoU of these frames: {listed}."


PLOT = Plot(section="predictions", record=record, draw=draw, caption=caption, alt=alt)
