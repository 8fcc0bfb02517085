"""What `bench sample` is asked for. Imports no torch."""

from dataclasses import dataclass

from bench.config import require

SAMPLES = 64
MOST_SAMPLES = 4096
STEPS = 9
"""Pictures of a way from frame to frame."""
MOST_STEPS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleConfig:
    """Which pictures a trained network is to draw."""

    n: int | None = None
    """Samples of the prior; None draws 64 if nothing else is asked for, and none otherwise."""
    seed: int = 0
    """Decides the samples."""
    interpolate: tuple[str, str] | None = None
    """Stems of two frames to go between."""
    steps: int = STEPS
    """Pictures of that way, both ends included."""
    traverse: int | None = None
    """How many latent numbers are varied."""

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
