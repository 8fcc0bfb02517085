"""What the parent run of a study says of it in MLflow's UI."""

import shlex

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.store import RunLog
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.status import Status
from hourglass_bench.studies.study import Study


def describe(parent: RunLog, study: Study, status: Status, options: Options, data_digest: str) -> None:
    """Write the note, without the answer of a report of before: there are new outcomes."""
    parent.tags({schema.NOTE: _note(study, status, options, data_digest)})
    parent.metrics({schema.STUDY_UNITS.name: len(status.outcomes)})


def _note(study: Study, status: Status, options: Options, data_digest: str) -> str:
    states = ", ".join(f"{count} {state}" for state, count in status.states.items() if count) or "none so far"
    where = shlex.join(["--runs", str(options.runs.resolve())])
    path = options.data().get("path")
    return "\n".join(
        (
            f"## {study.question}",
            f"- **Data**: {f'`{path}`' if path else 'as the study says'} (digest `{data_digest}`)",
            f"- **Units**: {len(status.outcomes)} of {len(status.units)} have an outcome ({states})",
            "- **How to resume**: the command that started the study goes on where it is, "
            f"`hourglass-bench sweep {study.name} {where}` with the flags that it had",
            f"- **Report**: `hourglass-bench report {study.name} {where}` writes it and puts it here, the answer "
            "into this text, PDF and page among the artifacts",
        )
    )
