"""What a mask means: read where only one thing can be meant, refused with the flag that decides where two can."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.files.pictures import Page, Picture
from hourglass_bench.bench.data.masks import planes, survey
from hourglass_bench.bench.data.masks.decide import decide_masks
from hourglass_bench.bench.data.masks.rule import MaskRule, read_labels
from hourglass_bench.bench.data.masks.tally import find_flat, tally_page
from hourglass_bench.bench.data.resizing.fit import Labels
from hourglass_bench.bench.data.synthetic import generate

HEIGHT, WIDTH = 96, 128
Y, X = np.mgrid[:HEIGHT, :WIDTH]
Draw = Callable[[np.ndarray], Any]
"""What is saved for the boolean mask (H, W) of a frame: an image or its pixels."""


def blob(seed: int) -> np.ndarray:
    """One ellipse inside the frame."""
    draw = np.random.default_rng(seed)
    top, left, tall, wide = draw.uniform((40, 50, 15, 18), (56, 78, 28, 36))
    return ((Y - top) / tall) ** 2 + ((X - left) / wide) ** 2 < 1


TRUTH = [blob(seed) for seed in range(6)]
RING = [mask & ~np.roll(mask, 2, axis=1) for mask in TRUTH]
INSIDE = [mask & ~ring for mask, ring in zip(TRUTH, RING, strict=True)]


def save(folder: Path, draw: Draw, suffix: str = ".png", truth: list[np.ndarray] = TRUTH, **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for index, mask in enumerate(truth):
        drawn = draw(mask)
        image = drawn if isinstance(drawn, Image.Image) else Image.fromarray(drawn)
        image.save(folder / f"m{index}{suffix}", **options)
    return folder


def pages_of(folder: Path) -> list[tuple[Page, ...]]:
    return [(Page(path),) for path in sorted(folder.iterdir())]


def decide(folder: Path, **flags: Any) -> MaskRule:
    return decide_masks(pages_of(folder), DataConfig(path=str(folder), **flags))


def read(folder: Path, **flags: Any) -> list[Labels]:
    rule = decide(folder, **flags)
    return [read_labels(masks, rule, 250) for masks in pages_of(folder)]


def check(labels: list[Labels], truth: list[np.ndarray], ignored: list[np.ndarray] | None = None) -> None:
    """Every pixel of hard masks."""
    for index, (label, mask) in enumerate(zip(labels, truth, strict=True)):
        assert not label.soft
        assert label.foreground.dtype == np.uint8
        np.testing.assert_array_equal(label.foreground, mask * np.uint8(255))
        np.testing.assert_array_equal(label.ignored, ignored[index] if ignored else np.zeros(mask.shape, np.bool_))


def grey(on: int, off: int = 0, kind: type[np.generic] = np.uint8) -> Draw:
    return lambda mask: np.where(mask, kind(on), kind(off))


def colour(on: tuple[int, ...], off: tuple[int, ...] = (0, 0, 0)) -> Draw:
    return lambda mask: np.where(mask[..., None], np.uint8(on), np.uint8(off))


def palette(colours: dict[int, tuple[int, int, int]], on: int = 1, off: int = 0) -> Draw:
    def draw(mask: np.ndarray) -> Image.Image:
        return indexed(np.where(mask, on, off), colours)

    return draw


def indexed(indices: np.ndarray, colours: dict[int, tuple[int, int, int]]) -> Image.Image:
    image = Image.new("P", indices.shape[::-1])
    image.putdata(indices.astype(np.uint8).ravel().tolist())
    image.putpalette([channel for index in range(256) for channel in colours.get(index, (0, 0, 0))])
    return image


def cut_out(mask: np.ndarray) -> np.ndarray:
    return np.dstack([np.full((*mask.shape, 3), 255, np.uint8), mask * np.uint8(255)])


def photograph(mask: np.ndarray) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    return np.dstack([pixels, mask * np.uint8(255)])


def anti_aliased(mask: np.ndarray, on: int = 255) -> np.ndarray:
    """Edges as a drawing program leaves them: the mean of a shape that is drawn four times as large."""
    large = np.kron(mask, np.ones((4, 4))).astype(np.float64)
    turned = np.roll(large, (1, 2), axis=(0, 1))
    return np.rint(turned.reshape(HEIGHT, 4, WIDTH, 4).mean(axis=(1, 3)) * on).astype(np.uint8)


def instances(seed: int, number: Callable[[int], int] = int, radius: tuple[float, float] = (4, 7)) -> np.ndarray:
    """Up to 60 cells on a grid, each with a number of its own."""
    draw = np.random.default_rng(seed)
    labels = np.zeros((HEIGHT, WIDTH), np.uint16)
    count = 0
    for row in range(8, HEIGHT, 16):
        for column in range(8, WIDTH, 16):
            if draw.random() < 0.9:
                count += 1
                labels[(Y - row) ** 2 + (X - column) ** 2 < draw.uniform(*radius) ** 2] = number(count)
    return labels


CELLS = [instances(seed) for seed in range(6)]
VOC = {1: (128, 0, 0), 15: (192, 128, 128), 255: (224, 224, 192)}
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)


@pytest.mark.parametrize(
    ("draw", "suffix", "text"),
    [
        (grey(255), ".png", "grey PNG, values 0 and 255; 255 is foreground"),
        (grey(1), ".png", "grey PNG, values 0 and 1; 1 is foreground"),
        (grey(128), ".png", "grey PNG, values 0 and 128; 128 is foreground"),
        (grey(65535, kind=np.uint16), ".png", "grey PNG, values 0 and 65535; 65535 is foreground"),
        (grey(7, kind=np.int32), ".tif", "grey TIFF, values 0 and 7; 7 is foreground"),
        (grey(1, kind=np.float32), ".tif", "floating-point TIFF, values 0 and 1; 1 is foreground"),
        (grey(255, kind=np.float32), ".tif", "grey TIFF, values 0 and 255; 255 is foreground"),
        (lambda mask: Image.fromarray(mask), ".png", "1-bit PNG, values 0 and 255; 255 is foreground"),
        (colour(WHITE), ".png", "grey PNG, values 0 and 255; 255 is foreground"),
        (colour(RED), ".png", "coloured PNG, colours #000000 and #FF0000; #FF0000 is foreground"),
        (colour((0, 0, 255)), ".bmp", "coloured BMP, colours #000000 and #0000FF; #0000FF is foreground"),
        (colour((250, 50, 83)), ".png", "colours #000000 and #FA3253; #FA3253 is foreground"),
        (palette(VOC), ".png", "palette PNG, indices 0 and 1; 1 is foreground"),
        (palette(VOC, on=15), ".png", "palette PNG, indices 0 and 15; 15 is foreground"),
        (palette(VOC, on=255), ".png", "palette PNG, indices 0 and 255; 255 is foreground"),
        (palette({0: WHITE, 1: RED}), ".png", "palette PNG, indices 0 and 1; 1 is foreground"),
        (palette({1: WHITE}), ".png", "grey PNG, values 0 and 255; 255 is foreground"),
        (palette({v: (v, v, v) for v in range(256)}), ".png", "grey PNG, values 0 and 1; 1 is foreground"),
        (palette({0: WHITE}, on=0, off=1), ".gif", "grey GIF, values 0 and 255; 255 is foreground"),
        (palette({0: RED}, on=0, off=1), ".gif", "coloured GIF, colours #000000 and #FF0000; #FF0000 is foreground"),
        (grey(255), ".gif", "grey GIF, values 0 and 255; 255 is foreground"),
        (cut_out, ".png", "cut-out PNG, opacities 0 and 255; 255 is foreground"),
        (lambda mask: cut_out(mask)[..., 2:], ".png", "cut-out PNG, opacities 0 and 255; 255 is foreground"),
        (photograph, ".png", "cut-out PNG, opacities 0 and 255; 255 is foreground"),
        (colour((*RED, 128), (0, 0, 0, 0)), ".png", "cut-out PNG, opacities 0 and 255; 255 is foreground"),
        (colour((*WHITE, 255), (0, 0, 0, 255)), ".png", "grey PNG, values 0 and 255; 255 is foreground"),
        (colour((*RED, 255), (0, 0, 0, 255)), ".png", "colours #000000 and #FF0000; #FF0000 is foreground"),
    ],
)
def test_what_can_mean_one_thing_is_read(draw: Draw, suffix: str, text: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", draw, suffix)
    assert decide(folder).text.endswith(text)
    check(read(folder), TRUTH)


def test_frames_without_an_object_are_read_as_their_set(tmp_path: Path) -> None:
    truth = [np.zeros_like(mask) for mask in TRUTH[1:]] + TRUTH[:1]
    for name, draw in {"one": grey(1), "index": palette({0: WHITE, 1: RED}), "alpha": cut_out}.items():
        check(read(save(tmp_path / name, draw, truth=truth)), truth)


def test_a_cut_out_that_is_whole_or_void_and_a_drawing_beside_them(tmp_path: Path) -> None:
    truth = [*TRUTH, np.ones_like(TRUTH[0]), np.zeros_like(TRUTH[0])]
    check(read(save(tmp_path / "cut", photograph, truth=truth)), truth)
    folder = save(tmp_path / "drawn", colour((*WHITE, 255), (0, 0, 0, 255)))
    Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0)).save(folder / "m9.png")
    check(read(folder), [*TRUTH, np.zeros_like(TRUTH[0])])
    Image.fromarray(cut_out(TRUTH[0])).save(folder / "m8.png")
    with pytest.raises(ValueError, match=r"of .*m8.png the alpha channel is the mask and of .*m0.png it is not"):
        decide(folder)


def test_a_cut_out_whose_palette_has_one_colour_is_read_by_its_opacity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = np.full((256, 4), 255, np.uint8)
    colours[1, 3] = 0
    pictures = {Page(Path(f"{i}.png")): Picture((~m).astype(np.uint8), "P", colours) for i, m in enumerate(TRUTH)}
    monkeypatch.setattr(planes, "open_picture", lambda page, max_megapixels: pictures[page])
    monkeypatch.setattr(survey, "telling", nullcontext)  # which asks the file for its size
    rule = decide_masks([(page,) for page in pictures], DataConfig())
    check([read_labels((page,), rule, 250) for page in pictures], TRUTH)


def test_numbers_of_half_precision_are_read() -> None:
    values = np.array([[0, 1], [np.nan, np.inf]], np.float16)
    codes = planes.read_plane(Picture(values, "F"), "unit")
    np.testing.assert_array_equal(codes, [[0, 255], [planes.NOT_A_NUMBER] * 2])


def test_colours_of_16_bits_are_those_of_8() -> None:
    values = np.array([[[65535, 0, 257]]], np.uint16)
    assert planes.read_plane(Picture(values, "RGB"), "colours").tolist() == [[0xFF0001]]
    grey_and_alpha = np.array([[[65535, 65535], [65535, 0]]], np.uint16)
    assert planes.read_plane(Picture(grey_and_alpha, "LA"), "colours").tolist() == [[0xFFFFFF, 0]]


def test_palettes_that_differ_between_files_are_read_by_their_colours(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", palette({1: RED}))
    palette({0: RED}, on=0, off=1)(TRUTH[3]).save(folder / "m3.png")
    check(read(folder), TRUTH)


def test_files_of_several_kinds_are_one_set_where_each_can_mean_one_thing(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", grey(255), truth=TRUTH[:4])
    Image.fromarray(TRUTH[1]).save(folder / "m1.png")
    Image.fromarray(colour(WHITE)(TRUTH[2])).save(folder / "m2.png")
    Image.fromarray(grey(65535, kind=np.uint16)(TRUTH[3])).save(folder / "m3.png")
    check(read(folder), TRUTH[:4])


@pytest.mark.parametrize(
    ("draw", "suffix", "text"),
    [
        (lambda inside, ring: indexed(inside + 255 * ring, VOC), ".png", "palette PNG, indices 0, 1 and 255"),
        (lambda inside, ring: indexed(15 * inside + 255 * ring, VOC), ".png", "palette PNG, indices 0, 15 and 255"),
        (lambda inside, ring: (inside + 255 * ring).astype(np.uint8), ".png", "grey PNG, values 0, 1 and 255"),
        (lambda inside, ring: (inside + 65535 * ring).astype(np.uint16), ".tif", "grey TIFF, values 0, 1 and 65535"),
    ],
)
def test_white_beside_small_numbers_is_left_out(draw: Any, suffix: str, text: str, tmp_path: Path) -> None:
    pairs = iter(zip(INSIDE, RING, strict=True))
    folder = save(tmp_path / "masks", lambda _: draw(*next(pairs)), suffix)
    rule = decide(folder)
    foreground, void = text.split(" ")[-3], text.split(" ")[-1]
    assert rule.text == f"{text}; {foreground.strip(',')} is foreground, {void} is left out of loss and metrics"
    check(read(folder), INSIDE, RING)
    both = read(folder, foreground=(foreground.strip(","), void))
    check(both, TRUTH)
    turned = [~mask & ~ring for mask, ring in zip(INSIDE, RING, strict=True)]
    check(read(folder, invert=True), turned, RING)


def test_pixels_without_a_number_are_left_out(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", lambda mask: np.where(Y < 5, np.nan, mask).astype(np.float32), ".tif")
    assert decide(folder).text.endswith("1 is foreground, pixels that hold no number are left out of loss and metrics")
    check(read(folder), TRUTH, [Y < 5] * 6)


def _lift(mask: np.ndarray) -> np.ndarray:
    """Half of the background is not quite black, as networks that matte leave it."""
    pixels = np.asarray(Image.fromarray(anti_aliased(mask)).filter(ImageFilter.GaussianBlur(1)))
    return np.where(WIDTH / 2 > X, np.maximum(pixels, 10), pixels)


@pytest.mark.parametrize(
    ("draw", "suffix", "options"),
    [
        (anti_aliased, ".png", {}),
        (anti_aliased, ".gif", {}),
        (lambda mask: anti_aliased(mask, on=200), ".png", {}),
        (lambda mask: anti_aliased(mask, on=60), ".png", {}),
        (lambda mask: anti_aliased(mask).astype(np.uint16) * np.uint16(257), ".png", {}),
        (lambda mask: (anti_aliased(mask) / 255).astype(np.float32), ".tif", {}),
        (lambda mask: np.dstack([cut_out(mask)[..., :3], anti_aliased(mask)]), ".png", {}),
        (lambda mask: np.rint(anti_aliased(mask)[..., None] / 255 * (250, 50, 83)).astype(np.uint8), ".png", {}),
        (lambda mask: np.rint(anti_aliased(mask) / 85).astype(np.uint8) * np.uint8(85), ".png", {}),
        (_lift, ".png", {}),
        *[(grey(255), ".jpg", {"quality": quality}) for quality in (5, 15, 30, 75, 95)],
        *[(colour(RED), ".jpg", {"quality": quality}) for quality in (5, 15, 30, 75, 95)],
        *[(colour((250, 50, 83)), ".jpg", {"quality": quality}) for quality in (5, 30, 95)],
        (grey(128), ".jpg", {"quality": 30}),
        (colour((0, 255, 0)), ".webp", {"quality": 50}),
    ],
)
def test_soft_masks_are_cut_at_half_their_foreground(
    draw: Draw, suffix: str, options: dict[str, Any], tmp_path: Path
) -> None:
    folder = save(tmp_path / "masks", draw, suffix, **options)
    assert "soft edges" in decide(folder).text
    for label, mask in zip(read(folder), TRUTH, strict=True):
        assert label.soft
        assert not label.ignored.any()
        half = label.foreground >= 128
        assert (half & mask).sum() / (half | mask).sum() > 0.93
        assert half.sum() == pytest.approx(mask.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("width", "suffix", "options"), [(2, ".png", {}), (3, ".png", {}), (3, ".jpg", {"quality": 40})]
)
def test_thin_lines_in_one_colour_keep_their_width(
    width: int, suffix: str, options: dict[str, Any], tmp_path: Path
) -> None:
    """Most of what is drawn is dim, where edges are soft and JPEG has spread the colour."""
    fine = [((x + shift + 2 * y) % 300) < 8 * width for shift in range(0, 90, 15) for y, x in [np.mgrid[:768, :1024]]]
    truth = [mask.reshape(96, 8, 128, 8).mean(axis=(1, 3)) for mask in fine]
    red = lambda share: np.dstack([255 * share, 0 * share, 0 * share]).astype(np.uint8)  # noqa: E731
    labels = read(save(tmp_path / "masks", red, suffix, truth, **options))
    found = np.mean([label.foreground >= 128 for label in labels])
    assert found == pytest.approx(np.mean([share >= 0.5 for share in truth]), rel=0.25)


def _photograph(mask: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(int(mask.sum()))
    ground = 90 + 30 * np.sin(X / 7)[..., None] + draw.normal(0, 18, (HEIGHT, WIDTH, 3))
    return np.clip(ground + 75 * mask[..., None], 1, 255).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("channel", [slice(None), 0])
def test_photographs_are_no_masks(channel: slice | int, suffix: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", lambda mask: _photograph(mask)[..., channel], suffix)
    with pytest.raises(
        ValueError, match=r"only \d+% of the pixels .* are near the ends, .*m\d.*: .*--masks DIR.*--foregr"
    ):
        decide(folder)


def test_photographs_on_black_are_foreground_when_asked(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", lambda mask: _photograph(mask) * mask[..., None])
    check(read(folder, foreground=("all",)), TRUTH)


def test_a_soft_mask_is_the_same_whatever_it_is_painted_with(tmp_path: Path) -> None:
    white = read(save(tmp_path / "white", anti_aliased))
    for label, mask in zip(white, TRUTH, strict=True):
        np.testing.assert_array_equal(label.foreground, anti_aliased(mask))
    red = read(
        save(tmp_path / "red", lambda mask: np.dstack([anti_aliased(mask), 0 * mask, 0 * mask]).astype(np.uint8))
    )
    dim = read(save(tmp_path / "dim", lambda mask: anti_aliased(mask, on=150)))
    for first, second, third in zip(white, red, dim, strict=True):
        np.testing.assert_array_equal(first.foreground, second.foreground)
        np.testing.assert_allclose(first.foreground.astype(int), third.foreground.astype(int), atol=1)


def test_a_hard_file_among_soft_ones_is_hard(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", anti_aliased)
    Image.fromarray(grey(255)(TRUTH[0])).save(folder / "m0.png")
    labels = read(folder)
    assert [label.soft for label in labels] == [False] + [True] * 5
    check(labels[:1], TRUTH[:1])


def test_nearly_white_is_white(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", lambda mask: np.where(mask & (X < 64), 254, mask * 255).astype(np.uint8))
    for label, mask in zip(read(folder), TRUTH, strict=True):
        np.testing.assert_array_equal(label.foreground >= 128, mask)


def test_mattes_of_drawn_frames_are_soft(tmp_path: Path) -> None:
    drawn = generate(scenes=4, frames_per_scene=2, size=(96, 64), seed=0)
    softened: dict[str, Draw] = {
        "drawn": lambda mask: mask,
        "blurred": lambda mask: Image.fromarray(mask).filter(ImageFilter.GaussianBlur(4)),
        "enlarged": lambda mask: Image.fromarray(mask).filter(ImageFilter.BoxBlur(1)).resize((512, 768), 0),
    }
    for name, draw in softened.items():
        labels = read(save(tmp_path / name, draw, truth=list(drawn.masks)))
        assert all(label.soft and (label.foreground >= 128).any() for label in labels)


def _corner(mask: np.ndarray, pixels: np.ndarray, value: Any, side: int = 6) -> np.ndarray:
    """A square of another class, 0.3 % of the frame, away from the object."""
    assert not mask[2 : 2 + side, 2 : 2 + side].any()
    pixels[2 : 2 + side, 2 : 2 + side] = value
    return pixels


def _halves(left: int, right: int) -> Draw:
    return lambda mask: (mask * np.where(X < WIDTH / 2, left, right)).astype(np.uint8)


def _tiles(classes: int) -> np.ndarray:
    """Classes that lie all over the frame, and void between them."""
    drawn = np.random.default_rng(0).integers(0, classes, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
    return np.where((X % 8 == 0) & (Y < 40), np.uint8(255), np.kron(drawn, np.ones((8, 8), np.uint8)))


def _green_and_red(mask: np.ndarray, side: int = 6) -> np.ndarray:
    return _corner(mask, colour((0, 255, 0))(mask), RED, side)


@pytest.mark.parametrize(
    ("draw", "suffix", "message"),
    [
        (_halves(1, 2), ".png", r"more than two classes, such as .*m\d.png: found 0 \(.*\), 1 \(.*\) and 2 \(.*\); "),
        (_halves(128, 255), ".png", r"found 0 \(.*%\), 128 \(.*%\) and 255 \(.*%\); --foreground VALUE ..."),
        (lambda mask: np.where(Y < 40, 3, 2 * mask).astype(np.uint8), ".png", r"0 \(.*%\), 2 \(.*%\) and 3 \("),
        (lambda mask: np.where((Y == 2) & (X < 4), 1, 255 * mask).astype(np.uint8), ".png", r"1 \(0.0\d%\) and 255"),
        (grey(255, 1), ".png", r"hold two values, of which none is 0, .*1 \(.*%\) and 255 \("),
        (grey(200, 90), ".png", r"hold two values, of which none is 0, .*90 \(.*%\) and 200 \(.*%\); --fore"),
        (lambda mask: np.where(Y < 9, 90, np.where(mask, 255, 170)).astype(np.uint8), ".png", "90 .* 170 .* 255"),
        (lambda mask: np.where(mask & ~np.roll(mask, 1, axis=1), 128, 255 * mask).astype(np.uint8), ".png", "128 .*25"),
        (lambda mask: (85 * (X // 32)).astype(np.uint8), ".png", "0 .* 85 .* 170 .* 255"),
        (lambda mask: _corner(mask, grey(255)(mask), 128), ".png", r"0 \(.*%\), 128 \(0.29%\) and 255"),
        (lambda mask: np.where(Y == 4, 2, mask).astype(np.uint8), ".png", r"1 \(.*%\) and 2 \(1.04%\)"),
        (lambda mask: _corner(mask, anti_aliased(mask), 128), ".png", r"0 \(.*%\), 128 \(0.\d\d%\) and 255"),
        (_halves(120, 255), ".jpg", r"grey JPEG\) are a label map of more than two .*, 120 \(.*%\) and 255 \(.*%\)"),
        (_green_and_red, ".png", r"#000000 \(.*%\), #00FF00 \(.*%\) and #FF0000 \(0.29%\); --foreground COLOUR \.\.\."),
        (_green_and_red, ".jpg", "coloured JPEG.* are a label map of more than two classes"),
        (lambda mask: _corner(mask, np.dstack([mask * 0, anti_aliased(mask), mask * 0]).astype(np.uint8), RED), ".png",
         r"#00FF00 \(.*%\) and #FF0000 \("),
        (colour(RED, WHITE), ".png", r"hold two colours, of which none is black, .*: found #FF0000 .* and #FFFFFF .*"),
        (palette({0: WHITE}), ".png", "index 0 is not black and index 1 is: --foreground 1 .* --foreground 0 by"),
        (palette({0: RED}, on=0, off=1), ".png", "index 0 is not black and index 1 is"),
        (lambda mask: _tiles(21), ".png", r"label map of more than two .*: found 0 \(.*%\), 1 \(.*%\), .* and 10 more"),
        (lambda mask: indexed(mask * np.where(X < 64, 1, 15), VOC), ".png", r"palette PNG\).* 0 .*, 1 .* and 15 "),
        (grey(0), ".png", r"none of these \(grey PNG\) has any: found 0 \(100.00%\); --foreground VALUE says what is"),
        (colour((*RED, 255), (0, 255, 0, 255)), ".png", "hold two colours"),
        (lambda mask: np.where(mask, -0.5, 3.25).astype(np.float32), ".tif", "must hold shares from 0 to 1, .*got -0"),
    ],
)  # fmt: skip
def test_what_could_mean_two_things_is_refused(draw: Draw, suffix: str, message: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", draw, suffix)
    with pytest.raises(ValueError, match=message):
        decide(folder)


def test_two_numberings_in_one_set_are_refused_by_the_names_of_both_files(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", grey(255))
    Image.fromarray(grey(1)(TRUTH[3])).save(folder / "m3.png")
    with pytest.raises(ValueError, match=r"or of two kinds, as .*m3.png holds 1 and .*m\d.png holds 255, such as"):
        decide(folder)
    check(read(folder, foreground=("1", "255")), TRUTH)


def test_the_one_label_map_among_masks_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", grey(255))
    indexed(TRUTH[2] * np.where(X < 64, 1, 2), {1: WHITE, 2: (200, 0, 0)}).save(folder / "m2.png")
    with pytest.raises(ValueError, match=r"label map of more.*such as .*m2.png: found 0 .*, 1 .*, 2 .* and 255 "):
        decide(folder)


def _random_colours(labels: np.ndarray) -> np.ndarray:
    colours = np.random.default_rng(1).integers(40, 256, (labels.max() + 1, 3), dtype=np.uint8)
    colours[0] = 0
    return colours[labels]


@pytest.mark.parametrize(
    ("draw", "suffix"),
    [
        (lambda labels: labels.astype(np.uint8), ".png"),
        (lambda labels: labels, ".tif"),
        (lambda labels: np.where(labels, labels + 1000, 0).astype(np.uint16), ".png"),
        (lambda labels: (labels.astype(np.int64) * 7919 % 65521).astype(np.uint16), ".tif"),
        (lambda labels: labels.astype(np.int32), ".tif"),
        (lambda labels: labels.astype(np.float32), ".tif"),
        (lambda labels: indexed(labels, {index: (index, 255 - index, 9) for index in range(1, 256)}), ".png"),
        (_random_colours, ".png"),
    ],
)
def test_instance_labels_are_foreground_when_asked(draw: Draw, suffix: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", draw, suffix, truth=CELLS)
    with pytest.raises(ValueError, match=r"are instance labels, one of the .* for each object, .* --foreground all"):
        decide(folder)
    check(read(folder, foreground=("all",)), [labels > 0 for labels in CELLS])
    check(read(folder, foreground=("all",), invert=True), [labels == 0 for labels in CELLS])


def test_instances_of_a_few_pixels_are_told_from_soft_edges(tmp_path: Path) -> None:
    tiny = [instances(seed, radius=(1.8, 2.4)) for seed in range(6)]
    assert all(find_flat(labels).sum() < labels.size * 0.9 for labels in tiny)
    with pytest.raises(ValueError, match="are instance labels"):
        decide(save(tmp_path / "masks", lambda labels: labels.astype(np.uint8), truth=tiny))


def test_white_is_left_out_beside_instances_but_not_as_one_of_them(tmp_path: Path) -> None:
    bordered = [np.where(Y < 2, 255, labels).astype(np.uint8) for labels in CELLS]
    folder = save(tmp_path / "void", lambda labels: labels, truth=bordered)
    truth = [(labels > 0) & (Y >= 2) for labels in CELLS]
    check(read(folder, foreground=("all",)), truth, [Y < 2] * 6)
    many = [instances(seed, number=lambda count: count + 220) for seed in range(6)]
    check(
        read(save(tmp_path / "many", lambda labels: labels, ".tif", many), foreground=("all",)), [m > 0 for m in many]
    )


def test_flags_say_what_is_foreground_and_what_counts_nowhere(tmp_path: Path) -> None:
    left, right = ([mask & side for mask in TRUTH] for side in (X < 64, X >= 64))
    values = save(tmp_path / "values", _halves(1, 2))
    check(read(values, foreground=("1",)), left)
    check(read(values, foreground=("2", "1")), TRUTH)
    check(read(values, foreground=("all",)), TRUTH)
    check(read(values, ignore=("2",)), left, right)
    check(read(values, foreground=("2",), ignore=("1",), invert=True), [~mask for mask in TRUTH], left)
    colours = save(tmp_path / "colours", lambda mask: np.uint8([[0, 0, 0], RED, WHITE])[_halves(1, 2)(mask)])
    for name in ("red", "#FF0000", "#f00", "255,0,0", "255, 0, 0"):
        check(read(colours, foreground=(name,)), left)
    check(read(colours, foreground=("all",)), TRUTH)
    check(read(colours, ignore=("white",)), left, right)
    indices = save(tmp_path / "indices", lambda mask: indexed(_halves(1, 15)(mask), VOC))
    check(read(indices, foreground=("15",)), right)
    check(read(indices, foreground=("#C08080",)), right)
    reversed_palette = save(tmp_path / "reversed", palette({0: WHITE}))
    check(read(reversed_palette, foreground=("1",)), TRUTH)
    check(read(reversed_palette, foreground=("all",)), TRUTH)
    check(read(reversed_palette, foreground=("white",)), [~mask for mask in TRUTH])
    floats = save(tmp_path / "floats", lambda mask: (mask * np.where(X < 64, 0.5, 1)).astype(np.float32), ".tif")
    check(read(floats, foreground=("1",)), right)
    check(read(floats, foreground=("0.5",)), left)


def test_invert_and_the_background_by_name_are_the_same(tmp_path: Path) -> None:
    turned = [~mask for mask in TRUTH]
    for name, draw, suffix in (("hard", grey(255), ".png"), ("index", palette(VOC), ".png")):
        folder = save(tmp_path / name, draw, suffix)
        check(read(folder, invert=True), turned)
        check(read(folder, foreground=("0",)), turned)
    assert decide(tmp_path / "hard", invert=True).text == (
        "grey PNG, values 0 and 255; all but 255 is foreground (--invert)"
    )
    soft = save(tmp_path / "soft", anti_aliased)
    for flags in ({"invert": True}, {"foreground": ("0",)}):
        for label, mask in zip(read(soft, **flags), TRUTH, strict=True):
            np.testing.assert_array_equal(label.foreground, 255 - anti_aliased(mask))


def test_classes_of_noisy_files_are_the_nearest(tmp_path: Path) -> None:
    for name, draw in {"grey": _halves(120, 255), "colour": lambda mask: _green_and_red(mask, side=18)}.items():
        folder = save(tmp_path / name, draw, ".jpg", quality=75)
        wanted = draw(TRUTH[0]) == 120 if name == "grey" else draw(TRUTH[0])[..., 0] == 255
        label = read(folder, foreground=("120" if name == "grey" else "red",))[0]
        assert not label.soft
        found = label.foreground == 255
        assert (found & wanted).sum() / wanted.sum() > 0.9
        assert label.foreground[60:, :20].max() == 0


@pytest.mark.parametrize(
    ("draw", "flags", "message"),
    [
        (
            grey(255),
            {"foreground": ("1",)},
            r"--foreground must name values of the masks, which are grey PNG, got 1; f",
        ),
        (grey(255), {"ignore": ("7",)}, r"--ignore must name values .*got 7; found: 0 \(.*%\) and 255 \(.*%\)"),
        (
            grey(255),
            {"foreground": ("red",)},
            "--foreground must name values of the masks, which are grey PNG, got red",
        ),
        (grey(255), {"foreground": ("0.5",)}, "--foreground must name values .* got 0.5; found: 0 "),
        (
            colour(RED),
            {"foreground": ("255",)},
            "--foreground must name colours of the masks, .* got 255; found: #0000",
        ),
        (colour(RED), {"foreground": ("blue",)}, r"got blue; found: #000000 \(.*%\) and #FF0000 \(.*%\)"),
        (grey(255), {"foreground": ("cat",)}, "--foreground must name numbers or colours .* or all, got cat"),
        (grey(255), {"ignore": ("all",)}, "--ignore must name numbers or colours .*, got all"),
        (grey(255), {"foreground": ("nan",)}, "--foreground must name numbers or colours .*, got nan"),
        (grey(255), {"foreground": ("300,0,0",)}, "--foreground must name numbers or colours .*, got 300,0,0"),
        (grey(255), {"foreground": ("all", "255")}, "--foreground must be all or a list of values, got all 255"),
        (grey(255), {"foreground": ("255",), "ignore": ("255.0",)}, "must name each value once, got 255 255.0"),
        (grey(255), {"foreground": ("255",), "ignore": ("red",)}, "must name values or colours, not both, got 255 red"),
        (grey(255), {"ignore": ("255",)}, r"none of these \(grey PNG\) has any: found 0 .* and 255"),
    ],
)
def test_flags_that_name_what_is_not_there_are_refused(
    draw: Draw, flags: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        decide(save(tmp_path / "masks", draw), **flags)


def test_masks_of_one_frame_are_united(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", lambda mask: mask.astype(np.uint8))
    Image.fromarray(np.where(Y < 3, 255, INSIDE[1]).astype(np.uint8)).save(folder / "m1.png")
    masks = tuple(page for pages in pages_of(folder) for page in pages)
    rule = decide_masks([masks], DataConfig(path=str(folder)))
    label = read_labels(masks, rule, 250)
    united = np.logical_or.reduce([TRUTH[0], INSIDE[1], *TRUTH[2:]])
    check([label], [united & (Y >= 3)], [Y < 3])
    Image.new("L", (5, 7)).save(folder / "m2.png")
    with pytest.raises(ValueError, match=r"must have one size, got 5x7 in .*m2.png against 128x96 in .*m0.png"):
        read_labels(masks, rule, 250)


def test_large_files_are_read_in_parts_that_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [
        save(tmp_path / "cells", lambda labels: labels, ".tif", CELLS),
        save(tmp_path / "soft", lambda mask: np.dstack([anti_aliased(mask), 0 * mask, 0 * mask]).astype(np.uint8)),
        save(tmp_path / "cut", photograph),
    ]
    whole = [(decide(folder, foreground=("all",)), read(folder, foreground=("all",))) for folder in folders]
    monkeypatch.setattr(planes, "BAND_PIXELS", 40 * WIDTH)
    for folder, (rule, labels) in zip(folders, whole, strict=True):
        assert decide(folder, foreground=("all",)) == rule
        for label, expected in zip(read(folder, foreground=("all",)), labels, strict=True):
            np.testing.assert_array_equal(label.foreground, expected.foreground)


def test_counts_of_parts_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture(anti_aliased(TRUTH[0]), "L")
    whole = tally_page(Page(Path("m.png")), picture, "values")
    monkeypatch.setattr(planes, "BAND_PIXELS", 7 * WIDTH)
    assert tally_page(Page(Path("m.png")), picture, "values").seen == whole.seen


def test_flat_pixels_are_those_among_their_like() -> None:
    codes = np.random.default_rng(0).integers(0, 2, (12, 17)).repeat(2, axis=0).repeat(2, axis=1)
    expected = [
        [len(np.unique(codes[y - 1 : y + 2, x - 1 : x + 2])) == 1 for x in range(1, codes.shape[1] - 1)]
        for y in range(1, codes.shape[0] - 1)
    ]
    assert np.array(expected).any()
    np.testing.assert_array_equal(find_flat(codes), expected)


def test_a_rule_is_stored_and_the_default_is_that_of_older_versions(tmp_path: Path) -> None:
    folder = save(tmp_path / "masks", _green_and_red)
    rule = decide(folder, foreground=("lime",), ignore=("red",))
    assert MaskRule(**json.loads(json.dumps(asdict(rule)))) == rule
    for masks in pages_of(folder):
        with Image.open(masks[0].path) as image:
            luminance = np.asarray(image.convert("L"))
        label = read_labels(masks, MaskRule(), 250)
        np.testing.assert_array_equal(label.foreground, luminance)
        assert not label.ignored.any()
