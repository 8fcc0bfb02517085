"""The distribution as a user has it: built from the sources, installed elsewhere, beside files called like ours."""

import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from hourglass_bench.bench import schema

ROOT = Path(__file__).parents[1]
OURS = ("architectures", "bench", "reports", "studies")
HOSTILE = 'raise RuntimeError(f"imported a file of the user, {__name__}")\n'
NEEDED = (
    *("hourglass_bench/py.typed", "hourglass_bench/reports/report.typ", "hourglass_bench/api/train.py"),
    *("hourglass_bench/reports/prose/templates/answer.jinja", "hourglass_bench/studies/catalog/quick.py"),
)

pytestmark = pytest.mark.slow

Run = Callable[..., str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Source distribution and wheel, of a copy of what git has: a build writes beside the sources."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    # From the sources it makes the source distribution, and from that the wheel.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)]
    ran = subprocess.run(build, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (source,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return source, wheel


def contents(wheel: Path) -> dict[str, int]:
    with ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def test_the_wheel_has_one_name_and_all_of_it(built: tuple[Path, Path]) -> None:
    names = contents(built[1])
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hourglass_bench"}
    assert {*NEEDED} <= {*names}
    sources = {path.relative_to(ROOT) for room in OURS for path in (ROOT / room).rglob("*") if path.is_file()}
    kept = {path for path in sources if path.suffix not in (".pyc",)}
    assert {str("hourglass_bench" / path) for path in kept} - {*names} == set()
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_source_distribution_makes_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    """The wheel was built from it; what it holds are files, no links, which zip and Windows do not have."""
    with tarfile.open(built[0]) as archive:
        assert not [member.name for member in archive if member.issym() and "hourglass_bench/" in member.name]
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    again = tmp_path / "again"
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(again), str(folder)]
    subprocess.run(build, capture_output=True, check=True)
    (wheel,) = again.glob("*.whl")
    assert contents(wheel) == contents(built[1])


@pytest.fixture(scope="module")
def user(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, a git repository with an environment of its own and files that are called like our rooms.

    The environment sees the packages that these tests have, so that nothing is fetched, but not this checkout.
    """
    folder = tmp_path_factory.mktemp("user")
    for name in ("bench.py", "reports.py", "studies.py", "architectures/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(HOSTILE)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    own = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *own, "commit", "--quiet", "--allow-empty", "-m", "mine"], cwd=folder, check=True)
    venv.create(folder / ".venv")
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    packages = [entry for entry in sys.path if entry.endswith("-packages")]
    (site / "others.pth").write_text("\n".join(packages))
    install = ["-m", "pip", "--python", str(folder / ".venv"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, *install, str(built[1])], check=True)
    return folder


@pytest.fixture(scope="module")
def run(user: Path) -> Run:
    """Function that runs a program of the user's environment in the user's folder and returns what it printed."""

    def call(program: str, *arguments: str) -> str:
        command = [str(user / ".venv" / "bin" / program), *arguments]
        ran = subprocess.run(command, cwd=user, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return call


@pytest.fixture(scope="module")
def swept(run: Run) -> None:
    """In worker processes."""
    flags = "--epochs 1 --no-tune --repeats 1 --workers 1 --device cpu"
    run("hourglass-bench", "sweep", "quick", *flags.split())


def test_what_is_installed_is_what_runs(user: Path, run: Run) -> None:
    where = run("python", "-c", "import hourglass_bench as hb; print(hb.__file__, hb.load.__module__, hb.__version__)")
    assert where.startswith(str(user / ".venv"))
    assert where.split()[1:] == ["hourglass_bench.api.results", run("hourglass-bench", "--version").split()[1]]


@pytest.mark.parametrize(
    "command",
    [["hourglass-bench"], ["python", "-m", "hourglass_bench"], ["python", "-P", "-m", "hourglass_bench"]],
    ids=" ".join,
)
def test_commands_start_beside_files_of_our_names(command: list[str], run: Run) -> None:
    assert run(*command, "list").startswith("quick: ")


@pytest.mark.usefixtures("swept")
def test_a_sweep_and_its_report(user: Path, run: Run) -> None:
    run("hourglass-bench", "report", "quick")
    assert (user / "runs" / "reports" / "quick" / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("swept")
def test_the_results_in_python(run: Run) -> None:
    sets = f"set(r['state']), set(r['{schema.GIT_COMMIT}'])"
    code = f"import hourglass_bench as hb; r = hb.load('quick').runs; print(len(r), {sets})"
    assert run("python", "-c", code) == "12 {'complete'} {'unknown'}\n"


def test_a_training_and_its_mask(user: Path, run: Run) -> None:
    tiny = "--synthetic-scenes 6 --synthetic-frames 2 --folds 3 --size 16 --epochs 1 --channels 4 8 --device cpu"
    trained = run("hourglass-bench", "train", *tiny.split())
    run_id = trained.partition("run_id: ")[2].split()[0]
    mask = "hb.predict(sys.argv[1], np.zeros((9, 8, 3), np.uint8))"
    code = f"import sys, numpy as np, hourglass_bench as hb; print({mask}.shape)"
    assert run("python", "-c", code, run_id) == "(9, 8)\n"
