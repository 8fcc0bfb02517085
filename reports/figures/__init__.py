"""The table of figures, in their order within a section. A new one is one file and one entry here."""

from typing import Any

from reports.figures import bottleneck, depth, iou_memory, learning_curves, pareto, predictions, profiles
from reports.figures.base import Plot

FIGURES: dict[str, Plot[Any]] = {
    "iou_memory": iou_memory.PLOT,
    "pareto": pareto.PLOT,
    "profiles": profiles.PLOT,
    "learning_curves": learning_curves.PLOT,
    "depth": depth.PLOT,
    "bottleneck": bottleneck.PLOT,
    "predictions": predictions.PLOT,
}
