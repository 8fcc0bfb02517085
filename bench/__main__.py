"""`python -m bench COMMAND`. Torch and MLflow are imported when a command runs: help is quick."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands import cli
from bench.config import AUGMENTATION, DataConfig, RunConfig, TrainingConfig, Weights
from bench.generative.config import MOST_SAMPLES, SAMPLES, STEPS, SampleConfig
from bench.perf.config import IMPLEMENTATIONS, PerfConfig, choose_implementations

if TYPE_CHECKING:
    from bench.data.frames import Frames

_OWN_FLAGS = frozenset({"path", "size"})
_LOSS = frozenset({"loss"})
_NO_AUGMENTATION: dict[str, Any] = dict.fromkeys(AUGMENTATION, 0.0)
_PERF_TRAINING = frozenset(AUGMENTATION) | {
    *("epochs", "batch_size"),
    *("beta", "beta_warmup", "sigma", "pretrain_epochs"),
}
"""What `perf` decides itself, has a flag of its own for, or has no use for."""


def main(arguments: list[str] | None = None) -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure one encoder-decoder on one data set.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_data(commands.add_parser("data", help="describe a data set, audit it, or draw a contact sheet of it"))
    _add_train(commands.add_parser("train", help="train one network and track it"))
    _add_predict(commands.add_parser("predict", help="write masks of new images"))
    _add_sample(commands.add_parser("sample", help="draw what an autoencoder or a vae has learnt"))
    _add_perf(commands.add_parser("perf", help="measure speed and memory beside plain PyTorch and Lightning"))
    return cli.main(parser, arguments)


def _add_common(parser: argparse.ArgumentParser, command: Any) -> None:
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    parser.set_defaults(command=command)


def _add_dataset(parser: argparse.ArgumentParser, size: int) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--data", default="synthetic", help="folder with images/ and masks/, or `synthetic` (default)")
    group.add_argument(
        "--size", type=int, nargs="+", default=[size], help=f"side, or height and width, in pixels (default: {size})"
    )
    cli.add_fields(group, DataConfig, _OWN_FLAGS)


def _add_data(parser: argparse.ArgumentParser) -> None:
    _add_dataset(parser, 64)
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a contact sheet of frames and masks")
    parser.add_argument(
        "--audit",
        nargs="?",
        const="",
        metavar="DIR",
        help="tell what is wrong with the data (DIR instead of --data): sizes, masks, copies, look-alike scenes, leaks",
    )
    parser.add_argument(
        "--merge-scenes",
        type=Path,
        metavar="FILE.csv",
        help="with --audit, write a scenes.csv for the data's folder in which look-alike scenes are one",
    )
    _add_common(parser, _data)


def _add_train(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network")
    network.add_argument("--arch", help="simple_conv, hourglass, unet, autoencoder or vae (default: unet)")
    network.add_argument("--preset", help="a named network of the practical instead of --arch and the flags below")
    network.add_argument("--channels", type=int, nargs="+", help="encoder widths, outermost first (default: preset's)")
    network.add_argument("--decoder-channels", type=int, nargs="*", help="decoder widths, innermost first")
    network.add_argument("--skips", nargs="+", help="none, all, or the levels to connect (1 = full resolution)")
    network.add_argument("--norm", default="none", help="none, batch or group (default: none)")
    network.add_argument(
        "--target", choices=("mask", "image"), help="what autoencoder and vae reconstruct (default: image)"
    )
    network.add_argument(
        "--latent", type=int, default=0, help="numbers of a flat latent; 0 keeps the bottleneck map (default: 0)"
    )
    _add_dataset(parser, 128)
    training = parser.add_argument_group("training")
    cli.add_fields(training, TrainingConfig, _LOSS)
    _add_loss(training)
    training.add_argument(
        "--augment",
        choices=("full", "none"),
        default="full",
        help="full: by --flip, --rotate, --scale, --shift and --colour; none: all of them are 0 (default: full)",
    )
    parser.add_argument("--repeat", type=int, default=0, help="decides fold, initialisation and order (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: auto)")
    parser.add_argument(
        "--unseal", action="store_true", help="open the test frames although this configuration opened them before"
    )
    cli.add_store(parser)
    _add_common(parser, _train)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT_OR_RUN_ID", help="state_dict.pt, its folder, or a run's id")
    parser.add_argument("images", type=Path, metavar="IMAGE_OR_DIR")
    parser.add_argument("--out", type=Path, required=True, help="folder for STEM.png and overlays/STEM.png")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: auto)")
    cli.add_store(parser)
    _add_common(parser, _predict)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT_OR_RUN_ID", help="state_dict.pt, its folder, or a run's id")
    parser.add_argument(
        "--n",
        type=int,
        help=f"samples of a vae's prior, 1 to {MOST_SAMPLES} (default: {SAMPLES}, or none with the two flags below)",
    )
    parser.add_argument(
        "--interpolate", nargs=2, metavar="STEM", help="two frames of the run's data, and the way between their codes"
    )
    parser.add_argument(
        "--traverse",
        type=int,
        metavar="N",
        help="vary the N latent numbers that tell most, one by one, about a validation frame",
    )
    parser.add_argument("--seed", type=int, default=0, help="decides the samples (default: 0)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"pictures from frame to frame (default: {STEPS})")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for samples.png, interpolation.png and traversals.png (default: RUNS/grids/RUN_ID)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: auto)")
    cli.add_store(parser)
    _add_common(parser, _sample)


def _add_perf(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset", nargs="+", default=["hourglass", "unet"], help="named networks (default: hourglass unet)"
    )
    parser.add_argument(
        "--implementations",
        nargs="+",
        metavar="NAME",
        help=f"who is measured: {', '.join(IMPLEMENTATIONS)} (default: all that are installed)",
    )
    cli.add_fields(parser.add_argument_group("measurement"), PerfConfig)
    _add_dataset(parser, 128)
    training = parser.add_argument_group("training")
    training.add_argument("--batch-size", type=int, default=128, help="frames per optimiser step (default: 128)")
    cli.add_fields(training, TrainingConfig, _PERF_TRAINING | _LOSS)
    _add_loss(training)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: auto)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/perf"),
        help="folder for perf.json, perf.md and perf.svg (default: runs/perf)",
    )
    _add_common(parser, _perf)


def _add_loss(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--loss", nargs="+", metavar="NAME=WEIGHT", default=["bce=1", "dice=1"], help="losses added up")


def _loss(options: argparse.Namespace) -> Weights:
    return tuple((name, float(weight)) for name, _, weight in (word.partition("=") for word in options.loss))


def _data_config(options: argparse.Namespace) -> DataConfig:
    if len(options.size) > 2:
        raise ValueError(f"--size must be one side or height and width, got {options.size}.")
    size = (options.size[0], options.size[-1])
    return DataConfig(path=options.data, size=size, **cli.pick_fields(options, DataConfig, _OWN_FLAGS))


def _data(options: argparse.Namespace) -> dict[str, Any] | str:
    from bench.data.dataset import read
    from bench.data.frames import is_foreground
    from bench.data.sheet import contact_sheet

    if options.merge_scenes is not None and options.audit is None:
        raise ValueError("--merge-scenes must stand with --audit, which finds the scenes to merge.")
    for name, file in (("--merge-scenes", options.merge_scenes), ("--sheet", options.sheet)):
        if file is not None and not file.parent.is_dir():
            raise ValueError(f"{name} must name a file in a folder that exists, got {file}.")
    data = _data_config(options)
    data = replace(data, path=options.audit or data.path)
    frames = read(data)
    if options.sheet is not None:
        contact_sheet(frames, options.sheet)
    if options.audit is not None:
        return _audit(frames, data, options)
    return {
        "frames": len(frames.stems),
        "scenes": len(set(frames.scenes)),
        "size": list(frames.images.shape[1:3]),
        "foreground_share": round(float(is_foreground(frames.masks).mean()), 4),
        **({"sheet": str(options.sheet)} if options.sheet else {}),
    }


def _audit(frames: "Frames", data: DataConfig, options: argparse.Namespace) -> dict[str, Any] | str:
    from bench.data.audit.audit import audit
    from bench.data.audit.look_alikes import merge_look_alikes
    from bench.data.audit.scene_table import write_scene_table
    from bench.data.audit.text import render

    found = audit(frames, data)
    table: Path | None = options.merge_scenes
    if table is not None:
        write_scene_table(table, frames.stems, merge_look_alikes(frames))
    if options.json:
        return asdict(found) | ({"scene_table": str(table)} if table else {})
    return render(found) + (
        f"\nwrote {table}; it counts as scenes.csv in {data.path}, without --scene-pattern" if table else ""
    )


def _run_config(options: argparse.Namespace) -> RunConfig:
    from architectures import registry

    data = _data_config(options)
    if options.preset is not None:
        own = (options.arch, options.channels, options.decoder_channels, options.skips, options.target)
        if any(value is not None for value in own) or options.latent:
            raise ValueError(
                "--preset must stand without --arch, --channels, --decoder-channels, --skips, --target and --latent."
            )
        architecture = replace(registry.get_preset(options.preset), norm=options.norm)
    else:
        name = options.arch or "unet"
        default = next(iter(registry.get_spec(name).presets.values()))
        architecture = registry.configure(
            name,
            options.channels or default.channels,
            decoder_channels=options.decoder_channels,
            skips=_parse_skips(options.skips),
            norm=options.norm,
            target=options.target,
            latent=options.latent,
            image_size=data.size,
        )
    return RunConfig(
        architecture=architecture,
        data=data,
        training=TrainingConfig(
            loss=_loss(options),
            **cli.pick_fields(options, TrainingConfig, _LOSS) | (_NO_AUGMENTATION if options.augment == "none" else {}),
        ),
        repeat=options.repeat,
    )


def _parse_skips(words: list[str] | None) -> Any:
    if words is None or words in (["none"], ["all"]):
        return words[0] if words else None
    if not all(word.isdigit() for word in words):
        raise ValueError(f"--skips must be none, all or level numbers, got {' '.join(words)}.")
    return tuple(int(word) for word in words)


def _train(options: argparse.Namespace) -> dict[str, Any]:
    from bench.commands.session import train_one

    config = _run_config(options)
    return train_one(config, runs=options.runs, device=options.device, tracking=options.tracking, unseal=options.unseal)


def _predict(options: argparse.Namespace) -> dict[str, Any]:
    from bench.commands.predict import find_images, load_checkpoint, predict_files, resolve_checkpoint
    from bench.machine.device import choose_device
    from bench.tracking.store import tracking_url

    images = find_images(options.images)
    network, config = load_checkpoint(
        resolve_checkpoint(options.checkpoint, tracking_url(options.runs, options.tracking))
    )
    if config.architecture.reconstructs:
        raise ValueError(f"predict must be given a network that segments, got {config.architecture.name}; use sample.")
    written = predict_files(network, config, images, options.out, choose_device(options.device))
    return {"masks": len(written), "out": str(options.out)}


def _sample(options: argparse.Namespace) -> dict[str, Any]:
    from bench.commands.sample import sample_one

    wanted = SampleConfig(
        n=options.n,
        seed=options.seed,
        interpolate=options.interpolate and tuple(options.interpolate),
        steps=options.steps,
        traverse=options.traverse,
    )
    where = {name: getattr(options, name) for name in ("out", "runs", "device", "tracking")}
    return sample_one(options.checkpoint, wanted, **where)


def _perf(options: argparse.Namespace) -> dict[str, Any] | str:
    from architectures import registry
    from bench.perf.compare import compare

    implementations, left_out = choose_implementations(options.implementations)
    training = TrainingConfig(
        batch_size=options.batch_size,
        loss=_loss(options),
        **_NO_AUGMENTATION,
        **cli.pick_fields(options, TrainingConfig, _PERF_TRAINING | _LOSS),
    )
    data = _data_config(options)
    networks = {
        name: RunConfig(architecture=registry.get_preset(name), data=data, training=training) for name in options.preset
    }
    if generative := [name for name, config in networks.items() if config.architecture.reconstructs]:
        raise ValueError(f"--preset must name networks that segment, got {', '.join(generative)}.")
    perf = PerfConfig(**cli.pick_fields(options, PerfConfig))
    answer = compare(networks, implementations, left_out, perf, device=options.device, out=options.out)
    return answer.values if options.json else answer.text


if __name__ == "__main__":
    sys.exit(main())
