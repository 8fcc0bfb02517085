"""Which part of a network is its encoder, where that part trains otherwise than all else."""

from torch import nn

from architectures.registry import get_spec
from bench.config import RunConfig


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
