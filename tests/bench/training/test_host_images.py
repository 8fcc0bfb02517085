"""Images that stay in host memory train as those on the device do."""

from pathlib import Path
from typing import Any

import torch

from hourglass_bench.bench.training.host_images import HostImages
from hourglass_bench.bench.training.setup import prepare
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")


def test_a_batch_is_that_of_the_whole_tensor() -> None:
    images = torch.randint(0, 256, (7, 6, 4, 3), dtype=torch.uint8)
    host, whole = HostImages(images, CPU), images.permute(0, 3, 1, 2)
    indices = torch.tensor([5, 0, 5, 6])
    assert torch.equal(host[indices], whole[indices])
    assert host[indices].stride() == whole[indices].stride()
    assert host.shape == whole.shape == (7, 3, 6, 4)


def test_training_is_the_same_to_the_bit(tiny_config: MakeConfig, tmp_path: Path) -> None:
    found: list[Any] = []
    for on_host in (False, True):
        setup = prepare(tiny_config(), tmp_path, CPU)
        data = setup.data
        if on_host:
            data = data._replace(images=HostImages(torch.from_numpy(setup.dataset.frames.images), CPU))
        train, val = (torch.from_numpy(indices) for indices in (setup.split.train, setup.split.val))
        loss, _ = setup.trainer.train_epoch(data, train)
        found.append((loss.item(), setup.trainer.evaluate(data, val)))
    assert found[0] == found[1]
