"""`bench data`: what a data set holds, and what is wrong with it."""

from dataclasses import asdict
from pathlib import Path

from bench.commands.cli import Answer
from bench.config import DataConfig
from bench.data.audit.audit import audit
from bench.data.audit.look_alikes import merge_look_alikes
from bench.data.audit.text import render
from bench.data.cache import Dataset
from bench.data.dataset import read
from bench.data.frames import is_foreground
from bench.data.scenes import write_scene_table
from bench.data.sheet import contact_sheet


def describe(data: DataConfig, sheet: Path | None) -> Answer:
    """Numbers of the frames, and a contact sheet of them if there is a file for it."""
    frames = _read(data, sheet).frames
    return Answer(
        {
            "frames": len(frames.stems),
            "scenes": len(set(frames.scenes)),
            "size": list(frames.images.shape[1:3]),
            "foreground_share": round(float(is_foreground(frames.masks).mean()), 4),
            **({"sheet": str(sheet)} if sheet else {}),
        }
    )


def audit_data(data: DataConfig, sheet: Path | None, table: Path | None) -> Answer:
    """What the audit found; with `table`, look-alike scenes are merged in that file."""
    dataset = _read(data, sheet)
    frames, found = dataset.frames, audit(dataset, data)
    values, text = asdict(found), render(found)
    if table is not None:
        write_scene_table(table, frames.stems, merge_look_alikes(frames))
        values["scene_table"] = str(table)
        text += f"\nwrote {table}; it counts as scenes.csv in {data.path}, without --scene-pattern"
    return Answer(values, text)


def _read(data: DataConfig, sheet: Path | None) -> Dataset:
    dataset = read(data)
    if sheet is not None:
        contact_sheet(dataset.frames, sheet)
    return dataset
