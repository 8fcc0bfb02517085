"""One session of a study: open the stores, make sure that it is the same study, recover, run what is left."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import optuna
import torch
from optuna.trial import TrialState

from hourglass_bench.architectures.config import InfeasibleArchitecture, require
from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli, first_audit
from hourglass_bench.bench.commands.early import say_early
from hourglass_bench.bench.commands.folds import load_fitting
from hourglass_bench.bench.commands.writing import keep_place, open_to_write, refuse_links
from hourglass_bench.bench.config import SYNTHETIC, DataConfig, RunConfig
from hourglass_bench.bench.data.split import training_counts
from hourglass_bench.bench.machine.device import parse_device
from hourglass_bench.bench.machine.examine import DeviceFacts, examine_apart
from hourglass_bench.bench.machine.precision import resolve_by
from hourglass_bench.bench.parallel import in_threads
from hourglass_bench.bench.progress import working
from hourglass_bench.bench.size import parse_bytes
from hourglass_bench.bench.tracking.database import require_reachable
from hourglass_bench.bench.tracking.patience import Patience, unless_away
from hourglass_bench.bench.tracking.spool import Spool
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, require_store, tracking_url
from hourglass_bench.bench.tracking.stored_runs import stored_runs
from hourglass_bench.bench.tracking.system_metrics import require_monitor
from hourglass_bench.bench.tracking.view import keep_view
from hourglass_bench.bench.training.setup import make_network
from hourglass_bench.studies import deleted, identity, importance, lock, models, placement, retry, storage, times
from hourglass_bench.studies.agreement import require_together
from hourglass_bench.studies.driver import Driver, Site, StoppedError
from hourglass_bench.studies.executors import Executor
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.executors.silence import parse_timeout
from hourglass_bench.studies.note import describe
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.stages import conclude
from hourglass_bench.studies.status import Status, read
from hourglass_bench.studies.study import Study
from hourglass_bench.studies.unit import Setting

if TYPE_CHECKING:
    from mlflow import MlflowClient

CUT_OFF = "the driver was stopped or cut off"


class Checked(NamedTuple):
    """The options of a session, found to be possible."""

    device: torch.device
    facts: dict[str, DeviceFacts]
    """Of every device that `device` stands for."""
    rooms: dict[str, Room]
    """Of the same."""
    workers: int | None
    trial_timeout: float | None
    """Seconds; None for what the trial's own pace says."""
    memory_budget: int | None
    """Bytes; None for what one trial may take."""
    storage: str
    tracking: str
    setting: Setting
    data_digest: str
    ignores: bool
    """Whether the data have pixels that count nowhere."""
    training_frames: Callable[[DataConfig, int], int]
    """How many frames train, by the data's fields and the repeat."""


def run_study(study: Study, options: Options) -> Status:
    """Run or resume `study`; returns how far it is.

    Raises:
        ValueError: wrong input; nothing has been written then.
        StoppedError: what is wrong is no unit's fault; what was recorded before is kept.
        KeyboardInterrupt: stopped; the state is saved and the message says how to resume.
    """
    if options.archs:
        study = study.among(options.archs)
    checked = _check(study, options)
    capability = next(iter(checked.facts.values())).capability
    arithmetic = resolve_by(checked.setting.training.precision, checked.device, capability)
    keep_place(options.runs, options.tracking)  # before the lock, which it takes itself
    with lock.exclusive(checked.storage, study.name) as hold:
        patience = Patience(options.store_patience, cli.say, hold.confirm)
        client = open_to_write(options.runs, options.tracking)  # first: it asks a server whether its runs are newer
        optuna_storage = storage.open_storage(checked.storage, patience)
        root = identity.open_study(study, checked.setting, options, checked.data_digest, arithmetic, optuna_storage)
        hold.sign(root)
        checked = checked._replace(setting=identity.known(root, checked.setting))
        experiment = get_experiment(client, study.name, options.runs)
        client = patience.client(client)
        keep_view(client, experiment)
        recover(storage.stages(root), client, experiment, options.runs)
        retry.settle(root, again=options.retry_failed)
        runs = stored_runs(checked.tracking, study.name)
        parent = identity.open_parent(root, client, experiment, runs, study.question, checked.memory_budget)
        missing = deleted.settle(root, runs, again=options.redo_deleted)
        site = Site(
            client=client,
            experiment=experiment,
            parent=parent,
            tracking=checked.tracking,
            runs=options.runs,
            memory_budget=checked.memory_budget,
            ignores=checked.ignores,
            training_frames=checked.training_frames,
            data=checked.setting.data,
            data_digest=checked.data_digest,
            system_metrics=options.system_metrics,
        )
        driver = Driver(read(root, storage.done(root), missing), site)
        try:
            worked = _work(study, driver, root, options, checked)
            importance.log(root, client, parent, anew=worked)
            models.log(root, client, experiment, missing)
        except (KeyboardInterrupt, StoppedError) as stop:
            if isinstance(stop, KeyboardInterrupt):
                patience.end()  # nobody who stops it wants to wait
            with unless_away():  # then the next session recovers
                recover(storage.stages(root), client, experiment, options.runs)
                describe(RunLog(client, parent), study, driver.status(), options, checked.data_digest)
                client.set_terminated(parent, "KILLED")
            if isinstance(stop, StoppedError):
                raise
            raise KeyboardInterrupt(f"stopped; the same command resumes study {study.name} where it was") from None
        if patience.has_waited:  # a trial or a run may have been made twice
            recover(storage.stages(root), client, experiment, options.runs)
        if worked or schema.NOTE not in client.get_run(parent).data.tags:  # else the report's answer holds
            describe(RunLog(client, parent), study, driver.status(), options, checked.data_digest)
        client.set_terminated(parent, "FINISHED")
    return driver.status()


def _check(study: Study, options: Options) -> Checked:
    """Refuse what cannot run before a store exists; the decoded data are cached."""
    device = parse_device(options.device)
    on_cluster = options.executor == "ray" and "RAY_ADDRESS" in os.environ
    workers = placement.parse_workers(options.workers, placement.most_workers(elsewhere=on_cluster))
    placement.require_threads(options.threads)
    trial_timeout = parse_timeout(options.trial_timeout)
    if options.system_metrics:
        require_monitor()
    require(0 <= options.store_patience < inf, "store_patience", "be at least 0 and finite", options.store_patience)
    budget = options.memory_budget or study.memory_budget
    memory_budget = None if budget == placement.AUTO else parse_bytes(budget, "memory budget")
    url, tracking = storage.storage_url(options.runs, options.storage), tracking_url(options.runs, options.tracking)
    for name, store in (("storage", url), ("tracking", tracking)):
        require_reachable(name, store)
    storage.require_storage(url)
    require_store(tracking)
    refuse_links(options.runs)
    require_together(study.name, url, tracking, again=options.redo_deleted)
    lock.require_free(url, study.name)  # before the data are read, which can take long
    if options.executor == "ray":
        from hourglass_bench.studies.executors import ray_cluster

        ray_cluster.require(device, trial_timeout)
    names = placement.devices(device)
    with working(f"examining {', '.join(names)}"):
        facts = dict(zip(names, in_threads(examine_apart, map(torch.device, names)), strict=True))
    setting = study.setting(epochs=options.epochs, repeats=options.repeats, tune=not options.no_tune, **options.data())
    study.planned(setting)  # refuses what cannot be built before the data are read, too
    _require_trainable(study.configs(setting))
    cache = options.runs / schema.CACHE_DIR
    fitting, dataset = load_fitting(setting.data, cache)
    setting = setting._replace(data=fitting)
    training_frames = training_counts(dataset.frames.scenes, dataset.frames.given)
    for data, repeat in study.splits(setting):
        training_frames(data, repeat)
    if identity.is_new(study, url, dataset.digest):
        if setting.data.path != SYNTHETIC:
            first_audit.say_once(setting.data, dataset, cache, f"study {study.name}")
        say_early(study.configs(setting), dataset.frames)
    ignores = dataset.frames.ignored is not None
    rooms = placement.rooms(device, facts, dataset.frames)
    return Checked(
        device=device,
        facts=facts,
        rooms=rooms,
        workers=workers,
        trial_timeout=trial_timeout,
        memory_budget=memory_budget,
        storage=url,
        tracking=tracking,
        setting=setting,
        data_digest=dataset.digest,
        ignores=ignores,
        training_frames=training_frames,
    )


def _require_trainable(configs: Sequence[RunConfig]) -> None:
    """Refuse what no unit's frames could mend: a network from elsewhere that gives no logits, weights for none.

    A network of ours is known to be fine, and one that only does not take the frames makes its units infeasible.
    """
    for config in {(config.architecture, config.training): config for config in configs}.values():
        if config.training.weights or get_spec(config.architecture.name).origin == "elsewhere":
            with suppress(InfeasibleArchitecture):
                make_network(config)


def _work(study: Study, driver: Driver, root: optuna.Study, options: Options, checked: Checked) -> bool:
    """Every round that has units left, on one executor, which is started for the first of them; whether there were."""
    executor: Executor | None = None
    with ExitStack() as stack:
        for round_ in study.rounds(checked.setting, root._storage):
            if not any(trials.waiting for trials in round_):
                continue
            if executor is None:
                executor = _open_executor(study, root, options, checked, driver.status().waiting)
                stack.callback(executor.close)
            driver.work(round_, executor)
    return executor is not None


def _open_executor(study: Study, root: optuna.Study, options: Options, checked: Checked, units: int) -> Executor:
    for name, facts in checked.facts.items():
        cli.say(f"device {name}: {facts}")
    if options.executor == "ray":
        from hourglass_bench.studies.executors.ray_cluster import RayExecutor

        return RayExecutor(checked.workers, checked.device, min(checked.rooms.values()), identity.threads(root))
    examples = partial(study.examples, checked.setting)
    cache = options.runs / schema.CACHE_DIR
    return placement.local_executor(
        checked.workers,
        checked.device,
        units,
        examples,
        cache,
        root,
        facts=checked.facts,
        rooms=checked.rooms,
        ignores=checked.ignores,
        threads=identity.threads(root),
        timeout=checked.trial_timeout,
    )


def recover(stages: Sequence[optuna.Study], client: "MlflowClient", experiment: str, runs: Path) -> None:
    """Close every trial and run that a driver left open; whoever holds the lock knows that nothing else runs.

    A trial with an outcome keeps it, and its run is told what is kept for it under `runs`; another one's unit is to be
    done again.
    """
    rule = f"attributes.status = 'RUNNING' and tags.{schema.KIND} = 'trial'"
    open_runs: set[str] = {run.info.run_id for run in client.search_runs([experiment], rule)}
    for stage in stages:
        for trial in stage.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            run_id = trial.user_attrs.get(storage.RUN_ID)
            if not storage.has_outcome(trial):
                storage.end_trial(stage, trial._trial_id, TrialState.FAIL)
                continue
            outcome = storage.outcome(trial)
            if run_id in open_runs:
                log, idle = RunLog(client, run_id), outcome["time"].get(times.IDLE)
                Spool(runs, run_id).replay(log)
                log.close(outcome["state"], outcome["reason"], idle)
                open_runs.remove(run_id)
            conclude(stage, trial._trial_id, outcome["state"], outcome["values"])
    for run_id in open_runs:
        Spool(runs, run_id).discard()  # before: of a run that is closed nobody looks for it
        RunLog(client, run_id).kill(CUT_OFF)
