"""Two configurations compared on the scenes that both were tested on: difference, interval, verdict.

A table of values has the columns `repeat`, `fold` (that the repeat is tested on), `scene` and `value`, the scene's mean
of a per-frame metric: one row per run and tested scene. Scenes are the samples, not frames, and a run's scenes share
its training, so that the primary interval takes the means of folds as its units.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

LEVEL = 0.05
"""Two-sided level of tests; intervals cover 1 - LEVEL."""
POWER = 0.8
"""Probability with which the detectable difference is found."""
MIN_REPEATS = 3
"""Fewer repeats get no verdict, not even that of a first look."""
FULL_REPEATS = 5
"""Fewer repeats are a first look, which calls nothing better: over three folds and twelve claims |t| must exceed 15.4,
over five 5.9, so that luck in the spread of few folds decides as much as the difference does."""

Verdict = Literal["better", "worse", "equivalent", "ahead", "behind", "inconclusive", "refused", "unlearnt"]
"""A first look says `ahead` and `behind` instead of better and worse. `unlearnt` is said by `reports.analysis.claims`
alone, which knows the rules without a network."""

FloatArray = NDArray[np.float64]


class Interval(NamedTuple):
    """A confidence interval of 95 %."""

    low: float
    high: float

    def within(self, span: float) -> "Interval":
        """Cut off where no difference can be; without bounds it stays so."""
        return self if math.isinf(self.low) else Interval(max(self.low, -span), min(self.high, span))


class Comparison(NamedTuple):
    """Configuration a less configuration b, in the metric's unit.

    The primary interval is Student's t over the means of folds, which differ by their scenes and by their trainings. A
    single fold, as in a hold-out, has its scenes as units, crossed with the repeats that were all tested on them. A
    single unit tells nothing of spread: its interval has no bounds, and p is 1.
    """

    difference: float
    """Mean over the folds of the mean over the fold's scenes."""
    interval: Interval
    over: Literal["folds", "scenes"]
    """The units of `interval`, `error`, `p` and `n`."""
    error: float
    """Standard error of the difference; infinite for a single unit."""
    freedom: float
    """Its degrees of freedom."""
    p: float
    """Two-sided, of the t test that belongs to `interval`."""
    n: int
    """Number of units."""
    scene_difference: float
    """Descriptive: mean over all tested scenes, each with the same weight."""
    scene_interval: Interval
    """Descriptive: t over scenes, narrower than it should be where trainings differ. No verdict rests on it."""
    corrected: Interval
    """Sensitivity: corrected resampled t over folds (Nadeau & Bengio 2003, Machine Learning 52), for training sets that
    overlap: the variance of the mean of J folds is (1/J + test share / training share) s^2. NaN for a single fold."""
    probability: float
    """P(a > b) over scenes, ties half: the probability of improvement of Agarwal et al. 2021 (NeurIPS), paired."""
    effect: float
    """Cohen's d_z over scenes: mean / standard deviation; NaN for a single scene."""
    repeats: int
    """Distinct repeats of the arm that has fewer."""
    scenes: int

    def adjusted(self, claims: int) -> Interval:
        """The interval at a level that is shared among so many claims, 5 % divided by them."""
        return interval(self.difference, self.error, self.freedom, claims)

    def detectable(self, claims: int = 1) -> float:
        """True difference that is found with a probability of 80 % at the measured error, among so many claims."""
        return detectable(self.error, self.freedom, claims)


def paired(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Columns fold, scene and value = a - b, each the mean over its repeats.

    Raises:
        ValueError: a value is missing, or the arms were not tested on the same scenes.
    """
    mean_a, mean_b = _over_repeats(a), _over_repeats(b)
    for name, lacks, has in (("a", mean_a, mean_b), ("b", mean_b, mean_a)):
        if not has.index.equals(lacks.index) and len(missing := has.index.difference(lacks.index)):
            raise ValueError(f"Both arms must be tested on the same scenes, but {name} lacks {_named(missing)}.")
    return (mean_a - mean_b).rename("value").reset_index()


def _over_repeats(table: pd.DataFrame) -> pd.Series:
    """Mean by fold and scene."""
    _require_finite(table)
    return table.groupby(["fold", "scene"])["value"].mean()


def _require_finite(table: pd.DataFrame) -> None:
    finite = np.isfinite(table["value"].to_numpy(np.float64))
    if table.empty or not finite.all():
        raise ValueError(
            f"Both arms must have a finite value for every tested scene, got {int(finite.sum())} in {len(table)} rows."
        )


def _named(missing: pd.Index, shown: int = 3) -> str:
    names = ", ".join(f"scene {scene} of fold {fold}" for fold, scene in missing[:shown])
    return names + (f" and {len(missing) - shown} more" if len(missing) > shown else "")


def compare(a: pd.DataFrame, b: pd.DataFrame, *, folds: int) -> Comparison:
    """Compare two tables of one protocol: one of its `folds` tests, one validates, at least one trains.

    Raises:
        ValueError: as `paired`.
    """
    pairs = paired(a, b)
    scenes, single = pairs["value"].to_numpy(np.float64), pairs["fold"].nunique() == 1
    over_scenes, primary = _Mean.of(scenes), _primary(a, b, pairs)
    return Comparison(
        difference=primary.value,
        interval=primary.interval(),
        over="scenes" if single else "folds",
        error=primary.error,
        freedom=primary.freedom,
        p=primary.p(),
        n=primary.n,
        scene_difference=over_scenes.value,
        scene_interval=over_scenes.interval(),
        corrected=Interval(math.nan, math.nan) if single else primary.corrected(folds).interval(),
        probability=float(np.mean(scenes > 0) + np.mean(scenes == 0) / 2),
        effect=_effect(scenes),
        repeats=min(a["repeat"].nunique(), b["repeat"].nunique()),
        scenes=len(scenes),
    )


class Estimate(NamedTuple):
    """The mean of one configuration, as `Comparison` has it of a difference."""

    mean: float
    interval: Interval
    """Without bounds, if there is a single unit."""
    repeats: int


def estimate_means(values: pd.DataFrame, by: str) -> dict[int, Estimate]:
    """Mean of each group of rows that share `by`, with the interval that `compare` makes of a difference from zero.

    Of all groups at once: a study has thousands of configurations, and `compare` takes 20 ms.

    Raises:
        ValueError: a value is missing.
    """
    _require_finite(values)
    folds = values.groupby([by, "fold", "scene"])["value"].mean().groupby([by, "fold"]).mean()
    means = {int(str(key)): _Mean.of(units.to_numpy(np.float64)) for key, units in folds.groupby(by)}
    single = values[values[by].isin([key for key, mean in means.items() if mean.n == 1])]
    means |= {int(str(key)): _fold_mean(rows) for key, rows in single.groupby(by)}
    repeats = values.groupby(by)["repeat"].nunique()
    return {key: Estimate(mean.value, mean.interval(), int(repeats[key])) for key, mean in means.items()}


def _fold_mean(rows: pd.DataFrame) -> "_Mean":
    """The mean of the rows of a single fold."""
    repeats, scenes = rows["repeat"].nunique(), rows["scene"].nunique()
    if len(rows) != repeats * scenes or rows.duplicated(["repeat", "scene"]).any():
        return _crossed(rows, rows.assign(value=0.0))
    cells = rows.sort_values(["repeat", "scene"])["value"].to_numpy(np.float64)
    return _crossed_mean(cells.reshape(repeats, scenes))


def _primary(a: pd.DataFrame, b: pd.DataFrame, pairs: pd.DataFrame) -> "_Mean":
    """The mean that intervals and tests are of: over folds, or over the scenes of a single fold."""
    means = pairs.groupby("fold")["value"].mean().to_numpy(np.float64)
    return _crossed(a, b) if len(means) == 1 else _Mean.of(means)


class _Mean(NamedTuple):
    """The mean of n units with its standard error, which is infinite for a single unit."""

    value: float
    error: float
    n: int
    freedom: float
    """Degrees of freedom of the error; any number does for a single unit."""

    @classmethod
    def of(cls, units: FloatArray) -> "_Mean":
        n = len(units)
        error = float(units.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
        return cls(float(units.mean()), error, n, max(1, n - 1))

    def corrected(self, folds: int) -> "_Mean":
        """With the variance of Nadeau & Bengio: with one fold to test, the training share is folds - 2 as large."""
        return self._replace(error=self.error * math.sqrt(1 + self.n / (folds - 2)))

    def interval(self) -> Interval:
        return interval(self.value, self.error, self.freedom)

    def p(self) -> float:
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom))


def _crossed(a: pd.DataFrame, b: pd.DataFrame) -> _Mean:
    """The mean over the scenes of one fold, of which every repeat was tested on all; repeats of one arm only are
    left out.
    """
    (cells,) = two_way_tables(a, b) or [np.empty((0, 0))]
    return _crossed_mean(cells) if min(cells.shape) > 1 else _Mean.of(paired(a, b)["value"].to_numpy())


def _crossed_mean(cells: FloatArray) -> _Mean:
    """The mean of a two-way table of repeats and scenes.

    Trainings and scenes are random and crossed: the variance of the mean is (M_repeats + M_scenes - M_rest) / (S V) for
    S repeats and V scenes with the mean squares M of the two-way table. It is never less than what the scenes alone
    give.
    """
    over_scenes = _Mean.of(cells.mean(axis=0))
    if min(cells.shape) < 2:
        return over_scenes
    means = sums_of_squares(cells) / _two_way_freedom(cells.shape)
    variance = means[0] + means[1] - means[2]
    if variance <= means[1]:
        return over_scenes
    freedom = satterthwaite(means, cells.shape)
    return over_scenes._replace(error=math.sqrt(variance / cells.size), freedom=freedom)


def two_way_tables(a: pd.DataFrame, b: pd.DataFrame) -> list[FloatArray]:
    """A table of a - b per fold: a row for each repeat that both have, a column for each scene."""
    keys = ["fold", "repeat", "scene"]
    differences = (a.set_index(keys)["value"] - b.set_index(keys)["value"]).dropna()
    return [fold.unstack("scene").dropna().to_numpy(np.float64) for _, fold in differences.groupby("fold")]


def sums_of_squares(cells: FloatArray) -> FloatArray:
    """Sums of squares of the rows, the columns and the rest of a two-way table."""
    rows, columns = cells.mean(axis=1), cells.mean(axis=0)
    rest = cells - rows[:, None] - columns + cells.mean()
    return np.array([np.var(rows) * cells.size, np.var(columns) * cells.size, np.sum(rest**2)])


def satterthwaite(means: FloatArray, shape: tuple[int, ...]) -> float:
    """Degrees of freedom of M_rows + M_columns - M_rest (Satterthwaite 1946, Biometrics Bulletin 2).

    Held to those of rows or columns, whichever has fewer: a large M_rest would take them to nothing.
    """
    freedom = float((means[0] + means[1] - means[2]) ** 2 / np.sum(means**2 / _two_way_freedom(shape)))
    return max(freedom, min(shape) - 1)


def _two_way_freedom(shape: tuple[int, ...]) -> FloatArray:
    rows, columns = shape
    return np.array([rows - 1.0, columns - 1.0, (rows - 1.0) * (columns - 1.0)])


@cache
def _critical(freedom: float, claims: int = 1) -> float:
    return float(stats.t.isf(LEVEL / 2 / claims, freedom))


def _effect(values: FloatArray) -> float:
    if len(values) == 1:
        return math.nan
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    return mean / spread if spread else (math.copysign(math.inf, mean) if mean else 0.0)


def interval(mean: float, error: float, freedom: float, claims: int = 1) -> Interval:
    """Student's t interval of a mean with a standard error, at the level 5 % / claims."""
    half = _critical(freedom, claims) * error
    return Interval(mean - half, mean + half)


def detectable(error: float, freedom: float, claims: int = 1) -> float:
    """True difference that a two-sided t test finds with a probability of 80 %, by the noncentral t.

    Args:
        error: Standard error of the mean of the units.
        freedom: Its degrees of freedom.
        claims: Number of claims made together: the level is 5 % divided by it, the strictest that Holm asks for.
    """
    return _noncentrality(freedom, claims) * error


@cache
def _noncentrality(freedom: float, claims: int) -> float:
    critical = _critical(freedom, claims)

    # Without the far tail, where the test finds the wrong sign: it adds less than 1e-6.
    def lack(shift: float) -> float:
        return float(stats.nct.sf(critical, freedom, shift)) - POWER

    return float(optimize.brentq(lack, 0, 2 * critical + 20))


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number by Holm's step-down rule (Holm 1979), in the order given."""
    order = _smallest_first(p)
    scaled = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return [float(value) for value in adjusted]


def holm_steps(p: Sequence[float]) -> list[int]:
    """For each p-value the number of claims that share the 5 % at the step at which Holm's rule decides on it.

    An interval at the level 5 % / that number (`Comparison.adjusted`) leaves out zero where the adjusted p is below
    5 %, and only there: claims that are not rejected all stop at the step of the first of them.
    """
    rejected = sum(value < LEVEL for value in holm(p))
    steps = np.empty(len(p), dtype=np.int64)
    steps[_smallest_first(p)] = len(p) - np.minimum(np.arange(len(p)), rejected)
    return [int(step) for step in steps]


def _smallest_first(p: Sequence[float]) -> NDArray[np.int64]:
    """Places of the p-values in ascending order; those that differ by rounding alone stay in the order given."""
    return np.argsort([float(f"{value:.9g}") for value in p], kind="stable")


def verdict(
    found: Interval,
    *,
    repeats: int,
    margin: float,
    direction: Literal["higher", "lower"],
) -> Verdict:
    """What may be said of a against b by the interval of a less b. The rule, of which the first that holds counts.

    - refused: an arm has fewer than 3 repeats.
    - ahead or behind: an arm has fewer than 5 repeats, a first look, and the interval leaves out zero; which of the two
      is its side by the metric's direction. A first look is never equivalent.
    - equivalent: the interval lies inside [-margin, margin], also if it leaves out zero. This is stricter than two
      one-sided tests at 5 %, which ask for the 90 % interval.
    - better or worse: the interval leaves out zero, as ahead and behind.
    - inconclusive: everything else. It says nothing about equality; `detectable` says what could have been found.

    Args:
        found: As it is printed: of several claims the one that is adjusted for them.
        repeats: Of the arm that has fewer.
        margin: Difference that does not matter, in the metric's unit.
        direction: Which values of the metric are better.

    Raises:
        ValueError: negative margin.
    """
    if not margin >= 0:
        raise ValueError(f"margin must be at least 0, got {margin}.")
    if repeats < MIN_REPEATS:
        return "refused"
    first_look = repeats < FULL_REPEATS
    if not first_look and -margin <= found.low and found.high <= margin:
        return "equivalent"
    if found.low > 0 or found.high < 0:
        favours_a = (found.low > 0) == (direction == "higher")
        if first_look:
            return "ahead" if favours_a else "behind"
        return "better" if favours_a else "worse"
    return "inconclusive"


def iqm(values: ArrayLike) -> float:
    """Interquartile mean: without the lowest and the highest quarter (Agarwal et al. 2021)."""
    return float(stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25))


def profile(values: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Performance profile: the share of values above each threshold (Agarwal et al. 2021)."""
    above = np.asarray(values)[:, None] > np.asarray(thresholds)
    return np.asarray(above.mean(axis=0), dtype=np.float64)
