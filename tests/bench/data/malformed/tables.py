"""Tables of scenes."""

from functools import partial
from pathlib import Path

from tests.bench.data.kinds import drawn
from tests.bench.data.malformed.cases import DATA, SPECIAL, TABLE, TRAINING, case, made, special

STEMS = [frame.stem for frame in drawn()]
SCENE = {stem: stem[:3] for stem in STEMS}


def text(scene: dict[str, str] = SCENE, head: str = "stem,scene", mark: str = ",", tail: str = "") -> str:
    """A table."""
    return "\n".join([head, *(f"{stem}{mark}{of}" for stem, of in scene.items())]) + f"\n{tail}"


TABLES: dict[str, tuple[bytes | str, str]] = {
    "empty": (b"", "must have the columns stem and scene in its first line, got none"),
    "blank lines alone": ("\n\n \n", "must have the columns"),
    "a header alone": ("stem,scene\n", "must name the scene of every stem"),
    "no header": (text().partition("\n")[2], "must have the columns"),
    "other columns": (text(head="file,patient"), "must have the columns stem and scene.*got file, patient"),
    "one column": ("stem\ns00_0\n", "must have the columns"),
    "the column scene twice": (text(head="stem,scene,scene"), "must have one column scene, got 2"),
    "the column stem twice": (text(head="stem,stem,scene"), "must have one column stem, got 2"),
    "blanks between columns": (text(head="stem scene", mark=" "), "must have the columns"),
    "another mark below the header": (text(mark=";"), "without a scene in line 2"),
    "a short row": (text(tail="s09_0\n"), "without a scene in line 14"),
    "a row without a stem": (text(tail=",s09\n"), "the scene 's09' without a stem in line 14"),
    "a scene that is empty": (text(SCENE | {"s03_0": ""}), "the stem 's03_0' without a scene in line 8"),
    "a scene of blanks": (text(SCENE | {"s03_0": "  "}), "without a scene in line 8"),
    "two scenes of one stem": (text(tail="s03_0,s04\n"), "must name one scene for each stem.*line 14"),
    "two scenes of one file": (text(tail="s03_0.png,s04\n"), "must name one scene for each stem"),
    "a stem that is missing": (text({stem: SCENE[stem] for stem in STEMS[:-1]}), "got none for 's05_1'"),
    "stems in upper case": (text({stem.upper(): SCENE[stem] for stem in STEMS}), "it has 'S00_0'.*case"),
    "stems without zeros": (text({stem.replace("s0", "s"): SCENE[stem] for stem in STEMS}), "must name the scene"),
    "a quote that nothing ends": (text(tail='"s09_0,s09\n' + "x,y\n" * 50), "must be a table of text.*line"),
    "a field of a megabyte": (text(tail="x" * 2**20 + ",s09\n"), "field larger than field limit"),
    "a header of a megabyte": ("x" * 2**20 + ",stem,scene\n", "field larger than field limit"),
    "bytes of 0": (text().encode().replace(b"s03", b"s\x003"), "bytes of 0"),
    "UTF-16 without a mark": (text().encode("utf-16-le"), "bytes of 0"),
    "a workbook": (b"PK\x03\x04" + bytes(50), "save it as CSV"),
    "noise": (bytes(range(1, 256)) * 20, "must have the columns"),
    "JSON": ('{"s00_0": "s00"}', "must have the columns"),
}
GOOD: dict[str, bytes] = {
    "UTF-16 with a mark": text().encode("utf-16"),
    "UTF-8 with a mark": text().encode("utf-8-sig"),
    "old line ends": text().replace("\n", "\r").encode(),
    "stems of images that there are none of": text(tail="s09_0,s09\n").encode(),
    "rows twice": text(tail="s03_0,s03\n").encode(),
    "rows of blanks": text(tail=",\n,,\n").encode(),
    "quoted cells": text({f'"{stem}"': f'"{of}"' for stem, of in SCENE.items()}, head='"stem","scene"').encode(),
    "columns that are quoted and hold marks": text(head='stem,scene,"a,b"').encode(),
}


def _write(root: Path, content: bytes | str) -> None:
    table = made(root) / "scenes.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())


for _kind, (_content, _says) in TABLES.items():
    case(f"scenes.csv: {_kind}", DATA, _says)(partial(_write, content=_content))
case("scenes.csv: one scene", TRAINING, "at least 3 scenes")(partial(_write, content=text(dict.fromkeys(STEMS, "all"))))
for _kind, _content in GOOD.items():
    case(f"scenes.csv: {_kind}", DATA)(partial(_write, content=_content))


def _special(root: Path, kind: str) -> None:
    special(made(root) / "scenes.csv", kind)


for _kind, _called in SPECIAL.items():
    case(f"scenes.csv: {_kind}", TABLE, rf"scenes\.csv must be a table of scenes.*got {_called}")(
        partial(_special, kind=_kind)
    )
