"""The table of scenes, columns `stem` and `scene`: read as spreadsheets write it, looked up, and written."""

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from hourglass_bench.bench.data.files.pictures import SUFFIXES
from hourglass_bench.bench.files import replacing

COLUMNS = ("stem", "scene")
_DELIMITERS = ",;\t|"


def read_scene_table(table: Path) -> dict[str, str]:
    """Stem -> scene; in any usual encoding, with any usual mark between the columns, among any other columns.

    Raises:
        ValueError: there is no such file, a column is missing, or one stem has two scenes.
    """
    if not table.is_file():
        raise ValueError(f"the table of scenes must be a file, got none at {table} (--scene-table FILE).")
    content = table.read_bytes()
    if content.startswith(b"PK"):
        raise ValueError(f"{table} must be a text file, got a workbook of a spreadsheet; save it as CSV.")
    rows, stem, scene = _split(_decode(content), table)
    scenes: dict[str, str] = {}
    for row in rows:
        if len(row) <= max(stem, scene) or not row[stem].strip() or not row[scene].strip():
            continue  # a blank line, or a frame that nobody has told of yet: the image will miss it by name
        name, value = _normal(row[stem]), row[scene].strip()
        if scenes.setdefault(name, value) != value:
            raise ValueError(
                f"{table} must name one scene for each stem, got {scenes[name]!r} and {value!r} for {name!r}."
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


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _split(text: str, table: Path) -> tuple[list[list[str]], int, int]:
    """The rows below the header, and the places of stem and scene in them."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].lower().startswith("sep="):  # a spreadsheet's own line
        lines = lines[1:]
    found: list[str] = []
    for delimiter in _DELIMITERS:
        header, *rows = csv.reader(lines or [""], delimiter=delimiter, skipinitialspace=True)
        names = [name.strip().strip('"').lower() for name in header]
        if set(COLUMNS) <= set(names):
            return rows, names.index("stem"), names.index("scene")
        found = max(found, [name.strip() for name in header], key=len)
    raise ValueError(
        f"{table} must have the columns stem and scene in its first line, got {', '.join(found) or 'none'}."
    )


def _normal(stem: str) -> str:
    """The stem in one form: composed, without the ending of a picture, folders by `/`."""
    name = unicodedata.normalize("NFC", stem.strip()).replace("\\", "/")
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name


def _loose(stem: str) -> str:
    """The stem as people mistake it."""
    return PurePosixPath(stem).name.casefold().lstrip("0")
