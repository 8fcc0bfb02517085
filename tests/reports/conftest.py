import json
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import IDENTITY, Summary, summarise
from hourglass_bench.reports.build import Built, build
from hourglass_bench.reports.store.load import ARTIFACTS, REPEAT, RUN, load_study

# pytest imports by path here, so that a helper beside the tests is found only if its folder is named.
sys.path.insert(0, str(Path(__file__).parent))

import fake_units
from fake_problems import PROBLEMS, TAGS
from fake_store import SEARCH_TAGS, TUNED_TAGS, _client, _close, fill, plan_of
from fake_units import Unit, grid, refits, searched
from helpers import Fill, Summarised, run_sql


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: MLflow takes seconds to make its tables, so that happens once."""
    runs = tmp_path_factory.mktemp("template")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _close(_client(runs))
    return runs / schema.TRACKING_DB


@pytest.fixture(scope="session")
def new_store(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Fill:
    """Function that makes a store with the given units."""

    def make(units: list[Unit], **options: object) -> Path:
        runs = tmp_path_factory.mktemp("runs")
        shutil.copy(template, runs / schema.TRACKING_DB)
        fill(runs, units, **options)  # type: ignore[arg-type]
        return runs

    return make


@pytest.fixture(scope="session")
def summarised(new_store: Fill) -> Summarised:
    """Function that makes a store with the given units and summarises its study."""

    def make(units: list[Unit], study: str = "quick", **options: object) -> Summary:
        return summarise(load_study(new_store(units, study=study, **options), study))

    return make


@pytest.fixture(scope="session")
def small_store(new_store: Fill) -> Path:
    """A finished study: 3 architectures x 2 depths x 2 widths x 2 repeats, to be read only."""
    return new_store(grid(repeats=2, epochs=3))


@pytest.fixture(scope="session")
def troubled_store(new_store: Fill) -> Path:
    """A half-done study with every state, to be read only."""
    return new_store(fake_units.troubled(), planned=20)


@pytest.fixture(scope="session")
def lost_store(new_store: Fill) -> Path:
    """A finished study of 49 runs that lost frame tables of 2, panels of 3, curves of 1, and 2 runs; to be read only.

    The only run of the configuration of width 32 is one of those without a frame table.
    """
    units = [*grid(repeats=4, epochs=3), Unit(architecture="simple_conv", width=32, epochs=3)]
    deleted = [Unit(depth=2, width=16, repeat=3, epochs=3), Unit(architecture="simple_conv", epochs=3)]
    units = [replace(unit, deleted=unit in deleted) for unit in units]
    runs = new_store(units, tags=plan_of(units))
    trials = load_study(runs, "quick").trials.set_index([*IDENTITY, REPEAT])
    files = {
        schema.FRAME_TABLE: [("unet", 3, 16, 3), ("simple_conv", 2, 32, 0)],
        schema.PANEL_DATA: [("hourglass", 2, 8, repeat) for repeat in range(3)],
    }
    for file, names in files.items():
        for folder in trials.loc[names, ARTIFACTS]:
            (Path(folder) / file).unlink()
    return run_sql(runs, f"DELETE FROM metrics WHERE run_uuid = '{trials.loc[('unet', 2, 8, 0), RUN]}'")


@pytest.fixture(scope="session")
def lost(lost_store: Path) -> Summary:
    return summarise(load_study(lost_store, "quick"))


@pytest.fixture(scope="session")
def search_store(new_store: Fill) -> Path:
    """A search of two architectures with its refits, to be read only."""
    units = [*searched(12, epochs=2), *refits(2, epochs=2)]
    return new_store(units, study="search", tags=SEARCH_TAGS | plan_of(units))


@pytest.fixture(scope="session")
def tuned_store(new_store: Fill) -> Path:
    """Learning rates chosen for six groups of networks, then five repeats, to be read only."""
    units = fake_units.tuned(epochs=8)
    return new_store(units, tags=TUNED_TAGS | plan_of(units))


@pytest.fixture(scope="session")
def foreign_store(new_store: Fill) -> Path:
    """Hourglass and U-Net beside two networks from elsewhere, to be read only."""
    units = fake_units.foreign(epochs=3)
    return new_store(units, tags=plan_of(units))


@pytest.fixture(scope="session")
def front_store(new_store: Fill) -> Path:
    """A study that searches only, to be read only."""
    units = searched(12, epochs=2)
    return new_store(units, study="memory_budget", tags=SEARCH_TAGS | plan_of(units))


@pytest.fixture(scope="session")
def generative_store(new_store: Fill) -> Path:
    """Auto-encoders, VAEs, segmentation through equal latents, and pre-training, each of 3 repeats; to be read only."""
    units = fake_units.generative()
    return new_store(units, study="generative", tags=plan_of(units))


@pytest.fixture(scope="session")
def practical_store(new_store: Fill) -> Path:
    """The practical with two presets varied in depth and width, one of them stuck."""
    plain = Unit(architecture="simple_conv", preset="simple_conv_shallow", epochs=4)
    networks = [plain, replace(plain, depth=3, preset="simple_conv_deep")]
    for name in ("hourglass", "unet"):
        own = Unit(architecture=name, depth=3, preset=name, epochs=4)
        networks += [own, replace(own, depth=2, preset=""), replace(own, width=16, preset="")]
    units = [replace(network, repeat=repeat) for network in networks for repeat in range(5)]
    units.append(replace(plain, repeat=5, state="diverged", reason="nan"))
    return new_store(units, study="practical", tags=plan_of(units))


@pytest.fixture(scope="session")
def leaky_store(new_store: Fill) -> Path:
    """Test frames that have near copies among the training frames, and a unit that is not done."""
    names = ("simple_conv", "hourglass", "unet")
    units = [Unit(architecture=name, repeat=repeat, leaky=True, epochs=2) for name in names for repeat in range(2)]
    lost = Unit(architecture="unet", repeat=3, state="diverged", reason="loss is nan in epoch 1")
    planned = {"comparison": {"simple_conv": 2, "hourglass": 2, "unet": 4}}
    return new_store([*units, lost], planned=8, tags={schema.STUDY_PLANNED_UNITS: json.dumps(planned)})


@pytest.fixture(scope="session")
def problem_store(new_store: Fill) -> Callable[[str], Path]:
    """Function that makes the store of one of PROBLEMS, unless a test had it made before; to be read only."""

    def make(name: str) -> Path:
        units = PROBLEMS[name]()
        return new_store(units, tags=plan_of(units) | TAGS.get(name, {}))

    return cache(make)


@pytest.fixture(scope="session")
def small(small_store: Path) -> Summary:
    return summarise(load_study(small_store, "quick"))


@pytest.fixture(scope="session")
def troubled(troubled_store: Path) -> Summary:
    return summarise(load_study(troubled_store, "quick"))


@pytest.fixture(scope="session")
def searching(search_store: Path) -> Summary:
    return summarise(load_study(search_store, "search"))


@pytest.fixture(scope="session")
def tuning(tuned_store: Path) -> Summary:
    return summarise(load_study(tuned_store, "quick"))


@pytest.fixture(scope="session")
def comparing(foreign_store: Path) -> Summary:
    """`foreign_store`."""
    return summarise(load_study(foreign_store, "quick"))


@pytest.fixture(scope="session")
def generating(generative_store: Path) -> Summary:
    return summarise(load_study(generative_store, "generative"))


@pytest.fixture(scope="session")
def built() -> Callable[[Path, str], Built]:
    """Function that builds the report of a store, with the page, unless a test had it built before; to be read only."""
    return cache(lambda runs, study: build(runs, study))


@pytest.fixture
def execute(troubled_store: Path, tmp_path: Path) -> Fill:
    """Function that copies the troubled store and runs SQL on the copy."""

    def run(*statements: str) -> Path:
        shutil.copy(troubled_store / schema.TRACKING_DB, tmp_path / schema.TRACKING_DB)
        return run_sql(tmp_path, *statements)

    return run
