"""What the names of folders and files say: the words for images, for masks and for the roles of a split."""

import re
from collections.abc import Iterable

IMAGE_WORDS = frozenset(
    ["frame", "frames", "image", "images", "img", "imgs", "input", "inputs", "jpegimages", "original", "originals"]
    + ["photo", "photos", "pic", "pics", "picture", "pictures", "raw", "rgb", "still", "stills", "volume", "volumes"]
)
MASK_WORDS = frozenset(
    ["alpha", "ann", "anno", "annot", "annotation", "annotations", "annots", "groundtruth", "gt", "gts", "lab", "label"]
    + ["labeled", "labelled", "labels", "lbl", "manual", "mask", "masks", "matte", "mattes", "pha", "seg"]
    + ["segmentation", "segmentationclass", "segmentations", "segs", "silhouette", "silhouettes", "target", "targets"]
    + ["trimap", "trimaps", "truth"]
)
ROLES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
SHORT_ROLES = {"tr": "train", "ts": "test"}
"""These count only beside another known word, as in imagesTr."""

_YEAR = re.compile(r"20\d\d")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


def _any_of(words: Iterable[str]) -> str:
    return f"({'|'.join(sorted(words, key=len, reverse=True))})"


_RUN_TOGETHER = re.compile(
    f"{_any_of(ROLES)}?{_any_of(IMAGE_WORDS | MASK_WORDS)}{_any_of([*ROLES, *SHORT_ROLES])}?", re.IGNORECASE
)


def words_of(name: str) -> list[str]:
    """The words and numbers of a name in lower case: `imagesTr` has images and tr, `trainannot` train and annot."""
    words: list[str] = []
    for piece in _PIECE.findall(name):
        together = _RUN_TOGETHER.fullmatch(piece.lower())
        words += [word for word in together.groups() if word] if together else [piece.lower()]
    return words


def kind_of(words: list[str]) -> str:
    """`mask` or `image`, whichever the words of a name speak of; a mask of an image is a mask."""
    if MASK_WORDS.intersection(words):
        return "mask"
    return "image" if IMAGE_WORDS.intersection(words) else ""


def role_of(words: list[str]) -> str:
    """`train`, `val` or `test` if the words of a name speak of one."""
    known = {**ROLES, **SHORT_ROLES} if kind_of(words) else ROLES
    return next((known[word] for word in words if word in known), "")


def is_plain(words: list[str]) -> bool:
    """Whether words say kind and role and nothing else, as train_masks and train2017 do; frame_01 is one of many."""
    if len(words) == 2 and words[0] in ROLES and _YEAR.fullmatch(words[1]):
        return True
    return bool(words) and {*words} <= IMAGE_WORDS | MASK_WORDS | {*ROLES, *SHORT_ROLES}
