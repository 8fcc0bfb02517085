import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_units import Unit

from bench import schema
from reports import build as build_module
from reports.__main__ import main
from reports.build import build

Fill = Callable[..., Path]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blocks(folder: Path, kind: str) -> list[dict[str, str]]:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return [block for section in report["sections"] for block in section["blocks"] if block["kind"] == kind]


def test_two_builds_are_equal_byte_by_byte(small_store: Path) -> None:
    built = build(small_store, "quick")
    first = everything(built.report.parent)
    build(small_store, "quick")
    assert everything(built.report.parent) == first
    assert (built.study, built.runs) == ("quick", 24)
    assert 3 <= built.pages <= 6
    assert {"report.pdf", "report.json", "report.typ", "figures/iou_memory.svg", "figures/depth-points.csv"} <= set(
        first
    )
    assert first["report.pdf"].startswith(b"%PDF-1.7")
    assert b"pdfuaid" in first["report.pdf"]
    assert len(blocks(built.report.parent, "figure")) == 6
    assert not blocks(built.report.parent, "note")
    assert "search" not in " ".join(block["text"] for block in blocks(built.report.parent, "text"))
    assert [path.name for path in built.report.parent.parent.iterdir()] == ["quick"]


def test_half_done_study(troubled_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--runs", str(troubled_store), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["runs"] == 6
    assert set(printed) == {"report", "study", "runs", "pages"}
    # Text with the template's own marks went in and came out as text.
    rows = [row for block in blocks(Path(printed["report"]).parent, "table") for row in block["rows"]]
    assert any("OSError: *disk* #full $" in row for row in rows)


def test_all_failed(new_store: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    units = [Unit(seed=0, state="failed", reason="#panic(1)", logged=False), Unit(seed=1, state="failed", logged=False)]
    runs = new_store(units)
    assert main(["build", "--runs", str(runs)]) == 0
    report = Path(capsys.readouterr().out.strip())
    assert report.read_bytes().startswith(b"%PDF")
    assert not blocks(report.parent, "figure")
    assert len(blocks(report.parent, "note")) == 6
    assert "no run is complete yet" in blocks(report.parent, "note")[0]["text"]
    assert "nothing to compare" in blocks(report.parent, "text")[0]["text"]


def test_single_run_without_panel(new_store: Fill) -> None:
    runs = new_store([Unit(panel=False, epochs=1)])
    built = build(runs, "quick")
    assert [note["text"] for note in blocks(built.report.parent, "note")] == [
        "Figure predictions is left out: no complete run of the best configurations has a file panel.npz."
    ]
    assert built.runs == 1


def test_only_unfinished_runs(new_store: Fill) -> None:
    built = build(new_store([Unit(state=None, status="RUNNING", logged=False)]), "quick")
    assert built.runs == 0


def sections(folder: Path) -> dict[str, list[dict[str, str]]]:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {section["heading"]: section["blocks"] for section in report["sections"]}


def test_a_search_with_refits_compares_the_refits_first(search_store: Path) -> None:
    folder = build(search_store, "search").report.parent
    shown = sections(folder)
    assert list(shown)[:3] == ["", "Search", "Differences"]
    answer = shown[""][0]["text"]
    assert "24 search trials chose on validation scenes; compared here: 4 runs." in answer
    assert "over 2 seeds" in answer
    assert [block["kind"] for block in shown["Search"]] == ["text", "figure", "table"]
    assert "never on test" in shown["Search"][0]["text"]
    assert "U-Net: 12 trials, " in shown["Search"][0]["text"]
    assert (folder / "figures" / "pareto-points.csv").read_text().startswith("architecture,trial,")
    assert not blocks(folder, "note")
    numbers = json.loads((folder / "report.json").read_text(encoding="utf-8"))["numbers"]
    assert [share["planned"] for share in numbers["budget"]] == [12, 12, 2, 2]
    assert {trial["architecture"] for trial in numbers["front"]} == {"hourglass", "unet"}


def test_a_study_that_only_searches_answers_with_its_fronts(front_store: Path) -> None:
    folder = build(front_store, "memory_budget").report.parent
    shown = sections(folder)
    assert list(shown) == ["", "Search", "Depth and bottleneck", "Outcomes", "Provenance"]
    (answer,) = shown[""]
    assert "its result is the Pareto front of each architecture" in answer["text"]
    assert "On the fronts: Hourglass " in answer["text"]
    assert "memory budget" in shown["Search"][0]["text"]
    assert [block["kind"] for block in shown["Search"]] == ["text", "figure", "table"]
    assert not blocks(folder, "note")
    assert sorted(path.name for path in (folder / "figures").iterdir()) == ["pareto-points.csv", "pareto.svg"]


def test_a_search_without_a_complete_trial(new_store: Fill) -> None:
    runs = new_store([Unit(architecture="unet", trial=0, state="diverged", reason="nan", epochs=2)])
    folder = build(runs, "quick").report.parent
    assert "No search trial is complete yet" in sections(folder)[""][0]["text"]
    assert "U-Net: 1 trial, 0 complete." in sections(folder)["Search"][0]["text"]
    assert [note["text"] for note in blocks(folder, "note")] == [
        "Figure pareto is left out: no complete run of the search logged its validation IoU and tensor peak memory."
    ]


def test_figures_of_an_earlier_build_go(new_store: Fill) -> None:
    runs = new_store([Unit(epochs=1, panel=False)])
    folder = runs / schema.REPORT_DIR / "quick"
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "old.svg").touch()
    (folder / "notes.txt").write_text("mine")
    build(runs, "quick")
    assert not (folder / "figures" / "old.svg").exists()
    assert (folder / "notes.txt").read_text() == "mine"


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


@pytest.mark.parametrize(("study", "message"), [("quack", "which are: quick"), ("../quick", "got '../quick'")])
def test_wrong_study_exits_2(
    study: str, message: str, troubled_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "--runs", str(troubled_store), "--study", study]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_missing_store_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--runs", str(tmp_path)]) == 2
    assert "make sweep" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, reports.__main__; sys.exit(any(name in sys.modules for name in ('pandas', 'matplotlib', 'typst')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reports_load_neither_torch_nor_mlflow() -> None:
    code = "import sys, reports.build; sys.exit(any(name in sys.modules for name in ('torch', 'mlflow', 'optuna')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
