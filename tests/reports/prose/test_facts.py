"""Every number of the sentences is a fact, and every fact comes out again from the CSV files by other means."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from fake_problems import PROBLEMS, three, trained
from fake_store import plan_of
from fake_units import Unit, generative
from helpers import Fill, t_interval
from jinja2 import DictLoader, UndefinedError
from scipy import optimize, stats

from hourglass_bench.bench import schema
from hourglass_bench.reports import document, prose, style
from hourglass_bench.reports.analysis.summary import summarise
from hourglass_bench.reports.build import Built
from hourglass_bench.reports.prose import facts as facts_module
from hourglass_bench.reports.prose.facts import Facts
from hourglass_bench.reports.store.checks import SPLITS
from hourglass_bench.reports.store.load import load_study


class Tables(dict[str, pd.DataFrame]):
    """The CSV files by name. Equal to itself only, so that what many rules look up is kept."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


IOU, BOUNDARY, PEAK, VAL = "iou", "boundary_iou", schema.TENSOR_PEAK.name, schema.BEST_VAL_IOU.name
PREDICTED, MEASURED = schema.PREDICTED_PEAK.name, "measured peak"
FOLD_COUNT = "data.folds"
ALIKE = ["data.split", FOLD_COUNT, "training.epochs", "training.pretrain_epochs", "data.labelled_scenes"]
LABELS = {"simple_conv": "SimpleConv", "hourglass": "Hourglass", "unet": "U-Net"}
NAMES = (*LABELS.values(), "pre-trained", "from scratch")
VERDICTS = {f"{name} {said}" for name in NAMES for said in ("better", "ahead")}
VERDICTS |= {"equivalent", "inconclusive"}
VERDICT_WORDS = r"\b(better|worse|equivalent|inconclusive|significant|outperforms)\b"
RULINGS = {"better", "worse", "ahead", "behind", "equivalent", "inconclusive", "refused", "unlearnt"}
GROUPED = {
    "apart": {"better", "ahead"},
    "behind": {"worse", "behind"},
    "level": {"equivalent", "inconclusive", "refused"},
    "unproven": {"worse", "behind", "equivalent", "inconclusive", "refused", "unlearnt"},
}
"""Groups of the lead, with the verdicts in claims.csv that they may rest on."""


@pytest.fixture(scope="session")
def latent_store(new_store: Fill) -> Path:
    """The study of the latent space: pre-training helps one network only, and VAEs of both targets collapsed."""
    gains = {"hourglass": (0.08, 0.081, 0.079), "unet": (0.06, -0.04, 0.01)}
    units = []
    for unit in generative():
        if unit.pretrain_epochs:
            scratch = replace(unit, pretrain_epochs=0).test_iou
            unit = replace(unit, iou=scratch + gains[unit.architecture][unit.repeat])
        elif unit.architecture == "vae" and unit.latent == 4 and unit.repeat < 2:
            unit = replace(unit, collapse="posterior" if unit.target == "mask" else "posterior, sigma")
        units.append(unit)
    return new_store(units, study="generative", tags=plan_of(units))


@pytest.fixture(scope="session")
def misled_store(new_store: Fill) -> Path:
    """Validation puts the Hourglass first; on every fold both others are better, the larger U-Net most."""
    units = [replace(unit, val_iou=0.9 if unit.architecture == "hourglass" else 0.7) for unit in three(0.7, 0.6, 0.75)]
    return new_store([*units, *trained("unet", 0.72, width=4, val_iou=0.69)])


@pytest.fixture(scope="session")
def failing_store(new_store: Fill) -> Path:
    """On the folds of the Hourglass both others are better, and on two others they fail, the SimpleConv less."""
    units = [Unit(repeat=s, iou=0.70 + 0.01 * s, val_iou=0.9) for s in range(3)]
    for name, ious in (("unet", (0.75, 0.761, 0.77, 0.1, 0.1)), ("simple_conv", (0.75, 0.71, 0.70, 0.2, 0.2))):
        units += [Unit(architecture=name, repeat=s, iou=iou, val_iou=0.8) for s, iou in enumerate(ious)]
    return new_store(units)


STORES = {
    "small_store": "quick",
    "troubled_store": "quick",
    "lost_store": "quick",
    "leaky_store": "quick",
    "practical_store": "practical",
    "search_store": "search",
    "tuned_store": "quick",
    "front_store": "memory_budget",
    "latent_store": "generative",
}


OF_PROBLEMS = dict.fromkeys([*PROBLEMS, "misled_store", "failing_store"], "quick")
"""Stores that have their sentences, tables and CSV files written, without figures and without a PDF."""


TEMPLATES = sorted((Path(prose.__file__).parent / "templates").glob("*.jinja"))


@pytest.fixture(scope="module", params=[*STORES, *OF_PROBLEMS])
def store(request: pytest.FixtureRequest) -> str:
    """Name of a store's fixture, or of a problem."""
    return str(request.param)


@pytest.fixture(scope="module")
def runs(store: str, request: pytest.FixtureRequest) -> Path:
    """The store."""
    found = request.getfixturevalue("problem_store")(store) if store in PROBLEMS else request.getfixturevalue(store)
    return Path(found)


@pytest.fixture(scope="module")
def folder(
    store: str, runs: Path, built: Callable[[Path, str], Built], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A built report."""
    if store in STORES:
        return built(runs, STORES[store]).report.parent
    made = tmp_path_factory.mktemp(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "FIGURES", {})
        document.write(summarise(load_study(runs, OF_PROBLEMS[store])), made)
    return made


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    """Peaks that were not measured are the predicted ones, as in the sentences."""
    found = Tables({path.stem: pd.read_csv(path, keep_default_na=True) for path in (folder / "data").iterdir()})
    runs = found["runs"].reindex(columns=[*found["runs"], *{PEAK, PREDICTED}.difference(found["runs"])])
    runs = runs.copy()  # in one block again, to which columns can be added
    found["runs"] = runs.assign(**{MEASURED: runs[PEAK], PEAK: runs[PEAK].fillna(runs[PREDICTED])})
    return found


def blocks(report: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    every = [block for section in report["sections"] for block in section["blocks"]]
    return [block for block in every if block["kind"] in kinds]


def sentences(report: dict[str, Any]) -> list[str]:
    return [block["text"] for block in blocks(report, "lead", "text", "answer")]


def captions(report: dict[str, Any]) -> list[str]:
    figures = [figure for block in blocks(report, "figures") for figure in block["figures"]]
    tables = [table["caption"] for table in blocks(report, "table")]
    return tables + [text for figure in figures for text in (figure["caption"], figure["alt"])]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_hold_no_digit(path: Path) -> None:
    assert not re.search(r"\d", path.read_text(encoding="utf-8"))


def test_the_protocol_words_every_split() -> None:
    source = (Path(prose.__file__).parent / "templates" / "protocol.jinja").read_text(encoding="utf-8")
    assert set(re.findall(r'split == "(\w+)"', source)) == set(SPLITS)


def test_sentences_have_their_numbers_from_facts(store: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts are printed as `#`, so that whatever digit is left came another way."""
    monkeypatch.setattr(Facts, "add", lambda *_: "#")
    summary = summarise(load_study(runs, (STORES | OF_PROBLEMS)[store]))
    written = [text for section in document.SECTIONS for text in prose.write(section, summary, Facts())]
    assert written
    for paragraph in written:
        assert not re.search(r"\d", paragraph), paragraph
        # Line breaks of templates are neither lost nor doubled.
        assert not re.search(r"[,;:)\]][A-Za-z#]|#[A-Za-z]|  | [.,;:)]|\( ", paragraph), paragraph


def test_every_number_of_the_json_comes_out_of_the_csv_files(report: dict[str, Any], tables: Tables) -> None:
    assert report["numbers"]
    for name, number in report["numbers"].items():
        found = next(((rule, match) for pattern, rule in RULES.items() if (match := re.fullmatch(pattern, name))), None)
        assert found is not None, f"{name} has no rule here that computes it from the CSV files"
        rule, match = found
        expected = rule(tables, *match.groups())
        if isinstance(expected, float):
            assert number["value"] == pytest.approx(expected, rel=1e-6, abs=1e-9), name
        else:
            assert number["value"] == expected, name


def test_words_of_verdicts_come_from_verdicts_only(report: dict[str, Any], tables: Tables) -> None:
    said = {number["text"] for name, number in report["numbers"].items() if name.endswith("verdict")}
    of_tables = {cell for block in blocks(report, "table") for row in block["rows"] for cell in row}
    said |= {verdict for verdict in VERDICTS if any(verdict in cell for cell in of_tables)}
    for sentence in sentences(report) + captions(report):
        # The rule itself, and what counts runs and says nothing of configurations.
        rest = re.sub(r"Verdict: none with .*? else inconclusive\.", "", sentence)
        rest = re.sub(r"never (got )?better than a constant prediction", "", rest)
        for verdict in sorted(said, key=len, reverse=True):
            rest = re.sub(rf"(Verdict: |\], |IoU, ){re.escape(verdict)}(?=[.;)]| \()", "", rest)
        assert not re.search(VERDICT_WORDS, rest), rest
    assert {worded for worded in said if re.search(VERDICT_WORDS, worded)} <= VERDICTS | of_sizes(tables), said
    judged = tables["claims"].dropna(subset="verdict")
    sure = judged["verdict"].isin(["better", "worse", "equivalent", "unlearnt"])
    assert (judged.loc[sure, "repeats"] >= 5).all()
    assert judged.loc[judged["verdict"].isin(["ahead", "behind"]), "repeats"].isin([3, 4]).all()
    assert set(tables["claims"]["verdict"].dropna()) <= RULINGS


def of_sizes(tables: Tables) -> set[str]:
    """Verdicts between two configurations of one architecture."""
    return (
        {f"{label} {said}" for label in tables["configurations"]["label"] for said in ("better", "ahead")}
        if len(tables["configurations"])
        else set()
    )


def test_words_of_the_lead_are_those_of_the_claims(report: dict[str, Any], tables: Tables) -> None:
    """What the lead says of the first and every rival is what claims.csv says of the pair."""
    numbers, claims = report["numbers"], tables["claims"]
    text = " ".join(block["text"] for block in blocks(report, "lead"))
    claims = claims[(claims["metric"] == schema.TEST_IOU.name) & (claims["matching"] == "each at its best")]
    first = numbers.get("lead.first.label") or numbers.get("lead.taken.label")
    if first is None or claims.empty:
        assert not re.search("ahead of|told apart|less than matters|test scenes put|although validation", text)
        return
    labels = configurations(tables).apply(label_of_row, axis=1)
    names = configurations(tables)["architecture.name"].map(LABELS)
    claims = claims[claims["a"].map(labels) == first["value"]]
    # The best of another architecture each, by its name.
    said = {
        number["value"].partition(" (")[0]: name.split(".")[1]
        for name, number in numbers.items()
        if re.fullmatch(rf"lead\.({'|'.join(GROUPED)})\.\d+\.(label|name)", name)
    }
    verdicts = dict(zip(claims["b"].map(names), claims["verdict"], strict=True))
    for rival, group in said.items():
        assert verdicts[rival] in GROUPED[group], (rival, group)
    # Of rivals that cannot be judged the lead says how few repeats there are.
    refused = "lead.level.1.repeats" in numbers and verdicts[claims["b"].map(names).iloc[0]] == "refused"
    assert said or not verdicts or refused or "lead.taken.label" not in numbers
    assert ("it is ahead of" in text) == ("apart" in said.values())
    assert ("although validation puts" in text) == ("behind" in said.values())
    level = [verdicts[rival] for rival, group in said.items() if group == "level"]
    assert ("differ by less than matters in IoU here" in text) == bool(level and set(level) == {"equivalent"})
    told = len(re.findall("cannot be told apart", text))
    unproven = sum(verdicts[rival] not in GROUPED["behind"] for rival, group in said.items() if group == "unproven")
    assert told == unproven + bool(level and set(level) != {"equivalent"})
    assert text.count("which the test scenes put before it") == list(said.values()).count("unproven") - unproven
    assert text.count("too few to judge") == sum(
        verdicts[rival] == "refused" for rival, group in said.items() if group in ("level", "unproven")
    )


def test_every_difference_stands_with_its_interval(report: dict[str, Any]) -> None:
    for name in report["numbers"]:
        if name.endswith((".difference", ".iou")) and name != "copied.iou":
            stem = name.rpartition(".")[0]
            assert {f"{stem}.low", f"{stem}.high"} <= set(report["numbers"]), name


def test_the_interval_that_is_printed_is_the_one_of_the_verdict(report: dict[str, Any], tables: Tables) -> None:
    """It leaves out zero exactly where the adjusted p is below 5 %, whatever interval the claim alone has."""
    claims = tables["claims"].dropna(subset="p_adjusted")
    clear = (claims["interval_low"] > 0) | (claims["interval_high"] < 0)
    assert (clear == (claims["p_adjusted"] < 0.05)).all()
    assert (claims["verdict"].isin(["better", "worse"]) <= clear).all()
    assert (
        (claims["interval_high"] - claims["interval_low"])
        .ge((claims["own_interval_high"] - claims["own_interval_low"]) * (1 - 1e-9))
        .all()
    )
    first = claims.head(1)
    for name, number in report["numbers"].items():
        if len(first) and name in ("claim.low", "claim.high"):
            assert number["value"] == pytest.approx(first[f"interval_{name.removeprefix('claim.')}"].iloc[0])


def test_what_templates_print_are_facts_in_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "{{ a }}\n{{ 'and' if b }} c\n, d\n.\n¶\n{% if b %}{{ b[0].iou | digits }}{% endif %}\n¶ e"
    monkeypatch.setattr(facts_module.TEMPLATES, "loader", DictLoader({"t.jinja": source}))
    facts = Facts()
    assert facts_module.paragraphs("t", facts, {"a": np.int64(1), "b": None}) == ["1 c, d.", "e"]
    assert facts_module.paragraphs("t", facts, {"a": 1, "b": [{"iou": 0.5}]}) == ["1 and c, d.", "0.500", "e"]
    assert json.loads(json.dumps(facts)) == {
        "a": {"value": 1, "text": "1"},
        "b.1.iou": {"value": 0.5, "text": "0.500"},
    }
    with pytest.raises(UndefinedError, match="'a' is undefined"):
        facts_module.paragraphs("t", facts, {"b": None})
    with pytest.raises(KeyError, match="b.1.iou must stand for one value, got '0.500' and '0.600'"):
        facts_module.paragraphs("t", facts, {"a": 1, "b": [{"iou": 0.6}]})


def test_what_is_not_finite_is_null() -> None:
    facts = Facts()
    assert facts.add("iou", math.nan, "–") == "–"
    assert facts == {"iou": {"value": None, "text": "–"}}


# From here on: the same numbers once more, from the CSV files, by pandas and scipy alone.


@cache
def configurations(tables: Tables) -> pd.DataFrame:
    """Configurations with a test IoU on a split by scene: n, means and label."""
    runs = tables["runs"]
    runs = runs[runs["stage"].fillna("comparison") == "comparison"]
    runs = runs[(runs["state"] == "complete") & (runs["data.split"] != "random_frames")]
    if "configuration" not in runs or runs.empty:
        return pd.DataFrame()
    groups = runs.groupby("configuration")
    table = groups[[VAL, PEAK, schema.TEST_IOU.name, schema.STEP_SECONDS.name, schema.MACS.name]].mean()
    about = ["architecture.name", "label", "preset", "depth", "base_width", schema.BOTTLENECK_MEASURED, *ALIKE]
    first = groups[about].first()
    return table.join(first).assign(n=groups.size(), low=groups[VAL].min(), high=groups[VAL].max())


def choice(tables: Tables, limit: str) -> pd.Series:
    table = configurations(tables)
    table = table[(table["n"] >= least_repeats(tables)) & table[PEAK].notna()]
    if limit != "best":
        table = table[table[PEAK] <= float(limit) * 1e6]
    return table.sort_values([VAL, PEAK], ascending=[False, True]).iloc[0]


def least_repeats(tables: Tables) -> int:
    return int(configurations(tables).groupby("architecture.name")["n"].max().min())


@cache
def fold_means(tables: Tables, configuration: object, column: str) -> pd.DataFrame:
    """A row per fold and repeat: mean over the scenes."""
    cells = tables["scenes"][tables["scenes"]["configuration"] == configuration]
    return cells.groupby(["fold", "repeat"])[column].mean()


def label_of_row(row: pd.Series) -> str:
    return f"{LABELS[row['architecture.name']]} ({row['label']})"


def cells_of(tables: Tables, configuration: object, column: str) -> pd.DataFrame:
    """Rows repeat, fold, scene and value."""
    own = tables["scenes"][tables["scenes"]["configuration"] == configuration]
    return own[["repeat", "fold", "scene"]].assign(value=own[column].astype(float))


class Mean(NamedTuple):
    """A mean with its standard error."""

    value: float
    error: float
    freedom: float
    n: int

    def bound(self, end: str, level: float = 0.05) -> float:
        """An end of the interval."""
        half = stats.t.ppf(1 - level / 2, self.freedom) * self.error
        return float(self.value + (half if end == "high" else -half))

    @property
    def p(self) -> float:
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom))


def mean_of(cells: pd.DataFrame) -> Mean:
    """By docs/protocol.md: over folds, or of one fold over its scenes crossed with its repeats."""
    folds = cells.groupby(["fold", "scene"])["value"].mean().groupby("fold").mean()
    if len(folds) > 1:
        return Mean(float(folds.mean()), float(stats.sem(folds)), len(folds) - 1, len(folds))
    table = cells.pivot(index="repeat", columns="scene", values="value").dropna().to_numpy()
    over_scenes, (rows, columns) = table.mean(axis=0), table.shape
    plain = Mean(float(table.mean()), float(stats.sem(over_scenes)), columns - 1, columns)
    if rows == 1:
        return plain
    of_rows = columns * np.var(table.mean(axis=1), ddof=1)
    of_columns = rows * np.var(over_scenes, ddof=1)
    of_rest = (np.var(table) * table.size - (rows - 1) * of_rows - (columns - 1) * of_columns) / (
        (rows - 1) * (columns - 1)
    )
    if of_rows <= of_rest:
        return plain
    total = of_rows + of_columns - of_rest
    parts = of_rows**2 / (rows - 1), of_columns**2 / (columns - 1), of_rest**2 / ((rows - 1) * (columns - 1))
    freedom = max(total**2 / sum(parts), min(rows, columns) - 1)
    return Mean(plain.value, math.sqrt(total / table.size), freedom, columns)


# What is taken.

BASELINES = {f"{name}_iou": called for name, called in schema.BASELINES.items()}


@cache
def best_rule(tables: Tables, configuration: object) -> str:
    """Column of the rule without a network that is best on the scenes of a configuration."""
    means = {column: fold_means(tables, configuration, column).groupby("fold").mean().mean() for column in BASELINES}
    return max(means, key=lambda column: means[column])


def beside_rule(tables: Tables, configuration: object) -> pd.DataFrame:
    network, rule = (cells_of(tables, configuration, column) for column in (IOU, best_rule(tables, configuration)))
    return network.assign(value=network["value"] - rule["value"])


@cache
def learnt(tables: Tables, configuration: object) -> bool:
    """Whether it is shown to beat the best rule."""
    cells = beside_rule(tables, configuration)
    return cells["repeat"].nunique() >= 3 and mean_of(cells).bound("low") > 0


def rivals(tables: Tables) -> list[object]:
    """The other architectures at their best, of what can be compared with the first, best first."""
    table, first = configurations(tables), choice(tables, "best")
    table = table[
        (table[ALIKE] == first[ALIKE]).all(axis=1) & (table["architecture.name"] != first["architecture.name"])
    ]
    table = table.sort_values(["n", VAL, PEAK], ascending=[False, False, True])
    return list(table.drop_duplicates("architecture.name").index)


GROUPS = {"better": "apart", "ahead": "apart", "worse": "behind", "behind": "behind"}


def grouped(tables: Tables, group: str) -> list[object]:
    """The rivals in a group of the lead."""
    first = choice(tables, "best").name
    found: dict[str, list[object]] = {}
    for rival in rivals(tables):
        name = GROUPS.get(ruling(tables, (first, rival), IOU), "level")
        name = name if name == "apart" or learnt(tables, rival) else "unproven"
        found.setdefault(name, []).append(rival)
    return found.get(group, [])


def taken(tables: Tables, limit: str = "best") -> pd.Series | None:
    """What is taken over all, or within a budget, where one other architecture stands beside the first."""
    table, first = configurations(tables), choice(tables, limit)
    groups: dict[str, list[object]] = {"level": [first.name] if learnt(tables, first.name) else [], "behind": []}
    for rival in rivals(tables) if limit == "best" else beside(tables, limit):
        group = GROUPS.get(ruling(tables, (first.name, rival), IOU), "level")
        if group != "apart" and learnt(tables, rival):
            groups[group].append(rival)
    if groups["behind"]:
        return table.loc[min(groups["behind"], key=lambda rival: paired_mean(tables, (first.name, rival), IOU).value)]
    return table.loc[table.loc[groups["level"], PEAK].idxmin()] if groups["level"] else None


def budgets(tables: Tables) -> list[tuple[object, list[float]]]:
    """What is taken within the budgets below the peak of what is taken over all: its number, None for nothing."""
    row = taken(tables)
    peak = (choice(tables, "best") if row is None else row)[PEAK]
    smallest = configurations(tables).query(f"n >= {least_repeats(tables)}")[PEAK].min()
    rounds = [float(f"{digit}e{power}") for power in range(-3, 6) for digit in (1, 2, 5)]
    chosen = {size: choice(tables, str(size)).name for size in rounds if smallest <= size * 1e6 < peak}
    first_at = {number: size for size, number in reversed(chosen.items())}  # the smallest budget that it fits
    made: list[tuple[object, list[float]]] = []
    for size in sorted(first_at.values(), reverse=True):
        within = taken(tables, str(size))
        number = None if within is None else within.name
        if made and made[-1][0] == number:
            made[-1][1].append(size)
        else:
            made.append((number, [size]))
    return made


def precisions(tables: Tables) -> str:
    """That of most architectures; in brackets who differs, and in what."""
    runs = tables["runs"]
    of = {
        label: " or ".join(sorted(set(runs.loc[runs["architecture.name"] == name, "environment.precision"].dropna())))
        for name, label in LABELS.items()
    }
    of = {label: text for label, text in of.items() if text}
    if not of:
        return ""
    usual = max(of.values(), key=list(of.values()).count)
    others = [f"{label}: {text}" for label, text in of.items() if text != usual]
    return f"{usual} ({'; '.join(others)})" if others else usual


def of_lead(tables: Tables, which: str, what: str) -> float | int | str:
    row = choice(tables, "best") if which == "first" else taken(tables)
    assert row is not None
    return of_row(tables, row, "best", what)


def of_budget(tables: Tables, limit: str, what: str) -> float | int | str:
    """Of the budget's first choice, of what is taken within it, or all budgets within which that is taken."""
    if what.startswith("budgets_mb."):
        sizes = next(sizes for number, sizes in budgets(tables) if number is not None and sizes[0] == float(limit))
        return sizes[int(what.removeprefix("budgets_mb.")) - 1]
    row = choice(tables, limit) if what.startswith("first.") else taken(tables, limit)
    assert row is not None
    return of_row(tables, row, limit, what.removeprefix("first."))


def nothing_within(tables: Tables, place: str) -> float:
    return [size for number, sizes in budgets(tables) if number is None for size in sizes][int(place) - 1]


def of_row(tables: Tables, row: pd.Series, limit: str, what: str) -> float | int | str:
    """What is printed of a choice within a budget or, with `best`, of what is first or taken."""
    if what in ("label", "name"):
        return label_of_row(row) if what == "label" else LABELS[row["architecture.name"]]
    if what == "peak_bytes":
        return float(row[PEAK])
    if what in ("precision", "batch_size"):
        column = {"precision": "environment.precision", "batch_size": "training.batch_size"}[what]
        runs = tables["runs"]
        return str(runs.loc[runs["configuration"] == row.name, column].dropna().unique().item())
    return of_nested(tables, row, limit, what.removeprefix("score."))


def of_nested(tables: Tables, row: pd.Series, limit: str, what: str) -> float | int:
    """Score on each test fold of what is chosen by the repeats that did not validate on it."""
    table, scenes = configurations(tables), tables["scenes"]
    table = table[table[PEAK] <= (math.inf if limit == "best" else float(limit) * 1e6)]
    if row.name == choice(tables, limit).name:
        table = table[table["n"] >= least_repeats(tables)]
    else:  # another architecture gave way to it, and it is chosen among its own
        table = table[(table["architecture.name"] == row["architecture.name"]) & (table["n"] >= row["n"])]
    runs = of_stage(tables, "comparison")
    runs = runs[runs["configuration"].isin(table.index)]
    parts, chosen = [], []
    for fold in sorted(scenes.loc[scenes["configuration"] == row.name, "fold"].unique()):
        best = row.name
        if (runs["data.split"] == "scene_folds").all():
            tested = set(scenes.loc[scenes["fold"] == fold, "configuration"])
            voters = runs[((runs["fold"] + 1) % runs[FOLD_COUNT] != fold) & runs["configuration"].isin(tested)]
            means = voters.groupby("configuration")[[VAL, PEAK]].mean()
            best = means.sort_values([VAL, PEAK], ascending=[False, True]).index[0] if len(means) else best
        chosen.append(best)
        cells = cells_of(tables, best, IOU)
        parts.append(cells[cells["fold"] == fold])
    if what in ("folds", "changed"):
        return len(chosen) if what == "folds" else sum(best != row.name for best in chosen)
    found = mean_of(pd.concat(parts))
    return found.value if what == "iou" else float(np.clip(found.bound(what), 0, 1))


def of_rule(tables: Tables, what: str) -> float | int | str:
    row = taken(tables)
    number = (choice(tables, "best") if row is None else row).name
    if what in ("network", "score"):
        column = IOU if what == "network" else best_rule(tables, number)
        return mean_of(cells_of(tables, number, column)).value
    if what == "name":
        return BASELINES[best_rule(tables, number)]
    return of_mean(beside_rule(tables, number), what)


def of_mean(cells: pd.DataFrame, what: str, level: float = 0.05) -> float | int:
    if what == "repeats":
        return int(cells["repeat"].nunique())
    found = mean_of(cells)
    if what in ("difference", "n"):
        return {"difference": found.value, "n": found.n}[what]
    bound = found.bound(what, level)
    return bound if math.isinf(bound) else float(np.clip(bound, -1, 1))


def of_rival(tables: Tables, group: str, place: str, what: str) -> float | int | str:
    first, rival = choice(tables, "best").name, grouped(tables, group)[int(place) - 1]
    if what in ("label", "name"):
        return of_row(tables, configurations(tables).loc[rival], "best", what)
    return of_pair(tables, (first, rival), IOU, what)


def looked(tables: Tables) -> int:
    """Repeats of the first and its best rival, if there is one."""
    first, others = choice(tables, "best"), rivals(tables)
    repeats = int(of_pair(tables, (first.name, others[0]), IOU, "repeats")) if others else int(first["n"])
    assert 3 <= repeats < 5
    return repeats


def of_boundary(tables: Tables, group: str, place: str, what: str) -> float | int | str:
    pair = choice(tables, "best").name, grouped(tables, group)[int(place) - 1]
    return of_claim(tables, pair, BOUNDARY, what)


def of_claim(tables: Tables, pair: tuple[object, object], column: str, what: str) -> float | int | str:
    return worded(tables, pair, column) if what == "verdict" else of_pair(tables, pair, column, what)


def beside(tables: Tables, limit: str) -> list[object]:
    """The best other architecture within a budget, if there is one."""
    table, row = configurations(tables), choice(tables, limit)
    table = table[(table[PEAK] <= float(limit) * 1e6) & (table["architecture.name"] != row["architecture.name"])]
    table = table[(table[ALIKE] == row[ALIKE]).all(axis=1)]
    return list(table.sort_values(["n", VAL, PEAK], ascending=[False, False, True]).index[:1])


def of_beside(tables: Tables, limit: str, what: str) -> float | int | str:
    (other,) = beside(tables, limit)
    if what in ("label", "name"):
        return of_row(tables, configurations(tables).loc[other], limit, what)
    pair = choice(tables, limit).name, other
    return of_claim(tables, pair, IOU, what)


def round_up(peak: float | int | str) -> float:
    """In MB: 1, 2, 5, 10, 20 ..."""
    rounds = [float(f"{digit}e{power}") for power in range(-3, 6) for digit in (1, 2, 5)]
    return next(size for size in rounds if size * 1e6 >= float(peak))


def of_learning(tables: Tables, what: str) -> float | int:
    number = choice(tables, "best").name
    own = tables["convergence"][tables["convergence"]["configuration"] == number]
    if what == "runs":
        return len(own)
    if what in ("rising", "stuck"):
        return int(own[what].sum())
    runs = of_stage(tables, "comparison")
    runs = runs[runs["configuration"] == number]
    if what == "epochs":
        return int(runs["training.epochs"].unique().item())
    return float((runs["epoch_images"] / runs["training.batch_size"] * runs["training.epochs"]).median())


def of_truth(tables: Tables, what: str) -> int:
    """Folds in which marking everything scores anything."""
    scores = fold_means(tables, choice(tables, "best").name, "all_foreground_iou").groupby("fold").max()
    return len(scores) if what == "folds" else int((scores > 0).sum())


def of_lost(tables: Tables, what: str) -> int | str:
    """How most units of the comparison ended that are not complete."""
    units = tables["units"][tables["units"]["stage"] == "comparison"]
    state = units.loc[units["state"] != "complete", "state"].mode()[0]
    own = units[units["state"] == state]
    found = {"runs": len(own), "of": len(units), "state": state.replace("_", " ")}
    return found[what] if what in found else str(own["state.reason"].mode()[0])


# How large a study must be.


class Study(NamedTuple):
    """Its size, and the variances between runs, between scenes and of a scene between runs."""

    repeats: int
    folds: int
    scenes: float
    holdout: bool
    run: float
    scene: float
    rest: float

    @classmethod
    def of(cls, tables: Tables, configuration: object, cells: pd.DataFrame, repeats: int) -> "Study":
        """As differences of cells spread, by the method of moments from the mean squares of each fold's table."""
        runs = tables["runs"][tables["runs"]["configuration"] == configuration]
        folds, holdout = int(runs[FOLD_COUNT].iloc[0]), runs["data.split"].iloc[0] != "scene_folds"
        every = [own.pivot(index="repeat", columns="scene", values="value") for _, own in cells.groupby("fold")]
        freedom = sum((len(one) - 1) * (one.shape[1] - 1) for one in every)
        rests = [one.sub(one.mean(axis=1), axis=0).sub(one.mean(), axis=1) + one.to_numpy().mean() for one in every]
        rest = sum(float((one**2).to_numpy().sum()) for one in rests) / freedom if freedom else 0.0
        columns = sum(one.shape[1] - 1 for one in every)
        # The variance of a scene's mean over r runs is that of scenes and 1 / r of the rest.
        of_means = sum((one.shape[1] - 1) * (one.mean().var() if one.shape[1] > 1 else 0.0) for one in every)
        inside = sum((one.shape[1] - 1) / len(one) for one in every)
        scene = max(0.0, (of_means - rest * inside) / columns) if columns else 0.0
        levels = pd.concat([one.mean(axis=1).rename(place) for place, one in enumerate(every)])
        fold_of = np.repeat(range(len(every)), [len(one) for one in every])
        size_of = np.repeat([one.shape[1] for one in every], [len(one) for one in every])
        pairs = [(a, b) for a in range(len(levels)) for b in range(len(levels)) if a != b]
        apart = np.mean([fold_of[a] != fold_of[b] for a, b in pairs])
        run = max(0.0, float(levels.var()) - float(np.mean(1 / size_of)) * (rest + apart * scene))
        if all(one.size == 1 for one in every):  # nothing tells runs from scenes
            run, scene = 0.0, float(levels.var())
        scenes = round(float(np.mean([one.shape[1] for one in every])) * folds)
        return cls(repeats, folds, scenes, holdout, run, scene, rest)

    def finds(self, difference: float, claims: int) -> bool:
        """Whether a true difference is found with a probability of 80 % among so many claims."""
        runs = [len(range(fold, self.repeats, self.folds)) for fold in range(min(self.repeats, self.folds))]
        scenes = [len(range(fold, int(self.scenes), self.folds)) for fold in range(len(runs))]
        if self.holdout:
            r, s = self.repeats, scenes[0]
            variance = (self.run + self.rest / s) / r + self.scene / s
            squares = {r - 1: s * self.run + self.rest, s - 1: r * self.scene + self.rest, (r - 1) * (s - 1): self.rest}
            total = s * self.run + r * self.scene + self.rest
            freedom = max(total**2 / sum(square**2 / free for free, square in squares.items()), min(r, s) - 1)
        else:
            if len(runs) < 2:
                return False
            of_folds = [(self.run + self.rest / s) / r + self.scene / s for r, s in zip(runs, scenes, strict=True)]
            variance, freedom = sum(of_folds) / len(runs) ** 2, len(runs) - 1
        critical = stats.t.isf(0.025 / claims, freedom)
        return bool(stats.nct.sf(critical, freedom, difference / math.sqrt(variance)) >= 0.8 - 1e-9)

    def enlarged(self, difference: float, claims: int) -> "Study":
        """By trying one size after the other: the one with the fewest new repeats, else the one with fewest scenes."""
        folds = [self.folds, *(more for more in (10, 20) if more > self.folds and not self.holdout)]
        folds = [number for number in folds if number <= self.scenes]
        sizes = [
            (
                repeats - (self.repeats if number == self.folds else 0),
                place,
                self._replace(repeats=repeats, folds=number),
            )
            for place, number in enumerate(folds)
            for repeats in range(max(5, self.repeats + 1 if number == self.folds else number), 101)
        ]
        for _, _, larger in sorted(sizes, key=lambda size: size[:2]):
            if larger.finds(difference, claims):
                return larger
        for rounds in (1, 2, 4):
            for number in folds:
                larger = self._replace(folds=number, repeats=max(5, self.repeats, rounds * number))
                if larger._replace(scenes=100_000).finds(difference, claims):
                    scenes = int(self.scenes)
                    while not larger._replace(scenes=scenes).finds(difference, claims):
                        scenes += 1
                    return larger._replace(scenes=scenes)
        raise AssertionError(f"No size finds {difference} with {self}")


@cache
def study_of(tables: Tables, what: str) -> tuple[Study, Study]:
    """The study there is, and the one that `lead.lack` or `certainty` asks for."""
    first = choice(tables, "best").name
    if what == "lead.lack":
        cells = beside_rule(tables, first)
        study = Study.of(tables, first, cells, cells["repeat"].nunique())
        return study, study.enlarged(mean_of(cells).value, 1)
    level = [rival for rival in rivals(tables) if ruling(tables, (first, rival), IOU) == "inconclusive"]
    cells = difference_cells(tables, (first, level[0]), IOU)
    study = Study.of(tables, first, cells, cells["repeat"].nunique())
    return study, study.enlarged(0.01, len(headline_rows(tables)))


def of_size(tables: Tables, what: str, field: str) -> float | int:
    now, larger = study_of(tables, what)
    if field in ("repeats", "folds"):
        return int(getattr(larger, field))
    if field.startswith("beyond"):
        study = larger if field == "beyond.scenes" else now
        return len(range(0, int(study.scenes), study.folds)) if study.holdout else int(study.scenes)
    new, growth = (larger.folds, larger.scenes) != (now.folds, now.scenes), larger.scenes / now.scenes
    more = larger.repeats - (0 if new else now.repeats)
    table = configurations(tables)
    runs = of_stage(tables, "comparison")
    seconds = runs.groupby("configuration")[["time/seconds", "time/idle_seconds"]].mean().loc[table.index].sum().sum()
    return {"more": more, "runs": more * len(table), "seconds": float(more * seconds * growth)}[field]


@cache
def pair_of(tables: Tables, key: str) -> tuple[object, object]:
    """Numbers of both configurations of a claim."""
    table, claims = configurations(tables), tables["claims"]
    if key.startswith("pair"):
        return pretrained_pairs(tables)[int(key.removeprefix("pair")) - 1]
    if key == "claim":
        return claims.loc[0, "a"], claims.loc[0, "b"]
    if key.startswith("headline"):
        pairs = claims[claims["metric"] == schema.TEST_IOU.name].drop_duplicates(["a", "b"])
        names = pairs[["a", "b"]].apply(lambda numbers: table["architecture.name"].reindex(numbers).to_numpy())
        pairs = pairs[(np.sort(names.to_numpy(), axis=1) == ["hourglass", "unet"]).all(axis=1)]
        return tuple(pairs.iloc[int(key.removeprefix("headline.")) - 1][["a", "b"]])
    if key == "unet":
        return table.index[table["preset"] == "unet"][0], table.index[table["preset"] == "hourglass"][0]
    _, what, name = key.split(".")
    own = table[table["architecture.name"] == name]
    shapes = own[schema.BOTTLENECK_MEASURED].str.split("x", expand=True).astype(int)
    own = own.assign(elements=shapes.prod(axis=1))
    column, kept = {"depth": ("depth", "base_width"), "features": ("base_width", "depth")}.get(what, ("elements", ""))
    if kept:
        own = own[own[kept] == own[kept].mode()[0]]
    return own[column].idxmax(), own[column].idxmin()


def label_of(tables: Tables, key: str) -> str:
    return " less ".join(label_of_row(configurations(tables).loc[number]) for number in pair_of(tables, key))


@cache
def difference_cells(tables: Tables, pair: tuple[object, object], column: str) -> pd.DataFrame:
    """Of the repeats that both have."""
    first, second = (cells_of(tables, number, column).set_index(["repeat", "fold", "scene"]) for number in pair)
    return (first - second).dropna().reset_index()


@cache
def paired_mean(tables: Tables, pair: tuple[object, object], column: str) -> Mean:
    return mean_of(difference_cells(tables, pair, column))


def of_difference(tables: Tables, key: str, column: str, what: str) -> float | int:
    return of_pair(tables, pair_of(tables, key), column, what)


def of_pair(tables: Tables, pair: tuple[object, object], column: str, what: str) -> float | int:
    """With the interval at the level of the pair's step among the claims that are made together."""
    level = 0.05 if what not in ("low", "high") else 0.05 / step(tables, pair, column)
    return of_mean(difference_cells(tables, pair, column), what, level)


def headline_rows(tables: Tables) -> pd.DataFrame:
    judged = [schema.TEST_IOU.name, schema.TEST_BOUNDARY_IOU.name]
    rows = tables["claims"][tables["claims"]["metric"].isin(judged)]
    rows = rows[~rows["matching"].str.startswith("pre-trained")]
    return rows.drop_duplicates(["a", "b", "metric"]).reset_index(drop=True)


def detectable(tables: Tables) -> float:
    found = paired_mean(tables, pair_of(tables, "claim"), IOU)
    critical = stats.t.ppf(1 - 0.025 / len(headline_rows(tables)), found.freedom)
    return found.error * float(
        optimize.brentq(lambda shift: stats.nct.sf(critical, found.freedom, shift) - 0.8, 0, 500)
    )


def corrected(tables: Tables, end: str) -> float:
    pair = pair_of(tables, "claim")
    found, folds = paired_mean(tables, pair, IOU), configurations(tables).loc[pair[0], FOLD_COUNT]
    # One fold tests, one validates, the others train.
    return found._replace(error=found.error * math.sqrt(1 + found.n / (folds - 2))).bound(end)


def verdict(tables: Tables, key: str, column: str) -> str:
    return worded(tables, pair_of(tables, key), column)


def ruling(tables: Tables, pair: tuple[object, object], column: str) -> str:
    """The rule of docs/protocol.md, from the interval at the level of the pair's step."""
    low, high = (float(of_pair(tables, pair, column, end)) for end in ("low", "high"))
    repeats = int(of_pair(tables, pair, column, "repeats"))
    if repeats < 3:
        return "refused"
    if repeats < 5:
        return "ahead" if low > 0 else "behind" if high < 0 else "inconclusive"
    if low >= -0.01 and high <= 0.01:
        return "equivalent" if any(learnt(tables, number) for number in pair) else "unlearnt"
    return "better" if low > 0 else "worse" if high < 0 else "inconclusive"


def worded(tables: Tables, pair: tuple[object, object], column: str) -> str:
    said = ruling(tables, pair, column)
    if said in ("better", "worse", "ahead", "behind"):
        favoured = names_of(tables, pair)[said in ("worse", "behind")]
        return f"{favoured} {'better' if said in ('better', 'worse') else 'ahead'}"
    nothing = {
        "refused": f"none: {of_pair(tables, pair, column, 'repeats')} of 3 repeats",
        "unlearnt": "none: learning not shown",
    }
    return nothing.get(said, said)


def family(tables: Tables, pair: tuple[object, object]) -> list[tuple[object, object]]:
    """The pairs that are judged with it: those of the first page, of the practical's page, or of pre-training."""
    first_page = [tuple(row) for row in headline_rows(tables)[["a", "b"]].drop_duplicates().to_numpy()]
    if pair in first_page:
        return first_page
    if pair in pretrained_pairs(tables):
        return pretrained_pairs(tables)
    keys = [f"varied.{what}.{name}" for name in ("hourglass", "unet") for what in ("depth", "features", "bottleneck")]
    # In the order of the claims: a pair and its reverse have one p, and Holm takes the first of the two first.
    judged = dict.fromkeys(pair_of(tables, one) for one in ("unet", *keys))
    return [one for one in judged if one not in first_page]


@cache
def step(tables: Tables, pair: tuple[object, object], column: str) -> int:
    """Holm (1979): the k smallest of m p-values are rejected as long as each is below 5 % / (m - its place)."""
    ps = {(one, name): paired_mean(tables, one, name).p for one in family(tables, pair) for name in (IOU, BOUNDARY)}
    remaining = len(ps)
    for key in sorted(ps, key=lambda key: float(f"{ps[key]:.9g}")):
        if ps[key] >= 0.05 / remaining or key == (pair, column):
            break
        remaining -= 1
    return remaining


def names_of(tables: Tables, pair: tuple[object, object]) -> list[str]:
    if pair in pretrained_pairs(tables):
        return ["pre-trained", "from scratch"]
    rows = [configurations(tables).loc[number] for number in pair]
    if rows[0]["architecture.name"] == rows[1]["architecture.name"]:
        return [str(row["label"]) for row in rows]
    return [LABELS[row["architecture.name"]] for row in rows]


def matchings(tables: Tables, number: str) -> str:
    first, second = pair_of(tables, f"headline.{number}")
    rows = tables["claims"]
    rows = rows[(rows["a"] == first) & (rows["b"] == second) & (rows["metric"] == schema.TEST_IOU.name)]
    *most, last = rows["matching"]
    return f"{', '.join(most)} and {last}" if most else last


def efforts(tables: Tables, preset: str) -> pd.DataFrame:
    table = configurations(tables)
    return tables["convergence"][tables["convergence"]["configuration"] == table.index[table["preset"] == preset][0]]


def of_preset(tables: Tables, preset: str, what: str) -> float | int:
    runs, table = efforts(tables, preset), configurations(tables).set_index("preset")
    return {
        "reached": lambda: int(np.isfinite(runs["epochs"]).sum()),
        "attempts": lambda: len(runs),
        "stuck": lambda: int(runs["stuck"].sum()),
        "diverged": lambda: int(runs["diverged"].sum()),
        "epochs": lambda: float(runs["epochs"].median()),
        "seconds": lambda: float(runs["seconds"].median()),
        "val_iou.min": lambda: float(table.loc[preset, "low"]),
        "val_iou.max": lambda: float(table.loc[preset, "high"]),
        "peak_bytes": lambda: float(table.loc[preset, PEAK]),
    }[what]()


CHEAPER = {"simple_conv_deep": "simple_conv_shallow", "hourglass": "simple_conv_deep", "unet": "hourglass"}


COSTS = {"step": schema.STEP_SECONDS, "peak": schema.TENSOR_PEAK, "macs": schema.MACS}


def ratio(tables: Tables, preset: str, cost: str, what: str) -> float:
    metric = COSTS[cost].name
    runs = tables["runs"][tables["runs"]["state"] == "complete"]
    dear, cheap = (runs.loc[runs["preset"] == name, metric] for name in (preset, CHEAPER[preset]))
    ratios = {"mean": dear.mean() / cheap.mean(), "min": dear.min() / cheap.max(), "max": dear.max() / cheap.min()}
    return float(ratios[what])


def target(tables: Tables) -> float:
    runs = tables["runs"]
    complete = runs[(runs["state"] == "complete") & runs["configuration"].notna()]
    return float(0.9 * complete.groupby("configuration")[VAL].median().max())


def states(tables: Tables) -> str:
    counts = tables["units"]["state"].value_counts()
    every = [(state, counts.get(state, 0)) for state in schema.STATES]
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in every if count) or "none so far"


AGREED = {
    "bottleneck": (schema.BOTTLENECK_PREDICTED, schema.BOTTLENECK_MEASURED),
    "peak": (PREDICTED, MEASURED),
}


def agreement(tables: Tables, name: str, what: str) -> float | int:
    """How many predictions there are, how many of them came true, and the largest relative difference."""
    both = tables["runs"].reindex(columns=list(AGREED[name])).dropna()
    predicted, measured = (both[column] for column in both)
    if what == "largest_difference":
        return float(((predicted - measured).abs() / measured).max())
    return int((predicted == measured).sum()) if what == "equal" else len(both)


def of_search(tables: Tables, name: str, what: str) -> float | int | str:
    units = tables["units"]
    own = units[(units["stage"] == "search") & (units["architecture.name"] == name)]
    if what == "trials":
        return len(own)
    if what == "complete":
        return int((own["state"] == "complete").sum())
    best = trials(tables, name).sort_values(["val", "peak"], ascending=[False, True]).iloc[0]
    return {"val_iou": float(best["val"]), "label": best["label"], "lr": float(best["training.lr"])}[what]


def trials(tables: Tables, name: str) -> pd.DataFrame:
    runs = tables["runs"]
    own = runs[(runs["stage"] == "search") & (runs["architecture.name"] == name) & (runs["state"] == "complete")]
    return own.copy().assign(val=own[VAL], peak=own[PEAK])  # a copy is one block again


def of_front(tables: Tables, name: str, end: str, what: str) -> float:
    order = {"1": (["peak", "val"], [True, False]), "2": (["val", "peak"], [False, True])}[end]  # cheapest, best
    row = trials(tables, name).sort_values(order[0], ascending=order[1]).iloc[0]
    return float(row["val"] if what == "val_iou" else row["peak"] / 1e6)


def front_size(tables: Tables, name: str) -> int:
    points = trials(tables, name)[["peak", "val"]].drop_duplicates().to_numpy()
    return sum(
        not any((other[0] <= point[0]) & (other[1] >= point[1]) & (other != point).any() for other in points)
        for point in points
    )


def share(tables: Tables, stage: str, name: str, what: str) -> int:
    planned, units = tables["planned"], tables["units"]
    plan = planned.loc[(planned["stage"] == stage) & (planned["architecture"] == name), "planned"].sum()
    own = units[(units["stage"] == stage) & (units["architecture.name"] == name)]
    if what == "planned":
        return int(plan)
    gone = of_evidence(tables, "deleted", "gone", stage, name)
    if what == "missing":
        return int(plan - len(own) - gone)
    if what == "deleted":
        return gone
    if what == "lacking":
        return int(plan - (own["state"] == "complete").sum())
    return int((own["state"] == what).sum())


def reason(tables: Tables, stage: str, name: str, state: str) -> str:
    units = tables["units"]
    rows = units[(units["stage"] == stage) & (units["architecture.name"] == name) & (units["state"] == state)]
    return str(rows["state.reason"].unique().item())


def of_evidence(tables: Tables, kind: str, what: str, *own: str) -> int:
    """Of all stages and architectures, or of one."""
    rows = tables["evidence"][tables["evidence"]["kind"] == kind].set_index(["stage", "architecture.name"])
    return int(rows[what].sum() if not own else rows[what].get(own, 0))


def of_tested(tables: Tables, kind: str, what: str) -> int:
    """What is gone of the runs that were tested, from the files that were made of it; of panels none is."""
    tested = pd.concat([of_stage(tables, stage) for stage in ("comparison", "pretraining", "generative")])
    if kind == "panel":
        return len(tested[tested["stage"] != "generative"]) if what == "units" else of_evidence(tables, kind, what)
    if kind == "frame_table":
        tested = tested[tested["target"] == "mask"]
    made_of = tables["scenes" if kind == "frame_table" else "convergence"]
    return len(tested) if what == "units" else int((~tested["run_id"].isin(made_of["run_id"])).sum())


def of_memory(tables: Tables, what: str) -> int:
    """Complete runs, those whose memory was not measured, those of them with a predicted one, configurations without
    any."""
    complete = tables["runs"][tables["runs"]["state"] == "complete"]
    lacking = complete[complete[MEASURED].isna()]
    unknown = complete.groupby("configuration")[PEAK].count() == 0
    counts = {
        "units": len(complete),
        "gone": len(lacking),
        "predicted": lacking[PEAK].count(),
        "unknown": unknown.sum(),
    }
    return int(counts[what])


def of_all(tables: Tables, what: str) -> int:
    """Units with an outcome, deleted ones among them, or the deleted ones."""
    gone = of_evidence(tables, "deleted", "gone")
    return gone if what == "gone" else len(tables["units"]) + gone


def of_mixed_data(tables: Tables, what: str) -> int | str:
    """Of the complete runs those whose data are not those of most; of equally many, the first are usual."""
    runs = tables["runs"][(tables["runs"]["state"] == "complete") & tables["runs"]["data.digest"].notna()]
    usual = runs["data.digest"].value_counts().index[0]
    others = runs[runs["data.digest"] != usual]
    ids = [run[:8] for run in others["run_id"]]
    return {
        "runs": len(runs),
        "other": len(others),
        "usual": usual,
        "digests": " and ".join(sorted(set(others["data.digest"]))),
        "named": ", ".join(ids[:6]),
        "more": len(ids) - 6,
    }[what]


def copies(tables: Tables) -> float:
    complete = tables["runs"][tables["runs"]["state"] == "complete"]
    return float(complete.drop_duplicates("split.digest")["test_baselines/copy_iou"].mean())


def of_stage(tables: Tables, stage: str) -> pd.DataFrame:
    """The complete runs of a stage."""
    runs = tables["runs"]
    return runs[(runs["stage"].fillna("comparison") == stage) & (runs["state"] == "complete")]


def pretrained_pairs(tables: Tables) -> list[tuple[object, object]]:
    """Numbers of the configurations that are pre-trained, and of those from scratch, by architecture."""
    runs = of_stage(tables, "pretraining")
    pairs = []
    for _, own in runs.sort_values("configuration").groupby("architecture.name"):
        first = own.drop_duplicates("configuration").set_index("training.pretrain_epochs")["configuration"]
        pairs.append((first[2], first[0]))
    return pairs


def matching(tables: Tables, number: str) -> str:
    rows = tables["claims"][tables["claims"]["matching"].str.startswith("pre-trained")]
    return str(rows["matching"].unique()[int(number) - 1])


def network_of(tables: Tables, key: str) -> str:
    runs = tables["runs"].drop_duplicates("configuration").set_index("configuration")
    row = runs.loc[pair_of(tables, key)[0]]
    return f"{LABELS[row['architecture.name']]} (depth {row['depth']}, width {row['base_width']})"


def flat(tables: Tables, name: str) -> pd.DataFrame:
    """Runs of an architecture that make masks through a flat latent, at the depth of those that segment."""
    segmented = of_stage(tables, "comparison")
    depth = segmented.loc[segmented["architecture.latent"] > 0, "depth"].unique().item()
    runs = of_stage(tables, "generative" if name in ("autoencoder", "vae") else "comparison")
    runs = runs[(runs["architecture.name"] == name) & (runs["target"] == "mask") & (runs["depth"] == depth)]
    return runs[(runs["architecture.latent"] > 0) & (runs["training.beta"] == 1)]


def latent_size(tables: Tables, latent: str) -> int:
    """The smallest or the largest."""
    sizes = flat(tables, "autoencoder")["architecture.latent"]
    return int(sizes.min() if int(latent) < sizes.mean() else sizes.max())


def through_latent(tables: Tables, name: str, latent: str, what: str) -> float:
    runs = flat(tables, name)
    number = runs.loc[runs["architecture.latent"] == int(latent), "configuration"].unique().item()
    means = fold_means(tables, number, IOU).groupby("fold").mean().to_numpy()
    return float(means.mean() if what == "iou" else np.clip(t_interval(means)[1 + (what == "high")], 0, 1))


def of_vaes(tables: Tables, what: str, end: str) -> float:
    """The least or the most of the runs."""
    runs = of_stage(tables, "generative")
    runs = runs[runs["architecture.name"] == "vae"]
    shares = runs["test/active_units"] / runs["architecture.latent"]
    if what != "active":
        shares = runs.loc[runs["target"] == what.removeprefix("copied."), "test/copied_share"]
    return float(shares.agg(end))


def collapsed(tables: Tables) -> pd.DataFrame:
    """Collapsed configurations in the order of their numbers: label, what was lost and runs."""
    runs = of_stage(tables, "generative")
    return runs.groupby(["configuration", "label", "collapse"]).size().reset_index(name="runs")


def of_collapsed(tables: Tables, place: str, what: str) -> str | int:
    value = collapsed(tables).loc[int(place) - 1, what]
    return int(value) if what == "runs" else str(value)


STATE = "|".join(schema.STATES)
STAGES = "|".join(schema.OBJECTIVES)
BUDGET = r"\d+(?:\.\d+)?"
PAIRS = r"headline\.\d+|unet|varied\.\w+\.\w+"


def readings(t: Tables) -> list[Any]:
    return [json.loads(text) for text in t["runs"]["data.reading"].dropna().unique()]


def of_edge(tables: Tables, place: str, what: str) -> float | str:
    """Of a group whose networks were trained at the end of what it was tried at."""
    row, rates = tables["rate_groups"].loc[int(place)], tables["rates"]
    assert set(tables["runs"].query("stage == 'comparison' and `tuning.group` == @row.group")["training.lr"]) == {
        row.rate
    }
    tried = rates.loc[rates["group"] == row.group, "rate"]
    ends: dict[float, str] = {tried.min(): "smallest", tried.max(): "largest"}
    name = f"{style.look(row.architecture).label} {row.group.removeprefix(row.architecture)[1:]}"
    return {"group": name, "rate": float(row.rate), "edge": ends[row.rate]}[what]


def rate_not_tuned(tables: Tables) -> float:
    assert tables["rates"].empty
    return float(tables["runs"].query("stage == 'comparison'")["training.lr"].unique().item())


RULES: dict[str, Callable[..., float | int | str]] = {
    r"tuned": lambda t: int((t["units"]["stage"] == "tuning").sum()),
    r"rates\.ladder\.(.+)": lambda t, rate: float(rate) if float(rate) in set(t["rates"]["rate"]) else math.nan,
    r"rates\.edges\.(\d+)\.(group|rate|edge)": of_edge,
    r"rates\.fixed": rate_not_tuned,
    r"study": lambda t: t["study"].loc[0, "study"],
    r"((search|practical)\.)?precision": lambda t, *_: precisions(t),
    r"units\.outcomes": lambda t: len(t["units"]),
    r"units\.planned": lambda t: int(t["study"].loc[0, "planned"]),
    r"units\.states": states,
    r"units\.missing": lambda t: int(t["study"].loc[0, "planned"]) - of_all(t, "units"),
    r"units\.unnamed": lambda t: int(t["units"]["architecture.name"].isna().sum()),
    r"evidence\.(frame_table|panel|curves)\.(units|gone)": of_tested,
    r"evidence\.deleted\.(units|gone)": of_all,
    r"evidence\.memory\.(\w+)": of_memory,
    r"evidence\.file": lambda t: schema.FRAME_TABLE,
    r"mixed_data\.(runs|other|usual|digests|named|more)": of_mixed_data,
    r"(?:evidence|mixed_data)\.redo": lambda t: f"make sweep STUDY={t['study'].loc[0, 'study']} REDO_DELETED=1",
    r"lead\.(first|taken)\.(label|name|peak_bytes|precision|batch_size|score\.\w+)": of_lead,
    r"lead\.rule\.(name|network|score|difference|low|high|n|repeats)": of_rule,
    r"lead\.(apart|level|behind|unproven)\.(\d+)\.(label|name|difference|low|high|repeats)": of_rival,
    r"lead\.lack\.few_repeats\.repeats": lambda t: int(beside_rule(t, choice(t, "best").name)["repeat"].nunique()),
    r"lead\.lack\.few_repeats\.least": lambda t: 3,
    r"lead\.first_look\.repeats": lambda t: looked(t),
    r"lead\.first_look\.full": lambda t: 5,
    r"lead\.first_look\.command": lambda t: f"make sweep STUDY={t['study'].loc[0, 'study']} REPEATS=5",
    r"lead\.fits_mb": lambda t: round_up(of_lead(t, "taken", "peak_bytes")),
    r"lead\.lack\.more_epochs": lambda t: max(10, 2 * int(of_learning(t, "epochs"))),
    r"lead\.lack\.learning\.(runs|rising|stuck|steps|epochs)": of_learning,
    r"lead\.truth\.(folds|with_foreground)": of_truth,
    r"certainty\.margin": lambda t: 0.01,
    r"(lead\.lack|certainty)\.size\.(more|repeats|folds|runs|seconds|beyond\.scenes|beyond\.now)": of_size,
    rf"budgets\.({BUDGET})\.((?:first\.)?(?:label|name)|peak_bytes|precision|batch_size|score\.\w+)": of_budget,
    rf"budgets\.({BUDGET})\.(budgets_mb\.\d+)": of_budget,
    r"lead\.(level|unproven)\.(\d+)\.boundary\.(difference|low|high|verdict)": of_boundary,
    rf"budgets\.({BUDGET})\.beside\.boundary\.(difference|low|high|verdict)": lambda t, limit, what: of_claim(
        t, (choice(t, limit).name, *beside(t, limit)), BOUNDARY, what
    ),
    rf"budgets\.({BUDGET})\.beside\.(label|name|difference|low|high|verdict)": of_beside,
    r"nothing_within\.(\d+)": nothing_within,
    r"untested\.lost\.(runs|of|state|reason)": of_lost,
    r"level": lambda t: 0.95,
    r"claim\.pair": lambda t: label_of(t, "claim"),
    r"claim\.(difference|low|high|n|repeats)": lambda t, what: of_difference(t, "claim", IOU, what),
    r"claim\.verdict": lambda t: verdict(t, "claim", IOU),
    r"claim\.claims": lambda t: len(headline_rows(t)),
    r"claim\.detectable": detectable,
    r"corrected\.(low|high)": corrected,
    r"power": lambda t: 0.8,
    r"practical\.headline\.(\d+)\.matchings": matchings,
    rf"practical\.({PAIRS})\.pair": label_of,
    rf"practical\.({PAIRS})\.judged\.(iou|boundary_iou)\.verdict": verdict,
    rf"practical\.({PAIRS})\.judged\.(iou|boundary_iou)\.(difference|low|high|n|repeats)": of_difference,
    r"practical\.costs\.(\w+)\.(step|peak|macs)\.(mean|min|max)": ratio,
    r"practical\.presets\.(\w+)\.(reached|attempts|stuck|diverged|epochs|seconds|val_iou\.m..|peak_bytes)": of_preset,
    r"practical\.target": target,
    r"(bottleneck|peak)\.(equal|measured|largest_difference)": agreement,
    r"copied\.iou": copies,
    r"label_agreement": lambda t: float(t["runs"][schema.LABEL_AGREEMENT.name].mean()),
    r"search\.trials": lambda t: int((t["units"]["stage"] == "search").sum()),
    r"search\.compared": lambda t: int((t["units"]["stage"] == "comparison").sum()),
    r"search\.budget_mb": lambda t: float(t["study"].loc[0, "memory_budget_bytes"] / 1e6),
    r"search\.networks\.(\w+)\.(?:best\.)?(trials|complete|val_iou|label|lr)": of_search,
    r"fronts\.(\w+)\.trials": front_size,
    r"fronts\.(\w+)\.ends\.(\d)\.(val_iou|memory_mb)": of_front,
    r"planned\.(\w+)": lambda t, stage: int(t["planned"].query("stage == @stage")["planned"].unique().item()),
    r"planned\.(\w+)\.(\w+)": lambda t, stage, name: share(t, stage, name, "planned"),
    rf"lacking\.({STAGES})\.(\w+)\.(lacking|planned)": share,
    rf"lacking\.({STAGES})\.(\w+)\.parts\.({STATE}|missing|deleted)\.units": share,
    rf"lacking\.({STAGES})\.(\w+)\.parts\.({STATE})\.reason": reason,
    r"pretraining\.matchings\.(\d+)\.matching": matching,
    r"pretraining\.matchings\.\d+\.pairs\.(pair\d+)\.label": network_of,
    r"pretraining\.matchings\.\d+\.pairs\.(pair\d+)\.verdict": lambda t, key: verdict(t, key, IOU),
    r"pretraining\.matchings\.\d+\.pairs\.(pair\d+)\.(difference|low|high|n|repeats)": lambda t, key, what: (
        of_difference(t, key, IOU, what)
    ),
    r"latent\.(depth|base_width)": lambda t, name: int(flat(t, "vae")[name].unique().item()),
    r"latent\.sizes\.(\d+)": latent_size,
    r"through\.generative\.vae\.beta": lambda t: float(flat(t, "vae")["training.beta"].unique().item()),
    r"latent\.repeats": lambda t: f"{flat(t, 'unet')['repeat'].nunique()} repeats",
    r"through\.\w+\.(\w+)\.scores\.(\d+)\.(iou|low|high)": through_latent,
    r"vaes\.runs": lambda t: int((of_stage(t, "generative")["architecture.name"] == "vae").sum()),
    r"vaes\.collapsed": lambda t: int(collapsed(t)["runs"].sum()),
    r"vaes\.(active|copied\.mask|copied\.image)\.(min|max)": of_vaes,
    r"vaes\.named\.(\d+)\.(label|collapse|runs)": of_collapsed,
    r"vaes\.rest": lambda t: int(collapsed(t)["runs"][4:].sum()),
    r"apart\.(\w+)": lambda t, stage: int((t["units"]["stage"] == stage).sum()),
    r"openings\.all": lambda t: len(t["openings"]),
    r"openings\.again": lambda t: int(t["openings"]["unit"].duplicated().sum()),
    r"readings\.(\d+)\.masks": lambda t, place: readings(t)[int(place) - 1]["masks"]["text"],
    r"readings\.(\d+)\.(black|white)": lambda t, place, end: readings(t)[int(place) - 1]["limits"][end == "white"],
    r"splits\.(\w+)": lambda t, split: str(t["runs"].loc[t["runs"]["data.split"] == split, "data.folds"].iloc[0]),
    r"all_repeats": lambda t: ", ".join(map(str, sorted(t["runs"]["repeat"].unique()))),
    # As text, which the store has: pandas reads 16 as a number.
    r"fixed\.(.+)": lambda t, name: str(t["runs"][name].iloc[0]),
}
