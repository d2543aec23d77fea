"""Feeds as users name them: by id, URL or tag."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from worker import urls
from worker.errors import FeedmillError
from worker.model import Feed, FeedId
from worker.settings import Settings


class UnknownFeed(FeedmillError):
    """No listed feed has that name. The text suggests the most similar one."""


def feeds_named(settings: Settings, names: Sequence[str], tag: str | None = None) -> list[Feed]:
    """The listed feeds with these ids or URLs, and those with `tag`; each once, in the order of the lists.

    Raises UnknownFeed.
    """
    by_id = {feed.id: feed for feed in settings.feeds}
    by_url = {urls.canonical(feed.url): feed for feed in settings.feeds}
    wanted: set[str] = set()
    for name in names:
        feed = by_id.get(FeedId(name)) or (by_url.get(urls.canonical(name)) if urls.absolute(name) else None)
        if feed is None:
            raise UnknownFeed(f"no feed {name!r} is listed{_hint(name, settings.feeds)}")
        wanted.add(feed.id)
    if tag is not None:
        wanted |= {feed.id for feed in feeds_with(settings, tag)}
    return [feed for feed in settings.feeds if feed.id in wanted]


def feeds_with(settings: Settings, tag: str) -> list[Feed]:
    """The listed feeds with the tag or one below it: `world` includes `world/asia`. Raises UnknownFeed if there are
    none."""
    found = [feed for feed in settings.feeds if has_tag(feed.tags, tag)]
    if not found:
        tags = sorted({own for feed in settings.feeds for own in feed.tags})
        raise UnknownFeed(f"no feed has the tag {tag!r}{near(tag, tags)}")
    return found


def has_tag(tags: Iterable[str], tag: str) -> bool:
    """Whether the tag, or one below it, is among the tags of a feed."""
    return any(own == tag or own.startswith(f"{tag}/") for own in tags)


def _hint(name: str, feeds: Sequence[Feed]) -> str:
    if urls.absolute(name) is not None:
        return near(name, [feed.public_url or feed.url for feed in feeds])
    return near(name, [feed.id for feed in feeds])


def near(name: str, choices: Sequence[str]) -> str:
    """The end of an error message about a wrong name: the most similar choice, or how to list all."""
    lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    close += [choice for choice in lower if name.lower() in choice][:1]
    return f"; did you mean {lower[close[0]]!r}?" if close else "; feedmill feeds lists them"
