"""What the rest of the code may know of an architecture: how its network is built, and what can be asked of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from hourglass_bench.architectures.bottleneck import Prediction
from hourglass_bench.architectures.config import ArchitectureConfig, require

BOTTLENECK = "bottleneck"
Channels = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureSpec:
    """An architecture: its options, its network, and what is optional. Whoever adds one makes one of these.

    Nothing outside this package asks for a name: what an architecture can do is said here and in its configuration.
    """

    config: type[ArchitectureConfig]
    """Frozen dataclass of its options: the fields are the parameters `architecture.*` of its runs."""
    network: Callable[[Any], nn.Module]
    """A config -> module of images (B, in_channels, H, W) to logits (B, out_channels, H, W)."""
    configure: Callable[..., ArchitectureConfig] | None = None
    """Name and keyword options -> complete config, where that is more than the class' own constructor."""
    presets: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Named configurations; of one from elsewhere their `name` becomes what it is referred to by."""
    predict: Callable[[Any, int, int], Prediction] | None = None
    """Closed form of the sizes: config, height, width -> prediction; raises InfeasibleArchitecture. None: traced."""
    initialise: Callable[[nn.Module, int], None] | None = None
    """Draws the weights of a new network from a seed; None: they are what its constructor made, by torch's generator
    seeded with the run's repeat."""
    mean: Channels | None = None
    """Mean and standard deviation of red, green and blue in [0, 1] that the network expects images to be normalised by,
    such as those of its pre-training; None: `bench.training.objective.standardise`'s."""
    std: Channels | None = None
    bottleneck: str = BOTTLENECK
    """Submodule whose output is the bottleneck; without one of this name it is found, see `feature_maps.bottleneck`."""
    encoder: tuple[str, ...] = ("encoder",)
    """Submodules that `training.freeze_epochs` and `training.encoder_lr_factor` are about."""
    teacher: str = ""
    """Architecture of the auto-encoder whose encoder pre-training can take over; empty: there is none."""
    space: Callable[[], Mapping[str, Any]] | None = None
    """Optuna distributions of its own options by their names, for studies that search; None: a study says them."""
    reconstructs: bool = False
    """Whether what enters is to leave again, masks or images, instead of images becoming masks."""
    origin: Literal["here", "elsewhere"] = "elsewhere"
    """Whether it is one of this project's own networks, of which is known what others are examined for."""

    def __post_init__(self) -> None:
        for key in ("mean", "std", "encoder"):
            value = getattr(self, key)
            require(isinstance(value, tuple | None), key, "be a tuple", value)
        require((self.mean is None) == (self.std is None), "mean and std", "stand together", (self.mean, self.std))
        require(min(self.std or (1.0,)) > 0, "std", "be above 0", self.std)
