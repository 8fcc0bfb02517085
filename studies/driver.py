"""Runs a study: the only writer of its Optuna studies and of every MLflow run's life cycle.

A unit is done when one of its trials has an outcome, which is written before anything else of its end. A trial without
one was cut off; its unit simply stays to be done, so resuming needs no bookkeeping beside the store itself.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, assert_never

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, fitting_batch, step_shape
from hourglass_bench.bench.run import describe, note
from hourglass_bench.bench.size import format_bytes
from hourglass_bench.bench.tracking.database import StoreError
from hourglass_bench.bench.tracking.spool import Spool
from hourglass_bench.bench.tracking.store import PARENT, RunLog
from hourglass_bench.bench.training.held_data import of_frames
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.studies import storage, times
from hourglass_bench.studies.channel import Channel, Epoch
from hourglass_bench.studies.display import Clock, Display
from hourglass_bench.studies.executors import Broken, Crowded, Ending, Executor, Failed, Forecast, Lost
from hourglass_bench.studies.executors.silence import LOOK
from hourglass_bench.studies.last_signs import LastSigns
from hourglass_bench.studies.retry import AGAIN
from hourglass_bench.studies.stages import Opened, Trials
from hourglass_bench.studies.status import RunningTrial, Status
from hourglass_bench.studies.streak import LEAST, Streak
from hourglass_bench.studies.unit import Planned
from hourglass_bench.studies.worker import DataChangedError, Outcome, Task, Unpredicted, brief

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_LOSSES = 3
"""A unit whose worker died this often is recorded as failed: it probably takes its process down."""


class StoppedError(ValueError):
    """The study cannot go on, through no fault of a unit; says why, and how it goes on."""


class Forecasted(NamedTuple):
    """It is known what memory a trial's steps will need, or that it is not."""

    run_id: str
    forecast: Forecast


class Ended(NamedTuple):
    """A trial's task has ended on its executor."""

    run_id: str
    ending: Ending
    moment: float
    """On the monotonic clock."""


class Running:
    """A trial between its start and its end."""

    def __init__(self, trials: Trials, opened: Opened, log: RunLog, free: float) -> None:
        """On a worker that has been free since a moment."""
        self.trials = trials
        self.opened = opened
        self.log = log
        self.free = free
        self.newest: EpochRecord | None = None
        self._start = self.submitted = time.monotonic()

    def spent(self, outcome: Outcome, ended: float) -> dict[str, float]:
        """Seconds of its worker, up to its end."""
        return times.spent(outcome.metrics, free=self.free, submitted=self.submitted, ended=ended)

    @property
    def planned(self) -> Planned:
        """What its unit is."""
        return Planned(self.trials.stage, self.opened.config.architecture.name)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def describe(self, silent: float | None) -> RunningTrial:
        """For the status."""
        return RunningTrial(
            name=self.opened.name,
            architecture=self.planned.architecture,
            epoch=self.newest.epoch if self.newest else 0,
            epochs=self.opened.config.training.main_epochs,
            val_iou=self.newest.val_iou if self.newest else None,
            seconds=self.seconds(),
            silent=silent,
        )


class Site(NamedTuple):
    """Where trials run, and where their results go."""

    client: "MlflowClient"
    experiment: str
    parent: str
    """MLflow run of the study."""
    tracking: str
    runs: Path
    memory_budget: int | None
    """Bytes; None: what one trial may take that has its device to itself."""
    ignores: bool
    """Whether the data have pixels that count nowhere, which a step's memory depends on."""
    training_frames: Callable[[DataConfig, int], int]
    """How many frames train, by the data's fields and the repeat: a batch has no more."""
    data: DataConfig
    """What this session has read."""
    data_digest: str
    """Of its frames."""
    system_metrics: bool
    """Whether runs log what the machine does."""


class Driver:
    """One session of a study, from the units that are left to the last outcome."""

    def __init__(self, before: Status, site: Site) -> None:
        self._before = before
        self._outcomes = dict(before.outcomes)
        # Kept up to date instead of counted anew: the driver's work per trial must not grow with the study.
        self._left = Counter(unit for key, unit in before.units.items() if key not in before.outcomes)
        self._site = site
        self._running: dict[str, Running] = {}
        self._unclosed: deque[tuple[Running, storage.Outcome]] = deque()
        """Trials whose outcome is recorded and no more."""
        self._free = times.Free()
        self._clock = Clock()
        self._workers = 1
        self._events: SimpleQueue[Epoch | Forecasted | Ended] = SimpleQueue()
        self._forecasts: dict[RunConfig, Future[Forecast]] = {}
        self._unpredicted: set[str] = set()
        self._alone: set[str] = set()
        """Units that ran out of memory beside others."""
        self._streak = Streak({unit.architecture for unit in before.units.values()})
        self._stopping = ""
        """Why no more trials are opened."""
        self._silent: Mapping[str, float] = {}
        self._last_signs = LastSigns(site.runs, before.study)

    def status(self) -> Status:
        """The study now."""
        running = tuple(trial.describe(self._silent.get(run_id)) for run_id, trial in tuple(self._running.items()))
        return replace(self._before, outcomes=dict(self._outcomes), running=running)

    def work(self, stages: Sequence[Trials], executor: Executor) -> None:
        """Run every unit of a round's stages that has no outcome yet.

        Raises:
            StoreError: the store failed. What was recorded is kept.
            StoppedError: the executor failed, the data changed, or units failed one after the other in the same way and
                others wait. What was recorded is kept.
            KeyboardInterrupt: the trials that ran are left open.
        """
        with ExitStack() as stack:
            channel = Channel(self._events.put, executor.host)
            stack.callback(channel.close)
            self._executor, self._reports = executor, channel.address
            self._display = stack.enter_context(Display(self.status, self._time_left))
            stack.callback(self._last_signs.remove)
            while self._fill(stages) or self._running:
                self._close_ended()  # their workers have got the next trials
                with suppress(Empty):
                    self._handle(self._events.get(timeout=LOOK))
                self._silent = executor.watch()
                self._last_signs.write(self._silent)
            self._close_ended()
        if self._stopping and self.status().waiting:
            raise self._stopped(self._stopping)

    def _fill(self, stages: Sequence[Trials]) -> bool:
        """Open trials until every slot is taken; the stage that is furthest behind goes first."""
        self._workers = self._executor.slots
        self._free.settle(self._workers - len(self._running))
        while len(self._running) < self._executor.slots:
            trials = max(stages, key=lambda stage: stage.share_waiting)
            if self._stopping or not trials.waiting:
                return False
            self._open(trials)
        return True

    def _open(self, trials: Trials) -> None:
        """Open trial and run, and submit them if their forecast is known, else ask for it."""
        opened = trials.open()
        running = Running(trials, opened, self._open_run(trials, opened), self._free.take())
        trials.attribute(opened, storage.RUN_ID, running.log.run_id)
        self._running[running.log.run_id] = running
        forecast = self._forecast(opened.config)
        if forecast.done():
            self._decide(running, forecast.result())
        else:
            run_id = running.log.run_id
            forecast.add_done_callback(lambda known: self._events.put(Forecasted(run_id, known.result())))

    def _forecast(self, config: RunConfig) -> Future[Forecast]:
        """Asked once for all trials whose steps are alike: repeats and rates do not matter."""
        config = fitting_batch(config, self._site.training_frames(config.data, config.repeat))
        key = step_shape(config)
        if key not in self._forecasts:
            self._forecasts[key] = Future()
            self._executor.forecast(config, self._site.ignores, self._forecasts[key].set_result)
        return self._forecasts[key]

    def _decide(self, running: Running, forecast: Forecast) -> None:
        """Submit a trial, unless its forecast is that it cannot run."""
        budget = self._site.memory_budget or self._executor.memory
        match forecast:
            case int(peak):
                running.trials.constrain(running.opened, peak - budget)
                if peak <= budget:
                    self._submit(running, peak)
                else:
                    over = f"predicted tensor peak of {format_bytes(peak)}, memory budget of {format_bytes(budget)}"
                    self._refuse(running, Outcome("infeasible", over, {schema.PREDICTED_PEAK.name: peak}))
            case Outcome():
                self._refuse(running, forecast)
            case Unpredicted(reason):
                if reason not in self._unpredicted:
                    self._unpredicted.add(reason)
                    self._display.say(f"memory of {running.opened.name} is not predicted: {reason}")
                self._submit(running, None)
            case Broken(reason):
                raise self._stopped(reason)
            case _:
                assert_never(forecast)

    def _submit(self, running: Running, peak: int | None) -> None:
        run_id, opened = running.log.run_id, running.opened
        task = Task(
            config=opened.config,
            run_id=run_id,
            tracking=self._site.tracking,
            runs=self._site.runs.resolve(),
            data_digest=self._site.data_digest if self._is_read(opened.config.data) else None,
            test=running.trials.stage not in schema.CHOOSING,
            predicted_peak=peak,
            reports=self._reports,
            prunable=running.trials.prunes,
            alone=opened.unit in self._alone,
            system_metrics=self._site.system_metrics,
        )
        running.submitted = time.monotonic()
        self._executor.submit(task, lambda ending: self._events.put(Ended(run_id, ending, time.monotonic())))

    def _is_read(self, data: DataConfig) -> bool:
        """Whether these are the session's frames; a unit of a user's own study may have others."""
        return of_frames(data) == of_frames(self._site.data)

    def _refuse(self, running: Running, outcome: Outcome) -> None:
        """The unit is done without having been started."""
        del self._running[running.log.run_id]
        self._free.add(running.free)
        running.log.params(describe(running.opened.config))
        running.log.metrics(outcome.metrics)
        self._end(running, outcome, {})

    def _open_run(self, trials: Trials, opened: Opened) -> RunLog:
        tags = {
            schema.KIND: "trial",
            schema.STUDY: self._before.study,
            PARENT: self._site.parent,
            schema.NOTE: note(opened.config),
            **trials.tags(opened),
        }
        return RunLog.create(self._site.client, self._site.experiment, opened.name, tags)

    def _handle(self, event: Epoch | Forecasted | Ended) -> None:
        running = self._running.get(event.run_id)
        if running is None:  # a report that a trial sent before it ended
            return
        match event:
            case Epoch(record=record, answer=answer):
                running.newest = record
                running.trials.report(running.opened, record)
                if running.trials.prunes:
                    answer(running.trials.prune(running.opened, record))
            case Forecasted(forecast=forecast):
                self._decide(running, forecast)
            case Ended(ending=ending, moment=moment):
                del self._running[event.run_id]
                self._free.add(moment)
                self._conclude(running, ending, moment)

    def _conclude(self, running: Running, ending: Ending, moment: float) -> None:
        match ending:
            case Outcome() as outcome:
                self._end(running, outcome, running.spent(outcome, moment))
            case Lost(reason):
                self._lose(running, reason)
            case Crowded(reason):
                self._alone.add(running.opened.unit)
                self._again(running, f"out of memory beside others ({reason})")
            case Failed(StoreError() as error):
                raise error
            case Failed(DataChangedError() as error):
                self._put_back(running, str(error))
                self._stop(str(error))
            case Failed(error):
                outcome = Outcome("failed", brief(error), {})
                self._end(running, outcome, running.spent(outcome, moment))
            case Broken(reason):
                raise self._stopped(reason)
            case _:
                assert_never(ending)

    def _stop(self, reason: str) -> None:
        """Open no more trials; those that run come to their end."""
        if not self._stopping and self._running:
            self._display.say(f"no more trials are started; the {len(self._running)} that run come to their end")
        self._stopping = self._stopping or reason

    def _stopped(self, reason: str) -> StoppedError:
        kept = "what was recorded before is kept, and the same command resumes study"
        return StoppedError(f"{reason}; {kept} {self._before.study}.")

    def _end(self, running: Running, outcome: Outcome, spent: Mapping[str, float]) -> None:
        """The unit is done: its outcome first; the rest of its end can wait, unless the next unit depends on it."""
        opened = running.opened
        recorded = running.trials.record(opened, outcome, spent)
        self._unclosed.append((running, recorded))
        if running.trials.learns:
            self._close_ended()
        self._outcomes[opened.unit] = recorded
        self._left[running.planned] -= 1
        detail = f" ({outcome.reason.rstrip('.')})" if outcome.reason else ""
        if (values := recorded["values"]) is not None:  # it is complete
            self._clock.add(running.planned, running.seconds())
            detail = f", {running.trials.objectives[0].label} {values[0]:.3f}"
        count = f"[{len(self._outcomes)}/{len(self._before.units)}]"
        self._display.ended(count, opened.name, outcome.state, detail, running.seconds())
        if self._streak.add(outcome.state, outcome.reason, running.planned.architecture):
            why = f"{LEAST} units or more failed one after the other in the same way ({outcome.reason.rstrip('.')})"
            self._stop(f"{why}, so that others wait; once the cause is gone, run all of them with {AGAIN}")

    def _close_ended(self) -> None:
        """Close the run, then give Optuna its state, of all whose outcome is recorded (see `studies.run.recover`)."""
        while self._unclosed:
            running, recorded = self._unclosed.popleft()
            Spool(self._site.runs, running.log.run_id).replay(running.log)
            running.log.close(recorded["state"], recorded["reason"], recorded["time"].get(times.IDLE))
            running.trials.finish(running.opened, recorded)

    def _lose(self, running: Running, reason: str) -> None:
        """The worker died: once more, unless it happened too often."""
        losses = running.trials.lose(running.opened, reason)
        if losses >= MAX_LOSSES:
            self._end(running, Outcome("failed", f"{reason}; so did the {losses - 1} attempts before", {}), {})
            return
        self._again(running, reason)

    def _again(self, running: Running, reason: str) -> None:
        """Close the attempt; the unit is next."""
        self._put_back(running, reason)
        self._display.say(f"{running.opened.name}: {reason}; it runs again")

    def _put_back(self, running: Running, reason: str) -> None:
        """Close the attempt without an outcome; the unit waits."""
        Spool(self._site.runs, running.log.run_id).discard()  # before: of a run that is closed nobody looks for it
        running.log.kill(reason)
        running.trials.again(running.opened)

    def _time_left(self) -> float | None:
        running = [(trial.planned, trial.seconds()) for trial in tuple(self._running.values())]
        waiting = self._left - Counter(unit for unit, _ in running)
        return self._clock.left(waiting, running, self._workers)
