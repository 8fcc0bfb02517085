"""The short check of this machine, whole, where no package is but torch and numpy."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hourglass_bench.architectures.registry import ARCHITECTURES

ROOT = Path(__file__).parents[3]
ONLY = """
import sys
from importlib.machinery import PathFinder

NEEDED = "torch numpy functorch torchgen typing_extensions sympy mpmath networkx jinja2 markupsafe filelock fsspec"
THERE = {*NEEDED.split(), *sys.stdlib_module_names, "hourglass_bench", "coverage"}
find = PathFinder.find_spec


def find_spec(name, path=None, target=None):
    root = name.partition(".")[0]
    return find(name, path, target) if root in THERE or root.startswith("_sysconfigdata") else None


PathFinder.find_spec = find_spec
"""
"""What a process of Python's finds: torch, what it needs itself, and numpy."""


def test_the_short_check_of_this_machine_passes(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ONLY)
    command = [sys.executable, "-m", "hourglass_bench", "check", "--device", "cpu", "--short", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    sections = {section["name"]: section for section in answer["sections"]}
    assert {name: section["outcome"] for name, section in sections.items()} == {
        "ceilings": "measured",
        "forecast": "passed",
        "agreement": "passed",
        "graph": "not here",
        "leaks": "passed",
        "faults": "passed",
        "speed": "measured",
        "roofline": "measured",
        "trials": "measured",
    }
    allowed, *networks = sections["agreement"]["lines"]
    assert {line["name"].partition(",")[0] for line in networks} == set(ARCHITECTURES)
    assert len(networks) == len(ARCHITECTURES) * 3  # norms
    assert all(line["figures"].keys() == allowed["figures"].keys() for line in networks)
    figures = [figure for section in answer["sections"] for line in section["lines"] for figure in line["figures"]]
    assert {"TFLOP/s", "GB/s", "images/s", "times the plain loop", "share of it, %", "trials/h"} <= set(figures)
    assert all(line["figures"] for line in sections["trials"]["lines"])
    assert answer["seconds"] <= 480
