"""A study of fewer scenes than folds has as many folds as there are scenes, in every unit and when it goes on."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hourglass_bench.studies.options import DataChanges, Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import trial_runs


@pytest.mark.usefixtures("catalog", "inline")
def test_folds_of_a_study_are_lowered_to_the_scenes(
    tmp_path: Path, folder_data: Path, tiny_study: Factorial, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(folder_data, tmp_path / "data"))
    for path in [*data.rglob("00004_*"), *data.rglob("00005_*")]:
        path.unlink()
    study = replace(tiny_study, data={**tiny_study.data, "folds": 5})
    options = Options(data=DataChanges(path=str(data)), runs=tmp_path / "runs", device="cpu", workers="1", epochs=1)
    for _ in range(2):
        status = run_study(study, options)
        assert f"warning: folds are lowered from 5 to 4, the number of scenes in {data}" in capsys.readouterr().err
        assert status.waiting == 0
    found = trial_runs(tmp_path / "runs")
    assert {run.data.params["data.folds"] for run in found} == {"4"}
    assert len(found) == len(study.planned(study.setting(path=str(data))))
