"""pause, resume, poll, retry."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from worker import app, urls
from worker.cli.asking import said
from worker.cli.naming import feeds_named
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_and_log, load_to_change
from worker.cli.printing import clean, console, counted, errors, plain, print_json
from worker.cli.running import stop_on_signal
from worker.cli.status import state_of
from worker.errors import StateLocked
from worker.model import FeedId
from worker.pipeline import of_feeds
from worker.settings import Settings
from worker.store import FeedStatus, read_status

PATIENCE_S = 90.0
"""For a poll by the worker that runs: two tries of a host that is slow."""

Names = Annotated[list[str] | None, typer.Argument(help="Feeds, by id or URL.", metavar="[FEED]...")]
Tag = Annotated[str | None, typer.Option("--tag", help="All feeds with this tag, or one below it.")]


def pause(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Polls feeds no more until they are resumed; their lists stay as they are.

    What is queued of their entries is still read. Beside a running worker it asks that one.

    Example: feedmill pause example.org-feed.xml
    """
    _steer("pause", names, tag, config)


def resume(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Ends a pause; the feeds are due at once.

    Example: feedmill resume --tag world
    """
    _steer("resume", names, tag, config)


def poll(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Polls feeds now, due or not, paused or not, and says what came of it.

    Politely: each at its host's turn. Beside a running worker it asks that one, and waits for it; where none runs, new
    entries are ingested, too. Ends with 1 where not one of them could be polled.

    Example: feedmill poll https://example.org/feed.xml
    """
    settings = load_and_log(config)
    ids = _ids(settings, names, tag)
    asked_at = app.now()
    try:
        asyncio.run(_polled(settings, ids))
    except StateLocked:
        said(settings, "poll", of_feeds(ids))
        _await(settings, ids, since=asked_at)
    polled = [feed for feed in read_status(settings.state)[0] if feed.id in set(ids)]
    if as_json:
        print_json({"feeds": [plain(feed) for feed in polled]})
    else:
        for feed in polled:
            console.print(clean(feed.id), _came(feed, asked_at), soft_wrap=True)
    if not any(feed.error is None and (feed.polled_at or 0) >= asked_at for feed in polled):
        raise typer.Exit(1)


def retry(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Feeds, or one article by its URL or record id; without any, all.", metavar="[FEED|URL]..."
        ),
    ] = None,
    tag: Tag = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Tries again what was put aside after failures of feedmill's own; of an article that is named, what waits as well.

    Example: feedmill retry
    """
    settings = load_to_change(config)
    article = names[0] if names and len(names) == 1 and tag is None and _is_article(settings, names[0]) else None
    feeds = of_feeds(_ids(settings, names, tag)) if (names or tag) and article is None else ""
    console.print(said(settings, "retry", article or feeds), soft_wrap=True)


def _steer(verb: str, names: Sequence[str] | None, tag: str | None, config: ConfigFile) -> None:
    settings = load_to_change(config)
    console.print(said(settings, verb, of_feeds(_ids(settings, names, tag))), soft_wrap=True)


def _ids(settings: Settings, names: Sequence[str] | None, tag: str | None) -> list[FeedId]:
    if not names and tag is None:
        errors.print("name feeds by id or URL, or all with a tag by --tag; feedmill feeds lists them")
        raise typer.Exit(2)
    if tag is not None and not settings.has_lists:
        errors.print("which feeds have a tag, the lists say: mend them, or name feeds by id or URL")
        raise typer.Exit(2)
    return [feed.id for feed in feeds_named(settings, names or (), tag)]


def _is_article(settings: Settings, name: str) -> bool:
    """What is no feed, but may be an article."""
    if re.fullmatch("[0-9a-f]{32}", name):
        return True
    if urls.absolute(name) is None:
        return False
    return urls.canonical(name) not in {urls.canonical(feed.url) for feed in settings.feeds}


async def _polled(settings: Settings, ids: Sequence[FeedId]) -> None:
    with stop_on_signal() as stop:
        await app.work(settings, stop=stop, until_idle=True, only=ids)


def _await(settings: Settings, ids: Sequence[FeedId], *, since: int) -> None:
    """Until the worker has polled them all, or it takes too long."""
    waiting = set(ids)
    until = time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < until:
        time.sleep(0.3)
        waiting -= {feed.id for feed in read_status(settings.state)[0] if (feed.polled_at or 0) >= since}
    if waiting:
        errors.print(f"{counted(len(waiting), 'feed')} not polled yet: their hosts' turn is still to come")


def _came(feed: FeedStatus, since: int) -> str:
    if (feed.polled_at or 0) < since:
        return "is due, and not polled yet"
    return f"{state_of(feed, app.now())}; {feed.new_last} new"
