"""Opens a state, wherever it is.

This is the part for SQLite; `postgresql` does the same for a database that many processes share.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from worker.errors import StateError, imports_of
from worker.model import Server, State
from worker.ownership import hand_over
from worker.store.database.integrity import check, check_length, left_log, reason, suspect, tell_damage
from worker.store.database.migrating import migrate, refuse_unusable
from worker.store.database.patience import Patience


def database_url(path: Path) -> URL:
    """SQLAlchemy's URL of the SQLite database at `path`."""
    return URL.create("sqlite", database=str(path))


def open_database(
    state: State, *, suspect: bool = False, alone: bool = False, patience: Patience | None = None
) -> Engine:
    """The database for the one thread that writes; created or migrated if necessary.

    suspect: its last holder died. Then, or if a log was left behind, every page is read before any is used. alone: no
    other process may work on it (for SQLite, `holding.locked` ensures that). patience: with the server. Raises
    StateDamaged, StateLocked, StateError.
    """
    if isinstance(state, Server):
        return cast(Engine, _postgresql().open_shared(state, migrate, alone=alone, patience=patience or Patience()))
    path = state
    check_length(path)
    suspect = suspect or left_log(path)
    _make(path)
    # One connection, used by the writer thread alone.
    engine = create_engine(
        database_url(path), poolclass=StaticPool, connect_args={"check_same_thread": False, "timeout": 2}
    )
    tell_damage(engine, path)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        # FULL: a commit that power loss could undo would publish twice.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = OFF", "cache_size = -32768"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        if suspect:
            check(engine, path)
        migrate(engine)
    except DatabaseError as error:
        engine.dispose()
        raise StateError(f"can't open the state {path}: {reason(error)}") from error
    except StateError:
        engine.dispose()
        raise
    return engine


def _make(path: Path) -> None:
    """Creates the file of a new state, accessible only to owner and group, because the URLs of feeds may contain
    secrets from the environment. SQLite gives its log the same permissions. If the file can't be created, SQLite will
    say why."""
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660))
    hand_over(path)  # also a copy that root has put back


def open_readonly(state: State, *, checked: bool = False, patience: Patience | None = None) -> Engine:
    """The database for a command that only reads, beside the engine that writes. patience: with the server. Raises
    StateError.

    checked: an engine of this same process has it open. Then nothing else here may open the file: whoever closes it
    drops all locks that the process has on it, including SQLite's, and the next command would think itself alone and
    remove the log (https://sqlite.org/howtocorrupt.html, section 2.2).
    """
    if isinstance(state, Server):
        refuse = partial(refuse_unusable, state)
        return cast(Engine, _postgresql().open_readonly(state, refuse, patience or Patience()))
    path = state
    if not is_there(path):
        raise StateError(f"there is no state at {path}; `feedmill once` or `feedmill run` makes it")
    if not checked and not left_log(path):
        check_length(path)  # not beside an engine, which changes the length
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})
    engine = create_engine(url, poolclass=NullPool)
    tell_damage(engine, path)
    try:
        refuse_unusable(path, engine)
    except DatabaseError as error:
        raise unreadable(path, error) from error
    return engine


@contextmanager
def reading(state: State) -> Iterator[Connection]:
    """A separate connection for a command that only reads, beside the engine that writes. Raises StateError."""
    engine = open_readonly(state)
    try:
        with engine.connect() as connection:
            yield connection
    except Exception as error:
        if isinstance(state, Path):
            suspect(engine, state, error)
        if isinstance(error, DBAPIError):
            raise unreadable(state, error) from error
        raise
    finally:
        engine.dispose()


def unreadable(state: State, error: DBAPIError) -> StateError:
    """The error to raise when reading failed."""
    if isinstance(state, Server):
        return cast(StateError, _postgresql().refused(state, error))
    return StateError(f"can't read the state {state}: {reason(error)}")


@contextmanager
def open_beside(state: State) -> Iterator[Connection]:
    """A write transaction beside the engine that holds the state, for requests and the turns of hosts. Raises
    StateError."""
    if isinstance(state, Server):
        with _postgresql().open_beside(state, partial(refuse_unusable, state)) as connection:
            yield connection
        return
    path = state
    if not is_there(path):
        raise StateError(f"there is no state at {path}; `feedmill once` or `feedmill run` makes it")
    engine = create_engine(database_url(path), poolclass=NullPool, connect_args={"timeout": 10})
    tell_damage(engine, path)
    try:
        refuse_unusable(path, engine)
        with engine.begin() as connection:
            yield connection
    except DatabaseError as error:
        raise StateError(f"can't use the state {path}: {reason(error)}") from error
    finally:
        engine.dispose()


def is_there(state: State) -> bool:
    """Whether a state exists. Raises StateError if the database can't be asked, or its folder not be looked into."""
    if isinstance(state, Server):
        return bool(_postgresql().is_there(state))
    try:
        state.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StateError(f"can't read the state {state}: {error.strerror}") from error
    return True


def _postgresql() -> ModuleType:
    """Imported only when needed, because psycopg is an extra."""
    with imports_of("cluster", "a state on PostgreSQL", StateError):
        from worker.store.database import postgresql
    return postgresql
