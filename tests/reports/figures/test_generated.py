"""What VAEs drew, and the sentences on the latent space."""

from dataclasses import replace
from pathlib import Path

import fake_generative
import numpy as np
import pytest
from fake_units import Unit
from helpers import Summarised, written

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.figures import generated
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.store.arrays import read_generated
from hourglass_bench.reports.store.load import ARCHITECTURE, ARTIFACTS, BETA, LATENT, REPEAT, RUN

VAE = Unit(architecture="vae", latent=4, epochs=2, size=16, iou=0.5)


@pytest.fixture(scope="module")
def shown_units() -> list[Unit]:
    """VAEs of masks: the best one has another beta, and a run of the second collapsed; and of images."""
    return [
        replace(VAE, latent=16, beta=4.0, iou=0.9),
        replace(VAE, latent=32, iou=0.8),
        replace(VAE, latent=32, iou=0.8, repeat=1, collapse="posterior"),
        replace(VAE, latent=8, iou=0.7, repeat=1),
        replace(VAE, latent=8, iou=0.5, repeat=0),
        replace(VAE, latent=4, iou=0.55, repeat=0),
        replace(VAE, latent=4, iou=0.55, repeat=1),
        replace(VAE, target="image", iou=0.4),
        replace(VAE, target="image", iou=0.6, latent=8),
        replace(VAE, architecture="autoencoder", iou=0.95),
    ]


@pytest.fixture(scope="module")
def several(shown_units: list[Unit], summarised: Summarised) -> Summary:
    return summarised(shown_units)


def test_runs_are_chosen_by_validation_and_not_by_eye(several: Summary) -> None:
    runs = generated.record(several).runs
    assert runs[[schema.TARGET, LATENT, REPEAT]].to_numpy().tolist() == [["mask", 8, 0], ["image", 8, 0]]
    assert runs[BETA].astype("float64").tolist() == [1, 1]
    caption = generated.caption(generated.record(several))
    assert "the VAE of masks (latent 8, repeat 0) and images (latent 8, repeat 0) with the lowest" in caption
    assert "of those with beta = 1 of which no run collapsed." in caption
    assert caption.endswith(".")


def test_the_repeat_that_kept_its_pictures_is_shown(several: Summary) -> None:
    run = generated.record(several).runs.iloc[0]
    folder = several.study.trials.set_index(RUN).loc[run[RUN], ARTIFACTS]
    path = Path(folder) / schema.GENERATED_DATA
    kept = path.read_bytes()
    path.unlink()
    try:
        assert generated.record(several).runs.iloc[0][[LATENT, REPEAT]].tolist() == [8, 1]
        path.write_bytes(b"damaged")
        with pytest.raises(NoDataError, match=r"generated\.npz cannot be read"):
            generated.record(several)
    finally:
        path.write_bytes(kept)


def test_pictures_are_those_of_the_run(several: Summary, shown_units: list[Unit]) -> None:
    shown = generated.record(several)
    masks, images = (fake_generative.pictures(unit) for unit in (shown_units[4], shown_units[8]))
    names = [[strip.name for strip in group] for group in shown.groups]
    assert names == [
        ["test mask", "reconstruction"],
        ["test image", "reconstruction"],
        ["interpolation", "interpolation"],
        ["sample", "nearest training\nmask"],
    ]
    first, second, ways, *samples = shown.groups
    for group, file in ((first, masks), (second, images)):
        assert np.array_equal(group[0].pictures, file["originals"])
        assert np.array_equal(group[1].pictures, file["reconstructions"])
    for number, way in enumerate(ways):
        assert np.array_equal(way.pictures[1:-1], masks["interpolations"][number])
        assert np.array_equal(way.pictures[[0, -1]], masks["originals"][[number, number + 1]])
        assert way.places == [0, *np.arange(1.5, 10), 11]
    drawn = [np.concatenate([group[row].pictures for group in samples]) for row in (0, 1)]
    assert np.array_equal(drawn[0], masks["samples"][:12])
    assert np.array_equal(drawn[1], masks["neighbours"][:12])
    assert "12 of 64 samples" in generated.caption(shown)
    alt = generated.alt(shown)
    assert "depth 2, width 8, latent 8, " in alt
    assert alt.partition(" drew: ")[2].startswith("4 test masks and 4 test images, each above its recon")


def test_a_strip_is_laid_out_on_white(several: Summary) -> None:
    picture = np.arange(2 * 32 * 32, dtype=np.uint8).reshape(2, 32, 32)
    sheet = generated._sheet(generated.Strip("", picture, [0.0, 1.5]))
    assert sheet.shape == (32, 12 * 32 + 11 * 2, 3)
    assert np.array_equal(sheet[:, :32, 1], picture[0])
    assert np.array_equal(sheet[:, 51:83, 2], picture[1])  # one and a half steps of 34 pixels
    sheet[:, :32] = sheet[:, 51:83] = 255
    assert (sheet == 255).all()


def test_every_strip_is_drawn_with_its_name(several: Summary) -> None:
    shown = generated.record(several)
    with style.report_style():
        figure = generated.draw(shown)
        figure.canvas.draw()
    names = [strip.name for group in shown.groups for strip in group]
    assert [text.get_text() for text in figure.texts] == names
    boxes = [axis.get_window_extent() for axis in figure.axes]
    assert len(boxes) == len(names)
    assert all(upper.y0 > lower.y1 for upper, lower in zip(boxes, boxes[1:], strict=False))
    assert boxes[0].y1 == pytest.approx(figure.bbox.height)
    assert boxes[-1].y0 == pytest.approx(0, abs=0.01)
    widest = max(text.get_window_extent().x1 for text in figure.texts)
    assert min(text.get_window_extent().x0 for text in figure.texts) > 0
    assert widest < min(box.x0 for box in boxes)


def test_a_vae_of_images_alone_is_shown_in_full(several: Summary) -> None:
    trials = several.study.trials
    images = trials[(trials[schema.TARGET] == "image") & (trials[ARCHITECTURE] == "vae")]
    shown = generated.record(summarise(replace(several.study, trials=images)))
    assert [group[0].name for group in shown.groups] == ["test image", "interpolation", "sample"]
    assert shown.groups[-1][0].pictures.shape[1:] == (16, 16, 3)
    assert "the VAE of images (latent 8, repeat 0) with" in generated.caption(shown)


@pytest.mark.parametrize("without", ["vae", "stage", "collapse"])
def test_says_that_there_is_no_vae(without: str, several: Summary) -> None:
    trials = several.study.trials
    trials = {
        "vae": trials[trials[ARCHITECTURE] != "vae"],
        "stage": trials.iloc[:0],
        "collapse": trials.assign(**{schema.COLLAPSE: "sigma"}),
    }[without]
    with pytest.raises(NoDataError, match=r"no complete run of a VAE that did not collapse has a file generated\.npz"):
        generated.record(summarise(replace(several.study, trials=trials)))


def pictures(folder: Path, **changed: np.ndarray) -> Path:
    np.savez_compressed(folder / schema.GENERATED_DATA, **(fake_generative.pictures(VAE) | changed))
    return folder


def test_pictures_are_read(tmp_path: Path) -> None:
    found = read_generated(pictures(tmp_path))
    for name, array in found._asdict().items():
        assert np.array_equal(array, fake_generative.pictures(VAE)[name])


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("originals", np.zeros((4, 16, 16))),
        ("originals", np.zeros((0, 16, 16), np.uint8)),
        ("reconstructions", np.zeros((3, 16, 16), np.uint8)),
        ("interpolations", np.zeros((3, 9, 8, 16), np.uint8)),
        ("samples", np.zeros((64, 16, 16, 3), np.uint8)),
        ("neighbours", np.zeros((63, 16, 16), np.uint8)),
    ],
)
def test_pictures_that_do_not_fit_are_a_value_error(name: str, array: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"generated\.npz must have pictures of one size in \w+, uint8 and as many"):
        read_generated(pictures(tmp_path, **{name: array}))


def test_the_file_of_an_auto_encoder_lacks_samples(tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / schema.GENERATED_DATA, **fake_generative.pictures(replace(VAE, architecture="autoencoder"))
    )
    with pytest.raises(ValueError, match=r"generated\.npz cannot be read: .*samples"):
        read_generated(tmp_path)


def test_collapsed_vaes_are_named(summarised: Summarised) -> None:
    lost = [replace(VAE, latent=latent, repeat=repeat, collapse="posterior") for latent in (1, 2) for repeat in (0, 1)]
    lost += [replace(VAE, latent=latent, target="image", collapse="posterior, sigma") for latent in (1, 2, 4, 8)]
    text = " ".join(written("generative", summarised([VAE, *lost])))
    assert (
        "Of 9 complete VAE runs 8 collapsed: depth 2, width 8, latent 1, target image (posterior, sigma, 1 run); "
        "depth 2, width 8, latent 1, target mask (posterior, 2 runs); "
    ) in text
    assert "; 2 more runs." in text
    assert "Of the latent numbers of a run 0 % to 100 % are active." in text


def test_latents_are_compared_at_a_size_that_segments_too(summarised: Summarised) -> None:
    flat = replace(VAE, architecture="autoencoder")
    units = [
        *[replace(flat, depth=2, latent=latent, iou=0.6) for latent in (2, 4, 8)],
        *[replace(flat, depth=1, latent=latent, iou=0.01 * latent) for latent in (4, 16)],
        replace(VAE, depth=1, latent=4),  # the largest latent lacks
        *[replace(flat, architecture="unet", depth=1, latent=latent, iou=0.02 * latent) for latent in (4, 8, 16)],
        replace(flat, architecture="unet", depth=1, latent=0, iou=0.9),
    ]
    (text,) = written("generative", summarised(units))
    assert text.startswith(
        "At depth 1 and base width 8, test IoU (95 % intervals, 1 repeat) of masks that are reconstructed through "
        "latents of 4 and 16 numbers: Auto-encoder 0.040 ["
    )
    assert " and 0.160 [" in text
    assert "segmented through as many: U-Net (with skip connections past the latent) 0.080 [" in text
    assert " and 0.320 [" in text
    assert "VAE (beta" not in text


def test_a_study_that_compares_only_has_no_sentence(small: Summary) -> None:
    assert written("generative", small) == []
    assert "section of their own" not in " ".join(written("answer", small))


def test_the_first_page_sends_on_to_the_other_stages(generating: Summary) -> None:
    counts = generating.study.trials[schema.STAGE].value_counts()
    decision, *_, progress = written("answer", generating)
    assert decision.startswith("So far take U-Net (depth 3, width 8, latent 16): it is ahead of Hourglass")
    own = f"{counts['generative']} generative runs and {counts['pretraining']} pre-training runs"
    assert progress.endswith(f"{own} have a section of their own.")


def test_a_study_without_a_comparison_makes_no_claim_on_the_first_page(several: Summary) -> None:
    assert written("answer", several) == [
        "10 of 10 planned runs have an outcome: 10 complete. 10 generative runs have a section of their own."
    ]
