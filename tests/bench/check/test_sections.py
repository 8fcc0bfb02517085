"""What each section is there to find, found."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from hourglass_bench.architectures import examples
from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench.check import agreement, faults, forecast, graph, leaks, speed, trials
from hourglass_bench.bench.check.lines import Line, Task, cause
from hourglass_bench.bench.check.workload import frames_on, run_config
from hourglass_bench.bench.machine.allocator import give_back_freed_memory
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.setup import make_trainer
from hourglass_bench.bench.training.trainer import Trainer
from hourglass_bench.studies.catalog.depth_width import STUDY
from tests.bench.training.stand import Stand

TASK, CPU = Task("cpu", short=True), torch.device("cpu")


@pytest.fixture
def one_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "ARCHITECTURES", {"unet": ARCHITECTURES["unet"]})


def verdicts(lines: Any) -> list[bool | None]:
    return [line.passed for line in lines]


@pytest.mark.usefixtures("one_architecture")
def test_a_wrong_gradient_is_found_in_every_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one layer among many."""

    def make_broken(*arguments: Any) -> Trainer:
        trainer = make_trainer(*arguments)
        if (trainer.execution, trainer.dtype) != (REFERENCE, torch.float32):
            largest = max(trainer.network.parameters(), key=Tensor.numel)
            largest.register_hook(lambda gradient: 3 * gradient)
        return trainer

    assert verdicts(agreement.compare(TASK)) == [None] + [True] * 3
    monkeypatch.setattr(agreement, "make_trainer", make_broken)
    lines = list(agreement.compare(TASK))
    assert verdicts(lines) == [None] + [False] * 3
    assert all("fp32, contiguous: gradient" in line.note and "bf16: gradient" in line.note for line in lines[1:])


@pytest.mark.usefixtures("one_architecture")
def test_an_update_that_is_wrong_is_found_by_the_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_slow(*arguments: Any) -> Trainer:
        trainer = make_trainer(*arguments)
        if (trainer.execution, trainer.dtype) != (REFERENCE, torch.float32):
            trainer.config = type(trainer.config)(lr=trainer.config.lr / 10)
        return trainer

    monkeypatch.setattr(agreement, "make_trainer", make_slow)
    lines = list(agreement.compare(TASK))
    assert verdicts(lines) == [None] + [False] * 3
    assert all(line.note == "fp32, contiguous: loss, bf16: loss" for line in lines[1:])


def test_a_loss_that_is_no_number_has_not_passed() -> None:
    right = agreement.Trained((torch.ones(3), torch.ones(2)), [1.0, 0.5, 0.4])
    lost = right._replace(losses=[1.0, 0.5, float("nan")])
    broken = right._replace(gradient=(torch.ones(3), torch.full((2,), float("nan"))))
    for trained, failed in ((right, ""), (lost, "fp32: loss"), (broken, "fp32: gradient")):
        found = {"fp32": agreement.difference(trained, right)}
        line = agreement.judge("unet", found, {"fp32": agreement.Difference(10.0, 10.0)})
        assert (line.passed, line.note) == (not failed, failed)


def test_a_gpu_before_ampere_is_asked_for_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda:0")
    for capability, expected in (("9.0", ["fp32", "tf32", "bf16"]), ("7.5", ["fp32"])):
        monkeypatch.setattr("hourglass_bench.bench.machine.precision.capability", lambda _, found=capability: found)
        assert list(agreement.ways(gpu)) == expected


def test_a_forecast_that_is_a_tensor_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = forecast.cases()[:1]
    monkeypatch.setattr(forecast, "cases", lambda: cases)
    assert verdicts(forecast.compare(TASK)) == [True, None]
    monkeypatch.setattr(forecast, "predict_peak_bytes", lambda *of: predict_peak_bytes(*of) + 4)
    assert verdicts(forecast.compare(TASK)) == [False, None]


def test_cases_of_the_forecast_are_eight_and_all_differ() -> None:
    assert len(set(forecast.cases())) == 8


def test_a_graph_that_trains_otherwise_or_is_none_is_found() -> None:
    eager = graph.Trained(torch.rand(30), torch.rand(100), torch.rand(4))
    same = graph.Trained(*(part.clone() for part in eager))
    assert graph.judge("unet", same, eager, same, 1e-4, "").passed
    assert not graph.judge("unet", same, eager, same, 1e-4, "the capture failed").passed
    for part in graph.Trained._fields:
        other, drifted = (same._replace(**{part: getattr(same, part) * by}) for by in (1.001, 0.9994))
        assert not graph.judge("unet", other, eager, same, 1e-4, "").passed, part
        assert graph.judge("unet", other, eager, drifted, 1e-4, "").passed, part
        lost = same._replace(**{part: getattr(same, part) * float("nan")})
        assert not graph.judge("unet", lost, eager, same, 1e-4, "").passed, part


class Tiring(Stand):
    """A graph that is right when it is rehearsed, and later replays nothing."""

    def capture(self, function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        replay, result = super().capture(function)
        left = iter(range(10))
        return lambda: replay() if next(left, None) is not None else None, result


@pytest.mark.parametrize(("stand", "passed"), [(Stand, True), (Tiring, False)])
def test_a_graph_is_judged_by_all_of_its_replays(
    stand: type[Stand], passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a stand-in, which captures on the CPU."""
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda _: stand())
    monkeypatch.setattr(graph, "SIDE", 16)
    monkeypatch.setattr(graph, "BATCH", 4)
    line = graph.compare_one(configure("unet", (4, 8), norm="batch"), CPU)
    assert line.passed is passed, line
    assert line.note.startswith("at most")


def test_a_leak_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def make_leaking(*arguments: Any) -> Trainer:
        kept.append(make_trainer(*arguments))
        return kept[-1]

    monkeypatch.setattr(leaks, "make_trainer", make_leaking)
    give_back_freed_memory()  # else what other tests have freed holds the trainers, and nothing grows
    assert verdicts(leaks.watch(TASK)) == [False]


def test_leaks_of_graphs_are_looked_for_in_training_and_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    captures = []

    class Counting(Stand):
        def capture(self, function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
            captures.append(function)
            return super().capture(function)

    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda _: Counting())
    monkeypatch.setattr(
        "hourglass_bench.bench.training.trainer.CPU_EVALUATION_BATCH", 4
    )  # as on a GPU, a training step's
    monkeypatch.setattr(leaks, "execution_choices", lambda *_: [Execution(graph=True)])
    monkeypatch.setattr(leaks, "TRAINERS", 2 * (leaks.WARM_UP + 1))
    list(leaks.watch(TASK))
    assert len(captures) == 2 * (leaks.WARM_UP + 1)


def raises(error: Exception) -> Callable[[torch.device], None]:
    def provoke(_: torch.device) -> None:
        raise error

    return provoke


def test_a_fault_that_is_taken_for_another_has_not_passed() -> None:
    full, broken = raises(torch.OutOfMemoryError("CUDA out of memory.")), raises(RuntimeError("illegal access"))
    fault = partial(faults.Fault, "a fault", survivable=True)
    assert faults.meet(fault(full, of_memory=True), CPU).passed
    assert not faults.meet(fault(full, of_memory=False), CPU).passed
    assert not faults.meet(fault(broken, of_memory=True), CPU).passed
    assert faults.meet(fault(lambda _: None, of_memory=True), CPU) == Line(
        name="a fault", passed=False, note="nothing was raised"
    )


@pytest.mark.parametrize(("survivable", "passed"), [(True, False), (False, True)])
def test_whether_training_goes_on_counts_where_it_must(
    survivable: bool, passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poison(_: torch.device) -> None:
        monkeypatch.setattr(faults, "make_trainer", lambda *_: 1 / 0)
        raise RuntimeError("device-side assert triggered")

    line = faults.meet(faults.Fault("a fault", poison, of_memory=False, survivable=survivable), CPU)
    assert line.passed is passed
    assert "trains no more" in line.note


def die(_: str, report: Callable[[Line], None]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_of_a_fault_has_not_passed() -> None:
    line = faults.apart("a fault", die, "cpu")
    assert not line.passed
    assert "exit code -9" in line.note


def test_a_way_to_train_that_fails_is_a_result_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleeping(seconds: float) -> speed.Way:
        return lambda _config, _device: lambda steps: time.sleep(steps * seconds)

    ways = {speed.PLAIN: sleeping(0.02), "broken": lambda _config, _device: 1 / 0, speed.HARNESS: sleeping(0.002)}
    monkeypatch.setattr(speed, "WAYS", ways)
    monkeypatch.setattr(speed, "COMPILED", ())
    plain, broken, ours = speed.measure(TASK)
    assert plain.figures["times the plain loop"] == 1
    assert 1000 < plain.figures["images/s"] <= 32 / 0.02
    assert (broken.figures, broken.note) == ({}, "ZeroDivisionError: division by zero")
    assert 5 < ours.figures["times the plain loop"] < 20


def test_trials_are_those_of_the_study() -> None:
    planned = {unit.config.architecture for unit in STUDY.units(STUDY.setting())}
    assert {examples.SMALL, examples.MIDDLE, examples.LARGE} <= planned
    setting = STUDY.setting()
    assert setting.data.size == (trials.SIDE, trials.SIDE)
    assert (setting.training.batch_size, setting.training.epochs) == (trials.BATCH, trials.EPOCHS)
    assert setting.data.synthetic_scenes * setting.data.synthetic_frames == trials.FRAMES


def test_a_trial_of_the_study_has_one_set_up_and_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that moves 100 s in the first of four epochs and 2 s in each other."""
    now = iter((0.0, 100.0, 102.0, 104.0, 106.0))
    monkeypatch.setattr("hourglass_bench.bench.check.trials.time.perf_counter", lambda: next(now))
    monkeypatch.setattr(trials, "make_trainer", lambda *_: None)
    monkeypatch.setattr(trials, "train", lambda _trainer, _data, _split, on_epoch: [on_epoch(None) for _ in range(4)])
    data = frames_on(CPU, trials.FRAMES // 2, 16)
    found = trials.seconds(run_config(examples.SMALL, 16), data, CPU)
    assert found == 98 + trials.EPOCHS * 2 * 2  # of twice as many frames


def test_workers_that_do_not_come_up_are_told_beside_what_the_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where only one process may use a GPU."""
    started = iter(("", BUSY))
    monkeypatch.setattr(trials, "_start", lambda _: next(started))
    monkeypatch.setattr(trials, "work", hold_still)
    monkeypatch.setattr(trials, "plan", lambda _: ((1, 2), trials.Round("cpu", (examples.SMALL,), 2, 32)))
    one, told = trials.measure(TASK)
    assert (one.name, one.figures) == ("1 worker", {"trials/h": 720})
    assert (told.name, told.note, told.figures) == ("2 workers: 1 came up", BUSY, {})


def hold_still(_: trials.Round, report: Callable[[float], None]) -> None:
    report(5.0)


BUSY = "torch.AcceleratorError: CUDA error: CUDA-capable device(s) is/are busy or unavailable"


def test_the_line_that_names_an_error_is_found_among_advice() -> None:
    """Behind CUDA's errors torch gives advice, line by line."""
    advice = "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
    trace = f'worker failed.\nTraceback (most recent call last):\n  File "a.py", line 1\n    f()\n{BUSY}\n{advice}'
    assert cause(trace) == BUSY
    assert cause("worker ended early with exit code -9.") == "worker ended early with exit code -9."
