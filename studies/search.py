"""Searches: as many sampler-chosen trials for every architecture, then, if asked for, the winners' refits.

Each architecture is searched on its own, in a space of its own; those of one space start from the same samples, and
none is helped or hurt by trials of another.
Search trials see validation scenes of repeat 0 only; a refit is a new training with another repeat, and it alone looks
at test scenes. Under `scene_holdout` no search trial has trained on them either.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from hourglass_bench.architectures.config import require
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.stored_config import identity
from hourglass_bench.studies.spaces import encoder_decoder_space, training_space
from hourglass_bench.studies.study import Study
from hourglass_bench.studies.unit import Planned, Setting, Unit

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage

    from hourglass_bench.studies.stages import Trials

Space = Callable[[], "Mapping[str, BaseDistribution]"]
"""Distributions by the names of what is sampled; Optuna is imported when they are asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Search(Study):
    """A study that samples hyperparameters: of each architecture its own options, and how it is trained."""

    architectures: tuple[str, ...]
    """Ours, or references to networks from elsewhere, as `--arch` takes them."""
    trials: int
    """Search trials of each architecture."""
    distributions: Space = encoder_decoder_space
    """What is sampled of the architectures that are built here: depth, base_width, growth and norm."""
    spaces: Mapping[str, Space] = field(default_factory=dict)
    """What is sampled of others, by their names, each option under its own; without it the `space` of their spec."""
    objectives: tuple[schema.Metric, ...] = (schema.BEST_VAL_IOU,)
    """With one, unpromising trials are pruned; with several, the Pareto front is the result."""
    sampler_seed: int = 0

    @override
    def planned(self, setting: Setting) -> dict[str, Planned]:
        searched = {
            _trial_name(architecture, number): Planned("search", architecture)
            for number in range(self.trials)
            for architecture in self.architectures
        }
        refits = {
            _refit_name(architecture, repeat): Planned("comparison", architecture)
            for repeat in _refit_repeats(setting)
            for architecture in self.architectures
        }
        return searched | refits

    @override
    def among(self, architectures: Sequence[str]) -> "Search":
        chosen = tuple(dict.fromkeys(architectures))
        study = replace(self, architectures=chosen, question=f"{self.question} Searched here: {', '.join(chosen)}.")
        for name in chosen:
            study.space_of(name)
        return study

    def space_of(self, architecture: str) -> "dict[str, BaseDistribution]":
        """What is sampled of an architecture and of its training.

        Raises:
            ValueError: there is no such architecture, it does not segment, or nobody says what its options may be.
        """
        from hourglass_bench.architectures.registry import get_spec

        spec = get_spec(architecture)
        require(not spec.reconstructs, "architectures of a search", "segment", architecture)
        own = self.spaces.get(architecture) or (self.distributions if spec.origin == "here" else spec.space)
        if own is None:
            raise ValueError(
                f"architecture {architecture} must have a search space, `spaces` of a Search in a study's own file or "
                "`space` of its ArchitectureSpec, got neither."
            )
        return {**own(), **training_space()}

    @override
    def space(self) -> str:
        from optuna.distributions import distribution_to_json

        def spelled(space: "Mapping[str, BaseDistribution]") -> list[tuple[str, str]]:
            return sorted((name, distribution_to_json(distribution)) for name, distribution in space.items())

        here = spelled({**self.distributions(), **training_space()})
        found = {name: spelled(self.space_of(name)) for name in self.architectures}
        others = [entry for entry in found.items() if entry[1] != here]
        objectives = [schema.OLD_NAMES.get(metric.name, metric.name) for metric in self.objectives]
        training = identity(replace(self.training, epochs=1), "training.")
        # As version 3 wrote it, whose searches go on.
        fixed = ", ".join(f"{name.removeprefix('training.')}={value!r}" for name, value in training.items())
        sizes = self.trials, self.repeats, self.sampler_seed
        return digest(here, self.architectures, *sizes, objectives, f"TrainingConfig({fixed})", *others)

    @override
    def configs(self, setting: Setting) -> list[RunConfig]:
        from optuna.samplers import RandomSampler
        from optuna.study import create_study

        sampler = RandomSampler(seed=self.sampler_seed)
        return [
            self.configure(architecture, create_study(sampler=sampler).ask(space).params, setting)
            for architecture, space in ((name, self.space_of(name)) for name in self.architectures)
        ]

    @override
    def stage_names(self) -> list[str]:
        searches = [self._stage_name(architecture) for architecture in self.architectures]
        return [*searches, self.name] if self.repeats else searches

    @override
    def rounds(self, setting: Setting, storage: "BaseStorage") -> Iterator[list["Trials"]]:
        from hourglass_bench.studies.stages import FixedTrials
        from hourglass_bench.studies.storage import create

        searches = {name: self._search(name, setting, storage) for name in self.architectures}
        yield list(searches.values())
        if setting.repeats:
            winners = {name: self._winner(name, trials.study, setting) for name, trials in searches.items()}
            refits = [
                Unit(
                    name=_refit_name(name, repeat),
                    config=replace(config, repeat=repeat),
                    factors={"architecture": name, "repeat": repeat},
                )
                for repeat in _refit_repeats(setting)
                for name, config in winners.items()
                if config is not None
            ]
            yield [FixedTrials(create(storage, self.name, [schema.BEST_VAL_IOU]), refits)]

    def configure(self, architecture: str, params: Mapping[str, Any], setting: Setting) -> RunConfig:
        """The configuration that sampled hyperparameters stand for."""
        from hourglass_bench.architectures.registry import configure

        of_training = training_space().keys()
        training = replace(setting.training, **{name: params[name] for name in of_training})
        own = {name: value for name, value in params.items() if name not in of_training}
        return RunConfig(architecture=configure(architecture, **own), data=setting.data, training=training)

    def _search(self, architecture: str, setting: Setting, storage: "BaseStorage") -> "Trials":
        from optuna.pruners import HyperbandPruner

        from hourglass_bench.studies.stages import SampledTrials
        from hourglass_bench.studies.storage import create

        pruner = HyperbandPruner(max_resource=setting.training.epochs)
        return SampledTrials(
            create(storage, self._stage_name(architecture), self.objectives, pruner),
            [_trial_name(architecture, number) for number in range(self.trials)],
            lambda params: self.configure(architecture, params, setting),
            objectives=self.objectives,
            distributions=self.space_of(architecture),
            sampler_seed=self.sampler_seed,
        )

    def _winner(self, architecture: str, study: "optuna.Study", setting: Setting) -> RunConfig | None:
        """Configuration of the trial with the best validation IoU; None if no trial completed."""
        from hourglass_bench.studies.storage import ended

        complete = [trial for trial in ended(study) if trial.state.name == "COMPLETE"]
        if not complete:
            cli.say(f"no search trial of {architecture} completed, so its {setting.repeats} refits cannot be made")
            return None
        best = max(complete, key=lambda trial: trial.values[0])
        return self.configure(architecture, best.params, setting)

    def _stage_name(self, architecture: str) -> str:
        return f"{self.name}/{architecture}"


def _refit_repeats(setting: Setting) -> range:
    """The search itself has repeat 0."""
    return range(1, setting.repeats + 1)


def _trial_name(architecture: str, number: int) -> str:
    return f"{architecture}-{number:03d}"


def _refit_name(architecture: str, repeat: int) -> str:
    return f"{architecture}-refit-{repeat}"
