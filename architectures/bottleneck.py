"""What a network will be, predicted from its configuration alone: bottleneck, parameters and multiply-accumulates.

For an image of side S and n poolings of 2 the bottleneck has side `S >> n`; a side that the poolings do not divide is
padded up to the next multiple of `2**n` first. No tensor is made here.
"""

from typing import NamedTuple

from hourglass_bench.architectures.config import Block, EncoderDecoderConfig, InfeasibleArchitecture, Norm


class Layer(NamedTuple):
    """One convolution, plain or transposed, with its output size in pixels."""

    in_channels: int
    out_channels: int
    parameter_taps: int
    """Kernel height times width."""
    output_taps: int
    """Kernel taps that reach one output pixel: fewer than `parameter_taps` for a strided transposed convolution."""
    height: int
    width: int
    norm: Norm = "none"
    bias: bool = True

    @property
    def params(self) -> int:
        """Weights and biases, and the scale and shift of the normalisation."""
        affine = 0 if self.norm == "none" else 2
        return self.out_channels * (self.in_channels * self.parameter_taps + self.bias + affine)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the convolution for one image."""
        return self.in_channels * self.out_channels * self.output_taps * self.height * self.width

    @property
    def activations(self) -> int:
        """Numbers that leave it for one image, and are kept for the backward pass: what a convolution of single pixels
        makes, such as a shortcut, may only be added to others."""
        return self.out_channels * self.height * self.width if self.output_taps > 1 else 0


class Prediction(NamedTuple):
    """Sizes of a network on one image."""

    shape: tuple[int, int, int]
    """Bottleneck map as (channels, height, width)."""
    elements: int
    """Numbers in the bottleneck map."""
    compression: float
    """Numbers in the input image per number in the bottleneck map."""
    params: int
    macs: int
    bottleneck: str = "bottleneck"
    """Submodule whose output is the bottleneck map."""
    activations: int = 0
    """Numbers that a training step keeps of one image, at least: those that leave convolutions, or what a trace saw."""


def block_layers(
    in_channels: int, out_channels: int, height: int, width: int, norm: Norm, block: Block = "practical"
) -> list[Layer]:
    """The convolutions of a block of `architectures.blocks`."""
    size = height, width
    if block == "practical":
        return [Layer(in_channels, out_channels, 9, 9, *size, norm), Layer(out_channels, out_channels, 9, 9, *size)]
    bias = norm == "none"
    layers = [Layer(before, out_channels, 9, 9, *size, norm, bias) for before in (in_channels, out_channels)]
    if block == "residual" and in_channels != out_channels:
        layers.append(Layer(in_channels, out_channels, 1, 1, *size, bias=False))
    return layers


def summarise(
    config: EncoderDecoderConfig, layers: list[Layer], shape: tuple[int, int, int], image: tuple[int, int]
) -> Prediction:
    """Add the layers up."""
    channels, height, width = shape
    elements = channels * height * width
    return Prediction(
        shape=shape,
        elements=elements,
        compression=config.in_channels * image[0] * image[1] / elements,
        params=sum(layer.params for layer in layers),
        macs=sum(layer.macs for layer in layers),
        activations=sum(layer.activations for layer in layers),
    )


def largest_depth(height: int, width: int) -> int:
    """Most poolings of 2 after which at least one pixel is left of every side."""
    return min(height, width).bit_length() - 1


def require_fit(depth: int, height: int, width: int) -> None:
    """Raise InfeasibleArchitecture if `depth` poolings leave nothing of the image."""
    if depth > largest_depth(height, width):
        raise InfeasibleArchitecture(
            f"architecture depth {depth} leaves no bottleneck of an image of {height}x{width} pixels; "
            f"the largest depth that fits is {largest_depth(height, width)}."
        )
