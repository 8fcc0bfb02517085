"""What `bench sample` is asked for. Imports no torch."""

from dataclasses import dataclass

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.config import documented

SAMPLES = 64
MOST_SAMPLES = 4096
STEPS = 9
"""Pictures of a way from frame to frame."""
MOST_STEPS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleConfig:
    """Which pictures a trained network is to draw."""

    n: int | None = documented(
        None, f"samples of a vae's prior, 1 to {MOST_SAMPLES}; None: {SAMPLES}, or none with the next two flags"
    )
    interpolate: tuple[str, str] | None = documented(
        None, "stems of two frames of the run's data: draw the way between their codes"
    )
    traverse: int | None = documented(
        None, "vary as many latent numbers, those that tell most, one by one, about a validation frame"
    )
    seed: int = documented(0, "decides the samples")
    steps: int = documented(STEPS, "pictures from frame to frame, both included")

    def __post_init__(self) -> None:
        require(self.n is None or 1 <= self.n <= MOST_SAMPLES, "--n", f"lie between 1 and {MOST_SAMPLES}", self.n)
        require(0 <= self.seed < 2**63, "--seed", "be at least 0 and below 2**63", self.seed)
        require(2 <= self.steps <= MOST_STEPS, "--steps", f"lie between 2 and {MOST_STEPS}", self.steps)
        require(self.traverse is None or self.traverse >= 1, "--traverse", "be at least 1", self.traverse)

    @property
    def samples(self) -> int:
        """How many samples are drawn."""
        if self.n is None:
            return 0 if self.interpolate or self.traverse else SAMPLES
        return self.n
