"""A study's status for people: a table that stays in place on a terminal, one line per event elsewhere."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hourglass_bench.bench import terminal
from hourglass_bench.bench.commands import cli
from hourglass_bench.studies import retry, times
from hourglass_bench.studies.status import Status
from hourglass_bench.studies.unit import Planned

REFRESH_PER_SECOND = 2


def render(status: Status, left: str = "", of: Callable[[str], Text] = Text) -> RenderableType:
    """Counts, the trials that run, and how each architecture is doing.

    Args:
        of: Makes the line of counts.
    """
    counts = [f"{count} {state.replace('_', ' ')}" for state, count in status.states.items() if count]
    line = ", ".join([*counts, f"{len(status.running)} running", f"{status.waiting} waiting"])
    head = of(f"{status.study}: {len(status.outcomes)} of {len(status.units)} units ended ({line}){left}")
    parts: list[RenderableType] = [head, *map(Text, (*retry.advice(status.states), *status.missing.advice()))]
    if any((spent := status.time).values()):
        parts.append(Text(_time_line(spent)))
    if status.running:
        parts.append(_running_table(status))
    parts.append(_architecture_table(status))
    return Group(*parts)


def _time_line(spent: Mapping[str, float]) -> str:
    """`time: 12 min, training 84 %, idle 9 %`, the largest first; what is below half a percent is left out."""
    whole = sum(spent.values())
    shares = sorted(((seconds / whole, name) for name, seconds in spent.items()), reverse=True)
    shown = [f"{times.LABELS.get(name, name)} {100 * share:.0f} %" for share, name in shares if share >= 0.005]
    return ", ".join([f"time: {duration(whole)}", *shown])


def _running_table(status: Status) -> Table:
    table = Table("running", "epoch", "val IoU", "elapsed", "left", "last sign", box=None, padding=(0, 2, 0, 0))
    for trial in status.running:
        iou = "" if trial.val_iou is None else f"{trial.val_iou:.3f}"
        left = "" if trial.seconds_left is None else duration(trial.seconds_left)
        sign = "" if trial.silent is None else f"{duration(trial.silent)} ago"
        table.add_row(trial.name, f"{trial.epoch}/{trial.epochs}", iou, duration(trial.seconds), left, sign)
    return table


def _architecture_table(status: Status) -> Table:
    table = Table("architecture", "stage", "ended", "best val IoU", "of", box=None, padding=(0, 2, 0, 0))
    best = status.best
    for stage, architectures in status.planned_units.items():
        for architecture, (ended, planned) in architectures.items():
            one = best.get(Planned(stage, architecture))
            shown = ("", "") if one is None else (f"{one.val_iou:.3f}", one.name)
            table.add_row(architecture.rpartition(":")[2], stage, f"{ended}/{planned}", *shown)
    return table


def to_text(status: Status) -> str:
    """What `hourglass-bench status` prints."""
    console = Console(width=120, force_terminal=False, color_system=None)  # who prints it knows about colour
    with console.capture() as capture:
        console.print(render(status))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


class Display:
    """Shows what the driver tells it. `status` is asked whenever the picture is drawn."""

    def __init__(self, status: Callable[[], Status], time_left: Callable[[], float | None]) -> None:
        self._status = status
        self._time_left = time_left
        self._console = Console(stderr=True, no_color=not terminal.is_wanted(sys.stderr))
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if terminal.is_live(sys.stderr):
            self._live = Live(
                get_renderable=self._picture,
                console=self._console,
                refresh_per_second=REFRESH_PER_SECOND,
                transient=True,  # the answer of the command is the last such table
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._live is None:
            cli.say(text)
        else:
            self._console.print(_coloured(text), highlight=False)

    def ended(self, count: str, name: str, state: str, detail: str, seconds: float) -> None:
        """A unit has an outcome."""
        if self._live is not None and state == "complete":
            return  # the table shows it
        self.say(f"{count} {name}: {state.replace('_', ' ')}{detail}, {duration(seconds)}{self._left()}")

    def _left(self) -> str:
        left = self._time_left()
        return "" if left is None else f"; about {duration(left)} left"

    def _picture(self) -> RenderableType:
        return render(self._status(), self._left(), _coloured)


def _coloured(text: str) -> Text:
    """With its states coloured, as on stderr."""
    return Text.from_ansi(terminal.paint_words(text, sys.stderr))


class Clock:
    """Durations of trials, from which the time left is estimated: by stage and architecture, over all workers."""

    def __init__(self) -> None:
        self._seconds: dict[Planned, float] = {}
        self._trials: Counter[Planned] = Counter()

    def add(self, unit: Planned, seconds: float) -> None:
        """A trial of such a unit took so long."""
        self._seconds[unit] = self._seconds.get(unit, 0.0) + seconds
        self._trials[unit] += 1

    def left(
        self, waiting: Mapping[Planned, int], running: Sequence[tuple[Planned, float]], workers: int
    ) -> float | None:
        """Seconds until units still `waiting`, and those `running` since some seconds, have ended; None: unknown."""
        means = {unit: self._mean(unit) for unit in (*waiting, *(unit for unit, _ in running))}
        known = {unit: mean for unit, mean in means.items() if mean is not None}
        if len(known) < len(means):
            return None
        work = sum(known[unit] * count for unit, count in waiting.items())
        work += sum(max(0.0, known[unit] - elapsed) for unit, elapsed in running)
        return work / workers

    def _mean(self, unit: Planned) -> float | None:
        """Of such units, or of all that train as long if none of them has ended: trials that tune are shorter."""
        alike = [unit] if unit in self._trials else [of for of in self._trials if _is_short(of) == _is_short(unit)]
        trials = sum(self._trials[of] for of in alike)
        return sum(self._seconds[of] for of in alike) / trials if trials else None


def _is_short(unit: Planned) -> bool:
    return unit.stage == "tuning"
