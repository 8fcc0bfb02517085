"""Which mask is of which image: names are compared without what all images or all masks have at one end."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

from hourglass_bench.bench.data.folder.layout import File, Home
from hourglass_bench.bench.data.folder.names import IMAGE_WORDS, MASK_WORDS, ROLES, words_of

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_DIGIT = re.compile(r"\d")
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_NUMBER_AT_END = re.compile(r"[\W_]+\d+$")
SAMPLE = 300
"""So many names, spread over the set, are looked at for what they have in common."""


class Affix(NamedTuple):
    """What names have before and after that which image and mask share."""

    prefix: str = ""
    suffix: str = ""

    def core(self, name: str) -> str | None:
        """What is left of a name; None if it does not have both."""
        end = len(name) - len(self.suffix)
        if end < len(self.prefix) or not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return None
        return name[len(self.prefix) : end]

    def __str__(self) -> str:
        return f"{self.prefix}STEM{self.suffix}"


class Matched(NamedTuple):
    """Images with their masks."""

    pairs: list[tuple[File, list[File]]]
    """In the order of the images; several masks are one for each object."""
    image_affix: Affix
    mask_affix: Affix
    by_folder: bool = False
    """All masks of a folder are of the one image in it, whatever their names."""
    loosely: bool = False
    """Some names differ in upper case or leading zeros."""


def match(images: Sequence[File], masks: Sequence[File]) -> Matched:
    """Find the rule by which the masks' names belong to those of the images; train/ and test/ may each have their own.

    Raises:
        ValueError: two rules hold, so that a mask could be of two images or an image have two masks.
    """
    found = [
        _match_role(
            [file for file in images if file.home.role == role], [file for file in masks if file.home.role == role]
        )
        for role in ("", "train", "val", "test")
    ]
    found = [matched for matched in found if matched.pairs] or [Matched([], Affix(), Affix())]
    pairs, loosely = [pair for matched in found for pair in matched.pairs], any(matched.loosely for matched in found)
    return found[0]._replace(pairs=pairs, loosely=loosely)


def _match_role(images: Sequence[File], masks: Sequence[File]) -> Matched:
    found = _find_rule(images, masks)
    if not found.partner:
        found = _find_rule(*_loosen(images, masks))._replace(partner={})
    loose = _pair_loosely(found, images, masks)
    if 2 * len(found.partner | loose) < len(masks) and (single := _single_images(images, masks)):
        by_folder = {at: single[mask.home] for at, mask in enumerate(masks) if mask.home in single}
        return Matched(_gather(by_folder, images, masks), Affix(), Affix(), by_folder=True)
    partner = {**_numbered(found, images, masks), **loose, **found.partner}
    return Matched(_gather(partner, images, masks), found.image, found.mask, loosely=bool(loose))


def _find_rule(images: Sequence[File], masks: Sequence[File]) -> "_Rule":
    """The affixes that pair most masks."""
    found = _Rule(Affix(), Affix(), _pair(_by_core(images, Affix()), masks, Affix()))
    if images and len(found.partner) < len(masks):
        rules = [found, *_find_rules(images, masks)]
        found = max(rules, key=lambda rule: (len(rule.partner), -len("".join(rule.image + rule.mask))))
        for other in rules:
            _refuse_rival(found, other, images, masks)
    return found


def tell_apart(files: list[File]) -> tuple[list[File], list[File]]:
    """Images and masks that lie in one folder: masks are called so, or are the files that are no JPEG.

    Raises:
        ValueError: there are two files of most names, and nothing tells which is the mask.
    """
    called = [_is_called_mask(file.name) for file in files]
    if any(called) and not all(called):
        return list(compress(files, [not mask for mask in called])), list(compress(files, called))
    together = defaultdict(list)
    for file in files:
        together[file.home, file.name].append(file)
    twice = [pair for pair in together.values() if len(pair) == 2]
    if 2 * len(twice) <= len(together):
        return files, []
    unclear = next((pair for pair in twice if _is_photo(pair[0]) == _is_photo(pair[1])), None)
    if unclear:
        raise ValueError(
            f"{files[0].path.parent} holds two files of most names, such as {unclear[0].path.name} and "
            f"{unclear[1].path.name}, and nothing says which is the mask: move the masks into a folder masks/, or end "
            f"their names with _mask."
        )
    return [file for file in files if _is_photo(file)], [file for file in files if not _is_photo(file)]


def _is_photo(file: File) -> bool:
    """Whether it is a JPEG: of two files of one name the other, which keeps every value, is the mask."""
    return file.path.suffix.lower() in (".jpg", ".jpeg")


def _is_called_mask(name: str) -> bool:
    """Whether the first or the last word says so, numbers aside: mask_01, x_mask, x_mask_1."""
    words = [word for word in words_of(name) if not word.isdigit()]
    return bool(words) and not MASK_WORDS.isdisjoint((words[0], words[-1]))


class _Rule(NamedTuple):
    image: Affix
    mask: Affix
    partner: dict[int, int]
    """Index of a mask -> index of its image."""


def _refuse_rival(found: _Rule, other: _Rule, images: Sequence[File], masks: Sequence[File]) -> None:
    """Unless `found` explains what `other` pairs; an image whose name is the shared part is the first choice."""
    used = set(found.partner.values())
    second_masks = [mask for mask, image in other.partner.items() if image in used and mask not in found.partner]
    second_images = [mask for mask, image in other.partner.items() if mask in found.partner and image not in used]
    unexplained = second_masks + (second_images if any(found.image) else [])
    if 2 * len(unexplained) >= len(found.partner) > 0:
        mask = unexplained[0]
        raise ValueError(
            f"names must belong together in one way, got {found.image} with {found.mask} and also {other.image} with "
            f"{other.mask}, such as {images[other.partner[mask]].path} with {masks[mask].path.name}; move what is not "
            f"meant out of the folder, or name the folders that are (--images DIR, --masks DIR)."
        )


def _gather(partner: dict[int, int], images: Sequence[File], masks: Sequence[File]) -> list[tuple[File, list[File]]]:
    masks_of = defaultdict(list)
    for mask, image in sorted(partner.items()):
        masks_of[image].append(masks[mask])
    return [(images[image], masks_of[image]) for image in sorted(masks_of)]


_Cores = dict[tuple[Home, str], int]


def _by_core(images: Sequence[File], affix: Affix) -> _Cores:
    """Index of the image with each core; one of punctuation alone is none."""
    cores = ((file.home, affix.core(file.name)) for file in images)
    return {
        (home, core): at
        for at, (home, core) in enumerate(cores)
        if core is not None and any(letter.isalnum() for letter in core)
    }


def _pair(cores: _Cores, masks: Sequence[File], affix: Affix) -> dict[int, int]:
    named = ((at, mask.home, affix.core(mask.name)) for at, mask in enumerate(masks))
    return {at: cores[home, core] for at, home, core in named if core is not None and (home, core) in cores}


def _numbered(found: _Rule, images: Sequence[File], masks: Sequence[File]) -> dict[int, int]:
    """Further masks of an image, each of one object: x_mask_1 beside x_mask."""
    if MASK_WORDS.isdisjoint(words_of(found.mask.suffix)):
        return {}
    first = [mask._replace(name=_NUMBER_AT_END.sub("", mask.name)) for mask in masks]
    return _pair(_by_core(images, found.image), first, found.mask)


def _loose(text: str) -> str:
    return _LEADING_ZEROS.sub("", text.casefold())


def _loosen(*kinds: Sequence[File]) -> list[list[File]]:
    """Names without upper case and leading zeros; as they are where that makes two of one kind alike."""
    loose = [[file._replace(name=_loose(file.name)) for file in files] for files in kinds]
    clear = all(len({(file.home, file.name) for file in files}) == len(files) for files in loose)
    return loose if clear else [list(files) for files in kinds]


def _pair_loosely(found: _Rule, images: Sequence[File], masks: Sequence[File]) -> dict[int, int]:
    """Further masks, of images that have none, by names that differ in upper case or leading zeros alone."""
    if len(found.partner) == len(masks):
        return {}
    of_image, of_mask = (Affix(*map(_loose, affix)) for affix in (found.image, found.mask))
    loose_images, loose_masks = _loosen(images, masks)
    pairs = _pair(_by_core(loose_images, of_image), loose_masks, of_mask)
    used = {*found.partner.values()}
    return {mask: image for mask, image in pairs.items() if mask not in found.partner and image not in used}


def _single_images(images: Sequence[File], masks: Sequence[File]) -> dict[Home, int]:
    """Index of the one image of each folder; nothing if a folder with masks has several images or is all there is."""
    single = {image.home: at for at, image in enumerate(images)}
    count = Counter(image.home for image in images)
    return single if all(mask.home.place and count[mask.home] <= 1 for mask in masks) else {}


def _find_rules(images: Sequence[File], masks: Sequence[File]) -> list[_Rule]:
    """The pairs of affixes by which at least some masks find an image; those that pair alike are one."""
    least = min(len(images), len(masks)) / 2
    sample = masks[:: -(-len(masks) // SAMPLE)]
    mask_affixes = _common_affixes(masks, least)
    rules: list[_Rule] = []
    for image_affix in _common_affixes(images, least):
        cores = _by_core(images, image_affix)
        for mask_affix in mask_affixes:
            if not _can_belong(image_affix, mask_affix) or not _pair(cores, sample, mask_affix):
                continue
            partner = _pair(cores, masks, mask_affix)
            if partner and all(partner != rule.partner for rule in rules):
                rules.append(_Rule(image_affix, mask_affix, partner))
    return rules


def _can_belong(image: Affix, mask: Affix) -> bool:
    """Whether two affixes can be those of images and masks: both may have one only if a word says which is which."""
    if (
        image == mask
        or (image.prefix and image.prefix == mask.prefix)
        or (image.suffix and image.suffix == mask.suffix)
    ):
        return False
    if not any(image) or not any(mask):
        return True
    of_image, of_mask = ({word for word in words_of(" ".join(ends)) if not word.isdigit()} for ends in (image, mask))
    image_says, mask_says = of_image & (IMAGE_WORDS | {*ROLES}), of_mask & MASK_WORDS
    if image_says and mask_says:
        return True
    return bool((mask_says and mask_says == of_mask) or (image_says and image_says & IMAGE_WORDS == of_image))


def _common_affixes(files: Sequence[File], least: float) -> list[Affix]:
    """No affix, and those that at least so many names have; those with digits only if all names have them."""
    names = [file.name for file in files[:: -(-len(files) // SAMPLE)]]
    needed = least * len(names) / len(files)
    prefixes, suffixes = Counter[str](), Counter[str]()
    for name in names:
        tokens = _TOKEN.findall(name)
        suffixes.update(_ends(tokens))
        prefixes.update(text[::-1] for text in _ends([token[::-1] for token in reversed(tokens)]))
    return [
        Affix(prefix, suffix)
        for prefix in _frequent(prefixes, needed, len(names))
        for suffix in _frequent(suffixes, needed, len(names))
    ]


def _ends(tokens: list[str], most: int = 6) -> list[str]:
    """The last tokens joined, each with the separator before it if there is one."""
    starts = range(max(len(tokens) - most, 0), len(tokens))
    return [
        "".join(tokens[start:])
        for start in starts
        if start == 0 or not tokens[start][0].isalnum() or tokens[start - 1][0].isalnum()
    ]


def _frequent(count: Counter[str], needed: float, all_names: int, most: int = 5) -> list[str]:
    common = [text for text, times in count.most_common() if times >= (all_names if _DIGIT.search(text) else needed)]
    return ["", *common[:most]]
