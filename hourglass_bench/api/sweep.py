"""`sweep`: what `hourglass-bench sweep` does, with keywords for flags."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from hourglass_bench.api.options import documented, fields_of, plain, require_known, take
from hourglass_bench.api.results import Results, load
from hourglass_bench.architectures.config import require
from hourglass_bench.bench.commands.cli import STORE_PATIENCE
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.studies.options import OF_THE_STUDY, Options
from hourglass_bench.studies.own_file import find_study
from hourglass_bench.studies.study import Study

DATA = fields_of(DataConfig, skip=OF_THE_STUDY)


@documented(DATA)
def sweep(
    study: str | Path | Study,
    *,
    epochs: int | None = None,
    repeats: int | None = None,
    archs: tuple[str, ...] = (),
    memory_budget: str = "",
    no_tune: bool = False,
    device: str = "auto",
    workers: str | int = "auto",
    threads: int | None = None,
    trial_timeout: str | float = "auto",
    executor: str = "local",
    accept_changes: bool = False,
    redo_deleted: bool = False,
    retry_failed: bool = False,
    store_patience: float = STORE_PATIENCE,
    system_metrics: bool = False,
    runs: str | Path = "runs",
    storage: str = "",
    tracking: str = "",
    **options: Any,
) -> Results:
    """Run a study, or resume it where it was, and load it.

    Options are the flags of `hourglass-bench sweep`, with `_` for `-`, and say the same. Trainings run in processes of
    their own. These start without the caller's script, so that it needs no `if __name__ == "__main__"`, and notebooks
    do.

        sweep("quick", epochs=1, no_tune=True)
        sweep("mystudy.py", data="mydata", size=(96, 128))
        sweep(Factorial(name="mine", question="?", size=64, training=..., plan=..., repeats=3))

    Args:
        study: Name of the catalogue's, which `hourglass-bench list` tells, a file that defines one (.py), or a
            `Factorial` or `Search` with a name of its own.
        epochs: Of every training; None: the study's.
        repeats: Of every unit, or of a search's refits; None: what it had, or the study's.
        archs: Architectures of a search instead of its own.
        memory_budget: Largest tensor peak of a training step, such as 2GiB; empty: the study's own.
        no_tune: Train every network at the study's own learning rate instead of tuning it before the comparison.
        device: auto (cuda or cpu), cpu, cuda, cuda:INDEX or mps.
        workers: Trials at a time, or auto.
        threads: Of a trial on a CPU, which decide its numbers; None: what the study had, 1 for a new one.
        trial_timeout: Seconds without a sign of life after which a trial's worker is ended, 0 for never, or auto.
        executor: local or ray.
        accept_changes: Resume although the study, the data or the arithmetic changed since it was started.
        redo_deleted: Do units again whose runs were deleted from the tracking store.
        retry_failed: Do units again that failed or ran out of memory.
        store_patience: Seconds for which a store may be away while the study runs.
        system_metrics: Log use of the machine's processors, memory, disks and network in every run (needs psutil).
        runs: Folder of all results.
        storage: URL of the Optuna storage, if it is not the database under `runs`.
        tracking: URL of the MLflow store, if it is not the database under `runs`.

    Returns:
        What `load` returns of the study.

    Raises:
        ValueError: wrong input, with the sentence of the command line; nothing has been written then. Or the study
            stopped by itself, since the data changed or units failed one after the other in the same way.
        RuntimeError: the disk is full, or a store was away for longer than `store_patience`.
        KeyboardInterrupt: stopped; the same call resumes the study where it was.
    """
    require_known(options, DATA)
    found = find_study(study if isinstance(study, Study) else str(study))
    data = take(DataConfig, options)
    require(executor in ("local", "ray"), "executor", "be one of local, ray", executor)
    given = {
        "epochs": epochs,
        "repeats": repeats,
        "archs": archs,
        "memory_budget": memory_budget,
        "no_tune": no_tune,
        "device": device,
        "workers": str(workers),
        "threads": threads,
        "trial_timeout": str(trial_timeout),
        "executor": executor,
        "accept_changes": accept_changes,
        "redo_deleted": redo_deleted,
        "retry_failed": retry_failed,
        "store_patience": store_patience,
        "system_metrics": system_metrics,
        "storage": storage,
        "tracking": tracking,
    }
    chosen = Options(data=lambda: data, runs=Path(runs), **_typed(given))
    from hourglass_bench.studies.run import run_study

    run_study(found, chosen)
    return load(found.name, runs=runs, tracking=tracking)


def _typed(given: Mapping[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(Options)
    kinds = {item.name: hints[item.name] for item in fields(Options)}
    return {name: plain(name, kinds[name], value) for name, value in given.items()}
