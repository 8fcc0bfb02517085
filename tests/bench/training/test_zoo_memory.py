"""The memory of MONAI's networks, whose layers are others than ours, as it is predicted and as it is measured."""

from dataclasses import replace

import pytest
import torch

from hourglass_bench.bench.config import Precision, RunConfig
from hourglass_bench.bench.machine.memory import measure_step
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.setup import make_trainer
from hourglass_bench.studies.catalog.zoo import STUDY, WIDTHS, network

pytest.importorskip("monai", reason='the study zoo needs MONAI: pip install "hourglass-bench[zoo]"')

CPU = torch.device("cpu")


@pytest.mark.parametrize(("name", "width"), [(name, width) for name, of_width in WIDTHS.items() for width in of_width])
def test_every_network_of_the_zoo_is_predicted_to_the_byte(name: str, width: int, precision: Precision) -> None:
    data, training, *_ = STUDY.setting()
    config = RunConfig(architecture=network(name, width), data=data, training=replace(training, precision=precision))
    trainer = make_trainer(config, 2, CPU)
    trainer.network.train()
    images = torch.zeros((training.batch_size, *data.size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    masks = torch.zeros((training.batch_size, 1, *data.size), dtype=torch.bool)
    measured = measure_step(
        lambda: trainer.step(images, masks, trainer.sample(len(images))),
        lambda: [images, masks, *trainer.resident()],
        CPU,
    )
    assert predict_peak_bytes(config, CPU) == measured.tensor_peak
