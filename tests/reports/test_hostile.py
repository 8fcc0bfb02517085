"""Names that people, files or other programs gave: whatever they hold, a report is made, and shows them as text."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_store import plan_of
from fake_units import Unit
from helpers import Fill, run_sql

from hourglass_bench.bench import schema
from hourglass_bench.bench.digest import digest
from hourglass_bench.reports import build as build_module
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.build import build
from hourglass_bench.reports.folder import LAYOUT
from hourglass_bench.reports.store.load import ARTIFACTS, RUN, load_study

SIGNS = (
    "\x1b[31mred\x07\x00\x7f\x9b\u202etxt.exe\u2066\u200b\ufeff\ufffe\ue000\U000f0000\u2028"
    "#panic() *b* _i_ $x$ <script>alert(1)</script> @ref `c` \\u{41} </svg> --> & \" ' [l](http://x) 网络 😀"
)
"""What a terminal, typst, Markdown, HTML, XML or PDF/A could take for something else than text."""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u202a-\u202e\u2066-\u2069\ufeff\ufffe\ue000\U000f0000]")


def renamed(units: list[Unit]) -> list[Unit]:
    """Networks from elsewhere, of a file with such a name, each with an option and a note of such texts."""
    return [replace(unit, architecture=f"{SIGNS}.py:{SIGNS}", options={"width": SIGNS}, notes=SIGNS) for unit in units]


def name_scenes(folder: Path) -> list[str]:
    """Give the scenes and frames of a run such names, as their files could have."""
    table = pd.read_parquet(folder / schema.FRAME_TABLE)
    table = table.assign(scene=table["scene"] + SIGNS, stem=table["stem"] + SIGNS)
    table.to_parquet(folder / schema.FRAME_TABLE)
    calibration = pd.read_parquet(folder / schema.CALIBRATION_TABLE)
    calibration.assign(scene=calibration["scene"] + SIGNS).to_parquet(folder / schema.CALIBRATION_TABLE)
    with np.load(folder / schema.PANEL_DATA) as panel:
        arrays = dict(panel)
    names = {name: np.array([str(one) + SIGNS for one in arrays[name]]) for name in ("stems", "scenes")}
    np.savez_compressed(folder / schema.PANEL_DATA, allow_pickle=False, **arrays | names)
    stems = [str(stem) for stem in table["stem"]]
    (folder / schema.SPLIT_FILE).write_text(json.dumps({"test": stems}))
    return stems


def test_a_report_of_hostile_names(new_store: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    ours = [Unit(architecture="unet", repeat=repeat, epochs=2, size=16) for repeat in range(3)]
    theirs = renamed([Unit(repeat=repeat, epochs=2, size=16) for repeat in range(3)])
    failed = replace(theirs[0], repeat=3, state="failed", reason=SIGNS, logged=False)
    units = [*ours, *theirs, failed]
    runs = new_store(units, tags=plan_of(units) | {schema.STUDY_DESCRIPTION: SIGNS})
    trials = load_study(runs, "quick").trials
    for run, folder in trials[[RUN, ARTIFACTS]].itertuples(index=False):
        split = digest(json.dumps({"test": name_scenes(Path(folder))}))
        run_sql(runs, f"UPDATE tags SET value = '{split}' WHERE key = '{schema.SPLIT_DIGEST}' AND run_uuid = '{run}'")
    reading = json.dumps({"masks": {"text": SIGNS}, "limits": None, "fit": "squash"}).replace("'", "''")
    run_sql(runs, f"UPDATE tags SET value = '{reading}' WHERE key = '{schema.DATA_READING}'")

    assert main(["report", "--runs", str(runs)]) == 0
    assert not OBEYED.search("".join(capsys.readouterr()).replace("\n", ""))
    folder = runs / schema.REPORT_DIR / "quick"
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    for path in (*folder.glob("*.json"), *folder.rglob("*.csv"), *folder.rglob("*.svg"), folder / "report.html"):
        assert not OBEYED.search(path.read_text(encoding="utf-8")), path
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["description"].startswith(r"\x1b[31mred\x07\x00\x7f\x9b\u202etxt.exe")
    assert "<script>alert" not in (folder / "report.html").read_text(encoding="utf-8")
    assert "#panic() *b* _i_ $x$ <script>alert(1)</script>" in report["description"]
    assert pd.read_csv(folder / "data" / "refused.csv").empty
    assert {"predictions", "calibration", "iou_memory"} <= {path.stem for path in folder.glob("figures/*.svg")}


def test_what_typst_cannot_set_is_one_sentence(monkeypatch: pytest.MonkeyPatch, new_store: Fill) -> None:
    runs = new_store([Unit(panel=False, epochs=1)])
    set_pages: Callable[..., int] = build_module._set_pages

    def spoilt(folder: Path, *given: int) -> int:
        (folder / LAYOUT).write_text("#panic(1)")
        return set_pages(folder, *given)

    monkeypatch.setattr(build_module, "_set_pages", spoilt)
    with pytest.raises(ValueError, match=r"^the PDF of the report cannot be set: .*panicked"):
        build(runs, "quick")


@pytest.mark.parametrize("study", ["quick\x1b[31m", "a\u202eb", "quick\n"])
def test_a_study_whose_name_cannot_be_printed_is_refused(
    study: str, new_store: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = new_store([Unit(panel=False, epochs=1)])
    assert main(["report", study, "--runs", str(runs)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("reports: study must be a name that can be one folder's, ")
    assert not OBEYED.search(said.rstrip("\n"))
