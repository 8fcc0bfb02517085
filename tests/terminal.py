"""A terminal without anybody before it: a command runs in it, and what is left on its screen is read."""

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import NamedTuple


class Screen(NamedTuple):
    """What a terminal got."""

    everything: str
    lines: list[str]
    """What stays on it: without what was written over, without colours and empty lines."""
    code: int


def on_a_terminal(command: list[str], folder: Path, **environment: str) -> Screen:
    """Run a command in `folder` with stdin, stdout and stderr on one terminal of 100 columns."""
    own = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    own |= {"TERM": "xterm", "COLUMNS": "100", "LINES": "50", **environment}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=folder, env=own, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    chunks = []
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(ours)
    text = b"".join(chunks).decode()
    return Screen(text, _left(text), process.wait())


def _left(text: str) -> list[str]:
    """Lines of the screen after the few movements that rich makes: up, erase a line, carriage return."""
    lines, row = [""], 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token.endswith("A") and token.startswith("\x1b"):
            row = max(0, row - int(token[2:-1] or 1))
        elif token == "\x1b[2K":
            lines[row] = ""
        elif token == "\r":
            lines[row] = f"\r{lines[row]}"
        elif not token.startswith("\x1b"):
            lines[row] = token if lines[row].startswith("\r") else lines[row] + token
    return [line.strip() for line in lines if line.strip()]
