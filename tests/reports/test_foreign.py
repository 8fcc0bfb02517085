"""Networks from elsewhere in tables and sentences: what tells their configurations apart stands for depth and width."""

from dataclasses import replace

import pytest
from fake_store import plan_of
from fake_units import RESUNET, SEGRESNET, Unit, foreign, searched
from helpers import Summarised, cells, table, written

from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.analysis.tuning import own_part
from hourglass_bench.reports.prose.tuning import labelled
from hourglass_bench.reports.text import DASH


def rows(name: str, summary: Summary, architecture: str) -> list[dict[str, str]]:
    """A table's rows of an architecture, as cells by heading."""
    made = table(name, summary)
    found = [cells(made, row) for row in range(len(made.rows))]
    return [row for row in found if row[made.headings[0]].split("\n")[0] == architecture]


@pytest.mark.parametrize("name", ["costs", "configurations", "efforts"])
def test_size_is_what_differs(name: str, comparing: Summary) -> None:
    assert [row["size"] for row in rows(name, comparing, "ResUNet")] == ["width 8", "width 24"]
    assert [row["size"] for row in rows(name, comparing, "SegResNet")] == [DASH]
    assert rows(name, comparing, "U-Net")[0]["size"].split() == ["depth", "2,", "width", "8"]


def test_encoder_widths_are_those_of_ours(comparing: Summary) -> None:
    assert {row["encoder widths"] for row in rows("configurations", comparing, "ResUNet")} == {DASH}
    assert rows("configurations", comparing, "U-Net")[0]["encoder widths"] == "8, 16"


def test_what_is_compared_has_its_options_in_a_line_of_their_own(comparing: Summary) -> None:
    compared = {row[0] for row in table("verdicts", comparing).rows}
    assert "U-Net\u00a0depth\u00a03, width\u00a08\nless ResUNet\nwidth\u00a024" in compared
    assert "U-Net\u00a0depth\u00a03, width\u00a08\nless SegResNet" in compared


def test_an_architecture_with_one_configuration_is_its_name(comparing: Summary) -> None:
    predictions = [row["prediction"] for row in rows("comparison", comparing, "SegResNet")]
    assert predictions == ["SegResNet"]


def test_fronts_show_the_options_of_networks_from_elsewhere(summarised: Summarised) -> None:
    trial = Unit(architecture=RESUNET, trial=0, options={"width": "8"}, epochs=2)
    units = [*searched(4, epochs=2), trial, replace(trial, trial=1, width=16, options={"width": "16"}, iou=0.9)]
    summary = summarised(units, study="search")
    made = rows("front", summary, "ResUNet")
    assert [row["other options"] for row in made] == ["width\u00a08", "width\u00a016"]
    assert {(row["depth"], row["encoder widths"], row["normalisation"]) for row in made} == {(DASH,) * 3}
    assert {row["other options"] for row in rows("front", summary, "U-Net")} == {DASH}
    without = summarised(searched(4, epochs=2), study="search")
    assert "other options" not in table("front", without).headings


def test_sentences_call_them_by_name_and_what_differs(comparing: Summary) -> None:
    lead = written("answer", comparing)[0]
    assert "SegResNet by" in lead
    assert "ResUNet (width 24) by" in lead
    assert "()" not in " ".join(written("answer", comparing))
    assert "10 comparison runs of ResUNet" in " ".join(written("outcomes", comparing))


def test_what_lacks_is_told_of_a_name_with_dots(summarised: Summarised) -> None:
    units = [Unit(), Unit(architecture=SEGRESNET, options={}, state="diverged", reason="nan")]
    summary = summarised(units, tags=plan_of(units))
    assert "SegResNet lacks 1 of 1 complete comparison run: 1 diverged (nan)." in " ".join(written("outcomes", summary))


@pytest.mark.parametrize(
    ("group", "architecture", "part", "label"),
    [
        ("unet depth 3, width 6 to 12", "unet", "depth 3, width 6 to 12", "U-Net depth 3, width 6 to 12"),
        ("ResUNet", RESUNET, "", "ResUNet"),
        ("ResUNet, 40 parameters", RESUNET, "40 parameters", "ResUNet 40 parameters"),
    ],
)
def test_groups_of_rates_are_called_by_their_architectures(
    group: str, architecture: str, part: str, label: str
) -> None:
    assert own_part(group, architecture) == part
    assert labelled(group, architecture) == label


def test_groups_of_one_network_have_no_size(summarised: Summarised) -> None:
    units = [
        Unit(architecture=SEGRESNET, options={}, group="SegResNet", tunes=tunes, params={"training.lr": rate})
        for tunes, rate in ((True, "0.003"), (True, "0.01"), (False, "0.003"))
    ]
    summary = summarised(units)
    assert [row["group"] for row in rows("tuning", summary, "SegResNet")] == [DASH]


def test_notes_on_networks_are_read_once_by_name(summarised: Summarised) -> None:
    sigmoid, contiguous = "its sigmoid is undone", "it is trained in contiguous memory, since *that* works"
    notes = {RESUNET: [sigmoid, f"{sigmoid}; {contiguous}", sigmoid], SEGRESNET: ["it is random in evaluation"] * 3}
    units = [
        replace(unit, notes=notes[unit.architecture][unit.repeat]) if unit.architecture in notes else unit
        for unit in foreign(repeats=3, epochs=2)
    ]
    said = " ".join(written("protocol", summarised(units)))
    first = "Of networks from elsewhere their authors may not expect this."
    assert f"{first} SegResNet: it is random in evaluation. ResUNet: {sigmoid}; {contiguous}. Held fixed" in said


def test_networks_without_notes_need_no_words(comparing: Summary) -> None:
    assert "elsewhere" not in " ".join(written("protocol", comparing))
