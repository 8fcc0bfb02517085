"""`hourglass-bench doctor`: what is inconsistent between a study's two databases and its runs' files, and its repair.

A repair is what a session of the study does at its beginning, and that an outcome whose run is lost, damaged or another
one's counts no longer: the next sweep does its unit again. Where nothing is wrong nothing is written.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.commands.writing import keep_place
from hourglass_bench.bench.tracking.damage import find_damage
from hourglass_bench.bench.tracking.database import POSTGRESQL, SQLITE, kind
from hourglass_bench.bench.tracking.locations import run_folder
from hourglass_bench.bench.tracking.opening import require_whole
from hourglass_bench.bench.tracking.store import (
    RunLog,
    get_experiment,
    open_store,
    run_status,
    tracking_url,
)
from hourglass_bench.bench.tracking.stored_runs import StoredRun, stored_metrics, stored_runs
from hourglass_bench.bench.tracking.versions import MLFLOW
from hourglass_bench.studies import agreement, deleted, lock, storage, times
from hourglass_bench.studies.own_file import find_study, name_of
from hourglass_bench.studies.status import status
from hourglass_bench.studies.stored_study import StoredStudy, StoredTrial, read_study

EXIT_WRONG = 1
"""Something is inconsistent."""
Kind = Literal[
    "lost", "duplicate", "damaged", "different", "state", "unclaimed", "open trial", "open run", "study's run"
]
AGAIN: Final = "the next sweep does its unit again"
REPAIRS: Final[dict[Kind, str]] = {
    "lost": f"restore the run in MLflow, or {AGAIN}",
    "duplicate": "the last outcome counts",
    "damaged": AGAIN,
    "different": AGAIN,
    "state": "the run gets the state of the outcome",
    "unclaimed": "the run is marked superseded, and reports leave it out",
    "open trial": "the trial is closed; without an outcome the next sweep does its unit again",
    "open run": "the run is closed",
    "study's run": "it is restored or closed, or made anew",
}
"""What is wrong -> what a repair does."""
DISCOUNTED: Final[frozenset[Kind]] = frozenset({"lost", "duplicate", "damaged", "different"})
"""Where the outcome counts no longer."""
SAME: Final = 1e-9
"""Relative difference of a number that is the same in both stores."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One inconsistency."""

    kind: Kind
    unit: str
    """Empty of what is no unit's."""
    run_id: str
    """MLflow's; empty if there is none."""
    found: str
    """In words."""


def doctor(given: str, runs: Path, storage_url: str = "", tracking: str = "", *, repair: bool = False) -> Answer:
    """Compare the stores of a study of a name or a user's own file; the exit code is 1 if something is inconsistent.

    Raises:
        ValueError: a store cannot be read, the study was never started there, or its driver is at work.
    """
    name, url, place = name_of(given), storage.storage_url(runs, storage_url), tracking_url(runs, tracking)
    home = None if tracking else runs
    require_whole(url, storage.OPTUNA)
    if lock.is_held(url, name):
        raise ValueError(f"study {name} must rest to be examined, got a sweep of it at work; wait for it or stop it.")
    if kind(place) in (SQLITE, POSTGRESQL):
        require_whole(place, MLFLOW)
    status(given, runs, storage_url, tracking)  # refuses what is no study
    found = examine(name, url, place, home)
    if not (repair and found):
        return _answer(name, found, repaired=[])
    storage.require_storage(url)
    keep_place(runs, tracking)  # which refuses a store that cannot be written
    with lock.exclusive(url, name):
        _repair(given, name, url, place, runs, home)
        left = examine(name, url, place, home)
    return _answer(name, left, repaired=found)


def examine(name: str, url: str, place: str, home: Path | None) -> list[Finding]:
    """What is inconsistent of a study whose driver does not work; nothing is written.

    Args:
        home: RUNS, if the tracking store is the one that lies in it.
    """
    study = read_study(url, name)
    assert study is not None
    root, begun = study
    runs, done = stored_runs(place, name), storage.counted(root, begun)
    found = [
        Finding("duplicate", trial.user_attrs[storage.UNIT], _run_of(trial), f"trial {trial.number} is not its last")
        for trial in agreement.duplicates(begun)
    ]
    found += _of_outcomes(root, done, runs, stored_metrics(place, name, OBJECTIVES), home)
    found += _of_open(begun, runs)
    taken = {finding.run_id for finding in found}
    found += [
        Finding("unclaimed", runs[run].unit or "", run, f"ended {runs[run].state}, which no outcome of its unit says")
        for run in sorted(agreement.unclaimed(runs, done) - taken)
        if not runs[run].superseded
    ]
    return [*found, *_of_parent(root, runs)]


OBJECTIVES: Final = sorted({metric.name for metric in schema.OBJECTIVES.values()})


def _of_outcomes(
    root: StoredStudy,
    done: Mapping[str, StoredTrial],
    runs: Mapping[str, StoredRun],
    metrics: Mapping[str, Mapping[str, float]],
    home: Path | None,
) -> Iterator[Finding]:
    planned, missing = storage.planned(root), deleted.find(done, runs)
    for unit, trial in done.items():
        run_id, outcome, stage = _run_of(trial), storage.outcome(trial), planned[unit].stage
        if not run_id:
            continue  # of a version that did not say
        if run_id in missing.gone or run_id in missing.deleted:
            found = "deleted" if run_id in missing.deleted else "not in the tracking store"
            yield Finding("lost", unit, run_id, f"the run is {found}")
            continue
        run, state = runs[run_id], outcome["state"]
        if trial.state == "RUNNING":
            continue  # the run may not have been told all: what was kept for it is written as the trial is closed
        if (run.state, run.status) != (state, run_status(state)):
            yield Finding("state", unit, run_id, f"the run is {run.state or 'open'}, {run.status}; the outcome {state}")
        if state != "complete" or outcome["values"] is None:
            continue
        objective, value = schema.OBJECTIVES[stage], outcome["values"][0]
        logged = metrics.get(run_id, {}).get(objective.name, math.nan)
        if not math.isclose(logged, value, rel_tol=SAME):
            yield Finding("different", unit, run_id, f"{objective.name} is {logged:g} in the run, {value:g} in Optuna")
        folder = _files_of(run, home)
        if stage not in schema.CHOOSING and folder is not None:
            damage = find_damage(folder, segments=objective == schema.BEST_VAL_IOU)
            if damage:
                yield Finding("damaged", unit, run_id, ", ".join(damage))


def _files_of(run: StoredRun, home: Path | None) -> Path | None:
    """The folder of a run's artifacts; None if they lie on a server, or with all others' of the study on another
    machine, as those of a store that is not in RUNS may.
    """
    folder = run_folder(run.artifacts, home)
    return folder if folder is None or home or folder.parents[1].exists() else None


def _of_open(begun: Sequence[StoredStudy], runs: Mapping[str, StoredRun]) -> Iterator[Finding]:
    for stage in begun:
        for trial in stage.get_trials():
            if trial.state == "RUNNING":
                has = "has an outcome" if storage.has_outcome(trial) else "has no outcome"
                unit = trial.user_attrs.get(storage.UNIT, "")
                yield Finding("open trial", unit, _run_of(trial), f"trial {trial.number} is RUNNING and {has}")
    for run_id, run in runs.items():
        if run.unit and run.status == "RUNNING" and not run.deleted:
            yield Finding("open run", run.unit, run_id, "the run is RUNNING, and no driver is there")


def _of_parent(root: StoredStudy, runs: Mapping[str, StoredRun]) -> Iterator[Finding]:
    run_id = root.user_attrs.get(storage.PARENT_RUN)
    if run_id is None:
        return
    if run_id not in runs or runs[run_id].deleted:
        how = "deleted" if run_id in runs else "not in the tracking store"
        yield Finding("study's run", "", run_id, f"the study's own run is {how}")
    elif runs[run_id].status == "RUNNING":
        yield Finding("study's run", "", run_id, "the study's own run is RUNNING, and no driver is there")


def _run_of(trial: storage.Trial) -> str:
    return str(trial.user_attrs.get(storage.RUN_ID) or "")


def _repair(given: str, name: str, url: str, place: str, runs: Path, home: Path | None) -> None:
    """Close what was cut off, then judge what there is; each step can be repeated if the repair itself is cut off.

    Whoever calls holds the study's lock.
    """
    from hourglass_bench.studies import identity
    from hourglass_bench.studies.run import recover

    client = open_store(place)
    experiment = get_experiment(client, name, runs)
    root = storage.find(url, name)
    assert root is not None
    recover(storage.stages(root), client, experiment, runs)
    findings = examine(name, url, place, home)
    lost = {finding.run_id for finding in findings if finding.kind in DISCOUNTED and finding.run_id}
    storage.discount(root, lambda trial: _run_of(trial) in lost)
    outcomes = {_run_of(trial): storage.outcome(trial) for trial in storage.done(root).values()}
    for finding in findings:
        if finding.kind == "state" and finding.run_id in outcomes:
            outcome = outcomes[finding.run_id]
            RunLog(client, finding.run_id).close(outcome["state"], outcome["reason"], outcome["time"].get(times.IDLE))
    stored = stored_runs(place, name)
    if any(finding.kind == "study's run" for finding in findings):
        parent = identity.open_parent(root, client, experiment, stored, find_study(given).question, None)
        client.set_terminated(parent, "KILLED")
    else:
        identity.supersede(root, client, stored)


def _answer(name: str, findings: Sequence[Finding], repaired: Sequence[Finding]) -> Answer:
    """What is wrong now; and what was, if it was repaired."""
    lines = [f"repaired: {line}" for line in _table(repaired)]
    lines += _table(findings) if findings else [f"study {name}: nothing is inconsistent"]
    if findings and not repaired:
        lines += [f"{len(findings)} found; with --repair:"]
        lines += [f"  {kind}: {REPAIRS[kind]}" for kind in dict.fromkeys(finding.kind for finding in findings)]
    values = {
        "study": name,
        "findings": [asdict(finding) for finding in findings],
        "repaired": [asdict(finding) for finding in repaired],
    }
    return Answer(values, "\n".join(lines), EXIT_WRONG if findings else 0)


def _table(findings: Sequence[Finding]) -> list[str]:
    """A line each, in columns."""
    wide = max((len(finding.kind) for finding in findings), default=0)
    units = max((len(finding.unit) for finding in findings), default=0)
    return [f"{one.kind:{wide}}  {one.unit or '-':{units}}  {one.run_id or '-':32}  {one.found}" for one in findings]
