"""A published comparison with and without skip connections, asked again on the sets it was made on: BUSI and GLaS.

Kamath et al. 2025 (Computers in Biology and Medicine), by the protocol that the authors' code states:
docs/protocol.md says what is theirs, what this harness does instead, and how the two sets are read.
"""

from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies.spaces import each, grid
from hourglass_bench.studies.study import Factorial

DEPTH, BASE_WIDTH = 5, 16


STUDY = Factorial(
    name="published",
    question="With and without skip connections by a published protocol (Kamath et al. 2025), for BUSI or GLaS.",
    size=256,
    # AdamW without decay is their Adam. Their turns by 90 degrees are not to be had; a flip is as exact.
    training=TrainingConfig(
        epochs=100, batch_size=8, lr=1e-2, weight_decay=0.0, schedule="constant", clip_norm=0.0,
        loss=(("dice", 1.0),), rotate=0.0, scale=0.0, shift=0.0, color_jitter=0.0,
    ),
    plan=each(
        lambda: grid(("hourglass", "unet"), depth=(DEPTH,), base_width=(BASE_WIDTH,), growth=(2.0,), norm="batch")
    ),
    repeats=5,
    data={},
)  # fmt: skip
