"""Networks from elsewhere in training: what is handled, what is refused, and by what name."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.inference import feed_contiguous, predict_tiles
from hourglass_bench.bench.training.autotune import measure, tune
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.measure import measure_memory
from hourglass_bench.bench.training.setup import Setup, build, capabilities, execution_choices, make_trainer, prepare
from hourglass_bench.bench.training.train import train
from tests.bench.conftest import MakeConfig
from tests.bench.training.elsewhere import KINDS
from tests.bench.training.stand import Stand

CPU = torch.device("cpu")
FILE = Path(__file__).with_name("elsewhere.py")
CONTIGUOUS = Execution(memory_format="contiguous")


@pytest.fixture
def config_of(tiny_config: MakeConfig) -> Any:
    """Function that makes a config which trains a network of the file; keywords replace fields of the training."""

    def make(name: str, options: dict[str, Any] | None = None, **changes: Any) -> RunConfig:
        fields: dict[str, Any] = {"epochs": 2, "batch_size": 4, "precision": "fp32"} | changes
        architecture = configure(f"{FILE}:{name}", **(options or {}))
        return tiny_config(architecture=architecture, training=TrainingConfig(**fields))

    return make


def trained(config: RunConfig, cache: Path) -> tuple[Setup, Any]:
    setup = prepare(config, cache, CPU)
    return setup, train(setup.trainer, setup.data, setup.split, lambda _: None)


def weights(setup: Setup) -> dict[str, Tensor]:
    return {key: tensor.clone() for key, tensor in setup.trainer.network.state_dict().items()}


HANDLED = [
    "SigmoidInEvaluation",
    "Normed",
    "Instance",
    "Dropping",
    "Kept",
    "Viewing",
    "FloatOnly",
    "FloatViewing",
    "Sigmoid",
    "Auxiliary",
    "Frozen",
    "Unused",
    "Tied",
    "InPlace",
    "Counting",
    "Resting",
    "Untracked",
    "AlwaysDropping",
    "Uncopyable",
    "parallel",
    "PartlyParallel",
]


@pytest.mark.parametrize("name", HANDLED)
def test_it_trains_evaluates_and_predicts_and_its_peak_is_the_forecast(
    name: str, config_of: Any, cache: Path, precision: Any
) -> None:
    config = config_of(name, precision=precision)
    setup, result = trained(config, cache)
    assert result.state == "complete"
    assert predict_peak_bytes(config, CPU) == measure_memory(config, setup, CPU).tensor_peak
    network = build(config)
    network.load_state_dict(result.best_state)  # what a checkpoint holds
    feed_contiguous(network)
    image = torch.randint(256, (40, 40, 3), dtype=torch.uint8).numpy()
    probability = predict_tiles(network.eval(), image, config.data.size, CPU)
    assert probability.shape == (40, 40)
    assert 0 < probability.min() <= probability.max() < 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_peak_of_every_kind_of_layer_is_the_forecast(
    kind: str, config_of: Any, cache: Path, precision: Any
) -> None:
    config = config_of("Kind", {"kind": kind}, precision=precision)
    assert capabilities(config, CPU)[:2] == (REFERENCE, precision)
    assert predict_peak_bytes(config, CPU) == measure_memory(config, prepare(config, cache, CPU), CPU).tensor_peak


def test_gradients_that_are_no_numbers_end_as_diverged(config_of: Any, cache: Path) -> None:
    config = config_of("Rooted")
    assert capabilities(config, CPU).notes == ()
    _, result = trained(config, cache)
    assert (result.state, result.epochs) == ("diverged", 1)
    assert result.reason == "the validation loss was nan in epoch 1"


def test_what_decides_by_values_trains_without_a_forecast(config_of: Any, cache: Path) -> None:
    config = config_of("Deciding")
    assert trained(config, cache)[1].state == "complete"
    with pytest.raises(Exception, match="_local_scalar_dense") as caught:
        predict_peak_bytes(config, CPU)
    assert not isinstance(caught.value, ValueError)  # which would say that it fails


@pytest.mark.parametrize(
    ("name", "precision", "reference", "arithmetic", "note"),
    [
        ("Base", "bf16", REFERENCE, "bf16", ""),
        ("Viewing", "bf16", CONTIGUOUS, "bf16", "contiguous memory, since channels_last gave RuntimeError: view size"),
        ("FloatOnly", "bf16", REFERENCE, "fp32", "in float32, since bfloat16 gave RuntimeError: erfinv"),
        ("FloatOnly", "fp32", REFERENCE, "fp32", ""),
        ("FloatViewing", "bf16", CONTIGUOUS, "fp32", "since channels_last gave RuntimeError: view size"),
        ("FloatViewing", "bf16", CONTIGUOUS, "fp32", "since bfloat16 gave RuntimeError: only float32"),
        ("Sigmoid", "bf16", REFERENCE, "fp32", "its sigmoid is undone; it is trained in float32"),
        ("SigmoidInEvaluation", "fp32", REFERENCE, "fp32", "its sigmoid is undone"),
        ("Sigmoid", "fp32", REFERENCE, "fp32", "its sigmoid is undone"),
        ("Auxiliary", "fp32", REFERENCE, "fp32", "logits are one of what it returns"),
        ("Resting", "fp32", REFERENCE, "fp32", "made in evaluation mode, trained like the rest: middle"),
        ("Untracked", "fp32", REFERENCE, "fp32", "depends on the others of its batch, in evaluation too"),
        ("AlwaysDropping", "fp32", REFERENCE, "fp32", "random in evaluation"),
    ],
)
def test_how_it_can_be_carried_out_is_found_and_noted(
    name: str, precision: Any, reference: Execution, arithmetic: str, note: str, config_of: Any
) -> None:
    config = config_of(name, precision=precision)
    able = capabilities(config, CPU)
    assert able[:2] == (reference, arithmetic)
    assert note in "; ".join(able.notes)
    assert bool(able.notes) == bool(note)
    trainer = make_trainer(config, 2, CPU)
    assert (trainer.execution, trainer.arithmetic) == able[:2]
    assert execution_choices(config, CPU) == [reference]
    on_cuda = execution_choices(config, torch.device("cuda"))  # which this machine has not
    assert on_cuda[1] == REFERENCE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Failing", "train and evaluate, got RuntimeError: cannot do it"),
        ("Forgetful", "persistent buffers, got mean with persistent=False"),
        ("Extra", "a state_dict of tensors only, got _extra_state"),
        ("Lazy", "know its sizes when it is made, got lazy modules"),
        ("Doubled", r"parameters in float32, got torch\.float64"),
        ("Complex", r"parameters in float32, got torch\.complex64"),
        ("Classes", r"return logits to learn from, got a tensor .* in torch\.int64"),
        ("ComplexOutput", r"return logits to learn from, got a tensor .* in torch\.complex64"),
        ("Detached", "that no gradient flows through"),
        ("scripted", r"plain torch\.nn\.Modules, got RecursiveScriptModule"),
        ("partly_compiled", r"plain torch\.nn\.Modules, got RecursiveScriptModule"),
        ("compiled", r"plain torch\.nn\.Modules, got OptimizedModule; leave torch\.compile and"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TorchScript
def test_what_cannot_be_trained_is_refused_by_name(name: str, said: str, config_of: Any, cache: Path) -> None:
    with pytest.raises(ValueError, match=rf"^architecture \S*elsewhere\.py:{name} must (.* )?{said}"):
        prepare(config_of(name), cache, CPU)


def test_a_batch_is_never_split(config_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ours it would be, at this size."""
    monkeypatch.setattr("hourglass_bench.bench.training.execution.CACHE_PIXELS", 2 * 16 * 16)
    config = config_of("Base", precision="bf16", batch_size=8)
    assert execution_choices(config, CPU) == [REFERENCE]
    ours = replace(config, architecture=configure("unet", (4, 8)))
    assert execution_choices(ours, CPU) == [Execution(micro_batch=2)]


def test_weights_that_a_constructor_made_are_the_same_bits(config_of: Any, cache: Path) -> None:
    expected = torch.arange(216.0).view(8, 3, 3, 3) / 1000
    config = config_of("Kept")
    assert torch.equal(build(config).state_dict()["first.weight"], expected)
    assert torch.equal(weights(prepare(config, cache, CPU))["first.weight"], expected)


def test_draws_of_modules_follow_from_the_config_alone(config_of: Any, cache: Path) -> None:
    config = config_of("Dropping")

    def losses(config: RunConfig, before: int) -> list[Any]:
        torch.manual_seed(before)
        torch.rand(before)  # what ran before
        setup = prepare(config, cache, CPU)
        records: list[Any] = []
        train(setup.trainer, setup.data, setup.split, lambda record: records.append(record[1:3]))
        return records

    first = losses(config, 3)
    assert losses(config, 5) == first
    assert losses(replace(config, repeat=1), 3) != first
    # That it is not the weights alone which differ:
    setup = prepare(config, cache, CPU)
    network: Any = setup.trainer.network.train()
    masks = []
    network.middle.register_forward_hook(lambda _module, _inputs, output: masks.append(output == 0))
    for _ in range(2):
        setup.trainer.train_epoch(setup.data, torch.from_numpy(setup.split.train))
    assert len({mask.numpy().tobytes() for mask in masks}) == len(masks)


def test_what_is_frozen_stays_and_has_no_state(config_of: Any, cache: Path) -> None:
    config = config_of("Frozen")
    setup = prepare(config, cache, CPU)
    before = weights(setup)
    size = before["last.weight"].numel() + before["last.bias"].numel()
    assert sum(tensor.numel() for tensor in setup.trainer.resident()) == 216 + 8 + 3 * size + 2
    train(setup.trainer, setup.data, setup.split, lambda _: None)
    after = weights(setup)
    assert {key for key in after if not torch.equal(after[key], before[key])} == {"last.weight", "last.bias"}


def test_tied_weights_stay_one_tensor_and_a_checkpoint_restores_them(config_of: Any, cache: Path) -> None:
    setup, result = trained(config_of("Tied"), cache)
    network: Any = setup.trainer.network
    assert network.again.weight is network.middle.weight
    assert torch.equal(result.best_state["again.weight"], result.best_state["middle.weight"])


def test_what_is_never_used_stays(config_of: Any, cache: Path) -> None:
    setup = prepare(config_of("Unused", clip_norm=1.0, weight_decay=0.1), cache, CPU)
    before = weights(setup)
    train(setup.trainer, setup.data, setup.split, lambda _: None)
    assert torch.equal(weights(setup)["never.weight"], before["never.weight"])
    assert not torch.equal(weights(setup)["last.weight"], before["last.weight"])


def plain_loop(config: RunConfig, images: Tensor, masks: Tensor, steps: int) -> dict[str, Tensor]:
    """What anybody would write."""
    network = build(config).train()
    training = config.training
    optimizer = torch.optim.AdamW(network.parameters(), training.lr, weight_decay=training.weight_decay)
    for _ in range(steps):
        logits = network((images.float() / 255 - 0.5) / 0.25)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(logits, masks.float()).backward()
        optimizer.step()
    return network.state_dict()


@pytest.mark.parametrize("options", [[REFERENCE, CONTIGUOUS, Execution(micro_batch=2)], [Execution(graph=True)]])
def test_batch_norm_under_the_autotune_is_the_plain_loop(
    options: list[Execution], config_of: Any, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps; settings that would split the batch are found out, and a graph replays from the fourth step on."""
    monkeypatch.setattr("hourglass_bench.bench.training.autotune.execution_choices", lambda *_: options)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H200")
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda _: Stand())
    config = config_of("Normed", schedule="constant", clip_norm=0.0, loss=(("bce", 1.0),))
    setup = prepare(config, cache, CPU)
    tuned = tune(config, setup, tmp_path, CPU)
    assert not any("micro" in tried for tried in tuned.tried)
    trainer = tuned.setup.trainer
    images, masks = setup.batch(4)
    trainer.network.train()
    sample = trainer.sample(4, augment=False)
    for _ in range(4):
        trainer.step(images, masks, sample)
    expected = plain_loop(config, images, masks, 4)
    for key, tensor in trainer.network.state_dict().items():
        assert torch.allclose(tensor.double(), expected[key].double(), rtol=1e-5, atol=1e-5), key


@pytest.mark.parametrize("name", ["Dropping", "Counting", "Unused", "Tied", "Frozen"])
def test_a_graph_rehearses_with_the_same_draws(
    name: str, config_of: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda _: Stand())
    config = config_of(name)
    setup = prepare(config, cache, CPU)
    finals = []
    for execution in (REFERENCE, Execution(graph=True)):
        trainer = make_trainer(config, 20, CPU, execution)
        for _ in range(3):
            trainer.train_epoch(setup.data, torch.from_numpy(setup.split.train))
        assert trainer.graph_failure == ""
        finals.append(trainer.network.state_dict())
    for key, tensor in finals[0].items():
        assert torch.allclose(finals[1][key].double(), tensor.double(), rtol=1e-4, atol=1e-5), key


def test_the_autotune_compares_under_the_same_draws(config_of: Any, cache: Path) -> None:
    """A candidate would else be left out whatever it computes."""
    config = config_of("Dropping")
    setup = prepare(config, cache, CPU)
    make = partial(make_trainer, config, 2, CPU)
    gradients = [make(REFERENCE).gradient(*setup.batch(4)) for _ in range(2)]
    assert torch.equal(*gradients)
    assert len(measure(make, [Execution(graph=False), REFERENCE], setup.batch(4))) == 2
