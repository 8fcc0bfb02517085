"""Whole studies with real trainings, repeated on data sets that share no scene: how often is a report right?

`PYTHONPATH=. python tests/reports/real_studies.py --studies 400 --seed 0 --out FOLDER`, on one thread. A study draws
its own scenes, trains tiny networks by the project's protocol, and is judged as a report judges it: a U-Net against its
twin, whose true difference is 0, and against an Hourglass, whose true difference is the mean over all studies. So the
truth is what trainings on new data sets of this size differ by; its own error is in the table.

The same studies measure what choosing by validation adds to a test score: scenes that no repeat saw are the measure.
FOLDER keeps a file per study, so that what was cut off goes on; `table.json` and the printed table are of all of them.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import torch

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import AUGMENTATION, DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data.cache.entry import Dataset, content_digest
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.files import make_folder, replacing
from hourglass_bench.bench.metrics.frame_table import frame_table
from hourglass_bench.bench.progress import progress
from hourglass_bench.bench.training.device_frames import to_device
from hourglass_bench.bench.training.setup import prepare
from hourglass_bench.bench.training.train import train
from hourglass_bench.reports.analysis.claims import Claim, arms
from hourglass_bench.reports.analysis.nested import VAL, nested, val_fold
from hourglass_bench.reports.analysis.statistics import compare, verdict
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, by_validation, statistic
from hourglass_bench.reports.analysis.verified import COLUMNS, SCENE
from hourglass_bench.reports.store.load import DATA_FOLDS, REPEAT, SPLIT, Study

CPU = torch.device("cpu")
SIDE, WIDE, ELSEWHERE, DARK = 16, 40, 1 / 8, 0.3
"""Pixels of a frame's side and of the picture that it is cut from; the share of frames that look beside the dancers,
and how bright all but the dancers is: the task must be learnt in seconds."""
SCENES, FRESH, FRAMES = 25, 10, 2
"""Scenes of a study, those that no repeat sees, and frames of each."""
MOST = 100_000
"""Studies of a seed."""
REPEATS = (5, 3)
"""A study is judged as it is, and cut to its first three repeats."""
ARMS = {
    name: configure(architecture, (width, 2 * width), norm="batch")
    for name, architecture, width in (
        ("unet", "unet", 4),
        ("twin", "unet_twin", 4),
        ("hourglass", "hourglass", 4),
        ("wide hourglass", "hourglass", 8),
    )
}
LEADS = ("better", "worse", "ahead", "behind")
"""Verdicts by which one of two is the better one."""
PAIRS = {"A/A": ("unet", "twin"), "A/B": ("unet", "hourglass")}
TRAINING = TrainingConfig(epochs=12, batch_size=10, lr=4e-2, precision="fp32", **dict.fromkeys(AUGMENTATION, 0.0))


class Outcome(NamedTuple):
    """What the trainings of a study left behind."""

    scenes: pd.DataFrame
    """A row per tested scene of every run: arm, repeat, fold and the columns of all test metrics."""
    runs: pd.DataFrame
    """A row per run: arm, repeat, fold, state, best validation IoU, and IoU on the scenes that no repeat saw."""


def draw(number: int, scenes: int) -> Frames:
    """Scenes that no other number has. In some frames the dancers are out of sight, as masks are empty in reality."""
    drawn = generate(scenes=scenes, frames_per_scene=FRAMES, size=(SIDE, WIDE), seed=number)
    beside = np.random.default_rng(number).random(len(drawn.stems)) < ELSEWHERE
    cuts = [slice(left, left + SIDE) for left in np.where(beside, 0, (WIDE - SIDE) // 2)]
    masks = np.stack([mask[:, cut] for mask, cut in zip(drawn.masks, cuts, strict=True)])
    images = np.stack([image[:, cut] for image, cut in zip(drawn.images, cuts, strict=True)])
    lit = (images * (DARK + (1 - DARK) * masks[..., None] / 255)).astype(np.uint8)
    return drawn._replace(images=lit, masks=masks, original_sizes=np.full((len(cuts), 2), SIDE))


def train_study(study: int, seed: int, training: TrainingConfig = TRAINING) -> Outcome:
    """Draw and train one study. Its repeats have numbers of their own, and so initial weights, order and folds."""
    number = seed * MOST + study
    frames, fresh = draw(2 * number, SCENES), draw(2 * number + 1, FRESH)
    dataset, unseen = Dataset(frames, content_digest(frames), Reading(), ()), to_device(fresh, CPU)
    data, every = DataConfig(size=(SIDE, SIDE)), np.arange(len(fresh.stems))
    scenes, runs = [], []
    for repeat in range(number * data.folds, number * data.folds + max(REPEATS)):
        for arm, network in ARMS.items():
            config = RunConfig(architecture=network, data=data, training=training, repeat=repeat)
            setup = prepare(config, Path(), CPU, dataset)
            found = train(setup.trainer, setup.data, setup.split, lambda _: None)
            assert found.best is not None
            setup.trainer.network.load_state_dict(found.best_state)
            run = {"arm": arm, REPEAT: repeat, schema.FOLD: config.fold}
            test, new = setup.split.test, torch.from_numpy(every)
            probability = setup.trainer.predict(setup.data, torch.from_numpy(test)).squeeze(1).numpy()
            scenes.append(_means(probability, frames, test).assign(**run))
            score = _means(setup.trainer.predict(unseen, new).squeeze(1).numpy(), fresh, every)["iou"].mean()
            runs.append({**run, schema.STATE: found.state, VAL.name: found.best.val_iou, "fresh": score})
    return Outcome(pd.concat(scenes, ignore_index=True), pd.DataFrame(runs))


def _means(probability: np.ndarray, frames: Frames, indices: np.ndarray) -> pd.DataFrame:
    """Scene means of all test metrics."""
    table = frame_table(probability, frames, indices)[[*COLUMNS]]
    return table.groupby(np.array(frames.scenes)[indices]).mean().rename_axis(SCENE).reset_index()


def summarise(outcome: Outcome, repeats: int) -> Summary:
    """The first repeats of a study as what a report is made from; the arms are the configurations."""
    first = sorted(outcome.runs[REPEAT].unique())[:repeats]
    scenes, runs = (
        table[table[REPEAT].isin(first)].assign(**{CONFIGURATION: table["arm"].map(list(ARMS).index)})
        for table in outcome
    )
    runs = runs[runs[schema.STATE] == "complete"]
    scenes = scenes.merge(runs[[CONFIGURATION, REPEAT]]).assign(**{schema.SPLIT_DIGEST: "", schema.DATA_DIGEST: ""})
    of_arm = runs.groupby(CONFIGURATION)
    table = pd.DataFrame({N: of_arm.size(), statistic(VAL, "mean"): of_arm[VAL.name].mean()}).reset_index()
    table = table.assign(
        **{SPLIT: "scene_folds", DATA_FOLDS: DataConfig().folds, statistic(schema.TENSOR_PEAK, "mean"): 0}
    )
    nothing = table.iloc[:0]
    unread = cast("Study", None)  # nothing that is asked here looks at the store
    return Summary(
        study=unread,
        runs=runs,
        search=nothing,
        tuning=nothing,
        configurations=table,
        best=nothing,
        scenes=scenes,
        refused={},
        others={},
    )


def judge(outcome: Outcome) -> pd.DataFrame:
    """A row per pair, number of repeats and metric: difference, both intervals and a single claim's verdict."""
    rows = []
    for repeats in REPEATS:
        summary = summarise(outcome, repeats)
        of_arm = {list(ARMS)[row[CONFIGURATION]]: row for _, row in summary.configurations.iterrows()}
        for pair, (first, second) in PAIRS.items():
            claim = Claim(pair, of_arm[first], of_arm[second], 1.0)
            for metric in schema.TEST_METRICS:
                assert metric.margin is not None
                assert metric.better != "none"
                found = compare(*arms(summary, claim, metric), folds=int(claim.a[DATA_FOLDS]))
                said = verdict(found.interval, repeats=found.repeats, margin=metric.margin, direction=metric.better)
                bounds = (*found.interval, *found.scene_interval)
                rows.append((pair, repeats, metric.column, found.difference, *bounds, said))
    names = ["pair", "repeats", "metric", "difference", "low", "high", "scenes_low", "scenes_high", "verdict"]
    return pd.DataFrame(rows, columns=names)


def choose(outcome: Outcome) -> dict[str, float]:
    """IoU of what validation chooses among all arms, less what it scores on scenes that no repeat saw.

    From each the same difference of the mean arm is taken, which knows of no choice: what is left is the choice's.
    `all`: chosen and tested as the best of all is; `nested`: scored by `nested`; `last fold`: chosen by one repeat,
    the one that validates on the last fold.
    """
    summary = summarise(outcome, max(REPEATS))
    table, folds = summary.configurations, DataConfig().folds
    test = summary.scenes.groupby([CONFIGURATION, schema.FOLD])["iou"].mean().groupby(CONFIGURATION).mean()
    fresh = summary.runs.groupby(CONFIGURATION)["fresh"].mean()
    luck = test - fresh
    row = by_validation(table).iloc[0]
    best, score = int(row[CONFIGURATION]), nested(summary, row, table)
    assert score is not None
    last = summary.runs[val_fold(summary.runs[REPEAT], folds) == folds - 1].set_index(CONFIGURATION)[VAL.name].idxmax()
    own = {"all": luck[best], "nested": score.iou - fresh[best], "last fold": luck[last]}
    return {chosen: float(value - luck.mean()) for chosen, value in own.items()}


def kept(folder: Path, study: int, seed: int) -> Outcome:
    """The study, trained if the folder does not have it yet."""
    file = folder / f"seed-{seed}-study-{study:05}.json"
    if not file.exists():
        outcome = train_study(study, seed)
        with replacing(file) as temporary:
            temporary.write_text(json.dumps({name: table.to_dict("list") for name, table in outcome._asdict().items()}))
    return Outcome(**{name: pd.DataFrame(columns) for name, columns in json.loads(file.read_text()).items()})


def coverage(judged: pd.DataFrame) -> pd.DataFrame:
    """What `judge` says of many studies -> a row per metric and number of repeats: shares, and what is true."""
    sizes = judged.groupby(["pair", "repeats", "metric"], sort=False)["difference"]
    judged = judged.assign(true=sizes.transform("mean").where(judged["pair"] != "A/A", 0.0))
    rows = []
    for (repeats, metric), both in judged.groupby(["repeats", "metric"], sort=False):
        row: dict[str, object] = {"metric": metric, "repeats": repeats}
        for pair, own in both.groupby("pair"):
            row[f"{pair} covered"] = own["true"].between(own["low"], own["high"]).mean()
            row[f"{pair} covered over scenes"] = own["true"].between(own["scenes_low"], own["scenes_high"]).mean()
            row[f"{pair} said to differ"] = own["verdict"].isin(LEADS).mean()
            row[f"{pair} width"] = (own["high"] - own["low"]).mean()
            row[f"{pair} difference"] = own["difference"].mean()
            row[f"{pair} error"] = own["difference"].sem()
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """What `coverage` found, a row per metric; each cell has the whole studies / the cut ones."""
    shares = [f"{pair} {what}" for what in ("covered", "covered over scenes", "said to differ") for pair in PAIRS]
    columns = [*shares, "A/A width", "A/B difference"]
    lines = [f"| metric | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for metric, own in table.groupby("metric", sort=False):
        cells = [
            " / ".join(f"{value:.1%}" if name in shares else f"{value:.3f}" for value in own[name]) for name in columns
        ]
        lines.append(f"| {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train what is missing, judge all, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=400, help="number of studies")
    parser.add_argument("--seed", type=int, default=0, help="of scenes, initial weights and order")
    parser.add_argument("--out", type=Path, required=True, help="folder of the studies and of table.json")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    make_folder(asked.out)
    each = (kept(asked.out, study, asked.seed) for study in range(asked.studies))
    studies = list(progress(each, "training studies", asked.studies))
    table = coverage(pd.concat(map(judge, studies)))
    bias = pd.DataFrame(map(choose, studies)).agg(["mean", "sem"])
    runs = pd.concat(study.runs for study in studies)
    learnt = runs.groupby("arm", sort=False)[[VAL.name, "fresh"]].mean()
    states = runs[schema.STATE].value_counts().to_dict()
    found = {"studies": asked.studies, "seed": asked.seed, "states": states, "iou": learnt.to_dict("index")}
    found |= {"bias": bias.to_dict(), "metrics": table.to_dict("records")}
    with replacing(asked.out / "table.json") as temporary:
        temporary.write_text(json.dumps(found, indent=1))
    print(markdown(table), bias.to_string(), learnt.to_string(), sep="\n\n", end="\n\n")
    error = (0.05 * 0.95 / asked.studies) ** 0.5
    print(
        f"{asked.studies} studies of seed {asked.seed}, {states}; a share of 5 % has a standard error of {error:.1%}."
    )


if __name__ == "__main__":
    main()
