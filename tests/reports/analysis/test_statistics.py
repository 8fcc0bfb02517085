import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hourglass_bench.reports.analysis.statistics import (
    Interval,
    Verdict,
    compare,
    detectable,
    estimate_means,
    holm,
    holm_steps,
    interval,
    iqm,
    paired,
    profile,
    verdict,
)

Cells = dict[tuple[int, int, str], float]
Pair = tuple[pd.DataFrame, pd.DataFrame]


def arm(cells: Cells) -> pd.DataFrame:
    """Table of values from (repeat, fold, scene) -> value."""
    return pd.DataFrame([(*key, value) for key, value in cells.items()], columns=["repeat", "fold", "scene", "value"])


def drawn(seed: int, folds: int, scenes: int, repeats: int) -> pd.DataFrame:
    """Every repeat tests its fold of `scenes` scenes."""
    generator = np.random.default_rng(seed)
    cells = [(run, run % folds, f"{run % folds}-{scene}") for run in range(repeats) for scene in range(scenes)]
    return arm({cell: float(generator.normal(0.7, 0.1)) for cell in cells})


@pytest.fixture
def folds() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two arms of three folds of four scenes, each tested by two repeats."""
    return drawn(1, folds=3, scenes=4, repeats=6), drawn(2, folds=3, scenes=4, repeats=6)


def means(table: pd.DataFrame, of: str = "fold") -> np.ndarray:
    """Over everything of a fold or scene, as all here have as many repeats for every scene."""
    return table.groupby(of)["value"].mean().to_numpy()


def close(ours: Interval, theirs: Any) -> None:
    assert tuple(ours) == pytest.approx((theirs.low, theirs.high), rel=1e-12)


def test_primary_is_the_paired_t_test_over_folds(folds: Pair) -> None:
    a, b = folds
    result = stats.ttest_rel(means(a), means(b))
    found = compare(*folds, folds=5)
    assert found.difference == pytest.approx(np.mean(means(a) - means(b)), rel=1e-12)
    assert found.p == pytest.approx(result.pvalue, rel=1e-12)
    close(found.interval, result.confidence_interval(0.95))
    assert (found.over, found.n, found.repeats, found.scenes) == ("folds", 3, 6, 12)


def test_two_folds_are_a_t_test_with_one_degree_of_freedom() -> None:
    a, b = drawn(1, folds=2, scenes=4, repeats=4), drawn(2, folds=2, scenes=4, repeats=4)
    result = stats.ttest_rel(means(a), means(b))
    found = compare(a, b, folds=5)
    assert (found.n, found.freedom) == (2, 1)
    assert found.p == pytest.approx(result.pvalue, rel=1e-12)
    close(found.interval, result.confidence_interval(0.95))


def test_folds_of_unequal_size_count_equally_and_scenes_too() -> None:
    a = arm({(0, 0, "s1"): 0.5, (0, 0, "s2"): 0.7, (0, 0, "s3"): 0.9, (1, 1, "s4"): 0.4})
    b = arm({(0, 0, "s1"): 0.4, (0, 0, "s2"): 0.5, (0, 0, "s3"): 0.6, (1, 1, "s4"): 0.4})
    found = compare(a, b, folds=3)
    assert found.difference == pytest.approx((0.2 + 0.0) / 2)
    assert found.scene_difference == pytest.approx((0.1 + 0.2 + 0.3 + 0.0) / 4)


def test_secondary_is_the_paired_t_test_over_scenes(folds: Pair) -> None:
    a, b = (means(table, "scene") for table in folds)
    found = compare(*folds, folds=5)
    assert found.scene_difference == pytest.approx(np.mean(a) - np.mean(b), rel=1e-12)
    close(found.scene_interval, stats.ttest_rel(a, b).confidence_interval(0.95))


def test_a_single_fold_has_its_scenes_as_units() -> None:
    a, b = drawn(3, folds=1, scenes=6, repeats=5), drawn(4, folds=1, scenes=6, repeats=5)
    found = compare(a, b, folds=5)
    result = stats.ttest_rel(means(a, "scene"), means(b, "scene"))
    assert (found.over, found.n, found.scenes) == ("scenes", 6, 6)
    assert found.p == pytest.approx(result.pvalue, rel=1e-12)
    close(found.interval, result.confidence_interval(0.95))
    close(found.interval, found.scene_interval)
    assert all(map(math.isnan, found.corrected))


@pytest.mark.parametrize(("rows", "columns"), [(4, 7), (2, 7)])
def test_a_single_fold_with_trainings_that_differ_is_a_two_way_table(rows: int, columns: int) -> None:
    generator, places = np.random.default_rng(5), list(np.ndindex(rows, columns))
    runs, scenes = generator.normal(0, 0.05, rows), generator.normal(0, 0.02, columns)
    values = {(r, 0, f"{s}"): runs[r] + scenes[s] + generator.normal(0, 0.01) for r, s in places}
    found = compare(arm(values), arm(dict.fromkeys(values, 0.0)), folds=5)
    cells = np.array([[values[r, 0, f"{s}"] for s in range(columns)] for r in range(rows)])
    grand = cells.mean()
    of_runs = sum(columns * (cells[r].mean() - grand) ** 2 for r in range(rows)) / (rows - 1)
    of_scenes = sum(rows * (cells[:, s].mean() - grand) ** 2 for s in range(columns)) / (columns - 1)
    of_rest = (rows - 1) * (columns - 1)
    rest = sum((cells[r, s] - cells[r].mean() - cells[:, s].mean() + grand) ** 2 for r, s in places) / of_rest
    total = of_runs + of_scenes - rest
    freedom = total**2 / (of_runs**2 / (rows - 1) + of_scenes**2 / (columns - 1) + rest**2 / of_rest)
    freedom = max(freedom, min(rows, columns) - 1)
    half = stats.t.isf(0.025, freedom) * math.sqrt(total / cells.size)
    assert tuple(found.interval) == pytest.approx((grand - half, grand + half), rel=1e-9)
    low, high = found.scene_interval
    assert half > (high - low) / 2


def test_corrected_interval_by_its_formula(folds: Pair) -> None:
    differences = means(folds[0]) - means(folds[1])
    # Of five folds three train while one is tested: the share of test to training is 1/3.
    half = stats.t.ppf(0.975, 2) * math.sqrt((1 / 3 + 1 / 3) * np.var(differences, ddof=1))
    found = compare(*folds, folds=5)
    assert tuple(found.corrected) == pytest.approx((np.mean(differences) - half, np.mean(differences) + half))


def test_probability_and_effect_by_brute_force() -> None:
    values = {"s1": (0.9, 0.8), "s2": (0.5, 0.7), "s3": (0.75, 0.75), "s4": (0.6, 0.3), "s5": (0.8, 0.5)}
    a, b = (arm({(0, 0, scene): pair[which] for scene, pair in values.items()}) for which in (0, 1))
    found = compare(a, b, folds=5)
    wins = [1 if x > y else 0.5 if x == y else 0 for x, y in values.values()]
    differences = [x - y for x, y in values.values()]
    mean = sum(differences) / 5
    assert found.probability == sum(wins) / 5 == 0.7
    assert found.effect == pytest.approx(mean / math.sqrt(sum((value - mean) ** 2 for value in differences) / 4))


@pytest.mark.parametrize("units", [2, 3, 5, 12, 30])
def test_detectable_difference_is_found_with_80_percent(units: int) -> None:
    generator = np.random.default_rng(units)
    true = detectable(0.02 / math.sqrt(units), units - 1)
    p = stats.ttest_1samp(generator.normal(true, 0.02, (20_000, units)), 0, axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.012)


def test_more_claims_need_a_larger_difference_by_a_simulation_of_the_strictest_step() -> None:
    true = detectable(1.0, 4, claims=5)
    generator = np.random.default_rng(0)
    shifted = (generator.normal(size=20000) + true) / np.sqrt(generator.chisquare(4, 20000) / 4)
    assert np.mean(shifted > stats.t.isf(0.025 / 5, 4)) == pytest.approx(0.8, abs=0.01)


def test_a_noisy_hold_out_keeps_its_degrees_of_freedom() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        noise = {(r, 0, f"{s}"): float(generator.normal(0, 0.02)) for r in range(3) for s in range(5)}
        found = compare(arm(noise), arm(dict.fromkeys(noise, 0.0)), folds=5)
        assert found.freedom >= 2
        assert math.isfinite(found.detectable(10))


def test_detectable_difference_is_from_the_measured_error(folds: Pair) -> None:
    found = compare(*folds, folds=5)
    error = stats.sem(means(folds[0]) - means(folds[1]))
    assert found.detectable() == pytest.approx(detectable(error, 2))
    assert found.detectable(claims=4) == pytest.approx(detectable(error, 2, claims=4))


def test_an_adjusted_interval_is_at_a_level_that_is_shared(folds: Pair) -> None:
    found, differences = compare(*folds, folds=5), means(folds[0]) - means(folds[1])
    close(found.adjusted(4), stats.ttest_1samp(differences, 0).confidence_interval(1 - 0.05 / 4))


def estimated(table: pd.DataFrame) -> None:
    """Fail unless its estimate is what `compare` makes of its difference from zero."""
    other = drawn(7, folds=3, scenes=4, repeats=3)
    groups = pd.concat([other.assign(key=3), table.assign(key=8)])
    found, expected = estimate_means(groups, "key"), compare(table, table.assign(value=0.0), folds=5)
    assert sorted(found) == [3, 8]
    assert found[8].mean == pytest.approx(expected.difference, rel=1e-12)
    assert tuple(found[8].interval) == pytest.approx(tuple(expected.interval), rel=1e-12)
    assert found[8].repeats == expected.repeats
    assert found[3].mean == pytest.approx(means(other).mean(), rel=1e-12)


def test_estimates_are_differences_from_zero() -> None:
    estimated(drawn(5, folds=4, scenes=3, repeats=8))
    estimated(drawn(5, folds=4, scenes=3, repeats=6))  # two folds have a repeat more
    estimated(drawn(5, folds=1, scenes=6, repeats=4))
    estimated(drawn(5, folds=1, scenes=6, repeats=1))
    estimated(drawn(5, folds=1, scenes=1, repeats=1))
    generator = np.random.default_rng(5)
    runs, scenes = generator.normal(0, 0.05, 4), generator.normal(0, 0.02, 7)
    crossed = {(r, 0, f"{s}"): runs[r] + scenes[s] + generator.normal(0, 0.01) for r in range(4) for s in range(7)}
    estimated(arm(crossed))
    estimated(arm({key: value for key, value in crossed.items() if key != (2, 0, "3")}))  # a repeat lacks a scene
    twice = drawn(6, folds=1, scenes=6, repeats=4)
    estimated(twice.iloc[np.random.default_rng(1).permutation(len(twice))])
    with pytest.raises(ValueError, match=r"finite value for every tested scene, got 5 in 6 rows\.$"):
        estimate_means(drawn(5, folds=1, scenes=6, repeats=1).assign(key=1, value=[math.nan, 1, 1, 1, 1, 1]), "key")


def test_pairs_average_repeats_of_an_arm_first() -> None:
    a = arm({(0, 0, "s1"): 0.8, (5, 0, "s1"): 0.6, (1, 1, "s2"): 0.5})
    b = arm({(1, 1, "s2"): 0.25, (5, 0, "s1"): 0.5})
    pairs = paired(a, b)
    assert list(pairs) == ["fold", "scene", "value"]
    assert pairs[["fold", "scene"]].values.tolist() == [[0, "s1"], [1, "s2"]]
    assert pairs["value"].tolist() == pytest.approx([0.2, 0.25])
    assert compare(a, b, folds=5).repeats == 2


def test_order_of_rows_does_not_matter(folds: Pair) -> None:
    a, b = folds
    shuffled = b.sample(frac=1, random_state=np.random.default_rng(0))
    assert paired(a, shuffled)["value"].to_numpy() == pytest.approx(paired(a, b)["value"].to_numpy())


def test_arms_must_cover_the_same_scenes(folds: Pair) -> None:
    a, b = folds
    partial = b[b["fold"] != 2]
    message = "Both arms must be tested on the same scenes, but {} lacks scene 2-0 of fold 2, scene 2-1 of fold 2, "
    for arms, name in (((a, partial), "b"), ((partial, a), "a")):
        with pytest.raises(ValueError, match=message.format(name) + "scene 2-2 of fold 2 and 1 more.$"):
            paired(*arms)


@pytest.mark.parametrize(
    ("lacking", "named"), [(1, "a of fold 1"), (3, "scene c of fold 1"), (4, "c of fold 1 and 1 more")]
)
def test_three_missing_scenes_are_named(lacking: int, named: str) -> None:
    cells = {(0, 0, "s"): 0.5} | {(1, 1, "abcd"[scene]): 0.5 for scene in range(lacking)}
    with pytest.raises(ValueError, match=rf"{named}\.$"):
        paired(arm(cells), arm({(0, 0, "s"): 0.5}))


def test_values_must_be_finite(folds: Pair) -> None:
    a, b = folds
    for value in (math.nan, math.inf):
        bad = b.assign(value=[value, *b["value"][1:]])
        with pytest.raises(ValueError, match="finite value for every tested scene, got 23 in 24 rows.$"):
            compare(a, bad, folds=5)
    with pytest.raises(ValueError, match="finite value for every tested scene, got 0 in 0 rows.$"):
        compare(arm({}), arm({}), folds=5)


def test_identical_arms(folds: Pair) -> None:
    found = compare(folds[0], folds[0], folds=5)
    assert (found.difference, found.interval, found.p) == (0, (0, 0), 1)
    assert (found.scene_interval, found.corrected, found.probability) == ((0, 0), (0, 0), 0.5)
    assert (found.effect, found.detectable()) == (0, 0)
    assert verdict(found.interval, repeats=6, margin=0.0, direction="higher") == "equivalent"


@pytest.mark.parametrize(("shift", "said"), [(0.25, "better"), (-0.25, "worse")])
def test_constant_difference(shift: float, said: Verdict) -> None:
    cells = [(repeat, repeat, f"{repeat}-{scene}") for repeat in range(5) for scene in range(4)]
    found = compare(*(arm(dict.fromkeys(cells, value)) for value in (0.5 + shift, 0.5)), folds=5)
    assert (found.difference, found.interval, found.p) == (shift, (shift, shift), 0)
    assert found.effect == math.copysign(math.inf, shift)
    assert found.adjusted(7) == found.interval
    assert verdict(found.interval, repeats=found.repeats, margin=0.01, direction="higher") == said


def test_a_single_scene_is_inconclusive() -> None:
    a, b = (arm({(repeat, 0, "s1"): value for repeat in range(3)}) for value in (0.9, 0.1))
    found = compare(a, b, folds=5)
    assert (found.interval, found.p, found.n) == ((-math.inf, math.inf), 1, 1)
    assert found.detectable() == math.inf
    assert math.isnan(found.effect)
    assert found.adjusted(4) == found.interval
    assert verdict(found.interval, repeats=found.repeats, margin=0.01, direction="higher") == "inconclusive"


@pytest.mark.parametrize(
    ("found", "direction", "said"),
    [
        (Interval(0.02, 0.08), "higher", "better"),
        (Interval(0.02, 0.08), "lower", "worse"),
        (Interval(-0.08, -0.02), "higher", "worse"),
        (Interval(-0.08, -0.02), "lower", "better"),
        (Interval(-0.01, 0.11), "higher", "inconclusive"),
        (Interval(-0.0099, 0.0099), "higher", "equivalent"),
        (Interval(-0.0101, 0.0101), "higher", "inconclusive"),
        # Surely different, and surely by too little to matter.
        (Interval(0.001, 0.009), "higher", "equivalent"),
        # Surely different, by how much is not known.
        (Interval(0.001, 0.011), "higher", "better"),
        (Interval(0.0, 0.02), "higher", "inconclusive"),
        (Interval(-0.02, 0.0), "higher", "inconclusive"),
    ],
)
def test_verdict(found: Interval, direction: Any, said: Verdict) -> None:
    assert verdict(found, repeats=5, margin=0.01, direction=direction) == said
    assert verdict(found, repeats=2, margin=0.01, direction=direction) == "refused"


@pytest.mark.parametrize("repeats", [3, 4])
@pytest.mark.parametrize(
    ("found", "direction", "said"),
    [
        (Interval(0.02, 0.08), "higher", "ahead"),
        (Interval(0.02, 0.08), "lower", "behind"),
        (Interval(-0.08, -0.02), "higher", "behind"),
        (Interval(-0.08, -0.02), "lower", "ahead"),
        (Interval(-0.01, 0.11), "higher", "inconclusive"),
        (Interval(-0.0099, 0.0099), "higher", "inconclusive"),
        (Interval(0.001, 0.009), "higher", "ahead"),
    ],
)
def test_a_first_look_is_never_better_or_equivalent(
    found: Interval, direction: Any, said: Verdict, repeats: int
) -> None:
    assert verdict(found, repeats=repeats, margin=0.01, direction=direction) == said


def test_verdict_needs_a_margin_that_is_not_negative() -> None:
    with pytest.raises(ValueError, match="^margin must be at least 0, got -0.01.$"):
        verdict(Interval(0.02, 0.08), repeats=3, margin=-0.01, direction="higher")


def test_holm_steps() -> None:
    # The textbook's example: 0.005 and 0.01 are below 5 % / 4 and 5 % / 3, 0.03 is not below 5 % / 2, and there
    # the rule stops.
    assert holm_steps([0.01, 0.04, 0.03, 0.005]) == [3, 2, 2, 4]
    assert holm_steps([0.5, 0.9]) == [2, 2]
    assert holm_steps([0.01, 0.02]) == [2, 1]
    assert holm_steps([]) == []
    assert holm_steps([0.01 + 1e-15, 0.01]) == [2, 1], "rounding decides nothing"
    assert holm_steps([0.05]) == [1]
    assert holm_steps([*[0.001] * 20, 0.9]) == [*range(21, 0, -1)], "of equal ones the first comes first"


@pytest.mark.parametrize("seed", range(200))
def test_an_adjusted_interval_leaves_out_zero_exactly_where_the_adjusted_p_is_below_5_percent(seed: int) -> None:
    generator = np.random.default_rng(seed)
    samples = [
        generator.normal(shift, 1, generator.integers(3, 9)) for shift in generator.exponential(1.5, seed % 9 + 1)
    ]
    tests = [stats.ttest_1samp(sample, 0) for sample in samples]
    ps = [float(test.pvalue) for test in tests]
    # Holm by its closed form: claim i is rejected if all with a p no larger are below 5 % / (m - those before).
    rejected = [all(other * sum(one >= other for one in ps) < 0.05 for other in ps if other <= own) for own in ps]
    assert [p < 0.05 for p in holm(ps)] == rejected
    for sample, test, step, sure in zip(samples, tests, holm_steps(ps), rejected, strict=True):
        found = interval(float(np.mean(sample)), float(stats.sem(sample)), len(sample) - 1, step)
        assert (found.low > 0 or found.high < 0) == sure
        theirs = test.confidence_interval(1 - 0.05 / step)
        assert tuple(found) == pytest.approx((theirs.low, theirs.high))


def test_an_interval_is_cut_where_no_difference_can_be() -> None:
    assert Interval(-1.2, 0.4).within(1.0) == (-1.0, 0.4)
    assert Interval(-30.0, 40.0).within(math.inf) == (-30.0, 40.0)
    # Without bounds it is not known to lie anywhere.
    assert Interval(-math.inf, math.inf).within(1.0) == (-math.inf, math.inf)


def test_holm() -> None:
    # A textbook's example of four hypotheses: by hand 4 x 0.005, 3 x 0.01, 2 x 0.03, and no less for the last.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9, 0.5]) == [1, 1, 1]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_interquartile_mean_and_performance_profile() -> None:
    assert iqm([0.9, 0.1, 0.5, 0.6, 0.4, 0.8, 0.0, 0.7]) == pytest.approx((0.4 + 0.5 + 0.6 + 0.7) / 4)
    assert profile([0.2, 0.5, 0.5, 0.9], [0.0, 0.2, 0.5, 0.8, 0.9]).tolist() == [1, 0.75, 0.25, 0.25, 0]
