"""Two tiny studies that are really trained, and what the script makes of studies whose truth is planted."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import real_studies
import torch
from real_studies import ARMS, PAIRS, SCENES, TRAINING, Outcome, choose, coverage, draw, judge, kept

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.reports.analysis.nested import VAL
from hourglass_bench.reports.analysis.verified import COLUMNS

FOLDS = DataConfig().folds


@pytest.fixture(scope="module")
def trained() -> list[Outcome]:
    torch.set_num_threads(1)
    return [real_studies.train_study(study, 7, replace(TRAINING, epochs=1)) for study in (0, 1)]


def planted(spread: float = 0.002, **shift: float) -> Outcome:
    """A study in which every arm scores alike, up to some noise and a shift of its own in all metrics."""
    generator = np.random.default_rng(0)
    cells = [(arm, repeat, repeat, f"{scene:05}") for arm in ARMS for repeat in range(FOLDS) for scene in range(4)]
    scenes = pd.DataFrame(cells, columns=["arm", "repeat", "fold", "scene"])
    values = 0.5 + scenes["arm"].map(shift).fillna(0.0) + generator.normal(0, spread, len(scenes))
    runs = scenes[["arm", "repeat", "fold"]].drop_duplicates(ignore_index=True)
    runs = runs.assign(**{schema.STATE: "complete", VAL.name: 0.5, "fresh": 0.5})
    return Outcome(scenes.assign(**dict.fromkeys(COLUMNS, values)), runs)


def verdicts(judged: pd.DataFrame, pair: str, repeats: int = 5) -> dict[str, str]:
    own = judged[(judged["pair"] == pair) & (judged["repeats"] == repeats)]
    return dict(zip(own["metric"], own["verdict"], strict=True))


def test_no_two_studies_and_no_unseen_set_show_a_scene_of_one_another() -> None:
    sets = [draw(number, 4) for number in range(4)]
    for one, other in combinations(sets, 2):
        assert not {image.tobytes() for image in one.images} & {image.tobytes() for image in other.images}
    empty = np.mean([~is_foreground.any() for one in sets for is_foreground in one.foreground_of(np.arange(8))])
    assert 0 < empty < 0.3


def test_a_study_tests_every_scene_once_in_every_arm(trained: list[Outcome]) -> None:
    for scenes, runs in trained:
        for _, own in scenes.groupby("arm"):
            assert len(own) == own["scene"].nunique() == SCENES
        assert len(runs) == len(ARMS) * FOLDS
        assert (runs["repeat"] % FOLDS == runs["fold"]).all()
        assert scenes[[*COLUMNS]].notna().all(axis=None)


def test_studies_share_no_repeat_and_so_no_initial_weights(trained: list[Outcome]) -> None:
    first, second = (set(study.runs["repeat"]) for study in trained)
    assert not first & second


def test_the_arms_are_the_architectures_and_twins_differ_by_their_weights(trained: list[Outcome]) -> None:
    scores = trained[0].runs.pivot(index="repeat", columns="arm", values="fresh")
    assert (scores["unet"] != scores["twin"]).all()
    unet, twin = (ARMS[name] for name in PAIRS["A/A"])
    assert replace(twin, name=unet.name) == unet
    assert ARMS["unet"].channels == ARMS["hourglass"].channels


def test_a_study_is_trained_once_and_read_as_it_was(
    trained: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_studies, "train_study", lambda study, seed: trained[study])
    for study in (0, 1):
        kept(tmp_path, study, 7)
    monkeypatch.delattr(real_studies, "train_study")
    for study, was in enumerate(trained):
        for table, read in zip(was, kept(tmp_path, study, 7), strict=True):
            pd.testing.assert_frame_equal(table, read)


def test_a_planted_shift_is_seen_by_its_direction() -> None:
    judged = judge(planted(hourglass=-0.2))
    said = verdicts(judged, "A/B")
    assert {said[metric.column] for metric in schema.TEST_METRICS if metric.better == "higher"} == {"better"}
    assert said["brier"] == said["ece"] == "worse"  # lower is better, and the U-Net is the higher one
    assert {verdicts(judged, "A/B", 3)[name] for name in ("iou", "hd95")} == {"ahead", "behind"}
    iou = judged[(judged["metric"] == "iou") & (judged["pair"] == "A/B")]
    assert iou["difference"].to_numpy() == pytest.approx(0.2, abs=0.005)
    assert "better" not in verdicts(judged, "A/A").values()


def test_a_cut_study_is_of_its_first_repeats() -> None:
    scenes, runs = planted()
    late = (scenes["arm"] == "unet") & (scenes["repeat"] >= 3)
    shifted = scenes.assign(iou=scenes["iou"] + np.where(late, 1.0, 0.0))
    found = judge(Outcome(shifted, runs)).set_index(["pair", "metric", "repeats"])["difference"]
    assert found["A/A", "iou", 3] == pytest.approx(0, abs=0.005)
    assert found["A/A", "iou", 5] == pytest.approx(2 / 5, abs=0.005)


def test_a_repeat_that_one_arm_lacks_counts_in_none() -> None:
    scenes, runs = planted()
    lost = (runs["arm"] == "twin") & (runs["repeat"] == 1)
    broken = scenes.assign(iou=scenes["iou"] + np.where(scenes["repeat"] == 1, 5.0, 0.0))
    found = judge(Outcome(broken, runs.assign(state=np.where(lost, "diverged", runs[schema.STATE]))))
    of_iou = found[(found["metric"] == "iou") & (found["pair"] == "A/A")]
    assert of_iou["difference"].abs().max() < 0.01
    assert (of_iou.set_index("repeats")["verdict"] == "refused").to_dict() == {5: False, 3: True}


def test_coverage_counts_intervals_that_hold_the_truth() -> None:
    """Without a difference the truth is 0, with one the mean over the studies."""
    columns = ["pair", "repeats", "metric", "difference", "low", "high", "scenes_low", "scenes_high", "verdict"]
    rows = [
        ("A/A", 5, "iou", 0.1, -0.1, 0.3, 0.05, 0.15, "inconclusive"),
        ("A/A", 5, "iou", 0.2, 0.1, 0.3, 0.15, 0.25, "better"),
        ("A/B", 5, "iou", 0.4, 0.3, 0.5, 0.35, 0.45, "better"),
        ("A/B", 5, "iou", 0.6, 0.45, 0.75, 0.55, 0.65, "ahead"),
    ]
    (found,) = coverage(pd.DataFrame(rows, columns=columns)).to_dict("records")
    assert (found["A/A covered"], found["A/A covered over scenes"], found["A/A said to differ"]) == (0.5, 0.0, 0.5)
    assert (found["A/B covered"], found["A/B covered over scenes"], found["A/B said to differ"]) == (1.0, 0.0, 1.0)
    assert (found["A/A width"], found["A/B difference"]) == pytest.approx((0.3, 0.5))


def test_what_a_choice_adds_to_its_test_score() -> None:
    """One of four arms has luck on the test scenes, and validation takes it; nothing else tells them apart."""
    scenes, runs = planted(spread=0.0, unet=0.1)
    lucky = runs.assign(**{VAL.name: np.where(runs["arm"] == "unet", 0.6, 0.5)})
    assert choose(Outcome(scenes, lucky)) == pytest.approx(dict.fromkeys(("all", "nested", "last fold"), 0.075))
    other = runs.assign(**{VAL.name: np.where(runs["arm"] == "twin", 0.6, 0.5)})
    assert choose(Outcome(scenes, other)) == pytest.approx(dict.fromkeys(("all", "nested", "last fold"), -0.025))


def test_the_last_fold_alone_may_choose_another_arm_and_nested_leaves_it_out() -> None:
    """The validation on fold 4, of the repeat that tests fold 3, puts the lucky arm first; so it does over all."""
    scenes, runs = planted(spread=0.0, unet=0.1)
    one = (runs["arm"] == "unet") & (runs["repeat"] == 3)
    also = runs["arm"] == "hourglass"
    found = choose(Outcome(scenes, runs.assign(**{VAL.name: np.select([one, also], [0.9, 0.52], 0.5)})))
    assert (found["all"], found["last fold"]) == pytest.approx((0.075, 0.075))
    assert found["nested"] == pytest.approx(0.075 - 0.1 / FOLDS)  # fold 4 alone is tested by what the others choose


def test_the_command_prints_and_stores_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(real_studies, "train_study", lambda study, seed: planted(hourglass=-0.2))
    monkeypatch.setattr("sys.argv", ["real_studies.py", "--studies", "2", "--out", str(tmp_path)])
    real_studies.main()
    found = json.loads((tmp_path / "table.json").read_text())
    assert (found["studies"], found["seed"], found["states"]) == (2, 0, {"complete": 2 * len(ARMS) * FOLDS})
    assert len(found["metrics"]) == len(COLUMNS) * len(real_studies.REPEATS)
    assert len(list(tmp_path.glob("seed-0-study-*.json"))) == 2
    printed = capsys.readouterr().out
    assert "| iou | 100.0% / 100.0% | 100.0% / 100.0% |" in printed
    assert "2 studies of seed 0" in printed
