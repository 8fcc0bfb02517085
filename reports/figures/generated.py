"""What VAEs make of frames: reconstructions, ways from frame to frame, samples beside the nearest training masks."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.generative import vaes
from hourglass_bench.reports.analysis.latent import plainest, ranked_by_objective
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, Summary, comparable
from hourglass_bench.reports.figures.base import NoDataError, Plot, readable
from hourglass_bench.reports.store.arrays import Generated, Pictures, read_generated
from hourglass_bench.reports.store.load import ARTIFACTS, BETA, LATENT, REPEAT, RUN

COLUMNS = 12
"""Pictures beside each other."""
WAYS = 2
SAMPLE_ROWS = 1
GAP = 1 / 16
"""Between pictures, in parts of their width."""
NAMES = 0.95
"""Inches at the left, for the names of the rows."""
NEAR, FAR = 0.03, 0.13
"""Inches between rows that belong together, and between those that do not."""


class Strip(NamedTuple):
    """A row of pictures."""

    name: str
    pictures: Pictures
    """(n, H, W) or (n, H, W, 3)."""
    places: list[float]
    """Of each picture, in columns from the left."""


class Shown(NamedTuple):
    """Rows of pictures of one VAE and, if it is of masks and there is one of images, reconstructions of that one."""

    runs: pd.DataFrame
    """A row per run: run_id, target, label, latent, beta, repeat."""
    groups: list[list[Strip]]
    """Strips that belong together."""
    samples: tuple[int, int]
    """How many are shown, and how many there are."""


def record(summary: Summary) -> Shown:
    """By the rule of the caption."""
    runs = [run for target in ("mask", "image") if (run := _chosen(summary, target)) is not None]
    if not runs:
        raise NoDataError(f"no complete run of a VAE that did not collapse has a file {schema.GENERATED_DATA}.")
    with readable():
        files = [read_generated(Path(run[ARTIFACTS])) for run in runs]
    first = files[0]
    groups = [_reconstructions(file, run[schema.TARGET]) for file, run in zip(files, runs, strict=True)]
    groups += [_ways(first), *_samples(first, runs[0][schema.TARGET])]
    about = pd.DataFrame(runs)[[RUN, schema.TARGET, LABEL, LATENT, BETA, REPEAT]].reset_index(drop=True)
    return Shown(about, groups, (min(SAMPLE_ROWS * COLUMNS, len(first.samples)), len(first.samples)))


def _chosen(summary: Summary, target: str) -> pd.Series | None:
    """The run of the VAEs of masks or images that is shown; None if there is none that kept its pictures."""
    stage = summary.others.get("generative")
    if stage is None:
        return None
    complete = stage.runs[stage.runs[schema.STATE] == "complete"]
    runs = complete[(complete[schema.TARGET] == target) & complete[CONFIGURATION].isin(vaes(stage))]
    collapsed = runs.loc[runs[schema.COLLAPSE] != "", CONFIGURATION]
    table = comparable(stage.configurations)
    table = table[table[CONFIGURATION].isin(set(runs[CONFIGURATION]) - set(collapsed))]
    best = ranked_by_objective(plainest(table), "generative")[CONFIGURATION][:1]
    own = runs[runs[CONFIGURATION].isin(best)].sort_values(REPEAT)
    return next((run for _, run in own.iterrows() if (Path(run[ARTIFACTS]) / schema.GENERATED_DATA).is_file()), None)


def _reconstructions(file: Generated, target: str) -> list[Strip]:
    return _beside({f"test {target}": file.originals, "reconstruction": file.reconstructions}, 0)


def _ways(file: Generated) -> list[Strip]:
    """Each between the two test frames that it joins; a lone frame leads to itself."""
    strips = []
    for number, steps in enumerate(file.interpolations[:WAYS]):
        ends = file.originals[number], file.originals[min(number + 1, len(file.originals) - 1)]
        inner = (COLUMNS - len(steps)) / 2
        places = [0.0, *(inner + step for step in range(len(steps))), COLUMNS - 1.0]
        strips.append(Strip("interpolation", np.stack([ends[0], *steps, ends[1]]), places))
    return strips


def _samples(file: Generated, target: str) -> list[list[Strip]]:
    """Each row of them above the training frames that are nearest to them."""
    kinds = {"sample": file.samples, f"nearest training\n{target}": file.neighbours}
    shown = min(SAMPLE_ROWS * COLUMNS, len(file.samples))
    return [_beside(kinds, first) for first in range(0, shown, COLUMNS)]


def _beside(kinds: dict[str, Pictures], first: int) -> list[Strip]:
    """Strips with the pictures from `first` on, one below the other."""
    rows = {name: pictures[first : first + COLUMNS] for name, pictures in kinds.items()}
    return [Strip(name, pictures, [float(place) for place in range(len(pictures))]) for name, pictures in rows.items()]


def draw(shown: Shown) -> Figure:
    """A strip of pictures per row, its name to the left."""
    strips = [strip for group in shown.groups for strip in group]
    gaps = [gap for group in shown.groups for gap in (FAR, *[NEAR] * (len(group) - 1))][1:]
    sheets = [_sheet(strip) for strip in strips]
    shapes = [sheet.shape[0] / sheet.shape[1] for sheet in sheets]
    width = min(style.PAGE_WIDTH - NAMES, (style.MOST_HEIGHT - sum(gaps)) / sum(shapes))
    heights = [width * shape for shape in shapes]
    # Rows of the grid in inches: a strip, a gap, the next strip.
    rows = [inches for pair in zip(heights, [*gaps, 0.0], strict=True) for inches in pair][:-1]
    figure = Figure(figsize=(style.PAGE_WIDTH, sum(rows)))
    left, right = NAMES / style.PAGE_WIDTH, (NAMES + width) / style.PAGE_WIDTH
    edges = {"left": left, "right": right, "bottom": 0, "top": 1, "hspace": 0}
    grid = figure.add_gridspec(len(rows), 1, height_ratios=rows, **edges)
    for place, (strip, sheet) in enumerate(zip(strips, sheets, strict=True)):
        axis = figure.add_subplot(grid[2 * place])
        axis.imshow(sheet, interpolation="none")
        axis.set_axis_off()
        middle = axis.get_position().intervaly.mean()
        figure.text((NAMES - 0.08) / style.PAGE_WIDTH, middle, strip.name, ha="right", va="center", fontsize=6.5)
    return figure


def _sheet(strip: Strip) -> Pictures:
    """(H, width, 3): the pictures on white paper, as wide as all columns."""
    height, side = strip.pictures.shape[1:3]
    step = side + max(1, round(GAP * side))
    sheet = np.full((height, step * (COLUMNS - 1) + side, 3), 255, np.uint8)
    for picture, place in zip(strip.pictures, strip.places, strict=True):
        left = round(place * step)
        sheet[:, left : left + side] = picture if picture.ndim == 3 else picture[..., None]
    return sheet


def caption(shown: Shown) -> str:
    """Which runs by which rule, and what the rows are."""
    target, (count, every) = shown.runs[schema.TARGET].iloc[0], shown.samples
    return (
        f"{_rule(shown.runs)} From above: test frames and their reconstructions; straight lines from latent to latent; "
        f"{count} of {text.counted(every, 'sample')} of the prior, each above the nearest training {target}."
    )


def _rule(runs: pd.DataFrame) -> str:
    named = [f"{run[schema.TARGET]}s (latent {run[LATENT]}, repeat {run[REPEAT]})" for _, run in runs.iterrows()]
    return (
        f"Chosen by rule: the VAE of {text.listed(named)} with the lowest mean validation loss, of those with beta = "
        f"{float(runs[BETA].iloc[0]):g} of which no run collapsed."
    )


def alt(shown: Shown) -> str:
    """How many pictures of what."""
    frames = [text.counted(len(group[0].pictures), group[0].name) for group in shown.groups[: len(shown.runs)]]
    ways = len(shown.groups[len(shown.runs)])
    labels = text.listed([str(label) for label in shown.runs[LABEL]])
    target, samples = shown.runs[schema.TARGET].iloc[0], text.counted(shown.samples[0], "sample")
    return (
        f"Rows of pictures that VAEs ({labels}) drew: {text.listed(frames)}, each above its reconstruction; "
        f"{text.counted(ways, 'interpolation')} between two test {target}s; {samples}, each above the nearest training "
        f"{target}."
    )


PLOT = Plot(section="generative", stage="generative", record=record, draw=draw, caption=caption, alt=alt)
