"""Inputs as people bring them, drawn small, each kind with what is right for it. docs/data.md tells of the same."""

import io
import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]
Draw = Callable[[Path], float | None]
"""Draws a data set into an empty folder; returns the foreground share of its masks as delivered, if it matters."""


class Kind(NamedTuple):
    """A kind of input."""

    draw: Draw
    frames: int = 12
    scenes: int = 6
    refusal: str = ""
    """What the refusal must say, as a regular expression; empty where the input is read."""
    flags: tuple[str, ...] = ()
    warning: str = ""
    """What a warning must say."""
    untrained: str = ""
    """What the refusal to train must say, where the audit only warns."""


KINDS: dict[str, Kind] = {}


def kind(name: str, **facts: object) -> Callable[[Draw], Draw]:
    """Register what draws a kind under its name in docs/data.md."""

    def register(draw: Draw) -> Draw:
        KINDS[name] = Kind(draw, **facts)  # type: ignore[arg-type]
        return draw

    return register


def ellipse(seed: int, height: int = 48, width: int = 64) -> Mask:
    """One ellipse (height, width), whose place and size the seed decides."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    top, left = draw.uniform(0.35, 0.65) * height, draw.uniform(0.35, 0.65) * width
    tall, wide = draw.uniform(0.15, 0.3) * height, draw.uniform(0.12, 0.25) * width
    inside: Mask = ((rows - top) / tall) ** 2 + ((columns - left) / wide) ** 2 < 1
    return inside


def photograph(mask: Mask, seed: int) -> NDArray[np.uint8]:
    """An image (H, W, 3) in which the mask is brighter than a ground of noise and stripes."""
    draw = np.random.default_rng(1000 + seed)
    stripes = 30 * np.sin(np.arange(mask.shape[1]) / draw.uniform(4, 12))
    ground = draw.normal(90, 18, (*mask.shape, 3)) + stripes[:, None]
    return np.clip(np.where(mask[..., None], ground + 75, ground), 0, 255).astype(np.uint8)


class Frame(NamedTuple):
    """One drawn frame."""

    scene: str
    number: int
    image: NDArray[np.uint8]
    mask: Mask

    @property
    def stem(self) -> str:
        """Such as `s03_1`: the second frame of scene 3."""
        return f"{self.scene}_{self.number}"


def drawn(scenes: int = 6, frames: int = 2, height: int = 48, width: int = 64) -> Iterator[Frame]:
    """Frames of some scenes."""
    for scene in range(scenes):
        for number in range(frames):
            mask = ellipse(100 * scene + number, height, width)
            yield Frame(f"s{scene:02d}", number, photograph(mask, 100 * scene + number), mask)


def grey(mask: Mask, on: int = 255) -> Image.Image:
    """A mask as an 8-bit grey image."""
    return Image.fromarray(mask.astype(np.uint8) * np.uint8(on))


def folders(root: Path, images: str = "images", masks: str = "masks") -> tuple[Path, Path]:
    """Two folders in `root`, made."""
    for name in (images, masks):
        (root / name).mkdir(parents=True, exist_ok=True)
    return root / images, root / masks


def write_masks(
    root: Path,
    to_mask: Callable[[Mask], Image.Image],
    suffix: str = "png",
    share: Callable[[Mask], float] = lambda mask: float(mask.mean()),
    **options: object,
) -> float:
    """The plain set with other masks; returns the mean of `share` over them."""
    images, masks = folders(root)
    shares = []
    for frame in drawn():
        Image.fromarray(frame.image).save(images / f"{frame.stem}.png")
        to_mask(frame.mask).save(masks / f"{frame.stem}.{suffix}", **options)
        shares.append(share(frame.mask))
    return float(np.mean(shares))


def write_images(root: Path, save: Callable[[NDArray[np.uint8], Path], None]) -> float:
    """The plain set with images that `save` writes under a path without a suffix."""
    images, masks = folders(root)
    shares = []
    for frame in drawn():
        save(frame.image, images / frame.stem)
        grey(frame.mask).save(masks / f"{frame.stem}.png")
        shares.append(frame.mask.mean())
    return float(np.mean(shares))


def write_pairs(
    root: Path,
    image: Callable[[Frame], str] = lambda frame: f"images/{frame.stem}.png",
    mask: Callable[[Frame], str] = lambda frame: f"masks/{frame.stem}.png",
    scenes: int = 6,
    frames: int = 2,
) -> float:
    """A plain set whose files have other names below `root`; returns its foreground share."""
    shares = []
    for frame in drawn(scenes, frames):
        for name, picture in ((image(frame), Image.fromarray(frame.image)), (mask(frame), grey(frame.mask))):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            picture.save(root / name)
        shares.append(frame.mask.mean())
    return float(np.mean(shares))


def named(root: Path, name: Callable[[Frame], str], scenes: int = 6, frames: int = 2) -> float:
    """A plain set whose images and masks have one name."""
    both = (lambda frame: f"images/{name(frame)}.png"), (lambda frame: f"masks/{name(frame)}.png")
    return write_pairs(root, *both, scenes, frames)


def palette_of(label: NDArray[np.uint8], colours: dict[int, tuple[int, int, int]]) -> Image.Image:
    """A palette image of indices."""
    table = np.zeros((256, 3), np.uint8)
    for index, colour in colours.items():
        table[index] = colour
    image = Image.fromarray(label).convert("L")
    image.putpalette(table.ravel().tolist())
    return image


def shrink(mask: Mask, times: int = 1) -> Mask:
    """Without the pixels of its boundary."""
    for _ in range(times):
        padded = np.pad(mask, 1)
        mask = padded[1:-1, 1:-1] & padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    return mask


def painted(mask: Mask, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A mask (H, W, 3) in one colour on black."""
    return np.where(mask[..., None], np.array(colour, np.uint8), np.uint8(0))


# --- What masks hold ---


@kind("masks of 0 and 255")
def plain(root: Path) -> float:
    return write_masks(root, grey)


@kind("masks of 0 and 1")
def zero_one(root: Path) -> float:
    return write_masks(root, lambda mask: grey(mask, 1))


@kind("masks of 0 and another grey, such as 128")
def half_grey(root: Path) -> float:
    return write_masks(root, lambda mask: grey(mask, 128))


@kind("masks of 1 bit")
def one_bit(root: Path) -> float:
    return write_masks(root, lambda mask: Image.fromarray(mask))


@kind("masks of 16 bits, 0 and 65535")
def sixteen_bit_masks(root: Path) -> float:
    return write_masks(root, lambda mask: Image.fromarray(mask.astype(np.uint16) * np.uint16(65535)))


@kind("palette masks of labelme and VOC")
def palette(root: Path) -> float:
    return write_masks(root, lambda mask: palette_of(mask.astype(np.uint8), {1: (128, 0, 0)}))


def _with_ring(mask: Mask) -> NDArray[np.uint8]:
    return np.where(shrink(mask, 2), 1, np.where(mask, 255, 0)).astype(np.uint8)


@kind("palette masks with VOC's undecided ring")
def palette_ring(root: Path) -> float:
    def share(mask: Mask) -> float:
        label = _with_ring(mask)
        return float((label == 1).mean())

    return write_masks(
        root, lambda mask: palette_of(_with_ring(mask), {1: (128, 0, 0), 255: (224, 224, 192)}), share=share
    )


@kind("palette masks of several classes", refusal=r"--foreground VALUE")
def palette_classes(root: Path) -> None:
    def label(mask: Mask) -> Image.Image:
        values = mask.astype(np.uint8) * np.uint8(15)
        values[:6, :9] = 7
        return palette_of(values, {7: (128, 128, 128), 15: (192, 128, 128)})

    write_masks(root, label)


@kind("palette masks of several classes, one of them chosen", flags=("--foreground", "15"))
def palette_chosen(root: Path) -> float:
    palette_classes(root)
    return float(np.mean([frame.mask.mean() - frame.mask[:6, :9].sum() / frame.mask.size for frame in drawn()]))


@kind("cut-outs: the mask is the alpha channel")
def cut_out(root: Path) -> float:
    def cut(mask: Mask) -> Image.Image:
        image = Image.new("RGBA", mask.shape[::-1], (255, 255, 255, 0))
        image.putalpha(grey(mask))
        return image

    return write_masks(root, cut)


@kind("instance labels", refusal=r"instance labels.*--foreground all")
def instances(root: Path) -> None:
    images, masks = folders(root)
    for seed, frame in enumerate(drawn()):
        label = _cells(seed)
        Image.fromarray(photograph(label > 0, seed)).save(images / f"{frame.stem}.png")
        Image.fromarray(label).save(masks / f"{frame.stem}.png")


def _cells(seed: int, side: int = 96) -> NDArray[np.uint8]:
    draw = np.random.default_rng(seed)
    label = np.zeros((side, side), np.uint8)
    rows, columns = np.mgrid[:side, :side]
    number = 0
    for row in range(6, side, 12):
        for column in range(6, side, 12):
            if draw.random() < 0.9:
                number += 1
                label[(rows - row) ** 2 + (columns - column) ** 2 < draw.uniform(3, 5) ** 2] = number
    return label


@kind("instance labels, every object foreground", flags=("--foreground", "all"))
def instances_all(root: Path) -> float:
    instances(root)
    return float(np.mean([(_cells(seed) > 0).mean() for seed in range(12)]))


@kind("instance labels of 16 bits", refusal=r"instance labels.*--foreground all")
def instances_sixteen_bit(root: Path) -> None:
    images, masks = folders(root)
    for seed, frame in enumerate(drawn()):
        label = _cells(seed).astype(np.uint16)
        Image.fromarray(photograph(label > 0, seed)).save(images / f"{frame.stem}.png")
        Image.fromarray(label).save(masks / f"{frame.stem}.tif")


@kind("masks as GIF")
def gif_masks(root: Path) -> float:
    return write_masks(root, grey, "gif")


@kind("masks as JPEG")
def jpeg_masks(root: Path) -> float:
    return write_masks(root, grey, "jpg", quality=30)


@kind("soft masks")
def soft_masks(root: Path) -> float:
    from PIL import ImageFilter

    soft = lambda mask: grey(mask).filter(ImageFilter.GaussianBlur(2))  # noqa: E731
    return write_masks(root, soft, share=lambda mask: float((np.asarray(soft(mask)) >= 128).mean()))


@kind("masks painted in one colour")
def coloured(root: Path) -> float:
    return write_masks(root, lambda mask: Image.fromarray(painted(mask, (0, 120, 40))))


@kind("masks of two classes in colour", refusal=r"#00C800.*--foreground")
def two_colours(root: Path) -> None:
    def both(mask: Mask) -> Image.Image:
        label = painted(mask, (0, 200, 0))
        label[1:4, 1:4] = (255, 0, 0)
        return Image.fromarray(label)

    write_masks(root, both)


@kind("masks of two classes in colour, both foreground", flags=("--foreground", "#00C800", "#FF0000"))
def two_colours_united(root: Path) -> float:
    two_colours(root)

    def share(mask: Mask) -> float:
        united = mask.copy()
        united[1:4, 1:4] = True
        return float(united.mean())

    return float(np.mean([share(frame.mask) for frame in drawn()]))


@kind("inverted masks", warning=r"--invert")
def inverted(root: Path) -> float:
    return write_masks(root, lambda mask: grey(~mask), share=lambda mask: float((~mask).mean()))


@kind("inverted masks, turned", flags=("--invert",))
def inverted_turned(root: Path) -> float:
    inverted(root)
    return float(np.mean([frame.mask.mean() for frame in drawn()]))


@kind("thin structures at a small size", flags=("--size", "24"), warning=r"Resizing.*--size")
def thin(root: Path) -> float:
    images, masks = folders(root)
    shares = []
    for seed, frame in enumerate(drawn(height=192, width=192)):
        centre = 96 + np.cumsum(np.random.default_rng(seed).normal(0, 1.2, 192)).astype(int)
        mask = np.abs(np.arange(192) - centre[:, None] + 0.5) < 1
        Image.fromarray(photograph(mask, seed)).save(images / f"{frame.stem}.png")
        grey(mask).save(masks / f"{frame.stem}.png")
        shares.append(mask.mean())
    return float(np.mean(shares))


@kind("mostly empty masks", frames=36)
def mostly_empty(root: Path) -> float:
    images, masks = folders(root)
    shares = []
    for frame in drawn(frames=6):
        mask = frame.mask & (frame.number == 3 and frame.scene > "s01")
        Image.fromarray(frame.image).save(images / f"{frame.stem}.png")
        grey(mask).save(masks / f"{frame.stem}.png")
        shares.append(mask.mean())
    return float(np.mean(shares))


# --- What images hold ---


@kind("images of 16 bits from a 12-bit camera")
def sixteen_bit(root: Path) -> float:
    def save(image: NDArray[np.uint8], path: Path) -> None:
        Image.fromarray((image.mean(2) / 255 * 3800 + 200).astype(np.uint16)).save(path.with_suffix(".tif"))

    return write_images(root, save)


@kind("images of floats in [0, 1]")
def floats(root: Path) -> float:
    def save(image: NDArray[np.uint8], path: Path) -> None:
        Image.fromarray((image.mean(2) / 255).astype(np.float32)).save(path.with_suffix(".tif"))

    return write_images(root, save)


@kind("images of all modes in one folder", scenes=8, frames=16)
def modes(root: Path) -> float:
    images, masks = folders(root)
    kinds = [
        ("L", "png"), ("LA", "png"), ("RGBA", "png"), ("P", "png"), ("CMYK", "jpg"), ("1", "png"), ("RGB", "webp"),
        ("L", "TIFF"),
    ]  # fmt: skip
    shares = []
    for number, frame in enumerate(drawn(scenes=8)):
        mode, suffix = kinds[number // 2]
        Image.fromarray(frame.image).convert(mode).save(images / f"{frame.stem}.{suffix}")
        grey(frame.mask).save(masks / f"{frame.stem}.png")
        shares.append(frame.mask.mean())
    return float(np.mean(shares))


@kind("stacks: TIFF of several pages", frames=24)
def stacks(root: Path) -> float:
    images, masks = folders(root)
    slices = list(drawn(frames=4))
    for scene in range(6):
        of_scene = slices[4 * scene : 4 * scene + 4]
        for folder, pages in (
            (images, [Image.fromarray(frame.image).convert("L") for frame in of_scene]),
            (masks, [grey(frame.mask) for frame in of_scene]),
        ):
            pages[0].save(folder / f"stack{scene}.tif", save_all=True, append_images=pages[1:])
    return float(np.mean([frame.mask.mean() for frame in slices]))


@kind("photographs that EXIF turns, masks drawn on the stored pixels", refusal="EXIF")
def exif(root: Path) -> None:
    def save(image: NDArray[np.uint8], path: Path) -> None:
        picture = Image.fromarray(image)
        tags = picture.getexif()
        tags[0x0112] = 6
        picture.save(path.with_suffix(".jpg"), exif=tags)

    write_images(root, save)


@kind("masks of half the size", refusal=r"masks/s00_0.png must have the size of its image .* 32x24 against 64x48")
def half_size(root: Path) -> None:
    write_masks(root, lambda mask: grey(mask[::2, ::2]))


@kind("files above the limit", refusal=r"s03_0.png.*--max-megapixels", flags=("--max-megapixels", "1"))
def huge(root: Path) -> None:
    images, masks = folders(root)
    plain(root)
    big = Image.new("L", (1200, 1000))
    for folder in (images, masks):
        big.save(folder / "s03_0.png")


@kind("upright and lying images of several sizes", scenes=5, frames=10)
def upright_and_lying(root: Path) -> float:
    images, masks = folders(root)
    shares = []
    for scene, size in enumerate([(48, 64), (64, 48), (150, 50), (30, 200), (101, 133)]):
        for number in range(2):
            mask = ellipse(100 * scene + number, *size)
            Image.fromarray(photograph(mask, scene)).save(images / f"s{scene}_{number}.png")
            grey(mask).save(masks / f"s{scene}_{number}.png")
            shares.append(mask.mean())
    return float(np.mean(shares))


def _break(root: Path, content: bytes, suffix: str = "png") -> None:
    plain(root)
    (root / "images" / "s03_0.png").unlink()
    (root / "images" / f"s03_0.{suffix}").write_bytes(content)


@kind("half a JPEG", refusal=r"images/s03_0.jpg must be a readable image")
def half_a_jpeg(root: Path) -> None:
    held = io.BytesIO()
    Image.fromarray(next(iter(drawn())).image).save(held, "JPEG")
    _break(root, held.getvalue()[: len(held.getvalue()) // 2], "jpg")


@kind("an empty file", refusal=r"images/s03_0.png")
def empty_file(root: Path) -> None:
    _break(root, b"")


@kind("a pointer of Git LFS", refusal=r"images/s03_0.png.*Git LFS")
def lfs_pointer(root: Path) -> None:
    _break(root, b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n")


@kind("a PNG with a broken chunk", refusal=r"images/s03_0.png")
def broken_png(root: Path) -> None:
    held = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((512, 384), 0).save(held, "PNG")
    data = bytearray(held.getvalue())
    second = data.find(b"IDAT", data.index(b"IDAT") + 4)
    data[second + 1] ^= 0xFF
    _break(root, bytes(data))
    grey(np.ones((384, 512), bool)).save(root / "masks" / "s03_0.png")


@kind("a link that leads nowhere", refusal=r"images/s03_0.png.*link")
def dangling(root: Path) -> None:
    plain(root)
    (root / "images" / "s03_0.png").unlink()
    (root / "images" / "s03_0.png").symlink_to(root / "gone.png")


# --- How files are named and where they lie ---


@kind("masks named STEM_mask.gif")
def mask_suffix(root: Path) -> float:
    return write_pairs(root, lambda frame: f"images/{frame.stem}.jpg", lambda frame: f"masks/{frame.stem}_mask.gif")


@kind("folders called imgs and labels")
def other_folders(root: Path) -> float:
    return write_pairs(root, lambda frame: f"imgs/{frame.stem}.png", lambda frame: f"labels/{frame.stem}.png")


@kind("one folder per scene")
def nested(root: Path) -> float:
    return named(root, lambda frame: f"{frame.scene}/{frame.number}")


@kind("what a Mac and other systems leave behind")
def litter(root: Path) -> float:
    share = plain(root)
    for folder in (root / "images", root / "masks"):
        for frame in drawn():
            (folder / f"._{frame.stem}.png").write_bytes(b"\0\5\26\7")
        for name in (".DS_Store", "Thumbs.db"):
            (folder / name).write_bytes(b"x")
        (folder / "x.png").mkdir()
        os.mkfifo(folder / "pipe.png")
    return share


@kind("names in two normal forms")
def normal_forms(root: Path) -> float:
    def in_form(form: Literal["NFC", "NFD"], folder: str) -> Callable[[Frame], str]:
        return lambda frame: f"{folder}/{unicodedata.normalize(form, f'Höhle{frame.stem}')}.png"

    return write_pairs(root, in_form("NFD", "images"), in_form("NFC", "masks"))


@kind("names that mean something elsewhere")
def strange_names(root: Path) -> float:
    scenes = ["#1 patient", "a*b", "$x$", "50%", "<b>", "tom & eve"]
    return named(root, lambda frame: f"{scenes[int(frame.scene[1:])]}_{frame.number}")


@kind("images without a mask", warning="s00_2")
def unlabelled(root: Path) -> float:
    images, masks = folders(root)
    shares = []
    for frame in drawn(frames=3):
        Image.fromarray(frame.image).save(images / f"{frame.stem}.png")
        if frame.number < 2:
            grey(frame.mask).save(masks / f"{frame.stem}.png")
            shares.append(frame.mask.mean())
    return float(np.mean(shares))


@kind("images without a mask, all required", refusal=r"s00_2", flags=("--require-all",))
def unlabelled_required(root: Path) -> None:
    unlabelled(root)


# --- Scenes ---


@kind("single photographs of one prefix", frames=12, scenes=1, untrained=r"--scene-pattern '\(\.\+\)'")
def one_prefix(root: Path) -> None:
    named(root, lambda frame: f"img_{int(frame.scene[1:]):03d}", 12, 1)


@kind("single photographs of one prefix, each its own scene", scenes=12, flags=("--scene-pattern", "(.+)"))
def one_prefix_told(root: Path) -> float:
    return named(root, lambda frame: f"img_{int(frame.scene[1:]):03d}", 12, 1)


@kind("slices of patients, named by hyphens", frames=24, scenes=24, untrained=r"--scene-pattern.*P00")
def hyphens(root: Path) -> None:
    named(root, lambda frame: f"P{frame.scene[1:]}-slice-{frame.number:03d}", 6, 4)


@kind("five images of five scenes", frames=5, scenes=5)
def tiny(root: Path) -> float:
    return named(root, lambda frame: frame.stem, 5, 1)


@kind("fewer scenes than folds", frames=8, scenes=4, warning="folds")
def few_scenes(root: Path) -> float:
    return named(root, lambda frame: frame.stem, 4, 2)


@kind("one scene", scenes=1, untrained=r"scene")
def one_scene(root: Path) -> None:
    named(root, lambda frame: f"clip_{frame.scene}{frame.number}", 6, 2)


def _scene_table(root: Path, mark: str, encoding: str, suffix: str = "", place: str = "place") -> float:
    rows = [("stem", "scene")]
    share = named(root, lambda frame: f"frame{frame.scene}{frame.number}")
    rows += [(f"frame{frame.scene}{frame.number}{suffix}", f"{place} {frame.scene}") for frame in drawn()]
    (root / "scenes.csv").write_bytes("".join(f"{mark.join(row)}\r\n" for row in rows).encode(encoding))
    return share


@kind("scenes.csv with a byte order mark")
def table_bom(root: Path) -> float:
    return _scene_table(root, ",", "utf-8-sig")


@kind("scenes.csv with semicolons")
def table_semicolon(root: Path) -> float:
    return _scene_table(root, ";", "utf-8")


@kind("scenes.csv in cp1252")
def table_latin(root: Path) -> float:
    return _scene_table(root, ",", "cp1252", place="Höhle")


@kind("scenes.csv with file names")
def table_suffix(root: Path) -> float:
    return _scene_table(root, ",", "utf-8", suffix=".png")
