"""Everything common is read with the right value, or refused by a sentence that names the cause and the remedy."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hourglass_bench.bench.__main__ import main
from tests.bench.data.kinds import KINDS

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", KINDS)
def test_the_audit_reads_or_refuses_each_kind(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = KINDS[name]
    share = kind.draw(tmp_path / "set")
    before = sorted(tmp_path.rglob("*"))
    size = () if "--size" in kind.flags else ("--size", "32")
    code = main(["data", "--audit", str(tmp_path / "set"), "--json", *size, *kind.flags])
    said = capsys.readouterr()
    assert sorted(tmp_path.rglob("*")) == before
    if kind.refusal:
        assert code == 2
        assert re.search(kind.refusal, said.err), said.err
        assert len(said.err.strip().splitlines()) == 1
        assert said.out == ""
        return
    assert code == 0, said.err
    audit = json.loads(said.out)
    assert (audit["frames"], audit["scenes"]) == (kind.frames, kind.scenes)
    if share is not None:
        assert audit["masks"]["mean_foreground"] == pytest.approx(share, abs=0.003)
    if kind.warning:
        assert re.search(kind.warning, " ".join(audit["warnings"])), audit["warnings"]


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.refusal or kind.untrained])
def test_nothing_is_trained_on_what_is_refused(
    name: str, tmp_path: Path, refused: Callable[[Callable[[list[str]], int], str], str]
) -> None:
    kind = KINDS[name]
    kind.draw(tmp_path / "set")
    said = refused(lambda words: main([*words, *kind.flags]), "train --data set --size 32 --epochs 1 --channels 4 8")
    assert re.search(kind.refusal or kind.untrained, said), said


def test_the_documentation_tells_of_each_kind() -> None:
    table = re.findall(r"^\| (.+?) \|", (ROOT / "docs" / "data.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert not [name for name in KINDS if name not in table]
