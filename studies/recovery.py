"""After a driver that was cut off or stopped: whoever holds the lock knows that all that is open is a leftover."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna import Study
from optuna.trial import TrialState

from bench import schema
from bench.tracking.store import RunLog
from studies import times
from studies.stages import conclude
from studies.storage import OUTCOME, RUN_ID, end_trial

if TYPE_CHECKING:
    from mlflow import MlflowClient

CUT_OFF = "the driver was stopped or cut off"
PAGE = 1000


def recover(studies: Sequence[Study], client: "MlflowClient", experiment: str) -> None:
    """Close every open trial and run. A trial with an outcome keeps it; another one's unit is to be done again."""
    open_runs = set(_open_trial_runs(client, experiment))
    for study in studies:
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            outcome, run_id = trial.user_attrs.get(OUTCOME), trial.user_attrs.get(RUN_ID)
            if outcome is None:
                end_trial(study, trial._trial_id, TrialState.FAIL)
                continue
            if run_id in open_runs:
                idle = outcome.get("time", {}).get(times.IDLE)
                RunLog(client, run_id).close(outcome["state"], outcome["reason"], idle)
                open_runs.remove(run_id)
            conclude(study, trial._trial_id, outcome["state"], outcome["values"])
    for run_id in open_runs:
        RunLog(client, run_id).kill(CUT_OFF)


def _open_trial_runs(client: "MlflowClient", experiment: str) -> list[str]:
    rule = f"attributes.status = 'RUNNING' and tags.{schema.KIND} = 'trial'"
    return [run.info.run_id for run in client.search_runs([experiment], rule, max_results=PAGE)]
