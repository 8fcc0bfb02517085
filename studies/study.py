"""What a study is: a name, a question, and the units it plans, by one of two kinds.

A `Factorial` lists its units, each a complete RunConfig, and repeats them. A `Search` (studies/search.py) plans as many
trials for every architecture and lets a sampler choose their hyperparameters. Importing this module, and listing the
catalogue, imports neither torch nor optuna nor mlflow.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from hourglass_bench.architectures.bounds import Bounds
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.schema import OBJECTIVES, Stage
from hourglass_bench.bench.stored_config import located
from hourglass_bench.studies import tuning
from hourglass_bench.studies.spaces import Plan
from hourglass_bench.studies.unit import Planned, Setting, Unit, count_planned, macs

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

    from hourglass_bench.studies.stages import Trials


@dataclass(frozen=True, kw_only=True, slots=True)
class Study(ABC):
    """A named question and how it is asked."""

    name: str = ""
    """What it is called; of a study in a user's own file it is the file's stem."""
    question: str
    """One line for `studies list` and the report."""
    size: int
    """Side of the square frames in pixels."""
    training: TrainingConfig
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the DataConfig that the study sets, beside path and size."""
    repeats: int
    """Of every unit, or of the refits of a search: 0 if it has none. Whoever runs the study can ask for others."""
    first_repeats: int | None = None
    """What these were before version 8, if others: stored studies keep them, and the space is known by them."""
    tunes: bool = False
    """Whether the learning rate is tuned before the comparison, for each group of similar networks."""
    memory_budget: str = "auto"
    """Largest predicted tensor peak, for example `64MiB`; `auto` is what the device has."""

    def setting(
        self, *, epochs: int | None = None, repeats: int | None = None, tune: bool = True, **data: Any
    ) -> Setting:
        """The study with its own epochs, repeats and fields of the DataConfig or, where they are given, other ones.

        Args:
            tune: Whether the learning rate is tuned, if the study tunes it.

        Raises:
            ValueError: a field's value is wrong, the split another one than the study needs, or the study repeats
                nothing.
        """
        if repeats is not None and not self.repeats:
            raise ValueError(f"study {self.name} must be run without --repeats: it refits no winner, got {repeats}.")
        if repeats is not None:
            Bounds(1, 100, "since each trains every unit").require("repeats", repeats)
        needed, split = self.data.get("split"), data.get("split")
        if split and needed and split != needed:
            raise ValueError(f"study {self.name} must keep its split, {needed}, got {split}.")
        training = self.training if epochs is None else replace(self.training, epochs=epochs)
        chosen = DataConfig(**{"size": (self.size, self.size), **self.data, **data})
        ladder = tuning.ladder(training.lr) if tune and self.tunes else ()
        return Setting(chosen, training, self.repeats if repeats is None else repeats, ladder=ladder)

    def among(self, architectures: Sequence[str]) -> "Study":
        """The study of other architectures, where they are no part of its question.

        Raises:
            ValueError: they are, or one of them cannot be studied so.
        """
        raise ValueError(
            f"study {self.name} must be run without --archs, which is for searches, got {' '.join(architectures)}."
        )

    @abstractmethod
    def planned(self, setting: Setting) -> dict[str, Planned]:
        """Every unit that is to have an outcome, in order."""

    @abstractmethod
    def space(self) -> str:
        """Digest of what is varied, whatever the setting."""

    @abstractmethod
    def configs(self, setting: Setting) -> list[RunConfig]:
        """Of every unit; where they are sampled, one of each architecture."""

    def examples(self, setting: Setting) -> list[RunConfig]:
        """A few configurations, small and large, by which speed is judged."""
        configs = {config.architecture: config for config in self.configs(setting)}.values()
        ranked = sorted((config for config in configs if macs(config)), key=macs)
        return [ranked[place] for place in sorted({0, len(ranked) // 2, 9 * len(ranked) // 10})] if ranked else []

    def splits(self, setting: Setting) -> set[tuple[DataConfig, int]]:
        """Every way in which units split the data: by their fields and repeat."""
        return {(setting.data, 0)}

    @abstractmethod
    def stage_names(self) -> list[str]:
        """Names of the Optuna studies that hold the trials."""

    @abstractmethod
    def rounds(self, setting: Setting, storage: "BaseStorage") -> Iterator[list["Trials"]]:
        """What runs side by side, round after round; a round may depend on the outcomes of those before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Factorial(Study):
    """A study that lists its units, each of which has every repeat: so every comparison is paired."""

    plan: Plan
    """What is repeated, see also `studies.spaces.each`."""

    def units(self, setting: Setting) -> list[Unit]:
        """The plan with every repeat, which is also a factor; all of repeat 0 first: a stop leaves pairs."""
        path, known_as = setting.data.path, setting.known_as or setting.data.path
        once = self.plan(replace(setting.data, path=known_as), setting.training)
        units = [
            replace(unit, config=replace(unit.config, repeat=repeat), factors={**unit.factors, "repeat": repeat})
            for repeat in range(setting.repeats)
            for unit in once
        ]
        if known_as == path:
            return units
        return [replace(unit, name=unit.key, config=located(unit.config, path)) for unit in units]

    def groups(self, setting: Setting) -> list[tuning.Group]:
        """The compared networks in groups that share a tuned learning rate; none if none is tuned."""
        once = self.units(setting._replace(repeats=1))
        return tuning.make_groups([unit for unit in once if unit.stage == "comparison"], setting.ladder)

    @override
    def planned(self, setting: Setting) -> dict[str, Planned]:
        units = {unit.key: Planned(unit.stage, unit.config.architecture.name) for unit in self.units(setting)}
        return tuning.plan(self.groups(setting)) | units

    @override
    def space(self) -> str:
        once = self.setting(path="", epochs=1, repeats=self.first_repeats, tune=False)
        return digest(*self.planned(once))

    @override
    def configs(self, setting: Setting) -> list[RunConfig]:
        return [unit.config for unit in self.units(setting)]

    @override
    def splits(self, setting: Setting) -> set[tuple[DataConfig, int]]:
        tuned = [unit for group in self.groups(setting) for unit in group.units(0, group.ladder)]
        return {(unit.config.data, unit.config.repeat) for unit in (*tuned, *self.units(setting))}

    @override
    def stage_names(self) -> list[str]:
        planned = count_planned(self.planned(self.setting(path="")))
        return [self._stage_name(stage) for stage in planned]

    @override
    def rounds(self, setting: Setting, storage: "BaseStorage") -> Iterator[list["Trials"]]:
        from hourglass_bench.studies.stages import FixedTrials
        from hourglass_bench.studies.storage import create

        def optuna_study(stage: Stage) -> "optuna.Study":
            return create(storage, self._stage_name(stage), [OBJECTIVES[stage]])

        units, groups = self.units(setting), self.groups(setting)
        if groups:
            rates = yield from tuning.tune(groups, optuna_study(tuning.STAGE))
            units = tuning.at_rates(units, groups, rates)
        yield [FixedTrials(optuna_study(stage), of_stage, stage) for stage, of_stage in _by_stage(units).items()]

    def _stage_name(self, stage: Stage) -> str:
        return self.name if stage == "comparison" else f"{self.name}/{stage}"


def _by_stage(units: Sequence[Unit]) -> dict[Stage, list[Unit]]:
    stages: dict[Stage, list[Unit]] = {}
    for unit in units:
        stages.setdefault(unit.stage, []).append(unit)
    return stages
