"""`bench perf` from end to end, and what it answers to wrong input."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.perf import config
from bench.perf.config import LIGHTNING, baseline_of, choose_contenders

TINY = "--size 16 --synthetic-scenes 6 --synthetic-frames 2 --folds 3 --batch-size 4 --device cpu"


def test_a_measurement_leaves_table_figure_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "perf"
    measure = f"--preset unet --contenders plain harness --repetitions 1 --steps 3 --epochs 1 --seeds 1 --out {out}"
    assert main(f"perf {TINY} {measure} --json".split()) == 0
    answer = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in out.iterdir()) == ["perf.json", "perf.md", "perf.svg"]
    assert json.loads((out / "perf.json").read_text()) == answer
    unet = answer["networks"]["unet"]
    assert unet["baseline"] == "plain"
    for name in ("plain", "harness"):
        (lap,) = unet["measured"]["laps"][name]
        assert lap["train_images"] == 12  # three passes of four frames, for at least three steps of four
        assert lap["train_seconds"] > 0
        assert len(unet["measured"]["curves"][name][0]) == 1
    rows = {row["label"]: row for row in unet["rows"]}
    assert rows["training, images/s"]["ratios"]["plain"] == 1
    share = rows["training, share of the roof"]["values"]["harness"]
    rate, roof = rows["training, images/s"]["values"]["harness"], unet["train_roofs"]["harness"]["images"]
    assert share == pytest.approx(rate / roof)
    table = (out / "perf.md").read_text()
    assert "| unet | plain PyTorch | this harness |" in table
    assert "(1.00x)" in table
    assert (out / "perf.svg").read_text().rstrip().endswith("</svg>")


def test_each_contender_stands_under_the_roof_of_its_own_precision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked for by name, bf16 is also used where the hardware only emulates it."""
    measure = "--preset hourglass --contenders plain harness --repetitions 1 --steps 1 --epochs 0 --precision bf16"
    assert main(f"perf {TINY} {measure} --out {tmp_path / 'perf'} --json".split()) == 0
    roofs = json.loads(capsys.readouterr().out)["networks"]["hourglass"]["train_roofs"]
    assert {name: roof["precision"] for name, roof in roofs.items()} == {"plain": "float32", "harness": "bfloat16"}


def test_lightning_is_left_out_or_asked_for_in_vain_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert choose_contenders(None) == (list(config.CONTENDERS), {})
    monkeypatch.setattr(config, "find_spec", lambda _: None)
    chosen, left_out = choose_contenders(None)
    assert LIGHTNING not in chosen
    assert 'pip install -e ".[perf]"' in left_out[LIGHTNING]
    assert choose_contenders(["plain"]) == (["plain"], {})
    with pytest.raises(ValueError, match=r"contender lightning must be installed.*pip install -e"):
        choose_contenders(["plain", "lightning"])


def test_the_plain_loop_is_the_baseline_wherever_it_stands() -> None:
    assert baseline_of(["harness", "plain"]) == "plain"
    assert baseline_of(["harness", "advised"]) == "harness"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--contenders keras", "contenders must be of harness, plain, advised, lightning, got 'keras'"),
        ("--preset deep", "preset must be one of simple_conv_shallow, simple_conv_deep, hourglass, unet"),
        ("--preset simple_conv_deep unet --size 32 --data nowhere", "nowhere/images must be a folder"),
        ("--repetitions 0", "repetitions must be at least 1, got 0"),
        ("--steps 0", "steps must be at least 1, got 0"),
        ("--epochs -1", "epochs must be at least 0, got -1"),
        ("--seeds 0", "seeds must be at least 1, got 0"),
        ("--target-iou 1", "target_iou must lie in [0, 1), got 1.0"),
        ("--batch-size 0", "training.batch_size must be at least 1, got 0"),
        ("--device tpu", "device must be one of auto, cpu, cuda or cuda:INDEX, got 'tpu'"),
        ("--size 16 --synthetic-scenes 6 --synthetic-frames 1 --out file", "--out must be a folder, got the file file"),
    ],
)
def test_wrong_input_is_one_paragraph_and_code_2_and_writes_nothing(
    arguments: str, message: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "file").touch()
    assert message in refused(main, f"perf {arguments}")
