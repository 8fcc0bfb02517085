"""Everything that a run of a VAE or an auto-encoder finds on its test frames and leaves behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow.entities import Run
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.split import split_frames
from hourglass_bench.bench.generative.evaluation import evaluate_generative
from hourglass_bench.bench.generative.pictures import pairs
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from tests.bench.conftest import MakeSetup

SAMPLED = {metric.name for metric in (schema.SAMPLE_DISTANCE, schema.UNSEEN_DISTANCE, schema.COPIED_SHARE)}
OF_VAE = SAMPLED | {metric.name for metric in (*schema.BOUND_METRICS, schema.TEST_BITS, schema.ACTIVE_UNITS)}
PICTURES = {"reconstructions.png", "interpolations.png", "traversals.png"}


def stored_run(runs: Path, answer: dict[str, Any]) -> Run:
    return open_store(tracking_url(runs)).get_run(answer["run_id"])


def folder_of(answer: dict[str, Any]) -> Path:
    return Path(answer["checkpoint"]).parent.parent


def require_scene_means(run: Run, table: pd.DataFrame, metrics: tuple[schema.Metric, ...]) -> None:
    for metric in metrics:
        mean = table.groupby("scene")[metric.column].mean().mean()
        assert run.data.metrics[metric.name] == pytest.approx(mean, rel=1e-9), metric.name


def require_within_limits(run: Run) -> None:
    for name, value in run.data.metrics.items():
        metric = schema.METRICS[name]
        assert np.isfinite(value), name
        assert metric.lower is None or value >= metric.lower, name
        assert metric.upper is None or value <= metric.upper, name


def test_vae_of_masks_has_every_metric(mask_vae: dict[str, Any], runs: Path) -> None:
    run = stored_run(runs, mask_vae)
    logged = run.data.metrics.keys()
    expected = {metric.name for metric in (*schema.TEST_METRICS, *schema.RECONSTRUCTION_METRICS)} | OF_VAE
    assert expected - {schema.TEST_MS_SSIM.name} | {schema.PROBE_IOU.name} <= logged
    assert not {schema.TEST_MS_SSIM.name, schema.TEST_SIGMA.name, schema.LABEL_AGREEMENT.name} & logged
    assert run.data.tags[schema.COLLAPSE] in ("", "posterior")
    assert run.data.tags[schema.STATE] == "complete"
    require_within_limits(run)


def test_tables_of_a_vae_of_masks_agree_with_its_metrics(mask_vae: dict[str, Any], runs: Path) -> None:
    run, folder = stored_run(runs, mask_vae), folder_of(mask_vae)
    table, masks = (pd.read_parquet(folder / name) for name in (schema.RECONSTRUCTION_TABLE, schema.FRAME_TABLE))
    assert list(table.columns) == ["stem", "scene", "mse", "psnr", "ssim", "distortion", "kl", "elbo", "iwae"]
    assert table["stem"].tolist() == masks["stem"].tolist()
    require_scene_means(run, table, (*schema.RECONSTRUCTION_METRICS[:3], *schema.BOUND_METRICS))
    require_scene_means(run, masks, schema.TEST_METRICS)
    assert not {schema.baseline_column(name) for name in schema.BASELINES} & set(masks.columns)
    metrics = run.data.metrics
    assert metrics["test/mse"] == pytest.approx(metrics["test/brier"], abs=1e-5)  # of masks they are the same
    assert metrics["test/bits_per_dim"] == pytest.approx(-metrics["test/elbo"] / np.log(2) / 32**2)
    latent = pd.read_parquet(folder / schema.LATENT_TABLE)
    assert list(latent.columns) == ["dimension", "mean", "variance", "kl", "active"]
    assert len(latent) == 4
    assert latent["active"].sum() == metrics["test/active_units"]
    assert latent["kl"].sum() == pytest.approx(table["kl"].mean(), rel=1e-4)


def test_pictures_of_a_vae_of_masks(mask_vae: dict[str, Any]) -> None:
    folder = folder_of(mask_vae)
    assert {path.name for path in folder.glob("*.png")} == PICTURES | {"samples.png"}
    shapes = {name: array.shape for name, array in np.load(folder / schema.GENERATED_DATA).items()}
    assert shapes == {
        "originals": (2, 32, 32),  # the middle frames of two test scenes
        "reconstructions": (2, 32, 32),
        "interpolations": (1, 9, 32, 32),
        "traversals": (4, 9, 32, 32),
        "dimensions": (4,),
        "samples": (64, 32, 32),
        "neighbours": (64, 32, 32),
    }
    with Image.open(folder / "samples.png") as picture:
        assert picture.size == (8 * 98 + 2, 8 * 98 + 2)


def test_pictures_are_of_the_test_frames_and_the_checkpoint(mask_vae: dict[str, Any], runs: Path) -> None:
    drawn = dict(np.load(folder_of(mask_vae) / schema.GENERATED_DATA))
    network, config = load_checkpoint(Path(mask_vae["checkpoint"]))
    originals = torch.from_numpy(drawn["originals"] / np.float32(255))[:, None]
    with torch.no_grad():
        expected = network((originals - 0.5) / 0.25).sigmoid().squeeze(1).numpy() * 255
    assert np.abs(drawn["reconstructions"] - expected).max() < 3  # arithmetic may be bfloat16
    ends = drawn["interpolations"][0, [0, -1]]
    assert np.abs(ends - expected).max() < 3
    frames = load(config.data, runs / "cache").frames
    split = split_frames(frames.scenes, config.data, config.repeat)
    masks = is_foreground(frames.masks) * np.uint8(255)
    for picture in drawn["originals"]:
        assert (masks[split.test] == picture).all(axis=(1, 2)).any()
    apart = drawn["samples"][:, None].astype(float) - masks[split.train]
    nearest = np.square(apart).mean(axis=(2, 3)).argmin(axis=1)
    assert (drawn["neighbours"] == masks[split.train][nearest]).all()


def test_autoencoder_of_images_has_no_mask_metrics_and_no_samples(
    image_autoencoder: dict[str, Any], runs: Path
) -> None:
    run, folder = stored_run(runs, image_autoencoder), folder_of(image_autoencoder)
    logged = run.data.metrics.keys()
    assert {metric.name for metric in schema.RECONSTRUCTION_METRICS} | {schema.PROBE_IOU.name} <= logged
    assert not ({metric.name for metric in schema.TEST_METRICS} | OF_VAE | {schema.TEST_SIGMA.name}) & logged
    assert schema.COLLAPSE not in run.data.tags
    require_within_limits(run)
    table, latent = (pd.read_parquet(folder / name) for name in (schema.RECONSTRUCTION_TABLE, schema.LATENT_TABLE))
    assert list(table.columns) == ["stem", "scene", "mse", "psnr", "ssim", "ms_ssim"]
    require_scene_means(run, table, schema.RECONSTRUCTION_METRICS)
    assert not (folder / schema.FRAME_TABLE).exists()
    assert latent["kl"].isna().all()
    assert len(latent) == 8 * 12 * 12
    assert {path.name for path in folder.glob("*.png")} == PICTURES
    drawn = np.load(folder / schema.GENERATED_DATA)
    assert {"samples", "neighbours"}.isdisjoint(drawn)
    assert drawn["originals"].shape == drawn["reconstructions"].shape == (2, 48, 48, 3)
    varied = latent.sort_values("variance", ascending=False)["dimension"][:6]
    assert drawn["dimensions"].tolist() == varied.tolist()


def test_what_a_vae_of_images_has_lost_is_a_tag(make_setup: MakeSetup) -> None:
    config, setup = make_setup("vae", "image", 3)
    network = setup.trainer.network
    assert evaluate_generative(config.architecture, setup, config.repeat).tags == {schema.COLLAPSE: ""}
    torch.nn.init.constant_(network.sigma_exponent, -20.0)
    for head in (network.to_latent, network.to_log_variance):
        for parameter in head.parameters():
            torch.nn.init.zeros_(parameter)
    found = evaluate_generative(config.architecture, setup, config.repeat)
    assert found.tags == {schema.COLLAPSE: "posterior, sigma"}
    assert found.metrics[schema.TEST_SIGMA.name] == pytest.approx(1 / 255)
    assert found.metrics[schema.ACTIVE_UNITS.name] == found.metrics[schema.TEST_RATE.name] == 0


def test_a_single_test_frame_cannot_tell_of_a_collapse(make_setup: MakeSetup) -> None:
    config, setup = make_setup("vae", "mask", 3)
    one = setup._replace(split=setup.split._replace(test=setup.split.test[:1]))
    found = evaluate_generative(config.architecture, one, config.repeat)
    assert found.tags == {schema.COLLAPSE: ""}
    assert schema.ACTIVE_UNITS.name not in found.metrics
    assert schema.TEST_ELBO.name in found.metrics


@pytest.mark.parametrize(("frames", "ways"), [(1, ([0], [0])), (2, ([0], [1])), (12, ([0, 1, 2, 3], [1, 2, 3, 4]))])
def test_ways_lead_from_frame_to_frame(frames: int, ways: tuple[list[int], list[int]]) -> None:
    assert pairs(frames) == ways
