"""The report as one self-contained page to play with: the sections of the PDF, filters, and figures that answer."""

import base64
import json
import re
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.document import SECTIONS, Block
from hourglass_bench.reports.html import live, masks, tables
from hourglass_bench.reports.html.subjects import Subjects

TEMPLATE, STYLE = "page.html.jinja", "page.css"
SCRIPTS = ("dom", "filters", "explorable", "chart", "scatter", "curves", "masks", "tables", "page")
"""Files of the folder js, in the order in which the page has them."""


def page(report: Block, summary: Summary, folder: Path) -> str:
    """HTML of the report whose figures lie in `folder`."""
    room = files(__name__)
    script = "\n".join((room / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    subjects = Subjects(summary)
    figures = {**live.figures(summary, subjects), **masks.figures(summary, subjects)}
    templates = Environment(
        loader=PackageLoader(__name__, "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return templates.get_template(TEMPLATE).render(
        report,
        drawing=partial(_drawing, folder),
        of=subjects.of_configurations,
        live=figures,
        explored_from=2 if report["sections"][1]["heading"] == SECTIONS["search"] else 1,
        explored=tables.explored(summary, subjects),
        content=_inlined({"architectures": subjects.looks(), "figures": figures}),
        style=Markup((room / STYLE).read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(sha256(script.encode()).digest()).decode(),
    )


def _drawing(folder: Path, figure: Block) -> Markup:
    """The drawing itself, with its names made its own, since all drawings of the page share one space of them."""
    svg = (folder / figure["file"]).read_text(encoding="utf-8")
    prefix = Path(figure["file"]).stem
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg[svg.index("<svg") :])
    svg = re.sub(r"\n\s*", "\n", svg)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(figure["alt"])}"', 1))


def _inlined(content: dict[str, Any]) -> Markup:
    """JSON that no name in it can end: names come from people's folders."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
