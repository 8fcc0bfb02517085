"""A checkpoint as the folder of an MLflow model, of two flavours and without a pickle that could run code.

`python_function` is the checkpoint, which `bench.models.served` loads: files of images in, files of masks out.
`pytorch` is the network alone, exported by `torch.export`, so that it needs neither this project nor the code of a
network from elsewhere: standardised images (N, 3, H, W) of the size of the training in, logits (N, 1, H, W) out.
"""

import os
from contextlib import redirect_stderr
from importlib.metadata import requires, version
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch
from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from packaging.requirements import Requirement
from torch import nn
from torch.export import Dim, ExportedProgram

from hourglass_bench.architectures.sources import packages
from hourglass_bench.bench.checkpoint import load_checkpoint, load_reading
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.data.resizing.boxes import Size
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.models import served
from hourglass_bench.bench.png import to_png
from hourglass_bench.bench.terminal import say

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.binary, served.IMAGE)]), outputs=Schema([ColSpec(DataType.binary, served.MASK)])
)
NETWORK = "network"
"""Folder of the exported network."""


def write_model(checkpoint: Path, folder: Path, model: Model) -> None:
    """Write the folder of a model, which is empty or not there, and complete `model` by what it has.

    Without the flavour `pytorch`, and a line says why, if the network cannot be exported.

    Args:
        checkpoint: folder with a `state_dict.pt`.

    Raises:
        ValueError: the checkpoint cannot be loaded, see `bench.checkpoint.load_checkpoint`.
    """
    network, config = load_checkpoint(checkpoint)
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")  # by which MLflow copies the user's project into the model
    pyfunc.save_model(
        folder,
        loader_module=served.__name__,
        data_path=str(checkpoint),
        mlflow_model=model,
        signature=SIGNATURE,
        input_example=pd.DataFrame({served.IMAGE: [example(load_reading(checkpoint), config.data.size)]}),
        pip_requirements=requirements(config),
    )
    if program := _export(network, config):
        (folder / NETWORK).mkdir()
        torch.export.save(program, folder / NETWORK / "model.pt2")
        model.add_flavor("pytorch", model_data=NETWORK, pytorch_version=str(torch.__version__), code=None)
    model.model_size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    model.save(folder / "MLmodel")


def requirements(config: RunConfig) -> list[str]:
    """This project, what it needs and the package of a network from elsewhere, at the versions that are in use."""
    needed = [Requirement(line) for line in requires("hourglass-bench") or ()]
    names = ["hourglass-bench", *(each.name for each in needed if each.marker is None)]
    own = [f"{name}=={version(name).partition('+')[0]}" for name in names]  # no index has a local version, as 2.13+cpu
    return own + [package.replace(" ", "==") for package in packages(config.architecture.name)]


def example(reading: Reading, size: Size) -> bytes:
    """A file as those of the training were, of a drawn dancer: no picture of the user's leaves with the model."""
    pixels = generate(scenes=1, frames_per_scene=1, size=(max(16, size[0]), max(16, size[1])), seed=0).images[0]
    if reading.limits is None:
        return to_png(pixels)
    low, high, kind = reading.limits
    file, deep = BytesIO(), low + pixels / 255 * (high - low)
    tifffile.imwrite(file, deep.astype("float32" if kind == "float" else kind), photometric="rgb")
    return file.getvalue()


def _export(network: nn.Module, config: RunConfig) -> ExportedProgram | None:
    """The network for any number of images, if it can be exported and gives the same logits then."""
    name, size = config.architecture.name, config.data.size
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3, *size), np.float32))
    try:
        with torch.no_grad(), redirect_stderr(StringIO()):  # torch prints graphs of what it cannot export
            program = torch.export.export(network, (images[:2],), dynamic_shapes=({0: Dim("batch")},))
            torch.testing.assert_close(program.module()(images), network(images), rtol=1e-4, atol=1e-5)
    except Exception as error:  # of any kind, as a network of anyone's is traced
        reason = str(error).strip().partition("\n")[0]
        say(f"{name} cannot be exported ({type(error).__name__}: {reason}); its model is without the flavour pytorch")
        return None
    return program
