"""States as older versions made them: by their migrations, one after the other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from worker import store


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).with_name("migrations")))
    return config


def migrate(engine: Engine, revision: str = "head") -> None:
    """Brings an empty database to that version; `open_database` would make the newest's tables at once."""
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
