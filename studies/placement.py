"""How many workers, and what each gets: as asked for, as the cores allow, or by measuring the study's configurations.

A trial's threads decide its numbers on a CPU: there they are the study's, and the cores decide the number of workers.
On a GPU they do not matter, and workers share the cores.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import harmonic_mean

import optuna
import torch

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.machine.device import cores, memory_limit
from hourglass_bench.bench.machine.environment import processor
from hourglass_bench.bench.machine.examine import DeviceFacts
from hourglass_bench.bench.progress import working
from hourglass_bench.bench.training.device_frames import bytes_on_device, has_room
from hourglass_bench.studies.executors.admission import CPU_BASELINE, USABLE_SHARE, Room
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.storage import SPEEDS
from hourglass_bench.studies.worker import Place

AUTO = "auto"
PER_GPU = (1, 2, 4, 8)
"""Numbers of workers on one GPU that `auto` tries."""
PER_CORE = 4
"""Workers that may be asked for, however little memory is free."""
LARGEST_MACHINE = 256
"""Cores."""
LARGEST_CLUSTER = 10_000
"""Workers."""
Speed = float | str
"""Images per second, or why there are none."""


def machine(device: torch.device, facts: Mapping[str, DeviceFacts]) -> str:
    """What a measurement holds for."""
    gpus = "".join(f", {count} x {name}" for name, count in Counter(fact.name for fact in facts.values()).items())
    return f"{processor()}, {cores()} cores{gpus if device.type == 'cuda' else ''}"


def devices(device: torch.device) -> list[str]:
    """What the device stands for: `cuda` is all GPUs, `cuda:1` is one."""
    if device.type == "cuda" and device.index is None:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]  # which makes no CUDA context
    return [str(device)]


def rooms(device: torch.device, facts: Mapping[str, DeviceFacts], frames: Frames) -> dict[str, Room]:
    """What each device has for trials of the frames. Images that would take too much of it stay in host memory."""
    data = bytes_on_device(frames, device)
    return {
        name: Room.of(fact.memory, data if has_room(data, fact.memory) else frames.masks.size, device.type)
        for name, fact in facts.items()
    }


def places(workers: int, device: torch.device, cores: int, gpus: int, threads: int) -> list[Place]:
    """The study's threads on a CPU; elsewhere equal shares of the cores, and the GPUs in turn."""
    if device.type == "cpu":
        return [Place(str(device), threads)] * workers
    share = max(1, cores // workers)
    if device.type == "cuda" and device.index is None:
        return [Place(f"cuda:{worker % gpus}", share) for worker in range(workers)]
    return [Place(str(device), share)] * workers


def candidates(device: torch.device, cores: int, gpus: int, units: int, threads: int) -> list[list[Place]]:
    """The placements that `auto` measures, fewest workers first; others have no more workers than units, and cores.

    Without CUDA it is one: on a CPU a worker more makes all together faster while it has cores for its threads.
    """
    if device.type == "cuda":
        counts = [gpus * each for each in PER_GPU]
        counts = [count for count in counts if count <= max(min(units, cores), counts[0])]
    else:
        counts = [max(1, min(units, cores // threads))] if device.type == "cpu" else [1]
    return [places(count, device, cores, gpus, threads) for count in counts]


def parse_workers(text: str, most: int) -> int | None:
    """A number of workers, or None for `auto`.

    Raises:
        ValueError: it is neither, or more than `most`.
    """
    if text == AUTO:
        return None
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        why = "each takes half a GiB of what is free, or four share a core"
        raise ValueError(f"workers must be auto or a number from 1 to {most} here ({why}), got {text!r}.")
    return int(text)


def most_workers(*, elsewhere: bool) -> int:
    """Processes that this machine has memory for, or a few for each core, which can wait for it.

    Args:
        elsewhere: they run on a cluster, which starts no more than fit.
    """
    if elsewhere:
        return LARGEST_CLUSTER
    free = memory_limit(torch.device("cpu"))
    return max(PER_CORE * cores(), int(USABLE_SHARE * free) // CPU_BASELINE)


def require_threads(threads: int | None) -> None:
    """Raise ValueError if no machine has so many cores.

    More than this one has are slow, and have the numbers of the machine that a study was started on.
    """
    most = max(cores(), LARGEST_MACHINE)
    require(threads is None or 1 <= threads <= most, "threads", f"be from 1 to {most}", threads)


def local_executor(
    workers: int | None,
    device: torch.device,
    units: int,
    examples: Callable[[], Sequence[RunConfig]],
    cache: Path,
    study: optuna.Study,
    *,
    facts: Mapping[str, DeviceFacts],
    rooms: Mapping[str, Room],
    ignores: bool,
    threads: int,
    timeout: float | None,
) -> LocalExecutor:
    """As many workers as asked for, or with None as many as train the examples fastest, and says which.

    Args:
        facts: of every device of `devices(device)`.
        rooms: of the same.
        ignores: as in `predict_peak_bytes`.
        threads: of a trial on a CPU.
        timeout: as in `LocalExecutor`.

    What was measured is kept with the study: resuming it on the same machine does not measure again.
    """
    gpus = len(facts) if device.type == "cuda" else 0
    if workers is None:
        placements = candidates(device, cores(), gpus, units, threads)
    else:
        placements = [places(workers, device, cores(), gpus, threads)]
    if len(placements) == 1:
        cli.say(f"workers: {len(placements[0])} x {_threads(placements[0][0].threads)}")
        return LocalExecutor(placements[0], rooms, timeout)
    known: dict[str, dict[str, Speed]] = study.user_attrs.get(SPEEDS, {})
    here = machine(device, facts)
    if here in known:
        return LocalExecutor(_fastest(placements, known[here]), rooms, timeout)
    executor = LocalExecutor(placements[-1], rooms, timeout)
    try:
        speeds = measure(executor, placements, examples(), ignores, cache)
    except BaseException:
        executor.close()
        raise
    study.set_user_attr(SPEEDS, known | {here: speeds})
    executor.settle(_fastest(placements, speeds))
    return executor


def _fastest(placements: Sequence[list[Place]], speeds: Mapping[str, Speed]) -> list[Place]:
    best = max(placements, key=lambda placement: _images(speeds.get(str(len(placement)), 0.0)))
    cli.say(f"workers: {explain(speeds, best, cores())}")
    return best


def measure(
    executor: LocalExecutor,
    placements: Sequence[Sequence[Place]],
    configs: Sequence[RunConfig],
    ignores: bool,
    cache: Path,
) -> dict[str, Speed]:
    """Workers -> images trained per second by all of them together, over the configs with equal numbers of images.

    The number of workers is a text, as it is kept with the study. Workers that cannot train all of the configs have no
    speed; a config that no number of workers can train has no say. Without a config that has one nothing is known.
    """
    with working("measuring how many workers are fastest"):
        tried = [[executor.benchmark(one, ignores, cache, placement) for one in configs] for placement in placements]
    trained = [speeds for speeds in zip(*tried, strict=True) if any(map(_images, speeds))]
    overall = map(_overall, zip(*trained, strict=True))
    return {str(len(placement)): speed for placement, speed in zip(placements, overall, strict=False)}


def _overall(speeds: Sequence[Speed]) -> Speed:
    """Of equal numbers of images of each config."""
    problems = [speed for speed in speeds if isinstance(speed, str)]
    return problems[0] if problems else round(harmonic_mean(map(_images, speeds)), 2)


def _images(speed: Speed) -> float:
    """Per second."""
    return 0.0 if isinstance(speed, str) else speed


def explain(speeds: Mapping[str, Speed], best: Sequence[Place], cores: int) -> str:
    """`2 x 1 thread 210 images/s; 1 x 2 threads 160 images/s; 4 x 1 thread: out of memory`: the choice first."""
    chosen = str(len(best))
    order = sorted(speeds, key=lambda count: (count != chosen, int(count)))
    texts = [f"{count} x {_threads(max(1, cores // int(count)))}{_describe(speeds[count])}" for count in order]
    return "; ".join(texts) or f"{chosen} x {_threads(best[0].threads)}, since no example could be trained"


def _describe(speed: Speed) -> str:
    return f": {speed}" if isinstance(speed, str) else f" {speed:.0f} images/s"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count != 1 else ''}"
