"""What every architecture of the table must do, at odd, even and minimal sizes."""

import dataclasses
import hashlib
import math
from itertools import combinations
from typing import Any, get_args

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from hourglass_bench.architectures.bottleneck import largest_depth
from hourglass_bench.architectures.config import ArchitectureConfig, Block, InfeasibleArchitecture, Norm, Target, widths
from hourglass_bench.architectures.registry import (
    ARCHITECTURES,
    PRESETS,
    build,
    configure,
    get_spec,
    predict,
    preset_name,
)

Channels = tuple[int, ...]
Size = tuple[int, int]
CHANNELS = [(4,), (5, 7), (4, 8, 16)]
SIZES = [(16, 16), (8, 8), (17, 23), (33, 8), (9, 64)]
NORMS: list[Norm] = ["none", "batch", "group"]

NAMES = [name for name in ARCHITECTURES if name != "unet_twin"]
"""The twin is the code of another one, with other initial weights."""
FLAT = 8
Options = dict[str, Any]
VARIANTS: dict[str, Options] = {
    "plain": {},
    "flat": {"latent": FLAT},
    "double": {"block": "double", "upsampling": "bilinear", "bottom": 9},
    "residual": {"block": "residual", "bottom": 6},
    "residual-flat": {"block": "residual", "upsampling": "bilinear", "latent": FLAT},
}
"""What one of the networks is made of."""

every_architecture = pytest.mark.parametrize("name", NAMES)
every_network = pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, VARIANTS[kind], id=f"{name}-{kind}")
        for name in NAMES
        if name != "simple_conv"
        for kind in VARIANTS
    ]
    + [pytest.param("simple_conv", {"block": block}, id=f"simple_conv-{block}") for block in get_args(Block)],
)
every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
every_shape = pytest.mark.parametrize("channels", CHANNELS)
every_size = pytest.mark.parametrize("size", SIZES)
every_norm = pytest.mark.parametrize("norm", NORMS)


def images(size: Size, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0))


def config(
    name: str, channels: Channels = (4, 8), norm: Norm = "none", size: Size = (16, 16), **options: Any
) -> ArchitectureConfig:
    return configure(name, channels, norm=norm, image_size=size, **options)


@every_network
@every_shape
@every_size
def test_mask_has_the_image_size_and_is_finite(name: str, options: Options, channels: Channels, size: Size) -> None:
    architecture = config(name, channels, size=size, **options)
    logits = build(architecture, seed=0)(images(size))
    assert logits.shape == (2, 3 if architecture.reconstructs else 1, *size)
    assert logits.isfinite().all()
    assert logits.std() > 0


@every_network
@every_shape
@every_norm
def test_gradient_reaches_every_parameter(name: str, options: Options, channels: Channels, norm: Norm) -> None:
    network = build(config(name, channels, norm, (17, 23), **options), seed=0)
    network(images((17, 23))).square().mean().backward()
    dead = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    # A bias before a batch norm is subtracted again: its gradient is zero up to rounding. The spread of posterior and
    # likelihood has a part in the loss alone (tests/bench/training/test_objective.py).
    spread = ("sigma_exponent", "to_log_variance.weight", "to_log_variance.bias")
    assert [key for key in dead if not key.endswith("conv1.bias") and key not in spread] == []


@every_network
@every_norm
def test_evaluation_is_deterministic_and_treats_images_alone(name: str, options: Options, norm: Norm) -> None:
    network = build(config(name, (4, 8), norm, **options), seed=0).eval()
    batch = images((16, 16), batch=3)
    torch.testing.assert_close(network(batch), network(batch), rtol=0, atol=0)
    torch.testing.assert_close(network(batch)[1:2], network(batch[1:2]), rtol=1e-4, atol=1e-5)


@every_network
@every_shape
@every_size
def test_predicted_bottleneck_is_the_hooked_one(name: str, options: Options, channels: Channels, size: Size) -> None:
    architecture = config(name, channels, size=size, **options)
    network = build(architecture, seed=0)
    seen: list[torch.Size] = []
    network.get_submodule("bottleneck").register_forward_hook(lambda _m, _i, output: seen.append(output.shape))
    network(images(size, batch=1))
    prediction = predict(architecture, *size)
    assert [tuple(shape[1:]) for shape in seen] == [prediction.shape]
    assert "latent" not in options or prediction.shape == (options["latent"], 1, 1)
    assert prediction.elements == math.prod(prediction.shape)
    assert prediction.compression == pytest.approx(3 * size[0] * size[1] / prediction.elements)


@every_network
@every_shape
@every_norm
def test_predicted_params_are_the_counted_ones(name: str, options: Options, channels: Channels, norm: Norm) -> None:
    architecture = config(name, channels, norm, (17, 23), **options)
    counted = sum(parameter.numel() for parameter in build(architecture, seed=0).parameters())
    assert predict(architecture, 17, 23).params == counted


@every_network
@every_shape
@every_size
def test_predicted_macs_are_those_torch_counts(name: str, options: Options, channels: Channels, size: Size) -> None:
    architecture = config(name, channels, size=size, **options)
    network = build(architecture, seed=0)
    with FlopCounterMode(display=False) as counter:
        network(images(size, batch=1))
    assert 2 * predict(architecture, *size).macs == counter.get_total_flops()


@pytest.mark.parametrize(("name", "options"), [*every_network.args[1], ("unet_twin", {})])
def test_seed_decides_the_weights(name: str, options: Options) -> None:
    networks = (build(config(name, **options), seed=seed).parameters() for seed in (0, 0, 1))
    for first, again, other in zip(*networks, strict=True):
        assert torch.equal(first, again)
        assert first.dim() < 2 or not torch.equal(first, other)  # biases start from nothing


@every_network
@every_norm
def test_every_number_of_a_new_network_is_set_and_drawn_once(
    name: str, options: Options, norm: Norm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that torch hands out is full of NaN here, and its own initialisation is refused."""
    targets: list[Target] = ["mask", "image"] if get_spec(name).reconstructs else ["mask"]
    networks = [config(name, norm=norm, target=target, **options) for target in targets]
    usual = [build(network, seed=0).state_dict() for network in networks]
    empty = torch.empty
    monkeypatch.setattr(
        torch, "empty", lambda *size, **how: full_of_nan(empty(*size, **{"dtype": torch.float32} | how))
    )
    monkeypatch.setattr(nn.init, "kaiming_uniform_", lambda *_args, **_how: pytest.fail("drawn and thrown away"))
    for network, weights in zip(networks, usual, strict=True):
        poisoned = build(network, seed=0).state_dict()
        assert all(torch.equal(value, poisoned[key]) for key, value in weights.items())


def full_of_nan(memory: torch.Tensor) -> torch.Tensor:
    return memory.fill_(math.nan) if memory.is_floating_point() else memory


def test_initial_weights_are_normal_numbers_of_a_generator_named_after_the_layer() -> None:
    """What studies of earlier versions started from: their runs and those of today are comparable."""
    weights = build(config("unet", (16, 32)), seed=3).state_dict()
    for name, std in (("encoder.1.conv1", (9 * 16) ** -0.5), ("encoder.1.conv2", (2 / (9 * 32)) ** 0.5)):
        seed = int.from_bytes(hashlib.sha256(f"3/{name}".encode()).digest()[:8], "big") >> 1
        weight = weights[f"{name}.weight"]
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(weight, drawn * std)
        assert not weights[f"{name}.bias"].any()


@every_network
@every_norm
def test_a_network_can_be_built_without_contents(name: str, options: Options, norm: Norm) -> None:
    architecture = config(name, norm=norm, **options)
    with FakeTensorMode():
        assert all(isinstance(tensor, FakeTensor) for tensor in build(architecture, seed=0).parameters())
    with torch.device("meta"):
        assert {tensor.device.type for tensor in build(architecture, seed=0).parameters()} == {"meta"}


@every_network
def test_activations_keep_their_scale_at_initialisation(name: str, options: Options) -> None:
    wide = {"latent": 8 * FLAT} if "latent" in options else {}
    network = build(config(name, (16, 32, 64), size=(32, 32), **(options | wide)), seed=0)
    assert 0.2 < network(images((32, 32), batch=8)).std() < 3


@every_variant
@every_norm
def test_unet_with_zeroed_skip_inputs_is_the_hourglass(options: Options, norm: Norm) -> None:
    """What the residual block projects only because of the skip connection is the identity."""
    unet, hourglass = (
        build(config(name, (4, 8, 16), norm, (17, 23), **options), seed=seed)
        for seed, name in enumerate(("unet", "hourglass"))
    )
    weights, theirs = unet.state_dict(), hourglass.state_dict()
    for key, weight in weights.items():
        if key not in theirs:
            assert key.endswith("projection.weight")
            theirs[key] = torch.eye(len(weight))[:, :, None, None]
        if weight.shape != theirs[key].shape:
            weights[key] = torch.zeros_like(weight)
            weights[key][:, : theirs[key].shape[1]] = theirs[key]
        else:
            weights[key] = theirs[key]
    unet.load_state_dict(weights)
    batch = images((17, 23))
    torch.testing.assert_close(unet(batch), hourglass(batch), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(build(config("unet", (4, 8, 16), norm, (17, 23), **options), seed=1)(batch), unet(batch))


@every_variant
@every_norm
def test_unet_without_skips_is_the_hourglass_to_the_bit(options: Options, norm: Norm) -> None:
    bare = config("unet", norm=norm, skips="none", **options)
    batch = images((16, 16))
    assert torch.equal(build(bare, seed=3)(batch), build(config("hourglass", norm=norm, **options), seed=3)(batch))


@every_variant
def test_encoders_of_one_seed_start_equal_across_architectures(options: Options) -> None:
    networks = [build(config(name, **options), seed=5).state_dict() for name in ("hourglass", "unet")]
    encoder = [key for key in networks[0] if key.startswith(get_spec("unet").encoder)]
    assert any(key.startswith("bottom") for key in encoder) == ("bottom" in options)
    assert any(key.startswith("to_latent") for key in encoder) == ("latent" in options)
    assert all(torch.equal(networks[0][key], networks[1][key]) for key in encoder)


def test_twin_is_the_unet_with_other_initial_weights() -> None:
    unet, twin = (build(config(name), seed=5) for name in ("unet", "unet_twin"))
    assert not torch.equal(unet.state_dict()["encoder.0.conv1.weight"], twin.state_dict()["encoder.0.conv1.weight"])
    twin.load_state_dict(unet.state_dict())
    batch = images((16, 16))
    assert torch.equal(unet(batch), twin(batch))


@pytest.mark.parametrize("skips", [(1,), (2,), (1, 3)])
def test_skips_can_be_a_set_of_levels(skips: tuple[int, ...]) -> None:
    architecture = configure("unet", (4, 8, 16), skips=skips)
    network = build(architecture, seed=0)
    assert network(images((16, 16))).shape == (2, 1, 16, 16)
    assert predict(architecture, 16, 16).params == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("preset", "params", "bottleneck"),
    [
        ("simple_conv_shallow", 2_923, (16, 128, 128)),
        ("simple_conv_deep", 209_159, (64, 128, 128)),
        ("hourglass", 107_201, (64, 16, 16)),
        ("unet", 131_393, (64, 16, 16)),
        ("unet_original", 31_037_633, (1024, 8, 8)),
    ],
)
def test_presets(preset: str, params: int, bottleneck: tuple[int, int, int]) -> None:
    prediction = predict(PRESETS[preset], 128, 128)
    assert (prediction.params, prediction.shape) == (params, bottleneck)
    assert preset_name(PRESETS[preset]) == preset


def test_default_decoders() -> None:
    assert config("unet", (16, 32, 64)) == PRESETS["unet"]
    assert config("hourglass", (16, 32, 64)) == PRESETS["hourglass"]
    assert config("simple_conv", (16,)) == PRESETS["simple_conv_shallow"]


@pytest.mark.parametrize("name", ["hourglass", "unet"])
def test_vanishing_bottleneck_names_the_largest_depth(name: str) -> None:
    too_deep = config(name, (2,) * 5)
    message = "architecture depth 5 leaves no bottleneck of an image of 20x64 pixels; the largest depth that fits is 4"
    with pytest.raises(InfeasibleArchitecture, match=message):
        predict(too_deep, 20, 64)
    with pytest.raises(InfeasibleArchitecture, match=message):
        build(too_deep, seed=0)(images((20, 64)))
    assert largest_depth(20, 64) == 4
    assert predict(config(name, (2,) * 4), 20, 64).shape == (2, 2, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": ()}, "architecture.channels must name at least one width, got none"),
        (
            {"channels": (4, 0)},
            r"architecture.channels must hold integers of at least 1 and at most 65,536, got \(4, 0\)",
        ),
        ({"norm": "layer"}, "architecture.norm must be one of none, batch, group, got 'layer'"),
        ({"block": "dense"}, "architecture.block must be one of practical, double, residual, got 'dense'"),
        ({"upsampling": "cubic"}, "architecture.upsampling must be one of transposed, bilinear, got 'cubic'"),
        ({"bottom": -1}, "architecture.bottom must be at least 0, got -1"),
        ({"skips": (3,)}, r"architecture.skips must be ascending levels between 1 and 2, got \(3,\)"),
        ({"skips": (2, 1)}, r"architecture.skips must be ascending levels between 1 and 2, got \(2, 1\)"),
    ],
)
def test_bad_configuration_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(config("unet"), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 8}, "architecture.latent must be 0 for simple_conv, got 8; use hourglass, which pools"),
        (
            {"upsampling": "bilinear"},
            "architecture.upsampling must be transposed for simple_conv, got bilinear; use hour",
        ),
        ({"bottom": 8}, "architecture.bottom must be 0 for simple_conv, got 8; use hourglass, which pools"),
        ({"skips": (1,)}, r"architecture.skips must be empty for simple_conv, got \(1,\); use unet"),
    ],
)
def test_what_only_pooled_maps_have_is_refused_by_simple_conv(options: Options, message: str) -> None:
    architecture = config("simple_conv", **options)
    with pytest.raises(ValueError, match=message):
        build(architecture, seed=0)
    with pytest.raises(ValueError, match=message):
        predict(architecture, 16, 16)


def test_a_family_differs_in_widths_alone() -> None:
    narrow, wide = (config("unet", channels, bottom=4 * channels[-1]) for channels in ((4, 8), (5, 9)))
    assert narrow.family == wide.family
    others: list[Options] = [{}, {"block": "double"}, {"upsampling": "bilinear"}, {"norm": "batch"}, {"skips": "none"}]
    families = [narrow.family, *(config("unet", **options).family for options in others)]
    assert all(one != other for one, other in combinations(families, 2))


def test_sizes_say_what_is_unlike_the_practicals_networks() -> None:
    assert config("unet", norm="batch").sizes == "4-8"
    assert PRESETS["unet_original"].sizes == "64-128-256-512 bottom 1024 double"
    assert config("unet", upsampling="bilinear", latent=3).sizes == "4-8 bilinear latent 3"


def test_the_bottom_changes_the_default_decoder() -> None:
    assert config("unet", (4, 8, 16), bottom=32) == config("unet", (4, 8, 16), bottom=32, decoder_channels=(16, 8, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, r"^depth must be at least 1, got 0\."),
        ({"base_width": 0}, r"^base_width must be at least 1, got 0\."),
        ({"depth": 2, "growth": 0.0}, r"^growth must be above 0, got 0\.0\."),
        ({"growth": 1.5}, r"^growth must stand with depth or base_width, got 1\.5\."),
        ({"channels": (4, 8), "growth": 2.0}, r"^growth must stand with depth or base_width, got 2\.0\."),
        ({"channels": (4, 8), "depth": 2}, r"^channels must stand without depth and base_width, got \(4, 8\)"),
    ],
)
def test_sizes_that_would_be_ignored_are_refused(options: Options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configure("unet", **options)


def test_widths_grow_by_the_factor() -> None:
    assert widths(16, 3) == (16, 32, 64)
    assert widths(8, 3, 1.5) == (8, 12, 18)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        widths(8, 0)
