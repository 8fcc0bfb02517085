"""`bench predict`: masks of new images from a trained checkpoint."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from architectures import registry
from bench import schema
from bench.config import RunConfig
from bench.data.folder import find_images
from bench.data.panel import overlay
from bench.data.pictures import SUFFIXES, Page, list_pages, open_picture, to_rgb
from bench.data.reading import Reading
from bench.files import replacing
from bench.machine.device import choose_device
from bench.stored_config import unflatten
from bench.tracking.store import find_artifact, tracking_url
from bench.training.objective import standardise


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
        config = unflatten(json.loads(config_file.read_text(encoding="utf-8")))
        network = registry.build(config.architecture, seed=config.repeat)
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (RuntimeError, OSError, EOFError, json.JSONDecodeError) as error:
        raise ValueError(f"{weights} must hold the weights that {config_file} describes, got {error}.") from error
    return network.eval(), config


def load_reading(checkpoint: Path) -> Reading:
    """How the images of the checkpoint's data set were read; checkpoints of older versions do not say, and need not."""
    file = (checkpoint if checkpoint.is_dir() else checkpoint.parent) / Path(schema.READING_FILE).name
    return Reading.from_json(file.read_text(encoding="utf-8")) if file.is_file() else Reading()


def resolve_checkpoint(name: str, tracking: str) -> Path:
    """Path of a checkpoint given as a path or as the id of an MLflow run in the store at the URL `tracking`."""
    path = Path(name)
    return path if path.exists() else find_artifact(tracking, name, schema.CHECKPOINT_FILE)


def predict_images(
    checkpoint: str, images: Path, out: Path, device: str, runs: Path, tracking: str = ""
) -> dict[str, Any]:
    """Masks of an image or of a folder's; the answer of `bench predict --json`.

    Written are `OUT/STEM.png` (0 or 255, at the image's own size) and `OUT/overlays/STEM.png` of each.

    Raises:
        ValueError: wrong input; then nothing is written.
    """
    found = _choose_images(images)
    resolved = resolve_checkpoint(checkpoint, tracking_url(runs, tracking))
    (network, config), reading = load_checkpoint(resolved), load_reading(resolved)
    if config.architecture.reconstructs:
        raise ValueError(f"predict must be given a network that segments, got {config.architecture.name}; use sample.")
    target = choose_device(device)
    network.to(target)
    for page in found:
        image = to_rgb(open_picture(page, config.data.max_megapixels), reading.limits)
        mask = predict_mask(network, image, config.data.size, target)
        _save(Image.fromarray(mask.astype(np.uint8) * 255), out / f"{page.stem}.png")
        _save(Image.fromarray(overlay(image, mask)), out / "overlays" / f"{page.stem}.png")
    return {"masks": len(found), "out": str(out)}


def _choose_images(path: Path) -> list[Page]:
    """The image itself, or the images of a folder (of its `images/`, if it is a data set).

    Raises:
        ValueError: there is none, or two would be written under one name.
    """
    if path.is_file():
        return list_pages(path)
    folder = path / "images" if (path / "images").is_dir() else path
    if not folder.is_dir():
        raise ValueError(f"{path} must be an image or a folder of images, got nothing there.")
    images = find_images(folder)
    if not images:
        raise ValueError(f"{folder} must hold images ({', '.join(SUFFIXES)}), got none.")
    return list(images.values())


@torch.inference_mode()
def predict_mask(
    network: nn.Module, image: NDArray[np.uint8], size: tuple[int, int], device: torch.device
) -> NDArray[np.bool_]:
    """Foreground of one (H, W, 3) image: resized to `size`, predicted, and the probability resized back to (H, W)."""
    resized = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    inputs = torch.tensor(np.asarray(resized), device=device).permute(2, 0, 1)[None].float() / 255
    probability: Tensor = network(standardise(inputs)).float().sigmoid()
    probability = F.interpolate(probability, image.shape[:2], mode="bilinear", antialias=True)
    mask: NDArray[np.bool_] = (probability[0, 0] > 0.5).cpu().numpy()
    return mask


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        image.save(partial, format="PNG")
