"""What the studies plan."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import PRESETS, configure
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.split import split_frames
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.catalog.matched import costs, match_width
from hourglass_bench.studies.options import DataChanges, Options
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.spaces import skip_subsets
from hourglass_bench.studies.status import Status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Setting, Unit, count_planned

FACTORIALS = [name for name, study in CATALOG.items() if isinstance(study, Factorial)]
SEARCHES = [name for name, study in CATALOG.items() if isinstance(study, Search)]


def setting(name: str) -> Setting:
    return CATALOG[name].setting(path="synthetic")


def units(name: str, epochs: int | None = None) -> list[Unit]:
    study = CATALOG[name]
    assert isinstance(study, Factorial)
    return study.units(study.setting(path="synthetic", epochs=epochs))


def test_list_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == CATALOG.keys()


@pytest.mark.parametrize("name", CATALOG)
def test_the_setting_is_what_was_asked_for(name: str) -> None:
    study = CATALOG[name]
    chosen = study.setting(path="elsewhere", epochs=7)
    assert (chosen.training.epochs, chosen.data.path) == (7, "elsewhere")
    assert study.setting(path="elsewhere").training == study.training
    assert study.setting(path="elsewhere").data.size == (study.size, study.size)
    assert study.setting(size=(48, 64), folds=3).data == replace(study.setting().data, size=(48, 64), folds=3)


def test_flags_change_what_they_name_and_nothing_else() -> None:
    assert DataChanges()() == {}
    given = DataChanges(path="D", size=(64,), folds=0, invert=True, ignore=("255",))
    assert given() == {"path": "D", "size": (64, 64), "folds": 0, "invert": True, "ignore": ("255",)}
    with pytest.raises(ValueError, match=r"--size must be one side or height and width, got \[1, 2, 3\]\."):
        DataChanges(size=(1, 2, 3))()
    names = {item.name for item in fields(DataConfig)}
    assert {item.name for item in fields(DataChanges)} == {
        name for name in names if name != "labelled_scenes" and not name.startswith("synthetic_")
    }


def test_another_split_can_be_chosen_unless_the_study_needs_its_own() -> None:
    assert CATALOG["quick"].setting(path="", split="scene_holdout").data.split == "scene_holdout"
    assert CATALOG["search"].setting(path="", split="scene_holdout").data.split == "scene_holdout"
    for name, needed in (("search", "scene_holdout"), ("leak", "scene_folds")):
        with pytest.raises(ValueError, match=f"study {name} must keep its split, {needed}, got random_frames"):
            CATALOG[name].setting(path="", split="random_frames")


@pytest.mark.parametrize("name", CATALOG)
def test_examples_can_be_trained_and_differ(name: str) -> None:
    examples = CATALOG[name].examples(setting(name))
    assert 1 < len({example.architecture for example in examples}) == len(examples) <= 3


def test_every_study_has_a_space_of_its_own() -> None:
    assert len({study.space() for study in CATALOG.values()}) == len(CATALOG)


@pytest.mark.parametrize("name", FACTORIALS)
def test_every_factorial_plans_paired_distinct_units(name: str) -> None:
    plan = units(name)
    assert len({unit.key for unit in plan}) == len(plan)
    repeats: dict[Any, set[int]] = {}
    for unit in plan:
        repeats.setdefault(unit.config.architecture, set()).add(unit.config.repeat)
    (paired,) = set(map(frozenset, repeats.values()))
    assert paired == set(range(3 if name == "quick" else 5)), "a first look has three, a verdict needs five"
    for stage in {unit.stage for unit in plan}:
        trainings = [unit.config.training for unit in plan if unit.stage == stage]
        # What the study varies of it is a factor.
        assert len({replace(training, beta=1, pretrain_epochs=0) for training in trainings}) == 1
    names = {frozenset(unit.factors) for unit in plan}
    assert all("architecture" in factors and "repeat" in factors for factors in names)


@pytest.mark.parametrize("name", [name for name in FACTORIALS if name not in ("skips", "matched", "zoo", "aa")])
def test_hourglass_and_unet_come_in_the_same_sizes(name: str) -> None:
    sizes: dict[str, set[Any]] = {}
    for unit in units(name):
        network = unit.config.architecture
        sizes.setdefault(network.name, set()).add((network.channels, unit.config.repeat))
    assert sizes["hourglass"] == sizes["unet"]


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_gives_each_architecture_as_many_trials(name: str) -> None:
    study = CATALOG[name]
    assert isinstance(study, Search)
    for stage, counts in count_planned(study.planned(setting(name))).items():
        assert set(counts) == set(study.architectures)
        assert set(counts.values()) == {study.trials if stage == "search" else study.repeats}


def test_quick_crosses_three_architectures_with_depth_and_width() -> None:
    cells = Counter((unit.factors["depth"], unit.factors["base_width"]) for unit in units("quick"))
    assert len(cells) == 4
    assert set(cells.values()) == {9}


def test_practical_holds_its_presets_at_128_pixels() -> None:
    attempts = Counter(unit.config.architecture for unit in units("practical"))
    for preset in ("simple_conv_shallow", "simple_conv_deep", "hourglass", "unet"):
        assert attempts[PRESETS[preset]] == 5
    assert {unit.config.data.size for unit in units("practical")} == {(128, 128)}


def test_generative_crosses_depth_latent_and_beta_and_segments_through_the_same_latents() -> None:
    plan = units("generative")
    of_masks = {
        tuple(unit.factors.get(name) for name in ("architecture", "depth", "latent", "beta"))
        for unit in plan
        if unit.factors.get("target") == "mask"
    }
    latents = {4, 16, 64}
    assert of_masks == {("autoencoder", depth, latent, None) for depth in (2, 4) for latent in latents} | {
        ("vae", depth, latent, beta) for depth in (2, 4) for latent in latents for beta in (1.0, 8.0)
    }
    segmenting = [unit for unit in plan if unit.stage == "comparison"]
    assert {unit.config.architecture.name for unit in segmenting} == {"hourglass", "unet"}
    assert {unit.config.architecture.latent for unit in segmenting} == latents
    for unit in plan:
        assert unit.factors.get("beta", 1.0) == unit.config.training.beta
        assert unit.factors.get("latent", 0) == unit.config.architecture.latent
    of_images = [unit for unit in plan if unit.config.architecture.target == "image"]
    assert {(unit.factors["architecture"], unit.factors["depth"], unit.factors["latent"]) for unit in of_images} == {
        (name, depth, 0) for name in ("autoencoder", "vae") for depth in (2, 3, 4)
    }


def test_pretraining_is_compared_at_equal_epochs_whatever_their_number() -> None:
    for epochs in (1, 8):
        pairs: dict[Any, set[int]] = {}
        for unit in units("generative", epochs):
            if unit.stage == "pretraining":
                assert unit.config.data.labelled_scenes == 6
                equal = replace(unit.config, training=replace(unit.config.training, pretrain_epochs=0))
                pairs.setdefault(equal, set()).add(unit.config.training.pretrain_epochs)
        assert len(pairs) == 10
        assert all(len(of) == 2 and 0 in of for of in pairs.values())


def test_a_factorial_has_an_optuna_study_for_each_of_its_stages() -> None:
    assert CATALOG["generative"].stage_names() == ["generative/generative", "generative", "generative/pretraining"]
    assert CATALOG["quick"].stage_names() == ["quick/tuning", "quick"]
    assert CATALOG["aa"].stage_names() == ["aa"]
    planned = count_planned(CATALOG["generative"].planned(setting("generative")))
    sizes = {stage: sum(counts.values()) for stage, counts in planned.items()}
    assert sizes == {"generative": 120, "comparison": 30, "pretraining": 20}


def test_depth_width_covers_depths_and_widths() -> None:
    assert {unit.factors["depth"] for unit in units("depth_width")} == set(range(1, 7))
    assert {unit.factors["base_width"] for unit in units("depth_width")} == {8, 16, 32, 64, 128}


def test_skips_goes_from_hourglass_to_unet_by_every_subset() -> None:
    networks = {unit.config.architecture for unit in units("skips")}
    assert {network.skips for network in networks} == {(), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)}
    assert {network.name for network in networks if not network.skips} == {"hourglass"}
    assert len({(network.channels, network.decoder_channels, network.norm) for network in networks}) == 1


def test_matched_has_an_hourglass_for_every_cost_of_the_unet() -> None:
    networks = {unit.config.architecture for unit in units("matched")}
    (unet,) = (network for network in networks if network.name == "unet")
    widths = {network.base_width for network in networks if network.name == "hourglass"}
    assert unet.base_width in widths
    chosen = setting("matched")
    for cost in costs(chosen.data, chosen.training).values():
        ratios = [cost(network) / cost(unet) for network in networks if network.name == "hourglass"]
        assert min(abs(ratio - 1) for ratio in ratios) < 0.04


def test_matched_width_is_the_nearest() -> None:
    def of_width(width: int) -> ArchitectureConfig:
        return configure("hourglass", (width,))

    target = configure("unet", (10,))
    assert match_width(target, of_width, lambda network: network.base_width) == 10
    assert match_width(target, of_width, lambda network: network.base_width - 3 * (network.name == "unet")) == 7
    # The U-Net costs 104, between 100 at width 10 and 107 at width 11.
    assert match_width(target, of_width, _cost) == 11


def _cost(network: ArchitectureConfig) -> int:
    return 104 if network.name == "unet" else {10: 100, 11: 107}.get(network.base_width, 10 * network.base_width)


def test_aa_differs_in_the_name_alone() -> None:
    networks = {unit.config.architecture for unit in units("aa")}
    assert {network.name for network in networks} == {"unet", "unet_twin"}
    assert len({replace(network, name="") for network in networks}) == 1


def test_leak_trains_the_practicals_networks_under_both_splits() -> None:
    plan = units("leak")
    assert {unit.config.architecture for unit in plan} == {PRESETS["hourglass"], PRESETS["unet"]}
    for split in ("scene_folds", "random_frames"):
        assert {unit.config.repeat for unit in plan if unit.config.data.split == split} == set(range(5))


def test_texture_has_every_dose_at_every_difficulty_and_refuses_folders() -> None:
    plan = units("texture")
    cells = {(unit.config.architecture.skips, unit.config.data.synthetic_blend) for unit in plan}
    assert len(cells) == 16
    assert {skips for skips, _ in cells} == {(), (3,), (2, 3), (1, 2, 3)}
    assert all(unit.factors["blend"] == unit.config.data.synthetic_blend for unit in plan)
    texture = CATALOG["texture"]
    with pytest.raises(ValueError, match="data of study texture must be synthetic, whose textures can be blended, got"):
        texture.planned(texture.setting(path="D"))


def test_published_trains_by_the_published_protocol() -> None:
    plan = units("published")
    assert {unit.config.architecture.name for unit in plan} == {"hourglass", "unet"}
    for unit in plan:
        training = unit.config.training
        assert (training.epochs, training.batch_size, training.lr, training.schedule) == (100, 8, 0.01, "constant")
        assert (training.loss, training.weight_decay, training.clip_norm) == ((("dice", 1.0),), 0.0, 0.0)
        assert (unit.config.data.size, unit.config.architecture.channels) == ((256, 256), (16, 32, 64, 128, 256))


def test_search_keeps_its_test_scenes_from_everything_that_chooses() -> None:
    data = setting("search").data
    scenes = [str(scene) for scene in range(60)]
    searched = split_frames(scenes, data, 0)
    for repeat in range(1, 6):
        refitted = split_frames(scenes, data, repeat)
        assert not set(refitted.test) & (set(searched.train) | set(searched.val))


def test_skip_subsets_grow() -> None:
    assert skip_subsets(2) == [(), (1,), (2,), (1, 2)]


def test_refits_have_repeats_that_the_search_did_not_use() -> None:
    planned = CATALOG["search"].planned(setting("search"))
    refits = {unit for unit, (stage, _) in planned.items() if stage == "comparison"}
    assert refits == {f"{name}-refit-{repeat}" for name in ("hourglass", "unet") for repeat in range(1, 6)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the commands hand on instead of working."""
    calls: list[Any] = []

    def answer(*arguments: Any) -> Status:
        calls.append(arguments)
        return Status(study="asked", units={}, outcomes={})

    monkeypatch.setattr("hourglass_bench.studies.run.run_study", answer)
    monkeypatch.setattr("hourglass_bench.studies.status.status", answer)
    return calls


def values(options: Options) -> list[Any]:
    return [getattr(options, item.name) for item in fields(Options)]


@pytest.mark.parametrize("name", CATALOG)
def test_run_and_status_take_every_study(name: str, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    flags = "--runs there --storage sqlite:///a --tracking sqlite:///b --json"
    chosen = "--data mine --epochs 3 --split random_frames --memory-budget 2GiB --workers 2 --executor ray --device cpu"
    how = "--repeats 7 --no-tune --size 64 --foreground 1 2 --invert"
    assert main(f"run {name} {flags} {chosen} {how} --accept-changes".split()) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "asked"
    ((study, options),) = asked
    assert study is CATALOG[name]
    assert values(options) == values(
        Options(
            data=DataChanges(path="mine", size=(64,), split="random_frames", foreground=("1", "2"), invert=True),
            epochs=3,
            repeats=7,
            no_tune=True,
            memory_budget="2GiB",
            runs=Path("there"),
            storage="sqlite:///a",
            tracking="sqlite:///b",
            device="cpu",
            workers="2",
            executor="ray",
            accept_changes=True,
        )
    )
    assert main(f"status {name} {flags}".split()) == 0
    assert asked[1:] == [(name, Path("there"), "sqlite:///a", "sqlite:///b")]


def test_an_unknown_study_is_refused(refused: Callable[..., str]) -> None:
    assert "study must be one of quick, " in refused(main, "run quack")


def test_run_without_flags_has_the_default_options(asked: list[Any]) -> None:
    assert main(["run", "quick"]) == 0
    assert values(asked[0][1]) == values(Options())
