"""The one thread that writes to a state: transactions, one after the other, which callers await.

A transaction that lost to a concurrent one is repeated. After an error that damage may have caused, the file is read
whole; once damage has been found, or another process may have the state, the database is not touched again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from worker.errors import StateError, StateLost, StateUnreachable
from worker.lock import Hold
from worker.model import Server, State
from worker.store.database.clocks import Clock
from worker.store.database.holding import keep_lock, locked, say_in_lock
from worker.store.database.integrity import Files, reason, suspect
from worker.store.database.locks import is_contention
from worker.store.database.migrating import refuse_moved
from worker.store.database.opening import open_database
from worker.store.database.patience import Patience

REPEATS = 20
"""How often a transaction is tried before it is given up. It is repeated only when it lost to a concurrent one, so it
would have to lose every time."""
LOOK_AGAIN_S = 600.0
"""Minimum time between two checks for damage after an error. A check takes 1.9 s a GB, and a defect of ours may raise
an error with every commit."""

R = TypeVar("R")
log = structlog.stdlib.get_logger("feedmill.state")


class Writing:
    """A state, held by this process, and the thread that owns its only writing connection."""

    def __init__(self, state: State, *, alone: bool) -> None:
        """alone: refuse to share the state with any other process."""
        self._state, self._alone = state, alone
        self.clock = Clock() if isinstance(state, Server) else None
        """The database's own, if other processes share the state."""
        self._patience = Patience()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._held = ExitStack()
        self._hold: Hold | None = None
        self._files: Files | None = None
        self._loss: StateLost | None = None
        self._look_at = 0.0
        self._lost = asyncio.Event()

    async def open(self, first: Callable[[Connection], None]) -> None:
        """first: the first transaction. Raises StateLocked, StateDamaged, StateError."""
        try:
            await self.run(lambda: self._open(first))
        except StateError:
            self._thread.shutdown()
            raise

    async def close(self) -> None:
        await self.run(self._close)
        self._thread.shutdown()

    def hurry(self) -> None:
        """Call this when the process is to end: a server that does not answer is not waited for any longer."""
        self._patience.shorten()

    async def say(self, said: str) -> None:
        """Says something to whoever looks at the lock. Raises StateError."""
        if self._hold is not None:
            await self.run(partial(say_in_lock, self._state, self._hold, said))

    def lose(self, loss: StateLost) -> None:
        """Call this in the event loop when the loss is noticed, here or by a reader."""
        self._loss = self._loss or loss
        self._lost.set()

    async def lost(self) -> NoReturn:
        """Waits until damage is found, or another process may have the state. Raises StateLost."""
        await self._lost.wait()
        raise self._loss or AssertionError("unreachable")

    async def run(self, function: Callable[[], R]) -> R:
        """Runs the function in the thread. Raises StateError for the database's own errors."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)
        except StateLost as loss:
            self.lose(loss)
            raise
        except (DataError, IntegrityError):
            raise  # a defect of ours: to repeat the call would not help
        except DBAPIError as error:
            kind = StateUnreachable if error.connection_invalidated else StateError
            raise kind(f"the state {self._state}: {reason(error)}") from error

    def transaction(self, function: Callable[[Connection], R]) -> R:
        """Runs one transaction, and repeats it when it lost to a concurrent one. To be called in the thread."""
        if self._loss is not None:
            raise type(self._loss)(self._loss.path, self._loss.problem)
        for left in reversed(range(REPEATS)):
            try:
                with self._engine.begin() as connection:
                    if self.clock is not None:
                        self.clock.look(connection)
                    result = function(connection)
                    self._make_sure()
                return result
            except BaseException as error:
                if not (left and is_contention(error)):
                    self._suspect(error)
                    raise
            time.sleep(random.uniform(0, 0.05))  # noqa: S311  # so that the two do not meet again
        raise AssertionError("unreachable")

    def _open(self, first: Callable[[Connection], None]) -> None:
        with ExitStack() as held:
            self._hold = held.enter_context(locked(self._state))
            died = self._hold is not None and self._hold.died
            self._engine = open_database(self._state, suspect=died, alone=self._alone, patience=self._patience)
            held.callback(self._engine.dispose)
            refuse_moved(self._state, self._engine)
            self.transaction(first)
            if isinstance(self._state, Path):
                self._files = Files(self._state)
            self._held = held.pop_all()

    def _close(self) -> None:
        if self._loss is None:
            self._held.close()
        else:  # as after a crash: the lock goes on naming this process, so that the next one checks the whole database
            self._held.__exit__(type(self._loss), self._loss, None)

    def _make_sure(self) -> None:
        """Raises StateLost if the state is no longer the file that was opened, or its lock may be another process's;
        then nothing is committed. SQLite lets nobody else write meanwhile."""
        if self._files is not None:
            self._files.check()
        if self._hold is not None and keep_lock(self._state, self._hold):
            log.warning(
                "state.lock_removed", file=str(self._hold.file), hint="it was taken again: let nothing remove it"
            )

    def _suspect(self, error: BaseException) -> None:
        """Checks whether damage is behind an error, and if so remembers it here, in the thread, because the next call
        may already be waiting in line."""
        try:
            if isinstance(error, StateLost):
                raise error
            if not isinstance(error, Exception) or not isinstance(self._state, Path):
                return
            if time.monotonic() > self._look_at and suspect(self._engine, self._state, error):
                self._look_at = time.monotonic() + LOOK_AGAIN_S
        except StateLost as loss:
            self._loss = loss
            raise
