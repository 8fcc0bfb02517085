import runpy
from pathlib import Path
from typing import Any, get_args

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.run import describe
from tests.bench.conftest import MakeConfig

DOCS = Path(__file__).parents[2] / "docs"
WORDS = {"repeat", "fold", "scene", "unit", "trial", "run", "round", "stage", "width", "channels", "depth"}
WORDS |= {"base width", "bottleneck", "boundary", "baseline", "features", "memory budget", "tensor peak"}


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "glossary.py"))


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """Name -> definition, of every table of the page."""
    lines = [
        line.strip("| ").split(" | ") for line in (DOCS / "glossary.md").read_text().splitlines() if line[:1] == "|"
    ]
    return {cells[0].strip("`"): cells[-1] for cells in lines}


def test_glossary_is_what_the_code_says(generator: dict[str, Any]) -> None:
    assert (DOCS / "glossary.md").read_text() == generator["glossary"](), "`make glossary` writes it again"


def test_everything_that_is_stored_is_defined(rows: dict[str, str], tiny_config: MakeConfig) -> None:
    tags = {text for name, text in vars(schema).items() if name.isupper() and isinstance(text, str)}
    names = {f"{name}*" if name.endswith(".") else name for name in tags}
    names |= schema.METRICS.keys() | describe(tiny_config()).keys() | set(get_args(schema.State))
    assert (names | WORDS) - rows.keys() == set()
    assert [name for name in names | WORDS if len(rows[name]) < len("Which mask")] == []


def test_old_names_are_said(rows: dict[str, str]) -> None:
    assert {new for new in rows if "In older stores" in rows[new]} == set(schema.RENAMED.values())
    assert "`seed`" in rows["repeat"]
    assert "`baseline/copy/brier`" in rows["test_baselines/copy_brier"]
    assert schema.RENAMED.keys() & schema.METRICS.keys() == set()


def test_mlflow_draws_iou_and_loss_first_and_baselines_in_one_section() -> None:
    """It sorts sections, which are what stands before the last `/`, and then charts; names without one come last."""
    sections: dict[str, list[str]] = {}
    for name in sorted(schema.METRICS):
        section, _, chart = name.rpartition("/")
        sections.setdefault(section, []).append(chart)
    first, second, *others = sorted(sections.keys() - {""})
    assert (first, sections[first]) == ("iou", ["test", "val", "val_best"])
    assert (second, sections[second]) == ("loss", ["train", "val", "val_best"])
    assert others == ["memory", "model", "study", "test", "test_baselines", "time", "val"]
    assert len(sections["test_baselines"]) == len(schema.BASELINES) * len(schema.BASELINE_COLUMNS)


def test_a_name_without_a_definition_is_refused(
    generator: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(schema.__file__).read_text()
    copy = tmp_path / "schema.py"
    copy.write_text(source.replace('"""Weights of the best epoch."""\n', ""))
    assert copy.read_text() != source
    monkeypatch.setattr(schema, "__file__", str(copy))
    with pytest.raises(ValueError, match="CHECKPOINT_FILE must be defined by a text below it"):
        generator["glossary"]()


def test_metrics_and_states_are_complete() -> None:
    assert tuple(schema.STATES) == get_args(schema.State)
    assert tuple(schema.PHASES) == get_args(schema.Phase)
    assert schema.OBJECTIVES.keys() == set(get_args(schema.Stage))
    assert all(name == metric.name for name, metric in schema.METRICS.items())
    constants = {metric.name for metric in vars(schema).values() if isinstance(metric, schema.Metric)}
    baselines = {f"test_baselines/{name}_{column}" for name in schema.BASELINES for column in schema.BASELINE_COLUMNS}
    assert schema.METRICS.keys() == constants | baselines
