"""`bench data`: what a data set holds, and what is wrong with it."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.config import SYNTHETIC, DataConfig
from hourglass_bench.bench.data.audit.audit import audit
from hourglass_bench.bench.data.audit.look_alikes import LookAlikes, merge_look_alikes
from hourglass_bench.bench.data.audit.text import render
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import read
from hourglass_bench.bench.data.folder.folds import fit_folds
from hourglass_bench.bench.data.folder.pairs import find_pairs
from hourglass_bench.bench.data.folder.scene_table import write_scene_table
from hourglass_bench.bench.data.frames import Frames, is_foreground
from hourglass_bench.bench.data.sheet import contact_sheet
from hourglass_bench.bench.outputs import require_file_apart
from hourglass_bench.bench.progress import working


def describe(data: DataConfig, sheet: Path | None) -> Answer:
    """Numbers of the frames, and a contact sheet of them if there is a file for it."""
    dataset = _read(data, sheet)
    frames = dataset.frames
    return Answer(
        {
            "frames": len(frames.stems),
            "scenes": len(set(frames.scenes)),
            "size": list(frames.images.shape[1:3]),
            "foreground_share": round(float(is_foreground(frames.masks).mean()), 4),
            **({"masks": dataset.reading.masks.text} if data.path != SYNTHETIC else {}),
            **({"sheet": str(sheet)} if sheet else {}),
        }
    )


def audit_data(data: DataConfig, sheet: Path | None, table: Path | None) -> Answer:
    """What the audit found; with `table`, look-alike scenes are merged in that file."""
    dataset = _read(data, sheet)
    fitting, of_scenes = _fit_folds(data)
    with working(f"auditing {data.path}"):
        found = audit(dataset, fitting)
    found = replace(found, warnings=[*of_scenes, *found.warnings])
    values, text = asdict(found), render(found)
    if table is not None:
        merged, said = _merge(dataset.frames, found.look_alikes, table)
        values |= merged
        text += f"\n{said}"
    return Answer(values, text)


def _fit_folds(data: DataConfig) -> tuple[DataConfig, list[str]]:
    """As `fit_folds`; scenes with which nothing can be trained are what an audit tells."""
    try:
        return fit_folds(data)
    except ValueError as error:
        return data, [str(error)]


def _merge(frames: Frames, found: LookAlikes, table: Path) -> tuple[dict[str, Any], str]:
    """Write the table in which look-alike scenes are one, if there are any; what was merged, as JSON and in words."""
    scenes = merge_look_alikes(frames.scenes, found.pairs)
    groups: dict[str, list[str]] = {}
    for scene, name in sorted(set(zip(frames.scenes, scenes, strict=True))):
        groups.setdefault(name, []).append(scene)
    merged = {name: group for name, group in groups.items() if len(group) > 1}
    if not merged:
        return {"merged": {}}, "no scenes to merge, so no table is written"
    write_scene_table(table, frames.stems, scenes)
    lines = [f"merged: {' + '.join(group)} -> {name}" for name, group in merged.items()]
    before = len(set(frames.scenes))
    lines.append(f"wrote {table}: {len(groups):,} scenes instead of {before:,}; --scene-table {table} uses it")
    return {"merged": merged, "scene_table": str(table)}, "\n".join(lines)


def _read(data: DataConfig, sheet: Path | None) -> Dataset:
    found = None if data.path == SYNTHETIC else find_pairs(data)
    if sheet is not None and found is not None:
        pages = (page for pair in found.pairs for page in (pair.image, *pair.masks))
        require_file_apart("--sheet", sheet, (page.path for page in pages))
    dataset = read(data, found)
    if sheet is not None:
        contact_sheet(dataset.frames, sheet)
    return dataset
