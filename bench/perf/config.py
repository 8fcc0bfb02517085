"""What is compared, how often, and who can take part here. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from hourglass_bench.architectures.bounds import Bounds, require
from hourglass_bench.bench.fields import documented, require_fields

HARNESS, PLAIN, ADVISED, LIGHTNING = "harness", "plain", "advised", "lightning"
IMPLEMENTATIONS = {
    HARNESS: "this harness",
    PLAIN: "plain PyTorch",
    ADVISED: "plain, usual advice",
    LIGHTNING: "Lightning",
}
"""Name -> how it is called in tables and figures."""
GPU_LAP_SECONDS = 5.0
"""Least training time of what is timed on a GPU, where an epoch may take milliseconds."""
MANY = "since a comparison must end"
INSTALL = 'install it with: pip install -e ".[perf]"'


@dataclass(frozen=True, kw_only=True, slots=True)
class PerfConfig:
    """How much is measured."""

    repetitions: int = documented(
        3,
        "timed laps of each implementation, in turns with the others; a lap is an epoch, on a GPU as many as train for "
        f"{GPU_LAP_SECONDS:.0f} s",
        bounds=Bounds(1, 1000, MANY),
    )
    steps: int = documented(
        4,
        "least steps of a timed epoch; if the frames give fewer, they are passed several times",
        bounds=Bounds(1, 10**5, MANY),
    )
    epochs: int = documented(
        30, "epochs of the trainings whose validation IoU is followed; 0 leaves them out", bounds=Bounds(0, 10**4, MANY)
    )
    trainings: int = documented(
        1, "trainings of each implementation whose validation IoU is followed", bounds=Bounds(1, 1000, MANY)
    )
    target_iou: float = documented(
        0.0,
        "validation IoU to be reached; 0 takes the highest that every training reached",
        bounds=Bounds(0.0, 1.0, below=True),
    )

    def __post_init__(self) -> None:
        require_fields(self)


def choose_implementations(names: Sequence[str] | None) -> tuple[list[str], dict[str, str]]:
    """Who takes part, and who is left out for which reason. None asks for everyone who can.

    Raises:
        ValueError: a name is unknown, or one that was asked for is not installed.
    """
    for name in names or ():
        require(name in IMPLEMENTATIONS, "implementations", f"be of {', '.join(IMPLEMENTATIONS)}", name)
    chosen = list(dict.fromkeys(names or IMPLEMENTATIONS))
    if LIGHTNING not in chosen or find_spec("lightning") is not None:
        return chosen, {}
    if names is not None:
        raise ValueError(f"implementation lightning must be installed, got no package of that name; {INSTALL}.")
    return [name for name in chosen if name != LIGHTNING], {LIGHTNING: f"not installed; {INSTALL}"}


def baseline_of(implementations: Sequence[str]) -> str:
    """Whom the others are compared with: the plain loop, or the first one where it takes no part."""
    return PLAIN if PLAIN in implementations else implementations[0]
