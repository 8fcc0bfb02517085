"""docs/tour.ipynb runs from top to bottom, and shows what its texts promise."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).parents[1] / "docs" / "tour.ipynb"
SECONDS = 600


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Last line of every cell of code -> what the cell showed, by its MIME type."""
    notebook = nbformat.read(TOUR, nbformat.current_nbformat)  # type: ignore[no-untyped-call]
    where = {"metadata": {"path": str(tmp_path_factory.mktemp("tour"))}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=where).execute()
    return {cell.source.splitlines()[-1]: _of_cell(cell) for cell in notebook.cells if cell.cell_type == "code"}


def _of_cell(cell: Any) -> dict[str, Any]:
    return {kind: data for output in cell.outputs for kind, data in output.get("data", {}).items()}


@pytest.mark.slow
def test_the_tour_shows_tables_figures_a_verdict_and_a_mask(shown: dict[str, dict[str, Any]]) -> None:
    assert "U-Net<br>" in shown["results"]["text/html"]
    tables = [out["text/html"] for out in shown.values() if "dataframe" in out.get("text/html", "")]
    assert [table.count("<tr") > 4 for table in tables].count(True) >= 4
    figures = [line for line, out in shown.items() if len(out.get("image/png", "")) > 5000]
    assert figures == ['results.plot("iou_memory")', 'results.plot("learning_curves")', '    axis.axis("off")']
    assert "Verdict: " in shown["comparison"]["text/plain"]
    assert "complete" in shown["trained"]["text/html"]


def test_the_tour_is_kept_without_results() -> None:
    """They would be of one machine and one day, and are 20 times the text."""
    notebook = nbformat.read(TOUR, nbformat.current_nbformat)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 8
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
    assert TOUR.stat().st_size < 20_000
