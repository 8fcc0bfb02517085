"""How large a study must be: against simulated studies, and against all smaller ones."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from hourglass_bench.reports.analysis.components import Components
from hourglass_bench.reports.analysis.planning import Shape, cells_of, more_repeats, needed, smallest_difference
from hourglass_bench.reports.analysis.statistics import detectable

SPREAD = Components(run=0.010, scene=0.040, residual=0.008)
QUIET = Components(run=0.002, scene=0.004, residual=0.002)


def simulated_power(
    shape: Shape, components: Components, difference: float, claims: int = 1, draws: int = 4000
) -> float:
    """Share of studies with such a true difference whose t test over folds finds it at 5 % / claims."""
    generator = np.random.default_rng(0)
    draws, (repeat, fold, scene) = 4000, cells_of(shape)
    names = list(zip(fold, scene, strict=True))
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    of_scene = np.array([places[name] for name in names])
    scenes = generator.normal(0, components.scene, (draws, len(places)))[:, of_scene]
    runs = generator.normal(0, components.run, (draws, shape.repeats))[:, repeat]
    values = difference + scenes + runs + generator.normal(0, components.residual, (draws, len(repeat)))
    # Every repeat of a fold tests the same scenes, so that the mean over its cells is that over its scenes.
    means = np.stack([values[:, fold == one].mean(axis=1) for one in np.unique(fold)], axis=1)
    return float(np.mean(stats.ttest_1samp(means, 0, axis=1).pvalue < 0.05 / claims))


@pytest.mark.parametrize("claims", [1, 4])
@pytest.mark.parametrize("shape", [Shape(), Shape(5), Shape(20), Shape(10, 10, 30)])
def test_smallest_difference_is_found_in_80_percent_of_simulated_studies(shape: Shape, claims: int) -> None:
    difference = smallest_difference(shape, SPREAD, claims)
    assert simulated_power(shape, SPREAD, difference, claims) == pytest.approx(0.8, abs=0.03)


def test_smallest_difference_of_a_hold_out_by_the_variance_of_crossed_effects() -> None:
    shape = Shape(repeats=4, folds=5, scenes=60, protocol="scene_holdout")
    assert shape.tested == 12
    generator = np.random.default_rng(1)
    draws = 20_000
    means = generator.normal(0, SPREAD.run, (draws, 4)).mean(axis=1)
    means += generator.normal(0, SPREAD.scene, (draws, 12)).mean(axis=1)
    means += generator.normal(0, SPREAD.residual, (draws, 48)).mean(axis=1)
    # As with the degrees of freedom of either factor alone, which are 3 and 11.
    error = float(means.std())
    found = smallest_difference(shape, SPREAD)
    assert detectable(error, 30) * 0.98 < found < detectable(error, 3) * 1.02


def test_a_single_fold_finds_nothing() -> None:
    assert smallest_difference(Shape(repeats=1), SPREAD) == math.inf


@pytest.mark.parametrize(("components", "difference"), [(SPREAD, 0.05), (SPREAD, 0.03), (QUIET, 0.01), (QUIET, 0.004)])
@pytest.mark.parametrize("claims", [1, 6])
@pytest.mark.parametrize("shape", [Shape(), Shape(5), Shape(5, scenes=20), Shape(2, protocol="scene_holdout")])
def test_needed_is_the_cheapest_that_is_enough(
    shape: Shape, components: Components, difference: float, claims: int
) -> None:
    found = needed(shape, components, difference, claims)
    if found is None:
        assert (
            smallest_difference(Shape(400, 20, 100_000), components, claims) > difference
            or shape.protocol != "scene_folds"
        )
        return
    assert smallest_difference(found, components, claims) <= difference
    tried = [shape.folds, *(more for more in (10, 20) if more > shape.folds and shape.protocol == "scene_folds")]
    enough = [
        more_repeats(shape, larger)
        for folds, repeats in product((one for one in tried if one <= shape.scenes), range(1, 101))
        if repeats > max(4, shape.repeats if folds == shape.folds else folds - 1)
        and smallest_difference(larger := shape._replace(folds=folds, repeats=repeats), components, claims)
        <= difference
    ]
    if enough:
        assert found.scenes == shape.scenes
        assert more_repeats(shape, found) == min(enough)
    else:
        fewer = found._replace(scenes=found.scenes - 1)
        assert fewer.scenes < shape.scenes or smallest_difference(fewer, components, claims) > difference


@pytest.mark.parametrize("size", [{"repeats": 1}, {"scenes": 5}])
def test_a_hold_out_of_one_repeat_or_one_scene_finds_nothing(size: dict[str, int]) -> None:
    shape = Shape(protocol="scene_holdout")._replace(**size)
    assert smallest_difference(shape, SPREAD) == math.inf
    larger = needed(shape, QUIET, 0.05)
    assert larger is not None
    assert min(larger.repeats, larger.tested) > 1


def test_needed_grows_with_what_is_asked() -> None:
    one, many = (needed(Shape(5), SPREAD, 0.03, claims) for claims in (1, 20))
    assert one is not None
    assert many is not None
    assert (many.scenes, many.repeats) > (one.scenes, one.repeats)
    assert needed(Shape(5), SPREAD, 1e-6) is None


def test_more_repeats_are_those_to_be_run() -> None:
    now = Shape(repeats=5, folds=5)
    assert more_repeats(now, now._replace(repeats=12)) == 7
    assert more_repeats(now, now._replace(repeats=12, folds=10)) == 12
    assert more_repeats(now, now._replace(scenes=100)) == 5
