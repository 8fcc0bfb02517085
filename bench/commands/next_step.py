"""What one does after a command, as a line to be copied: by make, if that is how one came."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BY_MAKE: Final = "HOURGLASS_BENCH_BY_MAKE"
"""Variable of the environment, set by the Makefile where it has a target for the next step."""
_PASSWORD: Final = re.compile(r"(?<=://)([^:@/]*):[^@/]*@")
"""Of a URL, with the user before it."""


def next_step(
    verb: str,
    *words: str,
    make: Sequence[str] = (),
    runs: Path = Path("runs"),
    storage: str = "",
    tracking: str = "",
) -> str:
    """`hourglass-bench VERB WORDS`, or `make TARGET` with its variables, with the stores if they are not usual.

    Passwords are left out: the line goes to logs.

    Args:
        make: Target and variables that do the same; empty: there are none.
    """
    by_make = bool(make) and bool(os.environ.get(BY_MAKE))
    line = ["make", *make] if by_make else ["hourglass-bench", verb, *words]
    stores = {"runs": "" if runs == Path("runs") else str(runs), "storage": storage, "tracking": tracking}
    for name, place in stores.items():
        if place:
            place = f"./{place}" if place.startswith("-") else _PASSWORD.sub(r"\1:***@", place)
            line += [f"{name.upper()}={place.replace('$', '$$')}"] if by_make else [f"--{name}", place]
    return shlex.join(line)
