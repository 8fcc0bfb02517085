"""What makes a scene: by names, by a table as spreadsheets write it; what cannot be meant is refused."""

import hashlib
import re
import shlex
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.data.folder.folds import fit_folds
from hourglass_bench.bench.data.folder.scene_names import propose, require_scenes
from hourglass_bench.bench.data.folder.scene_table import look_up, read_scene_table, write_scene_table
from hourglass_bench.bench.data.folder.scenes import examples, scene_rule

PATIENTS = [f"P{patient:02}-slice-{number:03}" for patient in range(10) for number in range(8)]
PHOTOGRAPHS = [f"img_{number:03}" for number in range(1, 21)]


def scenes_of(stems: list[str], **fields: str) -> list[str]:
    rule = scene_rule(Path("none"), DataConfig(path="none", **fields))
    return [rule.of(stem) for stem in stems]


def refusal(stems: list[str], **fields: str) -> str:
    data = DataConfig(path="mine", **fields)
    rule = scene_rule(Path("none"), data)
    with pytest.raises(ValueError, match="mine must") as caught:
        require_scenes(stems, [rule.of(stem) for stem in stems], rule, data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("stem", "scene"),
    [
        ("s00_3", "s00"),
        ("a_b_3", "a_b"),
        ("_3", "_3"),
        ("a", "a"),
        ("scene1/0001", "scene1"),
        ("site/scene_1/im_1", "site/scene_1"),
        ("stack_1#007", "stack_1"),
        ("stack#1007", "stack"),
        ("scene/stack#007", "scene"),
        ("#1 patient", "#1 patient"),
        ("a#1_2", "a#1"),
    ],
)
def test_a_scene_is_the_folder_or_the_stack_or_the_name_up_to_its_last_underscore(stem: str, scene: str) -> None:
    assert scenes_of([stem]) == [scene]


def test_examples_are_of_scenes_far_apart_and_each_shown_once() -> None:
    assert examples(PATIENTS, scenes_of(PATIENTS, scene_pattern=r"^(P\d+)")) == (
        "P00-slice-000 -> P00, P04-slice-000 -> P04, P09-slice-000 -> P09"
    )
    assert examples(["a_1", "a_2"], ["a", "a"]) == "a_1 -> a"


@pytest.mark.parametrize(
    ("stems", "pattern", "count", "example"),
    [
        (PATIENTS, r"^(P\d+)-", 10, "P04-slice-000 -> P04"),
        ([stem.replace("-", " ") for stem in PATIENTS], r"^(P\d+) ", 10, "P04 slice 000 -> P04"),
        ([stem.replace("-", ".") for stem in PATIENTS], r"^(P\d+)\.", 10, "P04.slice.000 -> P04"),
        ([stem.replace("-", "") for stem in PATIENTS], r"^(P\d+)", 10, "P04slice000 -> P04"),
        ([f"slice-{number}-P{scene}" for scene in range(4) for number in range(9)], r"^slice-\d+-(P\d+)", 4, "-> P3"),
        ([f"2024-O'Neil{scene}-{k}" for scene in range(4) for k in range(3)], r"^(2024-O'Neil\d+)-", 4, "-> 2024-O'Ne"),
        ([f"{name}-{k}" for name in ("anna", "bert", "carla") for k in range(3)], "^([A-Za-z]+)-", 3, "-> carla"),
        ([f"{name}-{k}" for name in ("jörg", "bert", "carla") for k in range(3)], r"^([^\W\d_]+)-", 3, "-> carla"),
        ([f"study-P{scene}-{k}" for scene in range(9) for k in range(3)], r"^(study-P\d+)-", 9, "-> study-P4"),
        (
            [f"site{s}-P{p}-{k}" for s in range(3) for p in range(4) for k in range(3)],
            r"^(site\d+-P\d+)-",
            12,
            "site2-P3",
        ),
    ],
)
def test_frames_that_names_group_are_no_scenes_of_their_own(
    stems: list[str], pattern: str, count: int, example: str
) -> None:
    said = refusal(stems)
    assert f"got each of {len(stems)} frames as a scene of its own" in said
    assert f"--scene-pattern {shlex.quote(pattern)} makes {count} scenes of these names (" in said
    assert example in said
    assert "--scene-pattern REGEX (SCENES= of make sweep)" in said
    assert "scenes.csv in the folder, or --scene-table FILE" in said
    assert "or by one folder per scene" in said
    scenes = scenes_of(stems, scene_pattern=pattern)  # what is proposed does what it says
    assert len(set(scenes)) == count
    require_scenes(stems, scenes, scene_rule(Path("none"), DataConfig(scene_pattern=pattern)), DataConfig())


@pytest.mark.parametrize(
    ("stems", "pattern", "count"),
    [
        (PHOTOGRAPHS, "(.+)", 20),
        ([f"scan_{stem}" for stem in (s.replace("-slice-", "-") for s in PATIENTS)], r"^(scan_P\d+)-", 10),
        ([f"train-volume#{page:03}" for page in range(30)], r"^(.+#\d+)\d$", 3),
        ([f"train-volume#{page:03}" for page in range(1200)], r"^(.+#\d+)\d\d$", 12),
        ([f"{stack}#{page:03}" for stack in "ab" for page in range(20)], r"^(.+#\d+)\d$", 4),
        ([f"volume#{page:03}" for page in range(12)], "(.+)", 12),
        ([f"all/{number:04}" for number in range(9)], "(.+)", 9),
    ],
)
def test_one_scene_of_all_frames_is_refused_with_what_the_names_may_mean(
    stems: list[str], pattern: str, count: int
) -> None:
    said = refusal(stems)
    assert f"must be of at least 3 scenes, got {len(stems):,} frames in" in said
    assert f"--scene-pattern {shlex.quote(pattern)} makes {count} scenes of these names" in said
    assert ("neighbour" in said) == ("#" in stems[0])
    assert len(set(scenes_of(stems, scene_pattern=pattern))) == count


@pytest.mark.parametrize(
    "stems",
    [
        list("abcdef"),
        [f"s{scene:02}_0" for scene in range(5)],
        [f"DSC{number:05}" for number in range(30)],
        [f"{2007 + number % 5}_{number:06}" for number in range(40)],
        [hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(670)],
        [f"cju{number % 7}{hashlib.sha256(bytes([number])).hexdigest()}" for number in range(200)],
        [f"scene{scene}/{number:04}" for scene in range(3) for number in range(3)],
        [f"stack{scene}#{page:03}" for scene in range(6) for page in range(10)],
    ],
)
def test_names_that_show_no_other_scenes_are_taken_as_they_are(stems: list[str]) -> None:
    rule = scene_rule(Path("none"), DataConfig())
    require_scenes(stems, [rule.of(stem) for stem in stems], rule, DataConfig())


@pytest.mark.parametrize("split", ["given", "random_frames"])
def test_splits_that_ask_for_no_scenes_take_any(split: str) -> None:
    data = DataConfig(split=split)  # type: ignore[arg-type]
    require_scenes(PHOTOGRAPHS, ["img"] * 20, scene_rule(Path("none"), data), data)


def test_two_frames_have_no_proposal() -> None:
    assert "makes" not in refusal(["a_1", "a_2"])
    assert propose(["a_1", "a_2"]).scenes == ("a_1", "a_2")


ROWS = [("frame00", "Höhle"), ("frame01", "Höhle"), ("frame02", "Wald, Nord")]


def table(mark: str = ",", header: tuple[str, ...] = ("stem", "scene"), rows: list[tuple[str, str]] = ROWS) -> str:
    quoted = [tuple(f'"{cell}"' if mark in cell else cell for cell in row) for row in rows]
    return "".join(f"{mark.join(row)}\r\n" for row in [header, *quoted])


@pytest.mark.parametrize(
    "content",
    [
        table().encode(),
        table().encode("utf-8-sig"),
        table().encode("utf-16"),
        b"\xfe\xff" + table(mark="\t").encode("utf-16-be"),
        table().encode("cp1252"),
        table(mark=";").encode("cp1252"),
        table(mark="\t").encode(),
        table(header=('"Stem" ', " SCENE")).encode(),
        ("sep=;\r\n" + table(mark=";")).encode(),
        table().replace("\r\n", "\n\n").encode(),
        ("\r\n" + table() + ",,\r\n").encode(),
        table().replace("\r\n", "\r").encode(),
        table(rows=[(f"{stem}.JPG", scene) for stem, scene in ROWS]).encode(),
        table(rows=[(f" {stem} ", f" {scene} ") for stem, scene in ROWS]).encode(),
        ("n;scene;note;stem\n" + "".join(f"1;{scene};a, b;{stem}\n" for stem, scene in ROWS)).encode(),
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "scenes.csv").write_bytes(content)
    assert read_scene_table(tmp_path / "scenes.csv") == dict(ROWS)


@pytest.mark.parametrize(
    ("stem", "row"),
    [
        ("s1.5_a", "s1.5_a"),
        ("s1.5_a", "s1.5_a.tiff"),
        (unicodedata.normalize("NFD", "Jörg"), "Jörg"),
        ("Jörg", unicodedata.normalize("NFD", "Jörg.png")),
        ("scene/im1", "scene\\im1.png"),
        ("stack#007", "stack.tif"),
        ("stack#007", "stack#007"),
    ],
)
def test_stems_are_found_however_the_table_spells_them(stem: str, row: str, tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    write_scene_table(file, [row, "nobody"], ["here", "there"])
    assert look_up(stem, read_scene_table(file), file) == "here"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must have the columns stem and scene in its first line, got none"),
        ("PK\x03\x04\x14", "must be a text file, got a workbook of a spreadsheet; save it as CSV."),
        ("Name;Place\na;b\n", "must have the columns stem and scene in its first line, got Name, Place"),
        ("stem,scene\na.png,x\na,y\n", "must name one scene for each stem, got 'x' and 'y' for 'a'"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scenes.csv").write_text(content)
    with pytest.raises(ValueError, match=f"scenes.csv {re.escape(message)}"):
        read_scene_table(tmp_path / "scenes.csv")


@pytest.mark.parametrize(
    ("listed", "stem"), [("1", "0001"), ("images/a_1", "a_1"), ("A_1", "a_1"), ("a_1", "room/a_1"), ("0", "000")]
)
def test_a_stem_that_is_nearly_in_the_table_is_told_of(listed: str, stem: str, tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    write_scene_table(file, ["b", listed], ["a", "b"])
    hint = r"folders, case and leading zeros must be the same \(spreadsheets drop zeros\)"
    with pytest.raises(ValueError, match=f"got none for '{stem}'; it has '{listed}': {hint}"):
        look_up(stem, read_scene_table(file), file)


def test_a_stem_that_is_not_in_the_table_is_named_alone(tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    write_scene_table(file, ["b_1"], ["b"])
    with pytest.raises(ValueError, match=r"got none for 'a_1'\."):
        look_up("a_1", read_scene_table(file), file)


def test_the_table_of_a_flag_counts_before_that_of_the_folder(tmp_path: Path) -> None:
    write_scene_table(tmp_path / "scenes.csv", ["a_1"], ["folder's"])
    write_scene_table(tmp_path / "mine.csv", ["a_1"], ["flag's"])
    assert scene_rule(tmp_path, DataConfig()).of("a_1") == "folder's"
    rule = scene_rule(tmp_path, DataConfig(scene_table=str(tmp_path / "mine.csv")))
    assert (rule.of("a_1"), rule.text) == ("flag's", f"as {tmp_path / 'mine.csv'} says")
    with pytest.raises(ValueError, match="data.scene_table must stand without data.scene_pattern, got 'x'"):
        DataConfig(scene_table="x", scene_pattern="y")


def folder_of(stems: list[str], root: Path) -> DataConfig:
    for stem in stems:
        for kind in ("images", "masks"):
            path = root / kind / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.zeros((16, 16), np.uint8)
            pixels[:8] = 255
            Image.fromarray(pixels).save(path)
    return DataConfig(path=str(root), size=(16, 16))


@pytest.mark.parametrize(("scenes", "folds"), [(3, 3), (4, 4), (5, 5), (6, 5)])
def test_folds_are_lowered_to_the_scenes_with_a_word(scenes: int, folds: int, tmp_path: Path) -> None:
    stems = [f"s{scene}_{frame}" for scene in range(scenes) for frame in range(2)]
    for data in (folder_of(stems, tmp_path), DataConfig(synthetic_scenes=scenes)):
        fitting, warnings = fit_folds(data)
        assert fitting.folds == folds
        said = f"folds are lowered from 5 to {folds}, the number of scenes in {data.path}: a fold is one scene"
        assert warnings == ([said] if scenes < 5 else [])


def test_fewer_than_three_scenes_are_refused_with_what_to_do(tmp_path: Path) -> None:
    data = folder_of([f"s{scene}_{frame}" for scene in range(4) for frame in range(2)], tmp_path)
    with pytest.raises(ValueError, match=r"must hold at least 3 scenes, .* got 2; .*--split random_frames needs none"):
        fit_folds(DataConfig(path=data.path, scene_pattern=r"_(\d)"))
    with pytest.raises(ValueError, match="synthetic must hold at least 3 scenes"):
        fit_folds(DataConfig(synthetic_scenes=2))
    leaky = DataConfig(path=data.path, scene_pattern=r"_(\d)", split="random_frames")
    assert fit_folds(leaky) == (leaky, [])


def test_frames_that_are_all_scenes_of_their_own_are_remarked_unless_it_was_said(tmp_path: Path) -> None:
    data = folder_of([f"DSC{number:04}" for number in range(6)], tmp_path)
    fitting, (warning,) = fit_folds(data)
    assert fitting == data
    assert "each of the 6 frames of" in warning
    assert "(DSC0000 -> DSC0000, DSC0002 -> DSC0002, DSC0005 -> DSC0005)" in warning
    assert fit_folds(DataConfig(path=data.path, scene_pattern="(.+)"))[1] == []


def test_scenes_that_cannot_be_meant_are_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    data = folder_of(PHOTOGRAPHS, tmp_path / "data")
    for ask in (lambda: load(data, tmp_path / "cache"), lambda: fit_folds(data)):
        with pytest.raises(ValueError, match=re.escape("--scene-pattern '(.+)' makes 20 scenes")):
            ask()
    assert not (tmp_path / "cache").exists()
    assert len(set(load(DataConfig(path=data.path, size=(16, 16), scene_pattern="(.+)"), tmp_path).frames.scenes)) == 20
