"""Folders as people have them: public layouts imitated, and those of small groups, load without renaming a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.folder.layout import File, Home
from hourglass_bench.bench.data.folder.pairing import _common_affixes
from hourglass_bench.bench.data.folder.pairs import Found, find_images, find_pairs


def lay(root: Path, *names: str, pages: int = 1) -> Path:
    """Small pictures under these names; what is in them does not matter here."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".xml", ".json", ".txt", ".npy") or path.name.endswith(".nii.gz"):
            path.write_bytes(b"")
            continue
        sheets = [Image.new("L", (8, 8), sheet) for sheet in range(pages)]
        sheets[0].save(path, **({"save_all": True, "append_images": sheets[1:]} if pages > 1 else {}))
    return root


def find(root: Path, **config: Any) -> Found:
    return find_pairs(DataConfig(path=str(root), **config))


def files_of(found: Found, root: Path) -> dict[str, tuple[str, ...]]:
    """Stem -> image and masks, below the root."""
    return {
        pair.stem: tuple(page.path.relative_to(root).as_posix() for page in (pair.image, *pair.masks))
        for pair in found.pairs
    }


def each(pattern: str, values: Iterable[object]) -> list[str]:
    return [pattern.format(value) for value in values]


@pytest.mark.parametrize(
    ("image", "mask", "text"),
    [
        ("images/s{}_a.jpg", "masks/s{}_a_mask.png", "images/STEM.jpg with masks/STEM_mask.png"),
        ("images/s{}.jpg", "masks/mask_s{}.png", "images/STEM.jpg with masks/mask_STEM.png"),
        ("imgs/s{}.png", "labels/s{}-label.png", "imgs/STEM.png with labels/STEM-label.png"),
        ("img_dir/train/s{}.jpg", "ann_dir/train/s{}.png", "img_dir/train/STEM.jpg with ann_dir/train/STEM.png"),
        ("Images/s{}.bmp", "MASKS/s{}.png", "Images/STEM.bmp with MASKS/STEM.png"),
        ("images/img_{}.png", "masks/mask_{}.png", "images/img_STEM.png with masks/mask_STEM.png"),
        ("image/image{}.png", "label/label{}.png", "image/imageSTEM.png with label/labelSTEM.png"),
        ("img/{}_sat.jpg", "gt/{}_mask.png", "img/STEM_sat.jpg with gt/STEM_mask.png"),
        ("frames/{}.png", "groundTruth/{}.png", "frames/STEM.png with groundTruth/STEM.png"),
        ("frames/{}.png", "ground_truth/gt_{}.png", "frames/STEM.png with ground_truth/gt_STEM.png"),
        ("images/{}.jpg", "annotations/trimaps/{}.png", "images/STEM.jpg with annotations/trimaps/STEM.png"),
        ("photos/{}.jpg", "photos_seg/{}_seg.png", "photos/STEM.jpg with photos_seg/STEM_seg.png"),
        (
            "701_StillsRaw_full/0001TP_{}.png",
            "LabeledApproved_full/0001TP_{}_L.png",
            "701_StillsRaw_full/STEM.png with",
        ),
        (
            "ISIC_Training_Input/{}.jpg",
            "ISIC_Training_GroundTruth/{}_segmentation.png",
            "GroundTruth/STEM_segmentation",
        ),
        (
            "leftImg8bit/a/a_{}_leftImg8bit.png",
            "gtFine/a/a_{}_gtFine_labelIds.png",
            "leftImg8bit/FOLDER/STEM_leftImg8bit",
        ),
        ("imagesTr/case_{}_0000.png", "labelsTr/case_{}.png", "imagesTr/STEM_0000.png with labelsTr/STEM.png"),
        ("train_img/{}.jpg", "train_lab/{}.png", "train_img/STEM.jpg with train_lab/STEM.png"),
        ("images/train2017/{}.jpg", "stuff_masks/train2017/{}.png", "images/train2017/STEM.jpg with stuff_masks/"),
        ("Original/{}.tif", "Ground Truth/{}.png", "Original/STEM.tif with Ground Truth/STEM.png"),
        ("images/x{}.jpg", "masks/x{}.jpg.png", "images/STEM.jpg with masks/STEM.jpg.png"),
        ("x{}.jpg", "masks/x{}.png", "STEM.jpg with masks/STEM.png"),
        ("x{}.png", "x{}_mask.png", "STEM.png with STEM_mask.png"),
        ("x{}_image.png", "x{}_labels.png", "STEM_image.png with STEM_labels.png"),
        ("x{}.jpg", "x{}.png", "STEM.jpg with STEM.png"),
        ("mine/in/x{}.jpg", "mine/masks/x{}.png", "mine/in/STEM.jpg with mine/masks/STEM.png"),
        ("set_of_masks/images/x{}.jpg", "set_of_masks/masks/x{}.png", "set_of_masks/images/STEM.jpg with"),
    ],
)
def test_names_and_folders_pair(image: str, mask: str, text: str, tmp_path: Path) -> None:
    numbers = [1, 2, 10, 11, 21]
    lay(tmp_path, *each(image, numbers), *each(mask, numbers))
    found = find(tmp_path)
    expected = {(image.format(number), mask.format(number)) for number in numbers}
    assert set(files_of(found, tmp_path).values()) == expected
    assert text in found.layout
    assert (found.unlabelled, found.without_image) == ((), ())
    assert not any(pair.role for pair in found.pairs)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/{}.jpg", "masks/{:03}.png"),
        ("images/{:04}.jpg", "masks/mask_{}.png"),
        ("images/{:02}.jpg", "masks/{}.png"),
        ("images/Room_{:02}.jpg", "masks/room_{}_MASK.png"),
    ],
)
def test_case_and_leading_zeros_part_no_pair(image: str, mask: str, tmp_path: Path) -> None:
    numbers = range(1, 21)
    found = find(lay(tmp_path, *each(image, numbers), *each(mask, numbers)))
    assert [*files_of(found, tmp_path).values()] == sorted((image.format(at), mask.format(at)) for at in numbers)
    assert found.layout.endswith("; some names differ in upper case or leading zeros")
    assert (found.unlabelled, found.without_image) == ((), ())


def test_case_alone_parts_no_pair(tmp_path: Path) -> None:
    lay(tmp_path, *each("images/{}.png", ["AnnaB", "CarlD", "EvaF"]), *each("masks/{}.png", ["annab", "carld", "evaf"]))
    assert [page.path.stem for pair in find(tmp_path).pairs for page in pair.masks] == ["annab", "carld", "evaf"]


def test_names_that_leading_zeros_tell_apart_stay_apart(tmp_path: Path) -> None:
    found = find(lay(tmp_path, *each("images/{}.png", ["1", "01", "2", "3"]), *each("masks/{}.png", ["001", "2", "3"])))
    assert files_of(found, tmp_path) == {"2": ("images/2.png", "masks/2.png"), "3": ("images/3.png", "masks/3.png")}
    assert (found.unlabelled, found.without_image) == (("01", "1"), ("masks/001.png",))
    assert "leading zeros" not in found.layout


def test_carvana(tmp_path: Path) -> None:
    cars = [f"{car}_{view:02}" for car in ("00087a6bd4dc", "02159e548029", "8f02tr9a", "ts01") for view in (1, 2, 16)]
    lay(
        tmp_path,
        *each("train/{}.jpg", cars),
        *each("train_masks/{}_mask.gif", cars),
        "test/ff_01.jpg",
        "test/ff_02.jpg",
    )
    found = find(tmp_path)
    assert files_of(found, tmp_path) == {car: (f"train/{car}.jpg", f"train_masks/{car}_mask.gif") for car in cars}
    assert found.unlabelled == ("ff_01", "ff_02")
    assert found.layout == "train/STEM.jpg with train_masks/STEM_mask.gif"
    assert {pair.role for pair in found.pairs} == {""}, "only train/ has masks"
    assert len({pair.scene for pair in found.pairs}) == 4


def drive(root: Path) -> Path:
    for role, numbers in (("training", (21, 22, 31)), ("test", (1, 2, 11))):
        for name in (f"images/{{:02}}_{role}.tif", "1st_manual/{:02}_manual1.gif", f"mask/{{:02}}_{role}_mask.gif"):
            lay(root, *each(f"{role}/{name}", numbers))
    return lay(root, *each("test/2nd_manual/{:02}_manual2.gif", (1, 2, 11)))


def test_drive_takes_the_first_annotator_and_not_the_field_of_view(tmp_path: Path) -> None:
    found = find(drive(tmp_path))
    files = files_of(found, tmp_path)
    assert len(files) == 6
    assert files["21_training"] == ("training/images/21_training.tif", "training/1st_manual/21_manual1.gif")
    assert files["01_test"] == ("test/images/01_test.tif", "test/1st_manual/01_manual1.gif")
    assert {pair.stem: pair.role for pair in found.pairs}["02_test"] == "test"
    assert "passed over: test/2nd_manual, test/mask, training/mask" in found.layout
    assert "the folder gives roles (3 train, 3 test) but no val, which --split given needs" in found.layout
    assert len(find(tmp_path / "training").pairs) == 3


def test_masks_names_the_folder(tmp_path: Path) -> None:
    found = find(drive(tmp_path), masks="mask")
    assert files_of(found, tmp_path)["21_training"][1] == "training/mask/21_training_mask.gif"
    second = find(tmp_path / "test", masks="2nd_manual")
    assert files_of(second, tmp_path)["01_test"] == ("test/images/01_test.tif", "test/2nd_manual/01_manual2.gif")


def test_camvid_as_segnet_ships_it_gives_roles(tmp_path: Path) -> None:
    for role in ("train", "val", "test"):
        names = each(f"0001{role[0].upper()}P_{{:03}}.png", range(4))
        lay(tmp_path, *each(f"{role}/{{}}", names), *each(f"{role}annot/{{}}", names))
    found = find(tmp_path, split="given")
    assert len(found.pairs) == 12
    for pair in found.pairs:
        assert pair.image.path.parent.name == pair.role
        assert pair.masks[0].path.parent.name == f"{pair.role}annot"
        assert pair.image.path.name == pair.masks[0].path.name
    assert "the folder gives roles (4 train, 4 val, 4 test), which --split given keeps" in found.layout


def test_voc_takes_classes_and_the_roles_of_its_lists(tmp_path: Path) -> None:
    root = tmp_path / "VOCdevkit" / "VOC2012"
    names = [f"2007_{number:06}" for number in range(10)]
    lay(root, *each("JPEGImages/{}.jpg", [*names, "2008_000001"]), *each("SegmentationClass/{}.png", names))
    lay(root, *each("SegmentationObject/{}.png", names), *each("Annotations/{}.xml", [*names, "2008_000001"]))
    found = find(tmp_path)
    path = "VOCdevkit/VOC2012"
    assert files_of(found, root)["2007_000003"] == ("JPEGImages/2007_000003.jpg", "SegmentationClass/2007_000003.png")
    assert len(found.pairs) == 10
    assert found.unlabelled == ("2008_000001",)
    assert found.layout.startswith(f"{path}/JPEGImages/STEM.jpg with {path}/SegmentationClass/STEM.png")
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("\n".join(names[:6]) + "\n")
    (lists / "val.txt").write_text("\n".join(names[6:]))
    (lists / "trainval.txt").write_text("\n".join(names))
    assert [pair.role for pair in find(tmp_path).pairs] == ["train"] * 6 + ["val"] * 4


def test_dsb_2018_unites_the_masks_of_one_image(tmp_path: Path) -> None:
    for image, objects in (("00ae65", 3), ("0121d6", 1), ("feats1", 5)):
        lay(tmp_path, f"stage1_train/{image}/images/{image}.png")
        lay(tmp_path, *each(f"stage1_train/{image}/masks/{{}}.png", [f"{7919 * n:x}{image}" for n in range(objects)]))
    lay(tmp_path, "stage1_test/0f1f89/images/0f1f89.png", "stage1_test/2/images/a.png", "stage1_test/2/images/b.png")
    for root in (tmp_path, tmp_path / "stage1_train"):
        found = find(root)
        assert [len(pair.masks) for pair in found.pairs] == [3, 1, 5]
        assert [pair.stem for pair in found.pairs] == ["00ae65", "0121d6", "feats1"]
        assert {page.path.parts[-3] for page in found.pairs[2].masks} == {"feats1"}
        assert "FOLDER/masks/*.png" in found.layout
    assert find(tmp_path).unlabelled == ("0f1f89", "2/a", "2/b")


def test_isbi_stacks_in_one_folder(tmp_path: Path) -> None:
    lay(tmp_path, "train-volume.tif", "train-labels.tif", "test-volume.tif", pages=30)
    found = find(tmp_path)
    assert len(found.pairs) == 30
    assert found.pairs[7].stem == "train-volume#007"
    assert found.pairs[7].image.path.name == "train-volume.tif"
    assert found.pairs[7].masks[0].path.name == "train-labels.tif"
    assert found.pairs[7].image.number == found.pairs[7].masks[0].number == 7
    assert found.unlabelled == ("test-volume",)
    assert found.layout == "STEM-volume.tif with STEM-labels.tif"


def test_pages_are_in_order_beyond_a_thousand(tmp_path: Path) -> None:
    lay(tmp_path, "images/a.tif", "masks/a.tif", pages=1002)
    assert [pair.image.number for pair in find(tmp_path).pairs] == list(range(1002))


def test_stacks_of_other_lengths_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, "images/a.tif", pages=5)
    lay(tmp_path, "masks/a.tif", pages=4)
    with pytest.raises(
        ValueError, match=r"masks/a.tif must have as many pages as its image .*images/a.tif \(5\), got 4"
    ):
        find(tmp_path)


def test_nnunet_leaves_out_what_has_no_labels(tmp_path: Path) -> None:
    cases = [f"case_{number:03}" for number in range(1, 7)]
    lay(tmp_path, *each("imagesTr/{}_0000.png", cases), *each("labelsTr/{}.png", cases), "dataset.json")
    lay(tmp_path, *each("imagesTs/case_{:03}_0000.png", (17, 18)))
    found = find(tmp_path)
    assert files_of(found, tmp_path)["case_004_0000"] == ("imagesTr/case_004_0000.png", "labelsTr/case_004.png")
    assert found.unlabelled == ("case_017_0000", "case_018_0000")


def test_several_channels_are_not_one_image(tmp_path: Path) -> None:
    lay(tmp_path, *each("imagesTr/case_{}_0000.png", range(4)), *each("imagesTr/case_{}_0001.png", range(4)))
    lay(tmp_path, *each("labelsTr/case_{}.png", range(4)))
    with pytest.raises(ValueError, match="got 8 images and 4 masks, without a partner: imagesTr/case_0_0000.png"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/{}/{}.png", "masks/{}/{}.png"),
        ("{}/images/{}.png", "{}/masks/{}.png"),
        ("{}/{}.png", "{}/{}_mask.png"),
        ("JPEGImages/480p/{}/{}.jpg", "Annotations/480p/{}/{}.png"),
        ("images/frame_{}/{}.png", "masks/frame_{}/{}.png"),
        ("frame_{}/{}.png", "frame_{}/mask_{}.png"),
    ],
)
def test_the_folder_of_a_scene_is_part_of_the_stem(image: str, mask: str, tmp_path: Path) -> None:
    scenes = [(scene, number) for scene in (1, 2, 11) for number in ("00", "01", "10")]
    lay(tmp_path, *(image.format(*at) for at in scenes), *(mask.format(*at) for at in scenes))
    found = find(tmp_path)
    assert set(files_of(found, tmp_path).values()) == {(image.format(*at), mask.format(*at)) for at in scenes}
    assert len({pair.stem.rpartition("/")[0] for pair in found.pairs}) == 3
    assert all(pair.stem.endswith(pair.image.path.stem) for pair in found.pairs)


def test_one_pair_in_each_folder(tmp_path: Path) -> None:
    lay(tmp_path, *each("{}_json/img.png", "abc"), *each("{}_json/label.png", "abc"))
    assert files_of(find(tmp_path), tmp_path)["b_json"] == ("b_json/img.png", "b_json/label.png")
    lay(tmp_path, *each("{}_json/other.png", "abc"))
    with pytest.raises(ValueError, match=r"6 images and 3 masks, without a partner: a_json/img.png, a_json/other.png"):
        find(tmp_path)


def test_further_masks_of_an_image_are_numbered(tmp_path: Path) -> None:
    lay(tmp_path, *each("benign/benign ({}).png", (1, 2, 11)), *each("benign/benign ({})_mask.png", (1, 2, 11)))
    lay(tmp_path, "benign/benign (2)_mask_1.png")
    masks = [[page.path.name for page in pair.masks] for pair in find(tmp_path).pairs]
    assert masks == [
        ["benign (1)_mask.png"],
        ["benign (11)_mask.png"],
        ["benign (2)_mask.png", "benign (2)_mask_1.png"],
    ]


def test_roles_make_equal_stems_unique(tmp_path: Path) -> None:
    for role, count in (("train", 4), ("validation", 2), ("testing", 3)):
        lay(
            tmp_path,
            *each(f"{role}/images/{{:04}}.png", range(count)),
            *each(f"{role}/masks/{{:04}}.png", range(count)),
        )
    found = find(tmp_path)
    assert [(pair.stem, pair.role) for pair in found.pairs[:4]] == [
        ("test/0000", "test"),
        ("test/0001", "test"),
        ("test/0002", "test"),
        ("train/0000", "train"),
    ]
    assert found.pairs[-1].image.path == tmp_path / "validation" / "images" / "0001.png"


def test_roles_in_a_stem_are_no_scenes_unless_a_pattern_says_so(tmp_path: Path) -> None:
    for role in ("train", "val", "test"):
        lay(tmp_path, *each(f"{role}/images/{{}}.png", ("a_1", "a_2", "b_1")))
        lay(tmp_path, *each(f"{role}/masks/{{}}.png", ("a_1", "a_2", "b_1")))
    assert [pair.scene for pair in find(tmp_path).pairs[:4]] == ["test/a", "test/a", "test/b", "train/a"]
    assert {pair.scene for pair in find(tmp_path, scene_pattern="/(.)_").pairs} == {"a", "b"}


def test_the_folder_of_a_scene_within_a_role_is_the_scene(tmp_path: Path) -> None:
    for role, scenes in (("train", "abc"), ("val", "d"), ("test", "ea")):
        for scene in scenes:
            at = f"{scene}/{role}"
            lay(
                tmp_path,
                f"{role}/{at}_1.png",
                f"{role}/{at}_2.png",
                f"{role}_masks/{at}_1.png",
                f"{role}_masks/{at}_2.png",
            )
    found = find(tmp_path)
    assert found.pairs[0].stem == "a/test_1"
    assert [pair.scene for pair in found.pairs] == list("aaaabbccddee"), "a leaks from train to test, and can be seen"


def test_a_role_for_some_is_a_role_for_none(tmp_path: Path) -> None:
    for scene in ("test_drive", "garden", "train_station"):
        lay(tmp_path, *each(f"images/{scene}/{{}}.png", "ab"), *each(f"masks/{scene}/{{}}.png", "ab"))
    found = find(tmp_path)
    assert {pair.role for pair in found.pairs} == {""}
    assert found.pairs[0].stem == "garden/a"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["images/1.png", "images/2.png", "masks/11.png", "masks/12.png"],
            "got 2 images and 2 masks, without a partner",
        ),
        ([*each("images/train_{}.png", "abcd"), *each("masks/test_{}.png", "abcd")], "images/train_a.png, "),
        ([*each("images/{}_left.png", "abcd"), *each("masks/{}_right_mask.png", "abcd")], "without a partner"),
        ([*each("images/s{}_0.png", "0123"), *each("masks/s{}_1.png", "0123")], "without a partner"),
        ([*each("images/{}.png", "abcdef"), "masks/a.png", *each("masks/other_{}.png", "123")], "6 images and 4 masks"),
        (each("images/{}.png", "abc"), "got 3 images and 0 masks"),
        ([*each("images/{}.png", "abc"), *each("masks/{}.nii.gz", "abc")], "not read are 3 of .nii.gz"),
        (
            [*each("images/{}.jpg", "abc"), *each("images/{}.json", "abc")],
            "not read are 3 of .json.* `bench data import`",
        ),
        (each("images/{}.npy", "abc"), r"must hold images \(PNG, .*\), got 3 of .npy"),
        (
            [*each("{}.png", "abc"), *each("{}.tif", "abc")],
            "two files of most names, such as a.png and a.tif, and nothing",
        ),
        ([*each("images/{}.png", "ab"), *each("masks/{}.png", "ab"), "masks/a.tif"], "got masks/a.png and masks/a.tif"),
        (
            [*each("images/{}.png", "abc"), *each("gt/{}.png", "abc"), *each("masks/{}.png", "abc")],
            r"several folders that could be the masks: gt, masks; name one \(--masks DIR\)",
        ),
        (
            [*each("images/{}.png", "abc"), *each("frames/{}.png", "abc"), *each("masks/{}.png", "abc")],
            r"several folders that could be the images: frames, images; name one \(--images DIR\)",
        ),
        (
            [*each("images/{}.png", "abc"), *each("masks/{}_a.png", "abc"), *each("masks/{}_b.png", "abc")],
            r"in one way, got STEM with STEM_a and also STEM with STEM_b, such as .*--images DIR, --masks DIR",
        ),
        (
            [*each("images/{}_a.png", "abcd"), *each("images/{}_b.png", "abc"), *each("masks/{}.png", "abcd")],
            "in one way, got STEM_a with STEM and also STEM_b with STEM",
        ),
    ],
)
def test_what_could_be_wrong_is_refused(names: list[str], message: str, tmp_path: Path) -> None:
    lay(tmp_path, *names)
    with pytest.raises(ValueError, match=message):
        find(tmp_path)


def test_named_folders_decide_and_must_be_there(tmp_path: Path) -> None:
    lay(
        tmp_path,
        *each("a/{}.png", "123"),
        *each("b/{}.png", "123"),
        *each("gt/{}.png", "123"),
        *each("c/{}.png", "123"),
    )
    found = find(tmp_path, images="b/", masks="./c")
    assert files_of(found, tmp_path)["2"] == ("b/2.png", "c/2.png")
    assert "passed over: a, gt" in found.layout
    with pytest.raises(ValueError, match=r"data.masks \(--masks\) must be .* got d; there are: a, b, c, gt"):
        find(tmp_path, images="a", masks="d")


def test_one_folder_can_be_named_for_both(tmp_path: Path) -> None:
    lay(tmp_path, *each("both/{}.png", "123"), *each("both/{}_mask.png", "123"), *each("masks/{}.png", "789"))
    assert set(files_of(find(tmp_path, images="both", masks="both"), tmp_path)) == {"1", "2", "3"}


def test_images_without_masks_are_named_and_left_out(tmp_path: Path) -> None:
    lay(tmp_path, *each("images/{}.jpg", range(10)), *each("masks/{}_mask.png", (2, 4, 6, 77)))
    found = find(tmp_path)
    assert [pair.stem for pair in found.pairs] == ["2", "4", "6"]
    assert found.unlabelled == ("0", "1", "3", "5", "7", "8", "9")
    assert found.without_image == ("masks/77_mask.png",)
    assert found.layout.endswith("; masks without an image, left out: masks/77_mask.png")
    with pytest.raises(ValueError, match=r"\(--require-all\); without: images/0.jpg, .*, masks/77_mask.png"):
        find(tmp_path, require_all=True)


def test_few_masks_among_many_images_of_any_name_are_found(tmp_path: Path) -> None:
    names = [
        f"{first}{second}_{third}" for first in "abcdefgh" for second in "klmnopqr" for third in ("sun", "rain", "fog")
    ]
    lay(tmp_path, *each("images/{}.png", names), *each("masks/{}_seg.png", names[60:64]))
    assert [pair.stem for pair in find(tmp_path).pairs] == sorted(names[60:64])
    files = [File(tmp_path, Home("", ""), name) for name in names]
    assert len(_common_affixes(files, least=2)) <= 36, "each is tried on every name"


def test_flips_are_not_taken_for_another_kind_of_mask(tmp_path: Path) -> None:
    names = [*each("s{}", range(4)), *each("s{}_flip", range(4))]
    lay(tmp_path, *each("images/{}.png", names), *each("masks/{}_mask.png", names))
    assert len(find(tmp_path).pairs) == 8


def test_a_link_to_a_mask_that_is_gone_is_refused_and_litter_is_not(tmp_path: Path) -> None:
    lay(tmp_path, *each("images/{}.png", "abc"), *each("masks/{}.png", "ab"))
    (tmp_path / "images" / "zzz.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "images" / ".DS_Store").write_bytes(b"")
    (tmp_path / "images" / "folder.png").mkdir()
    (tmp_path / "images" / "again").symlink_to(tmp_path)
    assert [pair.stem for pair in find(tmp_path).pairs] == ["a", "b"]
    assert list(find_images(tmp_path)) == ["a", "b", "c"]
    (tmp_path / "masks" / "c.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(
        ValueError, match=r"masks/c.png must be a picture, got a link that leads nowhere \(to .*gone.png\)"
    ):
        find(tmp_path)


def test_a_link_to_itself_is_no_folder(tmp_path: Path) -> None:
    lay(tmp_path, *each("images/{}.png", range(3)), *each("masks/{}.png", range(3)))
    (tmp_path / "images" / "loop").symlink_to("loop")
    assert len(find(tmp_path).pairs) == 3


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"set.zip must be a folder, got a file; unpack it if it is an archive\."):
        find(tmp_path / "set.zip")


def test_folders_that_may_be_meant_are_named(tmp_path: Path) -> None:
    lay(tmp_path, *each("input/{}.png", range(3)), *each("output/{}.png", range(3)))
    with pytest.raises(ValueError, match="0 masks, .*; folders that are called neither: output; .*--masks"):
        find(tmp_path)


def test_folders_may_be_links(tmp_path: Path) -> None:
    lay(tmp_path / "store", *each("pixels/{}.png", "ab"), *each("truth/{}.png", "ab"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").symlink_to(tmp_path / "store" / "pixels")
    (tmp_path / "data" / "masks").symlink_to(tmp_path / "store" / "truth")
    assert [pair.stem for pair in find(tmp_path / "data").pairs] == ["a", "b"]


def test_images_to_predict_may_lie_beside_several_folders_of_masks(tmp_path: Path) -> None:
    lay(tmp_path, *each("images/{}.png", "ab"), *each("masks_cat/{}.png", "ab"), *each("masks_dog/{}.png", "ab"))
    assert find_images(tmp_path) == {stem: tmp_path / "images" / f"{stem}.png" for stem in "ab"}
    with pytest.raises(
        ValueError, match=r"several folders that could be the masks: masks_cat, masks_dog; .*--masks DIR"
    ):
        find(tmp_path)


def test_images_to_predict_are_those_of_a_data_set_or_all(tmp_path: Path) -> None:
    lay(tmp_path / "set", *each("images/{}.png", "ab"), *each("masks/{}.png", "a"), "new/c.png")
    assert list(find_images(tmp_path / "set")) == ["a", "b"]
    lay(tmp_path / "both", *each("{}.png", "ab"), *each("{}_mask.png", "a"))
    assert list(find_images(tmp_path / "both")) == ["a", "b"]
    lay(tmp_path / "new", "b.jpg", "mask_of_zorro.png", "day/1.png", "night/1.png")
    assert list(find_images(tmp_path / "new")) == ["b", "mask_of_zorro", "day/1", "night/1"]
    lay(tmp_path / "twice", "a.jpg", "a.png", "b.png", "c.png")
    with pytest.raises(ValueError, match="one file per stem, got a.jpg and a.png"):
        find_images(tmp_path / "twice")
