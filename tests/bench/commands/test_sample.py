"""`bench sample`: pictures of a trained network, as files and beside its run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.generative.grids import GAP, PAPER
from tests.bench.conftest import Train

Sample = Callable[..., dict[str, Any]]
SaveCheckpoint = Callable[..., Path]
TILE = 6 * 16 + GAP
"""Pixels of a picture of 16 pixels, enlarged, and its gap."""


@pytest.fixture
def sample(runs: Path, capsys: pytest.CaptureFixture[str]) -> Sample:
    """Function that runs the command on the CPU and returns what it printed."""

    def call(checkpoint: object, arguments: str) -> dict[str, Any]:
        where = ["--runs", str(runs), "--device", "cpu", "--json"]
        assert main(["sample", str(checkpoint), *arguments.split(), *where]) == 0
        return json.loads(capsys.readouterr().out)

    return call


def pixels(path: str | Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_samples_of_a_run_are_written_and_logged_beside_it(
    mask_vae: dict[str, Any], runs: Path, sample: Sample, tmp_path: Path
) -> None:
    answer = sample(mask_vae["run_id"], f"--n 10 --seed 3 --out {tmp_path}/new/folder")
    written = tmp_path / "new" / "folder" / "samples.png"
    logged = f"{schema.GRID_DIR}/samples_n10_seed3.png"
    assert answer == {"samples": str(written), "run_id": mask_vae["run_id"], "logged": [logged]}
    assert pixels(written).shape == (3 * 98 + 2, 4 * 98 + 2)
    artifacts = Path(mask_vae["checkpoint"]).parent.parent
    assert (artifacts / logged).read_bytes() == written.read_bytes()
    assert list(tmp_path.rglob("*")) == [tmp_path / "new", written.parent, written]


def test_64_samples_go_under_the_run_unless_told_otherwise(
    mask_vae: dict[str, Any], runs: Path, sample: Sample
) -> None:
    answer = sample(mask_vae["run_id"], "")
    assert answer["samples"] == str(runs / schema.GRID_DIR / mask_vae["run_id"] / "samples.png")
    assert answer["logged"] == [f"{schema.GRID_DIR}/samples_n64_seed0.png"]
    own = Path(mask_vae["checkpoint"]).parent.parent / "samples.png"
    assert Path(answer["samples"]).read_bytes() == own.read_bytes()  # of the run, whose seed is 0 too


def test_seeds_decide_the_samples(save_checkpoint: SaveCheckpoint, sample: Sample, tmp_path: Path) -> None:
    checkpoint = save_checkpoint("vae", "image", 3)
    files = [
        Path(sample(checkpoint, f"--n 5 --seed {seed} --out {tmp_path}/{folder}")["samples"]).read_bytes()
        for folder, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert files[0] == files[1] != files[2]
    last = pixels(tmp_path / "a" / "samples.png")
    assert last.shape == (2 * TILE + 2, 3 * TILE + 2, 3)
    assert (last[TILE:, 2 * TILE :] == PAPER).all()  # five pictures in a grid of six


def test_samples_of_a_checkpoint_need_no_data_and_are_logged_nowhere(
    save_checkpoint: SaveCheckpoint, sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourglass_bench.bench.commands.sample.prepare", None)
    answer = sample(save_checkpoint("vae", "mask", 0).parent, f"--n 1 --out {tmp_path}")
    assert answer == {"samples": f"{tmp_path}/samples.png", "run_id": "", "logged": []}


def test_a_way_leads_between_the_reconstructions_of_two_frames_and_shows_both(
    save_checkpoint: SaveCheckpoint, sample: Sample, runs: Path, tmp_path: Path
) -> None:
    checkpoint = save_checkpoint("autoencoder", "image", 0)
    answer = sample(checkpoint, f"--interpolate 00004_0001 00001_0000 --steps 3 --out {tmp_path}")
    assert list(tmp_path.glob("*.png")) == [tmp_path / "interpolation.png"]
    row = pixels(answer["interpolation"])[-TILE:-GAP:6]  # of the enlarged pixels one each
    tiles = np.stack([row[:, left + GAP : left + TILE : 6] for left in range(0, 5 * TILE, TILE)])
    assert tiles.shape == (5, 16, 16, 3)
    network, config = load_checkpoint(checkpoint)
    frames = load(config.data, runs / "cache").frames
    images = frames.images[[frames.stems.index(stem) for stem in ("00004_0001", "00001_0000")]]
    assert (tiles[[0, 4]] == images).all()
    with torch.no_grad():
        decoded = network((torch.tensor(images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25).sigmoid() * 255
    assert np.abs(tiles[[1, 3]] - decoded.permute(0, 2, 3, 1).numpy()).max() < 1
    assert (tiles[1] != tiles[3]).any()


@pytest.mark.parametrize(("name", "target", "latent"), [("vae", "mask", 3), ("autoencoder", "image", 0)])
def test_traversals_have_a_row_for_each_number(
    save_checkpoint: SaveCheckpoint, sample: Sample, tmp_path: Path, name: str, target: str, latent: int
) -> None:
    answer = sample(save_checkpoint(name, target, latent), f"--traverse 2 --out {tmp_path}")
    assert answer.keys() == {"traversals", "run_id", "logged"}
    sheet = pixels(answer["traversals"])
    assert sheet.ndim == (2 if target == "mask" else 3)
    assert sheet.shape[1] > 10 * TILE  # the frame, nine steps and the names
    assert 2 * TILE < sheet.shape[0] < 3 * TILE


def test_all_pictures_of_a_run_come_in_one_call(mask_vae: dict[str, Any], sample: Sample, tmp_path: Path) -> None:
    wanted = "--n 4 --interpolate 00000_0000 00003_0002 --traverse 1"
    answer = sample(mask_vae["run_id"], f"{wanted} --out {tmp_path}")
    assert answer["logged"] == [
        f"{schema.GRID_DIR}/samples_n4_seed0.png",
        f"{schema.GRID_DIR}/interpolation_00000_0000_00003_0002_steps9.png",
        f"{schema.GRID_DIR}/traversals_1.png",
    ]
    artifacts = Path(mask_vae["checkpoint"]).parent.parent
    for name, logged in zip(("samples", "interpolation", "traversals"), answer["logged"], strict=True):
        assert (artifacts / logged).read_bytes() == (tmp_path / f"{name}.png").read_bytes()


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ("vae", "--n 0", "--n must lie between 1 and 4096, got 0"),
        ("vae", "--n 4097", "--n must lie between 1 and 4096, got 4097"),
        ("vae", "--seed -1", "--seed must be at least 0, got -1"),
        ("vae", "--interpolate 00000_0000 00001_0000 --steps 1", "--steps must lie between 2 and 64, got 1"),
        ("vae", "--traverse 0", "--traverse must be at least 1, got 0"),
        ("vae", "--traverse 4", "--traverse must be at most the latent numbers of the network (3), got 4"),
        ("vae", "--interpolate 00000_0000 dancer", "such as 00000_0000, 00001_0001, 00003_0000, 00004_0001, got 'dan"),
        ("vae", "--n 2 --out taken", "--out must be a folder, or one that can be made, got taken (File exists)"),
        ("vae", "--n 2 --out taken/below", "one that can be made, got taken/below (Not a directory)"),
        ("vae", "--device tpu", "device must be one of auto, cpu, cuda, cuda:INDEX or mps, got 'tpu'"),
        (
            "autoencoder",
            "",
            "samples must come from a vae, got autoencoder, which has no prior; --interpolate and --tra",
        ),
        ("unet", "", "sample must be given an autoencoder or a vae, got unet, which segments; use predict"),
    ],
)
def test_wrong_wishes_are_one_paragraph_and_write_nothing(
    network: str,
    arguments: str,
    message: str,
    save_checkpoint: SaveCheckpoint,
    runs: Path,
    tmp_path: Path,
    refused: Callable[..., str],
) -> None:
    checkpoint = save_checkpoint(network, latent=0 if network == "unet" else 3)
    (tmp_path / "taken").touch()
    assert message in refused(main, f"sample {checkpoint} {arguments} --runs {runs}")


@pytest.mark.usefixtures("mask_vae")  # so that there is a store to look in
def test_a_run_that_is_not_there_is_refused(runs: Path, refused: Callable[..., str]) -> None:
    assert "must be a checkpoint or the id of a run" in refused(main, f"sample {'0' * 32} --runs {runs}")


def test_frames_that_are_gone_are_named(
    folder_data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sample: Sample, train: Train
) -> None:
    """The frames come from where the run had them; samples do without."""
    data = shutil.copytree(folder_data, tmp_path / "data")
    network = "--arch vae --target mask --latent 2 --channels 4 8 --size 16 --epochs 1 --folds 3"
    run_id = train(f"{network} --data {data}")["run_id"]
    assert "interpolation" in sample(run_id, f"--interpolate 00000_0000 00005_0001 --out {tmp_path}")
    shutil.rmtree(data)
    assert main(["sample", run_id, "--traverse", "1", "--runs", str(runs), "--out", str(tmp_path)]) == 2
    assert "data must be a folder" in capsys.readouterr().err
    assert "samples" in sample(run_id, f"--n 1 --out {tmp_path}")
