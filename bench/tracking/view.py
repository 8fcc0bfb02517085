"""A view of a study's runs in MLflow's UI: the columns and charts that one wants, out of more than a hundred.

It is a tag of the experiment, as MLflow 3.17 itself stores what one saves under "Views". Sorted by a metric, the runs
are not hidden below their parent run, as they are in MLflow's own order.
"""

import json
from typing import TYPE_CHECKING, Any

from hourglass_bench.bench import schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "study"
"""Name of the view in addresses."""
TAG = f"mlflow.sharedViewState.{KEY}"
TITLE = "Study"
"""Name of the view for people."""
CURVES = (schema.TRAIN_LOSS, schema.VAL_LOSS, schema.VAL_IOU)
COLUMNS = (
    *(f"attributes.`{name}`" for name in ("Dataset", "Models")),
    *(f"metrics.`{metric.name}`" for metric in (schema.TEST_IOU, schema.BEST_VAL_IOU, schema.BEST_VAL_LOSS)),
    f"metrics.`{schema.TENSOR_PEAK.name}`",
    *(f"params.`{name}`" for name in ("architecture.name", schema.DEPTH, schema.BASE_WIDTH)),
    f"tags.`{schema.STATE}`",
)


def keep_view(client: "MlflowClient", experiment: str) -> None:
    """Give an experiment the view, unless it has it."""
    found = client.get_experiment(experiment)
    # The time is the experiment's, so that the same view is the same text.
    view = {"name": TITLE, "createdAt": found.creation_time or 0, "state": json.dumps(_state())}
    if found.tags.get(TAG) != json.dumps(view):
        client.set_experiment_tag(experiment, TAG, json.dumps(view))


def page(experiment: str) -> str:
    """Path of the view in MLflow's UI, in its mode for training; it begins in that for language models."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={KEY}"


def _state() -> dict[str, Any]:
    return {
        "orderByKey": f"metrics.`{schema.TEST_IOU.name}`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "selectedColumns": COLUMNS,
        "isAccordionReordered": True,  # else the sections stand in the order of their names
        "compareRunSections": [{"uuid": KEY, "name": TITLE, "display": True, "isReordered": True}],
        "compareRunCharts": [*(_curve(metric) for metric in CURVES), _bars(schema.TEST_IOU), _scatter(), _pictures()],
    }


def _chart(kind: str, name: str, **of_kind: Any) -> dict[str, Any]:
    chart = {"type": kind, "uuid": f"{kind}-{name}", "metricSectionId": KEY, "deleted": False, "isGenerated": False}
    return chart | {"runsCountToCompare": 20} | of_kind


def _curve(metric: schema.Metric) -> dict[str, Any]:
    return _chart(
        "LINE",
        metric.name,
        metricKey=metric.name,
        selectedMetricKeys=[metric.name],
        displayName=metric.name,
        xAxisKey="step",
        xAxisScaleType="linear",
        scaleType="linear",
        useGlobalXaxisKey=True,
        useGlobalLineSmoothing=True,
    )


def _bars(metric: schema.Metric) -> dict[str, Any]:
    return _chart("BAR", metric.name, metricKey=metric.name, displayName=metric.name)


def _scatter() -> dict[str, Any]:
    axes = {"xaxis": schema.TENSOR_PEAK.name, "yaxis": schema.TEST_IOU.name}
    named = {axis: {"key": name, "type": "METRIC", "dataAccessKey": name} for axis, name in axes.items()}
    return _chart("SCATTER", "iou-memory", **named)


def _pictures() -> dict[str, Any]:
    """Masks of the runs side by side, a scene at a time; their parameters would push them out of the card."""
    key = schema.PREDICTION_IMAGES
    return _chart("IMAGE", key, imageKeys=[key], step=0, showRunParams=False)
