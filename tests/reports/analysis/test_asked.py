"""Pairs that are asked for: by which names, and what is said of those that there are not."""

from dataclasses import replace

import pytest
from fake_units import RESUNET, SEGRESNET, Unit
from helpers import Fill, Summarised

from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.analysis.asked import asked_pairs
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.store.load import ARCHITECTURE

TWIN = "other.py:ResUNet"


def asked(summary: Summary, text: str) -> tuple[int, int]:
    """Numbers of both configurations."""
    ((a, b),) = asked_pairs(replace(summary, asked=(text,)))
    return int(a[CONFIGURATION]), int(b[CONFIGURATION])


@pytest.fixture(scope="module")
def twins(summarised: Summarised) -> Summary:
    """Two classes of one name."""
    return summarised([Unit(architecture=name, options={}) for name in (RESUNET, TWIN)] + [Unit()])


# Configurations by number: Hourglass and U-Net of depth 2 and 3, SegResNet, ResUNet of width 8 and 24.
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hourglass/2/8:unet/3/8", (0, 3)),
        ("unet:hourglass", (3, 1)),  # each at its best
        ("U-Net:hourglass depth 2, width 8", (3, 0)),
        ("ResUNet:unet/2/8", (6, 2)),
        ("ResUNet/width=8:SegResNet", (5, 4)),
        ("unet/2/8:ResUNet width 8", (2, 5)),
        (f"{RESUNET}:{SEGRESNET}", (6, 4)),
        (f"{RESUNET}/width=8:{RESUNET}/width=24", (5, 6)),
    ],
)
def test_architectures_and_configurations_go_by_their_names(
    text: str, found: tuple[int, int], comparing: Summary
) -> None:
    assert asked(comparing, text) == found


CHOICES = (
    "ResUNet, ResUNet/width=24, ResUNet/width=8, SegResNet, hourglass, hourglass/2/8, hourglass/3/8, unet, unet/2/8, "
    "unet/3/8"
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("unet/2/9:hourglass/2/8", "'unet/2/9' in 'unet/2/9:hourglass/2/8'"),
        (f"{RESUNET}:vnet", f"'vnet' in '{RESUNET}:vnet'"),
        (f"ResUNet/width=12:{SEGRESNET}", f"'ResUNet/width=12' in 'ResUNet/width=12:{SEGRESNET}'"),
        ("unet/2/8", "'unet/2/8'"),
        (RESUNET, f"'resunet.py' in '{RESUNET}'"),
        ("vnet:wnet", "'vnet:wnet'"),
    ],
)
def test_what_is_not_there_is_named_with_the_choices(text: str, fault: str, comparing: Summary) -> None:
    with pytest.raises(ValueError, match=r"^compare must be A:B, each an architecture or ") as error:
        asked(comparing, text)
    assert str(error.value).endswith(f" that was tested, which are {CHOICES}; got {fault}.")


def test_classes_of_one_name_go_by_their_references(twins: Summary) -> None:
    a, b = asked_pairs(replace(twins, asked=(f"{RESUNET}:{TWIN}",)))[0]
    assert (a[ARCHITECTURE], b[ARCHITECTURE]) == (RESUNET, TWIN)
    with pytest.raises(ValueError, match=rf"which are .*, {TWIN}, {RESUNET}; got 'ResUNet' in 'ResUNet:hourglass'\.$"):
        asked(twins, "ResUNet:hourglass")


def test_what_can_be_read_in_two_ways_is_refused(summarised: Summarised) -> None:
    names = ("a", "a:b", "c", "b:c")
    summary = summarised([Unit(architecture=name, options={"own": name}) for name in names])
    with pytest.raises(ValueError, match=r"one pair A:B, got 'a:b:c', which is 'a' with 'b:c' or 'a:b' with 'c'\.$"):
        asked(summary, "a:b:c")


@pytest.mark.parametrize("text", ["unet:unet/3/8", "hourglass/3/8:hourglass"])
def test_a_configuration_is_not_compared_with_itself(text: str, comparing: Summary) -> None:
    with pytest.raises(ValueError, match=f"two configurations of equal split, folds and epochs, got '{text}', which"):
        asked(comparing, text)


def test_pairs_of_unequal_epochs_cannot_be_judged(summarised: Summarised) -> None:
    summary = summarised([Unit(), Unit(architecture="unet", epochs=16)])
    with pytest.raises(ValueError, match="must be of two configurations of equal split, folds and epochs, got 'unet"):
        asked(summary, "unet/2/8:hourglass/2/8")


def test_the_command_judges_pairs_or_says_which_there_are(new_store: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    runs = new_store([Unit(), Unit(architecture="unet")])
    assert main(["build", "--runs", str(runs), "--compare", "unet/2/8:vnet/2/8"]) == 2
    said = capsys.readouterr().err
    assert "hourglass, hourglass/2/8, unet, unet/2/8; got 'vnet/2/8' in 'unet/2/8:vnet/2/8'." in said
    assert "Traceback" not in said
    assert not (runs / "reports" / "quick" / "report.pdf").exists()
