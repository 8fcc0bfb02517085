"""Networks from elsewhere on the command line: refusals, sizes, and checkpoints that are moved."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from tests.networks import forget_networks

TINY = "--size 16 --synthetic-scenes 6 --synthetic-frames 1 --folds 3 --epochs 1 --batch-size 4 --device cpu"
NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, width: int = 4, grows: int = 1, fixed: bool = False):
        super().__init__()
        if width > 99:
            raise RuntimeError("too wide")
        self.down = nn.Conv2d(in_channels, width, 2, 2)
        self.up = nn.ConvTranspose2d(width, grows * out_channels, 2, 2)
        self.fixed = fixed

    def forward(self, x):
        x = torch.relu(self.down(x))
        return {"out": self.up(x.reshape(-1, 4, 7, 7) if self.fixed else x).sigmoid()}

class Plain:
    pass
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What one test finds in its folder is not what the next one has."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    forget_networks()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--arch mine.py:Plain", "architecture mine.py:Plain must be a subclass of torch.nn.Module, a function whose"),
        ("--arch mine.py:nothing", "architecture mine.py:nothing must name a class of mine.py, got 'nothing'; its net"),
        ("--arch none.py:Net", "architecture none.py:Net must name a file that exists, got none.py."),
        ("--arch broken.py:Net", "architecture broken.py:Net must be importable, got SyntaxError in "),
        ("--arch not_there.nets:Net", "architecture not_there.nets:Net must be importable, got ModuleNotFoundError: "),
        ("--arch mine.py:Net --set widht=4", "options of mine.py:Net must be those of its signature (in_channels: int"),
        ("--arch mine.py:Net --set width", "--set must be of words KEY=VALUE, such as width=24, got width."),
        ("--arch mine.py:Net --set name=net", "--set must leave name to --arch, which it is."),
        ("--arch mine.py:Net --set width=100", "architecture mine.py:Net must be made by (width=100, in_channels=3, "),
        (
            "--arch mine.py:Net --set grows=2",
            "architecture mine.py:Net must return one tensor of logits (batch, 1, hei",
        ),
        (
            "--arch mine.py:Net --set fixed=true",
            "architecture mine.py:Net must take images of 16x16 pixels and 3 chann",
        ),
        (
            "--arch mine.py:Net --channels 4 8",
            "--arch mine.py:Net must have its options by --set KEY=VALUE, not by the",
        ),
        ("--arch unet --set width=4", "--set must stand with a network from elsewhere, got unet, which has flags of"),
    ],
)
@pytest.mark.parametrize("verb", ["train", "sizes"])
def test_refusals(verb: str, arguments: str, message: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "mine.py").write_text(NETWORK)
    (tmp_path / "broken.py").write_text("class Net(:\n")
    assert refused(main, f"{verb} {arguments} --size 16").startswith(f"bench: {message}")


def test_what_a_network_prints_is_not_in_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loud.py").write_text(NETWORK.replace("super().__init__()", "super().__init__(); print('made')"))
    assert (
        main(["sizes", "--arch", "loud.py:Net", "--size", "16", "--batch-size", "4", "--device", "cpu", "--json"]) == 0
    )
    out, err = capsys.readouterr()
    assert json.loads(out)["architecture"] == "loud.py:Net"
    assert "made" in err


def test_a_refused_operator_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    """torch logs a traceback of what fails on tensors without contents."""
    monkeypatch.chdir(tmp_path)
    assert main(["sizes", "--arch", "torch.nn:Linear", "--set", "in_features=3", "out_features=1", "--size", "16"]) == 2
    assert capsys.readouterr().err.startswith("bench: architecture torch.nn:Linear must take images of 16x16 pixels")
    assert not caplog.records


def test_sizes_need_no_data_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(NETWORK)
    arguments = "sizes --arch mine.py:Net --set width=6 --size 16 32 --batch-size 4 --precision fp32 --device cpu"
    assert main([*arguments.split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("tensor_peak_bytes") > found.pop("activation_bytes") > 0
    assert found == {
        "architecture": "mine.py:Net",
        "size": [16, 32],
        "params": 6 * 13 + 6 * 4 + 1,
        "macs": 8 * 16 * 6 * (12 + 4),
        "bottleneck": [6, 8, 16],
        "bottleneck_name": "down",
        "batch_size": 4,
        "device": "cpu",
        "notes": [
            "logits are one of what it returns, dict of out: (2, 1, 16, 32)",
            "its sigmoid is undone",
        ],
    }
    assert main(arguments.split()) == 0
    said = capsys.readouterr().out
    assert "mine.py:Net width=6" in said
    assert "6x8x16, what leaves down" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `bench train` answers, run where the file lies."""
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    Path("mine.py").write_text(NETWORK)
    with redirect_stdout(io.StringIO()) as said:
        assert main(f"train --arch mine.py:Net --set width=6 {TINY} --json".split()) == 0
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


ELSEWHERE = Path(__file__).parents[1] / "training" / "elsewhere.py"


def test_sizes_tell_how_it_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"sizes --arch {ELSEWHERE}:Viewing --size 16 --precision fp32 --device cpu --json".split()) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith("it is trained in contiguous memory, since channels_last gave RuntimeError: view size is")


def test_sizes_of_what_decides_by_contents_lack_the_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = f"sizes --arch {ELSEWHERE}:Deciding --size 16 --device cpu".split()
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tensor_peak_bytes"] is None
    assert main(arguments) == 0
    assert "unknown, since the network decides by what tensors contain, at its peak" in capsys.readouterr().out


def test_a_run_says_how_it_was_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with redirect_stdout(io.StringIO()) as said:
        assert main(f"train --arch {ELSEWHERE}:Viewing {TINY} --json".split()) == 0
    tags = open_store(tracking_url(Path("runs"))).get_run(json.loads(said.getvalue())["run_id"]).data.tags
    assert "it is trained in contiguous memory, since channels_last gave RuntimeE" in tags[schema.NETWORK_NOTES]
    assert tags[f"{schema.EXECUTION}memory_format"] == "contiguous"


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]) -> None:
    class Missing:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name.partition(".")[0] == "monai":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for module in [name for name in sys.modules if name.partition(".")[0] == "monai"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Missing, *sys.meta_path])
    said = refused(main, "train --arch monai.networks.nets:SegResNet")
    assert said.startswith("bench: architecture monai.networks.nets:SegResNet must be importable, got ModuleNotFound")
    assert said.endswith('; pip install "hourglass-bench[zoo]" installs it.\n')


def predict(checkpoint: Path, images: Path, *more: str) -> int:
    return main(["predict", str(checkpoint), str(images), "--out", "masks", "--device", "cpu", *more])


def test_a_run_keeps_what_its_network_is_built_from(trained: dict[str, Any]) -> None:
    run = open_store(tracking_url(Path("runs"))).get_run(trained["run_id"]).data
    assert (run.params["architecture.name"], run.params["architecture.width"]) == ("mine.py:Net", "6")
    assert "depth" not in run.params
    source = json.loads(run.tags[schema.NETWORK_SOURCE])
    assert (list(source["files"]), source["package"]) == (["mine.py"], "")
    logits = "logits are one of what it returns, dict of out: (2, 1, 16, 16)"
    assert run.tags[schema.NETWORK_NOTES].startswith(f"{logits}; its sigmoid is undone")
    folder = Path(trained["checkpoint"]).parent
    assert (folder / "source" / "mine.py").read_text() == NETWORK
    assert json.loads((folder / "source.json").read_text()) == source


def test_a_checkpoint_says_what_it_needs_and_what_has_changed(
    trained: dict[str, Any],
    folder_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = Path(trained["checkpoint"])
    assert predict(checkpoint, folder_data) == 0
    assert "changed" not in capsys.readouterr().err
    before = {path.name: path.read_bytes() for path in Path("masks").glob("*.png")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    forget_networks()
    assert predict(checkpoint, folder_data) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert "architecture mine.py:Net must name a file that exists, got mine.py; the checkpoint in " in said
    assert f"is built from mine.py (copies lie in {checkpoint.parent}/source, to be read and put in place)." in said
    assert list(elsewhere.iterdir()) == []

    shutil.copy(checkpoint.parent / "source" / "mine.py", "mine.py")
    assert predict(checkpoint, folder_data) == 0
    assert "changed" not in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in Path("masks").glob("*.png")} == before


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("torch.relu", "torch.tanh", 0, "mine.py:Net has changed since the training: mine.py; its weights are loaded"),
        ("self.down", "self.other", 2, "must hold the weights that "),
    ],
)
def test_a_changed_source_is_told_and_loads_where_the_weights_fit(
    old: str,
    new: str,
    code: int,
    message: str,
    trained: dict[str, Any],
    folder_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "changed").mkdir()
    monkeypatch.chdir(tmp_path / "changed")
    Path("mine.py").write_text(NETWORK.replace(old, new))
    forget_networks()
    assert predict(Path(trained["checkpoint"]), folder_data) == code
    assert message in capsys.readouterr().err


def test_a_checkpoint_cannot_name_what_runs_commands(
    trained: dict[str, Any], folder_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(trained["checkpoint"]).parent
    stored = json.loads((folder / "config.json").read_text())
    stored = {key: text for key, text in stored.items() if not key.startswith("architecture.")}
    stored |= {"architecture.name": "subprocess:getoutput", "architecture.cmd": f"touch {tmp_path}/ran"}
    (folder / "config.json").write_text(json.dumps(stored))
    assert predict(folder, folder_data) == 2
    assert "got the function getoutput" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert torch.load(folder / "state_dict.pt", weights_only=True)
