"""The command line as a whole, and how it ends: 0 well, 1 failed, 2 wrong use or configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from worker import __version__
from worker.cli.add import add, discover
from worker.cli.backup import backup
from worker.cli.compact import compact
from worker.cli.configure import check, init, schema
from worker.cli.demo import demo
from worker.cli.feeds import feeds
from worker.cli.forget import forget
from worker.cli.opml import export, import_
from worker.cli.printing import console, errors
from worker.cli.records import records
from worker.cli.recover import recover
from worker.cli.replay import replay
from worker.cli.running import once, run
from worker.cli.status import status
from worker.cli.steer import pause, poll, resume, retry
from worker.cli.verify import verify
from worker.cli.why import why
from worker.errors import ConfigError, FeedmillError, OutputLocked, StateLocked

app = typer.Typer(
    name="feedmill",
    help="Polls feeds, extracts their articles, and writes each once as a JSON record.",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # the paragraphs of a docstring as paragraphs
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS: Mapping[str, Sequence[Callable[..., None]]] = {
    "To begin": (demo, init, check, schema),
    "Work": (once, run),
    "See how it does": (status, feeds, why),
    "Feeds": (add, discover, import_, export, pause, resume, poll),
    "Records": (records, verify, compact, replay, forget),
    "Keep it going": (retry, backup, recover),
}
"""The commands by what people do, in the order in which they come to do it."""

for panel, commands in PANELS.items():
    for command in commands:
        app.command(command.__name__.strip("_"), rich_help_panel=panel)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        console.print(f"feedmill {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The entry point of the command `feedmill`."""
    try:
        app(prog_name="feedmill")  # also as `python -m worker.cli`: completion goes by it
    except ConfigError as error:
        for problem in error.problems:
            errors.print(str(problem), markup=False, soft_wrap=True)
        sys.exit(2)
    except FeedmillError as error:
        errors.print(f"feedmill: {error}", markup=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, StateLocked | OutputLocked) else 1)
