"""How large a study must be to see a difference of a given size, from how much its runs and scenes spread."""

import math
from bisect import bisect_left
from collections.abc import Callable
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass_bench.reports.analysis.components import Components
from hourglass_bench.reports.analysis.statistics import FULL_REPEATS, detectable, satterthwaite
from hourglass_bench.reports.store.checks import HOLDOUTS
from hourglass_bench.reports.store.load import DATA_FOLDS, SPLIT

Protocol = Literal["scene_folds", "scene_holdout"]

IndexArray = NDArray[np.int64]

MOST_REPEATS = 100
MORE_FOLDS = (10, 20)
"""Of the studies that are proposed where more repeats do less."""
MOST_SCENES = 100_000


class Shape(NamedTuple):
    """The size of a study; by default that of the study `quick`, whose three repeats test three of its five folds."""

    repeats: int = 3
    folds: int = 5
    scenes: int = 60
    """All scenes, whether they train, validate or test; fold k has every `folds`-th one from scene k on."""
    protocol: Protocol = "scene_folds"
    """`scene_folds`: repeat s tests fold s % folds. `scene_holdout`: every repeat tests fold 0."""

    @property
    def tested(self) -> int:
        """Scenes that are tested once there are repeats enough: all, or those of the one fold of a hold-out."""
        return self.scenes if self.protocol == "scene_folds" else _every(0, self.scenes, self.folds)


def shape_of(row: pd.Series, values: pd.DataFrame) -> Shape:
    """The shape of a configuration's part of a study, from its row and its values (`analysis.statistics`)."""
    folds, scenes = int(row[DATA_FOLDS]), values.groupby("fold")["scene"].nunique()
    protocol: Protocol = "scene_holdout" if row[SPLIT] in HOLDOUTS else "scene_folds"
    return Shape(values["repeat"].nunique(), folds, round(float(scenes.mean()) * folds), protocol)


def cells_of(shape: Shape) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Repeat, fold and scene of every run and tested scene."""
    repeat, scene = np.divmod(np.arange(shape.repeats * shape.scenes), shape.scenes)
    fold = repeat % shape.folds if shape.protocol == "scene_folds" else np.zeros_like(repeat)
    tested = scene % shape.folds == fold
    return repeat[tested], fold[tested], scene[tested]


def _every(first: int, end: int, step: int) -> int:
    return len(range(first, end, step))


def smallest_difference(shape: Shape, components: Components, claims: int = 1) -> float:
    """Minimum detectable difference of a study of this shape, by its true standard error, among so many claims."""
    if shape.protocol == "scene_holdout":
        size = shape.repeats, shape.tested
        if min(size) < 2:
            return math.inf
        expected = [size[1] * components.run**2, size[0] * components.scene**2, 0]
        error = math.sqrt(_variance(components, *np.array(size)[:, None])[0])
        return detectable(error, satterthwaite(np.array(expected) + components.residual**2, size), claims)
    folds = range(min(shape.repeats, shape.folds))
    runs, scenes = (np.array([_every(fold, of, shape.folds) for fold in folds]) for of in (shape.repeats, shape.scenes))
    error = math.sqrt(_variance(components, runs, scenes).sum()) / len(folds)
    return detectable(error, max(1, len(folds) - 1), claims) if len(folds) > 1 else math.inf


def _variance(components: Components, runs: IndexArray, scenes: IndexArray) -> NDArray[np.float64]:
    """Of the mean of a fold with so many runs and scenes."""
    found: NDArray[np.float64] = (components.run**2 + components.residual**2 / scenes) / runs
    return found + components.scene**2 / scenes


def needed(shape: Shape, components: Components, difference: float, claims: int = 1) -> Shape | None:
    """The size at which a study finds `difference` with a probability of 80 %, larger than the one there is.

    Of more repeats and of a new study with more folds, whose means say more of the spread, the one that trains least;
    else one with more scenes. None where none of them is enough.
    """

    def finds(larger: Shape) -> bool:
        return smallest_difference(larger, components, claims) <= difference

    folds = [shape.folds, *(more for more in MORE_FOLDS if shape.protocol == "scene_folds" and more > shape.folds)]
    tried = [shape._replace(folds=number) for number in folds if number <= shape.scenes]
    repeated = [larger for start in tried if (larger := _repeated(start, shape, finds))]
    if repeated:
        return min(repeated, key=lambda larger: more_repeats(shape, larger))
    for rounds, start in product((1, 2, 4), tried):
        larger = start._replace(repeats=max(FULL_REPEATS, shape.repeats, rounds * start.folds))
        scenes = range(shape.scenes, MOST_SCENES)
        place = bisect_left(scenes, True, key=lambda number: finds(larger._replace(scenes=number)))
        if place < len(scenes):
            return larger._replace(scenes=scenes[place])
    return None


def _repeated(start: Shape, now: Shape, finds: Callable[[Shape], bool]) -> Shape | None:
    """The least repeats that are enough on the same scenes, and more than a first look."""
    least = max(FULL_REPEATS, now.repeats + 1 if start.folds == now.folds else start.folds)
    every = (start._replace(repeats=number) for number in range(least, MOST_REPEATS + 1))
    return next(filter(finds, every), None)


def more_repeats(now: Shape, larger: Shape) -> int:
    """Repeats to run: those that are added, or all where the study must be a new one."""
    return larger.repeats - (now.repeats if larger[1:] == now[1:] else 0)
