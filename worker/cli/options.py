"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from worker import log
from worker.cli.printing import errors
from worker.configuration.reading import look
from worker.errors import ConfigError
from worker.model import Feed
from worker.settings import Settings, load
from worker.store import is_there, read_status

ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="FEEDMILL_CONFIG", help="The worker.yaml to use.", show_default=True),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

OutputFolder = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="The output directory; without it, that of the configuration.")
]

DEFAULT_CONFIG = Path("config/worker.yaml")


def load_and_log(config: Path) -> Settings:
    """The settings, with logging set up as they say."""
    settings = load(config, os.environ)
    start_log(settings)
    return settings


def load_to_look(config: Path) -> Settings:
    """The settings, for a command that only looks, with their secrets left out of what is told: where feed lists have
    mistakes, those are printed, and there are no feeds. Raises ConfigError where worker.yaml itself has some."""
    try:
        settings = look(config)
    except ConfigError as error:
        settings = load(config, os.environ, lists=False)
        for problem in error.problems:
            errors.print(str(problem), markup=False, soft_wrap=True)
    log.hide(settings.secrets)
    return settings


def load_lists(config: Path) -> Settings:
    """The settings, for a command that is about what the lists say. Where they have mistakes, these are printed, with
    what goes on beside them, and it ends with 2. Raises ConfigError where worker.yaml itself has some."""
    settings = load_to_look(config)
    if not settings.has_lists:
        errors.print(
            "Once that is mended, this can be told; status, why, pause, resume, retry and forget go on meanwhile."
        )
        raise typer.Exit(2)
    return settings


def load_to_change(config: Path) -> Settings:
    """The settings with logging set up, for a command that changes what the state knows: where feed lists have
    mistakes, those are printed, and the feeds are those of the state, by id and URL. Raises as `load_to_look`."""
    settings = load_to_look(config)
    start_log(settings)
    return with_known_feeds(settings)


def with_known_feeds(settings: Settings) -> Settings:
    """Where the lists could not be read: with the feeds of the state, by id and URL."""
    if settings.has_lists or not is_there(settings.state):
        return settings
    feeds, _ = read_status(settings.state)
    return settings.model_copy(update={"feeds": tuple(Feed(id=feed.id, url=feed.url) for feed in feeds)})


def output_dir(config: Path) -> Path:
    """The output directory that is configured."""
    return load_to_look(config).output.dir


def start_log(settings: Settings) -> None:
    """Logs to standard error as it is now; the secrets among the settings are kept out of it."""
    log.configure(level=settings.log.level, form=settings.log.format, secrets=settings.secrets)
