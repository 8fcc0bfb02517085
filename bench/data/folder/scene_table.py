"""The table of scenes, columns `stem` and `scene`: read as spreadsheets write it, looked up, and written."""

import csv
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from textwrap import shorten

from hourglass_bench.bench.data.files.pictures import SUFFIXES
from hourglass_bench.bench.files import reading, replacing, require_file

COLUMNS = ("stem", "scene")
_DELIMITERS = ",;\t|"
_NAMED = 200
"""Characters of the columns' names that a message holds at most."""


def read_scene_table(table: Path) -> dict[str, str]:
    """Stem -> scene; in any usual encoding, with any usual mark between the columns, among any other columns.

    Raises:
        ValueError: it is no file, cannot be read as a table, lacks a column or has it twice, names no scene or no stem
            in a line that has the other, or names two scenes for one stem.
    """
    require_file(table, "be a table of scenes (--scene-table FILE, or scenes.csv in the data's folder)")
    with reading(table):
        content = table.read_bytes()
    if content.startswith(b"PK"):
        raise ValueError(f"{table} must be a text file, got a workbook of a spreadsheet; save it as CSV.")
    scenes: dict[str, str] = {}
    for number, stem, scene in _rows(_decode(content, table), table):
        if not (stem or scene):
            continue
        if not (stem and scene):
            found = f"the scene {scene!r} without a stem" if scene else f"the stem {stem!r} without a scene"
            raise ValueError(f"{table} must name a stem and its scene in each line, got {found} in line {number}.")
        name = _normal(stem)
        if scenes.setdefault(name, scene) != scene:
            raise ValueError(
                f"{table} must name one scene for each stem, got {scenes[name]!r} and {scene!r} for {name!r} (line "
                f"{number})."
            )
    return scenes


def look_up(stem: str, scenes: Mapping[str, str], table: Path) -> str:
    """Scene of a frame; pages of a stack may be named together, by the stem of their file.

    Raises:
        ValueError: the table does not name it.
    """
    name = _normal(stem)
    for known in (name, name.rpartition("#")[0]):
        if known in scenes:
            return scenes[known]
    near = next((known for known in scenes if _loose(known) == _loose(name)), "")
    rule = "folders, case and leading zeros must be the same (spreadsheets drop zeros)"
    hint = f"; it has {near!r}: {rule}" if near else ""
    raise ValueError(f"{table} must name the scene of every stem, got none for {stem!r}{hint}.")


def write_scene_table(table: Path, stems: Sequence[str], scenes: Sequence[str]) -> None:
    """Write the table that says to which scene each frame belongs; the file never holds half a table."""
    with replacing(table) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *zip(stems, scenes, strict=True)])


def _decode(content: bytes, table: Path) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise ValueError(f"{table} must be a text file, got bytes of 0 in it; save it as CSV in UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _rows(text: str, table: Path) -> Iterator[tuple[int, str, str]]:
    """Number, stem and scene of each line below the header; empty where a line is too short to have them."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.strip() and not line.lower().startswith("sep=")), 0)
    number = start + 1
    try:
        delimiter, stem, scene = _find_columns("".join(lines[start : start + 1]), table)
        reader = csv.reader(lines[start + 1 :], delimiter=delimiter, skipinitialspace=True, strict=True)
        for row in reader:
            number = start + 1 + reader.line_num
            cells = [cell.strip() for cell in row] + [""] * (1 + max(stem, scene))
            yield number, cells[stem], cells[scene]
    except csv.Error as error:  # a field of more than 128 KiB, or a quote that nothing ends
        raise ValueError(f"{table} must be a table of text, got {error} below line {number}.") from error


def _find_columns(header: str, table: Path) -> tuple[str, int, int]:
    """The mark between the columns, and the places of stem and scene."""
    found: list[str] = []
    for delimiter in _DELIMITERS:
        cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))
        names = [cell.strip().strip('"').lower() for cell in cells]
        if set(COLUMNS) <= set(names):
            if twice := [column for column in COLUMNS if names.count(column) > 1]:
                raise ValueError(f"{table} must have one column {twice[0]}, got {names.count(twice[0])}.")
            return delimiter, names.index("stem"), names.index("scene")
        found = max(found, cells, key=len)
    named = shorten(", ".join(filter(None, map(str.strip, found))), _NAMED, placeholder="...") or "none"
    raise ValueError(f"{table} must have the columns stem and scene in its first line, got {named}.")


def _normal(stem: str) -> str:
    """The stem in one form: composed, without the ending of a picture, folders by `/`."""
    name = unicodedata.normalize("NFC", stem.strip()).replace("\\", "/")
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name


def _loose(stem: str) -> str:
    """The stem as people mistake it."""
    return PurePosixPath(stem).name.casefold().lstrip("0")
