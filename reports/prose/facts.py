"""Facts: the named values of a report and how they are printed. Templates print them, report.json has all."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import isfunction
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text

Value = float | int | str


@dataclass(frozen=True, order=True)
class Named:
    """What becomes a fact when a template prints it. Templates decide by its value."""

    value: Any
    name: str = field(compare=False)
    """The keys that lead to it: `choice.best.iou`."""

    def __bool__(self) -> bool:
        return bool(self.value)


class Facts(dict[str, dict[str, Value | None]]):
    """What the sentences of one report print: name -> `value`, null for what is not finite, and its `text` there."""

    def add(self, name: str, value: Value, text: str) -> str:
        """Remember a value under `name` and return its text.

        Raises:
            KeyError: the name stands for another text already.
        """
        finite = not isinstance(value, float) or math.isfinite(value)
        known = self.setdefault(name, {"value": value if finite else None, "text": text})["text"]
        if known != text:
            raise KeyError(f"{name} must stand for one value, got {known!r} and {text!r}")
        return text


def _named(value: Any, name: str) -> Any:
    """Every number and text as `Named`, in the dicts and lists that they came in."""
    if isinstance(value, dict):
        return {key: _named(one, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one, f"{name}.{place}") for place, one in enumerate(value, 1)]
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if plain is None or isinstance(plain, bool) else Named(plain, name)


def _printed(show: Callable[..., str]) -> Callable[..., str]:
    """A filter that prints a named value, which thereby is a fact."""

    @pass_context
    def record(context: Context, one: Named, *options: object) -> str:
        facts: Facts = context["facts"]
        return facts.add(one.name, one.value, show(one.value, *options))

    return record


_plain = _printed(str)


@pass_context
def _finalize(context: Context, value: object) -> object:
    """What is printed without a filter: a named value is a fact all the same, the template's own texts are none."""
    return _plain(context, value) if isinstance(value, Named) else value


PARAGRAPH = "¶"
"""Parts the paragraphs of a template."""
TEMPLATES = Environment(
    loader=PackageLoader("hourglass_bench.reports.prose"),
    undefined=StrictUndefined,
    finalize=_finalize,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {name: _printed(show) for name, show in vars(text).items() if isfunction(show)}
TEMPLATES.tests["finite"] = lambda one: math.isfinite(one.value)
TEMPLATES.globals |= {
    "label": lambda architecture: style.look(architecture).label,
    "metric": lambda column: schema.TEST_COLUMNS[column].label,
    "nbsp": text.NBSP,
    "presets": style.PRESETS,
}


def paragraphs(template: str, facts: Facts, values: dict[str, object]) -> list[str]:
    """The paragraphs of a template. Its line breaks are spaces, but not before punctuation.

    Args:
        template: Name of the file in `templates` without its ending.
        facts: Gets what the template prints.
        values: What it prints, runs through or decides by. Numbers and texts are called by the keys that lead to them.
    """
    named = {name: _named(value, name) for name, value in values.items()}
    written = TEMPLATES.get_template(f"{template}.jinja").render(named, facts=facts)
    joined = re.sub(r"[ \n]+([.,;:]?)", lambda found: found[1] or " ", written)
    return [paragraph for part in joined.split(PARAGRAPH) if (paragraph := part.strip(" "))]
