"""Models in the tracking store and its registry."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.store import find_artifact

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric, Run

ALIAS = "best"
DESCRIPTION = """Files of images in (column `image`), masks of their own size out (column `mask`, PNG of 0 and 255), as
`hourglass-bench predict` writes them. `mlflow.pytorch.load_model` gives the network alone, from standardised images of
the size of the training to logits. docs/models.md says how to load, predict and serve."""
READY: Final = "READY"


def find_model(client: "MlflowClient", experiment: str, run_id: str) -> "LoggedModel | None":
    """The model of a run, if it was logged to its end."""
    found = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    return next((model for model in found if model.status == READY), None)


def log_model(client: "MlflowClient", run_id: str, name: str) -> "LoggedModel":
    """Log the checkpoint of a run as its model, with the run's parameters and what it measured.

    Raises:
        ValueError: it has no checkpoint, or one that cannot be loaded.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    from hourglass_bench.bench.models.folder import write_model

    checkpoint = find_artifact(client.tracking_uri, run_id, schema.CHECKPOINT_FILE).parent
    run = client.get_run(run_id)
    for cut_off in client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'"):
        client.delete_logged_model(cut_off.model_id)
    with TemporaryDirectory() as place:
        logged = client.create_logged_model(
            run.info.experiment_id, name, run_id, tags={schema.NOTE: DESCRIPTION}, params=run.data.params
        )
        try:
            model = Model(artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run_id)
            write_model(checkpoint, Path(place, "model"), model)
            client.log_model_artifacts(logged.model_id, str(Path(place, "model")))
        except BaseException:
            client.delete_logged_model(logged.model_id)
            raise
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.log_batch(run_id, metrics=_metrics_of(run, logged.model_id))
    return client.finalize_logged_model(logged.model_id, READY)


def _metrics_of(run: "Run", model_id: str) -> "list[Metric]":
    """What the run measured once, said of its model too, in the order of the schema."""
    from mlflow.entities import Metric

    # The points that the run has already: a new one would stand beside them in its history.
    points = {point.key: point for point in run.data.to_proto().metrics}
    return [
        Metric(point.key, point.value, point.timestamp, point.step, model_id=model_id)
        for name, metric in schema.METRICS.items()
        if not metric.curve and (point := points.get(name))
    ]


def register_model(client: "MlflowClient", model: "LoggedModel", name: str, description: str) -> str:
    """Have the alias `best` of a registered model point to a logged one; the version, which is new if it had none."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=description)
    known = client.search_model_versions(f"name = '{name}'")
    versions = [version for version in known if version.source == model.artifact_location]
    if not versions:
        source, run_id = model.artifact_location, model.source_run_id
        versions = [client.create_model_version(name, source, run_id, model_id=model.model_id)]
        named = [{"name": name, "version": versions[0].version}]  # as MLflow's own pages link the two
        client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": json.dumps(named)})
    client.set_registered_model_alias(name, ALIAS, versions[0].version)
    return str(versions[0].version)
