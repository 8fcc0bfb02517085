"""Files of before `hourglass_bench` held the packages: their imports give the modules that are in use."""

import subprocess
import sys
from pathlib import Path

from hourglass_bench.architectures.old_names import old_names
from hourglass_bench.architectures.registry import configure, get_spec
from hourglass_bench.architectures.spec import ArchitectureSpec
from hourglass_bench.studies.own_file import find_study
from tests.architectures.conftest import SPEC, Write

ROOT = Path(__file__).parents[2]
STUDY = """
from studies import Factorial, TrainingConfig, each, grid

PLAN = each(lambda: grid("unet", depth=(2, 3)))
STUDY = Factorial(question="?", size=16, training=TrainingConfig(epochs=1), plan=PLAN, repeats=2)
"""


def test_a_spec_and_a_study_of_before_work(write: Write) -> None:
    write(SPEC.replace("hourglass_bench.", ""), "before.py")
    write(STUDY, "asked.py")
    assert isinstance(get_spec("before.py:SPEC"), ArchitectureSpec)
    assert configure("before.py:SPEC", width=6) != configure("before.py:SPEC")
    assert find_study("asked.py").question == "?"


def test_modules_keep_what_they_know_of_themselves() -> None:
    import hourglass_bench.architectures.spec as ours

    before = (ours.__spec__, ours.__name__, ours.__loader__)
    with old_names():
        from architectures import spec  # type: ignore[import-not-found]

        assert spec is ours
    assert (ours.__spec__, ours.__name__, ours.__loader__) == before


def test_a_users_own_package_of_that_name_is_theirs(write: Write) -> None:
    """In a process of its own, which has not imported ours by the old name."""
    write("MINE = 1\n", "studies.py")
    write("import studies\nfrom torch import nn\nassert studies.MINE\nclass Net(nn.Conv2d): ...\n", "net.py")
    script = "from hourglass_bench.architectures.registry import get_spec; print(get_spec('net.py:Net').origin)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.stdout == "elsewhere\n", done.stderr
