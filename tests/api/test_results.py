"""What `sweep` leaves and `load` gives: tables that agree with each other, the report's figures and its verdicts."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hourglass_bench as hb
from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import judge_headline
from hourglass_bench.reports.analysis.summary import summarise
from hourglass_bench.reports.store.load import load_study

BEFORE = ["run_id", "architecture", "label", "repeat", "fold"]


def test_a_script_without_a_guard_runs_once(swept: tuple[Path, str]) -> None:
    """Its worker processes do not run it again."""
    assert swept[1].count("the script runs") == 1
    assert "Study tiny: 9 of 9 units ended." in swept[1]


def test_runs_have_a_row_for_every_unit(results: hb.Results) -> None:
    runs = results.runs
    assert results.name == "tiny"
    assert results.question == "Does a script need a guard?"
    first = ["run_id", "state", "stage", "architecture.name", "label", "configuration", "repeat", "fold"]
    assert list(runs.columns[: len(first)]) == first
    assert runs.groupby(["architecture.name", "state"]).size().to_dict() == {
        ("hourglass", "complete"): 3,
        ("unet", "complete"): 3,
        ("unet", "infeasible"): 3,
    }
    complete = runs[runs["state"] == "complete"]
    assert sorted(complete["repeat"]) == [0, 0, 1, 1, 2, 2]
    assert runs["repeat"].dtype == "Int64"
    assert complete[schema.TEST_IOU.name].between(0, 1).all()
    assert runs["run_id"].is_unique


def test_curves_hold_every_epoch(results: hb.Results) -> None:
    curves = results.curves
    assert list(curves.columns) == [*BEFORE, "metric", "epoch", "value"]
    ious = curves[curves["metric"] == schema.VAL_IOU.name]
    assert ious.groupby("run_id")["epoch"].agg(list).tolist() == [[1, 2]] * 6
    best = results.runs.set_index("run_id")[schema.BEST_VAL_IOU.name].dropna()
    assert ious.groupby("run_id")["value"].max().to_dict() == pytest.approx(best.to_dict())
    assert schema.TRAIN_LOSS.name in set(curves["metric"])


def test_frames_are_what_the_runs_metrics_are_means_of(results: hb.Results) -> None:
    frames = results.frames
    assert list(frames.columns[:7]) == [*BEFORE, "stem", "scene"]
    means = frames.groupby(["run_id", "scene"])["iou"].mean().groupby("run_id").mean()
    logged = results.runs.set_index("run_id")[schema.TEST_IOU.name].dropna()
    assert len(means) == 6
    assert means.to_dict() == pytest.approx(logged.to_dict())


def test_every_figure_can_be_drawn(results: hb.Results) -> None:
    assert {"iou_memory", "learning_curves", "predictions"} <= set(results.figures)
    for name in results.figures:
        shown = results.plot(name)._repr_png_()  # type: ignore[attr-defined]  # what a notebook asks for
        assert np.asarray(Image.open(BytesIO(shown))).std() > 0, name


def test_figures_that_there_are_not_are_refused(results: hb.Results) -> None:
    with pytest.raises(ValueError, match=r"figure must be one of iou_memory, .*, times, got 'iou-memory'\."):
        results.plot("iou-memory")
    assert "texture" not in results.figures
    with pytest.raises(ValueError, match="figure texture cannot be drawn of study tiny: no "):
        results.plot("texture")


@pytest.mark.parametrize("metric", ["iou", "boundary_iou"])
def test_comparisons_are_the_reports(results: hb.Results, swept: tuple[Path, str], metric: str) -> None:
    """As a report that is asked for the pair judges it."""
    summary = summarise(load_study(swept[0], "tiny"), ("unet/2/4:hourglass/2/4",))
    (judged,) = (
        one for one in judge_headline(summary) if one.claim.matching == "asked for" and one.metric.column == metric
    )
    sign = 1 if judged.claim.a["architecture.name"] == "unet" else -1
    found = results.compare("unet", "hourglass", metric=metric)
    assert found.difference == pytest.approx(sign * judged.comparison.difference)
    assert sorted(sign * end for end in judged.interval) == pytest.approx([found.low, found.high])
    assert (found.p, found.claims, found.verdict) == (judged.p, judged.claims, judged.verdict)
    assert (found.a, found.b) == ("U-Net (depth 2, width 4)", "Hourglass (depth 2, width 4)")
    assert repr(found).startswith(f"{found.a} less {found.b}: {judged.metric.label} ")
    assert repr(found).endswith(" over 3 folds and 3 repeats. Verdict: inconclusive.")


def test_a_comparison_turned_round_says_the_same(results: hb.Results) -> None:
    one, other = results.compare("unet", "hourglass"), results.compare("hourglass", "unet")
    assert (other.difference, other.low, other.high) == pytest.approx((-one.difference, -one.high, -one.low))
    assert (other.a, other.b, other.p) == (one.b, one.a, one.p)


def test_comparisons_of_what_is_not_there_are_refused(results: hb.Results) -> None:
    with pytest.raises(ValueError, match=r"which are hourglass, .*got 'vae' in 'unet:vae'\."):
        results.compare("unet", "vae")
    with pytest.raises(ValueError, match=r"metric must be one of iou, boundary_iou, got 'dice'\."):
        results.compare("unet", "hourglass", metric="dice")


def test_a_notebook_shows_the_answer_and_the_best(results: hb.Results) -> None:
    shown = results._repr_html_()
    assert f"<p>{results.answer}</p>" in shown.replace("&quot;", '"')
    assert shown.count("<tr") > 3
    assert "U-Net<br>" in shown
    assert "\n<br>" not in shown


def test_studies_that_are_not_there_are_refused(swept: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mlflow\.db, which are: tiny; got 'quick'\."):
        hb.load("quick", runs=swept[0])
    with pytest.raises(ValueError, match="does not exist: no study ran with"):
        hb.load("tiny", runs=tmp_path)


def test_a_finished_study_is_resumed_in_a_moment(swept: tuple[Path, str], tmp_path: Path) -> None:
    """By the same object in another process; another study under its name is refused."""
    runs = tmp_path / "runs"
    shutil.copytree(swept[0], runs)
    study = hb.Factorial(
        name="tiny",
        question="Another one?",
        size=16,
        training=hb.TrainingConfig(epochs=2, batch_size=4),
        plan=hb.each(lambda: hb.grid("unet", depth=(2,))),
        repeats=3,
        data={"synthetic_scenes": 6, "synthetic_frames": 2, "folds": 3},
    )
    with pytest.raises(ValueError, match="study tiny"):
        hb.sweep(study, runs=runs, device="cpu", workers=1)


@pytest.mark.parametrize(
    ("study", "options", "said"),
    [
        ("quack", {}, "study must be one of"),
        ("missing.py", {}, "study file must be one that exists, got missing.py"),
        ("quick", {"epoch": 1}, r"got epoch\."),
        ("quick", {"epochs": "1"}, "epochs must be a whole number, got '1'"),
        ("quick", {"executor": "slurm"}, "executor must be one of local, ray, got 'slurm'"),
        ("quick", {"fold": 4}, r"got fold; did you mean folds\?"),
        ("quick", {"workers": 0}, "workers must be"),
        ("quick", {"archs": ["unet"]}, "study quick must be run without --archs"),
    ],
)
def test_wrong_sweeps_are_refused(study: str, options: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        hb.sweep(study, runs=tmp_path / "runs", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "runs" / schema.TRACKING_DB).exists()


@pytest.mark.parametrize("name", ["", "quick", "a b"])
def test_a_study_needs_a_name_of_its_own(name: str, tiny_study: hb.Factorial, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match=f"study must be called by a name .* got '{name}'"):
        hb.sweep(replace(tiny_study, name=name), runs=tmp_path)
