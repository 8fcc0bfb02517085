"""From the options of `bench perf` to its answer: check, write the frames, measure network by network, report."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from architectures import registry
from bench.commands.cli import say
from bench.config import RunConfig
from bench.data.dataset import load
from bench.data.folder import find_pairs, read_frames
from bench.machine.clock import Stopwatch
from bench.machine.device import choose_device, choose_dtype, cores
from bench.machine.environment import environment
from bench.perf.analysis import Analysis, analyse
from bench.perf.config import LIGHTNING, PerfConfig
from bench.perf.measure import Bench, measure
from bench.perf.pngs import write_pngs
from bench.perf.remarks import Conditions, remarks
from bench.perf.report import to_json, write_report
from bench.perf.text import to_terminal
from bench.stored_config import flatten

MOST_WORKERS = 4


class Answer(NamedTuple):
    """For programs and for people."""

    values: dict[str, Any]
    text: str


def compare(
    networks: Mapping[str, RunConfig],
    contenders: Sequence[str],
    left_out: Mapping[str, str],
    perf: PerfConfig,
    *,
    device: str,
    out: Path,
) -> Answer:
    """Measure all contenders on all networks and write the report into the folder `out`.

    Args:
        networks: name -> its run; they share data and training.
        left_out: contender -> why it takes no part.

    Raises:
        ValueError: wrong input; then nothing has been written.
        RuntimeError: a contender failed or died; then there is no report.
    """
    target = choose_device(device)
    config = next(iter(networks.values()))
    for run in networks.values():
        registry.predict(run.architecture, *run.data.size)
    with TemporaryDirectory(prefix="hourglass-perf-") as scratch:
        bench = _set_up(Path(scratch), config, contenders, perf, target, out)
        decode_seconds = _time_decoding(bench.pngs, config.data.size)
        analyses = [_measure(bench, name, run, target) for name, run in networks.items()]
    conditions = Conditions(
        config=config,
        frames=len(bench.dataset.frames.stems),
        contenders=tuple(contenders),
        left_out=left_out,
        workers=bench.workers,
        steps=perf.steps,
        decode_seconds=decode_seconds,
        environment=_environment(target, config, contenders),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return _report(conditions, analyses, perf, out)


def _set_up(
    scratch: Path, config: RunConfig, contenders: Sequence[str], perf: PerfConfig, device: torch.device, out: Path
) -> Bench:
    """Frames decoded and as PNG files; the folder of the report is made once the data are found to be right."""
    dataset = load(config.data, scratch / "cache")
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder, got the file {out}.")
    out.mkdir(parents=True, exist_ok=True)
    write_pngs(dataset.frames, scratch / "pngs")
    return Bench(
        contenders=contenders,
        perf=perf,
        dataset=dataset,
        pngs=scratch / "pngs",
        cache=scratch / "cache",
        device=str(device),
        workers=min(cores(), MOST_WORKERS),
    )


def _time_decoding(pngs: Path, size: tuple[int, int]) -> float:
    """Seconds to decode all frames once."""
    clock = Stopwatch(torch.device("cpu"))
    read_frames(find_pairs(pngs, ""), size)
    return clock.seconds()


def _measure(bench: Bench, name: str, config: RunConfig, device: torch.device) -> Analysis:
    say(f"{name}: {', '.join(bench.contenders)} in turns, after an epoch each that does not count")
    return analyse(name, config, measure(bench, config), bench.perf, device)


def _environment(device: torch.device, config: RunConfig, contenders: Sequence[str]) -> dict[str, str]:
    versions = {"lightning": version("lightning")} if LIGHTNING in contenders else {}
    return environment(device, choose_dtype(config.training.precision, device)) | versions


def _report(conditions: Conditions, analyses: Sequence[Analysis], perf: PerfConfig, out: Path) -> Answer:
    sentences = remarks(conditions)
    values = {
        "date": conditions.date,
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "environment": conditions.environment,
        "settings": asdict(perf),
        "config": flatten(conditions.config),
        "contenders": conditions.contenders,
        "left_out": conditions.left_out,
        "loader_workers": conditions.workers,
        "decode_seconds": conditions.decode_seconds,
        "remarks": sentences,
        "networks": to_json(analyses),
    }
    write_report(out, values, analyses, sentences)
    return Answer(values, f"{to_terminal(analyses, sentences)}\nwrote perf.json, perf.md and perf.svg to {out}")
