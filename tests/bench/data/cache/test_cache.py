"""Preparing a folder once: what counts as the same data, what is read again, and what survives a kill."""

import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from hourglass_bench.bench import progress
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data import dataset
from hourglass_bench.bench.data.cache import entry as cache_module
from hourglass_bench.bench.data.cache import file_hashes, prepare
from hourglass_bench.bench.data.cache.entry import Dataset, content_digest
from hourglass_bench.bench.data.dataset import load, read
from hourglass_bench.bench.data.folder.pairs import Pair, find_pairs
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.reading import ReadFrame, decide, read_frame
from hourglass_bench.bench.digest import digest

FRAMES = 12


def config(folder: Path | str, **changes: Any) -> DataConfig:
    return DataConfig(path=str(folder), size=(32, 16), folds=3, **changes)


@pytest.fixture
def folder(folder_data: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(folder_data, tmp_path / "data"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "cache"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files were written long ago."""
    now = time.time_ns
    monkeypatch.setattr("hourglass_bench.bench.data.cache.file_hashes.time.time_ns", lambda: now() + 10**10)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the data's files whose contents were read for their hash."""
    names: list[str] = []
    hash_file = file_hashes._hash

    def watched(path: Path) -> str:
        if path.suffix != ".npy":
            names.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(file_hashes, "_hash", watched)
    return names


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stems of the frames that were read."""
    return watch(monkeypatch, lambda *_: None)


def watch(monkeypatch: pytest.MonkeyPatch, before: Callable[[Pair, list[str]], None]) -> list[str]:
    stems: list[str] = []

    def watched(pair: Pair, reading: Any, data: DataConfig) -> ReadFrame:
        before(pair, stems)
        stems.append(pair.stem)
        return read_frame(pair, reading, data)

    monkeypatch.setattr(prepare, "read_frame", watched)
    return stems


def by_hand(folder: Path) -> Dataset:
    """Each frame read on its own, into memory."""
    data = config(folder)
    found = find_pairs(data).pairs
    reading = decide(found, data)
    read = [read_frame(pair, reading, data) for pair in found]
    frames = Frames(
        stems=tuple(pair.stem for pair in found),
        scenes=tuple(pair.scene for pair in found),
        images=np.stack([frame.fitted.image for frame in read]),
        masks=np.stack([frame.fitted.mask for frame in read]),
        original_sizes=np.array([frame.original_size for frame in read]),
    )
    return Dataset(frames, content_digest(frames), reading, tuple(frame.facts for frame in read))


def same(first: Dataset, second: Dataset) -> bool:
    arrays = [(getattr(one.frames, name) for one in (first, second)) for name in ("images", "masks", "original_sizes")]
    rest = [(one.frames.stems, one.frames.scenes, one.digest, one.reading, one.facts) for one in (first, second)]
    return all(np.array_equal(*pair) for pair in arrays) and rest[0] == rest[1]


def entries(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def test_the_second_start_reads_the_map(folder: Path, cache: Path, decoded: list[str]) -> None:
    first, second = load(config(folder), cache), load(config(folder), cache)
    assert len(decoded) == FRAMES
    assert isinstance(second.frames.images, np.memmap)
    assert same(first, second)
    assert same(second, by_hand(folder))
    assert same(second, read(config(folder)))
    assert second.facts[0].image_size == (32, 24)
    (entry,) = entries(cache)
    names = ["images.npy", "masks.npy", "names.json", "original_sizes.npy"]
    assert sorted(path.name for path in (cache / entry).iterdir() if not path.name.startswith("files-")) == names
    assert stat.filemode((cache / entry).stat().st_mode) == "drwx------"


def test_a_data_set_is_the_same_however_it_is_spelled(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    shutil.copytree(folder, tmp_path / "copy")
    spellings = [str(folder), f"{folder}/", "data", "./data/", "link", "copy", f"{folder}/../copy"]
    assert len({load(config(path), cache).digest for path in spellings}) == 1
    assert len(decoded) == FRAMES
    assert len(entries(cache)) == 1


def test_only_what_changed_is_hashed_again(folder: Path, cache: Path, later: None, hashed: list[str]) -> None:
    before = load(config(folder), cache)
    assert len(hashed) == 2 * FRAMES
    hashed.clear()
    assert load(config(folder), cache).digest == before.digest
    assert hashed == []
    changed = folder / "images" / f"{before.frames.stems[3]}.png"
    status, content = changed.stat(), changed.read_bytes()
    Image.fromarray(np.zeros((32, 24, 3), np.uint8)).save(changed)
    assert load(config(folder), cache).digest != before.digest
    assert hashed == [changed.name]
    changed.write_bytes(content)
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load(config(folder), cache).digest == before.digest


def test_a_change_that_keeps_size_and_modification_time_is_seen(folder: Path, cache: Path, later: None) -> None:
    before = load(config(folder), cache)
    changed = folder / "scenes.csv"
    first, second = (folder / "masks" / f"{stem}.png" for stem in before.frames.stems[:2])
    assert not changed.exists()
    status, content = first.stat(), first.read_bytes()
    first.write_bytes(second.read_bytes().ljust(len(content), b"\0")[: len(content)])
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file_hashes._stamp(first)[:2] == [status.st_size, status.st_mtime_ns]
    pairs = find_pairs(config(folder)).pairs
    hashes = file_hashes.FileHashes(folder, cache).of([pairs[0].masks[0].path])
    assert hashes[first] == file_hashes._hash(first)


def test_files_that_have_just_been_written_are_hashed_again(folder: Path, cache: Path, hashed: list[str]) -> None:
    for path in (folder / "images").iterdir():
        path.touch()
    for _ in range(2):
        load(config(folder), cache)
    assert len(hashed) >= 2 * FRAMES + FRAMES


def test_hashes_that_are_damaged_are_made_anew(folder: Path, cache: Path, later: None, hashed: list[str]) -> None:
    before = load(config(folder), cache)
    (file,) = cache.glob("files-*.json")
    for text in ("{", "[]", '{"a": 1}'):
        file.write_text(text)
        hashed.clear()
        assert load(config(folder), cache).digest == before.digest
        assert len(hashed) == 2 * FRAMES


def test_what_decides_how_files_are_read_makes_another_entry(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    load(config(folder), cache)
    load(config(folder, intensity="dtype"), cache)
    assert len(entries(cache)) == 2
    with monkeypatch.context() as patch:
        patch.setattr(dataset, "_code_of_decoder", lambda: "older")
        load(config(folder), cache)
    assert len(entries(cache)) == 3
    load(config(folder, max_megapixels=100), cache)  # it refuses files, and reads none otherwise
    assert len(entries(cache)) == 3
    assert len(decoded) == 3 * FRAMES
    with monkeypatch.context() as patch:
        patch.setattr("hourglass_bench.bench.data.cache.entry.os.geteuid", lambda: os.getuid() + 1)
        load(config(folder), cache)  # another user's, in a RUNS that is shared
    assert len(entries(cache)) == 4


def test_every_module_that_reads_files_decides_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = Path(shutil.copytree(Path(dataset.__file__).parent, tmp_path / "data"))
    monkeypatch.setattr(dataset, "__file__", str(code / "dataset.py"))
    found = [dataset._code_of_decoder()]
    for name in ("audit/audit.py", "files/tiff.py", "masks/tally.py"):
        (code / name).write_text(f"{(code / name).read_text()}\n")
        found.append(dataset._code_of_decoder())
    assert found[0] == found[1]
    assert len(set(found)) == 3


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "original_sizes.npy", "names.json"])
@pytest.mark.parametrize("kind", ["cut", "empty", "gone", "other"])
def test_a_damaged_entry_is_said_and_made_anew(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str], decoded: list[str], name: str, kind: str
) -> None:
    before = by_hand(folder)
    load(config(folder), cache)
    (entry,) = entries(cache)
    file = cache / entry / name
    if kind == "gone":
        file.unlink()
    elif kind == "other":
        with file.open("wb") as opened:
            np.save(opened, np.zeros((5, 2), np.uint8))
    else:
        os.truncate(file, file.stat().st_size - 3 if kind == "cut" else 0)
    decoded.clear()
    assert same(load(config(folder), cache), before)
    assert len(decoded) == FRAMES
    said = capsys.readouterr().err
    assert f"{cache / entry} is made anew: " in said
    assert name in said or name == "names.json"
    assert entries(cache) == [entry]


@pytest.mark.parametrize("library", ["pillow", "imagecodecs", "numpy", "jpg"])
@pytest.mark.parametrize("drawn", [False, True])
def test_another_version_of_what_decodes_makes_another_entry(
    library: str, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = dataset._code_of_generator if drawn else dataset._code_of_decoder
    before = code()
    assert code() == before
    names = ("hourglass_bench.bench.data.dataset.version", "hourglass_bench.bench.data.dataset.features.version")
    for name, known in zip(names, (version, features.version), strict=True):
        later = partial(lambda known, of: f"{known(of)}{'+1' * (of == library)}", known)
        monkeypatch.setattr(name, later)
    assert (code() == before) == (drawn and library == "jpg")


def entry_of(folder: Path, cache: Path) -> Path:
    load(config(folder), cache)
    (entry,) = entries(cache)
    return cache / entry


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "original_sizes.npy", "names.json"])
def test_one_bit_that_turns_is_seen_and_never_trained_on(
    name: str, folder: Path, cache: Path, later: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also if size and modification time stay."""
    before, entry = by_hand(folder), entry_of(folder, cache)
    load(config(folder), cache)
    file = entry / name
    status, content = file.stat(), bytearray(file.read_bytes())
    content[-3 if name == "names.json" else -1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert same(load(config(folder), cache), before)
    said = capsys.readouterr().err
    assert f"{entry} is made anew: " in said
    assert name == "names.json" or f"{file} must be as it was written, got other contents" in said
    load(config(folder), cache)
    assert capsys.readouterr().err == ""


def test_files_that_stay_are_not_read_to_be_verified(
    folder: Path, cache: Path, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_of(folder, cache)
    load(config(folder), cache)
    hashed: list[Path] = []
    hash_file = file_hashes._hash
    monkeypatch.setattr(file_hashes, "_hash", lambda path: hashed.append(path) or hash_file(path))  # type: ignore[func-returns-value]
    load(config(folder), cache)
    assert hashed == []
    (entry / "masks.npy").touch()
    for _ in range(2):
        load(config(folder), cache)
    assert hashed == [entry / "masks.npy"]


def test_an_array_that_is_a_pickle_is_never_run(folder: Path, cache: Path, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "it ran",)

    before, entry = by_hand(folder), entry_of(folder, cache)
    for name in ("images.npy", "original_sizes.npy"):
        payload = np.empty((FRAMES, 2), object)
        payload[:] = Payload()
        np.save(entry / name, payload)
        stored = json.loads((entry / "names.json").read_text())
        stored["names"]["files"][name] = file_hashes._hash(entry / name)
        stored["digest"] = digest(json.dumps(stored["names"]))
        (entry / "names.json").write_text(json.dumps(stored))
        assert same(load(config(folder), cache), before)
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("kind", ["link", "file", "writable"])
def test_what_others_could_have_written_is_made_anew(
    kind: str, folder: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, entry = by_hand(folder), entry_of(folder, cache)
    if kind == "writable":
        entry.chmod(0o770)
    else:
        entry.rename(tmp_path / "elsewhere")
        entry.symlink_to(tmp_path / "elsewhere") if kind == "link" else entry.touch()
    assert same(load(config(folder), cache), before)
    assert f"{entry} is made anew: {entry} must be " in capsys.readouterr().err
    assert not entry.is_symlink()
    assert stat.filemode(entry.stat().st_mode) == "drwx------"
    assert kind == "writable" or (tmp_path / "elsewhere" / "images.npy").exists()


def test_a_folder_of_another_user_is_not_read(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the disk gives all files one owner, as some of networks do."""
    entry = entry_of(folder, cache)
    monkeypatch.setattr("hourglass_bench.bench.data.cache.entry.os.geteuid", lambda: os.getuid() + 1)
    assert cache_module.open_dataset(entry) is not None
    monkeypatch.setattr(cache_module, "_made_in", lambda _: None)  # it is read only
    with pytest.raises(ValueError, match=rf"{entry} must belong to user {os.getuid() + 1}, got user {os.getuid()}$"):
        cache_module.open_dataset(entry)


def test_a_disk_that_gives_all_files_one_mode_keeps_frames(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    """As a stick's, and Windows' in WSL2: there everything is for everybody to write in, whoever made it."""
    status = os.stat

    def for_all(path: Path | str, **how: Any) -> os.stat_result:
        found = status(path, **how)
        return os.stat_result((found.st_mode | 0o777, *found[1:])) if stat.S_ISDIR(found.st_mode) else found

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", for_all)
        patch.setattr(os, "lstat", lambda path, **how: for_all(path, follow_symlinks=False, **how))
        for _ in range(2):
            load(config(folder), cache)
    assert len(decoded) == FRAMES


def test_what_cannot_be_removed_is_named(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(folder, cache)
    (entry / "masks.npy").unlink()
    monkeypatch.setattr("hourglass_bench.bench.data.cache.entry.shutil.rmtree", lambda *_, **__: None)
    with pytest.raises(ValueError, match=rf"{entry} must make room for whole frames, but: .+; remove it\.$"):
        load(config(folder), cache)


def test_a_part_is_not_written_through_a_link(folder: Path, cache: Path, tmp_path: Path) -> None:
    entry = entry_of(folder, cache)
    shutil.rmtree(entry)
    (tmp_path / "elsewhere").mkdir()
    (cache / f".partial-{entry.name}").symlink_to(tmp_path / "elsewhere")
    load(config(folder), cache)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def stop_at(monkeypatch: pytest.MonkeyPatch, number: int, error: type[BaseException]) -> list[str]:
    def stop(pair: Pair, stems: list[str]) -> None:
        if len(stems) == number:
            raise error(f"{pair.image} is broken")

    return watch(monkeypatch, stop)


def interrupted(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The partial entry of a preparation that was stopped after eight frames."""
    with monkeypatch.context() as patch:
        stop_at(patch, 8, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            load(config(folder), cache)
    (partial,) = cache.glob(".partial-*")
    return partial


def test_what_was_interrupted_goes_on_where_it_was(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = by_hand(folder)
    partial = interrupted(folder, cache, monkeypatch)
    journal = partial / "journal.jsonl"
    assert len(journal.read_text().splitlines()) == 8
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "decide", lambda *_: pytest.fail("it was decided before"))
        stems = stop_at(patch, 10**6, KeyboardInterrupt)
        assert same(load(config(folder), cache), expected)
    assert stems == list(expected.frames.stems[8:])
    assert len(entries(cache)) == 1


@pytest.mark.parametrize("damage", ["torn line", "lost line", "lost pixels", "lost file"])
def test_only_frames_that_reached_the_disk_count_as_done(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    expected = by_hand(folder)
    partial = interrupted(folder, cache, monkeypatch)
    if damage == "torn line":
        os.truncate(partial / "journal.jsonl", (partial / "journal.jsonl").stat().st_size - 5)
    elif damage == "lost line":
        with (partial / "journal.jsonl").open("r+b") as file:
            file.write(bytes(20))
    elif damage == "lost pixels":
        with (partial / "images.npy").open("r+b") as file:
            file.seek(-(FRAMES - 6) * 32 * 16 * 3 - 40, os.SEEK_END)  # of the sixth frame
            file.write(bytes(40))
    else:
        os.truncate(partial / "images.npy", 100)
    stems = stop_at(monkeypatch, 10**6, KeyboardInterrupt)
    assert same(load(config(folder), cache), expected)
    assert len(stems) == {"torn line": 5, "lost line": 12, "lost pixels": 7, "lost file": 12}[damage]


def test_a_refusal_leaves_nothing(folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for early in (True, False):
        with monkeypatch.context() as patch:
            if early:
                patch.setattr(prepare, "decide", lambda *_: (_ for _ in ()).throw(ValueError("the masks are broken")))
            else:
                stop_at(patch, 8, ValueError)
            with pytest.raises(ValueError, match="is broken|are broken"):
                load(config(folder), cache)
        assert not (tmp_path / "runs").exists()
    with pytest.raises(ValueError, match=r"at most the number of scenes \(6\), got 7"):
        load(DataConfig(path=str(folder), folds=7), cache)
    assert not (tmp_path / "runs").exists()


def test_a_full_disk_is_refused_before_anything_is_read(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(
        "hourglass_bench.bench.data.cache.pixel_files.shutil.disk_usage", lambda _: usage._replace(free=1000)
    )
    with pytest.raises(ValueError, match=r"cache must have room for 12 frames of 16x32 \(24 KiB\), got 1,000 B"):
        load(config(folder), cache)
    assert decoded == []
    assert not cache.exists()


def test_two_at_once_prepare_once(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stems = watch(monkeypatch, lambda *_: time.sleep(0.01))
    found: list[Dataset] = []
    threads = [Thread(target=lambda: found.append(load(config(folder), cache))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stems) == list(found[0].frames.stems)
    assert same(found[0], found[1])
    assert same(found[1], found[2])
    assert len(entries(cache)) == 1


def test_leftovers_of_the_killed_go_after_a_day(folder: Path, cache: Path) -> None:
    old, held, young = (cache / f".partial-{name}" for name in ("old", "held", "young"))
    for path in (old, held, young):
        path.mkdir(parents=True)
        (path / "lock").touch()
    for path in (old, held):
        for item in (path / "lock", path):
            os.utime(item, (0, 0))
    with cache_module._lock(held):
        os.utime(held / "lock", (0, 0))
        load(config(folder), cache)
        assert not old.exists()
        assert held.exists()
    assert young.exists()


@pytest.mark.parametrize("stopped", [False, True])
def test_ignored_pixels_come_through(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    """Also through a preparation that was stopped after them; a set without any has no map of them."""
    assert load(config(folder), cache).frames.ignored is None
    shutil.rmtree(cache)
    hole = np.zeros((32, 16), np.bool_)
    hole[3:7, 2] = True
    calls: list[str] = []

    def with_hole(pair: Pair, reading: Any, data: DataConfig) -> ReadFrame:
        calls.append(pair.stem)
        if stopped and len(calls) == 6:
            raise KeyboardInterrupt
        frame = read_frame(pair, reading, data)
        return frame._replace(fitted=frame.fitted._replace(ignored=hole)) if pair.stem.endswith("01_0001") else frame

    monkeypatch.setattr(prepare, "read_frame", with_hole)
    if stopped:
        with pytest.raises(KeyboardInterrupt):
            load(config(folder), cache)
    frames = load(config(folder), cache).frames
    assert frames.ignored is not None
    ignored = {stem: bool(frame.any()) for stem, frame in zip(frames.stems, frames.ignored, strict=True)}
    assert [stem for stem, any_of_it in ignored.items() if any_of_it] == ["00001_0001"]
    assert (frames.ignored[frames.stems.index("00001_0001")] == hole).all()
    stopped = False
    again = read(config(folder)).frames.ignored
    assert again is not None
    assert (again == frames.ignored).all()


def test_processes_give_the_same_frames(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(prepare, "count_cores", lambda: 2)
    monkeypatch.setattr(prepare, "_MANY", 1)
    monkeypatch.setattr(prepare, "in_threads", lambda *_: pytest.fail("it was read in threads"))
    prepared = load(config(folder), cache)
    monkeypatch.undo()
    assert same(prepared, by_hand(folder))


def test_nothing_is_said_of_a_short_work_and_lines_of_a_long_one(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(config(folder), cache)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_SHORT", 0.0)
    load(config(folder, intensity="dtype"), cache)
    said = capsys.readouterr().err.splitlines()
    (line,) = (line for line in said if line.startswith(f"reading frames of {folder}: 2 of 12, "))
    assert line.endswith(" s left")
