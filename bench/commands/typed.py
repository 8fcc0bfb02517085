"""Messages in the words of whoever typed the command: flags by their names, and what was probably meant."""

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Final

_NAMES: Final = {"data.path": "data", "architecture.name": "arch", "architecture.image_size": "size"}
"""Fields whose flag has another name."""
_WORDS: Final = {"data", "images", "masks"}
"""Flags that begin sentences about something else: these fields are called `data.images`."""
_FIELD: Final = re.compile(r"""(?<![\w./'"-])(?:data|training|architecture)\.[a-z_]+\b(?![./'"])""")
_OPTION: Final = re.compile(r"[a-z_]+(?: budget)?(?= must )")
_CHOICE: Final = re.compile(r"must be (?:one )?of (?P<known>.+)[,;] got '(?P<given>[^']+)'\.$")


def as_typed(text: str, flags: Collection[str], words: Collection[str] = ()) -> str:
    """`text` with fields of configs, and the command's own at its start, by the names of these flags.

    A field without a flag keeps its name, and so does what is one of the `words` of the command line: a folder, say,
    that is called like a field.
    """
    given = {word.partition("=")[2] if word.startswith("--") else word for word in words}
    given = {word.rstrip("/") for word in given}

    def spell(name: str) -> str:
        if name in given:
            return name
        flag = "--" + _NAMES.get(name, name.partition(".")[2] or name).replace("_", "-").replace(" ", "-")
        return flag if flag in flags else name

    text = _FIELD.sub(lambda found: spell(found[0]), text)
    own = _OPTION.match(text)
    if own and own[0] not in _WORDS:
        text = spell(own[0]) + text[own.end() :]
    return text


def meant(given: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?`, or a full stop if nothing is near."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "."


def with_meant(text: str) -> str:
    """`... must be one of A, B, got 'a'.` with what was probably meant; other texts as they are."""
    found = _CHOICE.search(text)
    if found is None:
        return text
    listed = re.split(r", (?:or )?| or | and ", found["known"].rpartition(": ")[2])
    known = [name for name in listed if re.fullmatch(r"[\w.-]+", name)]  # others are patterns, such as cuda:INDEX
    return text if found["given"] in known else text[:-1] + meant(found["given"], known)
