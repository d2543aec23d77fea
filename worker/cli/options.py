"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from worker import log
from worker.cli.printing import print_note
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
    Path | None, typer.Argument(metavar="DIR", help="The output directory; by default the configured one.")
]

DEFAULT_CONFIG = Path("config/worker.yaml")


def load_and_log(config: Path) -> Settings:
    """Loads the settings and sets up logging accordingly."""
    settings = load(config, os.environ)
    start_log(settings)
    return settings


def load_to_look(config: Path) -> Settings:
    """Loads the settings for a command that only reads, and hides their secrets from the log.

    If feed lists have mistakes, prints these and returns settings without feeds. Raises ConfigError if worker.yaml
    itself has mistakes.
    """
    try:
        settings = look(config)
    except ConfigError as error:
        settings = load(config, os.environ, lists=False)
        for problem in error.problems:
            print_note(str(problem))
    log.hide(settings.secrets)
    return settings


def load_lists(config: Path) -> Settings:
    """Loads the settings for a command that needs the feed lists. If these have mistakes, prints them and exits with 2.
    Raises ConfigError if worker.yaml itself has mistakes."""
    settings = load_to_look(config)
    if not settings.has_lists:
        print_note(
            "Correct that first. Meanwhile status, why, pause, resume, retry, forget, records, verify and backup work."
        )
        raise typer.Exit(2)
    return settings


def load_to_change(config: Path) -> Settings:
    """Loads the settings and sets up logging, for a command that changes the state. If feed lists have mistakes, prints
    these and takes the feeds from the state, with id and URL only. Raises as `load_to_look`."""
    settings = load_to_look(config)
    start_log(settings)
    return with_known_feeds(settings)


def with_known_feeds(settings: Settings) -> Settings:
    """The settings, with the feeds of the state (id and URL only) if the lists could not be read."""
    if settings.has_lists or not is_there(settings.state):
        return settings
    feeds, _ = read_status(settings.state)
    return settings.model_copy(update={"feeds": tuple(Feed(id=feed.id, url=feed.url) for feed in feeds)})


def output_dir(config: Path) -> Path:
    """The configured output directory."""
    return load_to_look(config).output.dir


def start_log(settings: Settings) -> None:
    """Sets up logging to the current standard error, without the secrets among the settings."""
    log.configure(level=settings.log.level, form=settings.log.format, secrets=settings.secrets)
