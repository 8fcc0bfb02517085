"""The tracking store of a command that writes: its artifacts lie where RUNS is now, and what it calls running runs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import STORE_PATIENCE, say
from hourglass_bench.bench.commands.next_step import next_step
from hourglass_bench.bench.files import require_inside
from hourglass_bench.bench.machine.file_lock import LOCK, is_held, lock
from hourglass_bench.bench.tracking.locations import relocate
from hourglass_bench.bench.tracking.patience import Patience
from hourglass_bench.bench.tracking.store import RunLog, open_store, require_store, search_runs, tracking_url

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRAIN: Final = "train"
"""Experiment of the command."""
REPRODUCE: Final = "reproduce"
"""The same."""
CUT_OFF: Final = "its process was cut off"
OURS: Final = ("mlflow.", "optuna.", f"{TRAIN}.", schema.ARTIFACT_DIR, schema.UNFINISHED_DIR, schema.SPOOL_DIR)
"""How names begin of what is written in RUNS, beside reports, and the cache, which may be a link to a larger disk."""


def open_to_write(runs: Path, tracking: str = "") -> "MlflowClient":
    """Client of the store at `tracking`, or of that in RUNS, which is made if it is not there.

    Raises:
        ValueError: it cannot be opened, or as `keep_place`.
    """
    keep_place(runs, tracking)
    client = open_store(tracking_url(runs, tracking))
    with beginning(runs):
        _close_cut_off(client, runs, tracking)
    return client


def patient(client: "MlflowClient") -> "MlflowClient":
    """The client for one training, which waits for a store that is away rather than lose it."""
    return Patience(STORE_PATIENCE, say).client(client)


def refuse_links(runs: Path) -> None:
    """Raise ValueError if a link in RUNS leads what is to be written there out of it, see `bench.files`."""
    artifacts = runs / schema.ARTIFACT_DIR
    for path in (*runs.glob("*"), *artifacts.glob("*"), *artifacts.glob("*/models")):
        if path.relative_to(runs).parts[0].startswith(OURS):
            require_inside(runs, path)


def keep_place(runs: Path, tracking: str = "") -> None:
    """If RUNS was moved or copied, have its store say so before something is written to where it was.

    Raises:
        ValueError: another process works in RUNS, or as `require_store` and `refuse_links`.
    """
    refuse_links(runs)
    require_store(tracking_url(runs, tracking))
    if not tracking and (done := relocate(runs)):
        say(done)


@contextmanager
def beginning(runs: Path) -> Iterator[None]:
    """Make a run in here, and hold its folder: until then nobody takes it for one that was cut off."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / f"{TRAIN}.{LOCK}").open("ab") as file:
        lock(file, wait=True)
        yield


def _close_cut_off(client: "MlflowClient", runs: Path, tracking: str) -> None:
    """Close the runs of trainings whose process is gone, which the locks in RUNS/unfinished tell.

    A store that is not in RUNS has trainings of other places, of which these locks say nothing.
    """
    for name in (TRAIN, REPRODUCE):
        experiment = client.get_experiment_by_name(name)
        for run in search_runs(client, experiment.experiment_id, "attributes.status = 'RUNNING'") if experiment else ():
            run_id = run.info.run_id
            folder = runs / schema.UNFINISHED_DIR / run_id
            if is_held(folder / LOCK) or (tracking and not folder.exists()):
                continue
            RunLog(client, run_id).kill(CUT_OFF)
            if name == REPRODUCE:  # nothing goes on there
                shutil.rmtree(folder, ignore_errors=True)
            resume = next_step("train", "--resume", run_id, runs=runs, tracking=tracking)
            then = f"; `{resume}` goes on with it" if name == TRAIN and folder.exists() else ""
            say(f"run {run_id} of {name} was cut off, and is closed{then}")
