"""How many workers: the candidates, the choice by measurement, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.machine.examine import DeviceFacts
from hourglass_bench.studies import placement, storage
from hourglass_bench.studies.benchmark import OUT_OF_MEMORY
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.placement import candidates, explain, machine, places
from hourglass_bench.studies.worker import Place

PROCESSOR = DeviceFacts("some processor", 2**33, 2**34)
H200 = DeviceFacts("H200", 2**37, 2**37)
CPU, CUDA, SECOND = torch.device("cpu"), torch.device("cuda"), torch.device("cuda:1")


def shape(placements: Sequence[Sequence[Place]]) -> list[tuple[int, int]]:
    return [(len(placement), placement[0].threads) for placement in placements]


@pytest.mark.parametrize(
    ("cores", "threads", "units", "workers"),
    [(1, 1, 9, 1), (2, 1, 9, 2), (2, 1, 1, 1), (6, 2, 9, 3), (8, 3, 9, 2), (8, 1, 5, 5), (2, 4, 9, 1)],
)
def test_on_a_cpu_the_study_decides_threads_and_the_cores_decide_workers(
    cores: int, threads: int, units: int, workers: int
) -> None:
    assert shape(candidates(CPU, cores, 0, units, threads)) == [(workers, threads)]


def test_threads_of_a_trial_on_a_cpu_do_not_depend_on_the_workers() -> None:
    assert {place.threads for workers in (1, 2, 9) for place in places(workers, CPU, 4, 0, 3)} == {3}


def test_gpu_placements_pin_one_or_more_workers_to_each_gpu() -> None:
    assert shape(candidates(CUDA, 16, 2, 100, 1)) == [(2, 8), (4, 4), (8, 2), (16, 1)]
    assert [place.device for place in places(4, CUDA, 16, 2, 1)] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert {place.device for place in places(3, SECOND, 16, 1, 1)} == {"cuda:1"}


def test_no_more_workers_share_a_gpu_than_there_are_units_or_cores() -> None:
    assert shape(candidates(CUDA, 4, 1, 100, 1)) == [(1, 4), (2, 2), (4, 1)]
    assert shape(candidates(CUDA, 16, 1, 3, 1)) == [(1, 16), (2, 8)]
    assert shape(candidates(CUDA, 2, 4, 100, 1)) == [(4, 1)]


def test_explanation_names_the_choice_first_and_what_ran_out_of_memory() -> None:
    assert explain({"1": 189.4, "2": 340.6, "4": OUT_OF_MEMORY}, [Place("cpu", 1)] * 2, 4) == (
        "2 x 2 threads 341 images/s; 1 x 4 threads 189 images/s; 4 x 1 thread: out of memory"
    )


class Measured:
    """Stands for LocalExecutor: one worker trains 100 images/s, `gain` times that in company, all together."""

    gain = 2.0
    calls = 0
    tried: Sequence[Sequence[float | str]] = ()
    """What each config is trained with instead, by the placements' sizes."""

    def __init__(self, places: Sequence[Place], rooms: Mapping[str, Room], timeout: float | None) -> None:
        self.places = list(places)

    def benchmark(self, config: RunConfig, ignores: bool, cache: Path, places: Sequence[Place]) -> float | str:
        type(self).calls += 1
        if self.tried:
            return self.tried[config.repeat][len(places).bit_length() - 1]
        return 100.0 if len(places) == 1 else 100 * self.gain

    def settle(self, places: Sequence[Place]) -> None:
        self.places = list(places)

    def close(self) -> None:
        pass


NewConfig = Callable[..., RunConfig]


@pytest.fixture
def choose(
    tmp_path: Path, tiny_config: NewConfig, monkeypatch: pytest.MonkeyPatch
) -> Callable[[type[Measured], int], Measured]:
    """Workers for so many examples, as `auto` chooses them on a GPU and two cores for one study."""
    monkeypatch.setattr(placement, "cores", lambda: 2)
    study = storage.create(storage.open_storage(storage.storage_url(tmp_path)), "x", [schema.BEST_VAL_IOU])

    def choose(measured: type[Measured], examples: int = 1) -> Any:
        monkeypatch.setattr(placement, "LocalExecutor", measured)
        configs = [tiny_config(repeat=repeat) for repeat in range(examples)]
        about: dict[str, Any] = {"facts": {"cuda:0": H200}, "rooms": {"cuda:0": Room(2**30)}, "ignores": False}
        return placement.local_executor(
            None, CUDA, 10, lambda: configs, tmp_path, study, threads=1, timeout=None, **about
        )

    return choose


Choose = Callable[..., Measured]


def executor_like(**attributes: Any) -> Any:
    return type("Measured", (Measured,), attributes)


@pytest.mark.parametrize(("gain", "workers"), [(1.8, 2), (0.7, 1)])
def test_auto_takes_what_trains_most_images_and_remembers(
    choose: Choose, capsys: pytest.CaptureFixture[str], gain: float, workers: int
) -> None:
    measured = executor_like(gain=gain)
    assert len(choose(measured).places) == workers
    said = capsys.readouterr().err
    assert said.startswith(f"workers: {workers} x ")
    assert "100 images/s" in said
    assert measured.calls == 2
    assert len(choose(measured).places) == workers
    assert measured.calls == 2
    assert capsys.readouterr().err == said


def test_workers_that_run_out_of_memory_are_slower_than_any_that_do_not(
    choose: Choose, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = executor_like(tried=[(10.0, 900.0), (5.0, OUT_OF_MEMORY)])
    for _ in ("measured", "remembered"):
        assert len(choose(measured, 2).places) == 1
        assert capsys.readouterr().err == "workers: 1 x 2 threads 7 images/s; 2 x 1 thread: out of memory\n"


def test_what_no_number_of_workers_can_train_has_no_say(choose: Choose, capsys: pytest.CaptureFixture[str]) -> None:
    measured = executor_like(tried=[(10.0, 30.0), (OUT_OF_MEMORY, OUT_OF_MEMORY), (20.0, 60.0)])
    assert len(choose(measured, 3).places) == 2
    assert capsys.readouterr().err == "workers: 2 x 1 thread 40 images/s; 1 x 2 threads 13 images/s\n"


def test_if_nothing_can_be_trained_one_worker_says_so(choose: Choose, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(choose(executor_like(tried=[(OUT_OF_MEMORY, OUT_OF_MEMORY)])).places) == 1
    assert capsys.readouterr().err == "workers: 1 x 2 threads, since no example could be trained\n"


def test_a_measurement_holds_for_the_gpus_it_was_made_on() -> None:
    assert machine(CUDA, {"cuda:0": H200, "cuda:1": H200}) == f"{machine(CPU, {'cpu': PROCESSOR})}, 2 x H200"
    assert [placement.devices(device) for device in (CPU, SECOND)] == [["cpu"], ["cuda:1"]]


def test_data_that_would_take_most_of_a_device_are_counted_as_staying_in_host_memory() -> None:
    frames = generate(scenes=2, frames_per_scene=1, size=(16, 16), seed=0)
    images, masks = frames.images.nbytes, frames.masks.size
    facts = {"cuda:0": H200._replace(memory=100 * images), "cuda:1": H200._replace(memory=images)}
    rooms = placement.rooms(CUDA, facts, frames)
    assert {name: room.data for name, room in rooms.items()} == {"cuda:0": images + masks, "cuda:1": masks}
    assert placement.rooms(CPU, {"cpu": PROCESSOR}, frames)["cpu"] == Room.of(PROCESSOR.memory, 0, "cpu")


@pytest.mark.parametrize(("cores", "free", "most"), [(2, 16 * 2**30, 25), (2, 0, 8), (64, 2**30, 256)])
def test_workers_are_bounded_by_memory_or_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, free: int, most: int
) -> None:
    monkeypatch.setattr(placement, "cores", lambda: cores)
    monkeypatch.setattr(placement, "memory_limit", lambda _: free)
    assert placement.most_workers(elsewhere=False) == most
    assert placement.parse_workers(str(most), most) == most
    with pytest.raises(
        ValueError, match=rf"workers must be auto or a number from 1 to {most} here .*, got '{most + 1}'"
    ):
        placement.parse_workers(str(most + 1), most)
    assert placement.parse_workers("auto", most) is None
    assert placement.most_workers(elsewhere=True) == placement.LARGEST_CLUSTER
