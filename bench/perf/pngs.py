"""Frames as PNG files, and the Dataset that a user writes to read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hourglass_bench.bench.data.frames import Frames, is_foreground
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.training.objective import standardise

UNDECIDED = 255
"""In masks of sets of which some pixels count nowhere; as int8 it is the label `IGNORED`."""


class PngFrames(NamedTuple):
    """A split of frames that lie in a folder as PNG files."""

    root: Path
    """Holds images/STEM.png and masks/STEM.png."""
    train: tuple[str, ...]
    """Stems; one that stands there twice is trained twice per epoch."""
    val: tuple[str, ...]
    scenes: tuple[str, ...]
    """Of the validation frames."""
    ignores: bool
    """Whether masks hold 0, 1 and `UNDECIDED`; else foreground is what `is_foreground` says."""


def write_pngs(frames: Frames, root: Path) -> None:
    """Write images/STEM.png and masks/STEM.png of all frames; reading them gives the same pixels and labels."""
    for index, stem in enumerate(frames.stems):
        mask = frames.masks[index]
        if frames.ignored is not None:
            mask = np.where(frames.ignored[index], np.uint8(UNDECIDED), is_foreground(mask))
        for kind, picture in (("images", frames.images[index]), ("masks", mask)):
            path = root / kind / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)  # a stem may have a scene's folder
            Image.fromarray(picture).save(path)


def split_pngs(frames: Frames, split: Split, root: Path, passes: int = 1) -> PngFrames:
    """The training and validation frames of a split, each `passes` times."""
    train, val = np.tile(split.train, passes), np.tile(split.val, passes)
    return PngFrames(
        root,
        tuple(frames.stems[index] for index in train),
        tuple(frames.stems[index] for index in val),
        tuple(frames.scenes[index] for index in val),
        frames.ignored is not None,
    )


class PngDataset(Dataset[tuple[Tensor, Tensor]]):
    """Opens two files per item: image (3, H, W) float32 standardised, labels (1, H, W) float32 or int8 with IGNORED."""

    def __init__(self, root: Path, stems: Sequence[str], *, ignores: bool = False) -> None:
        self._root = root
        self._stems = stems
        self._ignores = ignores

    def __len__(self) -> int:
        return len(self._stems)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        name = f"{self._stems[index]}.png"
        image = np.array(Image.open(self._root / "images" / name, formats=("PNG",)).convert("RGB"))
        mask = np.array(Image.open(self._root / "masks" / name, formats=("PNG",)).convert("L"))
        pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        labels = (
            torch.from_numpy(mask.view(np.int8)) if self._ignores else torch.from_numpy(is_foreground(mask)).float()
        )
        return standardise(pixels), labels.unsqueeze(0)


class Loaders(NamedTuple):
    """What a training loop iterates over."""

    train: DataLoader[tuple[Tensor, Tensor]]
    """Batches of equal size in a fresh order."""
    val: DataLoader[tuple[Tensor, Tensor]]


def make_loaders(
    pngs: PngFrames, batch_size: int, seed: int, *, workers: int = 0, keep: bool = False, pin: bool = False
) -> Loaders:
    """Loaders with so many worker processes, which `keep` keeps from epoch to epoch; `pin` is for copies to a GPU."""
    train, val = (PngDataset(pngs.root, stems, ignores=pngs.ignores) for stems in (pngs.train, pngs.val))
    options: dict[str, Any] = {"num_workers": workers, "persistent_workers": keep and workers > 0, "pin_memory": pin}
    order = torch.Generator().manual_seed(seed)
    return Loaders(
        DataLoader(train, min(batch_size, len(train)), shuffle=True, drop_last=True, generator=order, **options),
        DataLoader(val, batch_size, **options),
    )
