"""A study that version 3 started goes on, also after an option was added; what is newer than the code is refused."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main as bench
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.fields import documented
from hourglass_bench.bench.run import run
from hourglass_bench.bench.stored_config import config_hash, located, unflatten
from hourglass_bench.studies import storage, worker
from hourglass_bench.studies.__main__ import main as studies
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.status import status
from hourglass_bench.studies.stored_study import read_study
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import trial_runs

KEYS = {
    "quick": ("ccff6ef097bc6fe4", "af00c10729b84921"),
    "practical": ("05fd3db94c24de4b", "91c2d4cc777c794f"),
    "depth_width": ("bff16ddae7d2d8f5", "ae9bb41f7b1b4671"),
    "skips": ("c862b67336ea1dba", "e058ef9757ea010d"),
    "matched": ("d7d6b3e8a6cd1fae", "a8e24c9e86901272"),
    "search": ("8c3bbe85b75a501c", "91b38ed063d2c803"),
    "memory_budget": ("105a6e64635a101f", "0dfef58cdd66a113"),
    "leak": ("ee7f08cef4000f34", "60cbf02b28b00370"),
    "generative": ("e9f92bd67491fe30", "c72a4f0db8186c5b"),
    "aa": ("bbe85b7b36b8b18f", "95f58d11417f05d1"),
}
"""Space and digest of the planned units of each study, as version 3 had them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extended(TrainingConfig):
    """The options of a later version."""

    momentum: float = documented(0.9, "of an optimiser to come")


RESUME = "run quick --data data --runs runs --epochs 1"


def extend(study: Factorial) -> Factorial:
    """The study in a version that has the option."""
    values = {item.name: getattr(study.training, item.name) for item in fields(TrainingConfig)}
    return replace(study, training=Extended(**values))


def quick() -> Factorial:
    study = CATALOG["quick"]
    assert isinstance(study, Factorial)
    return study


@pytest.mark.parametrize("name", KEYS)
def test_studies_are_those_of_version_3(name: str) -> None:
    study = CATALOG[name]
    setting = study.setting(path="DATA", repeats=study.first_repeats, tune=False)
    assert (study.space(), digest(*study.planned(setting))) == KEYS[name]


def test_an_added_option_changes_no_key_until_it_is_used() -> None:
    before, after = (study.units(study.setting(path="DATA")) for study in (quick(), extend(quick())))
    assert [unit.key for unit in after] == [unit.key for unit in before]
    assert extend(quick()).space() == KEYS["quick"][0]
    training = after[0].config.training
    assert isinstance(training, Extended)
    used = replace(after[0].config, training=replace(training, momentum=0.5))
    assert config_hash(used) != before[0].key


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(("version", "data"), [("present", "data"), ("later", "./data/")])
def test_a_study_of_an_older_version_is_resumed(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: str, data: str
) -> None:
    """By the code of today, and by a later one that has an option more, with its data spelled in another way.

    Only the unit that waits is trained.
    """
    monkeypatch.chdir(stored)
    if version == "later":
        monkeypatch.setitem(CATALOG, "quick", extend(quick()))
        monkeypatch.setitem(RunConfig.__annotations__, "training", Extended)
    trained: list[RunConfig] = []

    def watched(config: RunConfig, *arguments: Any, **options: Any) -> Any:
        trained.append(config)
        return run(config, *arguments, **options)

    monkeypatch.setattr(worker, "run", watched)
    now = status("quick", Path("runs"))
    tuning = 36 if stored.name >= "version-8" else 0  # earlier versions tuned no rate
    assert (now.states["complete"], now.waiting) == (35 + tuning, 1)
    arguments = RESUME.replace("--data data", f"--data {data}").split()
    assert studies([*arguments, "--device", "cpu", "--workers", "1"]) == 0
    said = capsys.readouterr().err
    goes_on = "^study quick goes on with other code of the same arithmetic: [0-9a-f]{16} -> "
    assert re.search(goes_on, said, re.MULTILINE)
    now = status("quick", Path("runs"))
    assert (len(now.units), now.states["complete"], now.waiting) == (36 + tuning, 36 + tuning, 0)

    runs = {item.data.tags[schema.UNIT]: item for item in trial_runs(Path("runs"), "quick")}
    complete = {unit: item for unit, item in runs.items() if item.data.tags.get(schema.STAGE) != "tuning"}
    assert not [unit for unit, item in complete.items() if schema.SUPERSEDED in item.data.tags]
    before = json.loads(Path("expected.json").read_text())["test_iou"]
    (added,) = complete.keys() - before.keys()
    assert [config.data.path for config in trained] == [data]
    assert [config_hash(located(config, "data")) for config in trained] == [added]
    for unit, iou in before.items():
        assert complete[unit].data.metrics[schema.OLD_NAMES[schema.TEST_IOU.name]] == iou
        assert config_hash(unflatten(complete[unit].data.params)) == unit
    (parent,) = trial_runs(Path("runs"), "quick", kind="study")
    tags = json.loads(parent.data.tags[schema.STUDY_PLANNED_UNITS])
    assert ("tuning" in tags) == (tuning > 0)
    assert tags["comparison"] == {"simple_conv": 12, "hourglass": 12, "unet": 12}


def test_an_older_study_is_healthy(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But for the checkpoints, of which each of these examples keeps one."""
    assert studies(["doctor", "quick", "--runs", str(stored / "runs"), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    lacking = f"{schema.CHECKPOINT_FILE} is missing, {schema.CONFIG_FILE} is missing"
    assert {(one["kind"], one["found"]) for one in findings} == {("damaged", lacking)}
    assert len(findings) == 35 - 1


RUN = "6f26ff84cebd4d55a4e55d1bc2c4ac7e"
NEWER = {
    "mlflow.db": ("UPDATE alembic_version SET version_num = 'ffffffffffff'", "mlflow", "revision ffffffffffff of its"),
    "optuna.db": ("UPDATE alembic_version SET version_num = 'v9.9.9.a'", "optuna", "revision v9.9.9.a of its tables"),
    "runs": ("UPDATE tags SET value = '11' WHERE key = 'schema.version'", "hourglass-bench", "runs of version 11 of"),
}
COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "run": (studies, RESUME),
    "status": (studies, "status quick --runs runs"),
    "train": (bench, "train --arch unet --channels 4 8 --data data --size 16 --epochs 1 --runs runs"),
    "predict": (bench, f"predict {RUN} data --out masks --runs runs"),
    "sample": (bench, f"sample {RUN} --n 4 --runs runs"),
}


@pytest.mark.parametrize(
    ("name", "newer"),
    [(name, newer) for name in COMMANDS for newer in NEWER if newer != "optuna.db" or name in ("run", "status")],
)
def test_a_newer_store_is_refused_in_one_sentence(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, newer: str
) -> None:
    """And nothing is written, not even what the commands keep beside the stores."""
    main, arguments = COMMANDS[name]
    monkeypatch.chdir(stored)
    statement, program, found = NEWER[newer]
    with closing(sqlite3.connect(Path("runs", newer if newer != "runs" else "mlflow.db"))) as database, database:
        database.execute(statement)
    before = {path: path.is_file() and path.read_bytes() for path in stored.rglob("*")}
    assert main(arguments.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert f"must be written by no newer {program} than the one installed here, got {found}" in line
    assert line.endswith(f"; update {program}, or use another RUNS folder or store.")
    assert {path: path.is_file() and path.read_bytes() for path in stored.rglob("*")} == before


def test_a_study_is_read_by_sql_as_by_optuna(stored: Path) -> None:
    """So `status` needs none of the libraries, which take seconds to import."""
    url = storage.storage_url(stored / "runs")
    theirs = storage.find(url, "quick")
    assert theirs is not None
    found = read_study(url, "quick")
    assert found is not None
    root, stages = found
    assert (root.study_name, root.user_attrs) == (theirs.study_name, theirs.user_attrs)
    attributes = [[(trial.number, trial.user_attrs) for trial in stage.get_trials()] for stage in stages]
    of_optuna = [[(trial.number, trial.user_attrs) for trial in stage.get_trials()] for stage in storage.stages(theirs)]
    assert attributes == of_optuna
    assert list(storage.counted(root, stages)) == list(storage.done(theirs))
    assert read_study(url, "quack") is None
    code = f"""
import sys
from hourglass_bench.studies.__main__ import main
main(["status", "quick", "--runs", {str(stored / "runs")!r}])
print({{"torch", "mlflow", "optuna", "pandas", "matplotlib"}} & set(sys.modules))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert said.stdout.endswith("\nset()\n")
