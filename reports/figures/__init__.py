"""The table of figures, in their order within a section. A new one is one file and one entry here."""

from typing import Any

from hourglass_bench.reports.figures import (
    active_units,
    bottleneck,
    calibration,
    depth_width,
    generated,
    importance,
    iou_memory,
    learning_curves,
    learning_rate,
    pareto,
    person_size,
    predictions,
    profiles,
    rate_distortion,
    reconstruction,
    scene_differences,
    skips,
    targets,
    texture,
    times,
    tolerance,
    tuning,
)
from hourglass_bench.reports.figures.base import Plot

FIGURES: dict[str, Plot[Any]] = {
    "iou_memory": iou_memory.PLOT,
    "pareto": pareto.PLOT,
    "learning_rate": learning_rate.PLOT,
    "importance": importance.PLOT,
    "scene_differences": scene_differences.PLOT,
    "depth_width": depth_width.PLOT,
    "bottleneck": bottleneck.PLOT,
    "skips": skips.PLOT,
    "texture": texture.PLOT,
    "learning_curves": learning_curves.PLOT,
    "targets": targets.PLOT,
    "tuning": tuning.PLOT,
    "tolerance": tolerance.PLOT,
    "calibration": calibration.PLOT,
    "person_size": person_size.PLOT,
    "profiles": profiles.PLOT,
    "predictions": predictions.PLOT,
    "reconstruction": reconstruction.PLOT,
    "rate_distortion": rate_distortion.PLOT,
    "active_units": active_units.PLOT,
    "generated": generated.PLOT,
    "times": times.PLOT,
}
