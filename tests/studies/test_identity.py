"""What a study refuses: wrong input before anything is written, and to be resumed as something else."""

import fcntl
import json
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sqlalchemy import Pool, event

from hourglass_bench.bench import schema
from hourglass_bench.bench.machine.precision import NAMES, Arithmetic
from hourglass_bench.studies import identity, lock, placement, storage
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.options import DataChanges, Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import find_study, sweep, trial_runs

pytestmark = pytest.mark.usefixtures("catalog", "inline")


@pytest.mark.parametrize(
    ("arguments", "study", "message"),
    [
        (("--data", "nowhere"), "tiny", "nowhere must be a folder"),
        ((), "slow", f"study must be one of {', '.join(CATALOG)}, tiny, got 'slow'"),
        (("--workers", "many"), "tiny", "--workers must be auto or a number from 1 to 40 here"),
        (("--workers", "0"), "tiny", "four share a core), got '0'"),
        (("--workers", "41"), "tiny", "--workers must be auto or a number from 1 to 40 here"),
        (("--workers", "9" * 4000), "tiny", "--workers must be auto or a number from 1 to 40 here"),
        (("--threads", "0"), "tiny", "--threads must be from 1 to 256, got 0"),
        (("--threads", "257"), "tiny", "--threads must be from 1 to 256, got 257"),
        (("--trial-timeout", "soon"), "tiny", "--trial-timeout must be auto, 0 (never) or seconds of at least 60"),
        (("--trial-timeout", "59.9"), "tiny", "seconds of at least 60, got '59.9'"),
        (("--trial-timeout", "inf"), "tiny", "seconds of at least 60, got 'inf'"),
        (("--trial-timeout", "nan"), "tiny", "seconds of at least 60, got 'nan'"),
        (("--trial-timeout", "-1"), "tiny", "seconds of at least 60, got '-1'"),
        (("--repeats", "0"), "tiny", "repeats must be at least 1, got 0"),
        (("--repeats", "2"), "memory_budget", "study memory_budget must be run without --repeats: it refits no winner"),
        (("--memory-budget", "2 GigaBytes"), "tiny", "--memory-budget must be a size such as 2GiB"),
        (("--device", "tpu"), "tiny", "device must be one of auto, cpu, cuda, cuda:INDEX or mps, got 'tpu'"),
        (("--storage", "mysql://host/db"), "tiny", "a store's URL must start with one of sqlite, http"),
        (("--tracking", "sqlite://"), "tiny", "a SQLite URL must name a file"),
        (("--storage", "postgresql://127.0.0.1:9/x"), "tiny", "storage must be the URL of a store that answers"),
        (("--tracking", "http://user:secret@127.0.0.1:9"), "tiny", "--tracking must hold no password"),
        (("--storage", "http://127.0.0.1:9"), "tiny", "storage must be the URL of a store that answers"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    study: str,
    message: str,
) -> None:
    monkeypatch.setattr(placement, "most_workers", lambda **_: 40)
    runs = tmp_path / "runs"
    assert sweep(runs, *arguments, study=study) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "secret" not in said
    assert len(said.strip().splitlines()) == 1
    assert not runs.exists()


def test_status_of_a_study_that_never_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "quick", "--runs", str(tmp_path)]) == 2
    assert "must have been started" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def run_tiny(runs: Path, study: Factorial, **options: object) -> None:
    run_study(study, replace(Options(device="cpu", workers="1", runs=runs), **options))  # type: ignore[arg-type]


def test_other_options_are_refused_and_can_be_accepted(
    tmp_path: Path, tiny_study: Factorial, folder_data: Path
) -> None:
    run_tiny(tmp_path, tiny_study, epochs=1)
    kept = find_study(tmp_path).user_attrs[storage.OPTIONS].keys()
    assert kept == {*identity.NAMES, identity.CODE, identity.REPEATS}
    shorter = replace(tiny_study, plan=lambda data, training: tiny_study.plan(data, training)[:1])
    for study, options, change in (
        (tiny_study, {"epochs": 2}, r"epochs 1 -> 2\. Use another RUNS folder, or .*--accept-changes"),
        (tiny_study, {"data": DataChanges(split="scene_holdout")}, "split scene_folds -> scene_holdout"),
        (
            tiny_study,
            {"data": DataChanges(folds=4, foreground=("1",))},
            r"folds 3 -> 4; foreground \[\] -> \['1'\]\. Use",
        ),
        (tiny_study, {"data": DataChanges(size=(24, 32))}, r"content of .*; size \[16, 16\] -> \[24, 32\]"),
        (
            tiny_study,
            {"data": DataChanges(path=str(folder_data))},
            f"data synthetic -> {folder_data}; content of the data .{{16}} -> ",
        ),
        (tiny_study, {"memory_budget": "1GiB"}, "memory budget auto -> 1GiB"),
        (shorter, {}, "units or search space"),
    ):
        with pytest.raises(ValueError, match=f"got changes: {change}"):
            run_tiny(tmp_path, study, **{"epochs": 1, **options})
    assert len(trial_runs(tmp_path)) == 4

    run_tiny(tmp_path, shorter, epochs=1, accept_changes=True)
    assert [schema.SUPERSEDED in item.data.tags for item in trial_runs(tmp_path)].count(True) == 2
    assert len(trial_runs(tmp_path)) == 4
    run_tiny(tmp_path, tiny_study, epochs=1, accept_changes=True)
    assert not any(schema.SUPERSEDED in item.data.tags for item in trial_runs(tmp_path))
    run_tiny(tmp_path, tiny_study, epochs=1)


def test_a_second_driver_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it reads any data."""
    monkeypatch.setattr("hourglass_bench.studies.run.load_fitting", lambda *_: pytest.fail("the data were read"))
    url = storage.storage_url(tmp_path)
    with lock.exclusive(url, "tiny"):
        assert lock.is_held(url, "tiny")
        assert not lock.is_held(url, "quick")
        assert sweep(tmp_path) == 2
    assert "must be free, got a sweep of study tiny there already (process " in capsys.readouterr().err
    assert not lock.is_held(url, "tiny")


def test_the_lock_is_free_as_soon_as_its_holder_is_gone(tmp_path: Path) -> None:
    url = storage.storage_url(tmp_path)
    with (tmp_path / "optuna.lock").open("w") as file:
        file.write(json.dumps({"study": "tiny", "process": 1}))
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lock.is_held(url, "tiny")
    assert not lock.is_held(url, "tiny")


@pytest.mark.parametrize("database", [schema.STUDY_DB, schema.TRACKING_DB])
def test_a_database_that_cannot_be_written_ends_with_one_paragraph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """Once for each store."""
    assert sweep(tmp_path, "--epochs", "1") == 0
    study = CATALOG["tiny"]
    assert isinstance(study, Factorial)
    monkeypatch.setitem(CATALOG, "other", replace(study, name="other"))

    frozen = True

    def freeze(connection: sqlite3.Connection, *_: object) -> None:
        if database in connection.execute("PRAGMA database_list").fetchone()[2]:
            connection.execute(f"PRAGMA query_only={int(frozen)}")

    event.listen(Pool, "checkout", freeze)
    capsys.readouterr()
    try:
        assert sweep(tmp_path, "--epochs", "1", study="other") == 2
        frozen = False
        said = capsys.readouterr().err
        assert "the disk or database refused: attempt to write a readonly database; what was recorded before" in said
        assert "Traceback" not in said
        assert sweep(tmp_path, "--epochs", "1", study="other") == 0
    finally:
        event.remove(Pool, "checkout", freeze)
    assert json.loads(capsys.readouterr().out)["complete"] == 4


def test_other_code_and_options_that_were_not_recorded_are_no_change(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store without an arithmetic has the first one, and a new study that of the code; so it is with a precision."""
    to = storage.open_storage(storage.storage_url(tmp_path))
    setting = tiny_study.setting(path="synthetic")
    precisions = iter(("bf16", "fp32", "tf32", "bf16", "fp32"))

    def opened() -> str:
        root = identity.open_study(tiny_study, setting, Options(runs=tmp_path), "digest", next(precisions), to)
        options = root.user_attrs[storage.OPTIONS]
        root.set_user_attr(storage.OPTIONS, {key: options[key] for key in ("data", "code", "threads")})
        return capsys.readouterr().err

    with monkeypatch.context() as patch:
        patch.setattr(identity, "ARITHMETIC", 2)
        assert opened() == ""
        with pytest.raises(ValueError, match=r"got changes: arithmetic of the code 1 -> 2\. Use"):
            opened()
    assert opened() == ""
    monkeypatch.setattr(identity, "code_digest", lambda: "new")
    assert re.fullmatch("study tiny goes on with other code of the same arithmetic: .{16} -> new\n", opened())
    assert opened() == ""


@pytest.mark.parametrize(("before", "now"), [("bf16", "fp32"), ("fp32", "bf16"), ("fp32", "tf32")])
def test_another_precision_is_refused_and_can_be_accepted(
    tmp_path: Path, tiny_study: Factorial, before: Arithmetic, now: Arithmetic
) -> None:
    """What `auto` means differs from machine to machine: a study goes on in the arithmetic that it was started in."""
    to = storage.open_storage(storage.storage_url(tmp_path))
    setting = tiny_study.setting(path="synthetic")

    def opened(arithmetic: Arithmetic, **options: bool) -> None:
        identity.open_study(tiny_study, setting, Options(runs=tmp_path, **options), "digest", arithmetic, to)

    opened(before)
    opened(before)
    with pytest.raises(ValueError, match=rf"got changes: precision {before} -> {now}\. Use .*--accept-changes"):
        opened(now)
    opened(now, accept_changes=True)
    opened(now)


def test_another_number_of_threads_is_refused_and_none_is_the_one_it_had(
    tmp_path: Path, tiny_study: Factorial, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study of an older version recorded none: it goes on with one, or with what is asked for, and says so."""
    to = storage.open_storage(storage.storage_url(tmp_path))
    setting = tiny_study.setting(path="synthetic")

    def opened(threads: int | None, **options: bool) -> tuple[int, str]:
        given = Options(runs=tmp_path, threads=threads, **options)
        root = identity.open_study(tiny_study, setting, given, "digest", "fp32", to)
        return identity.threads(root), capsys.readouterr().err

    def forget() -> None:
        root = find_study(tmp_path)
        stored = {key: value for key, value in root.user_attrs[storage.OPTIONS].items() if key != "threads"}
        root.set_user_attr(storage.OPTIONS, stored)

    assert opened(None) == (1, "")
    assert opened(1) == (1, "")
    with pytest.raises(ValueError, match=r"got changes: threads of a trial on a CPU 1 -> 2\. Use .*--accept-changes"):
        opened(2)
    assert opened(2, accept_changes=True) == (2, "")
    assert opened(None) == (2, "")
    for asked, expected in ((None, 1), (2, 2)):
        forget()
        threads, said = opened(asked)
        assert threads == expected
        assert said.endswith(f"each trial that is left has {expected} (--threads)\n")
        assert opened(None) == (expected, "")


def test_what_auto_means_is_told_by_the_device(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine, arithmetic in ((True, "bf16"), (False, "fp32")):
        runs = tmp_path / arithmetic
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda machine=machine: machine)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        run_tiny(runs, tiny_study, epochs=1)
        assert find_study(runs).user_attrs[storage.OPTIONS]["precision"] == arithmetic
        tags = [item.data.tags[f"{schema.ENVIRONMENT}precision"] for item in trial_runs(runs)]
        assert tags == [NAMES[arithmetic]] * 4


@pytest.mark.skipif(torch.backends.cuda.is_built(), reason="here a GPU may compute")
def test_a_device_that_does_not_compute_is_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, so that no worker finds the device taken by the driver."""
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("the driver asked the GPU itself"))
    monkeypatch.setattr("hourglass_bench.studies.run.load_fitting", lambda *_: pytest.fail("the data were read"))
    assert sweep(tmp_path / "runs", "--device", "cuda") == 2
    said = capsys.readouterr().err
    assert "device cuda:0 must be present, got torch" in said
    assert len([line for line in said.strip().splitlines() if not line.startswith("examining ")]) == 1
    assert not (tmp_path / "runs").exists()


def test_a_study_is_the_same_however_its_data_are_spelled(
    tmp_path: Path, tiny_study: Factorial, folder_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its units keep the keys of the first spelling, and what is left is read from where the data lie now."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder_data, "mine")
    shutil.copytree(folder_data, "copy")
    Path("link").symlink_to("mine")
    runs = tmp_path / "runs"
    shorter = replace(tiny_study, plan=lambda data, training: tiny_study.plan(data, training)[:1])
    run_tiny(runs, shorter, epochs=1, data=DataChanges(path="mine"))
    setting = tiny_study.setting(path="mine", epochs=1)
    keys, every = ([unit.key for unit in study.units(setting)] for study in (shorter, tiny_study))
    for spelling in ("mine/", "./mine", str(tmp_path / "mine"), "link", "copy"):
        run_tiny(runs, shorter, epochs=1, data=DataChanges(path=spelling))
        assert sorted(item.data.tags[schema.UNIT] for item in trial_runs(runs)) == sorted(keys)
        assert find_study(runs).user_attrs[storage.OPTIONS]["data"] == "mine"

    shutil.rmtree("mine")
    run_tiny(runs, tiny_study, epochs=1, data=DataChanges(path="copy"), accept_changes=True)  # two units more
    found = {item.data.tags[schema.UNIT]: item.data for item in trial_runs(runs)}
    assert {unit: data.params["data.path"] for unit, data in found.items()} == {
        unit: "mine" if unit in keys else "copy" for unit in every
    }
    assert not [unit for unit, data in found.items() if schema.SUPERSEDED in data.tags]

    first, *_, last = sorted(Path("copy", "images").iterdir())
    shutil.copy(last, first)
    with pytest.raises(ValueError, match=r"got changes: data mine -> copy; content of the data .{16} -> .{16}\. Use"):
        run_tiny(runs, tiny_study, epochs=1, data=DataChanges(path="copy"))


def test_a_new_study_on_a_folder_begins_with_the_audit_in_short(
    tmp_path: Path, folder_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not when it is resumed."""
    options = ("--data", str(folder_data), "--epochs", "1", "--size", "16")
    assert sweep(tmp_path, *options) == 0
    assert "data: 12 frames in 6 scenes of 2 frames each, from" in capsys.readouterr().err.splitlines()[0]
    assert sweep(tmp_path, *options) == 0
    assert "12 frames in 6 scenes" not in capsys.readouterr().err
