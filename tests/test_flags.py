"""Every flag of every command is fed absurd values: one paragraph and code 2, or an answer; soon; nothing is left.

The flags are those of the commands themselves, so that a new one is fed too. A command that would work is cut off where
its checks have passed and its work begins, see `WORK`; frames are not drawn but halves, after the memory for them was
asked for.
"""

import io
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from hourglass_bench.__main__ import main
from hourglass_bench.bench.commands.command_line import by_name
from hourglass_bench.bench.commands.parameters import Parameter, parameters
from hourglass_bench.bench.commands.verbs import COMMANDS
from hourglass_bench.bench.data import synthetic
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.reports.__main__ import COMMANDS as REPORTS
from hourglass_bench.studies.__main__ import COMMANDS as STUDIES

VERBS: Final = {**by_name(STUDIES), **by_name(REPORTS), **by_name(COMMANDS)}
SECONDS: Final = 10
DATA: Final = "--synthetic-scenes 6 --synthetic-frames 1 --size 16 --folds 3"
BASE: Final[dict[str, str]] = {
    "list": "",
    "sweep": "quick --size 16 --epochs 1 --no-tune --device cpu --workers 1",
    "status": "quick",
    "register": "quick",
    "doctor": "quick",
    "migrate": "",
    "report": "quick",
    "calibrate": "",
    "train": f"--epochs 1 --device cpu --batch-size 2 {DATA}",
    "reproduce": "f" * 32,
    "sizes": "--size 16 --device cpu",
    "predict": "nothing.pt FOLDER/images --out out --device cpu",
    "sample": "nothing.pt --device cpu",
    "data": DATA,
    "data import": "FOLDER --out out",
    "check": "--short --device cpu",
    "perf": f"--preset unet --epochs 0 --device cpu {DATA}",
    "dashboard": "--no-browser",
    "ui": "--no-browser",
}
"""Words with which a command does little, if what it needs is there."""
NEEDS_MORE: Final = {
    "status",
    "register",
    "doctor",
    "migrate",
    "report",
    "reproduce",
    "predict",
    "sample",
    "dashboard",
    "ui",
}
"""Commands that are refused whatever their flags, after these were looked at: there is no store and no checkpoint."""
WORK: Final = (
    "bench.commands.train.tracked",
    "studies.lock.exclusive",
    "reports.analysis.calibrate.simulate",
    "bench.perf.compare.measure",
    "bench.check.runner.run_sections",
)
"""What trains or measures, called when all has been checked."""
ANYWHERE: Final = ("a\0b", "\udce4", "9" * 5000)
NUMBERS: Final = ("0", "-1", "nan", "inf", "-inf", "1e9", "1000000000", "99999999999999999999", "text", "0x10", "1_0")
UNICODE: Final = ("\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT TWO}")
SEEDS: Final = {"--seed", "--synthetic-seed", "--repeat"}
"""These may be as large as 64 bits."""


class Works(BaseException):
    """A command has begun its work."""


class TooSlow(BaseException):
    """A command neither works nor refuses."""


def cases() -> Iterator[tuple[str, Parameter]]:
    yield from ((verb, one) for verb, command in VERBS.items() for one in parameters(command) if one.kind is not bool)


def numbers(one: Parameter) -> str:
    """`int` or `float`, whatever the flag holds of them."""
    return next((kind for kind in ("int", "float") if kind in str(one.kind)), "")


def values(one: Parameter) -> tuple[str, ...]:
    return (*ANYWHERE, "", *(NUMBERS + UNICODE if numbers(one) else ("text", "-1", "0")))


def must_refuse(one: Parameter, value: str) -> bool:
    """Whether there is no way to mean the value."""
    if value in ANYWHERE or (value == "" and (numbers(one) or "Path" in str(one.kind) or one.choices)):
        return True
    if one.choices:
        return value not in one.choices
    if numbers(one) == "int" and value == "1000000000":
        return one.flag not in SEEDS
    never = {"-1", "nan", "inf", "-inf", "text", "0x10", UNICODE[1]}
    if numbers(one) == "int":
        never |= {"99999999999999999999", "1e9"}
    return bool(numbers(one)) and value in never


def words_with(verb: str, one: Parameter, value: str, folder: Path) -> list[str]:
    """A command line in which the flag, or the argument, has this value."""
    words = BASE[verb].replace("FOLDER", str(folder)).split()
    if not one.flag:
        at = [other.name for other in parameters(VERBS[verb]) if not other.flag].index(one.name)
        words[at : at + 1] = [value]
    elif one.flag in words:
        at = words.index(one.flag)
        words[at + 1 : at + 2] = [value]
    else:
        words += [one.flag, value]
    return [*verb.split(), *words]


@contextmanager
def soon() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def ask(words: list[str]) -> tuple[int, str]:
    """Exit code, and what stderr has; 0 where work has begun."""
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said), soon():
        try:
            code = main(words)
        except Works:
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return code, said.getvalue()


def halves(scenes: int, frames_per_scene: int, size: tuple[int, int], **_: object) -> Frames:
    count = scenes * frames_per_scene
    return Frames(
        stems=tuple(f"{index:05}_0000" for index in range(count)),
        scenes=tuple(f"{index // frames_per_scene:05}" for index in range(count)),
        images=np.zeros((count, *size, 3), np.uint8),
        masks=np.tile(np.array([0, 255], np.uint8), (count, size[0], size[1] // 2)),
        original_sizes=np.tile(np.array(size, np.int64), (count, 1)),
    )


def begin(*_: Any, **__: Any) -> None:
    raise Works


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """What a first forecast imports takes longer than a refusal may."""
    main(["sizes", "--size", "16", "--device", "cpu"])


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Function that goes to a new folder, in which commands are cut off where their work begins."""
    monkeypatch.setattr(synthetic, "generate", halves)
    for work in WORK:
        monkeypatch.setattr(f"hourglass_bench.{work}", begin)

    def enter(folder: Path) -> None:
        folder.mkdir()
        monkeypatch.chdir(folder)

    return enter


def test_the_table_is_long_and_has_every_command() -> None:
    assert set(BASE) == set(VERBS)
    fed = [(verb, one.flag or one.name, value) for verb, one in cases() for value in values(one)]
    assert len(fed) == len(set(fed))
    assert len(fed) > 1000
    assert sum(must_refuse(one, value) for _, one in cases() for value in values(one)) > 500


@pytest.mark.parametrize("verb", sorted(BASE.keys() - NEEDS_MORE))
def test_commands_do_their_work_without_absurd_values(
    verb: str, cut: Callable[[Path], None], tmp_path: Path, folder_data: Path
) -> None:
    """So that it is the value that is refused below."""
    cut(tmp_path / "here")
    code, said = ask([*verb.split(), *BASE[verb].replace("FOLDER", str(folder_data)).split()])
    assert (code, "Traceback" in said) == (0, False), said


@pytest.mark.parametrize(("verb", "one"), [pytest.param(*case, id=f"{case[0]}{case[1].flag}") for case in cases()])
def test_absurd_values(
    verb: str, one: Parameter, cut: Callable[[Path], None], tmp_path: Path, folder_data: Path
) -> None:
    for number, value in enumerate(values(one)):
        folder = tmp_path / str(number)
        cut(folder)
        code, said = ask(words_with(verb, one, value, folder_data))
        told = f"{verb} {one.flag or one.name} {value[:40]!a}: code {code}, {said}"
        assert code in ((2,) if must_refuse(one, value) else (0, 2)), told
        assert "Traceback" not in said, told
        if code == 2:
            *before, refusal = said.splitlines()
            assert refusal.startswith("hourglass-bench: "), told
            assert all(line.startswith(("warning: ", "drawing ")) for line in before), told
            assert sorted(folder.rglob("*")) == [], told
