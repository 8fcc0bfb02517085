"""URLs of stores that hold a password: they come from the environment, since a command's words are read by everybody
on its machine (ps)."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

VARIABLES: Final = {"tracking": "HOURGLASS_BENCH_TRACKING", "storage": "HOURGLASS_BENCH_STORAGE"}
"""Flag -> variable of the environment that stands for it where it is not given."""
_PASSWORD: Final = re.compile(r"://[^/@\s]*:[^/@\s]+@|://\S*[?&]password=", re.IGNORECASE)

Command = TypeVar("Command")


def with_password(words: Sequence[str]) -> str:
    """What is wrong with a command's words that hold a password; nothing of others."""
    for before, word in zip(("", *words), words, strict=False):
        if _PASSWORD.search(word):
            flag = word.partition("=")[0] if word.startswith("--") else before
            variable = VARIABLES.get(flag.removeprefix("--"), " or ".join(VARIABLES.values()))
            return (
                f"{flag} must hold no password, which every user of this machine can read from a command's words, got "
                f"one; put the URL into the environment variable {variable} and leave the flag out, or the password "
                "where its client looks for it (~/.pgpass, PGPASSWORD, MLFLOW_TRACKING_PASSWORD)."
            )
    return ""


def from_environment(command: Command) -> Command:
    """The command with the stores that the environment names, where its flags name none."""
    given = {
        name: url
        for name, variable in VARIABLES.items()
        if getattr(command, name, None) == "" and (url := os.environ.get(variable))
    }
    return replace(command, **given) if given else command  # type: ignore[type-var]
