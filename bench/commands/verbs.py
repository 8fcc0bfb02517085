"""The verbs of `bench`: flags become configs, and configs go to what does the work, which is imported when it runs."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from hourglass_bench.architectures import defaults
from hourglass_bench.architectures.config import (
    ArchitectureConfig,
    Block,
    EncoderDecoderConfig,
    Norm,
    Target,
    Upsampling,
)
from hourglass_bench.bench.check.command import Check
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.commands.flags import flags
from hourglass_bench.bench.commands.next_step import next_step
from hourglass_bench.bench.commands.serve import Serve
from hourglass_bench.bench.config import AUGMENTATION, DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.generative.config import SampleConfig
from hourglass_bench.bench.perf.config import IMPLEMENTATIONS, PerfConfig, choose_implementations
from hourglass_bench.bench.progress import working

Device = Annotated[str, arg(help="auto (cuda or cpu), cpu, cuda, cuda:INDEX or mps (a Mac's GPU, untried)")]
Checkpoint = Annotated[
    Positional[str], arg(help="state_dict.pt, its folder, or a run's id", metavar="CHECKPOINT|RUN_ID")
]
Implementations = Annotated[
    tuple[str, ...] | None, arg(help=f"who is measured: {', '.join(IMPLEMENTATIONS)} (default: all)")
]
NO_AUGMENTATION: dict[str, Any] = dict.fromkeys(AUGMENTATION, 0.0)
NOT_OF_PERF = (
    *(*AUGMENTATION, "epochs", "beta", "beta_warmup", "sigma", "pretrain_epochs"),
    *("weights", "freeze_epochs", "encoder_lr_factor"),
)
"""Fields of the training that `perf` decides itself or has no use for; of epochs it has a flag of its own."""


@dataclass(frozen=True, kw_only=True)
class Data(cli.Command):
    """Describe a data set, audit it, or draw a contact sheet of it."""

    data: Annotated[Callable[..., DataConfig], flags(DataConfig, size=(64, 64))]
    sheet: Path | None = None
    """write a contact sheet of frames and masks into this PNG file"""
    audit: Annotated[tuple[str, ...] | None, arg(metavar="[DIR]")] = None
    """tell what is wrong with the data (DIR instead of --data): sizes, masks, copies, look-alike scenes, leaks"""
    merge_scenes: Annotated[tuple[Path, ...] | None, arg(metavar="[FILE]")] = None
    """with --audit, write a table for --scene-table in which look-alike scenes are one (without FILE: NAME_scenes.csv
    in the current folder)"""

    def run(self) -> Answer:
        """Read the frames; what is to be written is refused before."""
        if self.merge_scenes is not None and self.audit is None:
            raise ValueError("--merge-scenes must stand with --audit, which finds the scenes to merge.")
        if len(self.audit or ()) > 1:
            raise ValueError(f"--audit must name one folder or none, got {' '.join(self.audit or ())}.")
        if len(self.merge_scenes or ()) > 1:
            names = " ".join(str(file) for file in self.merge_scenes or ())
            raise ValueError(f"--merge-scenes must name one file or none, got {names}.")
        config = self.data(path=self.audit[0]) if self.audit else self.data()
        table = self._table(config)
        for name, file in (("--merge-scenes", table), ("--sheet", self.sheet)):
            if file is not None and not file.parent.is_dir():
                raise ValueError(f"{name} must name a file in a folder that exists, got {file}.")
        if table is not None and os.path.lexists(table):
            raise ValueError(f"--merge-scenes must name a new file, got {table}; name another, or move it away.")
        from hourglass_bench.bench.commands.data import audit_data, describe

        if self.audit is None:
            then = next_step("data", "--audit", config.path)
            return describe(config, self.sheet)._replace(then=then)
        then = next_step("sweep", "quick", "--data", config.path, make=("sweep", f"DATA={config.path}"))
        return audit_data(config, self.sheet, table)._replace(then=then)

    def _table(self, data: DataConfig) -> Path | None:
        """Where merged scenes are written: outside the data's folder, unless it is named."""
        if self.merge_scenes is None:
            return None
        return self.merge_scenes[0] if self.merge_scenes else Path(f"{Path(data.path).resolve().name}_scenes.csv")


OF_IMPORT = (
    *("images", "masks", "require_all", "foreground", "ignore", "invert"),
    *("scene_pattern", "scene_table", "max_megapixels"),
)
"""Fields of the data that decide how a source is converted."""


@dataclass(frozen=True, kw_only=True)
class DataImport(cli.Command):
    """Write a data set once from what annotation tools deliver: `data import SOURCE --out DIR`."""

    source: Positional[Path]
    """COCO, labelme or CVAT annotations, or a folder with masks in any layout"""
    out: Path
    """new folder for images/, masks/ and scenes.csv"""
    data: Annotated[Callable[..., DataConfig], flags(DataConfig, only=OF_IMPORT)]

    def run(self) -> Answer:
        """Convert everything, or write nothing."""
        from hourglass_bench.bench.commands.import_data import import_source

        return import_source(self.source, self.out, self.data(path=str(self.source)))


@dataclass(frozen=True, kw_only=True)
class Network:
    """A named network of the practical, or an architecture and its sizes."""

    preset: str | None = None
    """a named network of the practical, instead of all flags below but --norm; one of a spec of your own as
    path/to/file.py:SPEC:NAME"""
    arch: str | None = None
    """simple_conv, hourglass, unet, unet_twin, autoencoder or vae; your own network as path/to/file.py:Class; one of an
    installed package as package.module:Class, or by the name that the package offers (default: unet)"""
    set: Annotated[tuple[str, ...] | None, arg(metavar="KEY=VALUE ...")] = None
    """options of a network from elsewhere: what its constructor takes, such as width=24"""
    channels: tuple[int, ...] | None = None
    """encoder widths, outermost first (default: the architecture's)"""
    decoder_channels: tuple[int, ...] | None = None
    """decoder widths, innermost first (default: the encoder's, mirrored)"""
    skips: tuple[str, ...] | None = None
    """none, all, or the levels to connect (1: full resolution; default: the architecture's)"""
    norm: Norm | None = None
    """normalisation of each block (default: the preset's, or none)"""
    target: Target | None = None
    """what autoencoder and vae reconstruct (default: images)"""
    latent: int = 0
    """numbers of a flat latent; 0 keeps the bottleneck map"""
    block: Block = "practical"
    """practical: conv, norm, ReLU, conv; double: conv, norm, ReLU twice; residual: double with what enters added"""
    upsampling: Upsampling = "transposed"
    """how the decoder doubles its maps: by transposed convolution, or by 1x1 convolution and bilinear interpolation"""
    bottom: int = 0
    """width of a block between the last pooling and the decoder, twice the last of --channels in the original U-Net; 0:
    there is none"""

    def config(self, image_size: tuple[int, int]) -> ArchitectureConfig:
        """The network for images of this height and width."""
        from hourglass_bench.architectures import registry

        if self.preset is not None:
            if replace(self, preset=None, norm=None) != Network():
                raise ValueError(
                    "--preset must stand without --arch, --set, --channels, --decoder-channels, --skips, --target, "
                    "--latent, --block, --upsampling and --bottom."
                )
            preset = registry.get_preset(self.preset)
            if self.norm is None:
                return preset
            if not isinstance(preset, EncoderDecoderConfig):
                raise ValueError(f"--norm must stand with a network of our own, got --preset {self.preset}.")
            return replace(preset, norm=self.norm)
        name = self.arch or defaults.ARCHITECTURE
        if registry.get_spec(name).origin == "elsewhere":
            if replace(self, arch=None, set=None) != Network():
                raise ValueError(
                    f"--arch {name} must have its options by --set KEY=VALUE, not by the flags of our own networks."
                )
            return registry.configure(name, **_read_options(self.set or ()))
        if self.set is not None:
            raise ValueError(f"--set must stand with a network from elsewhere, got {name}, which has flags of its own.")
        return registry.configure(
            name,
            self.channels,
            decoder_channels=self.decoder_channels,
            skips=self._skips(),
            norm=self.norm or "none",
            target=self.target,
            latent=self.latent,
            image_size=image_size,
            block=self.block,
            upsampling=self.upsampling,
            bottom=self.bottom,
        )

    def _skips(self) -> Any:
        if self.skips is None or self.skips in (("none",), ("all",)):
            return self.skips and self.skips[0]
        if not all(re.fullmatch("[0-9]{1,4}", word) for word in self.skips):
            raise ValueError(f"--skips must be none, all or level numbers, got {' '.join(self.skips)}.")
        return tuple(int(word) for word in self.skips)


def _read_options(words: tuple[str, ...]) -> dict[str, Any]:
    from hourglass_bench.architectures.arguments import read

    wrong = [word for word in words if not word.partition("=")[0].isidentifier() or "=" not in word]
    if wrong:
        raise ValueError(f"--set must be of words KEY=VALUE, such as width=24, got {' '.join(wrong)}.")
    options = {key: read(text) for key, _, text in (word.partition("=") for word in words)}
    if "name" in options:
        raise ValueError("--set must leave name to --arch, which it is.")
    return options


@dataclass(frozen=True, kw_only=True)
class Train(cli.Command, cli.Store):
    """Train one network and track it."""

    network: Network
    data: Annotated[Callable[..., DataConfig], flags(DataConfig)]
    training: Annotated[Callable[..., TrainingConfig], flags(TrainingConfig)]
    augment: Literal["full", "none"] = "full"
    """full: by --flip, --rotate, --scale, --shift and --color-jitter; none: all of them are 0"""
    repeat: int = 0
    """decides fold, initialisation, order and augmentation"""
    device: Device = "auto"
    unseal: bool = False
    """open the test frames although this configuration opened them before"""
    resume: str = ""
    """id of a run that was stopped or cut off: it goes on where it was, as it was started"""
    system_metrics: bool = False
    """log use of the machine's processors, memory, disks and network, as system/* (needs psutil)"""

    def run(self) -> Answer:
        """Train and evaluate."""
        data = self.data()
        training = self.training(**NO_AUGMENTATION if self.augment == "none" else {})
        config = RunConfig(
            architecture=self.network.config(data.size), data=data, training=training, repeat=self.repeat
        )
        where: dict[str, Any] = {
            "runs": self.runs,
            "device": self.device,
            "tracking": self.tracking,
            "unseal": self.unseal,
            "system_metrics": self.system_metrics,
        }
        if self.resume:
            from hourglass_bench.bench.commands.resume import resume_one
            from hourglass_bench.bench.stored_config import flatten

            size = DataConfig().size
            default = RunConfig(architecture=Network().config(size), data=DataConfig(), training=TrainingConfig())
            given = dict(flatten(config).items() - flatten(default).items())
            return Answer(resume_one(self.resume, given, **where))
        from hourglass_bench.bench.commands.train import train_one

        with working("training"):
            values = train_one(config, **where)
        if not values.get("checkpoint"):
            return Answer(values)
        verb = (
            ("sample", values["run_id"])
            if config.architecture.reconstructs
            else ("predict", values["run_id"], "IMAGES", "--out", "masks")
        )
        return Answer(values, then=next_step(*verb, runs=self.runs, tracking=self.tracking))


@dataclass(frozen=True, kw_only=True)
class Reproduce(cli.Command, cli.Store):
    """Train a stored run again and compare every number. The exit code is 0 if all are identical, and 1 else."""

    run_id: Positional[str]
    """id of a run of a study or of `train` that ended complete, pruned or diverged"""
    data: str = ""
    """folder of the run's data, if they do not lie where they did"""
    device: str = "auto"
    """auto (the kind that the run was trained on), cpu, cuda, cuda:INDEX or mps"""

    def run(self) -> Answer:
        """Train, log in the experiment `reproduce`, and compare."""
        from hourglass_bench.bench.commands.reproduce import reproduce

        return reproduce(self.run_id, runs=self.runs, tracking=self.tracking, device=self.device, data=self.data)


@dataclass(frozen=True, kw_only=True)
class Sizes(cli.Command):
    """Tell a network's sizes, and what a step of its training takes. Nothing is trained, and no data are read."""

    network: Network
    data: Annotated[Callable[..., DataConfig], flags(DataConfig, only=("size",))]
    training: Annotated[Callable[..., TrainingConfig], flags(TrainingConfig, only=("batch_size", "precision"))]
    device: Device = "auto"

    def run(self) -> Answer:
        """Trace the network on tensors without contents."""
        data = self.data()
        config = RunConfig(architecture=self.network.config(data.size), data=data, training=self.training())
        from hourglass_bench.bench.commands.sizes import describe_sizes

        return describe_sizes(config, self.device)


@dataclass(frozen=True, kw_only=True)
class Predict(cli.Command, cli.Store):
    """Write masks of new images."""

    checkpoint: Checkpoint
    images: Positional[Path]
    """an image, a folder of images, which may lie in folders, or a data set"""
    out: Path
    """folder for STEM.png and overlays/STEM.png"""
    probabilities: bool = False
    """also write probabilities/STEM.png, 16 bits: 0 to 65535"""
    tile: bool = False
    """see images in their own pixels, by overlapping tiles of the size of the training, instead of resized to it"""
    max_megapixels: int | None = None
    """largest file that is read, in millions of pixels (default: as in the training)"""
    device: Device = "auto"

    def run(self) -> Answer:
        """Predict all images."""
        from hourglass_bench.bench.commands.predict import Wanted, predict_images

        if self.max_megapixels is not None:
            DataConfig(max_megapixels=self.max_megapixels)  # refuses
        wanted = Wanted(self.out, self.probabilities, self.tile, self.max_megapixels)
        answer = predict_images(self.checkpoint, self.images, wanted, self.device, self.runs, self.tracking)
        look = f"look at {self.out}/overlays, which has the masks over their images"
        return answer._replace(then=look if answer.values["masks"] else "")


@dataclass(frozen=True, kw_only=True)
class Sample(cli.Command, cli.Store):
    """Draw what an autoencoder or a vae has learnt."""

    checkpoint: Checkpoint
    pictures: Annotated[Callable[..., SampleConfig], flags(SampleConfig)]
    out: Path | None = None
    """folder for samples.png, interpolation.png and traversals.png (default: RUNS/grids/RUN_ID)"""
    device: Device = "auto"

    def run(self) -> Answer:
        """Draw, write and log."""
        wanted = self.pictures()
        from hourglass_bench.bench.commands.sample import sample_one

        where: dict[str, Any] = {"out": self.out, "runs": self.runs, "tracking": self.tracking}
        return Answer(sample_one(self.checkpoint, wanted, device=self.device, **where))


@dataclass(frozen=True, kw_only=True)
class Perf(cli.Command):
    """Measure speed and memory beside plain PyTorch and Lightning."""

    preset: tuple[str, ...] = defaults.COMPARED
    """named networks"""
    implementations: Implementations = None
    measurement: Annotated[Callable[..., PerfConfig], flags(PerfConfig)]
    data: Annotated[Callable[..., DataConfig], flags(DataConfig)]
    training: Annotated[Callable[..., TrainingConfig], flags(TrainingConfig, skip=NOT_OF_PERF, batch_size=128)]
    device: Device = "auto"
    out: Path = Path("runs/perf")
    """folder for perf.json, perf.md and perf.svg"""

    def run(self) -> Answer:
        """Measure network by network."""
        implementations, left_out = choose_implementations(self.implementations)
        data, training, perf = self.data(), self.training(**NO_AUGMENTATION), self.measurement()
        from hourglass_bench.architectures import registry
        from hourglass_bench.bench.commands.folds import fitting_folds
        from hourglass_bench.bench.perf.compare import compare

        data = fitting_folds(data)

        chosen = {name: registry.get_preset(name) for name in self.preset}
        wrong = [name for name, network in chosen.items() if network.reconstructs]
        if wrong or not chosen:
            raise ValueError(f"--preset must name networks that segment, got {', '.join(wrong) or 'none'}.")
        networks = {
            name: RunConfig(architecture=network, data=data, training=training) for name, network in chosen.items()
        }
        return compare(networks, implementations, left_out, perf, device=self.device, out=self.out)


@dataclass(frozen=True, kw_only=True)
class Ui(cli.Command, cli.Store, Serve):
    """Open MLflow's UI at a study's runs, on this machine only."""

    study: str = ""
    """whose runs are shown first: a study of the store, or the file that defines it; empty: those of the newest run"""

    def run(self) -> Answer:
        """Serve until Ctrl-C."""
        from hourglass_bench.bench.commands.ui import serve_ui

        return serve_ui(self.runs, self.tracking, cli.study_name(self.study), self)


COMMANDS: cli.Verbs = {
    "one network": (Train, Reproduce, Sizes, Predict, Sample),
    "data": (Data, DataImport),
    "this machine": (Check, Perf),
    "in a browser": (Ui,),
}
