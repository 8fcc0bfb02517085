import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_units import Unit
from helpers import Fill, run_sql

from hourglass_bench.bench import schema
from hourglass_bench.reports import build as build_module
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.build import Built, build
from hourglass_bench.reports.figures import FIGURES

Report = Callable[[Path, str], Built]
COMPARED = [name for name, plot in FIGURES.items() if plot.stage == "comparison" and name != "texture"]
"""Figures of a comparison that varies no blend, where that of texture is left out without a word."""
LAST = ["Outcomes", "Provenance", "Legend of terms"]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sections(folder: Path) -> dict[str, list[dict[str, Any]]]:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {section["heading"]: section["blocks"] for section in report["sections"]}


def blocks(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    return [block for section in sections(folder).values() for block in section if block["kind"] in kinds]


def figures(folder: Path) -> list[str]:
    return [Path(figure["file"]).stem for block in blocks(folder, "figures") for figure in block["figures"]]


def notes(folder: Path) -> list[str]:
    return [line for block in blocks(folder, "note") for line in block["lines"]]


def test_two_builds_are_equal_byte_by_byte(small_store: Path, built: Report, tmp_path: Path) -> None:
    report, runs = built(small_store, "quick"), tmp_path / "runs"
    first = everything(report.report.parent)
    shutil.copytree(small_store, runs)
    again = build(runs, "quick")
    assert everything(again.report.parent) == first
    assert (again.study, again.runs) == ("quick", 24)
    assert 6 <= again.pages <= 10
    assert {
        "report.pdf",
        "report.html",
        "report.json",
        "report.typ",
        "figures/iou_memory.svg",
        "figures/bottleneck-points.csv",
    } <= set(first)
    assert first["report.pdf"].startswith(b"%PDF-1.7")
    assert b"pdfuaid" in first["report.pdf"]
    assert figures(again.report.parent) == COMPARED
    assert not notes(again.report.parent)
    assert "search" not in " ".join(block["text"] for block in blocks(again.report.parent, "lead", "text"))
    assert [path.name for path in again.report.parent.parent.iterdir()] == ["quick"]


def test_half_done_study(execute: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--runs", str(execute()), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["runs"] == 6
    assert set(printed) == {"report", "study", "runs", "pages", "kept"}
    # Text with the template's own marks went in and came out as text.
    rows = [row for block in blocks(Path(printed["report"]).parent, "table") for row in block["rows"]]
    assert any("OSError: *disk* #full $" in row for row in rows)


def test_all_failed(new_store: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    units = [
        Unit(repeat=0, state="failed", reason="#panic(1)", logged=False),
        Unit(repeat=1, state="failed", logged=False),
    ]
    runs = new_store(units)
    assert main(["build", "--runs", str(runs)]) == 0
    report = Path(capsys.readouterr().out.strip())
    assert report.read_bytes().startswith(b"%PDF")
    assert not figures(report.parent)
    assert len(notes(report.parent)) == len(COMPARED)
    assert "no complete run was tested on whole scenes" in notes(report.parent)[0]
    assert blocks(report.parent, "lead")[0]["text"] == (
        "Nothing can be recommended yet: no run of the comparison is complete. 2 of 2 runs with an outcome failed, "
        "most often: #panic(1)."
    )


def test_single_run_without_panel(new_store: Fill) -> None:
    runs = new_store([Unit(panel=False, epochs=1)])
    folder = runs / schema.REPORT_DIR / "quick"
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "predictions.svg").touch()
    (folder / "figures" / "mine.svg").touch()
    (folder / "report.html").touch()
    (folder / "notes.txt").write_text("mine")
    made = build(runs, "quick", html=False)
    said = notes(made.report.parent)
    assert "Figure predictions is left out: no complete run of the best configurations has a file panel.npz." in said
    assert len(said) + len(figures(made.report.parent)) == len(COMPARED)
    assert made.runs == 1
    # Figures and page of an earlier build go, and nothing else does.
    assert not (folder / "figures" / "predictions.svg").exists()
    assert (folder / "figures" / "mine.svg").exists()
    assert not (folder / "report.html").exists()
    assert (folder / "notes.txt").read_text() == "mine"


def test_only_unfinished_runs(new_store: Fill) -> None:
    assert build(new_store([Unit(state=None, status="RUNNING", logged=False)]), "quick").runs == 0


def test_a_search_with_refits_compares_the_refits_first(search_store: Path, built: Report) -> None:
    folder = built(search_store, "search").report.parent
    shown = sections(folder)
    assert list(shown)[:3] == ["", "Search", "Protocol and baselines"]
    answer = " ".join(block["text"] for block in shown[""][:3])
    assert "24 search trials chose on validation scenes; compared here: 4 runs." in answer
    assert "2 repeats. Verdict: " in answer
    assert [block["kind"] for block in shown["Search"]] == ["text", "figures", "figures", "table"]
    assert "never on test" in shown["Search"][0]["text"]
    assert "U-Net: 12 trials, " in shown["Search"][0]["text"]
    assert (folder / "figures" / "pareto-points.csv").read_text().startswith("architecture,trial,")
    assert not [note for note in notes(folder) if "pareto" in note]
    planned = pd.read_csv(folder / "data" / "planned.csv")
    assert planned["planned"].tolist() == [12, 12, 2, 2]


def test_a_study_that_only_searches_answers_with_its_fronts(front_store: Path, built: Report) -> None:
    folder = built(front_store, "memory_budget").report.parent
    shown = sections(folder)
    assert list(shown) == ["", "Search", "Protocol and baselines", "Bottleneck and skip connections", *LAST]
    (answer,) = shown[""]
    assert "its result is the Pareto front of each architecture" in answer["text"]
    assert "On the fronts: Hourglass " in answer["text"]
    assert "memory budget" in shown["Search"][0]["text"]
    assert [block["kind"] for block in shown["Search"]] == ["text", "figures", "figures", "table"]
    assert not [note for note in notes(folder) if "pareto" in note]
    assert figures(folder) == [name for name, plot in FIGURES.items() if plot.stage == "search"]


def test_a_search_without_a_complete_trial(new_store: Fill) -> None:
    runs = new_store([Unit(architecture="unet", trial=0, state="diverged", reason="nan", epochs=2)])
    folder = build(runs, "quick").report.parent
    assert "No search trial is complete yet" in sections(folder)[""][0]["text"]
    assert "U-Net: 1 trial, 0 complete." in sections(folder)["Search"][0]["text"]
    left_out = "Figure pareto is left out: "
    assert f"{left_out}no complete run of the search logged its validation IoU and tensor peak memory." in notes(folder)


class Read(HTMLParser):
    """What a page shows as text, without its style and script, and the attributes of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open += [tag] if tag in ("style", "script") else []

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1:] == [tag]:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open:
            self.texts.append(data)


def test_html_holds_all_of_the_report_and_needs_nothing_else(small_store: Path, built: Report) -> None:
    folder = built(small_store, "quick").report.parent
    page = (folder / "report.html").read_text(encoding="utf-8")
    read = Read()
    read.feed(page)
    text = "".join(read.texts)
    for block in blocks(folder, "lead", "text", "table", "terms"):
        for part in (
            block.get("text"),
            block.get("caption"),
            block.get("note"),
            *(cell for row in block.get("rows", block.get("terms", ())) for cell in row),
        ):
            assert part is None or part in text
    drawings = [of for tag, of in read.elements if tag == "svg"]
    assert len(drawings) == len(figures(folder))
    assert all(of["aria-label"] for of in drawings)
    places = [of.get("src") or of.get("href") or of.get("xlink:href") for _, of in read.elements]
    assert {place.split(":")[0] for place in places if place and not place.startswith("#")} <= {"data"}
    names = [str(of["id"]) for _, of in read.elements if "id" in of]
    assert len(set(names)) == len(names)
    assert {place[1:] for place in places if place and place.startswith("#")} <= set(names)


def test_nothing_is_replaced_by_half_a_report(new_store: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = new_store([Unit(epochs=1, panel=False)])
    folder = runs / schema.REPORT_DIR / "quick"
    folder.mkdir(parents=True)
    (folder / "report.pdf").write_text("the one before")

    def fail(*_: object) -> int:
        raise RuntimeError("compiler broke")

    monkeypatch.setattr(build_module, "_compile", fail)
    with pytest.raises(RuntimeError, match="compiler broke"):
        build(runs, "quick")
    assert everything(runs / schema.REPORT_DIR) == {"quick/report.pdf": b"the one before"}


@pytest.mark.parametrize("study", ["", ".", "..", "../../escaped", "a/b", "/escaped", "a/"])
def test_the_name_of_a_study_cannot_lead_out_of_the_reports(
    study: str, new_store: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = new_store([Unit(epochs=1, panel=False)])
    run_sql(runs, f"UPDATE experiments SET name = '{study}' WHERE name = 'quick'")
    assert main(["build", "--runs", str(runs), "--study", study]) == 2
    said = capsys.readouterr().err
    assert said.startswith("reports: study must be a name that can be one folder's, neither empty nor dots")
    assert said.endswith(f"; got {study!r}.\n")
    assert not (runs / schema.REPORT_DIR).exists()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("hourglass_bench.reports.__main__", ("pandas", "matplotlib", "typst")),
        ("hourglass_bench.reports.build", ("torch", "mlflow", "optuna")),
    ],
)
def test_modules_that_are_not_needed_are_not_loaded(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
