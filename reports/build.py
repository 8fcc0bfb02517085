"""Store -> PDF, with everything it is made of beside it. Equal stores give equal bytes."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import typst

from hourglass_bench.bench import schema
from hourglass_bench.bench.progress import working
from hourglass_bench.reports import document
from hourglass_bench.reports.analysis.summary import summarise
from hourglass_bench.reports.html import page
from hourglass_bench.reports.pages import Piece, page_starts
from hourglass_bench.reports.store.load import load_study

TEMPLATE = "report.typ"
PAGES = "pages.json"
PDF = "report.pdf"
HTML = "report.html"
STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]


class Built(NamedTuple):
    """A finished report."""

    report: Path
    study: str
    runs: int
    """Runs with an outcome."""
    pages: int


def build(runs: Path, study: str, tracking: str = "", *, html: bool = True, compare: tuple[str, ...] = ()) -> Built:
    """Write RUNS/reports/STUDY/report.pdf and its parts; nothing is replaced unless all of it was made.

    The store is the one at the URL `tracking`, or the database under `runs` if that is empty. With `html` there is a
    self-contained page report.html beside it. The pairs of `compare` are judged too (`analysis.asked`).

    Raises:
        ValueError: no store, no such study, one that this report cannot read, a pair that is not there, or no place to
            write to.
    """
    _require_folder_name(study)
    with working(f"reading study {study}"):
        summary = summarise(load_study(runs, study, tracking), compare)
    reports = runs.resolve() / schema.REPORT_DIR
    with (
        _made(reports),
        tempfile.TemporaryDirectory(dir=reports, prefix=".building-") as name,
        working("drawing figures") as step,
    ):
        folder = Path(name)
        report = document.write(summary, folder)
        if html:
            (folder / HTML).write_text(page(report, summary, folder), encoding="utf-8")
        template = (files("hourglass_bench.reports") / TEMPLATE).read_text(encoding="utf-8")
        (folder / TEMPLATE).write_text(template, encoding="utf-8")
        step("setting pages")
        pages = _compile(folder, summary.study.newest, len(report["sections"][0]["blocks"]))
        _publish(folder, reports / study)
    return Built(reports / study / PDF, study, summary.study.outcomes, pages)


def _require_folder_name(study: str) -> None:
    """Stores hold studies of any name; a report of one such as `../..` would lie outside RUNS."""
    if study in ("", "..") or Path(study).name != study:
        raise ValueError(
            "study must be a name that can be one folder's, neither empty nor dots nor with a separator, since its "
            f"report lies in RUNS/{schema.REPORT_DIR}/STUDY; got {study!r}."
        )


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder, which is made; what the disk refuses meanwhile is a ValueError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ValueError(f"the report in {folder} cannot be made: {error}.") from error


def _compile(folder: Path, timestamp: int, answer: int) -> int:
    """Write pages.json and report.pdf, whose first `answer` blocks are the answer, and return its number of pages."""
    (folder / PAGES).write_text("[]\n", encoding="utf-8")
    compiler = typst.Compiler(
        folder / TEMPLATE,
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


def _publish(made: Path, target: Path) -> None:
    """Move the files into place, the PDF last, and drop what an earlier build made and this one did not."""
    names = sorted(
        (path.relative_to(made) for path in made.rglob("*") if path.is_file()),
        key=lambda name: name.name == PDF,
    )
    folders = [target / document.FIGURE_DIR, target / document.DATA_DIR]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        os.replace(made / name, target / name)
    for path in [*(path for folder in folders for path in folder.iterdir()), target / HTML]:
        if path.exists() and path.relative_to(target) not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
