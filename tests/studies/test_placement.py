"""How many workers: the candidates, the choice by measurement, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from architectures.registry import configure
from bench import schema
from bench.config import RunConfig
from bench.data.synthetic import generate
from bench.machine.examine import DeviceFacts
from bench.training.forecast import predict_peak_bytes
from studies import placement, storage, worker
from studies.executors import Forecast
from studies.executors.admission import Room
from studies.placement import candidates, explain, fitting, measure, places
from studies.worker import Place

GPU = DeviceFacts("H200", memory=139 * 2**30, total=140 * 2**30)
FACTS = {"cpu": GPU}
CPU, CUDA, SECOND = torch.device("cpu"), torch.device("cuda"), torch.device("cuda:1")


def shape(placements: Sequence[Sequence[Place]]) -> list[tuple[int, int]]:
    return [(len(placement), placement[0].threads) for placement in placements]


@pytest.mark.parametrize(
    ("cores", "units", "expected"),
    [
        (1, 9, [(1, 1)]),
        (2, 9, [(1, 2), (2, 1)]),
        (2, 1, [(1, 2)]),
        (6, 9, [(1, 6), (2, 3), (4, 1), (6, 1)]),
        (8, 5, [(1, 8), (2, 4), (4, 2)]),
    ],
)
def test_cpu_placements_share_the_cores(cores: int, units: int, expected: list[tuple[int, int]]) -> None:
    assert shape(candidates(CPU, cores, 0, units)) == expected


def test_gpu_placements_pin_one_or_more_workers_to_each_gpu() -> None:
    assert shape(candidates(CUDA, 16, 2, 100)) == [(2, 8), (4, 4), (8, 2)]
    assert [place.device for place in places(4, CUDA, 16, 2)] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert {place.device for place in places(3, SECOND, 16, 1)} == {"cuda:1"}


def test_explanation_names_the_choice_first() -> None:
    assert explain({"1": 189.4, "2": 340.6}, [Place("cpu", 1)] * 2, 2) == (
        "2 x 1 thread 341 images/s; 1 x 2 threads 189 images/s"
    )


class Measured:
    """Stands for LocalExecutor: one worker trains 100 images/s, `gain` times that in company, all together."""

    gain = 2.0
    calls = 0
    memory_together = 2**30

    def __init__(self, places: Sequence[Place], rooms: Mapping[str, Room]) -> None:
        self.places = list(places)

    def forecast(self, config: RunConfig, ignores: bool, done: Callable[[Forecast], None]) -> None:
        done(worker.forecast(config, ignores, self.places[0]))

    def benchmark(self, configs: Sequence[RunConfig], cache: Path, places: Sequence[Place]) -> list[list[float]]:
        type(self).calls += 1
        rate = 100.0 if len(places) == 1 else 100 * self.gain / len(places)
        return [[rate for _ in configs] for _ in places]

    def settle(self, places: Sequence[Place]) -> None:
        self.places = list(places)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("gain", "workers"), [(1.8, 2), (0.7, 1)])
def test_auto_takes_what_trains_most_images_and_remembers(
    tmp_path: Path,
    tiny_config: Callable[..., RunConfig],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gain: float,
    workers: int,
) -> None:
    measured: Any = type("Measured", (Measured,), {"gain": gain})
    monkeypatch.setattr(placement, "LocalExecutor", measured)
    monkeypatch.setattr(placement, "cores", lambda: 2)
    database = storage.open_storage(storage.storage_url(tmp_path))
    study = storage.create(database, "x", [schema.BEST_VAL_IOU])

    def choose() -> Any:
        return placement.local_executor(
            None, CPU, 10, lambda: [tiny_config()], tmp_path, study, facts=FACTS, rooms={}, ignores=False
        )

    assert len(choose().places) == workers
    said = capsys.readouterr().err
    assert said.startswith(f"workers: {workers} x ")
    assert "100 images/s" in said
    assert measured.calls == 2
    assert len(choose().places) == workers
    assert measured.calls == 2
    assert capsys.readouterr().err == said


def measured_with(memory: int) -> Any:
    executor = Measured([Place("cpu", 1)], {})
    executor.memory_together = memory
    return executor


def test_what_does_not_fit_is_not_measured(tiny_config: Callable[..., RunConfig]) -> None:
    absurd = tiny_config(architecture=configure("unet", (4096, 8192, 16384)))
    assert fitting(measured_with(2**30), [absurd, tiny_config()], ignores=False) == [tiny_config()]


def test_what_fits_depends_on_whether_pixels_are_ignored(tiny_config: Callable[..., RunConfig]) -> None:
    executor = measured_with(predict_peak_bytes(tiny_config(), CPU))
    assert fitting(executor, [tiny_config()], ignores=False) == [tiny_config()]
    assert fitting(executor, [tiny_config()], ignores=True) == []


def test_what_cannot_be_predicted_is_not_measured(
    tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "predict_peak_bytes", Mock(side_effect=RuntimeError("no stream")))
    assert fitting(measured_with(2**30), [tiny_config()], ignores=False) == []


def test_data_that_would_take_most_of_a_device_are_counted_as_staying_in_host_memory() -> None:
    frames = generate(scenes=2, frames_per_scene=1, size=(16, 16), seed=0)
    images, masks = frames.images.nbytes, frames.masks.size
    facts = {"cuda:0": GPU._replace(memory=100 * images), "cuda:1": GPU._replace(memory=images)}
    rooms = placement.rooms(CUDA, facts, frames)
    assert {name: room.data for name, room in rooms.items()} == {"cuda:0": images + masks, "cuda:1": masks}
    assert placement.rooms(CPU, {"cpu": GPU}, frames)["cpu"] == Room.of(GPU.memory, data=0)


def test_a_measurement_holds_for_the_gpus_it_was_made_on() -> None:
    pair = {"cuda:0": GPU, "cuda:1": GPU}
    assert placement.machine(CUDA, pair).endswith(" cores, 2 x H200")
    assert placement.machine(CPU, {"cpu": GPU}).endswith(" cores")
    assert (placement.devices(CPU), placement.devices(SECOND)) == (["cpu"], ["cuda:1"])


def test_if_nothing_fits_one_worker_says_so(tmp_path: Path) -> None:
    placements = candidates(CPU, 2, 0, 9)
    assert measure(Measured(placements[-1], {}), placements, [], tmp_path) == {}  # type: ignore[arg-type]
    assert explain({}, placements[0], 2) == "1 x 2 threads, since nothing to measure fits into memory"
