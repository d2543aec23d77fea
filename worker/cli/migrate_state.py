"""migrate-state."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.options import DEFAULT_CONFIG, ConfigFile, load_to_look
from worker.cli.printing import print_line
from worker.settings import state_at
from worker.store import move


def migrate_state(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="URL of a database that has no state yet, as for `state`. Keep passwords in the variable instead.",
            envvar="FEEDMILL_MIGRATE_TO",
            show_default=False,
        ),
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Copies the state to another database: to PostgreSQL when one machine is not enough, or back to SQLite.

    Stop all workers first. Everything seen, due and unpublished is copied, counted and compared; after that the old
    state can't be used any more. Then set `state` to the new one and keep `output.dir`.

    Example: feedmill migrate-state --to postgresql://feedmill@db.example/feedmill
    """
    source = load_to_look(config).state
    target = state_at(to, beside=config)
    if target is None:
        raise typer.BadParameter(
            "expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE", param_hint="--to"
        )
    if target == source:
        raise typer.BadParameter("that is where the state is", param_hint="--to")
    rows = move(source, target)
    print_line(f"{rows:,} rows copied to {target}, and compared: set `state` in {config} to it")
