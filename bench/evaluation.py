"""The one look at the test frames: every metric at the best epoch, and what the run leaves behind."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench import schema
from bench.artifacts import store_artifacts, write_predictions
from bench.baselines import baseline_metrics
from bench.clock import Phases
from bench.config import RunConfig
from bench.data.frames import is_foreground
from bench.frame_table import frame_table, scene_means
from bench.material import Material
from bench.metrics import label_agreement
from bench.tracking import RunLog


def evaluate_test(
    config: RunConfig, material: Material, best: dict[str, Tensor], log: RunLog, phases: Phases
) -> dict[str, float]:
    """Evaluate the best epoch's weights on the test frames, and store what the run leaves behind."""
    dataset, split = material.dataset, material.split
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    log.tags({schema.TEST_OPENED: opened})
    material.trainer.network.load_state_dict(best)
    if config.architecture.reconstructs:
        from bench.generative.evaluation import evaluate_generative  # imports what the others do without

        with phases.phase("test"):
            metrics, tags, write = evaluate_generative(config, material)
        log.tags(tags)
    else:
        with phases.phase("test"):
            metrics, write = _evaluate_segmentation(material)
    with phases.phase("artifacts"):
        store_artifacts(config, best, dataset, split, opened, write, log)
    return metrics


def _evaluate_segmentation(material: Material) -> tuple[dict[str, float], Callable[[Path], None]]:
    """Metrics, and what writes the artifacts."""
    frames, split = material.dataset.frames, material.split
    probability = material.trainer.predict(material.data, torch.from_numpy(split.test)).squeeze(1).numpy()
    scenes = [frames.scenes[index] for index in split.test]
    table = frame_table(probability, is_foreground(frames.masks[split.test]), frames.native[split.test])
    agreement = {schema.LABEL_AGREEMENT.name: label_agreement(frames.masks[split.test], scenes)}
    metrics = scene_means(table, scenes) | baseline_metrics(frames, split) | agreement
    return metrics, partial(write_predictions, material.dataset, split, probability, table)
