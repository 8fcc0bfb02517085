"""Every number of the sentences is a fact, and every fact comes out again from the CSV files by other means."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_store import plan_of
from fake_units import generative
from helpers import Fill, t_interval
from jinja2 import DictLoader, UndefinedError
from scipy import optimize, stats

from bench import schema
from reports import document, prose
from reports.analysis.summary import summarise
from reports.build import Built
from reports.prose import facts as facts_module
from reports.prose.facts import Facts
from reports.store.checks import SPLITS
from reports.store.load import load_study


class Tables(dict[str, pd.DataFrame]):
    """The CSV files by name. Equal to itself only, so that what many rules look up is kept."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


IOU, BOUNDARY, PEAK, VAL = "iou", "boundary_iou", schema.TENSOR_PEAK.name, schema.BEST_VAL_IOU.name
LABELS = {"simple_conv": "SimpleConv", "hourglass": "Hourglass", "unet": "U-Net"}
VERDICTS = {f"{name} better" for name in (*LABELS.values(), "pre-trained", "from scratch")}
VERDICTS |= {"equivalent", "inconclusive", "none: 2 of 3 repeats"}


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


STORES = {
    "small_store": "quick",
    "troubled_store": "quick",
    "lost_store": "quick",
    "leaky_store": "quick",
    "practical_store": "practical",
    "search_store": "search",
    "front_store": "memory_budget",
    "latent_store": "generative",
}


TEMPLATES = sorted((Path(prose.__file__).parent / "templates").glob("*.jinja"))


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """Name of a store's fixture."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(store: str, built: Callable[[Path, str], Built], request: pytest.FixtureRequest) -> Path:
    """A built report."""
    return built(request.getfixturevalue(store), STORES[store]).report.parent


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    return Tables({path.stem: pd.read_csv(path, keep_default_na=True) for path in (folder / "data").iterdir()})


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


def test_sentences_have_their_numbers_from_facts(
    store: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts are printed as `#`, so that whatever digit is left came another way."""
    monkeypatch.setattr(Facts, "add", lambda *_: "#")
    summary = summarise(load_study(request.getfixturevalue(store), STORES[store]))
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
    said |= {cell for block in blocks(report, "table") for row in block["rows"] for cell in row}
    for sentence in sentences(report) + captions(report):
        # The rule itself, and what counts runs and says nothing of configurations.
        rest = re.sub(r"Verdict: none with .*? else inconclusive\.", "", sentence)
        rest = re.sub(r"never (got )?better than a constant prediction", "", rest)
        for verdict in VERDICTS & said:
            rest = rest.replace(f"Verdict: {verdict}", "").replace(f"IoU, {verdict}", "")
        assert not re.search(r"\b(better|worse|equivalent|inconclusive|significant|outperforms)\b", rest), rest
    if len(tables["claims"]):
        assert set(tables["claims"]["verdict"]) <= {"better", "worse", "equivalent", "inconclusive", "refused"}


def test_every_difference_stands_with_its_interval(report: dict[str, Any]) -> None:
    for name in report["numbers"]:
        if name.endswith((".difference", ".iou")) and name != "copied.iou":
            stem = name.rpartition(".")[0]
            assert {f"{stem}.low", f"{stem}.high"} <= set(report["numbers"]), name


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
    first = groups[["architecture.name", "label", "preset", "depth", "base_width", schema.BOTTLENECK_MEASURED]].first()
    return table.join(first).assign(n=groups.size(), low=groups[VAL].min(), high=groups[VAL].max())


def choice(tables: Tables, limit: str) -> pd.Series:
    table = configurations(tables)
    table = table[table["n"] >= least_repeats(tables)]
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


def of_choice(tables: Tables, limit: str, what: str) -> float | str:
    row = choice(tables, limit)
    if what == "label":
        return f"{LABELS[row['architecture.name']]} ({row['label']})"
    if what in ("peak_bytes", "budget_mb"):
        rounds = [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)]
        fits = [size for size in rounds if size * 1e6 >= row[PEAK]]
        return float(row[PEAK]) if what == "peak_bytes" else float(fits[0])
    means = fold_means(tables, row.name, IOU).groupby("fold").mean().to_numpy()
    if what == "iou":
        return float(means.mean())
    if len(means) == 1:  # the scenes of the only fold; one repeat there, so that no crossing is needed
        cells = tables["scenes"][tables["scenes"]["configuration"] == row.name]
        assert cells["repeat"].nunique() == 1
        means = cells[IOU].to_numpy()
    return float(np.clip(t_interval(means)[1 + (what == "high")], 0, 1))


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


def differences(tables: Tables, key: str, column: str) -> pd.Series:
    """By fold, of the repeats that both have."""
    first, second = (fold_means(tables, number, column) for number in pair_of(tables, key))
    return (first - second).dropna().groupby("fold").mean()


def label_of(tables: Tables, key: str) -> str:
    table = configurations(tables)
    rows = [table.loc[number] for number in pair_of(tables, key)]
    return " less ".join(f"{LABELS[row['architecture.name']]} ({row['label']})" for row in rows)


def of_difference(tables: Tables, key: str, column: str, what: str) -> float | int | str:
    found = differences(tables, key, column)
    if len(found) == 1:
        cells = tables["scenes"]
        first, second = (
            cells[cells["configuration"] == number].groupby("scene")[column].mean() for number in pair_of(tables, key)
        )
        found = first - second
    if what == "difference":
        return float(found.mean())
    if what in ("low", "high"):
        return t_interval(found)[1 + (what == "high")]
    if what == "n":
        return len(found)
    first, second = (fold_means(tables, number, column) for number in pair_of(tables, key))
    return int((first - second).dropna().index.get_level_values("repeat").nunique())


def headline_rows(tables: Tables) -> pd.DataFrame:
    judged = [schema.TEST_IOU.name, schema.TEST_BOUNDARY_IOU.name]
    rows = tables["claims"][tables["claims"]["metric"].isin(judged)]
    rows = rows[~rows["matching"].str.startswith("pre-trained")]
    return rows.drop_duplicates(["a", "b", "metric"]).reset_index(drop=True)


def t_test(tables: Tables) -> tuple[float, float, float]:
    """Standard error, degrees of freedom and p of the first claim."""
    found = differences(tables, "claim", IOU).to_numpy()
    test = stats.ttest_1samp(found, 0)
    return float(found.std(ddof=1) / math.sqrt(len(found))), len(found) - 1, float(test.pvalue)


def detectable(tables: Tables) -> float:
    error, freedom, _ = t_test(tables)
    critical = stats.t.ppf(1 - 0.025 / len(headline_rows(tables)), freedom)
    return float(error * optimize.brentq(lambda shift: stats.nct.sf(critical, freedom, shift) - 0.8, 0, 500))


def corrected(tables: Tables, end: str) -> float:
    found = differences(tables, "claim", IOU).to_numpy()
    error = found.std(ddof=1) * math.sqrt(1 / len(found) + 1 / 3)  # one fold of five tests, three train
    half = stats.t.ppf(0.975, len(found) - 1) * error
    return float(found.mean() + (half if end == "high" else -half))


def verdict(tables: Tables, key: str, column: str) -> str:
    """The rule of docs/protocol.md, from the p-values of the family."""
    repeats = of_difference(tables, key, column, "repeats")
    if int(repeats) < 3:
        return f"none: {repeats} of 3 repeats"
    found = differences(tables, key, column).to_numpy()
    _, low, high = t_interval(found)
    if low >= -0.01 and high <= 0.01:
        return "equivalent"
    return (
        f"{names_of(tables, key)[int(found.mean() < 0)]} better"
        if family_p(tables, key, column) < 0.05
        else "inconclusive"
    )


def family_p(tables: Tables, key: str, column: str) -> float:
    """Holm over the family that the claim belongs to: that of the first page, or that of the practical's page."""
    first_page = {tuple(row) for row in headline_rows(tables)[["a", "b"]].to_numpy()}
    if key.startswith("pair"):
        return holm_p(tables, set(pretrained_pairs(tables)), pair_of(tables, key), column)
    keys = [f"varied.{what}.{name}" for name in ("hourglass", "unet") for what in ("depth", "features", "bottleneck")]
    pairs = first_page
    if pair_of(tables, key) not in first_page:
        pairs = {pair_of(tables, one) for one in ("unet", *keys)} - first_page
    return holm_p(tables, pairs, pair_of(tables, key), column)


def holm_p(tables: Tables, pairs: set[tuple[object, object]], own_pair: tuple[object, object], column: str) -> float:
    """Of one pair among all that are judged together, in both metrics."""
    ps = {(pair, name): claim_p(tables, pair, name) for pair in pairs for name in (IOU, BOUNDARY)}
    own = claim_p(tables, own_pair, column)
    ordered = sorted(ps.values())
    return min(1.0, max((len(ps) - place) * p for place, p in enumerate(ordered) if p <= own * (1 + 1e-9)))


@cache
def claim_p(tables: Tables, pair: tuple[object, object], column: str) -> float:
    first, second = (fold_means(tables, number, column) for number in pair)
    return float(stats.ttest_1samp((first - second).dropna().groupby("fold").mean(), 0).pvalue)


def names_of(tables: Tables, key: str) -> list[str]:
    if key.startswith("pair"):
        return ["pre-trained", "from scratch"]
    return [LABELS[configurations(tables).loc[number, "architecture.name"]] for number in pair_of(tables, key)]


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
    "peak": (schema.PREDICTED_PEAK.name, PEAK),
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
    return own.assign(val=own[VAL], peak=own[PEAK])


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


def of_all(tables: Tables, what: str) -> int:
    """Units with an outcome, deleted ones among them, or the deleted ones."""
    gone = of_evidence(tables, "deleted", "gone")
    return gone if what == "gone" else len(tables["units"]) + gone


def copies(tables: Tables) -> float:
    complete = tables["runs"][tables["runs"]["state"] == "complete"]
    return float(complete.drop_duplicates("split.digest")["baseline/copy/iou"].mean())


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
    shares = runs["latent/active_units"] / runs["architecture.latent"]
    if what != "active":
        shares = runs.loc[runs["target"] == what.removeprefix("copied."), "samples/copied_share"]
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
PAIRS = r"headline\.\d+|unet|varied\.\w+\.\w+"


def readings(t: Tables) -> list[Any]:
    return [json.loads(text) for text in t["runs"]["data.reading"].dropna().unique()]


RULES: dict[str, Callable[..., float | int | str]] = {
    r"study": lambda t: t["study"].loc[0, "study"],
    r"units\.outcomes": lambda t: len(t["units"]),
    r"units\.planned": lambda t: int(t["study"].loc[0, "planned"]),
    r"units\.states": states,
    r"units\.missing": lambda t: int(t["study"].loc[0, "planned"]) - of_all(t, "units"),
    r"units\.unnamed": lambda t: int(t["units"]["architecture.name"].isna().sum()),
    r"evidence\.(frame_table|panel|curves)\.(units|gone)": of_tested,
    r"evidence\.deleted\.(units|gone)": of_all,
    r"evidence\.file": lambda t: schema.FRAME_TABLE,
    r"evidence\.redo": lambda t: f"make sweep STUDY={t['study'].loc[0, 'study']} REDO_DELETED=1",
    r"choice\.(?:within\.)?(best|[\d.]+)\.(label|iou|low|high|peak_bytes|budget_mb)": of_choice,
    r"choice\.repeats": least_repeats,
    r"level": lambda t: 0.95,
    r"claim\.pair": lambda t: label_of(t, "claim"),
    r"claim\.(difference|low|high|n|repeats)": lambda t, what: of_difference(t, "claim", IOU, what),
    r"claim\.verdict": lambda t: verdict(t, "claim", IOU),
    r"claim\.p": lambda t: family_p(t, "claim", IOU),
    r"claim\.detectable": detectable,
    r"claim\.corrected\.(low|high)": corrected,
    r"power": lambda t: 0.8,
    r"practical\.headline\.(\d+)\.matchings": matchings,
    rf"practical\.({PAIRS})\.pair": label_of,
    rf"practical\.({PAIRS})\.judged\.(iou|boundary_iou)\.verdict": verdict,
    rf"practical\.({PAIRS})\.judged\.(iou|boundary_iou)\.p": family_p,
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
    r"pretraining\.matchings\.\d+\.pairs\.(pair\d+)\.p": lambda t, key: family_p(t, key, IOU),
    r"pretraining\.matchings\.\d+\.pairs\.(pair\d+)\.(difference|low|high|n|repeats)": lambda t, key, what: (
        of_difference(t, key, IOU, what)
    ),
    r"latent\.(depth|base_width)": lambda t, name: int(flat(t, "vae")[name].unique().item()),
    r"latent\.sizes\.(\d+)": latent_size,
    r"through\.generative\.vae\.beta": lambda t: float(flat(t, "vae")["training.beta"].unique().item()),
    r"latent\.repeats": lambda t: f"{flat(t, 'unet')['repeat'].nunique()} repeats",
    r"through\.\w+\.(\w+)\.scores\.(\d+)\.(iou|low|high)": through_latent,
    r"vae\.runs": lambda t: int((of_stage(t, "generative")["architecture.name"] == "vae").sum()),
    r"vae\.collapsed": lambda t: int(collapsed(t)["runs"].sum()),
    r"vae\.(active|copied\.mask|copied\.image)\.(min|max)": of_vaes,
    r"vae\.named\.(\d+)\.(label|collapse|runs)": of_collapsed,
    r"vae\.rest": lambda t: int(collapsed(t)["runs"][4:].sum()),
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
