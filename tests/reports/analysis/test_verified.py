"""Frame tables that are not what their runs logged: each is named and used nowhere, and no mean changes."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fake_units import Unit
from helpers import Summarised, written
from pyarrow import parquet

from hourglass_bench.bench import schema
from hourglass_bench.reports import data
from hourglass_bench.reports.analysis import verified as verified_module
from hourglass_bench.reports.analysis.evidence import evidence
from hourglass_bench.reports.analysis.frame_tables import best_tables, run_frames
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.analysis.verified import verify
from hourglass_bench.reports.store.load import ARTIFACTS, RUN

Damage = Callable[[pd.DataFrame], pd.DataFrame]
FRAMES = r"must have the 8 test frames of the run's split in their order, got "
DAMAGES: dict[str, tuple[Damage, str]] = {
    "halved": (lambda table: table[:4], rf"{FRAMES}4\."),
    "empty": (lambda table: table[:0], rf"{FRAMES}0\."),
    "reordered": (lambda table: table[::-1], rf"{FRAMES}others\."),
    "a frame twice": (lambda table: pd.concat([table, table[:1]]), rf"{FRAMES}9\."),
    "a frame in place of another": (lambda table: table.iloc[[0, 0, *range(2, 8)]], rf"{FRAMES}others\."),
    "a number is missing": (
        lambda table: table.assign(hd95=table["hd95"].where(table.index != 2)),
        r"must have a number for every frame, metric and baseline, got none in hd95\.",
    ),
    "a scene is missing": (
        lambda table: table.assign(scene=table["scene"].where(table.index > 1)),
        "must have a scene",
    ),
    "a score was changed": (
        lambda table: table.assign(iou=table["iou"] - 0.01 * (table.index == 3)),
        r"must have the mean IoU that was logged, 0\.\d+, got 0\.\d+\.",
    ),
    "scores in another order": (
        lambda table: table.assign(brier=table["brier"].to_numpy()[[7, *range(7)]], scene=[*"aaaabbcd"]),
        r"must have the mean \w+ that was logged",
    ),
    "a baseline was changed": (
        lambda table: table.assign(copy_iou=0.9),
        "must have the mean IoU of copy of the nearest",
    ),
    "a metric is no number": (
        lambda table: table.assign(ece="0.1"),
        r"must have numbers in ece, got (large_)?string\.",
    ),
    "a metric is not there": (lambda table: table.drop(columns="ece"), r"must have the columns .*, got none for ece\."),
    "stems are lists": (
        lambda table: table.assign(stem=pd.Series([["a"]] * 8, dtype="object")),
        "must have texts in stem, got list",
    ),
}


@pytest.fixture(scope="module")
def summary(summarised: Summarised) -> Summary:
    return summarised([Unit(architecture=name, repeat=repeat) for name in ("hourglass", "unet") for repeat in range(5)])


@pytest.fixture
def table_of(summary: Summary) -> Iterator[Callable[[int], Path]]:
    """Function that gives the frame table of the run at a place, which the test may damage."""
    paths = [Path(folder) / schema.FRAME_TABLE for folder in summary.runs[ARTIFACTS]]
    before = {path: path.read_bytes() for path in paths}
    yield lambda place: paths[place]
    for path, content in before.items():
        path.write_bytes(content)


Table = Callable[[int], Path]


def test_tables_as_they_were_written_are_used(summary: Summary) -> None:
    assert summary.refused == {}
    assert summary.scenes[RUN].nunique() == 10


@pytest.mark.parametrize("name", DAMAGES)
def test_a_table_that_is_not_what_the_run_logged_is_refused(name: str, summary: Summary, table_of: Table) -> None:
    damage, why = DAMAGES[name]
    damage(pd.read_parquet(table_of(3))).to_parquet(table_of(3))
    found = verify(summary.runs)
    assert list(found.refused) == [summary.runs[RUN].iloc[3]]
    assert pd.Series(found.refused).str.match(why).all(), found.refused
    assert sorted(set(found.frames.index)) == [0, 1, 2, *range(4, 10)]


def test_the_table_of_another_run_is_refused(summary: Summary, table_of: Table) -> None:
    shutil.copy(table_of(0), table_of(5))  # of the same repeat, so of the same frames
    shutil.copy(table_of(0), table_of(1))
    found = verify(summary.runs)
    assert {run: why.split(", got")[0][:24] for run, why in found.refused.items()} == {
        summary.runs[RUN].iloc[1]: "must have the 8 test fra",
        summary.runs[RUN].iloc[5]: "must have the mean IoU t",
    }


def test_a_table_whose_run_has_lost_its_split_is_held_against_that_of_another_run(
    summary: Summary, table_of: Table
) -> None:
    splits = [table_of(place).with_name(schema.SPLIT_FILE) for place in (0, 5)]
    content = splits[0].read_text()
    pd.read_parquet(table_of(0))[:4].to_parquet(table_of(0))
    try:
        splits[0].write_text('{"test": ["other"]}')
        assert "8 test frames" in verify(summary.runs).refused[summary.runs[RUN].iloc[0]]
        splits[1].unlink()
        assert "must have the mean" in verify(summary.runs).refused[summary.runs[RUN].iloc[0]]
    finally:
        for path in splits:
            path.write_text(content)


def test_what_cannot_be_read_is_refused(summary: Summary, table_of: Table) -> None:
    table_of(0).write_bytes(b"")
    content = table_of(1).read_bytes()
    table_of(1).write_bytes(content[:200] + b"\xff" * 600 + content[800:])
    many = 3_000_000
    names = parquet.read_schema(table_of(2)).names
    bomb = pa.table({name: pa.DictionaryArray.from_arrays(np.zeros(many, "int8"), ["0"]) for name in names})
    parquet.write_table(bomb, table_of(2), compression="zstd")
    assert table_of(2).stat().st_size < 300_000
    found = verify(summary.runs).refused
    assert len(found) == 3
    assert all("cannot be read: " in why for why in list(found.values())[:2])
    assert list(found.values())[2] == "must have at most 2,000,000 rows, got 3,000,000."


def test_no_reader_of_tables_runs_what_is_in_them(tmp_path: Path) -> None:
    """A table of pickled objects is bytes."""
    import pickle

    class Payload:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    path = tmp_path / schema.FRAME_TABLE
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ValueError, match="cannot be read"):
        verified_module.read_columns(path, ["scene"])
    pa_table = pa.table({"scene": [pickle.dumps(Payload())]})
    parquet.write_table(pa_table, path)
    assert verified_module.read_columns(path, ["scene"]).num_rows == 1
    assert not (tmp_path / "ran").exists()


def test_the_first_page_names_it_and_no_mean_changes(summary: Summary, table_of: Table) -> None:
    for place in (1, 2, 3, 4):
        pd.read_parquet(table_of(place))[:4].to_parquet(table_of(place))
    again = summarise(summary.study)
    runs = summary.runs[RUN].tolist()
    (said,) = (text for text in written("answer", again) if "frame table" in text)
    assert said.startswith(
        "The frame table (test_frames.parquet) of 4 of 10 tested runs is gone or not used, since it is not what the "
        f"run logged: that of run {runs[1][:8]} must have the 8 test frames of the run's split in their order, got 4. "
    )
    assert "Those of 1 more run are listed in data/refused.csv. Differences and verdicts are of the repeats" in said
    pd.testing.assert_frame_equal(again.configurations, summary.configurations)
    assert set(again.scenes[RUN]) == {runs[0], *runs[5:]}
    assert evidence(again).query("kind == 'frame_table'")["gone"].tolist() == [4, 0]
    assert data.tables(again)["refused"][RUN].tolist() == runs[1:5]
    assert len(best_tables(again, schema.FRAME_TABLE, ["stem"]).drop_duplicates(["architecture", "repeat"])) == 6
    with pytest.raises(ValueError, match=rf"^test_frames\.parquet of run {runs[1]} must have the 8 test frames"):
        run_frames(again)
