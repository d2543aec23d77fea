"""backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import DEFAULT_CONFIG, ConfigFile, load_to_look
from worker.cli.printing import print_line
from worker.errors import StateError
from worker.model import Server
from worker.store import backup as copy_state


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    config: ConfigFile = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Copies the state to a file, also while a worker runs.

    The copy is one consistent file, and is checked. To restore it: stop the worker, put the copy in place of the state
    (delete its -wal and -shm files), and run `feedmill recover`, which reads back what was written since.

    Example: feedmill backup /var/backups/feedmill.db
    """
    state = load_to_look(config).state
    if isinstance(state, Server):
        raise StateError(f"{state} is PostgreSQL's to copy: pg_dump --format=custom, or its own continuous backups")
    size = copy_state(state, file, force=force)
    print_line(f"{file}: {size:,} bytes, checked")
