"""Training, evaluation and pre-training as captured graphs: the eager ones, by a stand-in for CUDA graphs."""

import copy
import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from hourglass_bench.architectures.config import Norm, Target
from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench.config import DataConfig, Precision, RunConfig, TrainingConfig
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.execution import REFERENCE
from hourglass_bench.bench.training.graph import EAGER_CALLS
from hourglass_bench.bench.training.host_images import HostImages
from hourglass_bench.bench.training.optimizer import AdamW
from hourglass_bench.bench.training.pretrain import pretrain
from hourglass_bench.bench.training.setup import make_trainer, prepare
from hourglass_bench.bench.training.trainer import StepSample, Trainer
from tests.bench.conftest import MakeConfig
from tests.bench.training.stand import Stand
from tests.bench.training.test_graph import TEXTS, Broken

CPU = torch.device("cpu")
GRAPH = replace(REFERENCE, graph=True)
NETWORKS = [
    (name, target)
    for name, spec in ARCHITECTURES.items()
    if name != "unet_twin"
    for target in (("mask", "image") if spec.reconstructs else (None,))
]
FRAMES = 24
TRAIN, VAL = torch.arange(16), torch.arange(14, 24)
"""Of ten frames to validate, in batches of four, two are left."""
BATCH = 4


@pytest.fixture(autouse=True)
def stands(monkeypatch: pytest.MonkeyPatch) -> list[Stand]:
    """Every one that a trainer was given."""
    given: list[Stand] = []
    monkeypatch.setattr(
        "hourglass_bench.bench.training.trainer.cuda_graphs", lambda device: given.append(Stand()) or given[-1]
    )
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.CPU_EVALUATION_BATCH", BATCH)
    return given


def make_config(name: str = "unet", target: Target | None = None, norm: Norm = "batch", **training: Any) -> RunConfig:
    return RunConfig(
        architecture=configure(name, (4, 8), norm=norm, target=target, image_size=(16, 16)),
        data=DataConfig(size=(16, 16)),
        training=TrainingConfig(**{"epochs": 3, "batch_size": BATCH, "precision": "fp32"} | training),
    )


def frames(seed: int = 0, device: torch.device = CPU, side: int = 16) -> DeviceFrames:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (FRAMES, 3, side, side), dtype=torch.uint8, generator=generator).to(device)
    return DeviceFrames(images, images[:, :1] > 100, tuple("abcdef"[index % 6] for index in range(FRAMES)))


def pair_of(config: RunConfig) -> tuple[Trainer, Trainer]:
    """A trainer with graphs, and an eager one that has the learning rate in a tensor too: equal to the bit."""
    graphed, eager = (make_trainer(config, 12, CPU, GRAPH) for _ in range(2))
    eager.free_graph()
    return graphed, eager


def epochs(trainer: Trainer, data: DeviceFrames, count: int = 3) -> Iterator[list[float]]:
    """Loss and scores of each."""
    for _ in range(count):
        loss, _ = trainer.train_epoch(data, TRAIN)
        yield [loss.item(), *trainer.evaluate(data, VAL).values()]


def weights(trainer: Trainer) -> Tensor:
    return torch.cat([tensor.flatten().double() for tensor in trainer.network.state_dict().values()])


def captures(stands: list[Stand]) -> int:
    return sum(stand.captures for stand in stands)


def require_equal(trainers: tuple[Trainer, Trainer], data: DeviceFrames, count: int = 3) -> None:
    for graphed, eager in zip(*(epochs(trainer, data, count) for trainer in trainers), strict=True):
        assert graphed == eager
    assert torch.equal(*map(weights, trainers))


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("name", "target"), NETWORKS)
def test_training_and_evaluation_are_the_eager_ones(
    name: str, target: Target | None, norm: Norm, stands: list[Stand]
) -> None:
    """Learning rate, order, augmentation, latents and weights change from call to call: each must reach the replay."""
    config, data = make_config(name, target, norm), frames()
    graphed, eager = pair_of(config)
    require_equal((graphed, eager), data)
    assert graphed.graph_failure == ""
    assert captures(stands) == 2
    plain = make_trainer(config, 12, CPU)  # the last of its batches is not filled up
    plain.network.load_state_dict(graphed.network.state_dict())
    assert graphed.evaluate(data, VAL) == pytest.approx(plain.evaluate(data, VAL), rel=1e-5)
    losses = [loss for loss, *_ in epochs(make_trainer(config, 12, CPU), data)]
    again = [loss for loss, *_ in epochs(make_trainer(config, 12, CPU, GRAPH), data)]
    assert again == pytest.approx(losses, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int8])
def test_batches_from_outside_are_the_inputs(dtype: torch.dtype, stands: list[Stand]) -> None:
    data = frames()
    data = data._replace(masks=data.masks.to(dtype), images=HostImages(data.images.permute(0, 2, 3, 1), CPU))
    trainers = pair_of(make_config())
    require_equal(trainers, data)
    assert trainers[0].graph_failure == ""
    assert captures(stands) == 2


def test_on_the_device_a_graph_chooses_its_frames_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch asks neither images nor masks for a batch: what changes in them a replay sees."""
    data, (graphed, eager) = frames(), pair_of(make_config())
    monkeypatch.setattr(graphed, "step", None)
    require_equal((graphed, eager), data, 1)
    data.images.copy_(255 - data.images)
    require_equal((graphed, eager), data, 2)


def test_other_data_have_a_graph_of_their_own(stands: list[Stand]) -> None:
    trainers = pair_of(make_config())
    for seed in (0, 1):
        require_equal(trainers, frames(seed), 2)
    assert trainers[0].graph_failure == ""
    assert captures(stands) == 4


def test_weights_that_are_loaded_reach_the_graphs() -> None:
    """Copies keep their addresses: of the best epoch's weights, and of a pre-trained encoder's."""
    data, (graphed, eager) = frames(), pair_of(make_config())
    require_equal((graphed, eager), data)
    addresses = [tensor.data_ptr() for tensor in graphed.resident()]
    before = copy.deepcopy(graphed.network.state_dict())
    other = make_trainer(replace(make_config(), repeat=5), 12, CPU)
    other.train_epoch(data, TRAIN)
    for trainer in (graphed, eager):
        trainer.network.load_state_dict(other.network.state_dict())
        assert trainer.evaluate(data, VAL) == pytest.approx(other.evaluate(data, VAL))
    require_equal((graphed, eager), data, 1)
    graphed.network.load_state_dict(before)
    assert [tensor.data_ptr() for tensor in graphed.resident()] == addresses


def test_a_gradient_between_steps_leaves_them_as_they_are() -> None:
    data, (graphed, eager) = frames(), pair_of(make_config())
    for trainer in (graphed, eager):
        trainer.gradient(data.images[:BATCH], data.masks[:BATCH])
    require_equal((graphed, eager), data, 1)
    gradients = [trainer.gradient(data.images[:BATCH], data.masks[:BATCH]) for trainer in (graphed, eager)]
    assert torch.equal(*gradients)
    require_equal((graphed, eager), data, 1)


@pytest.mark.parametrize("text", TEXTS)
def test_a_capture_that_fails_leaves_an_eager_training(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda device: Broken(RuntimeError(text)))
    data, (graphed, eager) = frames(), pair_of(make_config())
    require_equal((graphed, eager), data)
    assert graphed.graph_failure == f"training: the capture failed: {text}; evaluation: the capture failed: {text}"


def test_a_capture_that_breaks_off_leaves_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in a parameter's gradient would be added to the next one's."""
    data, (graphed, eager) = frames(), pair_of(make_config())
    calls, step = [0], AdamW.step

    def out_of_memory(optimizer: AdamW) -> None:
        calls[0] += 1
        if calls[0] == EAGER_CALLS + 3:  # two rehearsals come before
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        step(optimizer)

    with monkeypatch.context() as patch:
        patch.setattr(AdamW, "step", out_of_memory)
        losses = [graphed.train_epoch(data, TRAIN)[0].item() for _ in range(2)]
    assert losses == [eager.train_epoch(data, TRAIN)[0].item() for _ in range(2)]
    assert torch.equal(weights(graphed), weights(eager))
    assert (calls[0], graphed.graph_failure.partition(": ")[0]) == (EAGER_CALLS + 3 + 8 - EAGER_CALLS, "training")


def without_learning(trainer: Trainer) -> object:
    return trainer.network.load_state_dict(make_trainer(make_config(), 12, CPU).network.state_dict())


def without_moments(trainer: Trainer) -> object:
    return [tensor.zero_() for tensor in trainer._optimizer.state()[0]]


def without_statistics(trainer: Trainer) -> object:
    return [buffer.zero_() for name, buffer in trainer.network.named_buffers() if name.endswith("running_var")]


@pytest.mark.parametrize("fault", [without_learning, without_moments, without_statistics])
def test_a_replay_that_trains_otherwise_is_found_out(
    fault: Callable[[Trainer], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty(Stand):
        def capture(self, function: Any) -> Any:
            replay, result = super().capture(function)
            return lambda: (replay(), fault(graphed)), result

    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda device: Faulty())
    data, (graphed, eager) = frames(), pair_of(make_config())
    losses = [[each.train_epoch(data, TRAIN)[0].item() for _ in range(2)] for each in (graphed, eager)]
    assert losses[0] == losses[1]
    assert torch.equal(weights(graphed), weights(eager))
    assert graphed.graph_failure.startswith("training: replay")


def test_a_training_that_diverges_keeps_its_graph() -> None:
    data, (graphed, _) = frames(), pair_of(make_config(lr=1e30, clip_norm=0.0))
    losses = [graphed.train_epoch(data, TRAIN)[0].item() for _ in range(2)]
    assert losses[1] != losses[1]
    assert graphed.graph_failure == ""


def test_pretraining_is_the_eager_one(
    tiny_config: MakeConfig, cache: Path, monkeypatch: pytest.MonkeyPatch, stands: list[Stand]
) -> None:
    training = TrainingConfig(epochs=8, pretrain_epochs=6, batch_size=2, precision="fp32")
    config, encoders = tiny_config(training=training), []
    for execution in (GRAPH, REFERENCE):
        monkeypatch.setattr(
            "hourglass_bench.bench.training.pretrain.execution_choices", lambda *_, found=execution: [found]
        )
        setup = prepare(config, cache, CPU)
        pretrain(config, setup, lambda: None)
        encoders.append(weights(setup.trainer))
    assert captures(stands) == 1
    torch.testing.assert_close(*encoders, rtol=1e-4, atol=1e-5)


def test_a_dropped_trainer_is_freed_at_once() -> None:
    """Its memory must not wait for the garbage collector: on a GPU the next trainer needs it."""
    data = frames()
    gc.disable()
    try:
        for execution in (REFERENCE, GRAPH):
            trainer = make_trainer(make_config(), 12, CPU, execution)
            trainer.step(data.images[:BATCH], data.masks[:BATCH], StepSample(None, None))
            list(epochs(trainer, data, 2))
            parameter = weakref.ref(next(trainer.network.parameters()))
            del trainer
            assert parameter() is None
    finally:
        gc.enable()


def test_freed_graphs_leave_an_eager_trainer_that_remembers_why_one_failed(stands: list[Stand]) -> None:
    data, (graphed, eager) = frames(), pair_of(make_config())
    require_equal((graphed, eager), data)
    graphed._evaluation.failure = "it was told"
    graphed.free_graph()
    require_equal((graphed, eager), data, 1)
    assert graphed.graph_failure == "evaluation: it was told"
    assert captures(stands) == 2


def test_an_evaluation_without_room_beside_the_trainings_graph_has_it_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits eagerly fits."""
    captured: list[weakref.ref[Any]] = []

    class Full(Stand):
        def warm_up(self, function: Any) -> Any:
            if any(ref() is not None for ref in captured):
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return super().warm_up(function)

        def capture(self, function: Any) -> Any:
            replay, result = super().capture(function)
            captured.append(weakref.ref(replay))
            return replay, result

    full = Full()
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda device: full)
    data, (graphed, eager) = frames(), pair_of(make_config(batch_size=3))  # five steps an epoch
    require_equal((graphed, eager), data)
    assert graphed.graph_failure.startswith("evaluation: there was no memory for it")
    assert len(captured) == 1


def test_an_evaluation_without_room_at_all_is_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for execution in (GRAPH, REFERENCE):
        trainer = make_trainer(make_config(), 12, CPU, execution)
        monkeypatch.setattr(trainer, "score", lambda *_: torch.empty(2**60))
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            trainer.evaluate(frames(), VAL)


def test_predictions_are_of_the_frames_alone() -> None:
    data, trainers = frames(), pair_of(make_config())
    plain = make_trainer(make_config(), 12, CPU)
    for trainer in trainers:
        torch.testing.assert_close(trainer.predict(data, VAL), plain.predict(data, VAL), rtol=0, atol=1e-3)


def test_an_evaluation_takes_no_more_frames_at_a_time_than_a_training_step() -> None:
    """On any device but the CPU, so that it needs no more memory. Tensors without contents show it."""
    trainer, data = make_trainer(make_config(batch_size=5), 2, CPU), frames(device=torch.device("meta"))
    trainer.device = torch.device("meta")
    assert [len(inputs) for inputs, _ in trainer.pairs(data, VAL[:8])] == [5, 3]
    trainer = make_trainer(make_config(batch_size=64), 2, CPU)
    assert [len(inputs) for inputs, _ in trainer.pairs(frames(), VAL)] == [BATCH, BATCH, 2]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="captures need a GPU")
@pytest.mark.parametrize("precision", [value for value in get_args(Precision) if value != "auto"])
@pytest.mark.parametrize(("name", "target"), [("unet", None), ("vae", "image")])
def test_cuda_graphs_train_and_evaluate_as_eager_calls_do(
    name: str, target: Target | None, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    if precision != "fp32" and torch.cuda.get_device_capability(device) < (8, 0):
        pytest.skip("this GPU multiplies neither TF32 nor bfloat16")
    data, found = frames(device=device), []
    for execution in (REFERENCE, GRAPH):
        trainer = make_trainer(make_config(name, target, precision=precision), 12, device, execution)
        found.append([*epochs(trainer, data)])
        assert trainer.graph_failure == ""
    tolerance = {"fp32": 1e-3, "bf16": 3e-2}.get(precision, 1e-2)
    for graphed, eager in zip(*found, strict=True):
        assert graphed == pytest.approx(eager, rel=tolerance, abs=tolerance)
