"""The report as one self-contained page: the same sections as the PDF, with the figures inside."""

import re
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hourglass_bench.reports.document import Block

TEMPLATE = "report.html.jinja"


def page(report: Block, folder: Path) -> str:
    """HTML of the report whose figures lie in `folder`."""
    templates = Environment(
        loader=PackageLoader("reports", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return templates.get_template(TEMPLATE).render(report, drawing=partial(_drawing, folder))


def _drawing(folder: Path, figure: Block) -> Markup:
    """The drawing itself, with its names made its own, since all drawings of the page share one space of them."""
    svg = (folder / figure["file"]).read_text(encoding="utf-8")
    prefix = Path(figure["file"]).stem
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg[svg.index("<svg") :])
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(figure["alt"])}"', 1))
