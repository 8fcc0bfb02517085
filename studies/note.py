"""What the parent run of a study says of it in MLflow's UI."""

from typing import Any

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.next_step import next_step
from hourglass_bench.bench.tracking.database import redact
from hourglass_bench.bench.tracking.store import RunLog
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.status import Status
from hourglass_bench.studies.study import Study


def describe(parent: RunLog, study: Study, status: Status, options: Options, data_digest: str) -> None:
    """Write the note anew, without the answer of a report of before and what users added: there are new outcomes."""
    parent.tags({schema.NOTE: _note(study, status, options, data_digest)})
    parent.metrics({schema.STUDY_UNITS.name: len(status.outcomes)})


def _note(study: Study, status: Status, options: Options, data_digest: str) -> str:
    states = ", ".join(f"{count} {state}" for state, count in status.states.items() if count) or "none so far"
    path = options.data().get("path")
    stores: dict[str, Any] = {"runs": options.runs.resolve(), "tracking": redact(options.tracking)}
    resume = next_step("sweep", study.name, storage=redact(options.storage), **stores)
    return "\n".join(
        (
            f"## {study.question}",
            f"- **Data**: {f'`{path}`' if path else 'as the study says'} (digest `{data_digest}`)",
            f"- **Units**: {len(status.outcomes)} of {len(status.units)} have an outcome ({states})",
            "- **How to resume**: the command that started the study, given again, goes on where it is"
            + (f": `{resume}` with the flags that it had" if study.name in CATALOG else ""),
            f"- **Report**: `{next_step('report', study.name, **stores)}` writes it and puts it here, the answer into "
            "this text, PDF and page among the artifacts",
        )
    )
