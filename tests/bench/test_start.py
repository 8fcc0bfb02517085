"""What a training loads before its first step: nothing that it can do without until later."""

import subprocess
import sys
from pathlib import Path

FIRST_STEP = """
import sys
from pathlib import Path
import torch
from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench.commands.train import train_one
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig

class Stepped(Exception):
    pass

def poll(self):
    raise Stepped

BackgroundLog.poll = poll
config = RunConfig(
    architecture=configure("unet", (4, 8)),
    data=DataConfig(size=(16, 16), synthetic_scenes=6, synthetic_frames=2, folds=3),
    training=TrainingConfig(epochs=1, batch_size=4),
)
try:
    train_one(config, runs=Path(sys.argv[1]), device="cpu")
except Stepped:
    print(" ".join(sys.modules))
"""


def test_the_first_step_waits_for_no_library_but_torch(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    loaded = subprocess.run(
        [sys.executable, "-c", FIRST_STEP, str(tmp_path)], cwd=root, capture_output=True, check=True, text=True
    ).stdout.split()
    assert "torch" in loaded
    assert not {"mlflow", "sqlalchemy", "pandas", "matplotlib", "scipy.ndimage", "torch._dynamo"} & set(loaded)
    assert not (tmp_path / "mlflow.db").exists()
