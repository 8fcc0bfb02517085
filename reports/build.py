"""Store -> PDF, with everything it is made of beside it. Equal stores give equal bytes."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import typst

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import unreadable
from hourglass_bench.bench.progress import working
from hourglass_bench.reports import document
from hourglass_bench.reports.analysis.summary import summarise
from hourglass_bench.reports.folder import LAYOUT, PAGE, replaced
from hourglass_bench.reports.html import page
from hourglass_bench.reports.pages import Piece, page_starts
from hourglass_bench.reports.store.load import load_study

PAGES = "pages.json"
PDF = "report.pdf"
STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]


class Built(NamedTuple):
    """A finished report."""

    report: Path
    study: str
    runs: int
    """Runs with an outcome."""
    pages: int
    kept: dict[str, str]
    """Files of the report of before that were edited since, and the names by which they are kept beside this one."""


def build(
    runs: Path,
    study: str,
    tracking: str = "",
    *,
    html: bool = True,
    compare: tuple[str, ...] = (),
    out: Path | None = None,
) -> Built:
    """Write report.pdf and its parts into the folder STUDY of `out`, or else of RUNS/reports, all or nothing.

    The store is the one at the URL `tracking`, or the database under `runs` if that is empty. With `html` there is a
    self-contained page report.html beside it. The pairs of `compare` are judged too (`analysis.asked`).

    Raises:
        ValueError: no store, no such study, one that this report cannot read, a pair that is not there, or no place to
            write to.
    """
    _require_folder_name(study)
    with working(f"reading study {study}"):
        summary = summarise(load_study(runs, study, tracking), compare)
    folder = (runs.resolve() / schema.REPORT_DIR if out is None else out.resolve()) / study
    kept: dict[str, str] = {}
    with _made(folder), replaced(folder, kept) as made, working("drawing figures") as step:
        report = document.write(summary, made)
        if html:
            (made / PAGE).write_text(page(report, summary, made), encoding="utf-8")
        template = (files("hourglass_bench.reports") / LAYOUT).read_text(encoding="utf-8")
        (made / LAYOUT).write_text(template, encoding="utf-8")
        step("setting pages")
        pages = _compile(made, summary.study.newest, len(report["sections"][0]["blocks"]))
    return Built(folder / PDF, study, summary.study.outcomes, pages, kept)


def _require_folder_name(study: str) -> None:
    """Stores hold studies of any name; a report of one such as `../..` would lie outside RUNS."""
    if study in ("", "..") or Path(study).name != study or not study.isprintable():
        raise ValueError(
            "study must be a name that can be one folder's, neither empty nor dots nor with a separator or what cannot "
            "be printed, since its "
            f"report lies in RUNS/{schema.REPORT_DIR}/STUDY; got {study!r}."
        )


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """What the disk refuses while the report is made is a ValueError, which names the file that cannot be read."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not Path(os.fsdecode(error.filename)).is_relative_to(folder.parent):
            raise ValueError(unreadable(Path(os.fsdecode(error.filename)), error)) from error
        raise ValueError(
            f"the report in {folder} cannot be made: {error}. Another place for it is --out FOLDER."
        ) from error


def _compile(folder: Path, timestamp: int, answer: int) -> int:
    """Write pages.json and report.pdf, whose first `answer` blocks are the answer, and return its number of pages."""
    (folder / PAGES).write_text("[]\n", encoding="utf-8")
    try:
        return _set_pages(folder, timestamp, answer)
    except RuntimeError as error:  # typst's own for what it cannot compile
        raise ValueError(f"the PDF of the report cannot be set: {error}.") from error


def _set_pages(folder: Path, timestamp: int, answer: int) -> int:
    compiler = typst.Compiler(
        folder / LAYOUT,
        root=folder,
        # The figures' font, which matplotlib brings along: no font of the machine decides how the report looks.
        font_paths=[Path(mpl.get_data_path()) / "fonts" / "ttf"],
        ignore_system_fonts=True,
    )
    pieces = [Piece(*piece) for piece in json.loads(compiler.query("<pieces>", field="value", one=True))]
    starts = page_starts(pieces, answer)
    (folder / PAGES).write_text(f"{json.dumps(starts)}\n", encoding="utf-8")
    compiler.compile(output=folder / PDF, format="pdf", pdf_standards=STANDARDS, timestamp=timestamp)
    return int(compiler.query("<pages>", field="value", one=True))
