"""One session of a study: open the stores, make sure that it is the same study, recover, run what is left."""

from collections.abc import Sequence
from contextlib import ExitStack

import optuna
import torch

from bench.data.dataset import load
from bench.database import SQLITE, kind, require_reachable, sqlite_path
from bench.device import choose_device
from bench.session import CACHE
from bench.size import parse_bytes
from bench.tracking import get_experiment, open_store, tracking_url
from studies import identity, layout, lock, storage
from studies.driver import Driver, Site
from studies.executors import Executor
from studies.options import Options
from studies.recovery import recover
from studies.stages import Trials
from studies.status import Status, read_best
from studies.study import Setting, Study


def run_study(study: Study, options: Options) -> Status:
    """Run or resume `study`; returns how far it is.

    Raises:
        ValueError: wrong input; nothing has been written then.
        KeyboardInterrupt: stopped; the state is saved and the message says how to resume.
    """
    device = choose_device(options.device)
    workers = layout.parse_workers(options.workers)
    memory_budget = _memory_budget(options.memory_budget or study.memory_budget)
    url, tracking = storage.storage_url(options.runs, options.storage), tracking_url(options.runs, options.tracking)
    for name, store in (("storage", url), ("tracking", tracking)):
        require_reachable(name, store)
    if options.executor == "ray":
        from studies.executors import ray_cluster

        ray_cluster.require(device)
    setting = study.setting(data=options.data, epochs=options.epochs)
    dataset = load(setting.data, options.runs / CACHE)
    if kind(url) == SQLITE:
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    with lock.exclusive(url, study.name), ExitStack() as stack:
        optuna_storage = storage.open_storage(url)
        root = identity.open_study(study, setting, options, dataset.digest, optuna_storage)
        client = open_store(tracking)
        experiment = get_experiment(client, study.name, options.runs)
        parent = identity.open_parent(root, client, experiment, study.question, memory_budget)
        recover(storage.stages(root), client, experiment)
        site = Site(client, experiment, parent, tracking, options.runs, device, memory_budget)
        planned = storage.planned(root)
        driver = Driver(study.name, planned, storage.outcomes(root), read_best(root, planned), site)
        executor: Executor | None = None
        try:
            for phase in study.phases(setting, optuna_storage):
                if any(trials.waiting for trials in phase):
                    if executor is None:
                        executor = _open_executor(study, setting, options, workers, device, root, phase)
                        stack.callback(executor.close)
                    driver.work(phase, executor)
        except KeyboardInterrupt:
            stack.close()
            recover(storage.stages(root), client, experiment)
            client.set_terminated(parent, "KILLED")
            raise KeyboardInterrupt(f"stopped; the same command resumes study {study.name} where it was") from None
        client.set_terminated(parent, "FINISHED")
    return driver.status()


def _memory_budget(text: str) -> int | None:
    """Bytes; None for what the executor gives each trial."""
    return None if text == layout.AUTO else parse_bytes(text, "memory budget")


def _open_executor(
    study: Study,
    setting: Setting,
    options: Options,
    workers: int | None,
    device: torch.device,
    root: optuna.Study,
    phase: Sequence[Trials],
) -> Executor:
    if options.executor == "ray":
        from studies.executors.ray_cluster import RayExecutor

        return RayExecutor(workers, device)
    units = sum(trials.waiting for trials in phase)
    return layout.local_executor(workers, device, units, lambda: study.examples(setting), options.runs / CACHE, root)
