"""Whether the tables of a state have this version: makes them, migrates them, or refuses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, text

from worker.errors import StateError
from worker.model import State
from worker.store.database import notes
from worker.store.database.tables import metadata

_MIGRATIONS = Path(__file__).with_name("migrations")
_STAMP = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as Alembic makes it."""


def migrate(engine: Engine, before: Callable[[Connection], None] = lambda _: None) -> None:
    """Makes the tables, or migrates them to this version, in one transaction that begins with `before`. Raises
    StateError if they are of a later version."""
    with engine.begin() as connection:
        before(connection)
        found, head = _version(connection), versions()[-1]
        if found == head:
            return
        if found is None:  # the same result as all migrations, in a tenth of the time
            metadata.create_all(connection, checkfirst=False)
            _STAMP.create(connection)
            connection.execute(insert(_STAMP).values(version_num=head))
            return
        # Imported only when needed: it takes as long as all of SQLAlchemy.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StateError(f"the state was written by a later feedmill: {error}; install that one") from error


def refuse_moved(state: State, engine: Engine) -> None:
    """Raises StateError if the state was moved elsewhere, or has not completely arrived."""
    with engine.connect() as connection:
        to, source = notes.kept(connection, notes.MOVED), notes.kept(connection, notes.ARRIVING)
    if to is not None:
        raise StateError(
            f"the state {state} was moved to {to}: set `state` to that; two would publish everything twice"
        )
    if source is not None:
        raise StateError(
            f"the move of the state {source} to {state} was cut off: set `state` to {source} again, and let `feedmill "
            f"migrate-state` end it"
        )


def refuse_unusable(state: State, engine: Engine) -> None:
    """Raises StateError unless the tables have this version, and the state is not one that was moved elsewhere."""
    with engine.connect() as connection:
        found = _version(connection)
    known = versions()
    if found is not None and found not in known:
        raise StateError(f"the state was written by a later feedmill: it is of version {found}; install that one")
    if found is None:
        raise StateError("there is no state in the database; `feedmill once` or `feedmill run` makes it")
    if found != known[-1]:
        raise StateError(
            f"the state is of version {found}, this feedmill's is {known[-1]}; start `feedmill run` to migrate"
        )
    refuse_moved(state, engine)


def _version(connection: Connection) -> str | None:
    """The number of the migration that the tables are at; None if there are no tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def versions() -> list[str]:
    """The numbers of all migrations, with which their file names begin, in order."""
    return sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
