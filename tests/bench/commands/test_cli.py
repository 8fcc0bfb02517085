"""What the three command lines share: exit codes, which stream says what, and quick help."""

import errno
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.__main__ import main as hourglass
from hourglass_bench.architectures import defaults, registry
from hourglass_bench.bench.__main__ import main as bench
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies.__main__ import main as studies

Main = Callable[[list[str]], int]
LINES = pytest.mark.parametrize(
    ("main", "verbs"),
    [
        (bench, "train reproduce sizes predict sample data check perf ui"),
        (studies, "list sweep status register doctor migrate dashboard"),
        (reports, "report calibrate"),
    ],
    ids=["bench", "studies", "reports"],
)


@pytest.fixture(
    params=[
        (bench, ["data"], "hourglass_bench.bench.commands.data.describe"),
        (studies, ["status", "quick"], "hourglass_bench.studies.status.status"),
        (reports, ["report"], "hourglass_bench.reports.build.build"),
    ],
    ids=["bench", "studies", "reports"],
)
def command(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], int]:
    """Function that runs a command of each line with another function in place of the one that does its work."""
    main, arguments, work = request.param

    def run(instead: Callable[..., None]) -> int:
        monkeypatch.setattr(work, instead)
        return main(arguments)

    return run


@LINES
def test_version(main: Main, verbs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hourglass-bench {version('hourglass-bench')}\n"


@LINES
def test_help_names_every_verb_and_says_what_each_flag_does(
    main: Main, verbs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    for arguments in ([], *([verb] for verb in verbs.split())):
        with pytest.raises(SystemExit, match="^0$"):
            main([*arguments, "--help"])
        said = capsys.readouterr()
        assert said.err == ""
        if not arguments:
            assert re.findall(r"^  (\w+)  +[A-Z]", said.out, re.MULTILINE) == verbs.split()
            assert "--version" in said.out
        else:
            assert "--json" in said.out
            assert not re.findall(r"^\W+\((?:default|required).*", said.out, re.MULTILINE)  # nothing but a default


@LINES
@pytest.mark.parametrize("arguments", [[], ["dance"], ["--json"], ["VERB", "--dance"], ["VERB", "--runs"]])
def test_what_is_no_command_is_code_2_and_short(
    main: Main, verbs: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        main([word.replace("VERB", verbs.split()[-1]) for word in arguments])
    said = capsys.readouterr()
    assert said.out == ""
    assert 0 < len(said.err.splitlines()) <= 24  # a screen
    assert "--help" in said.err


@LINES
def test_windows_is_sent_to_its_linux(
    main: Main, verbs: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert main([verbs.split()[0], "--no-such-flag"]) == 2
    assert re.fullmatch(
        r"\w+: Linux or macOS is needed, got Windows; run it inside WSL2, .*\n", capsys.readouterr().err
    )


def test_what_only_unix_has_is_imported_where_it_is_used() -> None:
    """The refusal above is what is seen, not an import that fails."""
    hidden = "import sys; sys.modules |= dict.fromkeys(('fcntl', 'resource', 'pwd', 'grp', 'termios'))"
    names = (
        "bench.__main__",
        "bench.commands.cli",
        "bench.run",
        "bench.training.forecast",
        "studies.__main__",
        "studies.lock",
    )
    modules = ", ".join(f"hourglass_bench.{name}" for name in names)
    process = subprocess.run([sys.executable, "-c", f"{hidden}; import {modules}"], capture_output=True, text=True)
    assert process.stderr == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], ["list", "sweep", "status"]),
        (["tr"], ["train"]),
        (["sweep", "q"], ["quick"]),
        (["run", "q"], ["quick"]),
        (["report", "--html", "--ru"], ["--runs"]),
        (["status", "--runs", ""], []),
        (["train", "--preset", "unet"], ["unet", "unet_original"]),
        (["train", "--arch", "unet_"], ["unet_twin"]),
        (["train", "--norm", ""], ["none", "batch", "group"]),
        (["train", "--batch"], ["--batch-size"]),
        (["data", "im"], ["import"]),
        (["data", "import", "--o"], ["--out"]),
        (["predict", "/t"], []),
        (["dance", ""], []),
    ],
)
def test_shells_complete_what_is_known_and_else_files(
    words: list[str], found: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert hourglass(["--complete", *words]) == 0
    shown = capsys.readouterr().out.split()
    assert set(shown[:3] if words == [""] else shown) == set(found)


def test_bash_asks_for_what_it_completes(tmp_path: Path) -> None:
    script = """
eval "$(hourglass-bench --completion bash)"
COMP_WORDS=(hourglass-bench sweep sk) COMP_CWORD=2
_hourglass_bench
echo "${COMPREPLY[@]}"
complete -p hourglass-bench
"""
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said = subprocess.run(["bash", "-c", script], env=os.environ | path, capture_output=True, check=True, text=True)
    assert said.stdout == "skips\ncomplete -o default -F _hourglass_bench hourglass-bench\n"


def test_a_shell_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert hourglass(["--completion", "tcsh"]) == 2
    said = "hourglass-bench: --completion must be one of bash, zsh, fish, got 'tcsh'.\n"
    assert capsys.readouterr() == ("", said)
    for shell in ("zsh", "fish"):
        assert hourglass(["--completion", shell]) == 0
        assert "hourglass-bench --complete " in capsys.readouterr().out


def test_names_that_are_completed_are_those_of_the_registry() -> None:
    assert tuple(registry.ARCHITECTURES) == defaults.ARCHITECTURES
    assert tuple(registry.PRESETS) == defaults.PRESETS


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_130(
    number: signal.Signals, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def wait(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    assert command(wait) == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr() == ("", "\ninterrupted\n")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("frames must be many, got one."), "frames must be many, got one.\n"),
        (OSError(errno.ENOSPC, "No space left"), "results must be written, but the disk or database refused: "),
    ],
)
def test_wrong_input_and_a_full_disk_are_one_paragraph(
    error: Exception, message: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    assert command(fail) == 2
    said = capsys.readouterr()
    assert re.match(rf"\w+: {message}", said.err)
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("shut", ["folder/file.png", "folder"])
def test_what_may_not_be_read_is_named(
    shut: str,
    command: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "folder" / "file.png"
    file.parent.mkdir()
    file.write_bytes(b"")
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / shut)

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    assert command(fail) == 2
    said = f"{tmp_path / shut} must be readable, got permission denied; allow it \\(chmod u\\+rX\\) or move it away.\n"
    assert re.fullmatch(rf"\w+: {said}", capsys.readouterr().err)


def test_a_folder_that_was_deleted_is_no_place_to_start_in(
    command: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert command(lambda *_, **__: None) == 2
    assert "must be there, got one that was deleted; go to another (cd).\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "name", "refused"),
    [
        (errno.EACCES, "new.png", "{folder} must be writable, got permission denied; allow it"),
        (errno.EPERM, "old.png", "{folder}/old.png must be writable, got operation not permitted; allow it"),
        (errno.EROFS, "new.png", "{folder} must be writable, got read-only file system; allow it"),
    ],
)
def test_what_may_not_be_written_is_not_called_unreadable(
    code: int,
    name: str,
    refused: str,
    command: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "old.png").touch()

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(tmp_path / name))

    assert command(fail) == 2
    assert f": {refused.format(folder=tmp_path)}" in capsys.readouterr().err


def test_a_refusal_that_quotes_a_whole_file_is_told_by_its_ends(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"table must name a stem, got {'x' * 10**6}; mend it.")

    assert command(fail) == 2
    said = capsys.readouterr().err
    assert len(said) < 11_000
    assert re.fullmatch(r"\w+: table must name a stem, got x+\.\.\.x+; mend it\.\n", said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("frame.png", "{} must be readable, got input/output error."),
        ("runs/frame.png", "results must be written, but the disk or database refused: .*{}"),
    ],
)
def test_a_disk_that_fails_is_told_by_what_it_held(
    name: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error", str(tmp_path / name))

    monkeypatch.setattr("hourglass_bench.studies.status.status", fail)
    assert studies(["status", "quick", "--runs", str(tmp_path / "runs")]) == 2
    assert re.match(f"studies: {said.format(tmp_path / name)}", capsys.readouterr().err)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["list", "train --help", "--help", "--version", "--completion bash"])
def test_a_reader_who_has_seen_enough_ends_it_quietly(words: str, unbuffered: str) -> None:
    """As `head` does, which leaves before everything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "hourglass_bench", *words.split()]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=environment, text=True)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_the_check_is_called_as_it_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    for main, prog in ((hourglass, "hourglass-bench"), (bench, "bench")):
        assert main(["check", "--device", "gpu"]) == 2
        assert capsys.readouterr().err.startswith(f"{prog}: --device must be one of auto, cpu, ")


def test_a_mistake_of_the_program_keeps_its_traceback(command: Callable[..., int]) -> None:
    with pytest.raises(TypeError, match=r"<lambda>\(\) "):
        command(lambda: None)


def test_an_answer_is_one_json_object_or_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["data", "--size", "16", "--synthetic-scenes", "2", "--synthetic-frames", "1"]
    assert bench(tiny) == 0
    assert re.fullmatch(r"frames: 2\nscenes: 2\nsize: \[16, 16\]\nforeground_share: 0\.\d+\n", capsys.readouterr().out)
    assert bench([*tiny, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (answer["frames"], answer["size"]) == (2, [16, 16])


@pytest.mark.parametrize(
    "line", ["bench --help", "bench train --help", "studies --help", "studies list", "reports --help"]
)
def test_help_loads_nothing_heavy(line: str) -> None:
    """So that it answers in less than half a second."""
    package, *arguments = line.split()
    code = f"""
import sys, {package}.__main__ as line
try:
    line.main({arguments})
except SystemExit:
    pass
print(sorted({{"torch", "mlflow", "optuna", "pandas", "numpy", "matplotlib", "sqlalchemy"}} & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert said.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("main", "words", "work"),
    [
        (studies, "run quick --runs here", "hourglass_bench.studies.run.run_study"),
        (studies, "sweep quick --runs here", "hourglass_bench.studies.run.run_study"),
        (reports, "build --runs here --compare a:b --study skips --html", "hourglass_bench.reports.build.build"),
        (reports, "build --study=skips --runs here --html --compare a:b", "hourglass_bench.reports.build.build"),
        (reports, "report skips --runs here --html --compare a:b", "hourglass_bench.reports.build.build"),
    ],
)
def test_verbs_of_before_go_on_to_work(
    main: Main, words: str, work: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*given: Any, **others: Any) -> None:
        raise ValueError(f"{given} {others}")

    monkeypatch.setattr(work, stop)
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    if main is reports:
        assert "(PosixPath('here'), 'skips', '') {'html': True, 'compare': ('a:b',), 'out': None}" in said
    else:
        assert "name='quick'" in said
        assert "runs=PosixPath('here')" in said
