"""What `bench sample` is asked for. Imports no torch."""

from dataclasses import dataclass

from hourglass_bench.architectures.bounds import SEED, Bounds
from hourglass_bench.architectures.config import WIDTH
from hourglass_bench.bench.fields import documented, require_fields

SAMPLES = 64
MOST_SAMPLES = 4096
STEPS = 9
"""Pictures of a way from frame to frame."""
MOST_STEPS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleConfig:
    """Which pictures a trained network is to draw."""

    n: int | None = documented(
        None,
        f"samples of a vae's prior, 1 to {MOST_SAMPLES}; None: {SAMPLES}, or none with the next two flags",
        bounds=Bounds(1, MOST_SAMPLES),
    )
    interpolate: tuple[str, str] | None = documented(
        None, "stems of two frames of the run's data: draw the way between their codes"
    )
    traverse: int | None = documented(
        None,
        "vary as many latent numbers, those that tell most, one by one, about a validation frame",
        bounds=Bounds(1, WIDTH.most, WIDTH.why),
    )
    seed: int = documented(0, "decides the samples", bounds=SEED)
    steps: int = documented(STEPS, "pictures from frame to frame, both included", bounds=Bounds(2, MOST_STEPS))

    def __post_init__(self) -> None:
        require_fields(self, "--")

    @property
    def samples(self) -> int:
        """How many samples are drawn."""
        if self.n is None:
            return 0 if self.interpolate or self.traverse else SAMPLES
        return self.n
