"""Networks leave torch's eager mode: traced, exported and as ONNX they give what the module gives."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import PRESETS, build, configure

NETWORKS = {
    **PRESETS,
    # The preset's form at a sixteenth of its widths.
    "unet_original": configure("unet", (4, 8, 16, 32), bottom=64, block="double", norm="batch"),
    "unet_bilinear": configure("unet", (4, 8), bottom=16, block="double", upsampling="bilinear"),
    "hourglass_residual_group": configure("hourglass", (4, 8), block="residual", norm="group"),
    "vae_residual": configure(
        "vae", (4, 8), bottom=6, block="residual", upsampling="bilinear", latent=8, image_size=(21, 26)
    ),
    "simple_conv_double": configure("simple_conv", (4, 8), block="double", norm="batch"),
    **{f"unet_{norm}": configure("unet", (4, 8), norm=norm) for norm in ("batch", "group")},
    "hourglass_partial": configure("unet", (4, 8), skips=(2,)),
    **{f"{name}_flat": configure(name, (4, 8), latent=8, image_size=(21, 26)) for name in ("hourglass", "vae")},
}
every_network = pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)
legacy = pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
"""Torch wants its users to leave `jit.trace`; whoever deploys with TorchScript still asks for it."""
group_norm = pytest.mark.filterwarnings("ignore:Converting a tensor to a Python boolean:torch.jit.TracerWarning")
"""Torch's own asks whether there is more than one number to normalise, which holds at every size."""


def images(batch: int, height: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def trained(config: ArchitectureConfig) -> nn.Module:
    """In evaluation mode; norms have statistics of their own."""
    network = build(config, seed=0)
    with torch.no_grad():
        network(images(2, 21, 26, seed=9))
    return network.eval()


def assert_equal(found: Tensor, network: nn.Module, batch: Tensor) -> None:
    """Logits to rounding, and the mask wherever rounding does not decide it."""
    expected = network(batch)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    sure = expected.abs() > 1e-4
    assert torch.equal((found > 0)[sure], (expected > 0)[sure])


@legacy
@pytest.mark.parametrize(
    "config",
    [pytest.param(NETWORKS[name], id=name, marks=[group_norm] if "group" in name else []) for name in NETWORKS],
)
@torch.no_grad()
def test_a_trace_holds_for_another_image_and_for_other_sizes(config: ArchitectureConfig) -> None:
    """Whether or not a size has to be padded; a flat latent is made for one size."""
    network = trained(config)
    for height, width in ((21, 26), (24, 32)) if not config.frame_size else ((21, 26),):
        traced = torch.jit.trace(network, images(2, height, width))
        sizes = ((21, 26),) if config.frame_size else ((21, 26), (32, 24), (17, 40))
        for other in sizes:
            batch = images(3, *other, seed=1)
            assert_equal(traced(batch), network, batch)


@every_network
@torch.no_grad()
def test_an_export_holds_for_another_image_of_its_size_and_any_batch(config: ArchitectureConfig) -> None:
    network = trained(config)
    exported = torch.export.export(network, (images(2, 21, 26),), dynamic_shapes=({0: Dim("batch")},)).module()
    batch = images(3, 21, 26, seed=1)
    assert_equal(exported(batch), network, batch)


@pytest.mark.parametrize("name", ["unet", "hourglass", "vae", "autoencoder"])
@pytest.mark.parametrize("options", [{}, {"block": "residual", "upsampling": "bilinear", "bottom": 12}])
@torch.no_grad()
def test_an_export_holds_for_all_sizes_that_need_no_padding(name: str, options: dict[str, Any]) -> None:
    network = trained(configure(name, (4, 8), **options))
    sides = {0: Dim("batch"), 2: 4 * Dim("height"), 3: 4 * Dim("width")}
    exported = torch.export.export(network, (images(2, 24, 28),), dynamic_shapes=(sides,)).module()
    batch = images(3, 36, 40, seed=1)
    assert_equal(exported(batch), network, batch)


@pytest.mark.filterwarnings("ignore:`isinstance\\(treespec, LeafSpec\\)` is deprecated:FutureWarning")  # torch's own
@every_network
@torch.no_grad()
def test_onnx_gives_the_same_mask(config: ArchitectureConfig) -> None:
    runtime = pytest.importorskip("onnxruntime")
    network = trained(config)
    program = torch.onnx.export(network, (images(2, 21, 26),), dynamo=True, verbose=False)
    assert program is not None
    session = runtime.InferenceSession(program.model_proto.SerializeToString())
    batch = images(2, 21, 26, seed=1)
    (found,) = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
    assert_equal(torch.from_numpy(found), network, batch)
