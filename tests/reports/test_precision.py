"""Memory differs by the arithmetic's precision, so no figure of it stands without."""

from dataclasses import replace

import pytest
from fake_units import RESUNET, SEGRESNET, Unit, foreign, searched
from helpers import Summarised, cells, drawn, table, written

from hourglass_bench.reports.analysis.summary import precision
from hourglass_bench.reports.figures import iou_memory, pareto

IN_BF16 = "Memory: of training in bfloat16."


@pytest.mark.parametrize(
    ("formats", "named"),
    [(("bfloat16", "bfloat16"), "bfloat16"), (("tf32", "bfloat16"), "bfloat16 or tf32"), (("", ""), "")],
)
def test_all_that_runs_were_trained_in_is_named(summarised: Summarised, formats: tuple[str, str], named: str) -> None:
    units = [Unit(repeat=repeat, precision=of) for repeat, of in enumerate(formats)]
    assert precision(summarised(units)) == named


def test_tables_figures_and_sentences_name_it(summarised: Summarised) -> None:
    units = [Unit(repeat=repeat, width=width, precision="bfloat16") for repeat in (0, 1) for width in (8, 16)]
    summary = summarised(units)
    assert IN_BF16 in table("comparison", summary).note
    assert IN_BF16 in table("costs", summary).note
    (axis,) = drawn(iou_memory, iou_memory.record(summary)).axes
    assert axis.get_xlabel().startswith("tensor peak memory of a training step in bfloat16, in MB")


def test_architectures_that_differ_in_it_are_named_wherever_memory_stands(summarised: Summarised) -> None:
    formats = {RESUNET: "float32"}
    units = [replace(unit, precision=formats.get(unit.architecture, "bfloat16")) for unit in foreign(3, epochs=2)]
    summary = summarised(units)
    named = "bfloat16 (ResUNet: float32)"
    assert precision(summary) == named
    judged = table("verdicts", summary)
    assert any("peak memory" in row["basis"] for row in (cells(judged, place) for place in range(len(judged.rows))))
    for name in ("comparison", "costs", "verdicts"):
        assert f"Memory: of training in {named}." in table(name, summary).note
    assert "Memory" not in table("verdicts", summarised(foreign(3, epochs=2))).note
    assert f"both of training in {named}, in" in " ".join(written("depth", summary))
    (axis,) = drawn(iou_memory, iou_memory.record(summary)).axes
    assert f"in {named}, in MB" in axis.get_xlabel().replace("\n", " ")


def test_those_that_are_the_fewest_are_named(summarised: Summarised) -> None:
    formats = {"hourglass": "bfloat16", RESUNET: "float32", SEGRESNET: "float32"}
    units = [replace(unit, precision=formats.get(unit.architecture, "tf32")) for unit in foreign(1, epochs=2)]
    assert precision(summarised(units)) == "float32 (Hourglass: bfloat16; U-Net: tf32)"


def test_a_search_names_it(summarised: Summarised) -> None:
    summary = summarised([replace(unit, precision="tf32") for unit in searched(12, epochs=2)])
    assert "Memory: of training in tf32." in table("front", summary).note
    (axis,) = drawn(pareto, pareto.record(summary)).axes
    assert "in tf32, in MB" in axis.get_xlabel()
    assert "tensor peak memory in tf32, on validation scenes" in " ".join(written("answer", summary))


def test_an_older_store_does_not_say(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat) for repeat in (0, 1)])
    assert "Memory" not in table("comparison", summary).note
    (axis,) = drawn(iou_memory, iou_memory.record(summary)).axes
    assert axis.get_xlabel().startswith("tensor peak memory of a training step, in MB")
