"""Malformed inputs: each is drawn by a small function and goes through every command that meets it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.bench.data.kinds import plain

Spoil = Callable[[Path], None]
"""Makes an input malformed, in an empty folder that commands run in."""

DATA = {
    "data --audit": "data --audit set --size 16",
    "train": "train --data set --size 16 --epochs 1 --channels 4 8 --batch-size 4 --device cpu",
    "sweep": "sweep quick --data set --size 16 --epochs 1 --no-tune --workers 1 --device cpu",
    "data import": "data import set --out imported",
}
"""What reads a data set in the folder `set`."""
TRAINING = {verb: DATA[verb] for verb in ("train", "sweep")}
AS_ONE = {verb: words for verb, words in DATA.items() if verb != "data import"}
"""What reads all images of a set alike."""
TABLE = {**DATA, "train": f"{DATA['train']} --scene-table set/scenes.csv"}
IMPORT = {"data import": "data import set --out imported --foreground all"}
PREDICT = {"predict": "predict checkpoint images --out predicted --device cpu"}
PREDICT_ONE = {"predict": "predict checkpoint x.png --out predicted --device cpu"}
CHECKPOINT = {
    "predict": "predict given one.png --out predicted --device cpu",
    "sample": "sample given --n 1 --out sampled --device cpu",
}
WEIGHTS = {"train --weights": "train --synthetic-scenes 6 --synthetic-frames 1 --size 16 --epochs 1 --weights given.pt"}
STUDY = {"sweep": "sweep given.py --epochs 1 --workers 1 --device cpu"}
NETWORK = {
    "train --arch": "train --arch given.py:Net --synthetic-scenes 6 --synthetic-frames 1 --size 16 --epochs 1",
    "sizes": "sizes --arch given.py:Net --size 16 --device cpu",
}


class Case(NamedTuple):
    """A malformed input."""

    spoil: Spoil
    commands: dict[str, str]
    """Name -> words."""
    says: str
    """What the refusal must say, as a regular expression; empty where it is right to read it."""
    warns: str = ""
    """What must be said where it is read."""


CASES: dict[str, Case] = {}


def case(name: str, commands: dict[str, str], says: str = "", warns: str = "") -> Callable[[Spoil], Spoil]:
    """Register what makes an input malformed."""

    def register(spoil: Spoil) -> Spoil:
        assert name not in CASES, name
        CASES[name] = Case(spoil, commands, says, warns)
        return spoil

    return register


def special(path: Path, kind: str) -> None:
    """What is no file, in the place of one."""
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "link to a FIFO":
        os.mkfifo(path.with_name("pipe"))
        path.symlink_to("pipe")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link nowhere":
        path.symlink_to("gone")
    elif kind == "link to itself":
        path.symlink_to(path.name)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may have 107 characters
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(path.name)
        os.chdir(here)


SPECIAL = {
    "folder": "a folder",
    "FIFO": "a FIFO",
    "link to a FIFO": "a FIFO",
    "device": "a device",
    "link nowhere": r"a link that leads nowhere \(to gone\)",
    "link to itself": "a link that leads to itself",
    "socket": "a socket",
}
"""What is no file -> how messages call it."""


def made(root: Path) -> Path:
    """A whole data set, in `root`/set."""
    plain(root / "set")
    return root / "set"
