"""A study as its storage has it, by SQL: importing Optuna takes longer than all that is told of a study.

What is read looks like Optuna's own, so that `studies.storage` says of both which trials count.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, text

from hourglass_bench.bench.tracking.opening import reading
from hourglass_bench.studies.storage import OPTUNA, PLANNED, STAGES

STUDIES = """
SELECT s.study_name, a.key, a.value_json
FROM studies s LEFT JOIN study_user_attributes a ON a.study_id = s.study_id
WHERE s.study_name IN :names
"""
TRIALS = """
SELECT s.study_name, t.number, t.state, a.key, a.value_json
FROM trials t JOIN studies s ON s.study_id = t.study_id LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id
WHERE s.study_name IN :names
ORDER BY t.number
"""


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """A trial."""

    number: int
    state: str
    """Optuna's: RUNNING, COMPLETE, PRUNED, FAIL or WAITING."""
    user_attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """An Optuna study."""

    study_name: str
    user_attrs: dict[str, Any] = field(default_factory=dict)
    trials: dict[int, StoredTrial] = field(default_factory=dict)
    """By number."""

    def get_trials(self, deepcopy: bool = True) -> list[StoredTrial]:
        """As Optuna's."""
        return list(self.trials.values())


def read_study(url: str, name: str) -> tuple[StoredStudy, list[StoredStudy]] | None:
    """The study and those that hold its trials, of the stages that have begun; None if it was never started there.

    Raises:
        ValueError: the storage cannot be read, or a newer version of Optuna wrote it.
    """
    with reading(url, OPTUNA) as connection:
        if connection is None:
            return None
        root = _read(connection, [name]).get(name)
        if root is None or PLANNED not in root.user_attrs:
            return None
        stages = _read(connection, root.user_attrs[STAGES])
        return root, [stages[stage] for stage in root.user_attrs[STAGES] if stage in stages]


def _read(connection: Connection, names: Collection[str]) -> dict[str, StoredStudy]:
    """Those of these studies that there are, by name."""
    found: dict[str, StoredStudy] = {}
    for study, key, value in _execute(connection, STUDIES, names):
        attributes = found.setdefault(study, StoredStudy(study)).user_attrs
        if key is not None:
            attributes[key] = json.loads(value)
    for study, number, state, key, value in _execute(connection, TRIALS, names):
        attributes = found[study].trials.setdefault(number, StoredTrial(number, state)).user_attrs
        if key is not None:
            attributes[key] = json.loads(value)
    return found


def _execute(connection: Connection, query: str, names: Collection[str]) -> Any:
    return connection.execute(text(query).bindparams(bindparam("names", expanding=True)), {"names": list(names)})
