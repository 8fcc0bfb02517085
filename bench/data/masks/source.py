"""Which plane of the files says what they mean."""

from collections.abc import Callable
from typing import NamedTuple

from hourglass_bench.bench.data.masks.named import Named, write_list
from hourglass_bench.bench.data.masks.planes import NOT_A_NUMBER, Plane
from hourglass_bench.bench.data.masks.survey import CUT_OUT_COLOURS, GREY, Kind, Survey
from hourglass_bench.bench.data.masks.tally import Tally

SHADES = 16
"""A palette of more greys than these is that of a picture."""
LOSSY = {".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".webp"}
_UNIT = {NOT_A_NUMBER: NOT_A_NUMBER, 0: 0, 255: 1}
FORMATS = {".jpg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".tif": "TIFF", ".webp": "WebP"}


class Source(NamedTuple):
    """What of all files of a set is read."""

    plane: Plane
    tally: Tally
    name: str
    """What the files are, such as `palette PNG`."""
    codes: str
    """What their codes are called: values, indices, colours or opacities."""
    lossy: bool
    """Whether files may be noisy where they were flat."""


def choose_source(survey: Survey, named: Named) -> Source:
    """The plane that all files have in common.

    Raises:
        ValueError: files of different kinds have none in common, or the flags name what it does not have.
    """
    plane = _choose_plane(survey, named)
    tally = Tally()
    for kind in survey.pages:
        _join(tally, survey, kind, plane)
    formats = sorted({FORMATS.get(suffix, suffix[1:].upper()) for suffix in survey.suffixes})
    name, codes = _describe(survey, plane)
    return Source(plane, tally, f"{name} {write_list(formats)}", codes, bool(survey.suffixes & LOSSY))


def _choose_plane(survey: Survey, named: Named) -> Plane:
    kinds = set(survey.pages)
    if "cut-out" in kinds:
        _check_cut_outs(survey)
        return "alpha"
    by_colour = any(value.colour is not None for value in named.values)
    if kinds & {"colour", "opaque colour", "overlay"} or (by_colour and "palette" in kinds):
        return "colours"
    if "palette" in kinds:
        return _choose_of_palette(survey, by_number=bool(named.values))
    if "gif" in kinds:
        return "greys"
    if "unit" in kinds and not _is_unit_of_integers(survey):
        if "float" in kinds:
            raise ValueError(
                f"masks must be of one kind, but the numbers in {survey.examples['unit']} lie between 0 and 1 and "
                f"those in {survey.examples['float']} do not; write all as grey pictures, 255 where the object is."
            )
        return "unit"
    return "values"


def _check_cut_outs(survey: Survey) -> None:
    """Where alpha is the mask of one file, no other may be drawn in colours alone, unless it is a whole photograph."""
    for kind in ("colour", "opaque grey", "opaque colour", "palette", "gif", "unit", "float"):
        drawn = [tally for (of, plane), tally in survey.tallies.items() if of == kind and plane != "alpha"]
        if any(tally.mixed and len(tally.seen) <= CUT_OUT_COLOURS for tally in drawn):
            raise ValueError(
                f"masks must be of one kind, but of {survey.examples['cut-out']} the alpha channel is the mask and "
                f"of {survey.examples[kind]} it is not; write all masks as grey pictures, 255 where the object is."
            )


def _choose_of_palette(survey: Survey, *, by_number: bool) -> Plane:
    settled = all(len(colours) == 1 for colours in survey.palette.values())
    meaningless = "gif" in survey.pages or not settled
    if survey.has("palette", "greys"):
        shades = [min(survey.palette[index]) for index in sorted(survey.palette)]
        ramp = all(low < high for low, high in zip(shades, shades[1:], strict=False))
        return "greys" if meaningless or ramp or len(shades) > SHADES else "values"
    return "colours" if meaningless and not by_number else "values"


def _is_unit_of_integers(survey: Survey) -> bool:
    """Whether pages of 0.0 and 1.0 lie among others of larger whole numbers."""
    codes: set[int] = set()
    for kind in ("grey", "float"):
        if kind in survey.pages:
            codes |= survey.tallies[kind, "values"].seen.keys()
    return bool(codes - {0, 255}) and survey.tallies["unit", "unit"].seen.keys() <= _UNIT.keys()


def _join(tally: Tally, survey: Survey, kind: Kind, plane: Plane) -> None:
    """The pages of a kind, whose codes are written as those of the plane."""
    planes: list[Plane] = [plane, "values", "greys", "unit"]
    native = next(own for own in planes if survey.has(kind, own))
    recode: Callable[[int], int] = int
    if native != plane == "colours":
        recode = GREY.__mul__
    elif native == "unit" and plane == "values":
        recode = _UNIT.__getitem__
    tally.join(survey.tallies[kind, native], recode)


def _describe(survey: Survey, plane: Plane) -> tuple[str, str]:
    """What files and codes are called."""
    if plane == "alpha":
        return "cut-out", "opacities"
    if plane == "colours":
        return "coloured", "colours"
    if plane == "unit":
        return "floating-point", "values"
    if plane == "values" and "palette" in survey.pages:
        return "palette", "indices"
    return "1-bit" if survey.modes == {"1"} else "grey", "values"
