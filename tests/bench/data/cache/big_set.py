"""How fast a large set is prepared, and what it takes: `PYTHONPATH=. python tests/bench/data/cache/big_set.py`.

Draws PNG files of dancers, prepares some of them with one worker and with one for each core in turns, then all of them,
and starts four times more, without and with what a training does until its first epoch; imports are not counted. Each
is a process of its own, whose largest memory is measured: anonymous memory, which must be there, all that is resident,
which counts pages of the files that it has mapped, and that of the largest of the processes that it starts.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.parallel import count_cores

PER_SCENE = 20
TURNS = 2

LOAD = """
import json, resource, sys, threading, time
from pathlib import Path
from hourglass_bench.bench.commands.folds import load_fitting
from hourglass_bench.bench.config import DataConfig

def status(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024

peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, status("RssAnon"))
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
wall, cpu = time.monotonic(), time.process_time()
side = int(sys.argv[3])
frames = load_fitting(DataConfig(path=sys.argv[1], size=(side, side)), Path(sys.argv[2]) / "cache")[1].frames
print(json.dumps({
    "seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu, "frames": len(frames.stems),
    "anonymous": peak, "resident": status("VmHWM"), "maps": 4 * frames.masks.size,
    "resident_of_workers": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
}))
"""
"""Lists, pairs and loads a folder, as every command that trains does first."""

TRAIN = """
import json, sys, time
from pathlib import Path
from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench.commands.train import train_one
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.training.trainer import Trainer

class Began(BaseException):
    pass

def begin(*_):
    raise Began

Trainer.train_epoch = begin
side = int(sys.argv[3])
data = DataConfig(path=sys.argv[1], size=(side, side))
config = RunConfig(architecture=configure("unet", (4, 8)), data=data, training=TrainingConfig(epochs=1, batch_size=16))
wall, cpu = time.monotonic(), time.process_time()
try:
    train_one(config, runs=Path(sys.argv[2]), device="cpu")
except Began:
    print(json.dumps({"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu}))
"""
"""Trains up to where the first epoch begins."""


def draw(folder: Path, frames: int, side: int) -> None:
    """Files of images and masks, 20 frames a scene. Few are drawn; the others are those with a number at their end."""
    dancers = generate(scenes=20, frames_per_scene=10, size=(side, side), seed=0)
    for kind, drawn in (("images", dancers.images), ("masks", dancers.masks)):
        (folder / kind).mkdir(parents=True)
        encoded = [_encode(pixels) for pixels in drawn]
        for index in range(frames):
            file = folder / kind / f"{index // PER_SCENE:05}_{index % PER_SCENE:03}.png"
            file.write_bytes(encoded[index % len(encoded)] + str(index).encode())


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def measure(script: str, folder: Path, runs: Path, side: int, cores: int) -> dict[str, float]:
    """One process that runs a script."""
    command = [sys.executable, "-c", script, str(folder), str(runs), str(side)]
    environment = os.environ | {"OMP_NUM_THREADS": str(cores)}
    answer = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(answer)
    return found


def compare(folder: Path, root: Path, side: int, cores: int) -> None:
    """Print frames per second of one worker and of one for each core, which take turns."""
    rates: dict[int, list[float]] = {1: [], cores: []}
    for turn in range(TURNS):
        for workers, of in rates.items():
            runs = root / f"runs-{turn}-{workers}"
            found = measure(LOAD, folder, runs, side, workers)
            of.append(found["frames"] / found["seconds"])
            shutil.rmtree(runs)
    for workers, of in rates.items():
        ratios = ", ".join(f"{rate / single:.2f}" for rate, single in zip(of, rates[1], strict=True))
        print(f"workers {workers}: {', '.join(f'{rate:.0f}' for rate in of)} frames/s, {ratios} times", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--subset", type=int, default=3_000, help="frames that are read by one worker and by several")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--scratch", type=Path, default=None, help="folder for the files (default: a temporary one)")
    options = parser.parse_args()
    cores = count_cores()
    with TemporaryDirectory(dir=options.scratch) as scratch:
        root = Path(scratch)
        draw(root / "few", options.subset, options.side)
        compare(root / "few", root, options.side, cores)
        draw(root / "all", options.frames, options.side)
        first = measure(LOAD, root / "all", root / "runs", options.side, cores)
        rate = first["frames"] / first["seconds"]
        print(f"first start, {options.frames:,} frames: {first['seconds']:.0f} s, {rate:.0f} frames/s")
        for name in ("anonymous", "resident_of_workers", "resident", "maps"):
            print(f"{name} bytes, at most: {first[name] / 10**6:,.0f} MB", flush=True)
        measure(TRAIN, root / "all", root / "runs", options.side, cores)  # says the audit, once
        for name, script in (("loaded", LOAD), ("first epoch begins", TRAIN)) * 2:
            again = measure(script, root / "all", root / "runs", options.side, cores)
            print(f"second start, {name} after {again['seconds']:.2f} s, {again['cpu_seconds']:.2f} s of processor")


if __name__ == "__main__":
    main()
