"""`bench predict` on anyone's folders: all or nothing of a file, on to the next, and never over an original."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.commands import predict
from hourglass_bench.bench.data.panel import overlay
from hourglass_bench.bench.data.reading import Reading

Predict = Callable[..., tuple[int, dict[str, Any]]]
Refused = Callable[..., str]


def draw(path: Path, height: int = 20, width: int = 30) -> None:
    """An image in which the left is dark and the right is bright."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(list(path.name.encode())).integers(0, 60, (height, width, 3))
    Image.fromarray((noise + np.linspace(0, 190, width)[None, :, None]).astype(np.uint8)).save(path)


def pixels(path: Path) -> NDArray[Any]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def checkpoint(save_checkpoint: Callable[..., Path]) -> Path:
    """Of an untrained network for frames of 16 pixels."""
    return save_checkpoint("unet")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.png", "b.jpg", "c.png"):
        draw(folder / name)
    return folder


@pytest.fixture
def run(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Predict:
    """Function that predicts a folder into OUT and returns exit code and answer."""

    def run(images: Path, *flags: str) -> tuple[int, dict[str, Any]]:
        arguments = [
            "predict",
            str(checkpoint),
            str(images),
            "--out",
            str(tmp_path / "out"),
            "--device",
            "cpu",
            "--json",
        ]
        code = main([*arguments, *flags])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("flags", [(), ("--tile",)])
def test_mask_overlay_and_probability_belong_together(
    flags: tuple[str, ...], photos: Path, run: Predict, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run(photos, "--probabilities", *flags) == (0, {"masks": 3, "out": str(out)})
    assert below(out) == [f"{place}{stem}.png" for place in ("", "overlays/", "probabilities/") for stem in "abc"]
    for stem in "ac":
        with Image.open(out / "probabilities" / f"{stem}.png") as picture:
            assert picture.mode == "I;16"
        probability, mask = pixels(out / "probabilities" / f"{stem}.png"), pixels(out / f"{stem}.png")
        assert probability.shape == mask.shape == (20, 30)
        assert probability.std() > 100
        decided = abs(probability.astype(int) - 32768) > 1
        assert np.array_equal(mask[decided] == 255, probability[decided] > 32768)
        assert set(np.unique(mask)) <= {0, 255}
        assert np.array_equal(
            pixels(out / "overlays" / f"{stem}.png"), overlay(pixels(photos / f"{stem}.png"), mask > 0)
        )


def test_without_the_flag_there_are_no_probabilities(photos: Path, run: Predict, tmp_path: Path) -> None:
    run(photos)
    assert not (tmp_path / "out" / "probabilities").exists()


def test_after_a_file_that_fails_the_others_follow(
    photos: Path, run: Predict, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "b.jpg").write_bytes((photos / "b.jpg").read_bytes()[:400])
    code, answer = run(photos, "--probabilities")
    assert code == 2
    assert (answer["masks"], list(answer["failed"])) == (2, [str(photos / "b.jpg")])
    assert "b.jpg" in answer["failed"][str(photos / "b.jpg")]
    assert below(tmp_path / "out") == [
        f"{place}{stem}.png" for place in ("", "overlays/", "probabilities/") for stem in "ac"
    ]
    assert main(["predict", str(checkpoint), str(photos), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("bench: predict failed for 1 of 3 files:\n")
    assert str(photos / "b.jpg") in said.err
    assert "failed: 1 of 3 files" in said.out


def test_each_file_that_failed_is_named_with_the_reason(
    photos: Path, run: Predict, checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no reason")

    monkeypatch.setattr(predict, "overlay", fail)
    for index in range(20):
        draw(photos / f"x{index:02}.png")
    assert main(["predict", str(checkpoint), str(photos), "--out", str(photos / "out"), "--device", "cpu"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "bench: predict failed for 23 of 23 files:"
    assert lines[1] == f"{photos / 'a.png'}: no reason"
    assert lines[-1] == "and 11 more, which --json lists."
    assert len(run(photos)[1]["failed"]) == 23


@pytest.mark.parametrize("error", [OSError("No space left on device"), ValueError("no")])
def test_of_a_file_that_fails_nothing_is_written(
    error: Exception, photos: Path, run: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mask is there already when the overlay fails."""

    def fail(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        if np.array_equal(image, pixels(photos / "a.png")):
            assert any(name.startswith(".a.png") for name in below(tmp_path / "out"))
            raise error
        return overlay(image, mask)

    monkeypatch.setattr(predict, "overlay", fail)
    assert run(photos)[1]["failed"] == {str(photos / "a.png"): str(error)}
    assert below(tmp_path / "out") == ["b.png", "c.png", "overlays/b.png", "overlays/c.png"]


def stop_at(photo: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the overlay of an image fail, whose mask is there by then."""

    def fail(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        if np.array_equal(image, pixels(photo)):
            raise error
        return overlay(image, mask)

    monkeypatch.setattr(predict, "overlay", fail)


def test_an_interruption_leaves_no_half_file_and_says_what_is_done(
    photos: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at(photos / "b.jpg", KeyboardInterrupt(), monkeypatch)
    out = tmp_path / "out"
    assert main(["predict", str(checkpoint), str(photos), "--out", str(out), "--device", "cpu", "--json"]) == 130
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"\ninterrupted: masks that are whole in {out}: 1; files that were not predicted: 2 of 3, from "
        f"{photos / 'b.jpg'} on; the same command predicts all of them again\n"
    )
    assert below(out) == ["a.png", "overlays/a.png"]


def test_where_nothing_more_can_be_written_the_rest_is_not_tried(
    photos: Path, run: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    stop_at(photos / "a.png", full, monkeypatch)
    out = tmp_path / "out"
    code, answer = run(photos)
    assert code == 2
    assert answer == {"masks": 0, "out": str(out), "failed": {str(photos / "a.png"): str(full)}, "not_tried": 2}
    assert below(out) == []
    stop_at(photos / "c.png", full, monkeypatch)
    assert "not_tried" not in run(photos)[1]
    assert below(out) == ["a.png", "b.png", "overlays/a.png", "overlays/b.png"]


def test_an_image_too_large_for_memory_is_one_that_fails(
    photos: Path, run: Predict, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(photos / "a.png", RuntimeError("DefaultCPUAllocator: can't allocate memory\nadvice"), monkeypatch)
    code, answer = run(photos)
    assert (code, answer["masks"]) == (2, 2)
    assert answer["failed"] == {str(photos / "a.png"): "DefaultCPUAllocator: can't allocate memory"}


def test_a_network_that_gives_no_numbers_gives_no_mask(
    photos: Path, run: Predict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = np.full((20, 30), np.nan, np.float32)
    monkeypatch.setattr("hourglass_bench.bench.segmenter.predict", lambda *_: nothing)
    code, answer = run(photos)
    assert (code, answer["masks"]) == (2, 0)
    assert "must give numbers between 0 and 1, got NaN" in answer["failed"][str(photos / "a.png")]
    assert below(tmp_path / "out") == []


@pytest.mark.parametrize("flags", [(), ("--tile",)])
def test_images_of_odd_sizes(flags: tuple[str, ...], run: Predict, tmp_path: Path) -> None:
    sizes = {"pixel": (1, 1), "line": (1, 20_000), "column": (20_000, 1)}
    for name, (height, width) in sizes.items():
        draw(tmp_path / "odd" / f"{name}.png", height, width)
    (tmp_path / "odd" / "nothing.png").touch()
    code, answer = run(tmp_path / "odd", "--probabilities", *flags)
    assert (code, answer["masks"]) == (2, 3)
    assert "got an empty file (0 bytes)" in answer["failed"][str(tmp_path / "odd" / "nothing.png")]
    for name, size in sizes.items():
        for folder in ("", "overlays", "probabilities"):
            assert pixels(tmp_path / "out" / folder / f"{name}.png").shape[:2] == size


def test_of_a_data_set_the_images_are_predicted(run: Predict, tmp_path: Path) -> None:
    for stem in "ab":
        draw(tmp_path / "data" / "imgs" / f"{stem}.jpg")
        draw(tmp_path / "data" / "labels" / f"{stem}_mask.png")
    assert run(tmp_path / "data")[1]["masks"] == 2
    assert below(tmp_path / "out") == ["a.png", "b.png", "overlays/a.png", "overlays/b.png"]


def test_folders_are_mirrored(run: Predict, tmp_path: Path) -> None:
    for name in ("walk/1.png", "walk/2.png", "run/1.png", "run/deep/1.png", ".hidden/1.png", "top.png"):
        draw(tmp_path / "clips" / name)
    (tmp_path / "clips" / "circle").symlink_to(tmp_path / "clips")
    names = ["run/1.png", "run/deep/1.png", "top.png", "walk/1.png", "walk/2.png"]
    assert run(tmp_path / "clips")[1]["masks"] == 5
    assert below(tmp_path / "out") == sorted([*names, *(f"overlays/{name}" for name in names)])


def test_masks_of_an_earlier_call_are_no_images(checkpoint: Path, photos: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(checkpoint), str(photos), "--out", str(photos / "out"), "--device", "cpu", "--json"]
    assert main(arguments) == 0
    first = below(tmp_path)
    assert main(arguments) == 0
    assert below(tmp_path) == first


def test_a_mask_that_was_mended_by_hand_is_not_written_over(
    checkpoint: Path, photos: Path, tmp_path: Path, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"predict {checkpoint} {photos} --out {tmp_path / 'out'} --device cpu"
    assert main(command.split()) == 0
    capsys.readouterr()
    mask = tmp_path / "out" / "b.png"
    Image.fromarray(255 - pixels(mask)).save(mask)
    mended = mask.read_bytes()
    assert "which holds b.png" in refused(main, command)
    assert mask.read_bytes() == mended


def test_masks_alone_are_nothing_to_predict(
    checkpoint: Path, photos: Path, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(checkpoint), str(photos), "--out", "out", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert "IMAGES must hold images, got out/a.png" in refused(
        main, f"predict {checkpoint} out/a.png --out out --device cpu"
    )


def test_an_image_alone(photos: Path, run: Predict, tmp_path: Path) -> None:
    assert run(photos / "b.jpg")[1]["masks"] == 1
    assert below(tmp_path / "out") == ["b.png", "overlays/b.png"]


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20)])
@pytest.mark.parametrize("fit", ["letterbox", "crop"])
def test_the_fit_of_the_training_is_undone(
    fit: Any, height: int, width: int, run: Predict, checkpoint: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "photos" / "a.png", height, width)
    run(tmp_path / "photos", "--probabilities")
    squashed = pixels(tmp_path / "out" / "probabilities" / "a.png")
    (checkpoint.parent / Path(schema.READING_FILE).name).write_text(Reading(fit=fit).to_json())
    run(tmp_path / "photos", "--probabilities")
    probability = pixels(tmp_path / "out" / "probabilities" / "a.png")
    assert probability.shape == pixels(tmp_path / "out" / "a.png").shape == (height, width)
    assert not np.array_equal(probability, squashed)
    across = probability if width > height else probability.T
    outside = [not column.any() for column in across.T]
    assert outside == [fit == "crop" and not 20 <= place < 40 for place in range(60)]


@pytest.mark.parametrize(
    ("images", "out"),
    [
        ("photos", "photos"),
        ("photos", "photos/"),
        ("photos", "../WORK/photos"),
        ("photos", "link"),
        ("link", "photos"),
        ("photos", "."),
        ("photos/a.png", "photos"),
        ("linked", "photos"),
        ("linked", "linked"),
        ("nested", "nested/walk"),
        ("data", "data/images"),
        ("data", "data/masks"),
        ("data/images", "data/masks"),
        ("overlaid", "overlaid"),
        ("overlaid/a.png", "overlaid"),
        ("data", "into_images"),
        ("data", "into_masks"),
        ("nested", "into_walk"),
        ("data", "hard"),
        ("data", "data/labels"),
    ],
)
def test_originals_are_never_written_over(
    images: str, out: str, photos: Path, checkpoint: Path, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "link").symlink_to(photos)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.png").symlink_to(photos / "a.png")
    (tmp_path / "data" / "labels").mkdir(parents=True)
    for name in ("nested/walk/1.png", "nested/run/1.png", "data/images/x.png", "data/masks/x.png", "overlaid/a.png"):
        draw(tmp_path / name)
    draw(tmp_path / "data" / "labels" / "x.png")
    for folder in ("data/images", "data/labels", "data/masks", "overlaid", "hard"):
        (tmp_path / folder / "overlays").mkdir(parents=True)  # as predict makes them, which says nothing of who did
    (tmp_path / "hard" / "x.png").hardlink_to(tmp_path / "data" / "masks" / "x.png")
    for name, inner, target in (
        ("into_images", "overlays", "data/images"),
        ("into_masks", "probabilities", "data/masks"),
        ("into_walk", "walk", "nested/walk"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / inner).symlink_to(tmp_path / target)
    held = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    said = refused(main, f"predict {checkpoint} {images} --out {out.replace('WORK', tmp_path.name)} --device cpu")
    assert said.startswith("bench: --out must be a ")
    assert held == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a.png", "a.bmp", "b.png", "c.png"), "photos must hold one file per stem, got a.bmp and a.png"),
        (
            ("overlays/a.png", "a.png"),
            "every image must have a name of its own for what is written, got photos/a.png and ",
        ),
    ],
)
def test_two_files_of_one_name_are_refused(
    names: tuple[str, ...], message: str, checkpoint: Path, tmp_path: Path, refused: Refused
) -> None:
    for name in names:
        draw(tmp_path / "photos" / name)
    assert refused(main, f"predict {checkpoint} photos --out out --device cpu").startswith(f"bench: {message}")


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("file", "--out must be a folder, or one that can be made, got file (File exists)"),
        ("file/in", "(Not a directory)"),
    ],
)
def test_out_must_be_a_folder(
    out: str, message: str, photos: Path, checkpoint: Path, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "file").touch()
    assert message in refused(main, f"predict {checkpoint} {photos} --out {out} --device cpu")


def test_the_bar_is_for_terminals(photos: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(checkpoint), str(photos), "--out", str(photos.parent / "out"), "--device", "cpu"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"next: look at {photos.parent / 'out'}/overlays, which has the masks over their images"
    ]


def test_several_pages_are_written_together(run: Predict, tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((20, 30), 25 * page, np.uint8)) for page in range(8)]
    (tmp_path / "stacks").mkdir()
    pages[0].save(tmp_path / "stacks" / "scan.tif", save_all=True, append_images=pages[1:])
    assert run(tmp_path / "stacks") == (0, {"masks": 8, "out": str(tmp_path / "out")})
    assert sorted(os.listdir(tmp_path / "out")) == ["overlays", *(f"scan#00{page}.png" for page in range(8))]


def test_a_larger_file_is_named_with_the_flag_that_reads_it(run: Predict, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    draw(folder / "a.png", 1010, 1000)
    code, answer = run(folder, "--max-megapixels", "1")
    assert code == 2
    assert "set --max-megapixels 2 " in answer["failed"][str(folder / "a.png")]
    code, answer = run(folder, "--max-megapixels", "2")
    assert (code, answer["masks"]) == (0, 1)


@pytest.mark.parametrize("sheet", ["data/images/x.png", "data/images/new.png", "data/masks/x.png", "link/new.png"])
def test_a_contact_sheet_is_no_input_and_lies_beside_none(
    sheet: str, folder_data: Path, tmp_path: Path, refused: Refused
) -> None:
    shutil.copytree(folder_data, tmp_path / "data")
    (tmp_path / "link").symlink_to(tmp_path / "data" / "images")
    held = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for words in ("--data data", "--audit data"):
        said = refused(main, f"data {words} --sheet {sheet}")
        assert said.startswith(f"bench: --sheet must be a place that holds none of the images and masks, got {sheet}, ")
    assert held == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_table_of_merged_scenes_is_a_new_file(folder_data: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "mine.csv").write_text("stem,scene\n")
    (tmp_path / "link.csv").symlink_to("nowhere.csv")
    for name in ("mine.csv", "link.csv"):
        said = refused(main, f"data --audit {folder_data} --merge-scenes {name}")
        assert said.startswith(f"bench: --merge-scenes must name a new file, got {name}; ")
    assert (tmp_path / "mine.csv").read_text() == "stem,scene\n"


def test_what_is_sampled_lies_among_no_other_pictures(save_checkpoint: Any, tmp_path: Path, refused: Refused) -> None:
    draw(tmp_path / "photos" / "samples.png")
    vae = save_checkpoint("vae", "mask", 4)
    photo = (tmp_path / "photos" / "samples.png").read_bytes()
    assert "got photos, which holds samples.png" in refused(main, f"sample {vae} --out photos --device cpu")
    assert (tmp_path / "photos" / "samples.png").read_bytes() == photo
    for _ in range(2):
        assert main(["sample", str(vae), "--out", "drawn", "--device", "cpu"]) == 0
