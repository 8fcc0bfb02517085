"""More repeats than a study has: units are added, and those that are done stay as they are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.studies import identity, storage
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.stages import FixedTrials
from hourglass_bench.studies.status import status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Factor, Unit
from tests.studies.conftest import find_study, sweep, trial_runs

REPEATED = [name for name, study in CATALOG.items() if study.repeats]


@pytest.mark.parametrize("name", REPEATED)
def test_more_repeats_add_units_and_change_none(name: str) -> None:
    study = CATALOG[name]
    space = study.space()
    own, more = (
        study.planned(study.setting(path="synthetic", repeats=repeats)) for repeats in (None, study.repeats + 2)
    )
    assert study.planned(study.setting(path="synthetic", repeats=study.repeats)) == own
    assert [unit for unit in more if unit in own] == list(own)
    assert {unit: more[unit] for unit in own} == own
    repeated = [unit for unit, planned in own.items() if planned.stage not in schema.CHOOSING]
    assert len(more) - len(own) == 2 * len(repeated) // study.repeats
    assert study.space() == space


@pytest.mark.parametrize("name", [name for name in REPEATED if isinstance(CATALOG[name], Factorial)])
def test_added_units_are_the_networks_there_are(name: str) -> None:
    study = CATALOG[name]
    assert isinstance(study, Factorial)
    of_repeat: dict[int, list[str]] = {}
    for unit in study.units(study.setting(path="synthetic", repeats=study.repeats + 1)):
        assert unit.factors["repeat"] == unit.config.repeat
        network = f"{unit.config.architecture} {unit.config.data} {unit.config.training} {unit.stage}"
        of_repeat.setdefault(unit.config.repeat, []).append(network)
    assert list(of_repeat) == list(range(study.repeats + 1))
    assert all(networks == of_repeat[0] for networks in of_repeat.values())


def test_a_search_has_more_refits_and_as_many_trials() -> None:
    study = CATALOG["search"]
    assert isinstance(study, Search)
    planned = study.planned(study.setting(path="synthetic", repeats=7))
    refits = [unit for unit, (stage, _) in planned.items() if stage == "comparison"]
    assert refits == [f"{name}-refit-{repeat}" for repeat in range(1, 8) for name in study.architectures]
    assert len(planned) - len(refits) == 2 * study.trials


def repeats_of(trained: Sequence[RunConfig]) -> list[int]:
    return sorted(config.repeat for config in trained)


def planned_tags(runs: Path) -> dict[str, Any]:
    """What the parent run says of the plan."""
    (parent,) = trial_runs(runs, kind="study")
    tags = parent.data.tags
    return {"": int(tags[schema.STUDY_PLANNED]), **json.loads(tags[schema.STUDY_PLANNED_UNITS])}


@pytest.mark.usefixtures("catalog", "inline")
def test_a_study_is_extended_stays_extended_and_does_not_shrink(
    tmp_path: Path, trained: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(tmp_path) == 0
    before = {run.info.run_id: run.data.tags for run in trial_runs(tmp_path)}
    assert repeats_of(trained) == [0, 0, 1, 1]
    trained.clear()

    assert sweep(tmp_path, "--repeats", "4") == 0
    assert repeats_of(trained) == [2, 2, 3, 3]
    after = {run.info.run_id: run.data.tags for run in trial_runs(tmp_path)}
    assert {run: after[run] for run in before} == before
    assert len(after) == 8
    assert planned_tags(tmp_path) == {"": 8, "comparison": {"hourglass": 4, "unet": 4}}
    trials = storage.stages(find_study(tmp_path))[0].get_trials()
    assert [trial.params["repeat"] for trial in trials] == [0, 0, 1, 1, 2, 2, 3, 3]
    trained.clear()

    assert sweep(tmp_path) == 0
    assert trained == []
    assert len(status("tiny", tmp_path).outcomes) == 8

    kept = find_study(tmp_path).user_attrs
    capsys.readouterr()
    assert sweep(tmp_path, "--repeats", "3", "--accept-changes") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"repeats must be at least the 4 that study tiny in {tmp_path} has, got 3; use another RUNS" in line
    assert find_study(tmp_path).user_attrs == kept
    assert planned_tags(tmp_path)[""] == 8


@pytest.mark.usefixtures("catalog", "inline")
def test_a_new_study_may_have_fewer_and_keeps_them(tmp_path: Path, trained: list[RunConfig]) -> None:
    for arguments, expected in (
        (("--repeats", "1"), [0, 0]),
        ((), [0, 0]),
        (("--repeats", "2"), [0, 0, 1, 1]),
        (("--repeats", "2"), [0, 0, 1, 1]),
    ):
        assert sweep(tmp_path, *arguments) == 0
        assert repeats_of(trained) == expected


@pytest.mark.usefixtures("catalog", "inline", "trained")
def test_a_store_of_before_has_the_studys_own_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(tmp_path) == 0
    root = find_study(tmp_path)
    options = root.user_attrs[storage.OPTIONS]
    root.set_user_attr(storage.OPTIONS, {name: of for name, of in options.items() if name != identity.REPEATS})
    assert sweep(tmp_path, "--repeats", "1") == 2
    assert "repeats must be at least the 2 that study tiny" in capsys.readouterr().err
    assert sweep(tmp_path, "--repeats", "3") == 0
    assert len(status("tiny", tmp_path).outcomes) == 6


@pytest.mark.usefixtures("catalog", "inline")
@pytest.mark.parametrize("stored", [None, 4])
def test_a_study_of_before_keeps_the_repeats_that_it_had(
    tmp_path: Path, tiny_study: Factorial, trained: list[RunConfig], monkeypatch: pytest.MonkeyPatch, stored: int | None
) -> None:
    """As version 7 stored them: None for the study's own, which have risen since. Neither is a change of the space."""
    assert sweep(tmp_path, *(("--repeats", str(stored)) if stored else ())) == 0
    root = find_study(tmp_path)
    root.set_user_attr(storage.OPTIONS, root.user_attrs[storage.OPTIONS] | {identity.REPEATS: stored})
    monkeypatch.setitem(CATALOG, "tiny", replace(tiny_study, repeats=5, first_repeats=2))
    trained.clear()
    for arguments, more in (((), 0), (("--repeats", "5"), 5 - (stored or 2))):
        assert sweep(tmp_path, *arguments) == 0
        assert len(trained) == 2 * more
        trained.clear()
    assert sweep(tmp_path / "new") == 0
    assert repeats_of(trained) == [repeat for repeat in range(5) for _ in range(2)]


def test_trials_keep_their_factors_when_a_plan_has_more_values(tmp_path: Path, tiny_config: Any) -> None:
    """Also when the new ones come first, and from the store as another process reads it."""

    def open_first(*factors: Mapping[str, Factor]) -> None:
        units = [Unit(config=tiny_config(), factors=of, name=str(of)) for of in factors]
        FixedTrials(opened(), units).open()

    def opened() -> optuna.Study:
        return storage.create(storage.open_storage(f"sqlite:///{tmp_path}/optuna.db"), "s", [schema.BEST_VAL_IOU])

    open_first({"depth": 2, "norm": "none"})
    open_first({"depth": 1, "norm": "batch"}, {"depth": 2, "norm": "none"})
    trials = opened().get_trials()
    assert [trial.params for trial in trials] == [{"depth": 2, "norm": "none"}, {"depth": 1, "norm": "batch"}]
    assert {trial.distributions["depth"].choices for trial in trials} == {(2, 1)}
    open_first({"depth": 3, "norm": "none"})  # of a plan that has lost the others
    assert [trial.params["depth"] for trial in opened().get_trials()] == [2, 1, 3]
