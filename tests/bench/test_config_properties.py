"""Any values at all: a config that validates is stored and known by one hash, and every other is a ValueError."""

from dataclasses import fields, replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.fields import BOUNDS
from hourglass_bench.bench.generative.config import SampleConfig
from hourglass_bench.bench.perf.config import PerfConfig
from hourglass_bench.bench.stored_config import config_hash, flatten, unflatten
from tests.properties import bounded

TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
ANY_TEXT: Final = st.text(max_size=40) | st.just("x" * 5000) | st.just("\udce4")
ANYTHING: Final = (
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.lists(st.integers(), max_size=3)
)
DEFAULT: Final = RunConfig(architecture=configure("unet"), data=DataConfig(), training=TrainingConfig())


def legal(item: Any) -> st.SearchStrategy[Any]:
    """Values of a field that its bounds allow, if others do not forbid them."""
    bounds, default = item.metadata.get(BOUNDS), item.default
    if isinstance(default, bool):
        return st.booleans()
    if bounds and isinstance(bounds.least, int):
        return st.integers(bounds.least, int(bounds.most))
    if bounds:
        return st.floats(bounds.least, bounds.most, exclude_min=bounds.above, exclude_max=bounds.below)
    if item.name in ("foreground", "ignore"):
        return st.lists(TEXTS, max_size=3).map(tuple)
    if item.name == "size":
        return st.tuples(st.integers(16, 2**15), st.integers(16, 2**15))
    if item.name == "loss":
        return st.dictionaries(TEXTS, st.floats(0, 1e30), min_size=1, max_size=3).map(lambda of: tuple(of.items()))
    if default == "" and item.name not in ("scene_pattern", "weights"):
        return TEXTS
    return st.just(default)


def given_to(config: type[Any], *, wild: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Some fields' values; wild ones may be anything."""
    known = {item.name: legal(item) | ANYTHING if wild else legal(item) for item in fields(config)}
    return st.fixed_dictionaries({}, optional=known)


@bounded
@given(given_to(DataConfig, wild=False), given_to(TrainingConfig, wild=False), st.sampled_from(sorted(ARCHITECTURES)))
def test_what_validates_is_stored_and_known_by_its_hash(
    data: dict[str, Any], training: dict[str, Any], name: str
) -> None:
    data.pop("scene_table" if "scene_pattern" in data else "", None)
    try:
        trained = TrainingConfig(**training)
    except ValueError:  # of fields together: no loss that weighs anything
        trained = TrainingConfig()
    config = RunConfig(architecture=configure(name, (4, 8)), data=DataConfig(**data), training=trained)
    stored = flatten(config)
    assert all(isinstance(text, str) for text in stored.values())
    assert unflatten(stored) == config
    assert flatten(unflatten(stored)) == stored
    assert config_hash(unflatten(stored)) == config_hash(config) == config_hash(replace(config))


@pytest.mark.parametrize("config", [DataConfig, TrainingConfig, SampleConfig, PerfConfig])
def test_what_does_not_is_a_value_error(config: type[Any]) -> None:
    @bounded
    @given(given_to(config, wild=True))
    def check(values: dict[str, Any]) -> None:
        try:
            made = config(**values)
        except ValueError:
            with pytest.raises(ValueError, match=r"^[^\n]+ must [^\n]+, got [^\n]*\.$"):
                config(**values)
        else:
            assert made == config(**values)
            assert hash(made) == hash(config(**values))

    check()


@bounded
@given(st.sampled_from(sorted(flatten(DEFAULT).keys() - {"architecture.name"})), ANY_TEXT | st.just("[" * 10**5))
def test_any_text_in_a_store_is_a_config_or_a_value_error(name: str, text: str) -> None:
    try:
        config = unflatten(flatten(DEFAULT) | {name: text})
    except ValueError:
        return
    assert unflatten(flatten(config)) == config


@bounded
@given(st.sampled_from(sorted(ARCHITECTURES)), st.data())
def test_any_options_of_a_network_are_a_config_or_a_value_error(name: str, data: st.DataObject) -> None:
    keys = ("channels", "depth", "base_width", "growth", "decoder_channels", "skips", "norm", "target", "latent")
    keys += ("image_size", "block", "upsampling", "bottom")
    options = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(keys, ANYTHING | st.integers(0, 8))))
    try:
        network = configure(name, **options)
    except ValueError:
        return
    config = replace(DEFAULT, data=DataConfig(size=network.frame_size or (64, 64)), architecture=network)  # type: ignore[arg-type]
    assert unflatten(flatten(config)) == config
