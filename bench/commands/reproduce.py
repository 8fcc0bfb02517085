"""`reproduce`: a stored run trained again from the store alone, and compared with what it was."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import Answer, say
from hourglass_bench.bench.commands.differences import Comparison, Difference, compare
from hourglass_bench.bench.commands.stored_training import StoredTraining, at, read
from hourglass_bench.bench.commands.train import report_epoch, tracked
from hourglass_bench.bench.commands.writing import REPRODUCE, beginning, open_to_write, patient
from hourglass_bench.bench.config import RunConfig, run_name
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.machine.threads import threads
from hourglass_bench.bench.run import run
from hourglass_bench.bench.stored_config import config_hash
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.bench.training.unfinished import Unfinished

EXIT_DIFFERENT = 1
REPRODUCIBLE: tuple[schema.State, ...] = ("complete", "pruned", "diverged")
SHOWN = 12
"""Differences in the text."""


def reproduce(run_id: str, *, runs: Path, tracking: str = "", device: str = "auto", data: str = "") -> Answer:
    """Train a stored run again and compare every number that no machine decides.

    The new run is logged in the experiment `reproduce` of the same store. It opens the test frames if the stored one
    did: that is the same look once more, by the same configuration, and the store says so.

    Args:
        device: `auto` is the kind of device that the run was trained on.
        data: folder of the run's data, if they do not lie where they did.

    Raises:
        ValueError: there is no such run, it has no result, or its data or weights are not what they were.
    """
    url = tracking_url(runs, tracking)
    stored = read(url, run_id)
    if stored.state not in REPRODUCIBLE:
        raise ValueError(
            f"run {run_id} must have ended as one of {', '.join(REPRODUCIBLE)} to be reproduced, got "
            f"{stored.state or stored.status.lower()}."
        )
    target = choose_device(stored.device if device == "auto" else device)
    config = stored.in_its_precision(at(stored.config, data), target)
    cache = runs / schema.CACHE_DIR
    dataset = stored.load(config, cache)
    say(f"training {run_name(config)} again, {stored.epochs} epochs, by {stored.threads} threads on {target}")
    with threads(stored.threads), Unfinished() as unfinished:
        log = BackgroundLog(lambda: _open_run(stored, config, runs, tracking, unfinished))
        try:
            again_id = _train(stored, config, log, target, dataset, cache)
        finally:
            unfinished.remove()
    comparison = compare(stored, read(url, again_id))
    verdict = "different" if comparison.differences else "identical"
    RunLog(patient(open_store(url)), again_id).tags({schema.REPRODUCED: verdict})
    code = EXIT_DIFFERENT if comparison.differences else 0
    return Answer(_values(run_id, again_id, comparison), _text(run_id, again_id, comparison), code)


def _open_run(stored: StoredTraining, config: RunConfig, runs: Path, tracking: str, unfinished: Unfinished) -> RunLog:
    """The new run, whose folder is held, although no state is kept there."""
    client = patient(open_to_write(runs, tracking))
    experiment = get_experiment(client, REPRODUCE, runs)
    tags = {schema.KIND: "trial", schema.UNIT: config_hash(config), schema.REPRODUCES: stored.run_id}
    with beginning(runs):
        log = RunLog.create(client, experiment, f"{run_name(config)} again", tags)
        unfinished.hold(runs / schema.UNFINISHED_DIR / log.run_id)
    return log


def _train(
    stored: StoredTraining, config: RunConfig, log: BackgroundLog, device: torch.device, dataset: Dataset, cache: Path
) -> str:
    """Train as the stored run was, as far as it went -> the id of the new run."""

    def stop(record: EpochRecord) -> str | None:
        report_epoch(record)
        pruned = stored.state == "pruned" and record.epoch >= stored.epochs
        return stored.tags.get(schema.STATE_REASON, "as the stored run") if pruned else None

    if (schema.PREDICTED_PEAK.name, 0) in stored.values:
        peak = predict_peak_bytes(config, device, dataset.frames.ignored is not None)
        log.metrics({schema.PREDICTED_PEAK.name: float(peak)})
    tested = schema.TEST_OPENED in stored.tags
    options: Mapping[str, Any] = {"stop": stop, "test": tested, "dataset": dataset, "execution": stored.execution}
    return tracked(log, lambda: run(config, log, cache=cache, device=device, **options)).run_id


def _values(run_id: str, again_id: str, comparison: Comparison) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "again": again_id,
        "identical": not comparison.differences,
        "compared": comparison.compared,
        "differences": {
            one.name: {"largest": one.largest if math.isfinite(one.largest) else None, "where": one.where}
            for one in comparison.differences
        },
        "causes": comparison.causes,
        "unknown": comparison.unknown,
    }


def _text(run_id: str, again_id: str, comparison: Comparison) -> str:
    if not comparison.differences:
        return f"identical: all {comparison.compared} metrics, columns and weights of {run_id}, again as {again_id}"
    differences = comparison.differences
    lines = [
        f"different: {len(differences)} of {comparison.compared} metrics, columns and weights of {run_id}, again as "
        f"{again_id}; the largest differences:",
        *map(_line, differences[:SHOWN]),
    ]
    if len(differences) > SHOWN:
        lines.append(f"  and {len(differences) - SHOWN} more (--json has all)")
    lines.append("likely causes:")
    lines += [f"  {cause}" for cause in comparison.causes] or ["  none that the store names"]
    if comparison.unknown:
        lines.append(f"the run does not say: {', '.join(comparison.unknown)}")
    return "\n".join(lines)


def _line(difference: Difference) -> str:
    where = f" ({difference.where})" if difference.where else ""
    return f"  {difference.name}: {difference.largest:.3g}{where}"
