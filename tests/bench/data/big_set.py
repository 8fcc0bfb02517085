"""How fast a large set is prepared, and what it takes: `PYTHONPATH=. python tests/bench/data/big_set.py`.

Draws PNG files of dancers, prepares some of them on one core and on every core in turns, all of them on every core, and
starts twice more. Each preparation is a process of its own, whose largest resident memory is measured: anonymous
memory, which must be there, all of it, which counts pages of the files that it has mapped, and that of the largest of
the processes that it starts.
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

from bench.data.synthetic import generate
from bench.parallel import count_cores

PER_SCENE = 20

LOAD = """
import json, resource, sys, threading, time
from pathlib import Path
start = time.monotonic()
from bench.config import DataConfig
from bench.data.dataset import load

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
began = time.monotonic()
side = int(sys.argv[3])
frames = load(DataConfig(path=sys.argv[1], size=(side, side)), Path(sys.argv[2])).frames
end = time.monotonic()
print(json.dumps({
    "frames": len(frames.stems), "load_seconds": round(end - began, 2), "with_imports": round(end - start, 2),
    "frames_per_second": round(len(frames.stems) / (end - began), 1), "anonymous_peak_mb": peak // 10**6,
    "rss_peak_mb": status("VmHWM") // 10**6,
    "child_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 // 10**6,
    "map_mb": 4 * frames.masks.size // 10**6,
}))
"""


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


def measure(folder: Path, cache: Path, side: int, cores: int) -> dict[str, float]:
    """One process that loads the set."""
    command = [sys.executable, "-c", LOAD, str(folder), str(cache), str(side)]
    environment = os.environ | {"OMP_NUM_THREADS": str(cores)}
    answer = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(answer)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--scratch", type=Path, default=None, help="folder for the files (default: a temporary one)")
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.scratch) as scratch:
        root = Path(scratch)
        draw(root / "all", options.frames, options.side)
        draw(root / "few", options.frames // 10, options.side)
        cores = count_cores()
        for turn in range(3):
            for name, count in (("one core", 1), (f"{cores} cores", cores)):
                print(f"{name}:", measure(root / "few", root / f"few-{turn}-{count}", options.side, count), flush=True)
                shutil.rmtree(root / f"few-{turn}-{count}")
        for name in ("all frames", "second start", "third start"):
            print(f"{name}:", measure(root / "all", root / "cache", options.side, cores), flush=True)


if __name__ == "__main__":
    main()
