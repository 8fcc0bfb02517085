"""`train --resume`: a training that was stopped or cut off goes on, in its own run of the store."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from typing_extensions import override

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import say
from hourglass_bench.bench.commands.stored_training import StoredTraining, at, read
from hourglass_bench.bench.commands.train import answer, report_epoch, require_sealed, resumed_by, tracked
from hourglass_bench.bench.commands.writing import TRAIN, open_to_write, patient
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.files import require_inside
from hourglass_bench.bench.machine.environment import code_digest
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.machine.threads import threads
from hourglass_bench.bench.run import run
from hourglass_bench.bench.stored_config import flatten
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.entries import Entries
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from hourglass_bench.bench.tracking.system_metrics import log_system_metrics, require_monitor
from hourglass_bench.bench.training.unfinished import Unfinished


class ResumedLog(RunLog):
    """A run that has a part of its entries: of a training that goes on, what is stored already is not written twice."""

    def __init__(self, stored: StoredTraining) -> None:
        super().__init__(patient(open_store(stored.url)), stored.run_id)
        self._known = stored.params.keys()
        self._epochs = stored.epochs

    @override
    def write(self, entries: Sequence[Entries]) -> None:
        super().write([self._new(entry) for entry in entries])

    def _new(self, entry: Entries) -> Entries:
        params = {name: text for name, text in entry.params.items() if name not in self._known}
        return replace(entry, params=params, metrics={} if 0 < entry.step <= self._epochs else entry.metrics)


def resume_one(
    run_id: str,
    given: Mapping[str, str],
    *,
    runs: Path,
    device: str = "auto",
    tracking: str = "",
    unseal: bool = False,
    system_metrics: bool = False,
) -> dict[str, Any]:
    """Go on with a training of `bench train`; the same answer as if it had never stopped, on a CPU to the bit.

    Args:
        given: fields of the configuration that were asked for, as stores keep them: they must be the run's.
        device: `auto` is the kind of device that the run was trained on.
        system_metrics: log what the machine does from here on.

    Raises:
        ValueError: there is no such run, it has come to its end, is still trained, or is of a study; its data, weights,
            device or configuration are others.
    """
    if system_metrics:
        require_monitor()
    stored = read(tracking_url(runs, tracking), run_id)
    _require_unfinished(stored, runs / schema.UNFINISHED_DIR)
    config = _require_alike(stored, given)
    target = choose_device(stored.device if device == "auto" else device)
    if target.type != stored.device:
        raise ValueError(f"device must be the run's kind, {stored.device}, to go on with it, got {device}.")
    cache = runs / schema.CACHE_DIR
    dataset = stored.load(config, cache)
    client = open_to_write(runs, tracking)
    if not unseal:
        require_sealed(client, get_experiment(client, TRAIN, runs), config, dataset.digest, own=run_id)
    with Unfinished() as unfinished, ExitStack() as stack:
        require_inside(runs, runs / schema.UNFINISHED_DIR / run_id)
        try:
            unfinished.hold(runs / schema.UNFINISHED_DIR / run_id)
        except BlockingIOError:
            raise ValueError(f"run {run_id} must not be trained already to be resumed, got one that is.") from None
        stored = read(stored.url, run_id)  # once more: until now another process may have gone on with it
        _require_unfinished(stored, runs / schema.UNFINISHED_DIR)
        code = stored.environment("code")
        if code and code != code_digest():
            say(f"run {run_id} goes on with other code: {code} -> {code_digest()}")
        client.update_run(run_id, "RUNNING")
        log = BackgroundLog(lambda: ResumedLog(stored))
        options: dict[str, Any] = {"stop": report_epoch, "dataset": dataset, "unfinished": unfinished}
        options["execution"] = unfinished.execution
        train = partial(run, stored.in_its_precision(config, target), log, cache=cache, device=target, **options)
        if system_metrics:
            stack.enter_context(log_system_metrics(run_id, stored.url))
        with threads(stored.threads):
            result = tracked(log, train, resumed_by(runs, tracking))
        unfinished.remove()
    return answer(result)


def _require_unfinished(stored: StoredTraining, unfinished: Path) -> None:
    """Raise ValueError if there is nothing to go on with."""
    run_id, study = stored.run_id, stored.tags.get(schema.STUDY)
    if study:
        raise ValueError(
            f"run {run_id} must be of the command train to be resumed, got one of study {study}: its own command "
            "trains again what was cut off."
        )
    if stored.tags.get(schema.REPRODUCES):
        raise ValueError(f"run {run_id} must be of the command train to be resumed, got one of reproduce.")
    if stored.state not in ("", "failed"):
        raise ValueError(f"run {run_id} must not have ended to be resumed, got one that is {stored.state}.")
    if not (unfinished / run_id).is_dir():
        raise ValueError(
            f"run {run_id} must have its state in {unfinished} to be resumed, got none: it was trained elsewhere, or "
            "by a version that kept none."
        )


def _require_alike(stored: StoredTraining, given: Mapping[str, str]) -> RunConfig:
    """The run's configuration; ValueError if another one was asked for. The data may lie elsewhere by now."""
    config = at(stored.config, given.get("data.path", ""))
    ours = flatten(config)
    other = [name for name in given if given[name] != ours.get(name)]
    if "data.folds" in other and int(given["data.folds"]) > config.data.folds:
        other.remove("data.folds")  # they were lowered to what the data fill
    if other:
        changes = ", ".join(f"{name} {ours.get(name, 'none')} -> {given[name]}" for name in other)
        raise ValueError(
            f"run {stored.run_id} must be resumed as it was started, got {changes}; leave these flags out, or train "
            "another run without --resume."
        )
    return config
