"""From the options of `bench perf` to its answer: check, write the frames, measure network by network, report."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from hourglass_bench.architectures import registry
from hourglass_bench.bench.commands.cli import Answer, say
from hourglass_bench.bench.commands.early import say_batch
from hourglass_bench.bench.config import DataConfig, RunConfig, fitting_batch
from hourglass_bench.bench.data.dataset import load, read
from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.machine.clock import Stopwatch
from hourglass_bench.bench.machine.device import cores, one_device
from hourglass_bench.bench.machine.environment import environment
from hourglass_bench.bench.machine.examine import examine_apart
from hourglass_bench.bench.machine.precision import resolve_by
from hourglass_bench.bench.perf.analysis import Analysis, analyse
from hourglass_bench.bench.perf.config import LIGHTNING, PerfConfig
from hourglass_bench.bench.perf.figure import write_figure
from hourglass_bench.bench.perf.measure import Comparison, measure
from hourglass_bench.bench.perf.pngs import write_pngs
from hourglass_bench.bench.perf.remarks import Conditions, remarks
from hourglass_bench.bench.perf.text import to_markdown, to_terminal
from hourglass_bench.bench.stored_config import flatten
from hourglass_bench.bench.training.losses import require_known

MOST_WORKERS = 4


def compare(
    networks: Mapping[str, RunConfig],
    implementations: Sequence[str],
    left_out: Mapping[str, str],
    perf: PerfConfig,
    *,
    device: str,
    out: Path,
) -> Answer:
    """Measure all implementations on all networks and write the report into the folder `out`.

    Args:
        networks: name -> its run; they share data and training.
        left_out: implementation -> why it takes no part.

    Raises:
        ValueError: wrong input; then nothing has been written.
        RuntimeError: an implementation failed or died; then there is no report.
    """
    target = one_device(device)
    facts = examine_apart(target)  # a context here would take memory beside those who are measured
    config = next(iter(networks.values()))
    arithmetic = resolve_by(config.training.precision, target, facts.capability)
    require_known(config.training.loss)
    for run in networks.values():
        registry.predict(run.architecture, *run.data.size)
    with TemporaryDirectory(prefix="hourglass-perf-") as scratch:
        comparison = _set_up(Path(scratch), config, implementations, perf, target, out)
        say_batch(config.training, frames := len(comparison.split(config).train))
        networks = {name: fitting_batch(run, frames) for name, run in networks.items()}
        clock = Stopwatch(torch.device("cpu"))
        read(DataConfig(path=str(comparison.pngs), size=config.data.size))  # flags of the data speak of other files
        decode_seconds = clock.seconds()
        analyses = []
        for name, run in networks.items():
            say(f"{name}: {', '.join(implementations)} in turns, after a lap each that does not count")
            analyses.append(analyse(name, run, measure(comparison, run), perf, target))
    versions = {"lightning": version("lightning")} if LIGHTNING in implementations else {}
    conditions = Conditions(
        comparison=comparison,
        config=fitting_batch(config, frames),
        left_out=left_out,
        decode_seconds=decode_seconds,
        environment=environment(target, arithmetic) | versions,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return _report(conditions, analyses, out)


def _set_up(
    scratch: Path, config: RunConfig, implementations: Sequence[str], perf: PerfConfig, device: torch.device, out: Path
) -> Comparison:
    """Frames decoded and as PNG files; the folder of the report is made once the data are found to be right."""
    dataset = load(config.data, scratch / "cache")
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder, got the file {out}.")
    out.mkdir(parents=True, exist_ok=True)
    write_pngs(dataset.frames, scratch / "pngs")
    return Comparison(
        implementations=implementations,
        perf=perf,
        dataset=dataset,
        pngs=scratch / "pngs",
        cache=scratch / "cache",
        device=device,
        workers=min(cores(), MOST_WORKERS),
    )


def _report(conditions: Conditions, analyses: Sequence[Analysis], out: Path) -> Answer:
    """Write perf.json with every repetition, perf.md for pasting and perf.svg; each appears when it is complete."""
    comparison, sentences = conditions.comparison, remarks(conditions)
    values = {
        "date": conditions.date,
        "command": shlex.join(["hourglass-bench", *sys.argv[1:]]),
        "environment": conditions.environment,
        "settings": asdict(comparison.perf),
        "config": flatten(conditions.config),
        "implementations": comparison.implementations,
        "left_out": conditions.left_out,
        "loader_workers": comparison.workers,
        "decode_seconds": conditions.decode_seconds,
        "remarks": sentences,
        "networks": {analysis.network: analysis.to_json() for analysis in analyses},
    }
    texts = {"perf.json": json.dumps(values, indent=1) + "\n", "perf.md": to_markdown(analyses, sentences)}
    for name, text in texts.items():
        with replacing(out / name) as partial:
            partial.write_text(text, encoding="utf-8")
    write_figure(analyses, out / "perf.svg")
    return Answer(values, f"{to_terminal(analyses, sentences)}\nwrote perf.json, perf.md and perf.svg to {out}")
