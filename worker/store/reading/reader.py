"""Reads the state while the engine runs: in a thread of its own, and with a time limit for every call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from worker.errors import StateDamaged, StateError
from worker.model import Server, State
from worker.store.database.integrity import reason, suspect
from worker.store.database.opening import open_readonly
from worker.store.database.patience import Patience

P = ParamSpec("P")
R = TypeVar("R")

LIMIT_S = 5.0
"""The time that one call may take; then SQLite is interrupted."""
_STEPS = 10_000
"""How many instructions SQLite's virtual machine runs between two looks at the clock: about a tenth of a
millisecond."""


class Reader:
    """Used by the process that works on the state. A context manager. Each call sees the state as of one moment."""

    def __init__(self, state: State, *, damaged: Callable[[StateDamaged], None] = lambda _: None) -> None:
        """damaged: called when the state turns out to be damaged."""
        self._state, self._damaged = state, damaged
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._patience = Patience()
        self._opened: Engine | None = None
        self._until = 0.0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._patience.shorten()
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._opened is not None:
            self._opened.dispose()

    async def __call__(self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs `function` with a read-only connection. Raises StateError, also if it takes too long."""

        def call() -> R:
            self._until = time.monotonic() + LIMIT_S
            try:
                with self._engine().connect() as connection:
                    return function(connection, *args, **kwargs)
            except Exception as error:
                if self._opened is not None and isinstance(self._state, Path):
                    suspect(self._opened, self._state, error)
                if not isinstance(error, DBAPIError):
                    raise
                why = f"it took longer than {LIMIT_S:g} s" if time.monotonic() > self._until else reason(error)
                raise StateError(f"can't read the state {self._state}: {why}") from error

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except StateDamaged as damage:
            self._damaged(damage)
            raise

    def _engine(self) -> Engine:
        if self._opened is None:
            self._opened = open_readonly(self._state, checked=True, patience=self._patience)
            if isinstance(self._state, Server):
                return self._opened  # PostgreSQL has its own time limit (`postgresql.open_readonly`)

            @event.listens_for(self._opened, "connect")
            def _bound(connection: Any, _: object) -> None:
                connection.set_progress_handler(lambda: time.monotonic() > self._until, _STEPS)

        return self._opened
