"""Wrong input to `bench`: one paragraph that begins with the command's name, code 2, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hourglass_bench.bench.__main__ import main

ARCHITECTURES = "simple_conv, hourglass, unet, unet_twin, autoencoder, vae"
PRESETS = "--preset must be one of simple_conv_shallow, simple_conv_deep, hourglass, unet"
ALONE = "--preset must stand without --arch, --set, --channels, "
DEVICE = "--device must be one of auto, cpu, cuda, cuda:INDEX or mps, got "


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --data nowhere", "nowhere must be a folder"),
        ("train --loss lovasz=1", "--loss must be of bce, dice, focal, tversky, got 'lovasz'."),
        ("train --loss bce", "--loss must be of words NAME=WEIGHT, such as bce=1 dice=3, got 'bce'."),
        ("train --loss bce=much", "--loss must be of words NAME=WEIGHT, such as bce=1 dice=3, got 'bce=much'."),
        ("train --loss bce=-1", "--loss bce must have a finite weight of at least 0, got -1.0."),
        ("train --loss", "--loss must have a weight above 0, got ()."),
        ("train --size 1 2 3", "--size must be one side or height and width, got [1, 2, 3]."),
        ("train --size", "--size must be one side or height and width, got []."),
        ("train --skips first", "--skips must be none, all or level numbers, got first."),
        ("train --channels 2 2 2 2 2 2 --size 32", "architecture depth 6 leaves no bottleneck of an image of 32x32"),
        (
            "train --channels 4 8 --decoder-channels 4",
            "--decoder-channels of unet must hold one width per level (2), got (4,)",
        ),
        (
            "train --arch resnet",
            f"--arch must be one of {ARCHITECTURES}, or package.module:Class, or path/to/file.py:Class, ",
        ),
        ("train --arch simple_conv --latent 8", "--latent must be 0 for simple_conv, got 8; use hourglass"),
        (
            "train --arch simple_conv --bottom 8",
            "--bottom must be 0 for simple_conv, got 8; use hourglass, wh",
        ),
        ("train --bottom -1", "--bottom must be at least 0, got -1"),
        ("train --preset unet_original --block residual", ALONE),
        ("train --arch hourglass --skips 1", "--skips must be empty for hourglass, got (1,); use unet"),
        ("train --target image", "--target must be mask for unet, which segments, got image; use autoencoder or vae."),
        ("train --preset resnet", PRESETS),
        ("train --preset unet --arch unet", ALONE),
        ("train --preset unet --channels 4", ALONE),
        ("train --preset unet --latent 4", ALONE),
        ("train --preset vae --target mask", ALONE),
        (
            "train --synthetic-scenes 2",
            "synthetic must hold at least 3 scenes, to train, to choose the epoch and to test, got 2",
        ),
        ("train --device tpu", f"{DEVICE}'tpu'"),
        ("train --device cuda:", f"{DEVICE}'cuda:'"),
        ("train --device cuda:99", "device 'cuda:99' must be present"),
        ("predict 0123456789abcdef0123456789abcdef . --out out", ". must hold images"),
        ("predict nothing.pt file --out out", "'nothing.pt' must be a checkpoint or a run of"),
        (
            "perf --implementations keras",
            "--implementations must be of harness, plain, advised, lightning, got 'keras'",
        ),
        ("perf --preset", "--preset must name networks that segment, got none."),
        ("perf --preset deep", PRESETS),
        ("perf --preset simple_conv_deep unet --size 32 --data nowhere", "nowhere must be a folder"),
        ("perf --repetitions 0", "--repetitions must be at least 1, got 0"),
        ("perf --steps 0", "--steps must be at least 1, got 0"),
        ("perf --epochs -1", "--epochs must be at least 0, got -1"),
        ("perf --trainings 0", "--trainings must be at least 1, got 0"),
        ("perf --target-iou 1", "--target-iou must lie in [0, 1), got 1.0"),
        ("perf --device tpu", f"{DEVICE}'tpu'"),
        ("perf --device cpu --precision tf32", "--precision must be auto, fp32 or bf16 where there is no GPU"),
        ("perf --size 16 --synthetic-scenes 6 --synthetic-frames 1 --out file", "--out must be a folder, got the file"),
        ("data --data nowhere", "nowhere must be a folder"),
        ("data --audit nowhere", "nowhere must be a folder, got none there"),
        ("data --audit DATA --scene-pattern x(y)", "--scene-pattern must find one group in every stem, got 'x(y)'"),
        (
            "data --audit --scene-pattern a --scene-table b",
            "--scene-table must stand without --scene-pattern, got 'b'",
        ),
        (
            "data --audit DATA --scene-table none.csv",
            "none.csv must be a table of scenes (--scene-table FILE, or",
        ),
        ("data --audit here there", "--audit must name one folder or none, got here there."),
        ("data --merge-scenes scenes.csv", "--merge-scenes must stand with --audit"),
        ("data --audit --merge-scenes no/it", "--merge-scenes must name a file in a folder that exists, got no/it."),
        ("data --audit --sheet no/it", "--sheet must name a file in a folder that exists, got no/it."),
    ],
)
def test_wrong_input_is_one_paragraph_and_code_2_and_writes_nothing(
    arguments: str, message: str, folder_data: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "file").touch()
    assert refused(main, arguments.replace("DATA", str(folder_data))).startswith(f"bench: {message}")
