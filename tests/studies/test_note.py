"""The text of a study's parent run: commands that can be copied."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hourglass_bench.studies.catalog import get_study
from hourglass_bench.studies.note import _note
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.status import Status


@pytest.mark.parametrize("name", ["quick", "mine"])
def test_commands_can_be_copied_and_tell_no_password(name: str, tmp_path: Path) -> None:
    study = replace(get_study("quick"), name=name)
    options = Options(runs=tmp_path, tracking="postgresql://me:secret@host/db")
    said = _note(study, Status(study=name, units={}, outcomes={}), options, "abc")
    where = f"--runs {tmp_path} --tracking 'postgresql://me:***@host/db'"
    commands = re.findall("`(hourglass-bench .*?)`", said)
    report = f"hourglass-bench report {name} {where}"
    # A study of one's own is a file, or an object, whose place the store does not know.
    assert commands == ([f"hourglass-bench sweep quick {where}", report] if name == "quick" else [report])
    assert "secret" not in said
