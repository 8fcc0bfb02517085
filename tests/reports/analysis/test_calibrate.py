import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_units import Unit

from hourglass_bench.bench import schema
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.analysis.calibrate import calibrate, of_study, simulate
from hourglass_bench.reports.analysis.claims import arms, claims
from hourglass_bench.reports.analysis.components import Components, estimate
from hourglass_bench.reports.analysis.planning import Shape, smallest_difference
from hourglass_bench.reports.analysis.statistics import compare, detectable
from hourglass_bench.reports.analysis.summary import Summary


def test_the_intervals_keep_their_promise(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--simulations", "400", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.92 <= found["coverage"] <= 0.98
    assert found["false_better_rate"] <= 0.06
    assert found["power_at_twice_mde"] >= 0.9
    assert found["simulations"] == 400
    # The means of folds carry what their trainings share; the scenes alone do not.
    assert found["coverage_scenes"] < found["coverage"]
    assert found["coverage"] == pytest.approx((found["coverage_no_difference"] + found["coverage_planted"]) / 2)
    assert found["shape"] == {"repeats": 3, "folds": 5, "scenes": 60, "protocol": "scene_folds"}
    assert (found["source"], found["seed"]) == ("defaults", 0)


def test_one_scene_of_one_repeat_per_fold_spreads_for_the_scene_s_sake() -> None:
    """Nothing tells both apart there; that trainings differ as much would ask for repeats that cannot help."""
    cells = pd.DataFrame({"repeat": [0, 1, 2], "fold": [0, 1, 2], "scene": ["a", "b", "c"]})
    found = estimate(cells.assign(value=[0.5, 0.7, 0.9]), cells.assign(value=[0.4, 0.4, 0.4]))
    assert found == pytest.approx((0.0, 0.2, 0.0))


def test_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--simulations", "4", "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "4 simulated studies without and as many with a difference: 3 repeats, 5 folds, 60 scenes "
        "(scene_folds), seed 7.",
        "Standard deviations of the difference, from defaults: run 0.010, scene 0.040, residual 0.008.",
    ]
    assert len(lines) == 5


def test_a_study_gives_shape_and_components(
    small: Summary, small_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = arms(small, claims(small)[0], schema.TEST_IOU)
    assert main(["calibrate", "--simulations", "2", "--json", "--study", "quick", "--runs", str(small_store)]) == 2
    assert "repeats must be at least 3" in capsys.readouterr().err  # the store has two
    shape, components, source = of_study(small_store, "quick", "")
    assert shape == Shape(repeats=2, folds=5, scenes=20)  # four tested scenes in each fold
    assert components == estimate(a, b)
    assert source == "study quick, U-Net (depth 3, width 16) less Hourglass (depth 3, width 16)"


def test_a_study_of_one_architecture_has_nothing_to_estimate(
    new_store: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = new_store([Unit(repeat=repeat) for repeat in range(3)])
    assert main(["calibrate", "--study", "quick", "--runs", str(runs)]) == 2
    assert "study 'quick' must have two architectures that were tested on the same scenes" in capsys.readouterr().err


def test_randomness_comes_from_the_seed() -> None:
    first, again, other = (calibrate(5, Shape(), Components(), margin=0.01, seed=seed) for seed in (1, 1, 2))
    assert first == again
    draws = [simulate(Shape(), Components(), 0, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert draws[0].equals(draws[1])
    assert not draws[0].equals(draws[2])
    assert {**first, "seed": 2} != other


@pytest.mark.parametrize(
    ("shape", "tests"),
    [
        (Shape(repeats=6, scenes=11), {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 0}),
        (Shape(repeats=3, scenes=11, protocol="scene_holdout"), dict.fromkeys(range(3), 0)),
    ],
)
def test_simulated_tables_have_the_form_of_a_study(shape: Shape, tests: dict[int, int]) -> None:
    for table in simulate(shape, Components(), 0, np.random.default_rng(0)):
        assert list(table) == ["repeat", "fold", "scene", "value"]
        assert dict(zip(table["repeat"], table["fold"], strict=True)) == tests
        assert not table.duplicated(["repeat", "scene"]).any()
        assert (table.groupby("scene")["fold"].nunique() == 1).all()
        # Eleven scenes on five folds: the first has three.
        assert (table.groupby("repeat")["scene"].nunique() == [3 if fold == 0 else 2 for fold in tests.values()]).all()


def test_simulated_difference_is_the_true_one() -> None:
    a, b = simulate(Shape(), Components(0, 0, 0), 0.03, np.random.default_rng(0))
    assert (a["value"] - b["value"]).to_numpy() == pytest.approx(0.03)


PLANTED = Components(run=0.02, scene=0.04, residual=0.03)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(repeats=300, folds=60, scenes=1800),
        # Two repeats on some folds, one on the others.
        Shape(repeats=450, folds=300, scenes=3000),
        Shape(repeats=300, folds=3, scenes=1500, protocol="scene_holdout"),
    ],
)
def test_planted_components_are_recovered(shape: Shape) -> None:
    assert tuple(estimate(*simulate(shape, PLANTED, 0.05, np.random.default_rng(3)))) == pytest.approx(PLANTED, rel=0.1)


def test_one_repeat_per_fold_leaves_the_residual_to_the_scene() -> None:
    tables = simulate(Shape(repeats=400, folds=400, scenes=4000), PLANTED, 0.05, np.random.default_rng(3))
    found = estimate(*tables)
    assert found.residual == 0
    assert (found.run, found.scene) == pytest.approx(
        (PLANTED.run, math.hypot(PLANTED.scene, PLANTED.residual)), rel=0.1
    )


def test_components_are_never_negative() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        found = estimate(*simulate(Shape(repeats=6, scenes=10), Components(0, 0, 0.05), 0, generator))
        assert min(found) >= 0
    table, _ = simulate(Shape(), Components(), 0, generator)
    assert estimate(table, table) == (0, 0, 0)


def test_only_repeats_of_both_arms_are_estimated_from() -> None:
    a, b = simulate(Shape(repeats=5), Components(), 0, np.random.default_rng(0))
    few = b["repeat"] < 3
    assert estimate(a, b[few]) == estimate(a[few], b[few])
    with pytest.raises(ValueError, match="^Components need at least 2 repeats that both configurations have, got 1.$"):
        estimate(a, b[b["repeat"] == 0])
    with pytest.raises(ValueError, match="got 0.$"):
        estimate(a[few], b[~few])


@pytest.mark.parametrize(
    ("shape", "freedom"),
    # Of a hold-out of 5 scenes and 4 repeats: between the 3 of the repeats and the 4 of the scenes, above the lower.
    [(Shape(repeats=7, scenes=22), 4), (Shape(repeats=4, scenes=22, protocol="scene_holdout"), 5)],
)
def test_smallest_difference_is_from_the_true_error(shape: Shape, freedom: int) -> None:
    generator = np.random.default_rng(0)
    found = [compare(*simulate(shape, PLANTED, 0, generator), folds=shape.folds).difference for _ in range(150)]
    # The spread of 150 is known to 6 %.
    assert smallest_difference(shape, PLANTED) == pytest.approx(detectable(float(np.std(found)), freedom), rel=0.18)


def test_planted_difference_is_outside_the_margin() -> None:
    found = calibrate(3, Shape(repeats=5), Components(), margin=0.2, seed=0)
    assert found["minimum_detectable_difference"] == 0.2
    assert (found["power_at_twice_mde"], found["equivalent_rate"]) == (1, 1)


def test_a_hold_out_covers_although_its_trainings_differ_more_than_its_scenes() -> None:
    shape, components = Shape(protocol="scene_holdout"), Components(run=0.05, scene=0.01)
    found = calibrate(100, shape, components, margin=0.01, seed=0)
    assert found["coverage"] > 0.9
    assert found["coverage_scenes"] < 0.5


NO_SPREAD = "components must not all be 0: two configurations without spread need no interval."


@pytest.mark.parametrize(
    ("simulations", "shape", "components", "seed", "message"),
    [
        (0, Shape(), Components(), 0, "simulations must be at least 1, got 0."),
        (1, Shape(), Components(), -1, "seed must be at least 0, got -1."),
        (1, Shape(repeats=2), Components(), 0, "repeats must be at least 3, or every verdict is refused, got 2."),
        (1, Shape(folds=2), Components(), 0, "folds must be at least 3 (train, validation, test), got 2."),
        (1, Shape(scenes=5), Components(), 0, "scenes must be more than the 5 folds, got 5."),
        (1, Shape(), Components(0, 0, 0), 0, NO_SPREAD),
    ],
)
def test_wrong_input(simulations: int, shape: Shape, components: Components, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        calibrate(simulations, shape, components, margin=0.01, seed=seed)


def test_wrong_input_on_the_command_line(refused: Callable[..., str]) -> None:
    assert refused(main, "calibrate --seed -3") == "reports: --seed must be at least 0, got -3.\n"
