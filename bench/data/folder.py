"""A folder of images and masks: where they lie, and which mask is of which image."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from bench.config import DataConfig
from bench.data.pictures import Page, dead_links, list_pages, list_pictures
from bench.data.scenes import SceneRule, scene_rule


class Pair(NamedTuple):
    """One frame's files and the scene it belongs to."""

    stem: str
    """Unique; of a page of a stack with its number, such as `scan#007`."""
    scene: str
    image: Page
    masks: tuple[Page, ...]
    """Their foreground is united: usually one, or one for each object."""
    role: str = ""
    """`train`, `val` or `test` where the folder gives it."""


class Found(NamedTuple):
    """What lies in a folder."""

    pairs: tuple[Pair, ...]
    """Sorted by stem."""
    unlabelled: tuple[str, ...]
    """Stems of the images that have no mask and are left out."""
    layout: str
    """Where images and masks lie and how their names belong together, as the audit says it."""
    scene_rule: SceneRule


def find_pairs(data: DataConfig) -> Found:
    """The frames in the folder of `data`.

    Raises:
        ValueError: a folder is missing, a stem has no partner or two files, or a scene cannot be told.
    """
    folder = Path(data.path)
    images, masks = find_images(folder / "images"), find_images(folder / "masks")
    _refuse_dead_links(folder / "images", masks)
    _refuse_dead_links(folder / "masks", images)
    unmatched = sorted(images.keys() ^ masks.keys())
    if not images.keys() & masks.keys():
        raise ValueError(
            f"{folder} holds no image with a mask of the same stem; without a partner: "
            f"{_listing([f'images/{stem}' for stem in images] + [f'masks/{stem}' for stem in masks])}."
        )
    if unmatched:
        names = [f"{'images' if stem in images else 'masks'}/{stem}" for stem in unmatched]
        raise ValueError(f"every image in {folder} must have a mask of the same stem; without: {_listing(names)}.")
    rule = scene_rule(folder, data)
    pairs = [Pair(stem, rule.of(stem), images[stem], (masks[stem],)) for stem in sorted(images)]
    return Found(tuple(pairs), (), "images/STEM and masks/STEM", rule)


def find_images(folder: Path) -> dict[str, Page]:
    """Stem -> page of every picture in `folder`; ValueError if there is no folder or two have one stem."""
    pages: dict[str, Page] = {}
    for path in list_pictures(folder):
        for page in list_pages(path):
            if page.stem in pages:
                names = f"{pages[page.stem].path.name} and {path.name}"
                raise ValueError(f"{folder} must hold one file per stem, got {names}.")
            pages[page.stem] = page
    return pages


def _refuse_dead_links(folder: Path, partners: Collection[str]) -> None:
    """Of files that have a partner: without them the set would be another one."""
    dead = [link for link in dead_links(folder) if link.stem in partners]
    if dead:
        raise ValueError(
            f"{dead[0]} must be a picture, got a link that leads nowhere (to {dead[0].readlink()}), one of {len(dead)} "
            "such links that have a partner; bring back what they lead to, or delete them with their partners."
        )


def _listing(names: list[str], limit: int = 12) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "nothing") + more
