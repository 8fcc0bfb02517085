"""Execution settings: every candidate computes the reference's gradient, and the choice is kept."""

import gc
import math
import re
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
import torch

from hourglass_bench.architectures.config import Norm
from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench.config import DataConfig, Precision, TrainingConfig
from hourglass_bench.bench.training.agreement import TOLERANCE, agrees
from hourglass_bench.bench.training.autotune import Timing, fastest, is_worth_tuning, measure, tune
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.setup import execution_choices, make_trainer, planned_steps, prepare
from tests.bench.conftest import MakeConfig
from tests.networks import forget_networks

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BATCH = TrainingConfig(epochs=1, batch_size=20)
OTHER = Execution(memory_format="contiguous")


@pytest.mark.parametrize("norm", ["none", "group", "batch"])
@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "unet_twin"])
def test_every_choice_has_the_references_gradient(
    name: str, norm: Norm, precision: Precision, tiny_config: MakeConfig, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the tolerance of the arithmetic, which is forced here: `auto` is another one on another CPU."""
    monkeypatch.setattr("hourglass_bench.bench.training.execution.CACHE_PIXELS", 8 * 16 * 16)  # eight of these frames
    config = tiny_config(architecture=configure(name, (4, 8), norm=norm), training=BATCH)
    setup = prepare(config, cache, CPU)
    images, masks = (torch.cat([part, part])[:20] for part in (setup.data.images, setup.data.masks[:]))
    forced = replace(config, training=replace(config.training, precision=precision))
    trainer = make_trainer(forced, 2, CPU)
    reference = trainer.gradient(images, masks)
    assert reference.norm() > 0
    (first,) = execution_choices(config, CPU)
    assert first == (REFERENCE if norm == "batch" else Execution(micro_batch=8))
    for execution in (first, OTHER):
        gradient = make_trainer(forced, 2, CPU, execution).gradient(images, masks)
        assert agrees([gradient], [reference], TOLERANCE[trainer.arithmetic]), execution


def test_splitting_a_batch_under_batch_norm_is_found_out(
    precision: Precision, tiny_config: MakeConfig, cache: Path
) -> None:
    training = replace(BATCH, precision=precision)
    config = tiny_config(architecture=configure("unet", (4, 8), norm="batch"), training=training)
    setup = prepare(config, cache, CPU)
    batch = (setup.data.images[:12], setup.data.masks[:12])
    split = Execution(micro_batch=4)
    timings = measure(partial(make_trainer, config, 2, CPU), [REFERENCE, split], batch)
    assert [timing.execution for timing in timings] == [REFERENCE]


def test_an_epoch_in_micro_batches_is_the_epoch(tiny_config: MakeConfig, cache: Path) -> None:
    config = tiny_config(training=TrainingConfig(epochs=3, batch_size=4, precision="fp32"))
    setup = prepare(config, cache, CPU)
    losses = []
    for execution in (REFERENCE, Execution(micro_batch=3), Execution(memory_format="contiguous")):
        trainer = make_trainer(config, planned_steps(config.training, setup.split), CPU, execution)
        losses.append([float(trainer.train_epoch(setup.data, torch.arange(12))[0]) for _ in range(3)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[2] == pytest.approx(losses[0], rel=1e-4)


def test_only_a_long_training_on_cuda_is_tuned(tiny_config: MakeConfig) -> None:
    """Elsewhere the config alone decides how it is carried out, and so its numbers."""
    large = tiny_config(data=DataConfig(size=(128, 128)), training=replace(BATCH, batch_size=64))
    plain = replace(large, training=replace(large.training, precision="fp32"))
    normed = replace(large, architecture=replace(large.architecture, norm="batch"))
    for config, expected in (
        (large, Execution(micro_batch=16)),
        (plain, REFERENCE),
        (normed, REFERENCE),
        (tiny_config(), REFERENCE),
    ):
        assert execution_choices(config, CPU) == [expected]
        assert execution_choices(config, torch.device("mps")) == [REFERENCE]
        assert not is_worth_tuning(execution_choices(config, CPU), 1_000_000)
        assert [is_worth_tuning(execution_choices(config, CUDA), steps) for steps in (50, 10_000)] == [False, True]


@pytest.mark.parametrize("precision", get_args(Precision))
def test_on_cuda_and_nowhere_else_a_graph_is_the_default_whatever_the_precision(
    precision: Precision, tiny_config: MakeConfig
) -> None:
    config = tiny_config(training=replace(BATCH, precision=precision))
    first, *others = execution_choices(config, CUDA)
    assert first == Execution(graph=True)
    assert {REFERENCE, Execution(graph=True, memory_format="contiguous")} == set(others)
    for device in (CPU, torch.device("mps")):
        assert not any(execution.graph for execution in execution_choices(config, device))


def test_micro_batches_hold_equal_numbers_of_pixels(tiny_config: MakeConfig) -> None:
    for size, expected in ((128, 16), (64, 64), (256, 4), (32, None)):
        config = tiny_config(data=DataConfig(size=(size, size)), training=replace(BATCH, batch_size=128))
        assert execution_choices(config, CPU)[0].micro_batch == expected


def test_the_warm_up_counts_for_as_many_steps_as_there_are() -> None:
    timings = [Timing(REFERENCE, 0.0, 0.010), Timing(Execution(graph=True), 2.0, 0.001)]
    assert fastest(timings, 100) == REFERENCE  # 1.0 s against 2.1 s
    assert fastest(timings, 1000) == Execution(graph=True)  # 10 s against 3 s


def test_a_tie_leaves_the_first() -> None:
    other = Execution(memory_format="contiguous")
    assert fastest([Timing(REFERENCE, 0, 1.0), Timing(other, 0, 0.98)], 100) == REFERENCE
    assert fastest([Timing(REFERENCE, 0, 1.0), Timing(other, 0, 0.9)], 100) == other


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """This processor has a GPU's name and a choice."""
    monkeypatch.setattr("hourglass_bench.bench.training.autotune.execution_choices", lambda *_: [REFERENCE, OTHER])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H200")


@pytest.mark.usefixtures("as_on_a_gpu")
def test_speeds_are_measured_once_and_the_choice_is_by_length(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[Execution]] = []

    def measured(make: object, options: list[Execution], *_: object) -> list[Timing]:
        calls.append(options)
        return [Timing(REFERENCE, 0.0, 0.010), Timing(Execution(memory_format="contiguous"), 2.0, 0.001)]

    monkeypatch.setattr("hourglass_bench.bench.training.autotune.measure", measured)
    setup = prepare(tiny_config(training=BATCH), tmp_path, CPU)
    chosen = []
    for epochs in (1, 1000):
        config = tiny_config(training=replace(BATCH, epochs=epochs, batch_size=4))
        tuned = tune(config, setup, tmp_path, CPU)
        chosen.append(tuned.setup.trainer.execution)
        assert tuned.tried == {"whole batch, channels_last": 400.0, "whole batch, contiguous": 4000.0}
    assert chosen == [REFERENCE, Execution(memory_format="contiguous")]
    assert calls == [[REFERENCE, OTHER]]
    tune(replace(config, architecture=configure("hourglass", (4, 8))), setup, tmp_path, CPU)
    tune(replace(config, training=replace(config.training, clip_norm=0.0)), setup, tmp_path, CPU)
    assert len(calls) == 3


@pytest.mark.usefixtures("as_on_a_gpu")
def test_what_was_measured_of_a_network_from_elsewhere_ends_with_its_source(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else settings that compute something else by now would train without a comparison."""
    calls: list[object] = []

    def measured(*arguments: object) -> list[Timing]:
        calls.append(arguments)
        return [Timing(REFERENCE, 0.0, 0.010), Timing(OTHER, 0.0, 0.010)]

    monkeypatch.setattr("hourglass_bench.bench.training.autotune.measure", measured)
    file = tmp_path / "mine.py"
    file.write_text("from torch.nn import Conv2d\n\nclass Net(Conv2d):\n    pass\n")
    options = {"kernel_size": 3, "padding": 1}
    config = tiny_config(architecture=configure(f"{file}:Net", **options), training=BATCH)
    setup = prepare(config, tmp_path, CPU)
    for source, measurements in (("", 1), ("", 1), ("# other code\n", 2)):
        file.write_text(file.read_text() + source)
        forget_networks()  # as another process
        tune(config, setup, tmp_path, CPU)
        assert len(calls) == measurements


@pytest.mark.usefixtures("as_on_a_gpu")
def test_what_could_not_be_carried_out_is_tried_again_by_the_next_training(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory may have been short beside others."""
    config, found = tiny_config(training=BATCH), [Timing(REFERENCE, 0.0, 0.010)]
    monkeypatch.setattr("hourglass_bench.bench.training.autotune.measure", lambda *_: list(found))
    setup = prepare(config, tmp_path, CPU)
    assert [*tune(config, setup, tmp_path, CPU).tried] == [str(REFERENCE)]
    found += [Timing(Execution(memory_format="contiguous"), 0.0, 0.010)]
    assert len(tune(config, setup, tmp_path, CPU).tried) == 2
    found.pop()
    assert len(tune(config, setup, tmp_path, CPU).tried) == 2


@pytest.mark.usefixtures("as_on_a_gpu")
def test_settings_are_tried_and_the_fastest_trains(tiny_config: MakeConfig, tmp_path: Path) -> None:
    config = tiny_config(training=BATCH)
    tuned = tune(config, prepare(config, tmp_path, CPU), tmp_path, CPU)
    assert set(tuned.tried) == {str(REFERENCE), str(OTHER)}
    assert min(tuned.tried.values()) > 0
    assert str(tuned.setup.trainer.execution) in tuned.tried


def anew(error: Exception) -> Exception:
    """An error that was raised before holds the trainers that it passed."""
    return type(error)(*error.args)


class Fake:
    """A trainer whose gradient and steps are what a test says."""

    def __init__(self, execution: Execution, gradient: torch.Tensor | Exception, step: Exception | None = None) -> None:
        self.execution, self.device, self.arithmetic, self.graph_failure = execution, CPU, "fp32", ""
        self._gradient, self._step = gradient, step

    def gradient(self, *batch: torch.Tensor) -> torch.Tensor:
        if isinstance(self._gradient, Exception):
            raise anew(self._gradient)
        return self._gradient

    def sample(self, frames: int) -> None:
        pass

    def step(self, *given: object) -> None:
        if self._step:
            raise anew(self._step)


OPTIONS = [Execution(graph=True), REFERENCE, OTHER]
BATCH_OF_ONE = (torch.zeros(1), torch.zeros(1))
ONE = torch.ones(1)
ERRORS = [
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"),
    RuntimeError("Unable to find an engine to execute this computation"),
    RuntimeError("CUDA error: out of memory"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"),
    MemoryError("no room"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("where", ["made", "gradient", "step"])
def test_settings_that_cannot_be_carried_out_are_left_out(where: str, error: Exception) -> None:
    def make(execution: Execution) -> Fake:
        if execution == REFERENCE:
            return Fake(execution, ONE)
        if where == "made":
            raise anew(error)
        return Fake(execution, error if where == "gradient" else ONE, error if where == "step" else None)

    timings = measure(make, OPTIONS, BATCH_OF_ONE)
    assert [timing.execution for timing in timings] == [REFERENCE]
    assert fastest(timings, 1000) == REFERENCE


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_reference_that_cannot_be_carried_out_is_an_error(error: Exception) -> None:
    with pytest.raises(type(error), match=re.escape(str(error))):
        measure(
            lambda execution: Fake(execution, ONE, error if execution == REFERENCE else None), OPTIONS, BATCH_OF_ONE
        )


@pytest.mark.parametrize("gradients", [[1.0, 2.0, 3.0, 4.0], [math.nan] * 4, [1.0, math.nan, math.nan, math.nan]])
def test_the_reference_is_admitted_whatever_its_gradient_says_of_itself(gradients: list[float]) -> None:
    """Kernels that do not repeat, and numbers that are none."""
    given = iter(gradients)
    timings = measure(lambda execution: Fake(execution, torch.tensor([next(given)])), OPTIONS, BATCH_OF_ONE)
    assert REFERENCE in [timing.execution for timing in timings]


def test_a_graph_that_was_given_up_is_no_choice() -> None:
    def make(execution: Execution) -> Fake:
        trainer = Fake(execution, ONE)
        trainer.graph_failure = "training: the capture failed" if execution == Execution(graph=True) else ""
        return trainer

    assert [timing.execution for timing in measure(make, OPTIONS, BATCH_OF_ONE)] == [REFERENCE, OTHER]


@pytest.mark.parametrize("error", [*ERRORS, None], ids=repr)
def test_each_trainer_is_gone_before_the_next_is_made(error: Exception | None) -> None:
    """A GPU may have no room for two."""
    made: list[weakref.ref[Fake]] = []

    def make(execution: Execution) -> Fake:
        assert [ref() for ref in made] == [None] * len(made)
        trainer = Fake(execution, ONE, None if execution == REFERENCE else error)
        made.append(weakref.ref(trainer))
        return trainer

    gc.disable()
    try:
        assert measure(make, OPTIONS, BATCH_OF_ONE)
    finally:
        gc.enable()
    assert len(made) == 1 + len(OPTIONS)


class Dead:
    """A graph that was captured from nothing: its replays do not train."""

    def __init__(self, device: torch.device) -> None:
        pass

    def warm_up(self, function: Callable[[], torch.Tensor]) -> torch.Tensor:
        return function()

    def capture(self, function: Callable[[], torch.Tensor]) -> tuple[Callable[[], None], torch.Tensor]:
        return lambda: None, torch.zeros(())


def test_a_graph_that_does_not_train_is_found_out(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", Dead)
    config = tiny_config()
    setup = prepare(config, tmp_path, CPU)
    batch = (setup.data.images[:4], setup.data.masks[:4])
    timings = measure(partial(make_trainer, config, 2, CPU), [REFERENCE, Execution(graph=True)], batch)
    assert [timing.execution for timing in timings] == [REFERENCE]
