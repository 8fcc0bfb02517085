"""What goes wrong in a worker costs one trial at most: planted faults, in real processes but for a few tables."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.studies import placement, storage, worker
from hourglass_bench.studies.channel import Channel
from hourglass_bench.studies.executors import Crowded, Ending, Forecast, local
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit
from hourglass_bench.studies.worker import Outcome, Place, Task, Unpredicted
from tests.bench.machine.test_out_of_memory import OTHERS, OUT_OF_MEMORY, text_of
from tests.studies import faults
from tests.studies.conftest import find_study, trial_runs
from tests.studies.faults import GIB

WAIT = 120
Make = Callable[..., RunConfig]


def config_of(tiny_config: Make, batch_size: int, lr: float = 1e-3) -> RunConfig:
    return tiny_config(training=TrainingConfig(epochs=1, batch_size=batch_size, lr=lr))


# What the worker makes of it.


@pytest.mark.parametrize("error", [*OUT_OF_MEMORY, *OTHERS], ids=text_of)
def test_every_error_of_a_training_is_an_outcome(
    tmp_path: Path, tiny_config: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def planted(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(worker, "run", planted)
    monkeypatch.setattr(worker, "_client", lambda _: None)
    monkeypatch.setattr(worker, "SpooledLog", faults.NoLog)
    with closing(Channel(lambda _: None)) as channel:
        task = Task(tiny_config(), "run", "", tmp_path, None, True, None, channel.address, prunable=False)
        outcome = worker.work(task, Place("cpu", 1))
    first = next(iter(str(error).splitlines()), "")
    state = "out_of_memory" if error in OUT_OF_MEMORY else "failed"
    assert outcome == Outcome(state, f"{type(error).__name__}: {first}", {})


# What becomes of the worker.


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where trainings of worker processes are written."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("faults") / "log"
        patch.setenv(faults.LOG, str(path))
        patch.setattr(local, "worker", faults)
        yield path


@pytest.fixture(scope="module")
def pair(log: Path) -> Iterator[LocalExecutor]:
    """Two workers of which each has half of a device."""
    with closing(LocalExecutor([Place("cpu", 1)] * 2, {"cpu": Room(10 * GIB)})) as executor:
        yield executor


def told(call: Callable[..., None], *arguments: Any) -> Any:
    """What a call of an executor is answered."""
    answers: SimpleQueue[Any] = SimpleQueue()
    call(*arguments, answers.put)
    return answers.get(timeout=WAIT)


NewTask = Callable[..., Task]


@pytest.fixture
def new_task(tmp_path: Path, tiny_config: Make) -> Iterator[NewTask]:
    with closing(Channel(lambda _: None)) as channel:

        def make(batch: int, *, alone: bool = False) -> Task:
            config = config_of(tiny_config, batch)
            return Task(config, "run", "", tmp_path, None, True, 2**20, channel.address, prunable=False, alone=alone)

        yield make


def complete(executor: LocalExecutor, new_task: NewTask) -> None:
    """As many trials as there are workers complete at the same time."""
    answers: SimpleQueue[Ending] = SimpleQueue()
    for _ in range(executor.slots):
        executor.submit(new_task(faults.COMPLETE), answers.put)
    for _ in range(executor.slots):
        ending = answers.get(timeout=WAIT)
        assert isinstance(ending, Outcome)
        assert ending.state == "complete"


def processes(log: Path) -> set[int]:
    return {entry["pid"] for entry in entries(log)}


def entries(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_out_of_memory_beside_others_runs_again_alone_and_costs_the_process(
    pair: LocalExecutor, new_task: NewTask, log: Path
) -> None:
    complete(pair, new_task)
    before = processes(log)
    reason = "RuntimeError: GET was unable to find an engine to execute this computation"
    assert told(pair.submit, new_task(12)) == Crowded(reason)
    assert told(pair.submit, new_task(12, alone=True)) == Outcome("out_of_memory", reason, {})
    log.unlink()
    complete(pair, new_task)
    assert not processes(log) & before, "the one that ran out, and the idle one that made room"
    assert {entry["memory"] for entry in entries(log)} == {5 * GIB}


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        (faults.POISON, "RuntimeError: CUDA error: device-side assert triggered"),
        (faults.AWKWARD, "AwkwardError: error 700: illegal address"),
    ],
)
def test_a_poisoned_process_is_replaced(
    pair: LocalExecutor, new_task: NewTask, log: Path, batch: int, reason: str
) -> None:
    """Of the trials that follow none meets the error again, and an exception that cannot be sent is no lost worker."""
    assert told(pair.submit, new_task(batch)) == Outcome("failed", reason, {})
    for _ in range(2):
        complete(pair, new_task)


def test_a_forecast_that_goes_wrong_is_no_prediction(pair: LocalExecutor, new_task: NewTask, tiny_config: Make) -> None:
    expected: dict[int, Forecast] = {
        faults.UNPREDICTED: Unpredicted("RuntimeError: Event device type CUDA does not match blocking stream"),
        faults.KILLED: Unpredicted("its worker process died"),
        faults.LARGE: 5 * GIB,
        faults.COMPLETE: 2**20,
    }
    for batch, forecast in expected.items():
        assert told(pair.forecast, config_of(tiny_config, batch), False) == forecast
    complete(pair, new_task)


# What becomes of the study.

UNITS = Counter({faults.COMPLETE: 5, 11: 1, faults.LARGE: 2, faults.HUGE: 1, faults.UNPREDICTED: 1, faults.POISON: 1})
STATES = Counter(complete=8, out_of_memory=1, infeasible=1, failed=1)


def study_of(tiny_config: Make) -> Factorial:
    configs = [
        config_of(tiny_config, batch, (1 + number) / 1e3) for batch, count in UNITS.items() for number in range(count)
    ]
    units = [Unit(config=config, factors={"number": number}) for number, config in enumerate(configs)]
    return Factorial(
        name="faults",
        question="?",
        size=16,
        training=TrainingConfig(),
        plan=lambda *_: units,
        repeats=1,
        data={"folds": 3, "synthetic_scenes": 6, "synthetic_frames": 18},  # a batch is of no more than a third
    )


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_how_units_end_does_not_depend_on_the_number_of_workers(
    tmp_path: Path,
    tiny_config: Make,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    workers: int,
) -> None:
    """A large trial and one without a prediction run alone; all are granted what the device has, and no more."""
    log.unlink(missing_ok=True)
    capacity = 10 * GIB
    monkeypatch.setattr(placement, "rooms", lambda *_: {"cpu": Room(capacity)})
    options = Options(device="cpu", workers=str(workers), runs=tmp_path)
    assert Counter(run_study(study_of(tiny_config), options).states) == STATES
    ran = sorted(entries(log), key=lambda entry: entry["began"])
    assert Counter(entry["batch"] for entry in ran) == {faults.COMPLETE: 5, faults.LARGE: 2, faults.UNPREDICTED: 1}
    for entry in ran:
        beside = [other for other in ran if other["began"] < entry["ended"] and entry["began"] < other["ended"]]
        began_before = [other for other in beside if other["began"] <= entry["began"]]
        assert sum(other["memory"] or capacity for other in began_before) <= capacity
        if entry["batch"] == faults.UNPREDICTED:
            assert (entry["memory"], beside) == (None, [entry])
        if entry["batch"] == faults.LARGE:
            assert entry["memory"] == (int(7.25 * GIB) if workers > 1 else None)
    large = [entry for entry in ran if entry["batch"] == faults.LARGE]
    assert all(one["ended"] <= other["began"] for one, other in pairwise(large))
    if workers == 2:
        assert any(one["ended"] > other["began"] for one, other in pairwise(ran)), "small ones run together"
    said = capsys.readouterr().err
    crowded = [run for run in trial_runs(tmp_path, "faults") if run.info.status == "KILLED"]
    assert len(crowded) == said.count("out of memory beside others") == (workers > 1)
    assert said.count("is not predicted: RuntimeError: Event device type CUDA does not match") == 1
    assert not any(storage.LOST in trial.user_attrs for trial in find_study(tmp_path, "faults").get_trials())
