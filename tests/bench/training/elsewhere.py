"""Networks as people bring them, each with one thing that a careless harness trips over."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Base(nn.Module):
    """conv - [middle] - conv."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.middle: nn.Module = nn.Identity()
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.middle(F.relu(self.first(x))))


class Normed(Base):
    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.BatchNorm2d(8)


class Instance(Base):
    def __init__(self, running: bool = False) -> None:
        super().__init__()
        self.middle = nn.InstanceNorm2d(8, affine=running, track_running_stats=running)


class Dropping(Base):
    def __init__(self, p: float = 0.3) -> None:
        super().__init__()
        self.middle = nn.Dropout(p)


class Kept(Base):
    """Weights that the constructor has from somewhere, as pretrained ones."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.first.weight.copy_(torch.arange(216.0).view_as(self.first.weight) / 1000)
        self.scale = self.first.weight.max().item()  # which fake tensors cannot tell


class Viewing(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        b, c, h, w = x.shape
        return self.last(x.view(b, c * h * w).relu().view(b, c, h, w))


class FloatOnly(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if x.dtype != torch.float32:
            raise RuntimeError("erfinv is not implemented for BFloat16")
        return self.last(x)


class FloatViewing(Viewing):
    def forward(self, x: Tensor) -> Tensor:
        if self.first(x).dtype != torch.float32:
            raise RuntimeError("only float32")
        return super().forward(x)


class Failing(Base):
    """Only with what has contents."""

    def forward(self, x: Tensor) -> Tensor:
        if float(x.abs().max()) > 0.5:
            raise RuntimeError("cannot do it")
        return super().forward(x)


class Sigmoid(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sigmoid()


class SigmoidInEvaluation(Base):
    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits if self.training else logits.sigmoid()


class Auxiliary(Base):
    """A dict in training, a tensor in evaluation."""

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        logits = super().forward(x)
        return {"out": logits, "aux": logits * 2} if self.training else logits


class Frozen(Base):
    def __init__(self) -> None:
        super().__init__()
        self.first.requires_grad_(False)


class Unused(Base):
    def __init__(self) -> None:
        super().__init__()
        self.never = nn.Linear(3, 3)


class Tied(Base):
    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.Conv2d(8, 8, 1)
        self.again = nn.Conv2d(8, 8, 1)
        self.again.weight = self.middle.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.again(self.middle(self.first(x))))


class InPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        x.sub_(0.5).relu_()
        return super().forward(x)


class Deciding(Base):
    """Control flow by values, and a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if x.mean().item() > 0:
            x = x * 2
        return super().forward(x)


class Counting(Base):
    """Integer and boolean buffers that steps replace, and one that does not persist and stays."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros((), dtype=torch.bool))
        self.register_buffer("grid", torch.ones(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.count += 1
            self.seen |= True
        return super().forward(x * self.grid)


class Forgetful(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean.mul_(0.9).add_(x.detach().float().mean() * 0.1 + 0.1)
        return super().forward(x) + self.mean


class Extra(Base):
    def get_extra_state(self) -> dict[str, int]:
        return {"version": 1}

    def set_extra_state(self, state: object) -> None:
        pass


class Resting(Base):
    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.BatchNorm2d(8).eval()


class Untracked(Base):
    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.BatchNorm2d(8, track_running_stats=False)


class AlwaysDropping(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.dropout(self.first(x), 0.5, training=True))


class Uncopyable(Base):
    def __deepcopy__(self, memo: object) -> None:
        raise TypeError("cannot be copied")


class Lazy(Base):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.LazyConv2d(1, 1)


class Doubled(Base):
    def __init__(self) -> None:
        super().__init__()
        self.double()


class Complex(Base):
    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Parameter(torch.zeros(1, dtype=torch.complex64))


class Classes(Base):
    def forward(self, x: Tensor) -> Tensor:
        return (super().forward(x) > 0).long()


class ComplexOutput(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 1j


class Detached(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


class Rooted(Base):
    """Its first gradient is no number, its first loss is one."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits + (logits - logits.detach()).sqrt()


class PartlyParallel(Base):
    """As it is made on a machine with GPUs."""

    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.DataParallel(nn.BatchNorm2d(8))
        self.middle.device_ids = [0, 1]
        self.middle.src_device_obj = torch.device("cuda:0")


def parallel() -> nn.Module:
    return nn.DataParallel(Normed())


def scripted() -> nn.Module:
    return torch.jit.script(nn.Conv2d(3, 1, 1))


def compiled() -> nn.Module:
    return torch.compile(Base())


def partly_compiled() -> nn.Module:
    network = Base()
    network.middle = torch.jit.script(nn.ReLU())
    return network


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.inside(x))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Conv2d(8, 24, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(x).flatten(2).transpose(1, 2).chunk(3, -1)
        weights = (query @ key.transpose(1, 2)).softmax(-1)
        return x + (weights @ value).transpose(1, 2).reshape(x.shape)


class ChannelNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Squeeze(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = (nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.SiLU(), nn.Conv2d(2, 8, 1), nn.Sigmoid())
        self.weigh = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weigh(x)


KINDS = {
    "residual": Residual,
    "attention": Attention,
    "channel norm": lambda: ChannelNorm(8),
    "squeeze": Squeeze,
    "enlarged": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear")),
    "transposed": lambda: nn.Sequential(nn.MaxPool2d(2), nn.ConvTranspose2d(8, 8, 2, stride=2)),
    "shuffled": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 32, 1), nn.PixelShuffle(2)),
    "depthwise": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "instance norm": lambda: nn.InstanceNorm2d(8),
    "running instance norm": lambda: nn.InstanceNorm2d(8, affine=True, track_running_stats=True),
    "group norm": lambda: nn.GroupNorm(2, 8),
    "plain group norm": lambda: nn.GroupNorm(2, 8, affine=False),
    "plain batch norm": lambda: nn.BatchNorm2d(8, affine=False),
    "dropout": lambda: nn.Dropout2d(0.2),
    "gelu": nn.GELU,
    "prelu": nn.PReLU,
}


class Kind(Base):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.middle = KINDS[kind]()
