"""The section on auto-encoders and VAEs: where its numbers come from, its figures and its tables."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_units import Unit
from helpers import Summarised, cells, drawn, t_interval, table
from matplotlib.colors import to_rgb

from hourglass_bench.bench import schema
from hourglass_bench.reports import document, style
from hourglass_bench.reports.analysis.generative import latent_points, means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.figures import FIGURES, active_units, rate_distortion, reconstruction
from hourglass_bench.reports.figures.base import NoDataError, Plot
from hourglass_bench.reports.figures.betas import SHADES, series
from hourglass_bench.reports.tables import TABLES, generative

VAE = Unit(architecture="vae", latent=4, size=32, epochs=1)


@pytest.fixture(scope="module")
def uneven(summarised: Summarised) -> Summary:
    """VAEs: one of repeats that share a fold, one that collapsed in a run, one of a single run; and a map as latent."""
    units = [replace(VAE, repeat=repeat) for repeat in (0, 1, 5)]
    units += [replace(VAE, beta=4.0, repeat=repeat, collapse="posterior" if repeat else "") for repeat in (0, 1)]
    units += [replace(VAE, latent=64), replace(VAE, architecture="autoencoder", latent=0)]
    units += [replace(VAE, repeat=repeat, split="random_frames") for repeat in (0, 1)]
    return summarised(units)


def values(units: list[Unit], metric: schema.Metric) -> list[float]:
    return [unit.values()[metric.name] for unit in units]


def test_repeats_of_one_fold_are_averaged_before_the_interval(uneven: Summary) -> None:
    stage = uneven.others["generative"]
    point = latent_points(stage, schema.TEST_RATE).query("beta == 1 and latent == 4").iloc[0]
    psnr = means(stage, schema.TEST_PSNR).loc[point["number"]]
    first, second, third = values([replace(VAE, repeat=repeat) for repeat in (0, 1, 5)], schema.TEST_PSNR)
    assert psnr.tolist() == pytest.approx(t_interval([(first + third) / 2, second]))
    assert point["n"] == 3


def test_intervals_stop_at_the_bounds_of_the_metric(uneven: Summary) -> None:
    stage = uneven.others["generative"]
    probes = means(stage, schema.PROBE_IOU)
    collapsed = latent_points(stage, schema.ACTIVE_UNITS).query("beta == 4").iloc[0]
    assert probes["low"].min() >= 0
    assert collapsed["mean"] == 1.5
    assert collapsed["low"] == 0
    assert collapsed["high"] > 4


def test_a_single_fold_has_no_interval_but_of_the_iou_one_over_scenes(uneven: Summary) -> None:
    stage = uneven.others["generative"]
    number = latent_points(stage, schema.TEST_PSNR).query("latent == 64 and beta == 1")["number"].iloc[0]
    assert means(stage, schema.TEST_PSNR).loc[number, ["low", "high"]].isna().all()
    assert means(stage, schema.TEST_IOU).loc[number, ["low", "high"]].notna().all()


def test_a_map_is_a_latent_of_its_elements_and_beta_is_of_vaes(uneven: Summary) -> None:
    points = latent_points(uneven.others["generative"], schema.TEST_IOU)
    auto = points[points["architecture"] == "autoencoder"]
    assert auto["latent"].tolist() == [16 * 8 * 8]
    assert auto["beta"].isna().all()
    assert sorted(points["beta"].dropna()) == [1, 1, 4]  # not the one on random frames


def test_without_the_stage_there_are_no_points() -> None:
    assert latent_points(None, schema.TEST_IOU).empty


def test_reconstruction_shows_what_passes_a_flat_latent(generating: Summary) -> None:
    shown = reconstruction.record(generating)
    assert len(shown.masks) == 12
    assert len(shown.images) == 4
    assert sorted(shown.segmented["architecture"]) == ["hourglass", "hourglass", "unet", "unet"]
    own = shown.masks.query("architecture == 'vae' and depth == 3 and latent == 16 and beta == 4").iloc[0]
    units = [replace(VAE, depth=3, latent=16, beta=4.0, repeat=repeat) for repeat in range(3)]
    assert own["mean"] == pytest.approx(np.mean(values(units, schema.TEST_IOU)))
    images = [replace(unit, target="image", beta=1.0) for unit in units]
    psnr = shown.images.query("architecture == 'vae' and latent == 16")["mean"].iloc[0]
    assert psnr == pytest.approx(np.mean(values(images, schema.TEST_PSNR)))


def test_reconstruction_leaves_out_bottleneck_maps_of_the_comparison(summarised: Summarised) -> None:
    shown = reconstruction.record(summarised([VAE, Unit(epochs=1), Unit(latent=4, epochs=1)]))
    assert shown.segmented["latent"].tolist() == [4]


def titles(shown: reconstruction.Reconstruction) -> list[str]:
    return [axis.get_title() for axis in drawn(reconstruction, shown).axes]


def test_panels_are_the_outermost_depths(generating: Summary, summarised: Summarised) -> None:
    assert titles(reconstruction.record(generating)) == ["masks, depth 2", "masks, depth 3", "images, depth 3"]
    depths = reconstruction.record(summarised([replace(VAE, depth=depth) for depth in (1, 2, 3)]))
    assert titles(depths) == ["masks, depth 1", "masks, depth 3"]
    assert "Of depths 1, 2 and 3 the outermost are drawn." in reconstruction.caption(depths)
    assert "PSNR" not in reconstruction.caption(depths)
    image = reconstruction.record(summarised([replace(VAE, target="image")]))
    assert titles(image) == ["images, depth 2"]
    assert "IoU" not in reconstruction.caption(image).split("Mark")[0]


def test_an_axis_of_decibels_does_not_blow_up_small_differences(generating: Summary) -> None:
    shown = reconstruction.record(generating)
    shown = shown._replace(images=shown.images.assign(mean=14.0 + 0.01 * shown.images.index, low=5.0, high=20.0))
    low, high = drawn(reconstruction, shown).axes[-1].get_ylim()
    assert high - low == pytest.approx(reconstruction.LEAST_DECIBELS)
    assert low < 14 < high
    assert "on an axis of 4 dB at least" in reconstruction.caption(shown)
    assert "arrow: it goes on" in reconstruction.caption(shown)
    assert "arrow" not in reconstruction.caption(reconstruction.record(generating))


def test_betas_are_told_apart_by_shade(generating: Summary) -> None:
    found = series(latent_points(generating.others["generative"], schema.TEST_IOU))
    assert [one.label for one in found] == ["Auto-encoder", "VAE (beta 1)", "VAE (beta 4)"]
    assert [set(one.points["beta"].dropna()) for one in found] == [set(), {1.0}, {4.0}]
    assert found[0].filling == {}
    assert found[1].filling["markerfacecolor"] == pytest.approx(to_rgb(style.look("vae").colour))
    assert found[2].filling["markerfacecolor"] == (1, 1, 1)
    assert len(set(SHADES)) == len(SHADES)


def test_a_beta_has_one_shade_in_all_panels(summarised: Summarised) -> None:
    shown = reconstruction.record(summarised([VAE, replace(VAE, beta=4.0), replace(VAE, beta=4.0, target="image")]))
    masks, images = drawn(reconstruction, shown).axes
    assert [line.get_markerfacecolor() for line in images.lines if line.get_marker() == "v"] == [(1, 1, 1)]
    assert [line.get_markerfacecolor() for line in masks.lines if line.get_marker() == "v"][1] == (1, 1, 1)


def test_rate_and_distortion_add_up_to_the_bound(generating: Summary) -> None:
    points = rate_distortion.record(generating).points
    assert len(points) == 8
    assert (points["mean"] + points["distortion"]).tolist() == pytest.approx((-points["elbo"]).tolist())
    own = points.query("depth == 2 and latent == 4 and beta == 4").iloc[0]
    units = [replace(VAE, beta=4.0, repeat=repeat) for repeat in range(3)]
    assert own["distortion"] == pytest.approx(np.mean(values(units, schema.TEST_DISTORTION)))
    assert own["mean"] == pytest.approx(np.mean(values(units, schema.TEST_RATE)))


def test_grey_lines_are_of_equal_elbo(generating: Summary) -> None:
    axis = drawn(rate_distortion, rate_distortion.record(generating)).axes[0]
    contours = [line for line in axis.lines if line.get_color() == style.GREY]
    sums = [np.add(*map(np.asarray, line.get_data())) for line in contours]
    assert len(contours) > 2
    assert all(total[0] == pytest.approx(total[1]) for total in sums)
    assert axis.get_xlim()[0] == 0
    low, high = axis.get_ylim()
    shown = rate_distortion.record(generating).points["distortion"]
    assert low < shown.min() < shown.max() < high


def test_active_units_are_shares_of_the_latent(uneven: Summary) -> None:
    shown = active_units.record(uneven)
    active = shown.active.query("latent == 4 and beta == 4").iloc[0]
    assert active[["mean", "units"]].tolist() == pytest.approx([1.5 / 4, 1.5])
    assert shown.active["high"].max() <= 1
    rate = shown.rate.query("latent == 64")["mean"].iloc[0]
    assert rate == pytest.approx(values([replace(VAE, latent=64)], schema.TEST_RATE)[0] / 64)


@pytest.mark.parametrize("plot", [rate_distortion.PLOT, active_units.PLOT])
def test_vaes_of_images_alone_have_no_latent_figures(
    plot: Plot[tuple[object, ...]], summarised: Summarised, small: Summary
) -> None:
    for summary in (summarised([replace(VAE, target="image")]), small):
        with pytest.raises(NoDataError, match="no complete run of a VAE of masks"):
            plot.record(summary)


@pytest.mark.parametrize("name", ["reconstruction", "rate_distortion", "active_units"])
def test_several_widths_and_a_single_run_can_be_drawn(name: str, summarised: Summarised) -> None:
    plot = FIGURES[name]
    record = plot.record(summarised([VAE, replace(VAE, width=4, beta=2.0)]))
    figure = drawn(plot, record)
    names = [label.get_text() for legend in figure.legends for label in legend.get_texts()]
    assert "VAE (beta 2)" in names
    assert ("depth 2/4" in names) == (name != "reconstruction")


def test_a_table_of_masks_and_one_of_images(generating: Summary) -> None:
    masks, images = (table(name, generating) for name in ("masks", "images"))
    assert [row[:4] for row in masks.rows[:2]] == [
        ["Auto-encoder", "depth\u00a02, width\u00a08", size, "–"] for size in ("4", "16")
    ]
    assert [row[3] for row in masks.rows if row[0] == "VAE"] == ["1", "4"] * 4
    assert [row[0] for row in images.rows] == ["Auto-encoder", "Auto-encoder", "VAE", "VAE"]
    units = [replace(VAE, depth=3, target="image", repeat=repeat) for repeat in range(3)]
    mean, low, high = t_interval(values(units, schema.TEST_PSNR))
    assert images.rows[2][5] == f"{mean:.1f} [{low:.1f},\u00a0{high:.1f}]"


def test_the_table_of_bounds_names_what_collapsed(uneven: Summary, generating: Summary) -> None:
    made = table("bounds", uneven)
    assert len(made.rows) == 3  # without those on random frames
    rows = {(row[2], row[3]): cells(made, place) for place, row in enumerate(made.rows[:2])}
    assert rows["4", "4"]["collapsed"] == "posterior in 1 run"
    assert rows["4", "1"]["collapsed"] == "–"
    assert rows["4", "4"]["active units"] == "1.5"
    other = table("bounds", generating)
    assert "collapsed" not in other.headings
    assert "No run collapsed." in other.note
    assert [row[0] for row in other.rows] == ["mask"] * 8 + ["image"] * 2
    # Densities of images exceed 1: the bound is positive there, and bits are negative.
    elbos = [row[4] for row in other.rows]
    assert all(elbo.startswith("−") for elbo in elbos[:8])
    assert not any("−" in elbo for elbo in elbos[8:])
    assert all(row[6].startswith("−") for row in other.rows[8:])


def test_a_sigma_that_collapsed_is_named(summarised: Summarised) -> None:
    lost = [replace(VAE, target="image", collapse="posterior, sigma", repeat=repeat) for repeat in (0, 1)]
    assert cells(table("bounds", summarised(lost)), 0)["collapsed"] == "posterior, sigma in 2 runs"


def test_of_many_configurations_each_target_has_the_lowest_losses(
    summarised: Summarised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generative, "MOST_ROWS", 4)
    monkeypatch.setattr(generative, "BEST_ROWS", 4)
    units = [replace(VAE, latent=latent, target=target) for latent in (4, 8, 16) for target in ("mask", "image")]
    made = table("bounds", summarised(units))
    # The loss falls with the latent.
    assert [row[:3:2] for row in made.rows] == [["mask", "8"], ["mask", "16"], ["image", "8"], ["image", "16"]]
    assert "Of 6 configurations the 2 of each architecture and target with the most complete repeats" in made.note
    assert "the lowest validation loss; 2 more are in the folder data." in made.note


def test_a_study_without_the_stage_is_silent(small: Summary) -> None:
    assert [name for name, entry in TABLES.items() if entry.section == "generative" and entry.make(small)] == []
    assert {plot.stage for plot in FIGURES.values() if plot.section == "generative"} <= {"generative", "pretraining"}


def test_the_section_stands_after_the_search_and_has_all_of_it(generating: Summary, tmp_path: Path) -> None:
    report = document.write(generating, tmp_path)
    sections = {section["heading"]: section["blocks"] for section in report["sections"]}
    assert list(document.SECTIONS)[:3] == ["answer", "search", "generative"]
    assert list(sections)[1] == "Generative models"
    blocks = sections["Generative models"]
    drawn = [figure["file"] for block in blocks if block["kind"] == "figures" for figure in block["figures"]]
    names = ("reconstruction", "rate_distortion", "active_units", "generated")
    assert drawn == [f"figures/{name}.svg" for name in names]
    captions = [block["caption"][:5] for block in blocks if block["kind"] == "table"]
    assert captions == ["Masks", "Image", "VAEs ", "Netwo"]
    assert not [block for block in blocks if block["kind"] == "note"]


def grey(architecture: str) -> float:
    return sum(
        weight * part for weight, part in zip(style.LUMINANCE, to_rgb(style.look(architecture).colour), strict=True)
    )


@pytest.mark.parametrize("architecture", ["autoencoder", "vae"])
def test_what_reconstructs_is_told_apart_in_grey_and_stands_out_from_paper(architecture: str) -> None:
    others = {"hourglass", "unet", "autoencoder", "vae"} - {architecture}
    assert min(abs(grey(architecture) - grey(other)) for other in others) > 0.1
    channels = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(style.look(architecture).colour)
    ]
    contrast = 1.05 / (float(np.dot([0.2126, 0.7152, 0.0722], channels)) + 0.05)
    assert contrast > 3  # what WCAG 2.1 asks of graphics


def test_bounds_of_nothing(summarised: Summarised) -> None:
    summary = summarised([replace(VAE, architecture="autoencoder")])
    assert generative.bounds(summary) is None
    assert generative.images(summary) is None
    assert math.isnan(summary.others["generative"].configurations[f"{schema.TEST_ELBO.name} mean"].iloc[0])
    assert table("masks", summary).rows[0][0] == "Auto-encoder"
    assert summary.others["generative"].configurations[CONFIGURATION].tolist() == [0]
