"""Adds feeds to a feed list. The list is checked as a whole before it is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from worker import urls
from worker.errors import FeedmillError, StateError
from worker.model import Feed, State
from worker.settings import Item, Settings, added, is_opml, load, replace
from worker.store import is_there, read_moved


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A feed list before and after feeds are added."""

    path: Path
    before: bytes
    after: bytes
    settings: Settings
    """With the new feeds."""
    new: Sequence[Feed]
    known: Sequence[Feed]
    """Feeds that were to be added but are listed already, in this or another list, perhaps at an address that redirects
    to the new one."""

    def write(self) -> None:
        """Raises ConfigError if the list has changed meanwhile or can't be written."""
        replace(self.path, self.before, self.after)

    def shown(self) -> str:
        """The new lines."""
        before = self.before.decode().splitlines()
        lines = self.after.decode().splitlines()
        start = next((n for n, (a, b) in enumerate(zip(before, lines, strict=False)) if a != b), len(before))
        end = len(lines) - (len(before) - start)
        return f"{self.path}:{start + 1}\n" + "\n".join(lines[start : max(end, start + 1)])


def listed(config: Path, settings: Settings, items: Sequence[Item], *, into: Path | None = None) -> Listing:
    """Adds `items` to the list `into`, by default the first YAML list, leaving out those that are listed already.

    Raises ConfigError with everything that would be wrong with the new list.
    """
    path = _list(settings, into)
    by_url = {urls.canonical(feed.url): feed for feed in settings.feeds}
    moved = {urls.canonical(to): by_url.get(urls.canonical(url)) for url, to in _moved(settings.state).items()}
    by_url = {to: feed for to, feed in moved.items() if feed is not None} | by_url
    known = {key: by_url[key] for item in items if (key := _key(item)) in by_url}
    new = {key: item for item in items if (key := _key(item)) not in by_url}
    before = path.read_bytes()
    text = before.decode("utf-8-sig")
    bom = before[: len(before) - len(text.encode())]
    after = bom + added(text, list(new.values()), name=str(path)).encode() if new else before
    found = load(config, os.environ, instead={path: after})
    return Listing(
        path=path,
        before=before,
        after=after,
        settings=found,
        new=[feed for feed in found.feeds if urls.canonical(feed.url) not in by_url],
        known=list(known.values()),
    )


def _moved(state: State) -> Mapping[str, str]:
    with suppress(StateError):  # then only what is listed is known
        return read_moved(state) if is_there(state) else {}
    return {}


def _key(item: Item) -> str:
    """The canonical URL. An invalid one is returned as it is; checking the list reports it."""
    url = str(item["url"])
    return urls.canonical(url) if urls.absolute(url) is not None else url


def _list(settings: Settings, into: Path | None) -> Path:
    lists = [path for path in settings.files[1:] if not is_opml(path.name)]
    if into is not None:
        lists = [path for path in lists if path.resolve() == into.resolve()]
    if not lists:
        named = ", ".join(str(path) for path in settings.files[1:])
        raise FeedmillError(f"{into or 'no list in YAML'} is not among the feed lists of the configuration: {named}")
    return lists[0]
