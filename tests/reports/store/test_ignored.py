"""Panel files with pixels that count in no metric, in what is read off them and in their figures."""

from pathlib import Path

import numpy as np
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.boundary import boundary_iou
from hourglass_bench.reports.analysis.ceiling import ceiling, store
from hourglass_bench.reports.figures import predictions
from hourglass_bench.reports.store.arrays import overlap, read_ignored
from hourglass_bench.reports.store.load import ARTIFACTS
from tests.reports.conftest import Summarised
from tests.reports.fake_units import Unit, blobs

TRUTH = np.zeros((2, 4, 4), bool)


def test_an_older_panel_ignores_nothing(tmp_path: Path) -> None:
    path = tmp_path / schema.PANEL_DATA
    np.savez_compressed(path, truth=TRUTH)
    assert not read_ignored(path, TRUTH).any()
    assert read_ignored(path, TRUTH).shape == TRUTH.shape
    np.savez_compressed(path, truth=TRUTH, ignored=~TRUTH)
    assert read_ignored(path, TRUTH).all()
    np.savez_compressed(path, truth=TRUTH, ignored=TRUTH[:1])
    with pytest.raises(ValueError, match=r"ignored of the shape of truth, \(2, 4, 4\), got \(1, 4, 4\)\.$"):
        read_ignored(path, TRUTH)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"panel\.npz cannot be read: No data left in file\.$"):
        read_ignored(path, TRUTH)


def test_overlap_is_that_of_the_pixels_that_count() -> None:
    prediction, truth = np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 1, 0]], bool)
    assert overlap(prediction, truth, np.zeros((1, 4), bool)) == pytest.approx(1 / 3)
    assert overlap(prediction, truth, np.array([[0, 1, 0, 0]], bool)) == pytest.approx(1 / 2)
    assert overlap(prediction, truth, np.array([[1, 1, 1, 0]], bool)) == 1


def ignore(folder: str) -> np.ndarray:
    """The middle of every frame of a run's panel file."""
    path = Path(folder) / schema.PANEL_DATA
    kept = dict(np.load(path))
    ignored = np.zeros_like(kept["truth"])
    height, width = ignored.shape[1:]
    ignored[:, height // 4 : height // 2, : width // 2] = True
    path.unlink()
    np.savez_compressed(path, **kept, ignored=ignored)
    return ignored


def test_figures_are_of_the_pixels_that_count(summarised: Summarised) -> None:
    summary = summarised([Unit(iou=0.6)])
    (folder,) = summary.runs[ARTIFACTS]
    before, whole = ceiling(summary.runs), predictions.record(summary)
    assert "ignored" not in predictions.caption(whole)
    ignored, truth = ignore(folder), blobs(Unit(iou=0.6))["truth"]
    found = ceiling(summary.runs).set_index("side")
    for side, row in found.iterrows():
        masks = np.stack([store(mask, int(str(side))) for mask in truth])
        ious = [overlap(*frame) for frame in zip(masks, truth, ignored, strict=True)]
        assert row["iou"] == pytest.approx(np.mean(ious))
        assert row["boundary_iou"] == pytest.approx(boundary_iou(masks, truth, ignored).mean())
    assert found["iou"].tolist() != before["iou"].tolist()
    shown = predictions.record(summary)
    (panel,) = shown.panels.values()
    for frame, row in shown.frames.iterrows():
        place = int(str(frame))
        prediction, counted = panel.probability[place] > 0.5, ~panel.ignored[place]
        assert row["iou"] == pytest.approx(overlap(prediction, panel.truth[place], panel.ignored[place]))
        assert row["missed"] == (panel.truth[place] & ~prediction & counted).sum()
        assert row["invented"] == (prediction & ~panel.truth[place] & counted).sum()
        picture = predictions.errors(panel, place)
        assert (picture[panel.ignored[place]] == predictions.IGNORED).all()
    assert (shown.frames[["missed", "invented"]].sum() <= whole.frames[["missed", "invented"]].sum()).all()
    assert "grey = ignored" in predictions.caption(shown)
    truth_axis = predictions.draw(shown).axes[1]
    assert (truth_axis.images[0].get_array()[panel.ignored[0]] == predictions.IGNORED).all()
