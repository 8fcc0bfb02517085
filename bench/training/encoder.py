"""Which part of a network is its encoder, and how that part is trained otherwise than all else."""

from collections.abc import Sequence

from torch import nn

from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench.config import RunConfig


def find_encoder(network: nn.Module, config: RunConfig) -> dict[str, nn.Module]:
    """The encoder's submodules by their names, as the architecture's spec has them; none where all trains alike.

    Raises:
        ValueError: the network has no such submodules, or nothing beside them that trains.
    """
    training = config.training
    if not training.singles_out_encoder:
        return {}
    names, modules = get_spec(config.architecture.name).encoder, dict(network.named_modules(remove_duplicate=False))
    found = {name: modules[name] for name in names if name in modules}
    frozen = training.freeze_epochs > 0
    field, alike = ("freeze_epochs", 0) if frozen else ("encoder_lr_factor", 1)
    refused = f"training.{field} must be {alike} for {config.architecture.name}, got {getattr(training, field)}"
    if not found:
        children = ", ".join(name for name, _ in network.named_children())
        raise ValueError(
            f"{refused}: it has no submodule {' or '.join(names)}, but {children}; an ArchitectureSpec says "
            "by `encoder` which are its encoder."
        )
    inside = {parameter for module in found.values() for parameter in module.parameters()}
    if not any(parameter.requires_grad and parameter not in inside for parameter in network.parameters()):
        raise ValueError(f"{refused}: beside its encoder, {', '.join(found)}, nothing trains.")
    return found


def trainable(*modules: nn.Module) -> list[nn.Parameter]:
    """Parameters of the modules, each once, that are not frozen for good: those have no state of the optimiser."""
    parameters = dict.fromkeys(parameter for module in modules for parameter in module.parameters())
    return [parameter for parameter in parameters if parameter.requires_grad]


class Encoder:
    """Submodules of a network in training, which may stay as they are for some epochs."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.parameters = trainable(*modules)
        self.is_frozen = False
        self._modules = modules

    def freeze(self, frozen: bool) -> None:
        """No gradient is for its parameters from now on, or one is again."""
        self.is_frozen = frozen
        for parameter in self.parameters:
            parameter.requires_grad_(not frozen)

    def rest(self) -> None:
        """Leave training mode if it is frozen: its statistics stay too, and it drops nothing out."""
        if self.is_frozen:
            for module in self._modules:
                module.eval()
