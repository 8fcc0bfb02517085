"""Learning rates tuned before a comparison: by validation alone, with equal budgets, decided once."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data.split import split_frames
from hourglass_bench.bench.run import RunResult, describe
from hourglass_bench.bench.stored_config import config_hash, unflatten
from hourglass_bench.bench.tracking.store import connect, tracking_url
from hourglass_bench.studies import storage, tuning, worker
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.display import Clock
from hourglass_bench.studies.driver import Driver
from hourglass_bench.studies.spaces import grid, skip_subsets, to_units
from hourglass_bench.studies.status import status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Planned, Unit
from tests.studies.conftest import find_study, pretended, sweep, trial_runs

EPOCHS = 8
LADDER = (3e-4, 1e-3, 3e-3, 9e-3)
GROUPS = {name: f"{name} depth 2, width 4" for name in ("hourglass", "unet")}
TUNING = [name for name, study in CATALOG.items() if study.tunes]


@pytest.fixture
def tuned(tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch) -> Factorial:
    """Two networks, each a group of its own, whose rates are tuned before two repeats."""
    study = replace(tiny_study, name="tuned", tunes=True, training=TrainingConfig(epochs=EPOCHS, batch_size=4))
    monkeypatch.setitem(CATALOG, study.name, study)
    return study


class Trainings:
    """Of trainings that do not happen: what was trained, and whether it was to be tested."""

    def __init__(self) -> None:
        self.configs: list[tuple[RunConfig, bool]] = []
        self.iou: Callable[[RunConfig], float | None] = lambda config: prefers(
            config, {"hourglass": 1e-3, "unet": 9e-3}
        )
        """The best validation IoU, or None for a training that fails."""
        self.floor = 0.0
        """Validation IoU of all foreground."""

    def run(self, config: RunConfig, log: Any, *, test: bool, **_: Any) -> RunResult:
        self.configs.append((config, test))
        log.settle().params(describe(config))
        iou = self.iou(config)
        if iou is None:
            raise RuntimeError("this rate is too large")
        return pretended(log, {schema.BEST_VAL_IOU.name: iou, schema.ALL_FOREGROUND_IOU.name: self.floor})

    def take(self) -> list[RunConfig]:
        """Those since the last call."""
        taken = [config for config, _ in self.configs]
        self.configs.clear()
        return taken


def prefers(config: RunConfig, best: dict[str, float]) -> float:
    """Lower the further a rate is from the best one of its architecture; longer trainings score higher."""
    distance = abs(LADDER.index(config.training.lr) - LADDER.index(best[config.architecture.name]))
    return 0.5 - 0.1 * distance + 0.01 * config.training.epochs


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, tuned: Factorial, inline: object) -> Trainings:
    made = Trainings()
    monkeypatch.setattr(worker, "run", made.run)
    return made


def rates(configs: list[RunConfig], name: str, epochs: int) -> list[float]:
    """At which an architecture was trained for so many epochs."""
    return [
        config.training.lr
        for config in configs
        if config.architecture.name == name and config.training.epochs == epochs
    ]


def outcomes(runs: Path) -> Counter[str]:
    """How many trials that count each unit has, over all stages."""
    stages = storage.stages(find_study(runs, "tuned"))
    return Counter(trial.user_attrs[storage.UNIT] for stage in stages for trial in storage.ended(stage))


def test_the_ladder_has_half_decades_around_the_own_rate() -> None:
    assert tuning.ladder(1e-2) == (1e-3, 3e-3, 1e-2, 3e-2)
    assert tuning.ladder(2e-3) == (2e-4, 7e-4, 2e-3, 6e-3)
    assert tuning.ladder(2.5e-3)[2] == 2.5e-3
    assert tuning.ladder(3e-3) == LADDER


@pytest.mark.parametrize(("epochs", "rungs"), [(1, [1, 1]), (2, [2, 2]), (5, [3, 5]), (10, [3, 5]), (50, [13, 25])])
def test_rungs_have_a_quarter_and_a_half_of_the_epochs(epochs: int, rungs: list[int]) -> None:
    assert [rung.epochs(epochs) for rung in tuning.RUNGS] == rungs


def test_the_better_half_goes_on_and_validation_chooses(
    tmp_path: Path, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(tmp_path, study="tuned") == 0
    tuning_configs = [config for config, test in trainings.configs if not test]
    compared = [config for config, test in trainings.configs if test]
    assert [test for _, test in trainings.configs] == [False] * 12 + [True] * 4
    assert {config.repeat for config in tuning_configs} == {1}, "of three folds it tests the second"
    best = {"hourglass": 1e-3, "unet": 9e-3}
    for name, rate in best.items():
        assert rates(tuning_configs, name, 3) == list(LADDER)
        assert sorted(rates(tuning_configs, name, 5)) == sorted({"hourglass": [1e-3, 3e-3], "unet": [3e-3, 9e-3]}[name])
        assert rates(compared, name, EPOCHS) == [rate] * 2
    said = capsys.readouterr().err
    scores = "validation IoU 0.550 at 0.009, 0.450 at 0.003 after 5 epochs"
    assert f"learning rate of unet depth 2, width 4: 0.009 ({scores})" in said

    planned = CATALOG["tuned"].planned(CATALOG["tuned"].setting(path="synthetic"))
    assert outcomes(tmp_path) == dict.fromkeys(planned, 1)
    assert [plan.stage for plan in planned.values()] == ["tuning"] * 12 + ["comparison"] * 4
    for run in trial_runs(tmp_path, "tuned"):
        name = unflatten(run.data.params).architecture.name
        assert run.data.tags[schema.RATE_GROUP] == GROUPS[name]
        assert (" lr " in run.data.tags["mlflow.runName"]) == (run.data.tags[schema.STAGE] == "tuning")
    (parent,) = trial_runs(tmp_path, "tuned", kind="study")
    assert json.loads(parent.data.tags[schema.STUDY_LADDER]) == list(LADDER)
    assert json.loads(parent.data.tags[schema.STUDY_PLANNED_UNITS])["tuning"] == {"hourglass": 6, "unet": 6}
    now = status("tuned", tmp_path)
    assert now.planned_units["tuning"] == {"hourglass": (6, 6), "unet": (6, 6)}
    assert now.best[Planned("tuning", "unet")].name == "unet d2 w4 r1 lr 0.009"
    assert now.best[Planned("comparison", "unet")].name.startswith("unet d2 w4 r")
    assert "lr" not in now.best[Planned("comparison", "unet")].name


def test_a_comparison_keeps_the_keys_of_the_own_rate(tmp_path: Path, tuned: Factorial, trainings: Trainings) -> None:
    assert sweep(tmp_path, study="tuned") == 0
    own = {config_hash(unit.config) for unit in tuned.units(tuned.setting(path="synthetic", tune=False))}
    compared = [run for run in trial_runs(tmp_path, "tuned") if run.data.tags[schema.STAGE] == "comparison"]
    assert {run.data.tags[schema.UNIT] for run in compared} == own
    for run in compared:
        stored = unflatten(run.data.params)
        assert config_hash(stored) != run.data.tags[schema.UNIT], "the rate that was trained is logged"
        at_own = replace(stored, training=replace(stored.training, lr=tuned.training.lr))
        assert config_hash(at_own) == run.data.tags[schema.UNIT]


@pytest.mark.parametrize(("ahead", "chosen"), [(0.5, 9e-3), (1.5, 9e-3), (-0.5, 3e-3), (-5.0, 3e-3)])
def test_another_rate_must_be_clearly_ahead_of_the_own_one(
    tmp_path: Path, trainings: Trainings, ahead: float, chosen: float
) -> None:
    """`ahead`: of the bound, in units of it. The own rate is last in the first rung, and goes on all the same."""
    gain = tuning.CLEARLY * (1 + ahead)
    trainings.iou = lambda config: {
        3: {3e-4: 0.3, 1e-3: 0.3, 3e-3: 0.1, 9e-3: 0.4},
        5: {3e-3: 0.5, 9e-3: 0.5 + gain},
        EPOCHS: {3e-3: 0.5, 9e-3: 0.5},
    }[config.training.epochs][config.training.lr]
    assert sweep(tmp_path, study="tuned") == 0
    assert {config.training.lr for config, test in trainings.configs if test} == {chosen}


def test_what_does_not_learn_chooses_no_rate(tmp_path: Path, trainings: Trainings) -> None:
    """All foreground scores 0.4, which no training of the Hourglass beats: its own rate stays."""
    trainings.floor = 0.4
    trainings.iou = lambda config: config.training.lr * (100 if config.architecture.name == "unet" else 40)
    assert sweep(tmp_path, study="tuned") == 0
    compared = [config for config, test in trainings.configs if test]
    assert rates(compared, "hourglass", EPOCHS) == [3e-3] * 2
    assert rates(compared, "unet", EPOCHS) == [9e-3] * 2


@pytest.mark.parametrize("failing", [(9e-3,), (1e-3, 3e-3, 9e-3)])
def test_rates_that_fail_are_the_worst(tmp_path: Path, trainings: Trainings, failing: tuple[float, ...]) -> None:
    trainings.iou = lambda config: None if config.training.lr in failing else 50 * config.training.lr
    assert sweep(tmp_path, study="tuned") == 1
    chosen = max(rate for rate in LADDER if rate not in failing)
    assert {rate for config, test in trainings.configs if test for rate in [config.training.lr]} == {chosen}
    assert set(outcomes(tmp_path).values()) == {1}


def test_the_own_rate_stays_where_none_completes(
    tmp_path: Path, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    trainings.iou = lambda config: None if config.architecture.name == "unet" and config.repeat == 1 else 0.5
    assert sweep(tmp_path, study="tuned") == 1
    said = capsys.readouterr().err
    assert "learning rate of unet depth 2, width 4: 0.003 (no training beat all foreground)" in said
    compared = [config for config, test in trainings.configs if test]
    assert rates(compared, "unet", EPOCHS) == [3e-3] * 2
    assert rates(compared, "hourglass", EPOCHS) == [3e-3] * 2, "of equal ones the nearest to the own"
    assert outcomes(tmp_path).total() == 16


@pytest.mark.parametrize("stop", [0, 3, 8, 10, 12, 14])
def test_a_study_cut_off_at_any_moment_goes_on_to_the_same_rates(
    tmp_path: Path, trainings: Trainings, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """Before, within and between the rungs, and in the comparison; every unit has one outcome."""
    assert sweep(tmp_path / "whole", study="tuned") == 0
    whole = Counter(trainings.take())
    fill, opened = Driver._open, 0

    def cut(driver: Driver, trials: Any) -> None:
        nonlocal opened
        if opened == stop:
            raise KeyboardInterrupt
        opened += 1
        fill(driver, trials)

    runs = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(Driver, "_open", cut)
        assert sweep(runs, study="tuned") == 130
    assert len(trainings.configs) == stop
    assert sweep(runs, study="tuned") == 0
    assert Counter(trainings.take()) == whole
    assert outcomes(runs) == outcomes(tmp_path / "whole")
    assert sweep(runs, study="tuned") == 0
    assert trainings.take() == []


def test_a_rate_is_decided_once(tmp_path: Path, trainings: Trainings) -> None:
    """Although its runs are deleted and, done again, would choose another: repeats do not mix rates."""
    assert sweep(tmp_path, study="tuned") == 0
    trainings.take()
    client = connect(tracking_url(tmp_path))
    for run in trial_runs(tmp_path, "tuned"):
        if run.data.tags[schema.STAGE] == "tuning":
            client.delete_run(run.info.run_id)
    trainings.iou = lambda config: prefers(config, {"hourglass": 9e-3, "unet": 3e-4})
    assert sweep(tmp_path, "--redo-deleted", "--repeats", "3", study="tuned") == 0
    again = trainings.take()
    assert rates(again, "hourglass", 3) == list(LADDER)
    assert sorted(rates(again, "hourglass", 5)) == [1e-3, 3e-3]
    assert (rates(again, "hourglass", EPOCHS), rates(again, "unet", EPOCHS)) == ([1e-3], [9e-3])
    assert set(outcomes(tmp_path).values()) == {1}


def test_no_tune_is_the_study_of_before(
    tmp_path: Path, tuned: Factorial, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it stays so, without the flag too, which it says."""
    assert sweep(tmp_path, "--no-tune", study="tuned") == 0
    untuned = replace(tuned, tunes=False)
    units = untuned.units(untuned.setting(path="synthetic"))
    assert trainings.take() == [unit.config for unit in units]
    own = "study tuned goes on at its own learning rate, as it was started; another RUNS folder tunes it"
    assert own not in capsys.readouterr().err
    assert sweep(tmp_path, "--repeats", "3", study="tuned") == 0
    assert own in capsys.readouterr().err
    assert {config.training.lr for config in trainings.take()} == {tuned.training.lr}
    assert set(outcomes(tmp_path)) == {unit.key for unit in tuned.units(tuned.setting(path="synthetic", repeats=3))}
    for run in trial_runs(tmp_path, "tuned"):
        assert schema.RATE_GROUP not in run.data.tags
    (parent,) = trial_runs(tmp_path, "tuned", kind="study")
    assert schema.STUDY_LADDER not in parent.data.tags


@pytest.mark.usefixtures("trainings")
def test_a_tuned_study_is_not_resumed_untuned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(tmp_path, study="tuned") == 0
    capsys.readouterr()
    assert sweep(tmp_path, "--no-tune", study="tuned") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "got changes: learning rates tried [0.0003, 0.001, 0.003, 0.009] -> []. Use another RUNS folder" in line
    assert sweep(tmp_path, study="tuned") == 0


@pytest.mark.usefixtures("inline", "tuned")
def test_tuning_never_opens_test_scenes(tmp_path: Path) -> None:
    """Real trainings."""
    assert sweep(tmp_path, "--epochs", "1", "--repeats", "1", study="tuned") == 0
    opened = {"tuning": 0, "comparison": 0}
    for run in trial_runs(tmp_path, "tuned"):
        tags, metrics = run.data.tags, run.data.metrics
        tested = [name for name in metrics if name.startswith("test") or name == schema.TEST_IOU.name]
        assert bool(tested) == (schema.TEST_OPENED in tags) == (tags[schema.STAGE] == "comparison")
        opened[tags[schema.STAGE]] += 1
    assert opened == {"tuning": 12, "comparison": 2}


@pytest.mark.parametrize("split", ["scene_folds", "scene_holdout"])
def test_no_repeat_tests_the_scenes_that_choose_the_rate(split: Any) -> None:
    """Of fewer repeats than folds, as `quick` has them."""
    scenes, data = [str(scene) for scene in range(20)], DataConfig(split=split)
    chosen_on = set(split_frames(scenes, data, tuning.repeat_that_tunes(data)).val)
    tested = {frame for repeat in range(4) for frame in split_frames(scenes, data, repeat).test}
    assert not chosen_on & tested
    assert tuning.repeat_that_tunes(replace(data, split="given")) == 0


def groups(units: list[Unit]) -> list[tuple[str, list[int]]]:
    """Names and base widths."""
    return [
        (group.name, [unit.config.architecture.base_width for unit in group.members])
        for group in tuning.make_groups(units, LADDER)
    ]


def test_similar_sizes_share_a_rate_from_the_largest_on() -> None:
    data, training = DataConfig(size=(32, 32)), TrainingConfig()
    units = to_units(grid("unet", depth=(2, 3), base_width=(4, 7, 8, 16, 32), norm="batch"), data, training)
    assert groups(units) == [
        ("unet depth 2, width 16 to 32", [32, 16]),
        ("unet depth 2, width 4 to 8", [8, 7, 4]),
        ("unet depth 3, width 16 to 32", [32, 16]),
        ("unet depth 3, width 4 to 8", [8, 7, 4]),
    ]


def test_what_cannot_be_is_in_no_group() -> None:
    units = to_units(grid("unet", depth=(2, 6), base_width=(4,)), DataConfig(size=(16, 16)), TrainingConfig())
    assert groups(units) == [("unet depth 2, width 4", [4])]


def test_names_tell_groups_apart() -> None:
    skips = CATALOG["skips"]
    assert isinstance(skips, Factorial)
    names = [group.name for group in skips.groups(skips.setting())]
    assert names[0] == "hourglass depth 3, width 12"
    assert names[-1] == "unet depth 3, width 12, skips 1-2-3"
    assert len(set(names)) == len(skip_subsets(3))
    data, training = DataConfig(size=(64, 64)), TrainingConfig()
    narrow, wide = (grid("unet", depth=(3,), base_width=(8,), growth=(growth,)) for growth in (1.0, 3.0))
    assert [name for name, _ in groups(to_units([*narrow, *wide], data, training))] == [
        "unet depth 3, width 8, growth 3.0",
        "unet depth 3, width 8, growth 1.0",
    ]


@pytest.mark.parametrize("name", TUNING)
def test_every_study_that_tunes_gives_equal_sizes_equal_budgets(name: str) -> None:
    """Networks of equal widths share their rate with the same others, and epochs are the same in every group."""
    study = CATALOG[name]
    assert isinstance(study, Factorial)
    setting = study.setting(path="synthetic")
    made = study.groups(setting)
    assert len({group.name for group in made}) == len({group.key for group in made}) == len(made)
    assert (
        len({(group.ladder, *((len(group.keys(rung)), group.epochs(rung)) for rung in (0, 1))) for group in made}) == 1
    )
    if name not in ("matched", "zoo"):  # whose widths differ by purpose
        sizes: dict[str, Counter[Any]] = {}
        for group in made:
            network = group.largest.config.architecture
            if network.name in ("hourglass", "unet") and name not in ("skips", "texture"):
                widths = frozenset(unit.config.architecture.channels for unit in group.members)
                sizes.setdefault(network.name, Counter())[widths] += 1
        assert sizes.get("hourglass") == sizes.get("unet")
    members = [unit.config for group in made for unit in group.members]
    assert Counter(members) == Counter({unit.config: 1 for unit in study.units(setting) if unit.config.repeat == 0})


def test_studies_that_compare_tune() -> None:
    assert TUNING == ["quick", "practical", "depth_width", "skips", "matched", "texture", "zoo"]


def test_trials_that_tune_tell_nothing_of_longer_ones() -> None:
    clock, tuning_unit, unit = Clock(), Planned("tuning", "unet"), Planned("comparison", "unet")
    clock.add(tuning_unit, 2)
    assert clock.left({tuning_unit: 3}, [], 1) == 6
    assert clock.left({tuning_unit: 3, unit: 1}, [], 1) is None
    clock.add(unit, 10)
    assert clock.left({tuning_unit: 3, unit: 1}, [], 1) == 16
    assert clock.left({Planned("tuning", "hourglass"): 1}, [], 1) == 2
