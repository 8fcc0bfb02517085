"""A folder of images and masks: the frames in it, with their scenes and the roles that it gives them."""

import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path
from typing import NamedTuple

from hourglass_bench.architectures.bounds import require
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.files.pictures import Page, list_pages
from hourglass_bench.bench.data.folder.layout import File, Layout, count_suffixes, find_layout
from hourglass_bench.bench.data.folder.pairing import Matched, match, tell_apart
from hourglass_bench.bench.data.folder.scenes import SceneRule, scene_rule
from hourglass_bench.bench.files import reading, require_file, what_is

LAYOUTS = (
    "known are images/ and masks/ (imgs/, frames/, JPEGImages/ ... and labels/, annotations/, SegmentationClass/ ...), "
    "with a folder for each scene or without; folders that hold these two each; train/, val/ and test/ around or "
    "inside them; and one folder with x.png and x_mask.png, or x.jpg and x.png. Others are named with --images DIR and "
    "--masks DIR; polygons (COCO, labelme, CVAT) become masks by `bench data import`"
)


class Pair(NamedTuple):
    """One frame's files and the scene it belongs to."""

    stem: str
    """Unique: the image's name without suffix, with its scene's folder (`scene1/0001`) and page (`scan#007`)."""
    scene: str
    image: Page
    masks: tuple[Page, ...]
    """Their foreground is united: usually one, or one for each object."""
    role: str = ""
    """`train`, `val` or `test` where the folder gives every frame one."""


class Found(NamedTuple):
    """What lies in a folder."""

    pairs: tuple[Pair, ...]
    """Sorted by stem, and pages by their number."""
    unlabelled: tuple[str, ...]
    """Stems of the images that have no mask and are left out."""
    layout: str
    """Where images and masks lie and how their names belong together, as the audit says it."""
    scene_rule: SceneRule
    without_image: tuple[str, ...] = ()
    """Masks that have no image and are left out: paths below the folder."""


def find_pairs(data: DataConfig) -> Found:
    """The frames in the folder of `data`.

    Raises:
        ValueError: there are no images and masks that belong together, several could be meant, two files have one
            stem, files of several pages differ in their number, a link leads nowhere, or a scene cannot be told.
    """
    require(data.path != "", "data.path", "name a folder (. is the one that you are in)", data.path)
    folder = Path(data.path)
    layout = find_layout(folder, data.images, data.masks)
    images, masks = (layout.images, layout.masks) if layout.masks else tell_apart(layout.images)
    _require_one_file_each(folder, images)
    _require_one_file_each(folder, masks)
    matched = match(images, masks)
    matched = matched._replace(pairs=[pair for pair in matched.pairs if _is_meant(*pair, layout.no_files)])
    _require_pairs(folder, layout, images, masks, matched)
    unlabelled, without_image = _alone(images, matched, layout.no_files), _alone(masks, matched, layout.no_files)
    if data.require_all and (unlabelled or without_image):
        raise ValueError(
            f"every image in {folder} must have a mask and every mask an image (--require-all); without: "
            f"{_listing([_below(folder, file) for file in (*unlabelled, *without_image)])}."
        )
    stem_of = _name_stems([image for image, _ in matched.pairs] + unlabelled, matched.by_folder)
    rule = scene_rule(folder, data)
    roles = _find_roles(layout.root, [image for image, _ in matched.pairs])
    pairs = []
    for (image, several), role in zip(matched.pairs, roles, strict=True):
        for stem, page, labels in _pages(stem_of[image.path], image, several):
            pairs.append(Pair(stem, _scene_of(stem, image, rule), page, labels, role))
    pairs.sort(key=lambda pair: (stem_of[pair.image.path], pair.image.number or 0))
    orphans = tuple(_below(folder, file) for file in without_image)
    return Found(
        pairs=tuple(pairs),
        unlabelled=tuple(sorted(stem_of[file.path] for file in unlabelled)),
        layout=_describe(folder, layout, matched, pairs)
        + (f"; masks without an image, left out: {_listing(orphans, 3)}" if orphans else ""),
        scene_rule=rule,
        without_image=orphans,
    )


def find_images(folder: Path) -> dict[str, Path]:
    """Stem -> file of every picture in `folder` and the folders in it, or of the images if it holds masks as well.

    Raises:
        ValueError: there is no folder or no picture in it, or two pictures have one stem.
    """
    layout = find_layout(folder, pairs=False)
    images = layout.images
    if not layout.masks:
        photos, masks = tell_apart(images)
        images = photos if _is_paired(match(photos, masks), masks) else images
    _require_one_file_each(folder, images)
    images = [file for file in images if file.path not in layout.no_files]
    return {stem: path for path, stem in _name_stems(images).items()}


def _require_one_file_each(folder: Path, files: Sequence[File]) -> None:
    seen: dict[tuple[object, ...], File] = {}
    for file in files:
        other = seen.setdefault((file.home, file.name), file)
        if other is not file:
            raise ValueError(
                f"{folder} must hold one file per stem, got {_below(folder, other)} and {_below(folder, file)}; if one "
                f"is the mask of the other, put it into a folder of its own (--masks DIR)."
            )


def _is_paired(matched: Matched, masks: Sequence[File]) -> bool:
    """Whether at least half of the masks, and one, have an image."""
    return bool(matched.pairs) and 2 * sum(len(several) for _, several in matched.pairs) >= len(masks)


def _require_pairs(
    folder: Path, layout: Layout, images: Sequence[File], masks: Sequence[File], matched: Matched
) -> None:
    if not _is_paired(matched, masks):
        alone = [file for files in (images, masks) for file in _alone(files, matched, layout.no_files)[:6]]
        unread = f"; not read are {count_suffixes(layout.unread)}" if layout.unread else ""
        if layout.passed_over:
            unread += f"; folders that are called neither: {_listing(layout.passed_over, 6)}"
        raise ValueError(
            f"{folder} must hold images with masks of the same name, or of names that differ by what all masks or all "
            f"images have in common; got {len(images)} images and {len(masks)} masks, without a partner: "
            f"{_listing([_below(folder, file) for file in alone])}{unread}; {LAYOUTS}."
        )
    files = (file.path for image, several in matched.pairs for file in (image, *several))
    if no_files := sorted(path for path in files if path in layout.no_files):
        raise ValueError(
            f"{no_files[0]} must be a picture, got {what_is(no_files[0])}, one of {len(no_files)} that are no files "
            "and have a partner; put the pictures there, or delete them with their partners."
        )


def _is_meant(image: File, masks: Sequence[File], no_files: Set[Path]) -> bool:
    """Whether one of them is a file, or a link to one that is gone: folders, FIFOs and sockets alone are litter."""
    return any(file.path not in no_files or file.path.is_symlink() for file in (image, *masks))


def _alone(files: Sequence[File], matched: Matched, no_files: Set[Path]) -> list[File]:
    """Those without a partner, but for what is no file: nothing is lost without it."""
    used = {file.path for image, several in matched.pairs for file in (image, *several)}
    return [file for file in files if file.path not in used and file.path not in no_files]


def _name_stems(images: Sequence[File], by_folder: bool = False) -> dict[Path, str]:
    """Each image's stem, or its folder's if it is the one there; with its role where train/ and test/ share names."""
    count = Counter(file.home for file in images)
    stems = [file.home.place if by_folder and count[file.home] == 1 else file.stem for file in images]
    if len({*stems}) < len(stems):
        stems = ["/".join(filter(None, (file.home.role, stem))) for file, stem in zip(images, stems, strict=True)]
    return {file.path: stem for file, stem in zip(images, stems, strict=True)}


def _scene_of(stem: str, image: File, rule: SceneRule) -> str:
    """The role in front of a stem is no scene's folder: unless the user says what a scene is, it is kept apart."""
    role, plain = image.home.role, stem.removeprefix(f"{image.home.role}/")
    return rule.of(stem) if rule.said or not role or plain == stem else f"{role}/{rule.of(plain)}"


def _pages(stem: str, image: File, masks: Sequence[File]) -> list[tuple[str, Page, tuple[Page, ...]]]:
    """Stem, image and masks of each page of an image file.

    Raises:
        ValueError: a mask has another number of pages.
    """
    if _is_single(image) and all(map(_is_single, masks)):
        return [(stem, Page(image.path), tuple(Page(mask.path) for mask in masks))]
    pages, *labels = (list_pages(file.path) for file in (image, *masks))
    for mask, of_mask in zip(masks, labels, strict=True):
        if len(of_mask) != len(pages):
            raise ValueError(
                f"{mask.path} must have as many pages as its image {image.path} ({len(pages)}), got {len(of_mask)}."
            )
    stems = [stem] if len(pages) == 1 else [f"{stem}#{page.number:03}" for page in pages]
    return [(name, page, tuple(of_page)) for name, page, *of_page in zip(stems, pages, *labels, strict=True)]


def _is_single(file: File) -> bool:
    """Whether its kind holds one picture: opening each file of a large set to count takes minutes on a network disk."""
    return file.path.name.lower().endswith((".png", ".jpg", ".jpeg", ".bmp"))


def _find_roles(root: Path, images: Sequence[File]) -> list[str]:
    """By the folders, or by the lists that VOC keeps; none unless every image has one and they differ."""
    listed = {
        stem: file.stem
        for file in sorted((root / "ImageSets" / "Segmentation").glob("*.txt"))
        if file.stem in ("train", "val", "test")
        for stem in _read_list(file)
    }
    for roles in ([file.home.role for file in images], [listed.get(file.name, "") for file in images]):
        if all(roles) and len({*roles}) > 1:
            return roles
    return [""] * len(images)


def _read_list(file: Path) -> list[str]:
    require_file(file, "be a list of stems")
    with reading(file):
        return file.read_text(encoding="utf-8", errors="replace").split()


def _describe(folder: Path, layout: Layout, matched: Matched, pairs: Sequence[Pair]) -> str:
    images, masks = [image for image, _ in matched.pairs], [file for _, several in matched.pairs for file in several]
    stem = "*" if matched.by_folder else str(matched.mask_affix)
    text = f"{_pattern(folder, images, str(matched.image_affix))} with {_pattern(folder, masks, stem)}"
    if matched.loosely:
        text += "; some names differ in upper case or leading zeros"
    given = Counter(pair.role for pair in pairs)
    if "" not in given:
        roles = ("train", "val", "test")
        missing = _listing([role for role in roles if role not in given])
        text += f"; the folder gives roles ({_listing([f'{given[role]} {role}' for role in roles if given[role]])})"
        text += (
            ", which --split given keeps"
            if len(given) == len(roles)
            else f" but no {missing}, which --split given needs"
        )
    if layout.passed_over:
        text += f"; passed over: {_listing(layout.passed_over, 3)}"
    return text


def _pattern(folder: Path, files: Sequence[File], name: str) -> str:
    """Such as images/FOLDER/STEM.jpg; that of the first file where there are several folders."""
    places = files[0].home.place.split("/")
    parts = files[0].path.parent.relative_to(folder).parts
    parts = tuple("FOLDER" if unicodedata.normalize("NFC", part) in places else part for part in parts)
    return "/".join((*parts, name + "|".join(sorted({file.path.suffix.lower() for file in files}))))


def _below(folder: Path, file: File) -> str:
    return file.path.relative_to(folder).as_posix()


def _listing(names: Sequence[str], limit: int = 12) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "nothing") + more
