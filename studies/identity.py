"""Whether a study that is resumed is still the one that was started, and its record in both stores."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import optuna

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.machine.environment import code_digest
from hourglass_bench.bench.machine.precision import Arithmetic
from hourglass_bench.bench.tracking.database import redact
from hourglass_bench.bench.tracking.store import RunLog
from hourglass_bench.bench.tracking.stored_runs import StoredRun
from hourglass_bench.bench.training import ARITHMETIC
from hourglass_bench.bench.training.weights import weights_digest
from hourglass_bench.studies import storage
from hourglass_bench.studies.agreement import unclaimed
from hourglass_bench.studies.options import OF_THE_STUDY, Options
from hourglass_bench.studies.stored_study import read_study
from hourglass_bench.studies.study import Study
from hourglass_bench.studies.unit import Setting, count_planned

if TYPE_CHECKING:
    from mlflow import MlflowClient

READ_BY = [item.name for item in fields(DataConfig) if item.name not in ("path", "split", *OF_THE_STUDY)]
"""Fields of the DataConfig that flags change; path and split have names of older versions."""
NAMES = {
    "data": "data",
    "data.digest": "content of the data",
    **{f"data.{name}": name.replace("_", " ") for name in READ_BY},
    "epochs": "epochs",
    "split": "split",
    "memory_budget": "memory budget",
    "space": "units or search space",
    "networks": "source of networks from elsewhere",
    "weights": "content of files of weights",
    "precision": "precision",
    "arithmetic": "arithmetic of the code",
    "ladder": "learning rates tried",
    "threads": "threads of a trial on a CPU",
}
"""What must stay, as messages call it. The code itself may change: a study that runs goes on after an upgrade."""
CODE = "code"
"""Digest of the code that worked on the study last, kept beside them."""
THREADS = 1
"""Of a trial on a CPU, unless others are asked for."""
REPEATS = "repeats"
"""How many there are, beside them too; before version 8 None for the study's own, which still older stores lack."""


def is_new(study: Study, url: str, data_digest: str) -> bool:
    """Whether the study was never started in the storage at `url`, or on other data."""
    found = read_study(url, study.name)
    return found is None or found[0].user_attrs[storage.OPTIONS].get("data.digest", data_digest) != data_digest


def open_study(
    study: Study,
    setting: Setting,
    options: Options,
    data_digest: str,
    arithmetic: Arithmetic,
    to: "optuna.storages.RDBStorage",
) -> optuna.Study:
    """The study's own Optuna study, created if it is new, with its options and its plan.

    Args:
        arithmetic: what the setting's precision means on the device.

    Raises:
        ValueError: it was started as something else, and the options do not accept that, or with more repeats.
    """
    place = redact(options.storage) or options.runs
    now = _asked(study, setting, options, data_digest, arithmetic)
    code = code_digest()
    root = storage.create(to, study.name, [schema.BEST_VAL_IOU])
    new = now | {REPEATS: setting.repeats, "threads": options.threads or THREADS}
    stored: Mapping[str, Any] = root.user_attrs.get(storage.OPTIONS, new)
    if now["ladder"] and not stored.get("ladder"):  # what began without it goes on without it
        now["ladder"] = []
        cli.say(f"study {study.name} goes on at its own learning rate, as it was started; another RUNS folder tunes it")
    if stored.get("data.digest") == data_digest:
        now["data"] = stored["data"]  # wherever they lie, and however that is spelled
    now["threads"] = options.threads or stored.get("threads", THREADS)
    if "threads" not in stored:
        cli.say(
            f"study {study.name} was started when the number of workers decided a trial's threads; on a CPU each trial "
            f"that is left has {now['threads']} (--threads)"
        )
    before = {**now, "arithmetic": 1, **stored}  # what an older version did not record did not change
    changes = [f"{NAMES[key]} {before[key]} -> {now[key]}" for key in NAMES if before[key] != now[key]]
    if changes and not options.accept_changes:
        raise ValueError(
            f"study {study.name} in {place} must be resumed as it was started, got changes: {'; '.join(changes)}. Use "
            "another RUNS folder, or accept that results of both are compared with --accept-changes (make sweep "
            "ACCEPT_CHANGES=1)."
        )
    had = stored.get(REPEATS) or study.first_repeats or study.repeats
    if options.repeats is not None and options.repeats < had:
        raise ValueError(
            f"repeats must be at least the {had} that study {study.name} in {place} has, got {options.repeats}; use "
            "another RUNS folder for fewer."
        )
    if not changes and stored.get(CODE, code) != code:
        cli.say(f"study {study.name} goes on with other code of the same arithmetic: {stored[CODE]} -> {code}")
    root.set_user_attr(storage.STAGES, study.stage_names())
    root.set_user_attr(storage.OPTIONS, now | {CODE: code, REPEATS: options.repeats or had})
    root.set_user_attr(storage.PLANNED, study.planned(known(root, setting)))
    return root


def _asked(
    study: Study, setting: Setting, options: Options, data_digest: str, arithmetic: Arithmetic
) -> dict[str, Any]:
    """What must stay, as it is asked for now, but for the threads."""
    return {
        "data": setting.data.path,
        "data.digest": data_digest,
        **{
            f"data.{name}": json.loads(json.dumps(getattr(setting.data, name))) for name in READ_BY
        },  # as stores keep it
        "epochs": setting.training.epochs,
        "split": setting.data.split,
        "memory_budget": options.memory_budget or study.memory_budget,
        "space": study.space(),
        "networks": _sources(study, setting),
        "weights": _weights(study, setting),
        "precision": arithmetic,
        "arithmetic": ARITHMETIC,
        "ladder": list(setting.ladder),
    }


def _sources(study: Study, setting: Setting) -> dict[str, str]:
    """Digest of the code of every network that the project does not bring itself, by its name."""
    from hourglass_bench.architectures.sources import sources

    names = sorted({planned.architecture for planned in study.planned(setting).values()})
    return {name: digest(*sorted(found.items())) for name in names if (found := sources(name))}


def _weights(study: Study, setting: Setting) -> dict[str, str]:
    """Digest of every file of weights that a network begins with, by its path."""
    paths = sorted({config.training.weights for config in study.configs(setting)} - {""})
    return {path: weights_digest(path) for path in paths}


def known(root: optuna.Study, setting: Setting) -> Setting:
    """The setting in which units have the keys, the repeats and the tuned rates that the study knows."""
    stored = root.user_attrs[storage.OPTIONS]
    return setting._replace(known_as=stored["data"], repeats=stored[REPEATS], ladder=tuple(stored["ladder"]))


def threads(root: optuna.Study) -> int:
    """Threads of each of the study's trials on a CPU."""
    found: int = root.user_attrs[storage.OPTIONS]["threads"]
    return found


def open_parent(
    root: optuna.Study,
    client: "MlflowClient",
    experiment: str,
    runs: Mapping[str, StoredRun],
    question: str,
    memory_budget: int | None,
) -> str:
    """The study's parent run, with the plan as its tags: created in its first session, or if it is gone.

    Of the experiment's `runs` those that count no longer are marked.
    """
    planned = storage.planned(root)
    tags = {
        schema.KIND: "study",
        schema.STUDY: root.study_name,
        schema.STUDY_DESCRIPTION: question,
        schema.STUDY_PLANNED: str(len(planned)),
        schema.STUDY_PLANNED_UNITS: json.dumps(count_planned(planned)),
    }
    if memory_budget is not None:
        tags[schema.STUDY_MEMORY_BUDGET] = str(memory_budget)
    if ladder := root.user_attrs[storage.OPTIONS]["ladder"]:
        tags[schema.STUDY_LADDER] = json.dumps(ladder)
    supersede(root, client, runs)
    run_id: str | None = root.user_attrs.get(storage.PARENT_RUN)
    if run_id is None or run_id not in runs:
        run_id = RunLog.create(client, experiment, root.study_name, tags).run_id
        root.set_user_attr(storage.PARENT_RUN, run_id)
        return run_id
    if runs[run_id].deleted:
        client.restore_run(run_id)
        cli.say(f"the parent run of study {root.study_name} was deleted, and is restored: {run_id}")
    RunLog(client, run_id).tags(tags)
    client.update_run(run_id, "RUNNING")
    return run_id


def supersede(root: optuna.Study, client: "MlflowClient", runs: Mapping[str, StoredRun]) -> None:
    """Mark runs of units that only an earlier form of the study planned, and runs that ended with what is no outcome,
    or no longer is; take the mark from those that count again.
    """
    planned, not_counted = storage.planned(root), unclaimed(runs, storage.done(root))
    for run_id, run in runs.items():
        if run.deleted or run.unit is None:
            continue
        superseded = run.unit not in planned or run_id in not_counted
        if superseded and not run.superseded:
            client.set_tag(run_id, schema.SUPERSEDED, "true")
        elif run.superseded and not superseded:
            client.delete_tag(run_id, schema.SUPERSEDED)
