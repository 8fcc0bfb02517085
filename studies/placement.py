"""How many workers, and what each gets: as asked for, or by measuring the study's own configurations."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import harmonic_mean

import optuna
import torch

from bench.commands import cli
from bench.config import RunConfig
from bench.machine.device import cores
from bench.machine.environment import processor
from bench.training.forecast import predict_peak_bytes
from studies.executors.local import LocalExecutor
from studies.storage import SPEEDS
from studies.worker import Place

AUTO = "auto"
PER_GPU = (1, 2, 4)
"""Numbers of workers on one GPU that `auto` tries."""


def machine(device: torch.device) -> str:
    """What a measurement holds for."""
    gpus = f", {gpu_count(device)} x {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    return f"{processor()}, {cores()} cores{gpus}"


def gpu_count(device: torch.device) -> int:
    """GPUs that the device stands for: `cuda` is all of them, `cuda:1` is one."""
    if device.type != "cuda":
        return 0
    return torch.cuda.device_count() if device.index is None else 1


def places(workers: int, device: torch.device, cores: int, gpus: int) -> list[Place]:
    """Equal shares of the cores, and the GPUs in turn."""
    threads = max(1, cores // workers)
    if device.type == "cuda" and device.index is None:
        return [Place(f"cuda:{worker % gpus}", threads) for worker in range(workers)]
    return [Place(str(device), threads)] * workers


def candidates(device: torch.device, cores: int, gpus: int, units: int) -> list[list[Place]]:
    """The placements that `auto` measures, fewest workers first; never more workers than units."""
    if device.type == "cuda":
        counts = [gpus * each for each in PER_GPU]
    else:
        counts = [2**power for power in range(cores.bit_length()) if 2**power < cores] + [cores]
    return [places(count, device, cores, gpus) for count in counts if count <= max(units, counts[0])]


def parse_workers(text: str) -> int | None:
    """A number of workers, or None for `auto`.

    Raises:
        ValueError: it is neither.
    """
    if text == AUTO:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"workers must be auto or a number of at least 1, got {text!r}.")
    return int(text)


def local_executor(
    workers: int | None,
    device: torch.device,
    units: int,
    examples: Callable[[], Sequence[RunConfig]],
    cache: Path,
    study: optuna.Study,
    *,
    ignores: bool,
) -> LocalExecutor:
    """As many workers as asked for, or with None as many as train the examples fastest, and says which.

    `ignores` as in `predict_peak_bytes`.

    What was measured is kept with the study: resuming it on the same machine does not measure again.
    """
    gpus = gpu_count(device)
    placements = (
        candidates(device, cores(), gpus, units) if workers is None else [places(workers, device, cores(), gpus)]
    )
    if len(placements) == 1:
        return LocalExecutor(placements[0])
    known: dict[str, dict[str, float]] = study.user_attrs.get(SPEEDS, {})
    here = machine(device)
    if here in known:
        return LocalExecutor(_fastest(placements, known[here]))
    executor = LocalExecutor(placements[-1])
    try:
        speeds = measure(executor, placements, fitting(examples(), device, executor.memory, ignores), cache)
    except BaseException:
        executor.close()
        raise
    study.set_user_attr(SPEEDS, known | {here: speeds})
    executor.settle(_fastest(placements, speeds))
    return executor


def fitting(configs: Sequence[RunConfig], device: torch.device, memory: int, ignores: bool) -> list[RunConfig]:
    """Those whose training step is predicted to need no more than `memory` bytes."""
    return [config for config in configs if predict_peak_bytes(config, device, ignores) <= memory]


def _fastest(placements: Sequence[list[Place]], speeds: Mapping[str, float]) -> list[Place]:
    best = max(placements, key=lambda placement: speeds.get(str(len(placement)), 0))
    cli.say(f"workers: {explain(speeds, best, cores())}")
    return best


def measure(
    executor: LocalExecutor, placements: Sequence[Sequence[Place]], configs: Sequence[RunConfig], cache: Path
) -> dict[str, float]:
    """Workers -> images trained per second by all of them together, over the configs with equal numbers of images.

    The number of workers is a text, as it is kept with the study. Without a config nothing is measured.
    """
    if not configs:
        return {}
    return {
        str(len(placement)): round(
            sum(harmonic_mean(rates) for rates in executor.benchmark(configs, cache, placement)), 2
        )
        for placement in placements
    }


def explain(speeds: Mapping[str, float], best: Sequence[Place], cores: int) -> str:
    """`2 x 1 thread 210 images/s; 1 x 2 threads 160 images/s`: the choice first."""
    chosen = str(len(best))
    order = sorted(speeds, key=lambda count: (count != chosen, int(count)))
    texts = [f"{count} x {_threads(max(1, cores // int(count)))} {speeds[count]:.0f} images/s" for count in order]
    return "; ".join(texts) or f"{chosen} x {_threads(best[0].threads)}, since nothing to measure fits into memory"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count != 1 else ''}"
