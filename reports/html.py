"""The report as one self-contained page: the same sections as the PDF, with the figures inside."""

import re
from html import escape
from pathlib import Path
from typing import Any

from reports.document import Block

STYLE = """
body { font: 15px/1.5 "DejaVu Sans", Verdana, sans-serif; color: #111; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin-bottom: 0; }
h3 + p { margin-top: .2rem; }
body { counter-reset: table drawing; }
figure { margin: 1.5rem 0; } figcaption { font-size: .82rem; color: #333; }
.tabulated figcaption::before { counter-increment: table; content: "Table " counter(table) ": "; }
.drawn figcaption::before { counter-increment: drawing; content: "Figure " counter(drawing) ": "; }
svg { width: 100%; height: auto; }
.figures { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .78rem; border-top: 2px solid; border-bottom: 2px solid; }
thead { border-bottom: 1px solid; } th, td { padding: .15rem .5rem; vertical-align: top; white-space: pre-line; }
.right { text-align: right; } .left { text-align: left; }
.note { border: 1px solid #8c8c8c; padding: .5rem .8rem; color: #5a5a5a; white-space: pre-line; }
.lead { font-size: 1.15rem; }
.date { color: #5a5a5a; font-size: .82rem; }
"""


def page(report: Block, folder: Path) -> str:
    """HTML of the report whose figures lie in `folder`."""
    sections = "".join(_section(section, folder) for section in report["sections"])
    title, description, date = (escape(report[name]) for name in ("title", "description", "date"))
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f'<body>\n<h1>{title}</h1>\n<p>{description}</p>\n<p class="date">{date}</p>\n{sections}</body>\n</html>\n'
    )


def _section(section: Block, folder: Path) -> str:
    heading = f"<h2>{escape(section['heading'])}</h2>\n" if section["heading"] else ""
    return f"<section>\n{heading}{''.join(_block(block, folder) for block in section['blocks'])}</section>\n"


def _block(block: Block, folder: Path) -> str:
    match block["kind"]:
        case "text":
            return f"<p>{escape(block['text'])}</p>\n"
        case "lead":
            return f'<p class="lead">{escape(block["text"])}</p>\n'
        case "answer":
            return f"<h3>{escape(block['question'])}</h3>\n<p>{escape(block['text'])}</p>\n"
        case "table":
            return _table(block)
        case "figures":
            figures = "".join(_figure(figure, folder) for figure in block["figures"])
            return f'<div class="figures">\n{figures}</div>\n'
        case _:
            return f'<p class="note">{escape(chr(10).join(block["lines"]))}</p>\n'


def _table(block: Block) -> str:
    def row(cells: list[str], tag: str) -> str:
        pairs = zip(cells, block["align"], strict=True)
        return "<tr>" + "".join(f'<{tag} class="{align}">{escape(cell)}</{tag}>' for cell, align in pairs) + "</tr>\n"

    head, body = row(block["header"], "th"), "".join(row(cells, "td") for cells in block["rows"])
    caption = f"<figcaption>{escape(block['caption'])}</figcaption>"
    table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
    return f'<figure class="tabulated">{caption}<div class="table">{table}</div></figure>\n'


def _figure(figure: dict[str, Any], folder: Path) -> str:
    """The drawing itself, with its names made its own, since all drawings of the page share one space of them."""
    svg = (folder / figure["file"]).read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    prefix = Path(figure["file"]).stem
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    label = escape(figure["alt"], quote=True)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return f'<figure class="drawn">{svg}<figcaption>{escape(figure["caption"])}</figcaption></figure>\n'
