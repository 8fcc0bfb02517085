"""Units that are done, but whose runs were deleted by hand: Optuna has their outcomes, and MLflow nothing to report.

They are counted and named; they are done again only if that is asked for.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.tracking.stored_runs import StoredRun
from hourglass_bench.studies import storage

if TYPE_CHECKING:
    import optuna

AGAIN = "do their units again with --redo-deleted (make sweep REDO_DELETED=1)"


class Missing(NamedTuple):
    """MLflow runs of planned units' outcomes that no report finds, by their ids."""

    deleted: tuple[str, ...] = ()
    """Can be restored."""
    gone: tuple[str, ...] = ()
    """Are not in the store at all."""

    def advice(self) -> list[str]:
        """What is missing and what to do about it, a line each; none if nothing is."""
        lines = []
        if self.deleted:
            restore = f"restore them (in MLflow's UI, or mlflow runs restore --run-id {self.deleted[0]})"
            lines.append(f"runs of ended units that were deleted: {len(self.deleted)}; {restore}, or {AGAIN}")
        if self.gone:
            lines.append(f"runs of ended units that the tracking store does not have: {len(self.gone)}; {AGAIN}")
        return lines


def find(done: Mapping[str, storage.Trial], runs: Mapping[str, StoredRun]) -> Missing:
    """What a tracking store with these `runs` lacks of the trials of the units that are `done`."""
    ids = [trial.user_attrs[storage.RUN_ID] for trial in done.values() if storage.RUN_ID in trial.user_attrs]
    deleted = tuple(run for run in ids if run in runs and runs[run].deleted)
    return Missing(deleted, tuple(run for run in ids if run not in runs))


def settle(root: "optuna.Study", runs: Mapping[str, StoredRun], *, again: bool) -> Missing:
    """Say what is missing as a session begins, and return it: nothing if the units of these runs are done `again`."""
    missing = find(storage.done(root), runs)
    if not again:
        for line in missing.advice():
            cli.say(line)
        return missing
    lost = {*missing.deleted, *missing.gone}
    if count := storage.discount(root, lambda trial: trial.user_attrs.get(storage.RUN_ID) in lost):
        cli.say(f"units that are done again, since their runs were deleted: {count}")
    return Missing()
