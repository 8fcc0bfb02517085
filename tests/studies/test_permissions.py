"""What a study and its report leave is the user's own: as the umask says, the cache of frames for nobody else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.reports.__main__ import main as reports
from tests.studies.conftest import sweep

pytestmark = pytest.mark.usefixtures("catalog", "inline")


@pytest.fixture(params=[0o077, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of this process, for one test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_files_are_made_as_the_umask_says(umask: int, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert sweep(runs) == 0
    assert reports(["report", "tiny", "--runs", str(runs), "--no-html"]) == 0
    found = {path.relative_to(runs): path.lstat().st_mode for path in (runs, *runs.rglob("*"))}
    cache = Path(schema.CACHE_DIR)
    assert {path: oct(mode) for path, mode in found.items() if stat.S_IMODE(mode) & umask} == {}
    private = {
        path: oct(mode) for path, mode in found.items() if stat.S_IMODE(mode) & (0o666 & ~umask) != 0o666 & ~umask
    }
    assert {path for path in private if cache not in path.parents} == set()
    entries = [path for path, mode in found.items() if path.parent == cache and stat.S_ISDIR(mode)]
    assert entries
    assert {oct(stat.S_IMODE(found[path])) for path in entries if (runs / path / "names.json").exists()} == {"0o700"}
