"""Milliseconds per frame of all per-frame metrics together, on one core.

`PYTHONPATH=. python tests/bench/metric_speed.py`. Frames are synthetic dancers at 128x128; predictions are their masks,
moved, blurred and with noise, so that boundaries are ragged.
"""

import time

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.metrics.frame_table import frame_table

REPEATS = 9


def main(scenes: int = 16, frames_per_scene: int = 4, side: int = 128) -> None:
    """Print the median and the range over repetitions."""
    torch.set_num_threads(1)
    frames = generate(scenes=scenes, frames_per_scene=frames_per_scene, size=(side, side), seed=0)
    truth = is_foreground(frames.masks)
    noise = np.random.default_rng(0).normal(0, 0.6, truth.shape)
    moved = np.roll(truth, (2, 3), (1, 2))
    probability = 1 / (1 + np.exp(-8 * gaussian_filter(moved - 0.5 + noise, (0, 1, 1))))
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        table = frame_table(probability.astype(np.float16), frames, np.arange(len(truth)))
        times.append(1e3 * (time.perf_counter() - start) / len(truth))
    boundaries = f"mean IoU {table['iou'].mean():.3f}, boundary F {table['boundary_f'].mean():.3f}"
    print(
        f"{np.median(times):.2f} ms per frame ({min(times):.2f} to {max(times):.2f}), {len(truth)} frames, {boundaries}"
    )


if __name__ == "__main__":
    main()
