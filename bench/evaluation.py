"""The one look at the test frames: every metric at the best epoch, and what the run leaves behind."""

from datetime import UTC, datetime

import torch
from torch import Tensor

from bench import schema
from bench.artifacts import Test, store_artifacts
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
    frames, split = material.dataset.frames, material.split
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    log.tags({schema.TEST_OPENED: opened})
    with phases.phase("test"):
        material.trainer.network.load_state_dict(best)
        probability = material.trainer.predict(material.data, torch.from_numpy(split.test)).numpy()
        scenes = [frames.scenes[index] for index in split.test]
        table = frame_table(probability, is_foreground(frames.masks[split.test]), frames.native[split.test])
        agreement = {schema.LABEL_AGREEMENT.name: label_agreement(frames.masks[split.test], scenes)}
        metrics = scene_means(table, scenes) | baseline_metrics(frames, split) | agreement
    with phases.phase("artifacts"):
        store_artifacts(config, best, material.dataset, split, Test(opened, probability, table), log)
    return metrics
