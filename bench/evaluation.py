"""The one look at the test frames: every metric at the best epoch, and what the run leaves behind."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench import schema
from bench.config import RunConfig
from bench.data.frames import is_foreground
from bench.machine.clock import Phases
from bench.metrics.baselines import baseline_metrics
from bench.metrics.frame_table import frame_table, scene_means
from bench.metrics.overlap import label_agreement
from bench.tracking.artifacts import store_artifacts, write_predictions
from bench.tracking.store import RunLog
from bench.training.setup import Setup


def evaluate_test(
    config: RunConfig, setup: Setup, best: dict[str, Tensor], log: RunLog, phases: Phases
) -> dict[str, float]:
    """Evaluate the best epoch's weights on the test frames, and store what the run leaves behind."""
    dataset, split = setup.dataset, setup.split
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    log.tags({schema.TEST_OPENED: opened})
    setup.trainer.network.load_state_dict(best)
    if config.architecture.reconstructs:
        from bench.generative.evaluation import evaluate_generative  # imports what the others do without

        with phases.phase("test"):
            metrics, tags, write = evaluate_generative(config, setup)
        log.tags(tags)
    else:
        with phases.phase("test"):
            metrics, write = _evaluate_segmentation(setup)
    with phases.phase("artifacts"):
        store_artifacts(config, best, dataset, split, opened, write, log)
    return metrics


def _evaluate_segmentation(setup: Setup) -> tuple[dict[str, float], Callable[[Path], None]]:
    """Metrics, and what writes the artifacts."""
    frames, split = setup.dataset.frames, setup.split
    probability = setup.trainer.predict(setup.data, torch.from_numpy(split.test)).squeeze(1).numpy()
    scenes = [frames.scenes[index] for index in split.test]
    table = frame_table(probability, is_foreground(frames.masks[split.test]), frames.original_sizes[split.test])
    agreement = {schema.LABEL_AGREEMENT.name: label_agreement(frames.masks[split.test], scenes)}
    metrics = scene_means(table, scenes) | baseline_metrics(frames, split) | agreement
    return metrics, partial(write_predictions, setup.dataset, split, probability, table)
