"""Files of runs, as reports read them: panels, tables, and the folders they lie in."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from fake_units import Unit, blobs
from helpers import Summarised

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.practical import elements
from hourglass_bench.reports.analysis.summary import map_shape
from hourglass_bench.reports.analysis.verified import read_columns
from hourglass_bench.reports.figures import bottleneck, predictions
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.store import arrays
from hourglass_bench.reports.store.arrays import Generated, read_generated, read_ignored, read_panel
from hourglass_bench.reports.store.artifacts import local_folder, own_folder
from hourglass_bench.reports.store.load import ARTIFACTS


def test_shapes_of_maps() -> None:
    shapes = map_shape(pd.Series(["8x4x2", "", "8x4x4 / 8x2x2", "8x4", None]))
    assert shapes.iloc[0].tolist() == [8, 4, 2]
    assert shapes.iloc[1:].isna().all(axis=None)
    table = pd.DataFrame({schema.BOTTLENECK_MEASURED: ["8x4x2", "", "8x4x4 / 8x2x2"]})
    assert elements(table).fillna(-1).tolist() == [64, -1, -1]
    assert elements(table[1:]).isna().all()


def panel(folder: Path) -> Path:
    path = folder / schema.PANEL_DATA
    np.savez_compressed(path, **blobs(Unit(size=16)))
    return path


def test_a_panel_is_read(tmp_path: Path) -> None:
    stems, truth = read_panel(panel(tmp_path), "stems", "truth")
    kept = blobs(Unit(size=16))
    assert (stems.tolist(), truth.tolist()) == (kept["stems"].tolist(), kept["truth"].tolist())


def scrambled(content: bytes) -> bytes:
    """With the compressed data of the second array damaged."""
    start = content.index(b"scenes.npy") + 40
    return content[:start] + b"\xff" * 30 + content[start + 30 :]


def bare(_: bytes) -> bytes:
    """A single array, as `numpy.save` writes it."""
    return b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (0,), }".ljust(127) + b"\n"


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda content: content[:300], scrambled, bare, lambda _: b"not an archive"]
)
def test_a_damaged_panel_is_a_value_error(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = panel(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"panel\.npz cannot be read: .*\.$"):
        read_panel(path, "stems", "scenes")


def test_no_reader_of_arrays_runs_what_is_in_them(tmp_path: Path) -> None:
    """Python's own pickles, in an archive, bare and as a bare array."""

    class Payload:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    path, objects = tmp_path / schema.PANEL_DATA, np.array([Payload()], dtype=object)
    for write in (
        lambda: np.savez(path, allow_pickle=True, stems=objects, ignored=objects),
        lambda: path.write_bytes(pickle.dumps(Payload())),
        lambda: path.write_bytes(objects.dumps()),
    ):
        write()
        with pytest.raises(ValueError, match=r"panel\.npz cannot be read: .*\.$"):
            read_panel(path, "stems")
        with pytest.raises(ValueError, match=r"panel\.npz cannot be read: .*\.$"):
            read_ignored(path, np.zeros(1, bool))
    np.savez(tmp_path / schema.GENERATED_DATA, allow_pickle=True, **dict.fromkeys(Generated._fields, objects))
    with pytest.raises(ValueError, match=r"generated\.npz cannot be read: Object arrays cannot be loaded"):
        read_generated(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_few_bytes_that_stand_for_many_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / schema.PANEL_DATA
    np.savez_compressed(path, stems=np.zeros(2**23, np.uint8))
    assert path.stat().st_size < 2**14
    monkeypatch.setattr(arrays, "MOST_BYTES", 2**22)
    with pytest.raises(ValueError, match=r"panel\.npz cannot be read: its arrays have 8,388,736 bytes, more than"):
        read_panel(path, "stems")


def test_an_array_that_says_to_be_larger_than_it_is(tmp_path: Path) -> None:
    path = tmp_path / schema.PANEL_DATA
    with ZipFile(path, "w") as archive, archive.open("stems.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**62,)})
    with pytest.raises(ValueError, match=r"panel\.npz cannot be read: "):
        read_panel(path, "stems")


def test_a_panel_must_have_all_arrays_of_one_length(tmp_path: Path) -> None:
    np.savez(tmp_path / schema.PANEL_DATA, stems=np.arange(3), truth=np.zeros((2, 4, 4), bool))
    with pytest.raises(ValueError, match=r"panel\.npz cannot be read: .*images"):
        read_panel(tmp_path / schema.PANEL_DATA, "stems", "images")
    with pytest.raises(ValueError, match=r"an entry per frame in each of stems, truth, got unequal numbers\.$"):
        read_panel(tmp_path / schema.PANEL_DATA, "stems", "truth")


def test_empty_panels_leave_both_figures_out(summarised: Summarised) -> None:
    of = summarised([Unit(), Unit(architecture="unet")])
    for folder in of.runs[ARTIFACTS]:
        Path(folder, schema.PANEL_DATA).write_bytes(b"")
    for figure in (predictions, bottleneck):
        with pytest.raises(NoDataError, match=r"panel\.npz cannot be read: No data left in file\."):
            figure.record(of)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [schema.FRAME_TABLE, schema.CALIBRATION_TABLE])
def test_a_damaged_table_is_named_with_its_columns(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    message = rf"{name} must be a parquet table with the columns scene, bin, and cannot be read: .*\.$"
    with pytest.raises(ValueError, match=message):
        read_columns(tmp_path / name, ["scene", "bin"])


def test_only_the_own_folder_of_a_run_is_taken_from_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = "a" * 32
    folder = tmp_path / "artifacts" / "quick" / run / "artifacts"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert own_folder(folder.as_uri(), run, tmp_path) == folder
    assert own_folder(str(folder), run, tmp_path) == folder
    assert own_folder(f"file:///gone/artifacts/quick/{run}/artifacts", run, tmp_path) == folder
    other = (f"artifacts/quick/{run}/artifacts", f"mlflow-artifacts:/1/{run}/artifacts", str(tmp_path), "/", "", None)
    out = (f"{folder}/../../../..", f"{folder.as_uri()}/%2e%2e/artifacts", f"file:///../{run}", f"/gone/{run}")
    assert [own_folder(uri, run, tmp_path) for uri in (*other, *out)] == [None] * 10
    assert own_folder(folder.as_uri(), "b" * 32, tmp_path) is None


def test_an_empty_uri_is_not_the_working_folder(tmp_path: Path) -> None:
    assert local_folder("", tmp_path) == tmp_path
