"""migrate-state."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.options import DEFAULT_CONFIG, ConfigFile, load_to_look
from worker.cli.printing import console
from worker.settings import state_at
from worker.store import move


def migrate_state(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="A URL as for `state`, of a database that has no state yet; better in the environment.",
            envvar="FEEDMILL_MIGRATE_TO",
            show_default=False,
        ),
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Copies the state to another database: to PostgreSQL when one machine is not enough, or back to SQLite.

    No worker may run. All that was seen, is due and is to be published goes along, is counted and compared; then the
    old state is refused, and `state` is to be set to the new one, with the same `output.dir`.

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
    console.print(
        f"{rows:,} rows copied to {target}, and compared: set `state` in {config} to it", markup=False, soft_wrap=True
    )
