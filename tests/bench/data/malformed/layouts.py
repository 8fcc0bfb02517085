"""Folders: what lies where, and what files are called."""

import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np

from tests.bench.data.kinds import grey, named, write_pairs
from tests.bench.data.malformed.cases import DATA, SPECIAL, case, made, special


@case("folder: empty", DATA, "set must hold images")
def empty(root: Path) -> None:
    (root / "set").mkdir()


@case("folder: not there", DATA, "set must be a folder.*none there|got nothing at set")
def missing(root: Path) -> None:
    (root / "other").mkdir()


@case("folder: empty folders", DATA, "set must hold images")
def empty_folders(root: Path) -> None:
    for name in ("images", "masks"):
        (root / "set" / name).mkdir(parents=True)


@case("folder: a file", DATA, "set must be a folder, got a file")
def a_file(root: Path) -> None:
    (root / "set").write_bytes(b"PK")


def _special(root: Path, kind: str) -> None:
    special(root / "set", kind)


for _kind, _called in SPECIAL.items():
    if _kind != "folder":
        case(f"folder: {_kind}", DATA, rf"set must be a folder.*got {_called}|got nothing at set")(
            partial(_special, kind=_kind)
        )


def _special_below(root: Path, kind: str, folder: str) -> None:
    shutil.rmtree(made(root) / folder)
    special(root / "set" / folder, kind)


for _kind in ("FIFO", "device", "link nowhere", "link to itself", "socket"):
    for _folder in ("images", "masks"):
        case(f"folder: {_folder} is a {_kind}", DATA, "set must hold images with masks")(
            partial(_special_below, kind=_kind, folder=_folder)
        )


@case("folder: images alone", DATA, "must hold images with masks")
def images_alone(root: Path) -> None:
    shutil.rmtree(made(root) / "masks")


@case("folder: masks alone", DATA, "must hold images with masks")
def masks_alone(root: Path) -> None:
    shutil.rmtree(made(root) / "images")


@case("folder: files that are not read", DATA, "must hold images.*of .nii.gz")
def unread(root: Path) -> None:
    for folder in ("images", "masks"):
        (root / "set" / folder).mkdir(parents=True)
        (root / "set" / folder / "a.nii.gz").write_bytes(b"x")


@case("folder: names that have nothing in common", DATA, "must hold images with masks")
def strangers(root: Path) -> None:
    write_pairs(root / "set", mask=lambda frame: f"masks/{hash(frame.stem) % 10**6:x}q.png")


@case("folder: two folders of masks", DATA, "several folders that could be the masks")
def two_masks(root: Path) -> None:
    shutil.copytree(made(root) / "masks", root / "set" / "labels")


@case("folder: two files of one stem", DATA, "must hold one file per stem")
def one_stem(root: Path) -> None:
    shutil.copy(made(root) / "images" / "s03_0.png", root / "set" / "images" / "s03_0.bmp")


@case("folder: links of folders in a circle", DATA)
def circle(root: Path) -> None:
    folder = made(root)
    (folder / "images" / "again").symlink_to(folder)
    (folder / "masks" / "again").symlink_to(folder / "masks")


@case("folder: two folders with links to each other", DATA)
def mutual(root: Path) -> None:
    folder = made(root)
    for name, other in (("a", "b"), ("b", "a")):
        (folder / "more" / name).mkdir(parents=True)
        for number in range(3):
            (folder / "more" / name / f"to{number}").symlink_to(folder / "more" / other)


@case("folder: litter of other systems", DATA)
def litter(root: Path) -> None:
    folder = made(root)
    for name in ("._s03_0.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".s03_0.png.swp"):
        (folder / "images" / name).write_bytes(b"\0\5\x16\7")
    (folder / "__MACOSX" / "images").mkdir(parents=True)
    (folder / "__MACOSX" / "images" / "s03_0.png").write_bytes(b"\0\5\x16\7")


@case("folder: special files without a partner", DATA)
def strange_company(root: Path) -> None:
    folder = made(root)
    for number, kind in enumerate(SPECIAL):
        special(folder / "images" / f"x{number}.png", kind)
        special(folder / f"notes{number}.txt", kind)


NAMES = {
    "a line break": ("a\nb", r"a\\x0ab"),
    "a code of a terminal": ("a\x1b[31mb\x07", r"a\\x1b\[31mb\\x07"),
    "writing that is turned": ("a\u202egnp", r"a\\u202egnp"),
}
"""What a name holds -> the name of an image that is broken, and how it is said."""


def _named_badly(root: Path, name: str) -> None:
    folder = made(root)
    for kind in ("images", "masks"):
        (folder / kind / f"{name}.png").write_bytes(b"no picture")


for _kind, (_name, _shown) in NAMES.items():
    case(f"name: {_kind}", DATA, _shown)(partial(_named_badly, name=_name))


@case("name: bytes that are no text", DATA, r"caf\\xe9.*UTF-8")
def no_text(root: Path) -> None:
    folder = os.fsencode(made(root))
    for kind in (b"images", b"masks"):
        shutil.copy(os.path.join(folder, kind, b"s03_0.png"), os.path.join(folder, kind, b"caf\xe9_0.png"))


@case("name: marks that mean something elsewhere", DATA)
def marks(root: Path) -> None:
    signs = ["#1 p", "a*b", "$x$", "50%", "<b>", "-rf"]
    named(root / "set", lambda frame: f"{signs[int(frame.scene[1:])]}_{frame.number}")


@case("name: as long as a file system allows", DATA)
def long(root: Path) -> None:
    named(root / "set", lambda frame: f"{frame.scene}{'x' * 240}_{frame.number}")


@case("list of a split: a FIFO", DATA, r"train\.txt must be a list of stems, got a FIFO")
def split_list(root: Path) -> None:
    (made(root) / "ImageSets" / "Segmentation").mkdir(parents=True)
    os.mkfifo(root / "set" / "ImageSets" / "Segmentation" / "train.txt")


@case("list of a split: no text", DATA)
def split_bytes(root: Path) -> None:
    (made(root) / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "set" / "ImageSets" / "Segmentation" / "train.txt").write_bytes(b"\xff\xfe\x00")


@case("folder: a mask of another set's size", DATA, "must have the size of its image")
def stranger_mask(root: Path) -> None:
    grey(np.ones((20, 20), bool)).save(made(root) / "masks" / "s03_0.png")
