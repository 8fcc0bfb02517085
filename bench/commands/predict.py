"""`bench predict`: masks of new images from a trained checkpoint."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import EXIT_INPUT, Answer, say
from hourglass_bench.bench.commands.images import OVERLAYS, PROBABILITIES, find_files
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.files.pictures import Page, list_pages, open_picture, to_rgb
from hourglass_bench.bench.data.panel import overlay
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.files import make_folder, replacing
from hourglass_bench.bench.inference import feed_contiguous, predict, predict_tiles
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.machine.precision import set_arithmetic
from hourglass_bench.bench.network_source import changed, needed
from hourglass_bench.bench.progress import progress
from hourglass_bench.bench.stored_config import unflatten
from hourglass_bench.bench.tracking.store import find_artifact, tracking_url
from hourglass_bench.bench.training.setup import build

COMPRESSION = 3
"""Of PNG: three times as fast as Pillow's own 6, for files that are 14 % larger."""


NAMED = 12
"""Files that failed which are named to people."""


def load_checkpoint(checkpoint: Path) -> tuple[nn.Module, RunConfig]:
    """The network of a `state_dict.pt` (or the folder that holds it), in evaluation mode, and its config.

    Weights are read with `weights_only`, so a checkpoint cannot run code.

    Raises:
        ValueError: a file is missing or does not hold what it should.
    """
    weights = checkpoint / Path(schema.CHECKPOINT_FILE).name if checkpoint.is_dir() else checkpoint
    config_file = weights.parent / Path(schema.CONFIG_FILE).name
    for path in (weights, config_file):
        if not path.is_file():
            raise ValueError(f"a checkpoint is {weights.name} with {config_file.name} beside it, got no file {path}.")
    try:
        stored = json.loads(config_file.read_text(encoding="utf-8"))
        config, network = _rebuild(stored, weights.parent)
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (RuntimeError, OSError, EOFError, json.JSONDecodeError) as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{weights} must hold the weights that {config_file} describes, got {text}.") from error
    return network.eval(), config


def _rebuild(stored: dict[str, str], folder: Path) -> tuple[RunConfig, nn.Module]:
    """The untrained network of a stored config; ValueError says what it is built from, if that cannot be had."""
    try:
        config = unflatten(stored)
        network = build(config)
    except ValueError as error:
        if not (source := needed(folder)):
            raise
        raise ValueError(f"{str(error).rstrip('.')}; the checkpoint in {folder} is built from {source}.") from error
    if others := changed(folder, config.architecture.name):
        say(f"{config.architecture.name} has changed since the training: {', '.join(others)}; its weights are loaded")
    if get_spec(config.architecture.name).origin == "elsewhere":
        feed_contiguous(network)
    return config, network


def load_reading(checkpoint: Path) -> Reading:
    """How the images of the checkpoint's data set were read; checkpoints of older versions do not say, and need not."""
    file = (checkpoint if checkpoint.is_dir() else checkpoint.parent) / Path(schema.READING_FILE).name
    return Reading.from_json(file.read_text(encoding="utf-8")) if file.is_file() else Reading()


class Seen(NamedTuple):
    """An image and what is found in it."""

    image: NDArray[np.uint8]
    """(H, W, 3)."""
    probability: NDArray[np.float32]
    """(H, W)."""


def resolve_checkpoint(name: str, tracking: str) -> Path:
    """Path of a checkpoint given as a path or as the id of an MLflow run in the store at the URL `tracking`."""
    path = Path(name)
    return path if path.exists() else find_artifact(tracking, name, schema.CHECKPOINT_FILE)


class Wanted(NamedTuple):
    """What is written of each image, and how it is seen."""

    out: Path
    probabilities: bool = False
    """Also 16-bit pictures of the probability."""
    tile: bool = False
    """By tiles of its own pixels, not resized."""
    max_megapixels: int | None = None
    """Largest file that is read, in millions of pixels; None: as in the training."""


def predict_images(
    checkpoint: str, images: Path, wanted: Wanted, device: str, runs: Path, tracking: str = ""
) -> Answer:
    """Masks of an image or of a folder's; the answer of `bench predict`, with code 2 if a file failed.

    Written are `OUT/STEM.png` (0 or 255, at the image's own size), `OUT/overlays/STEM.png` and, if they are wanted,
    `OUT/probabilities/STEM.png` (0 to 65535) of each, or none of the three. Folders are as those of the images. A file
    of several pages has `STEM#007.png` of each or of none.

    Raises:
        ValueError: wrong input; then nothing is written.
    """
    files = find_files(images, wanted.out)
    resolved = resolve_checkpoint(checkpoint, tracking_url(runs, tracking))
    (network, config), reading = load_checkpoint(resolved), load_reading(resolved)
    if config.architecture.reconstructs:
        raise ValueError(f"predict must be given a network that segments, got {config.architecture.name}; use sample.")
    target = choose_device(device)
    set_arithmetic("fp32", target)  # whatever it was trained in
    network.to(target)
    make_folder(wanted.out)

    def look(page: Page) -> Seen:
        image = to_rgb(open_picture(page, wanted.max_megapixels or config.data.max_megapixels), reading.limits)
        if wanted.tile:
            return Seen(image, predict_tiles(network, image, config.data.size, target))
        return Seen(image, predict(network, image, config.data.size, reading.fit, target))

    masks, failed = 0, {}
    for name, path in progress(files.items(), f"predicting {images}", len(files)):
        try:
            masks += _write_file(path, name, look, wanted)
        except (ValueError, OSError) as error:
            failed[str(path)] = str(error)
    return _answer(masks, len(files), failed, wanted.out)


def _write_file(path: Path, name: str, look: Callable[[Page], Seen], wanted: Wanted) -> int:
    """All that is wanted of the pages of a file, or nothing; the number of pages."""
    pages = list_pages(path)
    with ExitStack() as stack:  # renames the files when all of them are written
        for page in pages:
            file = Path(name).with_name(f"{page.stem}.png")
            for folder, pixels in _draw(look(page), wanted.probabilities):
                place = wanted.out / folder / file
                make_folder(place.parent)
                partial = stack.enter_context(replacing(place))
                Image.fromarray(pixels).save(partial, format="PNG", compress_level=COMPRESSION)
    return len(pages)


def _draw(seen: Seen, probabilities: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """Folder and picture of all that is wanted, one after the other, since each may be large."""
    mask = seen.probability > 0.5
    yield "", mask.astype(np.uint8) * 255
    yield OVERLAYS, overlay(seen.image, mask)
    if probabilities:
        yield PROBABILITIES, (seen.probability * 65535 + 0.5).astype(np.uint16)


def _answer(masks: int, files: int, failed: dict[str, str], out: Path) -> Answer:
    values: dict[str, Any] = {"masks": masks, "out": str(out)}
    if not failed:
        return Answer(values)
    lines = [reason if path in reason else f"{path}: {reason}" for path, reason in failed.items()]
    more = [f"and {len(lines) - NAMED} more, which --json lists."] if len(lines) > NAMED else []
    say("\n".join((f"bench: predict failed for {len(failed)} of {files} files:", *lines[:NAMED], *more)))
    text = f"masks: {masks}\nout: {out}\nfailed: {len(failed)} of {files} files"
    return Answer(values | {"failed": failed}, text, EXIT_INPUT)
