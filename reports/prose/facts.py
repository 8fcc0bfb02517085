"""Facts: the named values of a report and how they are printed. Templates print them by name, report.json has all."""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from reports import style
from reports.text import NBSP, counted, listed

Value = float | int | str


class Fact(NamedTuple):
    """One number, or a label with numbers in it."""

    value: Value
    text: str
    """As it stands in a sentence."""


def counter(noun: str) -> Callable[[int], str]:
    """Shows a number as `1 run` or `3 runs`."""
    return partial(counted, noun=noun)


class Facts:
    """What the sentences of one report may print. One name stands for one value in all of it."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}

    def add(self, name: str, value: Value, show: Callable[[Any], str] = str) -> None:
        """Remember a value and its text under `name`.

        Raises:
            KeyError: the name stands for another text already.
        """
        text = show(value)
        if self._facts.setdefault(name, Fact(value, text)).text != text:
            raise KeyError(f"{name} must stand for one value, got {self._facts[name].text!r} and {text!r}")

    def __contains__(self, name: str) -> bool:
        return name in self._facts

    def text(self, name: str) -> str:
        """A fact as it is printed; KeyError if there is none of that name."""
        return self._facts[name].text

    def as_json(self) -> dict[str, dict[str, Value | None]]:
        """Name -> value and text; null for what is not finite."""
        return {
            name: {"value": None if isinstance(value, float) and not math.isfinite(value) else value, "text": text}
            for name, (value, text) in self._facts.items()
        }


PARAGRAPH = "¶"
"""Parts the paragraphs of a template."""
TEMPLATES = Environment(
    loader=PackageLoader("reports.prose"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@pass_context
def _fact(context: Context, name: str) -> str:
    """A fact as it is printed."""
    facts: Facts = context["facts"]
    return facts.text(name)


@pass_context
def _known(context: Context, name: str) -> bool:
    """Whether there is such a fact."""
    return name in context["facts"]


TEMPLATES.globals |= {"label": lambda architecture: style.look(architecture).label, "nbsp": NBSP}
TEMPLATES.globals |= {"fact": _fact, "known": _known}
TEMPLATES.filters |= {"fact": _fact, "listed": lambda items: listed(list(items))}


def paragraphs(template: str, facts: Facts, names: dict[str, object]) -> list[str]:
    """The paragraphs of a template. Its line breaks are spaces, but not before punctuation.

    Args:
        template: Name of the file in `templates` without its ending.
        facts: What it prints, with `fact(NAME)`; `known(NAME)` is whether there is such a fact.
        names: What it runs through or decides by: parts of names, words and truth values, never numbers.
    """
    text = TEMPLATES.get_template(f"{template}.jinja").render(names, facts=facts)
    joined = re.sub(r"[ \n]+([.,;:]?)", lambda found: found[1] or " ", text)
    return [paragraph for part in joined.split(PARAGRAPH) if (paragraph := part.strip(" "))]
