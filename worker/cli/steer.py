"""pause, resume, retry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from worker import urls
from worker.cli.asking import said
from worker.cli.naming import feeds_named
from worker.cli.options import DEFAULT_CONFIG, ConfigFile, load_to_change
from worker.cli.printing import print_line, print_note
from worker.model import FeedId
from worker.pipeline import NOTHING_TO_READ, of_feeds
from worker.record import is_id
from worker.settings import Settings

Names = Annotated[list[str] | None, typer.Argument(help="Feeds, by id or URL.", metavar="[FEED]...")]
Tag = Annotated[str | None, typer.Option("--tag", help="All feeds with this tag, or one below it.")]


def pause(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Stops polling feeds until they are resumed, even if they leave the lists meanwhile. The lists stay as they are.

    Entries that are already queued are still ingested. A worker may run meanwhile.

    Example: feedmill pause example.org-feed.xml
    """
    _steer("pause", names, tag, config)


def resume(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Ends a pause. The feeds are due at once.

    Example: feedmill resume --tag world
    """
    _steer("resume", names, tag, config)


def retry(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Feeds, or one article by its URL or record id; by default all feeds.", metavar="[FEED|URL]..."
        ),
    ] = None,
    tag: Tag = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Tries again what was put aside after errors in feedmill itself. With an article, reads that article again.

    An article that is still queued is due now. One that is written is read again from its feed and page; if its feed no
    longer shows it, from its page alone. If the result differs, it is written as an update. Exits with 1 if the article
    is unknown.

    Example: feedmill retry https://example.org/2026/11/lighthouse
    """
    settings = load_to_change(config)
    article = names[0] if names and len(names) == 1 and tag is None and _is_article(settings, names[0]) else None
    feeds = of_feeds(ids_named(settings, names, tag)) if (names or tag) and article is None else ""
    answer = said(settings, "retry", article or feeds)
    (print_note if answer == NOTHING_TO_READ else print_line)(answer)
    if answer == NOTHING_TO_READ:
        raise typer.Exit(1)


def _steer(verb: str, names: Sequence[str] | None, tag: str | None, config: ConfigFile) -> None:
    settings = load_to_change(config)
    print_line(said(settings, verb, of_feeds(ids_named(settings, names, tag))))


def ids_named(settings: Settings, names: Sequence[str] | None, tag: str | None) -> list[FeedId]:
    """The ids of the named feeds. Exits with 2 if none is named."""
    if not names and tag is None:
        print_note("name feeds by id or URL, or give --tag; feedmill feeds lists them")
        raise typer.Exit(2)
    if tag is not None and not settings.has_lists:
        print_note("--tag needs the feed lists: correct them, or name feeds by id or URL")
        raise typer.Exit(2)
    return [feed.id for feed in feeds_named(settings, names or (), tag)]


def _is_article(settings: Settings, name: str) -> bool:
    """Whether the name is not a feed's but may be an article's."""
    if is_id(name):
        return True
    if urls.absolute(name) is None:
        return False
    return urls.canonical(name) not in {urls.canonical(feed.url) for feed in settings.feeds}
