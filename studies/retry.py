"""Units that failed or ran out of memory: no results, and their cause may be gone. They run again if that is asked for.

Other ends short of a result are results: a training that diverged or was pruned would end so again, and what is
infeasible is so by the plan's memory budget.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.studies import storage

if TYPE_CHECKING:
    import optuna

FAILURES: Final[tuple[schema.State, ...]] = ("failed", "out_of_memory")
AGAIN: Final = "--retry-failed (make sweep RETRY_FAILED=1)"


def count(states: Mapping[str, int]) -> int:
    """Units that failed, of counts by state."""
    return sum(states[state] for state in FAILURES)


def advice(states: Mapping[str, int]) -> list[str]:
    """What to do about them, in a line; none if there are none."""
    failed = count(states)
    return [f"units that failed: {failed}; once the cause is gone, run them again with {AGAIN}"] if failed else []


def settle(root: "optuna.Study", *, again: bool) -> None:
    """As a session begins: if asked to, let the outcomes of units that failed count no longer, and say so."""
    if again and (failed := storage.discount(root, lambda trial: storage.outcome(trial)["state"] in FAILURES)):
        cli.say(f"units that failed and are done again: {failed}")
