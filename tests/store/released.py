"""States as older versions made them: by their migrations, one after the other."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from worker.store import database
from worker.store.database.migrating import versions
from worker.store.database.opening import database_url


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).with_name("migrations")))
    return config


def migrate(engine: Engine, revision: str = "head") -> None:
    """Brings an empty database to that version; `open_database` would make the newest's tables at once."""
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


@cache
def schema(revision: str) -> bytes:
    """An empty SQLite state of that version: its migration's work on the one before, which is made once."""
    known = versions()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        if before := known[: known.index(revision)]:
            path.write_bytes(schema(before[-1]))
        migrate(create_engine(database_url(path)), revision)
        return path.read_bytes()
