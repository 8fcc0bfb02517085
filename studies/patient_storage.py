"""Optuna's storage for the driver, every call of which waits while the database is away."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from hourglass_bench.bench.tracking.patience import Patience

OWN = ("_create_new_trial", "_get_best_trial_id", "_get_trials", "_set_trial_param")
"""Methods that Optuna's cache calls instead of those of the interface."""


class PatientStorage(RDBStorage):
    """A database of Optuna's. Of its calls only that which makes a trial does something else when it arrives twice."""

    def __init__(self, url: str, patience: Patience) -> None:
        super().__init__(url)
        self._patience = patience
        for name in (*BaseStorage.__abstractmethods__, *OWN):
            setattr(self, name, self._patient(getattr(self, name)))

    def transact(self, work: Callable[[Connection], Any]) -> None:
        """Do work that cannot be done twice in one transaction, since the database refuses the second time."""

        def once() -> None:
            with self.engine.begin() as connection:
                work(connection)

        self._patience.call(self.url, once, arrived=IntegrityError)

    def _patient(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            return self._patience.call(self.url, partial(method, *arguments, **named), arrived=UpdateFinishedTrialError)

        return call
