"""`bench sample`: what a trained auto-encoder or VAE draws, as files and beside its run in MLflow."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import nn

from hourglass_bench.architectures.autoencoder import AutoEncoder
from hourglass_bench.architectures.config import Target
from hourglass_bench.architectures.vae import VAE
from hourglass_bench.bench import schema
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.commands.images import require_own_folder
from hourglass_bench.bench.commands.predict import resolve_checkpoint
from hourglass_bench.bench.commands.writing import open_to_write
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.panel import choose_frames
from hourglass_bench.bench.files import make_folder, require_inside
from hourglass_bench.bench.generative.config import SampleConfig
from hourglass_bench.bench.generative.decoding import OFFSETS, interpolate, sample, traverse
from hourglass_bench.bench.generative.grids import Grid, interpolation_grid, sample_grid, save_grid, traversal_grid
from hourglass_bench.bench.generative.latent import encode, latent_table, most_telling
from hourglass_bench.bench.generative.pictures import target_pictures
from hourglass_bench.bench.machine.device import place
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.machine.precision import set_arithmetic
from hourglass_bench.bench.stored_config import config_hash
from hourglass_bench.bench.tracking.store import RunLog
from hourglass_bench.bench.training.objective import latent_shape
from hourglass_bench.bench.training.setup import Setup, prepare

Shape = tuple[int, int, int]
"""(C, H, W) of a latent."""


class Drawn(NamedTuple):
    """One picture."""

    name: str
    """Of its file."""
    details: str
    """What tells it from other pictures of its kind, which a run's artifacts are named by too."""
    grid: Grid


def sample_one(
    checkpoint: str, wanted: SampleConfig, *, out: Path | None, runs: Path, device: str, tracking: str = ""
) -> dict[str, Any]:
    """Draw what is wanted of a checkpoint or run; the answer of `bench sample --json`.

    Written are OUT/samples.png, OUT/interpolation.png and OUT/traversals.png, as far as they are wanted; of a run they
    are logged too, under `schema.GRID_DIR`. Without `out` it is a folder of the run's in RUNS.

    Raises:
        ValueError: wrong input; then nothing is written.
    """
    if out is not None:
        require_own_folder(out)
    target = choose_device(device)
    network, config = load_checkpoint(resolve_checkpoint(checkpoint, runs, tracking))
    run_id = "" if Path(checkpoint).exists() else checkpoint
    drawn = draw(
        _require_decoder(network, wanted, config.architecture.name), config, wanted, runs / schema.CACHE_DIR, target
    )
    own = runs / schema.GRID_DIR / (run_id or config_hash(config))
    for picture in () if out else drawn:
        require_inside(runs, own / f"{picture.name}.png")
    written = write(drawn, out or own)
    logged = log_grids(drawn, RunLog(open_to_write(runs, tracking), run_id)) if run_id else []
    return {**{name: str(path) for name, path in written.items()}, "run_id": run_id, "logged": logged}


def _require_decoder(network: nn.Module, wanted: SampleConfig, name: str) -> AutoEncoder:
    """The network of that architecture, if it can draw what is wanted."""
    if not isinstance(network, AutoEncoder):
        raise ValueError(f"sample must be given an autoencoder or a vae, got {name}, which segments; use predict.")
    if wanted.samples and not isinstance(network, VAE):
        raise ValueError(
            f"samples must come from a vae, got {name}, which has no prior; --interpolate and --traverse work with it."
        )
    return network


def draw(
    network: AutoEncoder, config: RunConfig, wanted: SampleConfig, cache: Path, device: torch.device
) -> list[Drawn]:
    """All pictures that are wanted; the data are loaded only if one of them shows a frame."""
    drawn: list[Drawn] = []
    shape = latent_shape(config.architecture, config.data.size)
    if wanted.samples:
        set_arithmetic("fp32", device)
        place(network, device)
        samples = sample_grid(sample(network, shape, wanted.samples, config.data.size, wanted.seed))
        drawn.append(Drawn("samples", f"n{wanted.samples}_seed{wanted.seed}", samples))
    if wanted.interpolate or wanted.traverse:
        setup = prepare(config, cache, device, load(config.data, cache))
        setup.trainer.network.load_state_dict(network.state_dict())
        if wanted.interpolate:
            drawn.append(_draw_way(setup, config.architecture.target, shape, wanted.interpolate, wanted.steps))
        if wanted.traverse:
            drawn.append(_draw_traversals(setup, config.architecture.target, shape, wanted.traverse))
    return drawn


def _draw_way(setup: Setup, target: Target, shape: Shape, stems: tuple[str, str], steps: int) -> Drawn:
    indices = find_frames(setup.dataset.frames, stems)
    codes = encode(setup.trainer, setup.data, torch.tensor(indices))[0].view(-1, *shape)
    ways = interpolate(_decoder(setup), codes[:1], codes[1:], setup.data.size, steps)
    ends = target_pictures(setup.dataset.frames, target)[indices]
    names = "_".join(stems).replace("/", "-")  # a stem may have a scene's folder
    return Drawn("interpolation", f"{names}_steps{steps}", interpolation_grid(ends[:1], ways, ends[1:]))


def find_frames(frames: Frames, stems: Sequence[str]) -> list[int]:
    """Indices of the frames with these stems; ValueError names some that there are."""
    for stem in stems:
        if stem not in frames.stems:
            known = ", ".join(frames.stems[:: -(-len(frames.stems) // 4)])
            raise ValueError(f"--interpolate must name frames of the run's data, such as {known}, got {stem!r}.")
    return [frames.stems.index(stem) for stem in stems]


def _draw_traversals(setup: Setup, target: Target, shape: Shape, count: int) -> Drawn:
    """About the middle frame of the first validation scene: the test frames stay closed."""
    indices = setup.split.val
    codes, divergences = encode(setup.trainer, setup.data, torch.from_numpy(indices))
    if count > codes.shape[1]:
        raise ValueError(
            f"--traverse must be at most the latent numbers of the network ({codes.shape[1]}), got {count}."
        )
    dimensions = most_telling(latent_table(codes, divergences), count)
    start = choose_frames([setup.dataset.frames.scenes[index] for index in indices])[0]
    maps = codes.view(-1, *shape)
    pictures = traverse(_decoder(setup), maps, maps[start], dimensions, setup.data.size)
    frame = target_pictures(setup.dataset.frames, target)[indices[start]]
    return Drawn("traversals", str(count), traversal_grid(frame, pictures, dimensions, OFFSETS))


def _decoder(setup: Setup) -> AutoEncoder:
    network = setup.trainer.network
    assert isinstance(network, AutoEncoder)
    return network


def write(drawn: Sequence[Drawn], out: Path) -> dict[str, Path]:
    """Pictures as OUT/NAME.png, by their names."""
    make_folder(out)
    paths = {picture.name: out / f"{picture.name}.png" for picture in drawn}
    for picture in drawn:
        save_grid(picture.grid, paths[picture.name])
    return paths


def log_grids(drawn: Sequence[Drawn], log: RunLog) -> list[str]:
    """Store pictures as artifacts of the run; their names there."""
    names = [f"{schema.GRID_DIR}/{picture.name}_{picture.details}.png" for picture in drawn]
    with TemporaryDirectory() as folder:
        (Path(folder) / schema.GRID_DIR).mkdir()
        for picture, name in zip(drawn, names, strict=True):
            save_grid(picture.grid, Path(folder) / name)
        log.artifacts(Path(folder))
    return names
