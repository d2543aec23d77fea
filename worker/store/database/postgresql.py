"""A state in a PostgreSQL database (14 or later), which many processes share.

A process writes through one connection, replaced when it is lost. The timeouts below detect that a server, or the
network on the way there, is gone; `patience` what they can't. The server ends abandoned transactions, and with them
their locks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from worker.errors import StateError, StateLocked, StateUnreachable
from worker.model import Server
from worker.store.database.integrity import reason
from worker.store.database.locks import SHARED, Overtaken
from worker.store.database.patience import Patience

OLDEST = 140_000
"""The oldest supported `server_version`."""

_REACH: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "feedmill",
    "client_encoding": "UTF8",
}
"""Parameters for libpq unless the URL sets them: a broken network is noticed within about ten seconds."""

_SESSION = {
    "jit": "off",  # short statements
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "15s",  # how long a worker frozen during a commit can hold its hosts
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "5s",
    "tcp_keepalives_interval": "2s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15s",
}
_WRITING_S, _READING_S = 60, 30
"""_WRITING_S and _READING_S limit a single statement."""
_ANSWER_S = 75.0
"""How long its answer is waited for."""
_UTF8 = "createdb --encoding UTF8 --template template0"
_PARTING_S = 1
"""For this long the server may still hold the locks of a process that has closed its connection."""
_POOL_S = 3.0
"""For this long a second connection is waited for, where there is a pooler."""
_LOOKS = 5
"""How often it is looked whose connection answers: others use them, too."""
_ALONE = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
"""For a process that has the state to itself: all of it may be one transaction, and nobody waits for it."""

MIGRATING, HELD, LISTS, UPKEEP = range(1, 5)
"""The purposes of advisory locks."""
_KEY = "hashtext('feedmill ' || current_schema()), :purpose"
"""The key of an advisory lock. It includes the schema, because one database may have several states in schemas of their
own."""


def open_shared(server: Server, migrate: Callable[..., None], *, alone: bool, patience: Patience) -> Engine:
    """The database for a worker; created or migrated if necessary. Several workers may start at once.

    While its connection lasts, others can tell that somebody works here. alone: nobody else may. patience: is limited
    once the database is open. Raises StateLocked, StateError.
    """
    lock = "pg_advisory_lock" if alone else "pg_advisory_lock_shared"
    engine = _engine(server, writing=True, lock=lock, more=_ALONE if alone else None, patience=patience)
    try:
        migrate(engine, before=lambda connection: hold(connection, MIGRATING, patience="10min"))
    except DBAPIError as error:
        engine.dispose()
        raise refused(server, error) from error
    except Overtaken:
        engine.dispose()
        raise StateLocked(str(server), "a worker that makes or migrates its tables") from None
    except StateError:
        engine.dispose()
        raise
    if not alone:
        patience.limit_s = min(patience.limit_s, _ANSWER_S)
    return engine


def open_readonly(server: Server, check: Callable[[Engine], None], patience: Patience) -> Engine:
    """The database for a process that only reads; each transaction sees one moment. Raises StateError."""
    patience.limit_s = min(patience.limit_s, _ANSWER_S)
    engine = _engine(server, writing=False, patience=patience)
    try:
        check(engine)
    except DBAPIError as error:
        raise refused(server, error) from error
    return engine


@contextmanager
def open_beside(server: Server, check: Callable[[Engine], None]) -> Iterator[Connection]:
    """A write transaction of a command, beside the workers. Raises StateError."""
    engine = _engine(server, writing=True)
    try:
        check(engine)
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise refused(server, error) from error
    finally:
        engine.dispose()


def is_there(server: Server) -> bool:
    engine = _engine(server, writing=False)
    try:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT to_regclass('alembic_version')")) is not None
    except DBAPIError as error:
        raise refused(server, error) from error
    finally:
        engine.dispose()


def hold(connection: Connection, purpose: int, *, patience: str = "60s") -> None:
    """Waits for an advisory lock, and holds it until the transaction ends. Raises Overtaken after `patience`."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{patience}'; SET LOCAL statement_timeout = 0"))
    try:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_KEY})"), {"purpose": purpose})
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise Overtaken from error
        raise


def try_to_hold(connection: Connection, purpose: int) -> bool:
    """Takes an advisory lock until the transaction ends, unless somebody has it. Returns whether it did."""
    return bool(connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({_KEY})"), {"purpose": purpose}))


def refused(server: Server, error: DBAPIError) -> StateError:
    """The error to raise. libpq's message names host, port, user and database, but no password."""
    away = isinstance(error.orig, psycopg.OperationalError)
    kind = StateUnreachable if away else StateError
    return kind(f"the state {server}: {reason(error)}")


def _engine(
    server: Server,
    *,
    writing: bool,
    lock: str | None = None,
    more: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> Engine:
    """lock: the function that takes the lock of those who work here, run on every connection. more: further session
    settings. patience: None: of `_ANSWER_S`."""
    level: Literal["READ COMMITTED", "REPEATABLE READ"] = "READ COMMITTED" if writing else "REPEATABLE READ"
    pool: dict[str, Any] = {"poolclass": NullPool}
    if writing:
        pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}

    def connected() -> Any:
        connection = _connect(server, patience or Patience(_ANSWER_S))
        if lock is not None:
            _refuse_sharing(server, connection)
        return connection

    engine = create_engine(
        "postgresql+psycopg://",
        creator=connected,
        isolation_level=level,
        execution_options=SHARED if writing else {"postgresql_readonly": True},
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        if connection.info.server_version < OLDEST:
            raise StateError(f"the state {server}: feedmill needs PostgreSQL 14 or later")
        seconds = _WRITING_S if writing else _READING_S
        settings = {**_SESSION, "statement_timeout": f"{seconds}s", **(more or {})}
        with connection.cursor() as cursor:
            # First, because the database or the role may have settings of its own.
            cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()))
            if lock is not None:
                try:
                    cursor.execute(f"SET LOCAL lock_timeout = '{_PARTING_S}s'")
                    cursor.execute(f"SELECT {lock}({_KEY.replace(':purpose', str(HELD))})")
                except psycopg.errors.LockNotAvailable:
                    raise StateLocked(str(server), "other workers, or a command that has it for itself") from None
        connection.commit()

    @event.listens_for(engine, "handle_error")
    def _is_lost(context: ExceptionContext) -> None:
        """A server that has become read-only is left: another connection may lead to the one that took over, or begin
        when it is over."""
        if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
            context.is_disconnect = True

    return engine


def _connect(server: Server, patience: Patience) -> Any:
    if patience.is_over:
        raise StateUnreachable(f"the state {server}: the server did not answer")
    try:
        given = conninfo_to_dict(server.url)
    except psycopg.ProgrammingError:
        raise StateError(f"the state {server}: libpq can't parse its URL (a % in a password is written %25)") from None
    hurry = {"connect_timeout": 2} if patience.is_short else {}  # the least that libpq takes
    try:
        connection = _Connection.connect(make_conninfo("", **{**_REACH, **given, **hurry}))
    except psycopg.errors.ConnectionTimeout:
        patience.lose()
        raise
    connection.patience = patience
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise StateError(f"the state {server}: its database is {encoding}; feedmill needs one made with `{_UTF8}`")
    return connection


def _refuse_sharing(server: Server, connection: psycopg.Connection[Any]) -> None:
    """Raises StateError if a pooler gives the server's connection to somebody else after each transaction or statement:
    the lock of those who work here would be somebody else's, or nobody's, and so would settings and prepared
    statements."""
    mine, others = {_backend(connection)}, set()
    if mine == {connection.info.backend_pid}:
        return  # there is no pooler: it gives a number of its own
    with suppress(DBAPIError, psycopg.Error, StateError), _connect(server, Patience(_POOL_S)) as other:
        for _ in range(_LOOKS):
            others.add(_backend(other))
            mine.add(_backend(connection))
    if len(mine) > 1 or mine & others:
        connection.close()
        raise StateError(
            f"the state {server}: a pooler on the way shares connections between transactions; feedmill needs one that "
            "keeps them for a session (PgBouncer: pool_mode = session), or PostgreSQL itself"
        )


def _backend(connection: psycopg.Connection[Any]) -> int:
    """The process of the server that answers."""
    connection.autocommit = True  # as a transaction is refused where statements are shared
    try:
        with connection.cursor() as cursor:
            row = cursor.execute("SELECT pg_backend_pid()").fetchone()
    finally:
        connection.autocommit = False
    return int(row[0]) if row else 0


class _Connection(psycopg.Connection[Any]):
    """Closed if an answer does not come in time."""

    patience = Patience()

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        return super().wait(self._in_time(gen), *args, **kwargs)

    def _in_time(self, answer: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """psycopg looks whether there is an answer, and with each look tells the generator what is ready: nothing, ten
        times a second."""
        asked_at = time.monotonic()
        try:
            awaited = next(answer)
            while True:
                ready = yield awaited
                waited_s = time.monotonic() - asked_at
                if not ready and waited_s > self.patience.limit_s:
                    self.close()
                    self.patience.lose()
                    raise psycopg.OperationalError(f"the server has not answered for {waited_s:.0f} s")
                awaited = answer.send(ready)
        except StopIteration as end:
            return end.value
