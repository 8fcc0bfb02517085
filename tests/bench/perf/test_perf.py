"""`bench perf` from end to end."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.perf import config, measure, roofline
from hourglass_bench.bench.perf.config import LIGHTNING, baseline_of, choose_implementations

TINY = "--size 16 --synthetic-scenes 6 --synthetic-frames 2 --folds 3 --batch-size 4 --device cpu"
MOST_STEPS = 2
"""An epoch that does not count, and one repetition."""


class _EnoughError(Exception):
    """The machine is measured over and over, until the process is killed."""


class AtOnce:
    """Stands in for `IsolatedProcess`: does the first steps in this process before it is asked for one."""

    def __init__(self, _: str, work: Callable[[Any, Callable[[Any], None]], None], argument: Any) -> None:
        self._reports: list[Any] = []
        with suppress(_EnoughError):
            work(argument, self._report)

    def _report(self, answer: Any) -> None:
        self._reports.append(answer)
        if len(self._reports) > MOST_STEPS:
            raise _EnoughError

    def __enter__(self) -> "AtOnce":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self) -> Any:
        return self._reports.pop(0)


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All is measured in this process, without loader workers; the machine by small matrices and buffers."""
    precision = torch.get_float32_matmul_precision()
    monkeypatch.setattr(measure, "IsolatedProcess", AtOnce)
    monkeypatch.setattr("hourglass_bench.bench.perf.compare.MOST_WORKERS", 0)
    monkeypatch.setattr(roofline, "SIDES", {"cpu": (32, 64)})
    monkeypatch.setattr(roofline, "BUFFER", {"cpu": 1 << 16})
    monkeypatch.setattr(roofline, "SECONDS", 0.001)
    yield
    torch.set_float32_matmul_precision(precision)


@pytest.mark.parametrize(
    "world", ["one_process", pytest.param("tmp_path", id="many_processes", marks=pytest.mark.slow)]
)
def test_a_measurement_leaves_table_figure_and_json(
    world: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request.getfixturevalue(world)
    out = tmp_path / "perf"
    measured = "--preset unet --implementations plain harness --repetitions 1 --steps 3 --epochs 1 --trainings 2"
    assert main(f"perf {TINY} {measured} --out {out} --json".split()) == 0
    answer = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in out.iterdir()) == ["perf.json", "perf.md", "perf.svg"]
    assert json.loads((out / "perf.json").read_text()) == answer
    assert answer["implementations"] == ["plain", "harness"]
    unet = answer["networks"]["unet"]
    assert unet["baseline"] == "plain"
    for name in ("plain", "harness"):
        (epoch,) = unet["measured"]["timings"][name]
        assert epoch["train_images"] == 12  # three passes of four frames, for at least three steps of four
        assert epoch["train_seconds"] > 0
        assert [len(curve) for curve in unet["measured"]["curves"][name]] == [1, 1]
    assert unet["differences"]["harness"]["trainings"] == 2
    rows = {row["label"]: row for row in unet["rows"]}
    assert rows["training, images/s"]["ratios"]["plain"] == 1
    share = rows["training, share of the roof"]["values"]["harness"]
    rate, roof = rows["training, images/s"]["values"]["harness"], unet["train_roofs"]["harness"]["images"]
    assert share == pytest.approx(rate / roof)
    table = (out / "perf.md").read_text()
    assert "| unet | plain PyTorch | this harness |" in table
    assert "(1.00x)" in table
    assert "this harness less plain PyTorch, paired over 2 trainings: " in table
    assert (out / "perf.svg").read_text().rstrip().endswith("</svg>")


@pytest.mark.usefixtures("one_process")
def test_speed_is_measured_in_laps_and_whole_trainings_by_the_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: a lap is as many epochs of four frames as train for a while, in a training without an end."""
    monkeypatch.setattr(measure, "lap_seconds", lambda _: 0.2)
    measured = "--preset hourglass --implementations plain harness --repetitions 1 --steps 1 --epochs 2"
    assert main(f"perf {TINY} {measured} --out {tmp_path / 'perf'} --json".split()) == 0
    figures = json.loads(capsys.readouterr().out)["networks"]["hourglass"]["measured"]
    for name in ("plain", "harness"):
        (lap,) = figures["timings"][name]
        assert lap["train_seconds"] >= 0.2
        assert lap["train_images"] > 4
        assert lap["train_images"] == lap["val_images"]
        ((first, second),) = figures["curves"][name]
        assert first["train_images"] == second["train_images"] == 4


@pytest.mark.usefixtures("one_process")
def test_each_implementation_stands_under_the_roof_of_its_own_precision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked for by name, bf16 is also used where the hardware only emulates it."""
    measured = "--preset hourglass --implementations plain harness --repetitions 1 --steps 1 --epochs 0"
    assert main(f"perf {TINY} {measured} --precision bf16 --out {tmp_path / 'perf'} --json".split()) == 0
    roofs = json.loads(capsys.readouterr().out)["networks"]["hourglass"]["train_roofs"]
    assert {name: roof["precision"] for name, roof in roofs.items()} == {"plain": "float32", "harness": "bfloat16"}


def test_lightning_is_left_out_or_asked_for_in_vain_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_implementations(None) == (list(config.IMPLEMENTATIONS), {})
    monkeypatch.setattr(config, "find_spec", lambda _: None)
    chosen, left_out = choose_implementations(None)
    assert LIGHTNING not in chosen
    assert 'pip install -e ".[perf]"' in left_out[LIGHTNING]
    assert choose_implementations(["plain"]) == (["plain"], {})
    with pytest.raises(ValueError, match=r"implementation lightning must be installed.*pip install -e"):
        choose_implementations(["plain", "lightning"])


def test_the_plain_loop_is_the_baseline_wherever_it_stands() -> None:
    assert baseline_of(["harness", "plain"]) == "plain"
    assert baseline_of(["harness", "advised"]) == "harness"
