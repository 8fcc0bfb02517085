"""Any names at all: a folder is frames, the same in whatever order the system lists it, or a ValueError."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.folder.layout import File, Home
from hourglass_bench.bench.data.folder.names import is_plain, kind_of, role_of, words_of
from hourglass_bench.bench.data.folder.pairing import match
from hourglass_bench.bench.data.folder.pairs import Found, find_pairs
from hourglass_bench.bench.data.folder.scene_names import require_scenes
from hourglass_bench.bench.data.folder.scene_table import look_up, read_scene_table, write_scene_table
from hourglass_bench.bench.data.folder.scenes import scene_rule
from tests.properties import bounded, with_files

PIECES: Final = st.sampled_from(
    ["mask", "image", "gt", "img", "train", "val", "frame", "_", "-", ".", " ", "#007", "0", "1", "12", "007", "a", "B"]
    + ["\u00e9", "e\u0301", "\u4eba", "(1)", "%20", "?", "\n", "label", "s1"]
)
WORDS: Final = st.lists(PIECES, min_size=1, max_size=4).map("".join)
NAMES: Final = WORDS | st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=12)
FOLDERS: Final = st.sampled_from(
    ["", "images", "masks", "train/images", "train/masks", "val/images", "s1", "images/s1"]
)
PATHS: Final = st.lists(st.tuples(FOLDERS | WORDS, NAMES, st.sampled_from([".png", ".jpg", ".txt"])), max_size=10)


@bounded
@given(st.text())
def test_any_name_has_words_kind_and_role(name: str) -> None:
    words = words_of(name)
    assert all(word and word == word.lower() for word in words)
    assert kind_of(words) in ("", "image", "mask")
    assert role_of(words) in ("", "train", "val", "test")
    assert isinstance(is_plain(words), bool)


def files(kind: str, names: list[str], suffix: str) -> list[File]:
    return [File(Path(kind, name + suffix), Home("", ""), name) for name in sorted(set(names))]


@bounded
@given(st.lists(NAMES, max_size=8), st.sampled_from(["", "_mask", "_gt", "-seg"]), st.sampled_from(["", "mask_", "gt"]))
def test_masks_that_are_called_like_their_images_are_theirs(names: list[str], suffix: str, prefix: str) -> None:
    """One to one, unless a second rule holds as well; what tells names apart begins and ends with a letter or digit."""
    names = [f"{number:02}x{name}{number:02}" for number, name in enumerate(names)]
    images, masks = (
        files("images", names, ".jpg"),
        files("masks", [f"{prefix}{name}{suffix}" for name in names], ".png"),
    )
    try:
        matched = match(images, masks)
    except ValueError:
        return
    assert [image.name for image, _ in matched.pairs] == sorted(names)
    assert [[mask.name for mask in several] for _, several in matched.pairs] == [
        [f"{prefix}{name}{suffix}"] for name in sorted(names)
    ]


@bounded
@given(st.lists(NAMES, max_size=8), st.lists(NAMES, max_size=8), st.randoms(use_true_random=False))
def test_any_names_are_paired_or_refused_whatever_their_order(images: list[str], masks: list[str], chance: Any) -> None:
    def pairs() -> set[tuple[str, frozenset[str]]] | str:
        try:
            matched = match(*some)
        except ValueError:
            return "refused"
        found = [(image.name, frozenset(mask.name for mask in several)) for image, several in matched.pairs]
        used = [mask for _, several in found for mask in several]
        assert len(used) == len(set(used))
        assert len({image for image, _ in found}) == len(found)
        assert all(several for _, several in found)
        return set(found)

    some = [files("images", images, ".jpg"), files("masks", masks, ".png")]
    before = pairs()
    assert pairs() == before
    for kind in some:
        chance.shuffle(kind)
    assert pairs() == before


@contextmanager
def listed_backwards() -> Iterator[None]:
    listed = os.scandir

    @contextmanager
    def backwards(path: Any) -> Iterator[Any]:
        with listed(path) as found:
            yield iter(list(found)[::-1])

    with patch.object(os, "scandir", backwards):
        yield


def find(data: DataConfig) -> Found | str:
    try:
        found = find_pairs(data)
        with suppress(ValueError):
            require_scenes(
                [pair.stem for pair in found.pairs], [pair.scene for pair in found.pairs], found.scene_rule, data
            )
    except ValueError as error:
        return str(error)
    return found._replace(scene_rule=found.scene_rule._replace(of=str))


@with_files
@given(PATHS)
@example([])
@example([("images", "a", ".png"), ("masks", "a", ".png"), ("images", "a", ".jpg")])
def test_any_folder_is_frames_or_a_value_error(paths: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for inside, name, suffix in paths:
            path = Path(folder, inside, name + suffix)
            with suppress(OSError):  # a file of a folder's name, or a name that is too long
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        data = DataConfig(path=folder)
        found = find(data)
        assert find(data) == found
        with listed_backwards():
            assert find(data) == found
        if isinstance(found, Found):
            stems = [pair.stem for pair in found.pairs]
            masks = [page for pair in found.pairs for page in pair.masks]
            assert len(stems) == len(set(stems)) > 0
            assert len(masks) == len(set(masks)) >= len(stems)
            assert all(pair.scene and pair.masks for pair in found.pairs)


@with_files
@given(st.dictionaries(NAMES.filter(str.strip), NAMES.filter(str.strip), min_size=1, max_size=6))
def test_a_table_that_is_written_is_read(scenes: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "scenes.csv")
        write_scene_table(table, list(scenes), list(scenes.values()))
        try:
            read = read_scene_table(table)
            found = {stem: look_up(stem, read, table) for stem in scenes}
        except ValueError:
            return
        if not any(
            letter in "".join((*scenes, *scenes.values())) for letter in "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
        ):
            assert found == {stem: scene.strip() for stem, scene in scenes.items()}


@with_files
@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: ("stem,scene\n" + text).encode("utf-8", "replace"))
)
def test_any_bytes_are_a_table_or_a_value_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "scenes.csv")
        table.write_bytes(content)
        with suppress(ValueError):
            scenes = read_scene_table(table)
            assert all(stem and scene for stem, scene in scenes.items())
            assert read_scene_table(table) == scenes


@bounded
@given(st.text(max_size=30), NAMES)
def test_any_pattern_finds_a_scene_or_is_a_value_error(pattern: str, stem: str) -> None:
    with suppress(ValueError):
        rule = scene_rule(Path(), DataConfig(scene_pattern=pattern))
        assert rule.of(stem) == rule.of(stem)
