"""The best run of each architecture of a study, as a model of MLflow's."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.commands.writing import open_to_write
from hourglass_bench.bench.models.logged import ALIAS, find_model, log_model, register_model
from hourglass_bench.bench.tracking.store import get_experiment, tracking_url
from hourglass_bench.studies import storage
from hourglass_bench.studies.agreement import require_together
from hourglass_bench.studies.deleted import Missing
from hourglass_bench.studies.status import status

if TYPE_CHECKING:
    import optuna
    from mlflow import MlflowClient


def best_runs(root: "optuna.Study", missing: Missing) -> dict[str, str]:
    """Architecture -> MLflow run of its unit with the best validation IoU, of the stages that compare.

    Networks that reconstruct have no mask to give, and are judged by another objective: they are left out.
    """
    planned, best = storage.planned(root), dict[str, tuple[float, str]]()
    lost = {*missing.deleted, *missing.gone}
    for unit, trial in storage.done(root).items():
        stage, architecture = planned[unit]
        values, run_id = storage.outcome(trial)["values"], trial.user_attrs.get(storage.RUN_ID)
        segments = stage not in schema.CHOOSING and schema.OBJECTIVES[stage] == schema.BEST_VAL_IOU
        if segments and values is not None and run_id is not None and run_id not in lost:
            found = values[0], run_id
            best[architecture] = max(best.get(architecture, found), found, key=lambda one: one[0])
    return {architecture: run_id for architecture, (_, run_id) in best.items()}


def log(root: "optuna.Study", client: "MlflowClient", experiment: str, missing: Missing) -> None:
    """Log the best run of each architecture as a model, unless it is one; a line says why one cannot be.

    Of a study that is done: the best so far would leave a model behind whenever another takes its place.
    """
    best = best_runs(root, missing)
    new = {name: run_id for name, run_id in best.items() if not find_model(client, experiment, run_id)}
    if new:
        cli.say(f"logging the best run of each architecture as a model of MLflow's: {', '.join(sorted(new))}")
    for architecture, run_id in new.items():
        try:
            log_model(client, run_id, model_name(architecture))
        except ValueError as error:
            cli.say(f"the best run of {architecture} is logged as no model: {error}")


def register(given: str, archs: Sequence[str], runs: Path, storage_url: str = "", tracking: str = "") -> Answer:
    """Register the best run of each architecture, or of some, under the name STUDY-ARCHITECTURE with the alias `best`.

    A run that is no model yet is logged as one. Where nothing changed nothing is written.

    Raises:
        ValueError: there is no such study, it has no complete run of such an architecture, or its checkpoint is gone.
    """
    state = status(given, runs, storage_url, tracking)  # refuses what is no study
    url, place = storage.storage_url(runs, storage_url), tracking_url(runs, tracking)
    require_together(state.study, url, place)
    root = storage.find(url, state.study)
    assert root is not None
    best = best_runs(root, state.missing)
    if not best or not best.keys() >= set(archs):
        wanted = ", ".join(archs) or "a network that segments"
        raise ValueError(
            f"study {state.study} must have a complete run of {wanted} to register, got those of "
            f"{', '.join(best) or 'none'}."
        )
    client = open_to_write(runs, tracking)
    experiment = get_experiment(client, state.study, runs)
    found = {}
    for architecture in archs or best:
        model = find_model(client, experiment, best[architecture])
        model = model or log_model(client, best[architecture], model_name(architecture))
        registered = f"{state.study}-{model_name(architecture)}"
        version = register_model(client, model, registered, f"{architecture}, the best run of study {state.study}")
        uri = f"models:/{registered}@{ALIAS}"
        found[architecture] = {"model": uri, "version": version, "run_id": best[architecture]}
    lines = [f"{each['model']}: version {each['version']}, run {each['run_id']}" for each in found.values()]
    return Answer(found, "\n".join(lines))


def model_name(architecture: str) -> str:
    """As MLflow allows it: a reference such as `nets/resunet.py:ResUNet` has letters that no model's name may have."""
    return re.sub(r"\W+", "-", architecture).strip("-")
