"""What README, CONTRIBUTING and the docs folder hold that can be run: the one place that takes it out of them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r'^( *)```(\w*)(?: title="([^"]+)")?\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    where: str
    """File and line, such as `docs/zoo.md:7`."""
    language: str
    title: str
    """Name of the file that it is; empty for none."""
    text: str


class Command(NamedTuple):
    """What one would type."""

    where: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}: {shlex.join(self.words)}"


def blocks(document: Path) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        indent, language, title, inside = found.groups()
        inside = re.sub(f"^{indent}", "", inside, flags=re.MULTILINE)
        yield Block(f"{document.relative_to(ROOT)}:{line}", language, title or "", inside)


def commands(document: Path) -> list[Command]:
    """Every command of its blocks for a shell; of a console's those after the prompt; of one without a language all,
    unless it draws a tree of files."""
    found = []
    for block in blocks(document):
        if block.language == "console":
            typed = "".join(line[2:] + "\n" for line in block.text.splitlines() if line.startswith("$ "))
        elif block.language == "sh" or (not block.language and not re.match(r"\w+/", block.text)):
            typed = block.text
        else:
            continue
        found += [Command(block.where, words) for words in split(typed)]
    return found


def answers(document: Path) -> list[tuple[Command, str]]:
    """Every command of its blocks for a console, with what is printed below it."""
    typed = (block for block in blocks(document) if block.language == "console")
    shown = ((block.where, *block.text.split("\n", 1)) for block in typed)
    return [(Command(where, next(split(command[2:]))), printed) for where, command, printed in shown]


def inline(document: Path) -> list[Command]:
    """Commands between backticks in the prose: ours, and `make`."""
    prose = FENCE.sub("", document.read_text(encoding="utf-8"))
    typed = (" ".join(found[1].split()) for found in re.finditer(r"(?<!`)`([^`]+)`(?!`)", prose))
    starts = re.compile(r"(\.venv/bin/)?hourglass-bench [a-z]|make [a-z]")
    name = str(document.relative_to(ROOT))
    return [Command(name, words) for text in typed if starts.match(text) for words in split(text)]


def files(document: Path) -> dict[str, str]:
    """Name -> text of the files that it shows whole."""
    return {block.title: block.text for block in blocks(document) if block.title}


def split(typed: str) -> Iterator[tuple[str, ...]]:
    """The commands of a script: lines, and what `&&` and `;` join; a quoted text may have several lines."""
    lines = typed.replace("\\\n", " ").splitlines()
    while lines:
        line = lines.pop(0)
        while line.count("'") % 2 and lines:
            line += "\n" + lines.pop(0)
        lexer = shlex.shlex(re.sub(r"(^|\s)#.*", "", line), posix=True, punctuation_chars=";&")
        lexer.whitespace_split, lexer.commenters = True, ""
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in (";", "&&"):
                words.append(word)
            elif words:
                yield tuple(words)
                words = []
