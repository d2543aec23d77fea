"""feeds."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from worker.cli.naming import feeds_with
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_lists
from worker.cli.printing import clean, plain, print_json, print_line, print_table
from worker.cli.standing import public, state_of
from worker.model import Feed, Millis
from worker.settings import seconds
from worker.store import FeedStatus, is_there, read_status
from worker.wiring import app
from worker.words import ago, counted, span

Standing = tuple[Feed, FeedStatus | None]
"""A feed as listed, and as the state knows it; None if no worker has seen it yet."""


def feeds(
    tag: Annotated[str | None, typer.Option("--tag", help="Only feeds with this tag, or one below it.")] = None,
    failing: Annotated[bool, typer.Option("--failing", help="Only feeds whose last poll failed.")] = False,
    paused: Annotated[bool, typer.Option("--paused", help="Only feeds that are paused.")] = False,
    silent: Annotated[
        str | None, typer.Option("--silent", help="Only feeds without a new entry for this long.", metavar="30d")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Lists the configured feeds and their condition. Filters can be combined.

    Reads the feed lists and the state, also while a worker runs. Feeds that were never polled are listed, too.

    Example: feedmill feeds --tag world --silent 30d
    """
    settings = load_lists(config)
    known = public(settings, read_status(settings.state)[0] if is_there(settings.state) else [])
    wanted = partial(_is_wanted, failing=failing, paused=paused, silent_ms=_silent_ms(silent), now=app.now())
    tagged = settings.feeds if tag is None else feeds_with(settings, tag)
    found = [(feed, known.get(feed.id)) for feed in tagged if wanted(known.get(feed.id))]
    if as_json:
        print_json({"feeds": [_plain(feed, status) for feed, status in found]})
        return
    if found:
        print_table(_table(found, app.now()))
    of = "" if len(found) == len(settings.feeds) else f" of {len(settings.feeds)}"
    print_line(f"{counted(len(found), 'feed')}{of}")


def _silent_ms(text: str | None) -> float | None:
    if text is None:
        return None
    found = seconds(text)
    if found is None:
        raise typer.BadParameter("expected a duration such as 12h or 30d", param_hint="--silent")
    return found * 1000


def _is_wanted(status: FeedStatus | None, *, failing: bool, paused: bool, silent_ms: float | None, now: Millis) -> bool:
    if status is None:
        return not failing and not paused and silent_ms is None
    if (failing and not status.errors) or (paused and not status.paused):
        return False
    return silent_ms is None or now - (status.new_at or 0) > silent_ms


def _plain(feed: Feed, status: FeedStatus | None) -> dict[str, Any]:
    """For JSON, without what may be secret: the headers, and parts of the URL that came from the environment."""
    listed = {
        "id": feed.id,
        "url": feed.public_url or feed.url,
        "title": feed.title,
        "tags": feed.tags,
        "every_s": feed.every_s,
        "cron": feed.cron,
        "full_text": feed.full_text,
    }
    return {**listed, "state": None if status is None else {**plain(status), "url": listed["url"]}}


def _table(found: list[Standing], now: Millis) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("feed", "tags", "polled", "last new"):
        table.add_column(name, overflow="fold", no_wrap=name in ("polled", "last new"))
    table.add_column("all", justify="right")
    table.add_column("state", overflow="fold")
    for feed, status in found:
        table.add_row(
            clean(feed.id) + Text("\n") + Text(clean(feed.public_url or feed.url).plain, style="dim"),
            clean(", ".join(feed.tags)),
            _pace(feed),
            ago(status.new_at, now) if status else "",
            str(status.new_total) if status else "",
            state_of(status, now) if status else Text("not taken up yet"),
        )
    return table


def _pace(feed: Feed) -> str:
    if feed.cron is not None:
        return feed.cron
    return "as it publishes" if feed.every_s is None else f"each {span(round(feed.every_s * 1000))}"
