"""Learning rates that are tuned before a comparison, by successive halving on validation scenes alone.

A rate that suits one network can be wrong for another by more than the networks differ. So a short ladder of rates is
climbed first, with equal budgets for every group of networks that are alike but for their widths: in each rung the
better half of the rates goes on, for more epochs, and the study's own always does. One training says little, so that
the study's own rate stays unless another is clearly ahead. The largest network of a group is trained for all of them.
What was decided once stays, whatever is done again later: repeats of one network never mix rates.
"""

import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import DataConfig, RunConfig
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.schema import Stage
from hourglass_bench.studies.unit import Planned, Unit, params

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from hourglass_bench.studies.stages import Trials

STAGE: Stage = "tuning"
FACTOR = 4
"""Most that the parameters of networks of one group differ by."""
LR = "lr"
"""Factor of a tuning unit: its learning rate."""
CLEARLY = 0.03
"""Validation IoU by which another rate must be ahead of the study's own: half as much again as trainings of other
initial weights differ by (0.018, the standard deviation over folds of the study `aa`)."""
DECIDED = "decided"
"""Attribute of the stage's Optuna study: rung -> group -> the rates that go on from there, the best first."""


class Rung(NamedTuple):
    """Budget of each training, so that every rate and every group has the same."""

    share: float
    """Of the study's epochs."""
    least: int
    """Epochs, if the study has as many."""

    def epochs(self, of_study: int) -> int:
        """Epochs of a whole schedule of its own."""
        return min(of_study, max(self.least, math.ceil(self.share * of_study)))


RUNGS = (Rung(1 / 4, 3), Rung(1 / 2, 5))
"""Shorter trainings put rates first that lose over the whole schedule."""


def ladder(lr: float) -> tuple[float, ...]:
    """Rates half a decade apart around a study's own, the others rounded to a digit: of 0.01 0.001, 0.003 and 0.03."""
    return (*(float(f"{rate:.0e}") for rate in (lr / 10, lr / 3)), lr, float(f"{3 * lr:.0e}"))


def repeat_that_tunes(data: DataConfig) -> int:
    """The one that validates on the last fold, whose scenes are tested only if there are as many repeats as folds.

    In a hold-out, or a split that is given, no repeat validates on what any of them tests.
    """
    return data.folds - 2 if data.split in ("scene_folds", "random_frames") else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Networks that share the rate that the largest of them likes best."""

    name: str
    members: tuple[Unit, ...]
    """Their units of repeat 0, the largest network's first."""
    ladder: tuple[float, ...]

    @property
    def largest(self) -> Unit:
        """Of the network that is tuned."""
        return self.members[0]

    @property
    def key(self) -> str:
        """Identity of what is tuned, whatever else the study plans."""
        return digest(self.largest.key, *self.ladder)

    @property
    def own_rate(self) -> float:
        """The study's, if none is chosen."""
        return self.largest.config.training.lr

    def keys(self, rung: int) -> list[str]:
        """Of the rung's units, known before its rates are: each has half as many as the one before."""
        return [f"{self.key}-{rung}-{place}" for place in range(math.ceil(len(self.ladder) / 2**rung))]

    def units(self, rung: int, rates: Sequence[float]) -> list[Unit]:
        """A training of the largest network at each of the rates."""
        config, epochs = self.largest.config, self.epochs(rung)
        repeat = repeat_that_tunes(config.data)
        return [
            Unit(
                name=key,
                config=replace(config, repeat=repeat, training=replace(config.training, lr=rate, epochs=epochs)),
                factors={**self.largest.factors, "repeat": repeat, "rung": rung, LR: rate},
                stage=STAGE,
                group=self.name,
            )
            for key, rate in zip(self.keys(rung), rates, strict=True)
        ]

    def epochs(self, rung: int) -> int:
        """Of each of the rung's trainings."""
        return RUNGS[rung].epochs(self.largest.config.training.epochs)


def make_groups(units: Sequence[Unit], rates: tuple[float, ...]) -> list[Group]:
    """The networks of a comparison, given by its units of repeat 0, in groups; those that cannot be are in none."""
    if not rates:
        return []
    kinds: dict[object, list[Unit]] = {}
    for unit in units:
        if params(unit.config):
            kinds.setdefault(_without_widths(unit.config), []).append(unit)
    grouped = [members for kind in kinds.values() for members in _of_similar_size(kind)]
    return [
        Group(name=name, members=members, ladder=rates) for name, members in zip(_names(grouped), grouped, strict=True)
    ]


def _without_widths(config: RunConfig) -> object:
    """Equal for trainings whose networks differ in their widths alone."""
    return config.architecture.family, config.data, config.training, config.repeat


def _of_similar_size(units: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """From the largest network on, each with all that have at least a quarter of its parameters."""
    waiting = sorted(units, key=lambda unit: params(unit.config), reverse=True)
    while waiting:
        least = params(waiting[0].config) / FACTOR
        members = tuple(unit for unit in waiting if params(unit.config) >= least)
        yield members
        waiting = waiting[len(members) :]


def _names(groups: Sequence[Sequence[Unit]]) -> list[str]:
    """Such as `unet depth 3, width 6 to 12`; to a name that several have is added what tells them apart."""
    names = [_name(members) for members in groups]
    for factor in dict.fromkeys(factor for members in groups for unit in members for factor in unit.factors):
        names = _told_apart(names, [_common(factor, members) for members in groups])
    return _told_apart(names, [f"{_span([params(unit.config) for unit in of])} parameters" for of in groups])


def _told_apart(names: Sequence[str], details: Sequence[str]) -> list[str]:
    """Names with their detail, where several of one name differ in it."""
    pairs = list(zip(names, details, strict=True))
    different = Counter(name for name, _ in set(pairs))
    return [f"{name}, {detail}" if detail and different[name] > 1 else name for name, detail in pairs]


def _name(members: Sequence[Unit]) -> str:
    networks = [unit.config.architecture for unit in members]
    name = networks[0].name.rpartition(":")[2]
    depth, widths = networks[0].depth, [network.base_width for network in networks if network.base_width is not None]
    levels = "" if depth is None else f" depth {depth}"
    return f"{name}{levels}, width {_span(widths)}" if widths else f"{name}{levels}"


def _common(factor: str, members: Sequence[Unit]) -> str:
    """The value of a factor, if all have the same; else empty."""
    values = {unit.factors.get(factor) for unit in members}
    return f"{factor.replace('_', ' ')} {values.pop()}" if len(values) == 1 else ""


def _span(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return str(most) if least == most else f"{least} to {most}"


def plan(groups: Sequence[Group]) -> dict[str, Planned]:
    """Every unit of the stage, known before the rates are of all but the first rung."""
    return {
        key: Planned(STAGE, group.largest.config.architecture.name)
        for rung in range(len(RUNGS))
        for group in groups
        for key in group.keys(rung)
    }


def tune(groups: Sequence[Group], study: "optuna.Study") -> Generator[list["Trials"], None, dict[str, float]]:
    """Climb the ladder: yields the trials of each rung, and returns the rate of each group by its key.

    Args:
        study: Optuna's, of the stage. It keeps what was decided.
    """
    from hourglass_bench.studies.stages import FixedTrials

    rates = {group.key: list(group.ladder) for group in groups}
    for rung in range(len(RUNGS)):
        yield [FixedTrials(study, [unit for group in groups for unit in group.units(rung, rates[group.key])], STAGE)]
        rates = _decide(groups, rung, study)
    return {key: best for key, (best, *_) in rates.items()}


def at_rates(units: Sequence[Unit], groups: Sequence[Group], rates: Mapping[str, float]) -> list[Unit]:
    """A comparison's units, each at the rate of its network's group, under the key that it has at the study's own."""
    of_network = {unit.config: group for group in groups for unit in group.members}
    tuned = []
    for unit in units:
        group = of_network.get(replace(unit.config, repeat=0))
        if group is None:
            tuned.append(unit)
            continue
        training = replace(unit.config.training, lr=rates[group.key])
        config = replace(unit.config, training=training)
        tuned.append(replace(unit, name=unit.key, config=config, group=group.name))
    return tuned


def _decide(groups: Sequence[Group], rung: int, study: "optuna.Study") -> dict[str, list[float]]:
    """Rates of each group that go on from a rung whose units have all ended, the best first; from the last rung one."""
    from hourglass_bench.studies.storage import UNIT, ended

    decided: dict[str, dict[str, list[float]]] = study.user_attrs.get(DECIDED, {})
    of_rung = decided.get(str(rung), {})
    trials = {trial.user_attrs[UNIT]: trial for trial in ended(study)}
    new = {
        group.key: _go_on(group, rung, [trials[key] for key in group.keys(rung)])
        for group in groups
        if group.key not in of_rung
    }
    of_rung = of_rung | new
    if new:
        study.set_user_attr(DECIDED, decided | {str(rung): of_rung})
    return of_rung


def _go_on(group: Group, rung: int, trials: Sequence["FrozenTrial"]) -> list[float]:
    """The better half by the best validation IoU, among it the study's own rate; in the end that, or a better one."""
    ranked = sorted(trials, key=lambda trial: (-_val_iou(trial), abs(math.log(trial.params[LR] / group.own_rate))))
    rates: list[float] = [trial.params[LR] for trial in ranked]
    if rung + 1 < len(RUNGS):
        better = rates[: len(group.keys(rung + 1))]
        return better if group.own_rate in better else [*better[:-1], group.own_rate]
    best, own = _val_iou(ranked[0]), _val_iou(ranked[rates.index(group.own_rate)])
    chosen = rates[0] if best > own + CLEARLY else group.own_rate
    scores = ", ".join(f"{_val_iou(trial):.3f} at {trial.params[LR]:g}" for trial in ranked if _val_iou(trial) >= 0)
    scores = (
        f"validation IoU {scores} after {group.epochs(rung)} epochs" if scores else "no training beat all foreground"
    )
    cli.say(f"learning rate of {group.name}: {chosen:g} ({scores})")
    return [chosen]


def _val_iou(trial: "FrozenTrial") -> float:
    """The objective; less than any of a training that did not complete, or is no better than all foreground.

    Which of two rates is the better one for what does not learn, chance decides.
    """
    from hourglass_bench.studies import storage

    outcome = storage.outcome(trial)
    (value,) = outcome["values"] or (-math.inf,)
    return float(value) if value > outcome["floor"] else -math.inf
