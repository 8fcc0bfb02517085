"""How much validation IoU a byte of training memory buys: two objectives under a memory budget."""

from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.bench.schema import BEST_VAL_IOU, TENSOR_PEAK
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.spaces import SMALL, encoder_decoder_space

STUDY = Search(
    name="memory_budget",
    question="Validation IoU against peak memory of Hourglass and U-Net, 40 settings each, at most 64 MiB.",
    size=64,
    training=TrainingConfig(epochs=6, batch_size=8, loss=(("bce", 1.0), ("dice", 3.0))),
    data=SMALL,
    architectures=("hourglass", "unet"),
    trials=40,
    distributions=lambda: encoder_decoder_space(depths=range(1, 6), bases=range(4, 49)),
    objectives=(BEST_VAL_IOU, TENSOR_PEAK),
    repeats=0,
    memory_budget="64MiB",
)
