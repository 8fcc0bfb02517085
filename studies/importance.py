"""Which hyperparameters of a search decided the best validation IoU, as two evaluators see it."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.store import RunLog
from hourglass_bench.studies import storage

if TYPE_CHECKING:
    from mlflow import MlflowClient

BEST_SHARE = 0.1
BEST_TRIALS = 5
"""PED-ANOVA asks what sets the best tenth of the trials apart; of fewer than five it would see nothing but chance."""
LEAST_TRIALS = 2 * BEST_TRIALS
"""An architecture with fewer trials is left out: its best five would be most of them, no selection."""


def log(root: optuna.Study, client: "MlflowClient", parent: str, *, anew: bool) -> None:
    """Tag a study's parent run with the importances of its search, if it has one.

    Args:
        anew: Also if the run has the tag, since trials were added.
    """
    planned = storage.planned(root)
    searched = {unit: plan.architecture for unit, plan in planned.items() if plan.stage == "search"}
    if not searched or (not anew and schema.STUDY_IMPORTANCE in client.get_run(parent).data.tags):
        return
    measured: dict[str, list[FrozenTrial]] = {}
    for trial in (trial for stage in storage.stages(root) for trial in storage.ended(stage)):
        architecture = searched.get(trial.user_attrs[storage.UNIT])
        if architecture is not None and best_iou(trial) is not None:
            measured.setdefault(architecture, []).append(trial)
    found = {
        name: {"trials": len(trials), "shares": shares}
        for name, trials in measured.items()
        if (shares := importances(trials))
    }
    RunLog(client, parent).tags({schema.STUDY_IMPORTANCE: json.dumps(found)})


def best_iou(trial: FrozenTrial) -> float | None:
    """The first objective, the best validation IoU; of a pruned trial as far as it came. None if nothing was measured.

    Pruning stops most trials of a search: without them there would be no bad ones to tell the good ones from.
    """
    if trial.state == TrialState.COMPLETE:
        return float(trial.values[0])
    pruned = storage.has_outcome(trial) and storage.outcome(trial)["state"] == "pruned"
    return max(trial.intermediate_values.values(), default=None) if pruned else None


def importances(trials: Sequence[FrozenTrial]) -> dict[str, dict[str, float]]:
    """Evaluator -> hyperparameter -> its share of the importance for `best_iou`, which all the trials have.

    Empty if the trials are too few, or none was better than another.
    """
    if len(trials) < LEAST_TRIALS or len({best_iou(trial) for trial in trials}) == 1:
        return {}
    # Takes seconds to import, since it brings scikit-learn.
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances

    # PED-ANOVA takes the smallest values for the best ones.
    study = optuna.create_study(direction="minimize")
    study.add_trials([_to_minimise(trial) for trial in trials])
    evaluators = {
        "PED-ANOVA": PedAnovaImportanceEvaluator(target_quantile=max(BEST_SHARE, BEST_TRIALS / len(trials))),
        "fANOVA": FanovaImportanceEvaluator(seed=0),
    }
    shares = {name: get_param_importances(study, evaluator=evaluator) for name, evaluator in evaluators.items()}
    return {name: {parameter: round(float(share), 6) for parameter, share in of.items()} for name, of in shares.items()}


def _to_minimise(trial: FrozenTrial) -> FrozenTrial:
    """The trial with a single value, and with the logarithm of what the search samples on a logarithmic scale.

    Without it fANOVA would take the range as if it were searched evenly: nine tenths of it for the largest rates.
    """
    logarithmic = {name: range_ for name, known in trial.distributions.items() if (range_ := _logarithm(known))}
    params: Mapping[str, Any] = {name: math.log(trial.params[name]) for name in logarithmic}
    iou = best_iou(trial)
    assert iou is not None
    return create_trial(
        value=-iou,
        params={**trial.params, **params},
        distributions={**trial.distributions, **logarithmic},
    )


def _logarithm(distribution: BaseDistribution) -> FloatDistribution | None:
    """The range in logarithms, if the search samples evenly there."""
    if isinstance(distribution, IntDistribution | FloatDistribution) and distribution.log:
        return FloatDistribution(math.log(distribution.low), math.log(distribution.high))
    return None
