"""Does the printed interval keep its promise? Simulated studies, judged by the code that judges the real ones.

A simulated study is two tables of values (`reports.analysis.statistics`) whose difference is a true difference plus
three random effects: of the run, of the scene, and of the scene in that run, all normal and independent. Real trainings
are neither, and those of different folds share scenes: `tests/reports/real_studies.py` repeats whole real studies, and
docs/protocol.md has what it found.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from hourglass_bench.architectures.bounds import SEED, Bounds
from hourglass_bench.bench import schema
from hourglass_bench.bench.progress import progress
from hourglass_bench.reports.analysis.claims import arms, claims, pair
from hourglass_bench.reports.analysis.components import Components, estimate
from hourglass_bench.reports.analysis.planning import Shape, cells_of, shape_of, smallest_difference
from hourglass_bench.reports.analysis.statistics import MIN_REPEATS, Comparison, Interval, Verdict, compare, verdict
from hourglass_bench.reports.analysis.summary import summarise
from hourglass_bench.reports.store.load import load_study
from hourglass_bench.reports.text import digits


def of_study(runs: Path, study: str, tracking: str) -> tuple[Shape, Components, str]:
    """Shape and components of a study in the store, and what they were estimated from: its first claim about IoU.

    Raises:
        ValueError: no such study, or no two architectures of it that were tested on the same scenes.
    """
    summary = summarise(load_study(runs, study, tracking))
    made = claims(summary)
    a, b = arms(summary, made[0], schema.TEST_IOU) if made else (pd.DataFrame(), pd.DataFrame())
    if a.empty:
        raise ValueError(f"study {study!r} must have two architectures that were tested on the same scenes, got none.")
    return shape_of(made[0].a, a), estimate(a, b), f"study {study}, {pair(made[0])}"


def simulate(
    shape: Shape, components: Components, difference: float, generator: Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of two configurations whose true difference is given; values look like IoU, but are not clipped."""
    repeat, fold, scene = cells_of(shape)
    common = generator.normal(0.7, 0.1, shape.scenes)[scene] + generator.normal(0, 0.02, shape.repeats)[repeat]
    run = generator.normal(0, components.run, shape.repeats)[repeat]
    residual = generator.normal(0, components.residual, len(repeat))
    half = (difference + run + generator.normal(0, components.scene, shape.scenes)[scene] + residual) / 2
    cells = pd.DataFrame({"repeat": repeat, "fold": fold, "scene": [f"{number:04}" for number in scene]})
    return cells.assign(value=common + half), cells.assign(value=common - half)


def calibrate(simulations: int, shape: Shape, components: Components, *, margin: float, seed: int) -> dict[str, Any]:
    """How often intervals and verdicts are right: in studies without a difference, and in as many with a planted one.

    One claim is judged at a time, so there is nothing to adjust. The planted difference is twice the minimum detectable
    one, which counts as `margin` at least: what lies inside the
    margin is called equivalent by rule, however surely it is found.

    Args:
        simulations: Number of studies of each kind.
        shape: Size of a study.
        components: True standard deviations.
        margin: Margin of equivalence, in the metric's unit.
        seed: Of the generator of all random numbers.

    Returns:
        Shares, and what they rest on. `coverage` pools both kinds of studies, as does `coverage_scenes`, which is that
        of the descriptive interval. `false_better_rate` counts the verdicts better and worse without a difference, of a
        first look ahead and behind. With 400 simulations, a rate of 5 % comes out with a standard error of 1.1 %.

    Raises:
        ValueError: no simulation, a negative seed, no spread, or a study too small for a verdict.
    """
    _check(simulations, shape, components, seed)
    generator = np.random.default_rng(seed)
    smallest = max(margin, smallest_difference(shape, components))
    studies = {
        true: [
            compare(*simulate(shape, components, true, generator), folds=shape.folds)
            for _ in progress(range(simulations), f"simulating studies with a difference of {true:.3g}", simulations)
        ]
        for true in (0.0, 2 * smallest)
    }
    null, planted = studies.values()
    held = [_coverage([study.interval for study in kind], true) for true, kind in studies.items()]
    held_scenes = [_coverage([study.scene_interval for study in kind], true) for true, kind in studies.items()]
    return {
        "coverage": sum(held) / 2,
        "coverage_no_difference": held[0],
        "coverage_planted": held[1],
        "coverage_scenes": sum(held_scenes) / 2,
        "false_better_rate": _share(null, margin, "better", "worse", "ahead", "behind"),
        "power_at_twice_mde": _share(planted, margin, "better", "ahead"),
        "equivalent_rate": _share(null, margin, "equivalent"),
        "minimum_detectable_difference": smallest,
        "margin": margin,
        "simulations": simulations,
        "seed": seed,
        "shape": shape._asdict(),
        "components": components._asdict(),
    }


def _check(simulations: int, shape: Shape, components: Components, seed: int) -> None:
    Bounds(1, 10**6, "since they must end").require("simulations", simulations)
    SEED.require("seed", seed)
    if shape.repeats < MIN_REPEATS:
        raise ValueError(f"repeats must be at least {MIN_REPEATS}, or every verdict is refused, got {shape.repeats}.")
    if shape.folds < 3:
        raise ValueError(f"folds must be at least 3 (train, validation, test), got {shape.folds}.")
    if shape.scenes <= shape.folds:
        raise ValueError(f"scenes must be more than the {shape.folds} folds, got {shape.scenes}.")
    if not any(components):
        raise ValueError("components must not all be 0: two configurations without spread need no interval.")


def _coverage(intervals: list[Interval], true: float) -> float:
    return float(np.mean([low <= true <= high for low, high in intervals]))


def _share(studies: list[Comparison], margin: float, *counted: Verdict) -> float:
    said = [verdict(study.interval, repeats=study.repeats, margin=margin, direction="higher") for study in studies]
    return float(np.mean([one in counted for one in said]))


def sentences(found: dict[str, Any]) -> list[str]:
    """What `calibrate` found, in lines for people."""
    shape = Shape(**found["shape"])
    components = ", ".join(f"{name} {digits(value)}" for name, value in found["components"].items())
    return [
        f"{found['simulations']} simulated studies without and as many with a difference: {shape.repeats} repeats, "
        f"{shape.folds} folds, {shape.scenes} scenes ({shape.protocol}), seed {found['seed']}.",
        f"Standard deviations of the difference, from {found['source']}: {components}.",
        f"The 95 % interval holds the true difference in {found['coverage']:.1%} of studies, the one over scenes in "
        f"{found['coverage_scenes']:.1%}.",
        f"Without a difference, {found['false_better_rate']:.1%} are called better or worse and "
        f"{found['equivalent_rate']:.1%} equivalent.",
        f"Twice the minimum detectable difference of {digits(found['minimum_detectable_difference'])} is called better "
        f"in {found['power_at_twice_mde']:.1%}.",
    ]
