"""How a feed and its hub do, as commands tell of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from rich.text import Text

from worker.cli.printing import clean, plain
from worker.log import told
from worker.model import Feed, FeedId, Millis
from worker.settings import Settings
from worker.store import FeedStatus, HubStatus
from worker.urls import without_credentials
from worker.words import ago, counted, span


def public(settings: Settings, feeds: Iterable[FeedStatus]) -> dict[FeedId, FeedStatus]:
    """The statuses without secrets, by feed: a feed's URL in the state, and what its server made of it, may have parts
    that came from the environment."""
    listed = {feed.id: feed for feed in settings.feeds}
    return {feed.id: _public(feed, listed.get(feed.id)) for feed in feeds}


def _public(feed: FeedStatus, listed: Feed | None) -> FeedStatus:
    moved_to, suggestion = (url and told(without_credentials(url)) for url in (feed.moved_to, feed.suggestion))
    error, flaw = (text and told(text) for text in (feed.error, feed.flaw))
    url = listed.public_url if listed else ""
    return dataclasses.replace(feed, url=url, moved_to=moved_to, suggestion=suggestion, error=error, flaw=flaw)


def with_hub(feed: dict[str, Any], hub: HubStatus | None) -> dict[str, Any]:
    """A feed for JSON, with its hub; null if it has none."""
    return {**feed, "hub": None if hub is None else plain(hub)}


def hub_line(hub: HubStatus, now: Millis) -> Text:
    """The condition of a hub, in a line."""
    match hub.standing:
        case "subscribed":
            heard = "" if hub.pushed_at is None else f", last {ago(hub.pushed_at, now)}"
            said = f" tells of new entries for another {span((hub.lease_until or now) - now)}{heard}"
        case "lapsed":
            said = f" told of new entries until {ago(hub.lease_until, now)}, and has not agreed again"
        case "asked":
            said = " is asked to tell of new entries, and has not agreed"
        case "denied":
            said = " does not tell of new entries"
    return clean(hub.url) + Text(said) + (Text(": ") + clean(hub.error) if hub.error else Text(""))


def state_of(feed: FeedStatus, now: Millis) -> Text:
    """The condition of a feed, in a few words. Takes a status without secrets, see `public`."""
    if feed.polled_at is None:
        return Text("paused, not polled yet" if feed.paused else "not polled yet")
    said = _error(feed, now) if feed.error else Text("ok" if feed.status != 304 else "ok, unchanged")
    if feed.flaw:
        said += Text("; its document is flawed: ") + clean(feed.flaw)
    if feed.paused:
        said += Text("; paused")
    if feed.retired:
        said += Text("; retired, not polled any more: take it out of the list, or give it another URL")
    if feed.gaps:
        said += Text(f"; {counted(feed.gaps, 'gap')}, about {feed.coverage:.0%} of its entries seen")
    if feed.moved_to:
        said += Text("; moved for good to ") + clean(feed.moved_to)
    if feed.suggestion and feed.suggestion not in (feed.error or ""):  # the error may name what its own page names
        said += Text("; its site names ") + clean(feed.suggestion)
    return said


def _error(feed: FeedStatus, now: Millis) -> Text:
    """The last error, and how many polls in a row have failed for any reason."""
    since = f", over {span(now - feed.failing_since)}" if feed.failing_since else ""
    row = f" ({counted(feed.errors, 'failure')} in a row{since})" if feed.errors > 1 else ""
    return clean(feed.error or "", 1000) + Text(row)
