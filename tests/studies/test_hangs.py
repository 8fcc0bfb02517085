"""Workers that hang, stopped or dead-locked: one that gives no sign of life is ended, one that goes on left alone."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from ctypes import c_uint64
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.machine import signs
from hourglass_bench.bench.run import run
from hourglass_bench.bench.training.setup import prepare
from hourglass_bench.studies import last_signs, storage, worker
from hourglass_bench.studies.executors import Ending, Lost, local, ray_cluster, silence
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.executors.silence import FACTOR, LEAST, LOOK, STARTING, Silence, parse_timeout
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.status import Status, status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit
from hourglass_bench.studies.worker import Outcome, Place, Unpredicted
from tests.studies import faults
from tests.studies.conftest import InlineExecutor, find_study, make_task, sweep, trial_runs

HUNG = "its worker gave no sign of life for"
TIMEOUT = 2.0
Make = Callable[..., RunConfig]


# How long is too long.


def watched(*looks: tuple[int, float]) -> Silence:
    quiet = Silence(1)
    for count, elapsed in looks:
        quiet.look(count, elapsed)
    return quiet


def test_silence_is_the_time_without_a_new_sign() -> None:
    assert watched((1, 5), (1, 6)).seconds == 11
    assert watched((1, 5), (2, 6), (2, 1)).seconds == 1
    assert watched((2, 5)).seconds == 0


@pytest.mark.parametrize(
    ("quiet", "timeout", "hangs"),
    [
        (watched((1, LEAST - 1)), None, False),
        (watched((1, LEAST + 1)), None, True),
        (watched((1, 200), (2, 0), (2, FACTOR * 200 - 1)), None, False),
        (watched((1, 200), (2, 0), (2, FACTOR * 200 + 1)), None, True),
        (watched((1, 200), (2, 0), (2, 61)), 60.0, True),
        (watched((1, 59)), 60.0, False),
        (watched((1, 1e9)), parse_timeout("0"), False),
    ],
)
def test_a_silence_is_too_long_by_the_timeout_or_the_pace(quiet: Silence, timeout: float | None, hangs: bool) -> None:
    assert quiet.is_too_long(timeout) == hangs


def test_a_process_that_starts_has_time_to_import() -> None:
    quiet = Silence(0)
    quiet.look(0, STARTING - 1)
    assert not quiet.is_too_long(TIMEOUT)
    quiet.look(0, 2)
    assert quiet.is_too_long(TIMEOUT)


def test_timeouts() -> None:
    assert (parse_timeout("auto"), parse_timeout("0"), parse_timeout("90.5")) == (None, float("inf"), 90.5)
    assert LEAST > 20 * 60, "a worker that was stopped for a minute goes on unharmed"


def test_with_ray_nobody_watches_and_says_so() -> None:
    with pytest.raises(ValueError, match="trial_timeout must be auto or 0 with the executor ray, got 90; on its nodes"):
        ray_cluster.require(torch.device("cpu"), 90.0)


# Who gives signs.


def test_every_step_gives_a_sign(tmp_path: Path, tiny_config: Make) -> None:
    count = c_uint64()
    signs.share(count)
    setup = prepare(tiny_config(), tmp_path, torch.device("cpu"))
    split = setup.split
    before = count.value
    _, steps = setup.trainer.train_epoch(setup.data, torch.from_numpy(split.train))
    assert count.value - before == steps > 0
    for work in (setup.trainer.evaluate, setup.trainer.predict):
        before = count.value
        work(setup.data, torch.from_numpy(split.test))
        assert count.value > before


# What becomes of the worker.


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("hangs") / "log"
        patch.setenv(faults.LOG, str(path))
        patch.setattr(local, "worker", faults)
        yield path


@pytest.fixture(scope="module")
def executor(log: Path) -> Iterator[LocalExecutor]:
    with closing(LocalExecutor([Place("cpu", 1)], {"cpu": Room(2**33)}, TIMEOUT)) as one:
        yield one


def process(executor: LocalExecutor) -> int:
    while executor._slots[0]._pool is None:  # the one that hung is still ending
        time.sleep(LOOK / 10)
    identity: int = executor._slots[0].call(os.getpid).result(120)
    return identity


def answer(executor: LocalExecutor, call: Callable[..., None], *arguments: Any) -> Any:
    """Of a call of the executor, which is watched as the driver does."""
    answers: SimpleQueue[Any] = SimpleQueue()
    call(*arguments, answers.put)
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        try:
            return answers.get(timeout=LOOK / 10)
        except Empty:
            executor.watch()
    raise AssertionError("no answer")


def test_a_forecast_that_hangs_is_none_and_the_worker_is_renewed(executor: LocalExecutor, tiny_config: Make) -> None:
    os.kill(before := process(executor), signal.SIGSTOP)
    forecast = answer(executor, executor.forecast, tiny_config(), False)
    assert isinstance(forecast, Unpredicted)
    assert forecast.reason.startswith(HUNG)
    assert answer(executor, executor.forecast, tiny_config(), False) == 2**20
    assert process(executor) != before


def test_a_measurement_that_hangs_is_a_result(executor: LocalExecutor, tiny_config: Make, tmp_path: Path) -> None:
    os.kill(process(executor), signal.SIGSTOP)
    speed = executor.benchmark(tiny_config(), False, tmp_path, [Place("cpu", 1)])
    assert isinstance(speed, float), "it hung when there was nothing to forget, and its successor measures"
    assert speed > 0


def test_a_trial_that_hangs_is_lost(executor: LocalExecutor, tiny_config: Make, tmp_path: Path) -> None:
    task = make_task(tiny_config(training=TrainingConfig(epochs=1, batch_size=faults.LOCKED)), tmp_path)
    ending: Ending = answer(executor, executor.submit, task)
    assert isinstance(ending, Lost)
    assert ending.reason.startswith(HUNG)


def test_a_worker_that_is_stopped_for_less_goes_on_unharmed(
    executor: LocalExecutor, tiny_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_timeout", 20.0)
    config = tiny_config(training=TrainingConfig(epochs=1, batch_size=faults.STOPPED))
    (Path(os.environ[faults.LOG])).with_suffix(".stopped").unlink(missing_ok=True)
    identity, slot, longest = process(executor), executor._slots[0], 0.0
    answers: SimpleQueue[Ending] = SimpleQueue()
    executor.submit(make_task(config, tmp_path), answers.put)
    while longest < 2:  # it has stopped itself
        time.sleep(LOOK / 10)
        assert executor.watch().keys() <= {slot.run_id}
        longest = slot.silence.seconds
    os.kill(identity, signal.SIGCONT)
    ending = answers.get(timeout=60)
    assert isinstance(ending, Outcome)
    assert ending.state == "complete"
    assert process(executor) == identity


def test_time_in_which_nobody_looked_does_not_count(executor: LocalExecutor) -> None:
    """As where the driver itself was stopped, or waited for a store."""
    slot, now = executor._slots[0], time.monotonic
    call = slot.call(time.sleep, 1.5)
    executor._looked = now() - 3600
    executor.watch()
    assert slot.silence.seconds <= 2 * LOOK
    call.result(60)


# What becomes of the study.


def test_a_study_whose_workers_hang_comes_to_its_end(
    tmp_path: Path, tiny_config: Make, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that was stopped runs again; one that always locks up is given up; the others are complete."""
    monkeypatch.setattr(silence, "SHORTEST", 1)
    log.with_suffix(".stopped").unlink(missing_ok=True)
    cases = [*[faults.COMPLETE] * 4, faults.STOPPED, faults.LOCKED]
    units = [
        Unit(
            config=tiny_config(training=TrainingConfig(epochs=1, batch_size=batch, lr=(1 + number) / 1e3)),
            factors={"number": number},
        )
        for number, batch in enumerate(cases)
    ]
    data = {"folds": 3, "synthetic_scenes": 6, "synthetic_frames": 18}
    study = Factorial(
        name="hangs", question="?", size=16, training=TrainingConfig(), plan=lambda *_: units, repeats=1, data=data
    )
    told = run_study(study, Options(device="cpu", workers="2", runs=tmp_path, trial_timeout=str(TIMEOUT)))
    assert Counter(told.states) == Counter(complete=5, failed=1)
    assert (told.waiting, told.running) == (0, ())
    assert capsys.readouterr().err.count(HUNG) == 1 + 3
    runs = Counter(run.info.status for run in trial_runs(tmp_path, "hangs"))
    assert runs == {"FINISHED": 5, "KILLED": 1 + 2, "FAILED": 1}
    trials = find_study(tmp_path, "hangs").get_trials()
    assert {trial.state.is_finished() for trial in trials} == {True}
    assert sum(storage.LOST in trial.user_attrs for trial in trials) == 4


@pytest.mark.usefixtures("catalog")
def test_another_shell_reads_when_the_last_sign_was(
    tmp_path: Path, inline: type[InlineExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Status] = []

    def watch(self: InlineExecutor) -> Mapping[str, float]:
        return {item.info.run_id: 70.0 for item in trial_runs(tmp_path) if item.info.status == "RUNNING"}

    def looked_at(*arguments: Any, **options: Any) -> Any:
        give_up = time.monotonic() + 30
        while not seen and time.monotonic() < give_up:
            now = status("tiny", tmp_path)
            seen.extend([now] if now.running and now.running[0].silent is not None else [])
        return run(*arguments, **options)

    monkeypatch.setattr(inline, "watch", watch, raising=False)
    monkeypatch.setattr(worker, "run", looked_at)
    assert sweep(tmp_path) == 0
    (trial,) = seen[0].running
    assert trial.silent is not None
    assert 70 <= trial.silent < 110
    assert seen[0].answer()["trials"][0]["silent"] == trial.silent
    assert last_signs.silences(tmp_path, "tiny") == {}, "nothing runs"
    assert not list((tmp_path / schema.CACHE_DIR).glob("signs-*"))
