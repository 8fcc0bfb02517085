"""Each architecture at its best: equal numbers of TPE trials, then the winners trained anew.

The test scenes are held out of everything that chooses, search trials and best epochs alike.
"""

from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.spaces import SMALL

STUDY = Search(
    name="search",
    question="Hourglass against U-Net, each with its best of 30 sampled settings, refitted with new repeats.",
    size=64,
    training=TrainingConfig(epochs=9, batch_size=8, loss=(("bce", 1.0), ("dice", 3.0))),
    data={**SMALL, "split": "scene_holdout"},
    architectures=("hourglass", "unet"),
    trials=30,
    repeats=5,
)
