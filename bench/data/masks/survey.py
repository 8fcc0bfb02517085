"""One pass over all mask files of a set: of what kind they are, and which codes they hold."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hourglass_bench.bench.data.files.pictures import Page, Picture, telling
from hourglass_bench.bench.data.masks.planes import Plane, count_visible_colours, has_alpha, open_mask, pack
from hourglass_bench.bench.data.masks.tally import Tally, tally_page
from hourglass_bench.bench.parallel import in_threads
from hourglass_bench.bench.progress import progress

Kind = Literal[
    "grey", "unit", "float", "palette", "gif", "colour", "opaque grey", "opaque colour", "clear", "cut-out", "overlay"
]
"""
grey: one channel, or three that are equal; unit, float: floating-point numbers, of 0 to 1 alone or others;
palette: indices that mean something; gif: greys whose indices do not, as they are numbered anew at each saving;
colour: three channels; opaque: with an alpha channel that hides nothing; clear: that hides all;
cut-out: one colour, or a photograph, where it is not transparent; overlay: a few colours on nothing.
"""
Described = tuple[Kind, dict[Plane, Tally]]

GREY = 0x010101
"""Colour codes of greys are multiples of it."""
CUT_OUT_COLOURS = 64
"""A picture of more colours is a photograph and no drawing of classes."""


@dataclass(slots=True)
class Survey:
    """All pages of a set."""

    tallies: dict[tuple[Kind, Plane], Tally] = field(default_factory=dict)
    pages: Counter[Kind] = field(default_factory=Counter)
    examples: dict[Kind, Page] = field(default_factory=dict)
    """The first page of each kind."""
    modes: set[str] = field(default_factory=set)
    suffixes: set[str] = field(default_factory=set)
    palette: dict[int, set[int]] = field(default_factory=dict)
    """Index -> the colours that it is drawn in, of those that occur in pages of the kind palette."""

    def add(self, page: Page, picture_mode: str, described: Described) -> None:
        """One more page."""
        kind, tallies = described
        self.pages[kind] += 1
        self.examples.setdefault(kind, page)
        self.modes.add(picture_mode)
        self.suffixes.add(page.path.suffix.lower())
        for plane, tally in tallies.items():
            self.tallies.setdefault((kind, plane), Tally()).join(tally)

    def has(self, kind: Kind, plane: Plane) -> bool:
        """Whether all pages of a kind have a plane."""
        return (kind, plane) in self.tallies and self.tallies[kind, plane].pages == self.pages[kind]


def survey_masks(pages: Iterable[Page], max_megapixels: int) -> Survey:
    """Read all pages, several at a time, and keep what they hold.

    Raises:
        ValueError: a page is no picture, or holds numbers that no mask does.
    """
    survey, all_pages = Survey(), list(pages)
    read = in_threads(lambda page: _survey_page(page, max_megapixels), all_pages)
    for page, (mode, palette, described) in zip(
        all_pages, progress(read, "reading masks", len(all_pages)), strict=True
    ):
        survey.add(page, mode, described)
        for index, colour in palette.items():
            survey.palette.setdefault(index, set()).add(colour)
    return survey


def _survey_page(page: Page, max_megapixels: int) -> tuple[str, dict[int, int], Described]:
    with telling(page):
        picture = open_mask(page, max_megapixels)
        kind, tallies = described = _describe(page, picture)
    palette: dict[int, int] = {}
    if kind == "palette" and picture.palette is not None:
        indices = list(tallies["values"].seen)
        palette = dict(zip(indices, pack(picture.palette[indices, :3]).tolist(), strict=True))
    return picture.mode, palette, described


def _describe(page: Page, picture: Picture) -> Described:
    is_float = np.issubdtype(picture.values.dtype, np.floating)
    if is_float and picture.values.ndim == 3:
        raise ValueError(f"{page} must be a mask of one channel, got colours of floating point; write it with 8 bits.")
    if is_float:
        return _describe_floats(page, picture)
    if picture.palette is not None:
        return _describe_palette(page, picture)
    if has_alpha(picture):
        return _describe_transparent(page, picture)
    if picture.values.ndim == 3:
        return _describe_colours(page, picture)
    return "grey", {"values": tally_page(page, picture, "values")}


def _describe_palette(page: Page, picture: Picture) -> Described:
    colours = tally_page(page, picture, "colours")
    greys: dict[Plane, Tally] = {"greys": _grey_levels(colours)} if _is_grey(colours) else {}
    if page.path.suffix.lower() == ".gif":
        return ("gif", greys) if greys else ("colour", {"colours": colours})
    return "palette", {"values": tally_page(page, picture, "values"), "colours": colours, **greys}


def _describe_colours(page: Page, picture: Picture) -> Described:
    colours = tally_page(page, picture, "colours")
    return ("grey", {"values": _grey_levels(colours)}) if _is_grey(colours) else ("colour", {"colours": colours})


def _describe_transparent(page: Page, picture: Picture) -> Described:
    alpha = tally_page(page, picture, "alpha")
    if alpha.seen.keys() == {0}:
        return "clear", {"alpha": alpha, "values": alpha}
    if len(alpha.seen) == 1:
        kind, tallies = _describe_colours(page, picture)
        return "opaque grey" if kind == "grey" else "opaque colour", {"alpha": alpha, **tallies}
    if 1 < count_visible_colours(picture, CUT_OUT_COLOURS) <= CUT_OUT_COLOURS:
        return "overlay", {"alpha": alpha, "colours": tally_page(page, picture, "colours")}
    return "cut-out", {"alpha": alpha}


def _describe_floats(page: Page, picture: Picture) -> Described:
    known = picture.values[np.isfinite(picture.values)]
    if not known.size or (known.min() >= 0 and known.max() <= 1):
        return "unit", {"unit": tally_page(page, picture, "unit")}
    if known.min() < 0 and (known != np.rint(known)).any():
        raise ValueError(
            f"{page} must hold shares from 0 to 1, values from 0 to 255 or whole numbers, as a mask of floating-point "
            f"numbers does, got {known.min():.4g} to {known.max():.4g}; cut it where its foreground begins."
        )
    return "float", {"values": tally_page(page, picture, "values")}


def _is_grey(colours: Tally) -> bool:
    return all(code % GREY == 0 for code in colours.seen)


def _grey_levels(colours: Tally) -> Tally:
    levels = Tally()
    levels.join(colours, lambda code: code // GREY)
    return levels
