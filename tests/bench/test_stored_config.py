"""Stored configs outlive the code: they come back as they were, and a field that is added changes nothing of them."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from hourglass_bench.architectures.registry import ARCHITECTURES, PRESETS, configure
from hourglass_bench.bench import stored_config
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.fields import documented
from hourglass_bench.bench.stored_config import VERSION_3, config_hash, flatten, identity, unflatten


def make(**changes: Any) -> RunConfig:
    sections = {"architecture": configure("unet", (4, 8)), "data": DataConfig(), "training": TrainingConfig()}
    return RunConfig(**(sections | changes))


VAE = configure("vae", (4, 8), target="mask", latent=8, image_size=(64, 64))


@pytest.mark.parametrize(
    "config",
    [
        *(make(architecture=configure(name, (4, 8), norm="group")) for name in ARCHITECTURES),
        *(make(architecture=preset) for preset in PRESETS.values()),
        make(repeat=7),
        make(data=DataConfig(path='odd "name", 1', size=(48, 96), scene_pattern=r"^(\d+)_")),
        make(training=TrainingConfig(lr=1e-5, epochs=1, schedule="constant", color_jitter=0.0)),
        make(training=TrainingConfig(loss=(("tversky", 0.5), ("bce", 2.0)))),
        make(architecture=VAE, data=DataConfig(size=(64, 64))),
        make(data=DataConfig(labelled_scenes=4), training=TrainingConfig(pretrain_epochs=7, sigma=0.1)),
    ],
)
def test_round_trip(config: RunConfig) -> None:
    flat = flatten(config)
    assert all(isinstance(value, str) for value in flat.values())
    assert unflatten(flat | {"depth": "2"}) == config
    assert config_hash(unflatten(flat)) == config_hash(config)


def test_hash_tells_configs_apart() -> None:
    variants = [make(), make(repeat=1), make(training=TrainingConfig(lr=1e-4))]
    variants.append(make(architecture=configure("unet", (4, 8), skips=(1,))))
    variants.append(make(training=TrainingConfig(loss=(("bce", 1.0), ("dice", 1.0), ("focal", 1.0)))))
    variants.append(make(training=TrainingConfig(loss=(("bce", 1.0), ("dice", 1.0), ("focal", 2.0)))))
    assert len({config_hash(variant) for variant in variants}) == len(variants)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (make(), "f4109838dad8a177"),
        (
            make(
                architecture=VAE,
                data=DataConfig(path="mydata", size=(64, 64), scene_pattern=r"^(\d+)_"),
                training=TrainingConfig(beta=4.0, sigma=0.1, epochs=12),
                repeat=3,
            ),
            "7293eab308109685",
        ),
        (
            make(
                architecture=configure("hourglass", (3, 6), norm="group"),
                data=DataConfig(labelled_scenes=4, split="scene_holdout"),
                training=TrainingConfig(pretrain_epochs=7, loss=(("bce", 1.0),), color_jitter=0.0, precision="fp32"),
                repeat=1,
            ),
            "5179648966e4193f",
        ),
    ],
)
def test_units_of_version_3_are_known(config: RunConfig, expected: str) -> None:
    """The hashes are those that version 0.1 computed, before fields were renamed and losses became a table."""
    assert config_hash(config) == expected


def test_old_names_are_read() -> None:
    config = make(training=TrainingConfig(color_jitter=0.2), repeat=3)
    flat = flatten(config)
    old = {"seed": flat.pop("repeat"), "training.colour": flat.pop("training.color_jitter")}
    assert unflatten(flat | old) == config


@pytest.mark.parametrize("name", ["training.lr", "training.bce_weight"])
@pytest.mark.parametrize("text", ["", "much", "9" * 5000, "[" * 10**5])
def test_a_number_that_is_none_is_named(name: str, text: str) -> None:
    stored = flatten(make()) | {name: text}
    with pytest.raises(ValueError, match=f"^{name} must be stored as a number or a list of some, got .{{,300}}$"):
        unflatten(stored)


def test_weights_are_parameters_of_their_own() -> None:
    config = make(training=TrainingConfig(loss=(("bce", 0.5), ("focal", 2.0))))
    flat = flatten(config)
    stored = {name: text for name, text in flat.items() if name.endswith("_weight")}
    assert stored == {"training.bce_weight": "0.5", "training.dice_weight": "0.0", "training.focal_weight": "2.0"}
    assert "training.loss" not in flat
    del flat["training.focal_weight"]  # as a version without that loss has it
    assert unflatten(flat).training.loss == (("bce", 0.5),)


@pytest.mark.parametrize("name", ["training.lr", "data.labelled_scenes", "repeat"])
def test_a_missing_field_has_its_default(name: str) -> None:
    flat = flatten(make(training=TrainingConfig(lr=1.0), data=DataConfig(labelled_scenes=3), repeat=9))
    del flat[name]
    assert flatten(unflatten(flat))[name] == flatten(make())[name]


def test_missing_weights_are_the_default() -> None:
    flat = {name: text for name, text in flatten(make()).items() if not name.endswith("_weight")}
    assert unflatten(flat) == make()


@pytest.mark.parametrize("name", ["architecture.name", "architecture.channels"])
def test_a_field_without_a_default_is_demanded_by_name(name: str) -> None:
    flat = flatten(make())
    del flat[name]
    with pytest.raises(ValueError, match=rf"^{name} must be in the stored config, got only architecture\."):
        unflatten(flat)


@pytest.mark.parametrize(
    ("item", "absent", "other"),
    [
        (documented(0.1, "of the labels"), 0.1, 0.2),
        (documented(0.5, "of the labels", absent=0.1), 0.1, 0.5),  # whose default was changed since
    ],
)
def test_a_field_that_is_added_changes_no_unit_and_breaks_no_store(item: Any, absent: float, other: float) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Later(TrainingConfig):
        smoothing: float = item

    before = TrainingConfig(lr=1e-4)
    old = {name: text for name, text in flatten(make(training=before)).items() if name.startswith("training.")}
    read = stored_config._build(Later, old, "training.")
    assert read.smoothing == absent
    assert read.lr == 1e-4
    assert identity(read, "training.") == identity(before, "training.")
    assert identity(replace(read, smoothing=other), "training.") == {
        **identity(before, "training."),
        "training.smoothing": other,
    }
    # Else the report would take runs of before and after for different configurations.
    assert flatten(make(training=read)) == flatten(make(training=before))
    assert flatten(make(training=replace(read, smoothing=other)))["training.smoothing"] == str(other)


def test_every_name_of_version_3_is_still_written_by_its_new_name() -> None:
    assert set(identity(make(), "")) == VERSION_3
