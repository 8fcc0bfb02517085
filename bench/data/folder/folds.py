"""How many folds the scenes of a data set fill: asked before anything is planned or decoded."""

from dataclasses import replace

from hourglass_bench.bench.config import SYNTHETIC, DataConfig
from hourglass_bench.bench.data.folder.pairs import Found, find_pairs
from hourglass_bench.bench.data.folder.scene_names import LEAST_SCENES, REMEDY, require_scenes
from hourglass_bench.bench.data.folder.scenes import examples


def fit_folds(data: DataConfig, found: Found | None = None) -> tuple[DataConfig, list[str]]:
    """`data` with no more folds than it has scenes, and what is to be said about its scenes.

    Args:
        found: what lies in the folder, if that was asked before.

    Raises:
        ValueError: there are fewer than three scenes, or those that the names give cannot be meant.
    """
    if data.path == SYNTHETIC:
        return _lower_folds(data, data.synthetic_scenes)
    found = found or find_pairs(data)
    pairs, rule = found.pairs, found.scene_rule
    stems, scenes = [pair.stem for pair in pairs], [pair.scene for pair in pairs]
    require_scenes(stems, scenes, rule, data)
    fitting, warnings = _lower_folds(data, len(set(scenes)))
    if not rule.said and len(set(scenes)) == len(stems) and data.split != "given":
        warnings.append(
            f"each of the {len(stems):,} frames of {data.path} is a scene of its own ({examples(stems, scenes)}); if "
            f"some are of one video, patient or place, scores are too good: {REMEDY}"
        )
    return fitting, warnings


def _lower_folds(data: DataConfig, scenes: int) -> tuple[DataConfig, list[str]]:
    if data.split in ("given", "random_frames") or scenes >= data.folds:
        return data, []
    if scenes < LEAST_SCENES:
        raise ValueError(
            f"{data.path} must hold at least {LEAST_SCENES} scenes, to train, to choose the epoch and to test, got "
            f"{scenes}; add scenes, or {REMEDY}. (--split random_frames needs none, but it leaks and only shows by how "
            "much.)"
        )
    return replace(data, folds=scenes), [
        f"folds are lowered from {data.folds} to {scenes}, the number of scenes in {data.path}: a fold is one scene"
    ]
