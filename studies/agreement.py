"""Whether both stores speak of the same: Optuna's outcomes and MLflow's runs of a study."""

from collections.abc import Mapping, Sequence

from hourglass_bench.bench.tracking.database import shown
from hourglass_bench.bench.tracking.stored_runs import StoredRun, stored_runs
from hourglass_bench.studies import storage
from hourglass_bench.studies.deleted import AGAIN, find
from hourglass_bench.studies.stored_study import read_study


def require_together(study: str, url: str, place: str, *, again: bool = False) -> None:
    """Raise ValueError if the storage at `url` or the tracking store at `place` has lost all that the other knows.

    Args:
        again: Whether units without a run are done again.
    """
    found, runs = read_study(url, study), stored_runs(place, study)
    if found is None:
        require_new(study, url, place, runs)
        return
    done = storage.counted(*found)
    if done and not again and len(find(done, runs).gone) == len(done):
        raise ValueError(
            f"{shown(place)} must hold the runs of the {len(done)} ended units of study {study} in {shown(url)}, got "
            f"none of them; put back a copy of it, or {AGAIN}."
        )


def require_new(study: str, url: str, place: str, runs: Mapping[str, StoredRun]) -> None:
    """Raise ValueError if there are `runs` of a study that the storage does not know."""
    ended = [run for run in runs.values() if run.unit and run.state and not (run.deleted or run.superseded)]
    if ended:
        raise ValueError(
            f"{shown(url)} must hold study {study}, of which {shown(place)} has {len(ended)} ended runs, got no such "
            "study; put back a copy of it, or begin anew in another RUNS folder."
        )


def unclaimed(runs: Mapping[str, StoredRun], done: Mapping[str, storage.Trial]) -> set[str]:
    """Ended runs that are not those of their units' outcomes, as after an older copy of the storage was put back."""
    owners = {unit: trial.user_attrs.get(storage.RUN_ID) for unit, trial in done.items()}
    return {
        run_id
        for run_id, run in runs.items()
        if run.unit and run.state and not run.deleted and owners.get(run.unit, "") not in (run_id, None)
    }


def duplicates(begun: Sequence[storage.Study[storage.AnyTrial]]) -> list[storage.AnyTrial]:
    """Trials whose outcome another one of the same unit has taken the place of; the last one counts."""
    trials = [trial for stage in begun for trial in storage.ended(stage)]
    last = {trial.user_attrs[storage.UNIT]: trial for trial in trials}
    return [trial for trial in trials if last[trial.user_attrs[storage.UNIT]] is not trial]
