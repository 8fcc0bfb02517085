"""Small imitations of public data sets, laid out and named as they are delivered; every picture is drawn."""

import hashlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.data.kinds import Frame, drawn, grey, palette_of, shrink

Draw = Callable[[Path], tuple[str, ...]]
"""Draws a data set into an empty folder; returns the flags that tell how it is meant."""


DRIVES = ("0001TP", "0006R0", "0016E5", "Seq05VD", "0002TP", "0007TP")
"""Of CamVid."""


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def carvana(root: Path) -> tuple[str, ...]:
    """Cars from 16 sides: train/ID_01.jpg and train_masks/ID_01_mask.gif."""
    for frame in drawn(scenes=6, frames=3):
        name = f"{int(frame.scene[1:]) * 7919 + 0xCDF5B5D0:x}_{frame.number + 1:02d}"
        _save(Image.fromarray(frame.image), root / "train" / f"{name}.jpg")
        _save(grey(frame.mask), root / "train_masks" / f"{name}_mask.gif")
    return ()


def drive(root: Path) -> tuple[str, ...]:
    """Retinas: training/images/21_training.tif, 1st_manual/21_manual1.gif, and in mask/ the field of view."""
    for part, first in (("training", 21), ("test", 1)):
        for frame in drawn(scenes=6, frames=1):
            number = f"{first + int(frame.scene[1:]):02d}"
            view = np.hypot(*(np.indices(frame.mask.shape) - np.array(frame.mask.shape)[:, None, None] / 2)) < 23
            _save(Image.fromarray(frame.image), root / part / "images" / f"{number}_{part}.tif")
            _save(grey(view), root / part / "mask" / f"{number}_{part}_mask.gif")
            _save(grey(frame.mask), root / part / "1st_manual" / f"{number}_manual1.gif")
            if part == "test":
                _save(grey(shrink(frame.mask)), root / part / "2nd_manual" / f"{number}_manual2.gif")
    return ("--scene-pattern", "(.+)")


def voc(root: Path) -> tuple[str, ...]:
    """Objects of classes: JPEGImages/, more of them than palette masks in SegmentationClass/, XML in Annotations/."""
    for frame in drawn(scenes=6, frames=3):
        name = f"{2007 + int(frame.scene[1:])}_{frame.number:06d}"
        _save(Image.fromarray(frame.image), root / "JPEGImages" / f"{name}.jpg")
        (root / "Annotations").mkdir(exist_ok=True)
        (root / "Annotations" / f"{name}.xml").write_text("<annotation/>")
        if frame.number == 2:
            continue
        label = np.where(shrink(frame.mask), 15, np.where(frame.mask, 255, 0)).astype(np.uint8)
        label[2:6, 2:8] = 9
        colours = {9: (192, 0, 0), 15: (192, 128, 128), 255: (224, 224, 192)}
        _save(palette_of(label, colours), root / "SegmentationClass" / f"{name}.png")
        _save(palette_of(np.minimum(label, 1), {1: (128, 0, 0)}), root / "SegmentationObject" / f"{name}.png")
    return ("--foreground", "15")


def camvid(root: Path) -> tuple[str, ...]:
    """Streets from a car: 701_StillsRaw_full/ and, in colours of many classes, LabeledApproved_full/STEM_L.png."""
    for frame in drawn(scenes=6, frames=3):
        name = f"{DRIVES[int(frame.scene[1:])]}_{frame.number:06d}"
        label = np.full((*frame.mask.shape, 3), (128, 64, 128), np.uint8)
        label[:10] = (128, 128, 128)
        label[frame.mask] = (64, 0, 128)
        _save(Image.fromarray(frame.image), root / "701_StillsRaw_full" / f"{name}.png")
        _save(Image.fromarray(label), root / "LabeledApproved_full" / f"{name}_L.png")
    return ("--foreground", "64,0,128")


def dsb_2018(root: Path) -> tuple[str, ...]:
    """Nuclei: stage1_train/ID/images/ID.png and one file for each nucleus in stage1_train/ID/masks/."""
    for frame in drawn(scenes=9, frames=1):
        name = hashlib.sha256(frame.stem.encode()).hexdigest()
        halves = frame.mask.copy(), frame.mask.copy()
        middle = frame.mask.shape[1] // 2
        halves[0][:, middle:], halves[1][:, :middle] = False, False
        _save(Image.fromarray(frame.image).convert("RGBA"), root / "stage1_train" / name / "images" / f"{name}.png")
        for number, half in enumerate(halves):
            _save(grey(half), root / "stage1_train" / name / "masks" / f"{name[:8]}{number}.png")
    return ()


def isbi_stack(root: Path) -> tuple[str, ...]:
    """Neurons: train-volume.tif and train-labels.tif of 30 slices each, and a test volume without labels."""
    frames = list(drawn(scenes=1, frames=30))
    root.mkdir(parents=True, exist_ok=True)

    def stack(name: str, picture: Callable[[Frame], Image.Image]) -> None:
        pages = [picture(frame) for frame in frames]
        pages[0].save(root / name, save_all=True, append_images=pages[1:])

    stack("train-volume.tif", lambda frame: Image.fromarray(frame.image).convert("L"))
    stack("train-labels.tif", lambda frame: grey(frame.mask))
    stack("test-volume.tif", lambda frame: Image.fromarray(frame.image).convert("L"))
    return ("--scene-pattern", r"#(\d\d)")


def nnunet(root: Path) -> tuple[str, ...]:
    """nnU-Net's raw form: imagesTr/case_001_0000.png, labelsTr/case_001.png of 0 and 1, imagesTs/ without labels."""
    for frame in drawn(scenes=6, frames=2):
        name = f"ellipse_{int(frame.scene[1:]) * 2 + frame.number:03d}"
        _save(Image.fromarray(frame.image), root / "imagesTr" / f"{name}_0000.png")
        _save(grey(frame.mask, 1), root / "labelsTr" / f"{name}.png")
    _save(Image.fromarray(frame.image), root / "imagesTs" / "ellipse_100_0000.png")
    (root / "dataset.json").write_text('{"labels": {"background": 0, "ellipse": 1}, "file_ending": ".png"}')
    return ("--scene-pattern", "(.+)")


def busi(root: Path) -> tuple[str, ...]:
    """Breast ultrasound: benign/benign (1).png with benign (1)_mask.png, at times _mask_1.png too; normal/ is empty."""
    for kind in ("benign", "malignant", "normal"):
        for number, frame in enumerate(drawn(scenes=4, frames=1), start=1):
            name, middle = f"{kind} ({number})", frame.mask.shape[1] // 2
            halves = frame.mask.copy(), frame.mask.copy()
            halves[0][:, middle:], halves[1][:, :middle] = False, False
            masks = halves if (kind, number) == ("benign", 2) else (frame.mask & (kind != "normal"),)
            _save(Image.fromarray(frame.image), root / kind / f"{name}.png")
            for mask, ending in zip(masks, ("_mask", "_mask_1"), strict=False):
                _save(grey(mask), root / kind / f"{name}{ending}.png")
    return ("--scene-pattern", "(.+)")


def glas(root: Path) -> tuple[str, ...]:
    """Glands: train_1.bmp, testA_1.bmp and testB_1.bmp with instance labels NAME_anno.bmp, and Grade.csv."""
    frames = drawn(scenes=12, frames=1)
    for part, count in (("train", 6), ("testA", 4), ("testB", 2)):
        for number, frame in enumerate(islice(frames, count), start=1):
            glands = frame.mask.astype(np.uint8)
            glands[:, frame.mask.shape[1] // 2 :] *= 2
            _save(Image.fromarray(frame.image), root / f"{part}_{number}.bmp")
            _save(Image.fromarray(glands), root / f"{part}_{number}_anno.bmp")
    (root / "Grade.csv").write_text("name\n")
    return ("--foreground", "all", "--scene-pattern", "(.+)")


LAYOUTS: dict[str, Draw] = {
    "Carvana": carvana,
    "DRIVE": drive,
    "VOC": voc,
    "CamVid": camvid,
    "DSB 2018": dsb_2018,
    "ISBI stack": isbi_stack,
    "nnU-Net": nnunet,
    "BUSI": busi,
    "GlaS": glas,
}
