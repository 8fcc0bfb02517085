"""What the tracking store has of the trials that run now, in one query: importing MLflow takes longer than that."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import text

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.database import kind
from hourglass_bench.bench.tracking.opening import reading
from hourglass_bench.bench.tracking.versions import MLFLOW

PARAMS = ("architecture.name", "training.epochs", "training.pretrain_epochs")
RUNS = f"""
SELECT r.run_uuid, r.name, r.start_time, loss.step, iou.value, iou.is_nan,
{", ".join(f"p{place}.value" for place in range(len(PARAMS)))}
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
JOIN tags kind ON kind.run_uuid = r.run_uuid AND kind.key = :kind AND kind.value = 'trial'
LEFT JOIN latest_metrics loss ON loss.run_uuid = r.run_uuid AND loss.key IN (:loss, :old_loss)
LEFT JOIN latest_metrics iou ON iou.run_uuid = r.run_uuid AND iou.key IN (:iou, :old_iou)
{" ".join(f"LEFT JOIN params p{n} ON p{n}.run_uuid = r.run_uuid AND p{n}.key = :p{n}" for n in range(len(PARAMS)))}
WHERE e.name = :experiment AND r.status = 'RUNNING' AND r.lifecycle_stage = 'active'
ORDER BY r.start_time
"""


class OpenRun(NamedTuple):
    """A trial's run before its end."""

    run_id: str
    name: str
    start_time: int
    """Milliseconds since 1970."""
    step: int
    """The last epoch that is stored."""
    val_iou: float | None
    """Of that epoch."""
    params: dict[str, str]
    """Those of `PARAMS` that are stored."""


def open_runs(url: str, experiment: str) -> list[OpenRun]:
    """Runs of an experiment's trials that have not ended, the oldest first; none if there is no such experiment."""
    if kind(url).startswith("http"):
        return _ask_client(url, experiment)
    names = {"kind": schema.KIND, "experiment": experiment}
    for name, metric in (("loss", schema.VAL_LOSS), ("iou", schema.VAL_IOU)):
        names |= {name: metric.name, f"old_{name}": schema.OLD_NAMES[metric.name]}
    names |= {f"p{place}": name for place, name in enumerate(PARAMS)}
    with reading(url, MLFLOW) as connection:
        if connection is None:
            return []
        rows = connection.execute(text(RUNS), names).all()
    return [
        OpenRun(
            run_id=run_id,
            name=name or run_id,
            start_time=start_time,
            step=step or 0,
            val_iou=float("nan") if is_nan else iou,
            params={key: value for key, value in zip(PARAMS, params, strict=True) if value is not None},
        )
        for run_id, name, start_time, step, iou, is_nan, *params in rows
    ]


def _ask_client(url: str, experiment: str) -> list[OpenRun]:
    """The same of a server."""
    from hourglass_bench.bench.tracking.store import connect

    client = connect(url)
    if (found := client.get_experiment_by_name(experiment)) is None:
        return []
    rule = f"attributes.status = 'RUNNING' and tags.{schema.KIND} = 'trial'"
    runs = client.search_runs([found.experiment_id], rule, order_by=["attributes.start_time"])
    return [
        OpenRun(
            run_id=run.info.run_id,
            name=run.info.run_name or run.info.run_id,
            start_time=run.info.start_time,
            step=max((point.step for point in client.get_metric_history(run.info.run_id, loss)), default=0),
            val_iou=run.data.metrics.get(iou),
            params={name: run.data.params[name] for name in PARAMS if name in run.data.params},
        )
        for run in runs
        for loss, iou in [_names(run.data.metrics)]
    ]


def _names(metrics: Mapping[str, float]) -> tuple[str, str]:
    """What a run calls validation loss and IoU."""
    loss, iou = schema.VAL_LOSS.name, schema.VAL_IOU.name
    return (schema.OLD_NAMES[loss], schema.OLD_NAMES[iou]) if schema.OLD_NAMES[loss] in metrics else (loss, iou)
