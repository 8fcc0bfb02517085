"""How far a study is, counted in planned units: a unit that was retried counts once."""

from pathlib import Path
from typing import Any

from bench import schema
from studies import store
from studies.catalog import get_study


def status(name: str, runs: Path) -> dict[str, Any]:
    """Counts of planned units by state; `waiting` are those without an outcome that do not run now."""
    study = store.find(runs, name)
    if study is None:
        get_study(name)
        raise ValueError(f"study {name} must have been started in {runs}, got none there; make sweep STUDY={name}.")
    planned = study.user_attrs[store.PLANNED]
    ended = list(store.outcomes(study).values())
    counts: dict[str, int] = {state: ended.count(state) for state in schema.STATES}
    running = _running(study) if store.is_held(runs) else 0
    return {
        "study": name,
        "planned": len(planned),
        **counts,
        "running": running,
        "waiting": len(planned) - len(ended) - running,
    }


def _running(study: Any) -> int:
    from optuna.trial import TrialState

    return len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
