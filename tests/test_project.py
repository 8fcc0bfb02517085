"""What surrounds the code: Makefile, versions, paths that texts name; and that no file imports another in a circle."""

import ast
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("architectures", "bench", "studies", "reports")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As from a shell, though the tests may run under make."""
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=own, capture_output=True, text=True, check=False)


def test_help_names_every_target_and_variable() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets
    shown = make("help").stdout
    assert sorted(re.findall(r"^make (\S+) +\S", shown, re.MULTILINE)) == sorted(targets[1].split())
    defaults = dict(re.findall(r"^([A-Z_]+) *\?= ?(.*)$", makefile, re.MULTILINE))
    assert set(re.findall(r"([A-Z_]+)=(\S*)", shown)) == set(defaults.items())
    assert defaults["STUDY"] == "quick"


@pytest.mark.parametrize(
    ("setting", "meant"),
    [("data=own", "DATA"), ("DATAA=my own = data", "DATA"), ("STUDYS:=aa", "STUDY"), ("XYZ=", "")],
)
def test_a_variable_that_does_not_exist_is_refused(setting: str, meant: str) -> None:
    refused = make("--dry-run", "sweep", "STUDY=aa", setting)
    assert refused.returncode == 2
    assert refused.stdout == ""
    name = re.split(":?=", setting)[0]
    assert f"got {name}{f' (did you mean {meant}?)' * bool(meant)};" in refused.stderr
    assert "must be of ACCEPT_CHANGES ARCHS COMPARE DATA DATA_FLAGS DEVICE" in refused.stderr


def test_variables_that_exist_are_passed_on() -> None:
    made = make("--dry-run", "-j2", "sweep", "DATA=my own = data", "PYTHON=python3", "SHELL=/bin/sh", "EPOCHS=")
    assert made.returncode == 0, made.stderr
    assert '--data "my own = data"' in made.stdout
    assert "--size" not in made.stdout


@pytest.mark.parametrize("runs", ["a'b \"c", "-lead", "a;b&c", "`id` $$HOME", r"a#b(c)*\d", "a,b"])
def test_a_folder_of_any_name_is_one_word_for_the_shell(runs: str) -> None:
    recipe = make("--dry-run", "report", "--old-file", ".venv/installed", f"RUNS={runs}").stdout
    words = shlex.split(recipe)
    wanted = f"./{runs}" if runs.startswith("-") else runs.replace("$$", "$")
    assert words[words.index("--runs") + 1 :] == [wanted]


@pytest.mark.parametrize("target", ["sweep", "perf"])
def test_variables_of_the_data_reach_the_command_as_they_were_given(target: str) -> None:
    """Neither make nor the shell changes a pattern."""
    own = [r"SCENES=^(a b\d+)_$", "DATA_FLAGS=--masks '1st manual' --ignore '#ff0000'", "SIZE=64 96", "FOLDS=4"]
    recipe = make("--dry-run", target, "DATA=D", "PYTHON=python3", *own).stdout
    words = shlex.split(recipe[recipe.index("--data") :].splitlines()[0].rstrip("\\"))
    flags = ["--size", "64", "96", "--folds", "4", "--scene-pattern", r"^(a b\d+)_$"]
    assert words[: 2 + len(flags)] == ["--data", "D", *flags]
    assert words[2 + len(flags) :][:4] == ["--masks", "1st manual", "--ignore", "#ff0000"]


def test_the_long_faults_are_run_by_make_storm_alone() -> None:
    recipe = make("--dry-run", "storm", "--old-file", ".venv/tools", "--old-file", ".venv/installed").stdout
    files = [ROOT / word for word in shlex.split(recipe) if word.startswith("tests/")]
    assert len(files) > 1
    assert [file for file in files if not file.is_file()] == []
    assert any(not file.name.startswith("test_") for file in files)


def test_faults_that_were_tried_lost_nothing_and_can_be_repeated() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text().partition("## A thousand trials")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    faults = [row for row in rows if row[0] != "fault"]
    assert len(faults) > 30
    for fault, first, second, *zeros, repeated in faults:
        assert re.fullmatch(r"`(make storm|test_\w+|tests/\S+)`", repeated), fault
        if len(zeros) == 4:
            planned, ended = (
                [int(found) for found in re.findall(r"\d+", cell.replace(",", ""))] for cell in (first, second)
            )
            assert planned == [sum(ended)], fault
        assert set(zeros) == {"0"}, fault


def test_an_index_of_torch_is_asked_beside_the_default_one() -> None:
    def install(*own: str) -> str:
        recipe = make("--dry-run", "--always-make", "setup", "PYTHON=python3", *own).stdout
        return next(line for line in recipe.splitlines() if line.endswith(" -e ."))

    assert shlex.split(install("TORCH_INDEX=https://an.index/cpu"))[-4:-2] == [
        "--extra-index-url",
        "https://an.index/cpu",
    ]
    assert "index" not in install()


def test_hooks_are_what_make_check_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    recipe = make("--dry-run", "check", "--old-file", ".venv/tools", "--old-file", ".venv/installed").stdout
    assert [hook["entry"] for hook in hooks] == recipe.splitlines()


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == citation["version"] == PROJECT["version"]
    assert newest[2] == citation["date-released"].isoformat()
    assert citation["license"] == PROJECT["license"]


def test_tools_are_pinned() -> None:
    """A range without an exact version beside it would make two machines differ; one without it, install none."""
    pinned = dict(re.findall(r"^([^#=]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    extras = (item for extra in PROJECT["optional-dependencies"].values() for item in extra)
    wanted = [Requirement(item) for item in (*PROJECT["dependencies"], *extras)]
    named = [item for item in wanted if item.name != PROJECT["name"]]
    assert [item.name for item in named if canonicalize_name(item.name) not in versions] == []
    assert [str(item) for item in named if versions[canonicalize_name(item.name)] not in item.specifier] == []


def test_packages_are_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").exists()] == []


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_paths_that_texts_name_exist(text: Path) -> None:
    path = r"(?<![\w/])(?:architectures|bench|studies|reports|tests|docs)/[\w/.*-]*\w/?"
    named = {found for found in re.findall(path, text.read_text()) if not re.search("[A-Z]{3}", found)}
    assert [path for path in sorted(named) if not any(ROOT.glob(path.rstrip("/")))] == []


def test_readme_shows_every_room_on_one_screen() -> None:
    tree = re.findall(r"^```\n(hourglass_bench/.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    assert len(tree.splitlines()) <= 40
    rooms = {room.parent for package in PACKAGES for room in (ROOT / package).glob("*/__init__.py")}
    assert len(rooms) > 12
    assert [room.name for room in sorted(rooms) if f" {room.name}/" not in tree] == []


def test_tests_that_texts_name_exist() -> None:
    code = "".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    named = {name for text in TEXTS for name in re.findall(r"`(test_\w+)`", text.read_text())}
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []
    assert len(named) > 40


def imports(root: Path, package: str) -> dict[str, set[str]]:
    """Module -> the modules of the package that it names in any import: late ones and those for types as well."""
    folders = (Path(name) for name, _, _ in os.walk(root / package, followlinks=True))
    files = [file for folder in sorted(folders) for file in sorted(folder.glob("*.py"))]
    names = {file: ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in files}
    modules = set(names.values())
    return {name: modules & set(_named(ast.parse(file.read_text()), modules)) for file, name in names.items()}


def _named(tree: ast.Module, modules: set[str]) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from members & modules
            if members - modules:  # something of the file itself
                yield str(node.module)


def test_no_import_circles() -> None:
    graph = imports(ROOT, PROJECT["name"].replace("-", "_"))
    assert len(graph) > 350
    assert "hourglass_bench.bench.schema" in graph["hourglass_bench.reports.store.load"]
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("late", ["from pack import one\n", "def f() -> None:\n    import pack.one\n"])
def test_circles_are_seen(late: str, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    for name, text in (("__init__", ""), ("one", "from pack.two import x\n"), ("two", late)):
        (tmp_path / "pack" / f"{name}.py").write_text(text)
    graph = imports(tmp_path, "pack")
    assert graph == {"pack": set(), "pack.one": {"pack.two"}, "pack.two": {"pack.one"}}
    with pytest.raises(CycleError, match=r"pack\.one"):
        TopologicalSorter(graph).prepare()
