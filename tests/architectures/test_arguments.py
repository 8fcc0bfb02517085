"""Options of networks from elsewhere: from text or values to what a constructor gets, through a store and back."""

import math
from enum import IntEnum
from typing import Any

import pytest
from torch import nn

from hourglass_bench.architectures.arguments import read, spell
from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.stored_config import config_hash, flatten, unflatten


class Mode(IntEnum):
    FAST = 1


class Told(nn.Conv2d):
    """Takes what it is given."""

    def __init__(
        self,
        value: Any = "unset",
        ratio: float = 0.5,
        sides: tuple[int, ...] = (3, 3),
        widths: list[int] = [8, 16],  # noqa: B006 - as people write it
        more: "list[list[int]] | None" = None,
        act: Any = nn.ReLU,
        mode: Mode = Mode.FAST,
        arguments: str = "",
    ) -> None:
        super().__init__(3, 1, 1)
        self.told = {"value": value, "ratio": ratio, "sides": sides, "widths": widths, "more": more, "act": act}
        self.told |= {"mode": mode, "arguments": arguments}


class Open(nn.Conv2d):
    def __init__(self, *args: Any, width: int = 4, **kwargs: Any) -> None:
        super().__init__(3, 1, 1)
        self.told = (args, width, kwargs)


class Named(nn.Conv2d):
    def __init__(self, name: str) -> None:
        super().__init__(3, 1, 1)


class Placed(nn.Conv2d):
    def __init__(self, width: int, /) -> None:
        super().__init__(3, 1, 1)


class Outer:
    class Inner(nn.Conv2d):
        pass


def given(name: str, **options: Any) -> Any:
    """What the constructor gets of options, by way of a store."""
    config = RunConfig(
        architecture=configure(f"{__name__}:{name}", **options),
        data=DataConfig(size=(16, 16)),
        training=TrainingConfig(),
    )
    again = unflatten(flatten(config))
    assert (again, config_hash(again)) == (config, config_hash(config))
    return build(again.architecture, seed=0, size=(16, 16)).told


VALUES: tuple[Any, ...] = (
    *(
        0,
        -3,
        2**80,
        1e-4,
        1e300,
        0.1,
        -0.0,
        math.inf,
        True,
        False,
        None,
        "relu",
        "a b=c",
        "",
        " 5",
        "5",
        "1e-4",
        "null",
    ),
    *(
        "None",
        "True",
        "true",
        "NaN",
        "inf",
        '"quoted"',
        "it's",
        "[1, 2]",
        "(1,)",
        "{}",
        "é\n",
        "C:\\data",
        "1_000",
        "x.y",
    ),
    *((), (1, 2), (1, (2, "3")), ("1", None), {"a": 1, "b": (1, 2)}, {"1": {"2": "3"}}),
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_were(value: Any) -> None:
    told = given("Told", value=value)["value"]
    assert (told, type(told)) == (value, type(value))
    assert str(told) == str(value)  # of 0.0 and -0.0, 1 and True within


def test_not_a_number_comes_back() -> None:
    assert math.isnan(given("Told", value=math.nan)["value"])
    assert configure(f"{__name__}:Told", value=math.nan) == configure(f"{__name__}:Told", value=-math.nan)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-4", 1e-4), (".5", 0.5), ("1_000", 1000), ("null", None), ("None", None), ("True", True), ("true", True)),
        *(("(16, 32)", (16, 32)), ("[16,32]", [16, 32]), ("'5'", "5"), ('"5"', "5"), ("relu", "relu"), ("", "")),
        *(("{'a': 1}", {"a": 1}), ("3-1", "3-1"), ("a,b", "a,b"), ("[1,", "[1,")),
    ],
)
def test_text_is_read_as_json_or_python(text: str, value: Any) -> None:
    assert (read(text), type(read(text))) == (value, type(value))


@pytest.mark.parametrize(
    "value", [Mode.FAST, [Mode.FAST], nn.ReLU, {1: 2}, {"a": {None: 1}}, {1, 2}, 1j, b"x", [nn.ReLU()], ...], ids=repr
)
def test_what_would_come_back_as_something_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"an option must be a number, a text, true, false, null, or lists of these"):
        spell(value)


def test_a_constructor_gets_a_list_where_it_says_list() -> None:
    told = given("Told", sides=[5, 5], widths=(4, 8), more=[[1], [2]])
    assert (told["sides"], told["widths"], told["more"]) == ((5, 5), [4, 8], [[1], [2]])


def test_a_default_without_a_spelling_stays_and_can_be_set_by_text() -> None:
    assert (given("Told")["act"], given("Told")["mode"]) == (nn.ReLU, Mode.FAST)
    assert given("Told", act="gelu", mode=2)["act"] == "gelu"


def test_an_option_may_be_called_arguments() -> None:
    assert given("Told", arguments="many")["arguments"] == "many"


def test_a_whole_number_is_the_float_that_it_stands_for() -> None:
    assert configure(f"{__name__}:Told", ratio=2) == configure(f"{__name__}:Told", ratio=2.0)
    assert type(given("Told", ratio=2)["ratio"]) is float


def test_open_signatures_take_any_keyword() -> None:
    assert given("Open", width=5, depth=3) == ((), 5, {"depth": 3})
    assert given("Open") == ((), 4, {})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "Named",
            {},
            r"Named must be made by keywords other than `name`, got name in its signature \(name: str\); a func",
        ),
        (
            "Placed",
            {},
            r"Placed must be made by keywords other than `name`, got width in its signature \(width: int, /\)",
        ),
        ("Told", {"name": "x"}, r"options of .*:Told must be those of its signature .*, got name\."),
        ("Open", {"kwargs": 1}, r"signature \(\*args: .*, got kwargs\."),
        ("Open", {"in_channels": 1}, r"signature \(\*args: .*, got in_channels\."),
        (
            "Outer.Inner",
            {},
            r"must name a class of .*, got 'Outer\.Inner'; its networks are Told, Open, Named, Placed\.",
        ),
    ],
)
def test_what_cannot_be_given_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configure(f"{__name__}:{name}", **options)


def test_ours_have_no_option_name() -> None:
    with pytest.raises(ValueError, match=r"options of unet must be of channels, .*, got 'name'\."):
        configure("unet", **{"name": "x"})
