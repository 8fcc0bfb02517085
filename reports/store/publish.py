"""A built report goes to the parent run of its study: answer, figures and files. The only place that writes to a store.

It is MLflow's own client that writes, so that databases and servers do alike; it is loaded when it is needed.
"""

import csv
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hourglass_bench.bench import schema
from hourglass_bench.bench.terminal import say
from hourglass_bench.bench.tracking.locations import relocate
from hourglass_bench.bench.tracking.store import RunLog, open_store, tracking_url

FIGURES = {
    "claim.difference": schema.STUDY_DIFFERENCE,
    "claim.low": schema.STUDY_DIFFERENCE_LOW,
    "claim.high": schema.STUDY_DIFFERENCE_HIGH,
}
"""Numbers of the first page, by their names in report.json."""
FOLDER = "report"
"""Of the artifacts."""
FILES = ("report.pdf", "report.html")
"""What is in it; the page only if it was built."""


def publish(built: Path, study: str, runs: Path, tracking: str) -> str | None:
    """Write what is in the folder of a built report to the study's parent run, instead of what it had from one before.

    Returns:
        Why it could not be written; None if it was, or if there is no parent run.
    """
    try:
        _publish(built, study, runs, tracking)
    except Exception as error:  # of MLflow, SQLAlchemy, requests and the disk: the report is there all the same
        reason = str(error).strip().partition("\n")[0]
        return f"the report could not be put into the tracking store: {reason or type(error).__name__}"
    return None


def _publish(built: Path, study: str, runs: Path, tracking: str) -> None:
    if not tracking and (done := relocate(runs)):
        say(done)
    client = open_store(tracking_url(runs, tracking))
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None  # the report has just been read from it
    parents = client.search_runs([experiment.experiment_id], f"tags.{schema.KIND} = 'study'", max_results=1)
    if not parents:
        return
    run = parents[0]
    report = json.loads((built / "report.json").read_text(encoding="utf-8"))
    note = run.data.tags.get(schema.NOTE, "").partition(schema.NOTE_ANSWER)[0].rstrip()
    note = f"{note}\n\n{schema.NOTE_ANSWER}\n\n{_answer(report)}".lstrip()
    figures = _figures(report["numbers"], built / "data" / "configurations.csv")
    log = RunLog(client, run.info.run_id)
    log.metrics(figures)
    log.tags({schema.NOTE: note})
    place = Path(log.artifact(FOLDER))
    if place.is_absolute() and not place.is_relative_to(runs.resolve()):
        raise ValueError(f"the run's artifacts lie in {place.parent}, as those of the store that this one is a copy of")
    log.replace_artifacts(FOLDER, [built / name for name in FILES if (built / name).is_file()])


def _answer(report: Mapping[str, Any]) -> str:
    """The texts of the first page."""
    blocks: list[dict[str, str]] = next((section["blocks"] for section in report["sections"]), [])
    return "\n\n".join(_escaped(block["text"]) for block in blocks if block["kind"] in ("lead", "text"))


def _escaped(text: str) -> str:
    """A text in which names of people's files are neither HTML nor marks, links and pictures of Markdown."""
    return re.sub(r"[<`*\\]|(?<=\])\(", r"\\\g<0>", text)


def _figures(numbers: Mapping[str, Mapping[str, Any]], configurations: Path) -> dict[str, float]:
    found = {metric.name: numbers[key]["value"] for key, metric in FIGURES.items() if key in numbers}
    by, of = f"{schema.BEST_VAL_IOU.name} mean", f"{schema.TEST_IOU.name} mean"
    scored = []
    if configurations.is_file():
        with configurations.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                with suppress(KeyError, ValueError):  # what does not segment has no IoU
                    scored.append((float(row[by]), float(row[of])))
    return found | ({schema.STUDY_IOU.name: max(scored)[1]} if scored else {})
