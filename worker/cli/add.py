"""add, discover."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from worker import urls
from worker.cli.listing import Listing, listed
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from worker.cli.printing import clean, plain, print_json, print_line, print_note
from worker.errors import FeedmillError
from worker.model import Feed
from worker.pipeline import Article, Discovered, Discovery, Tried
from worker.settings import Settings, load, wrong
from worker.wiring import app
from worker.wiring.scouting import Scout, scouting
from worker.words import ago, counted

Url = Annotated[str, typer.Argument(help="A feed, or a page of its site.", metavar="URL")]
_SHOWN = 240
"""Characters of an article's text that --try prints."""
_LEFT_OUT = 5
"""How many of the entries left out by rules --try prints."""


def add(
    url: Url,
    id: Annotated[str | None, typer.Option("--id", help="Its permanent name; by default made from its URL.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="Shown instead of the feed's own title.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be repeated.")] = None,
    every: Annotated[str | None, typer.Option("--every", help="Time between polls.", metavar="15m")] = None,
    cron: Annotated[str | None, typer.Option("--cron", help="When to poll, as a cron expression.")] = None,
    full_text: Annotated[str | None, typer.Option("--full-text", help="auto, always or never.")] = None,
    into: Annotated[
        Path | None, typer.Option("--list", help="The feed list to change; by default the first YAML list.")
    ] = None,
    trial: Annotated[bool, typer.Option("--try", help="Show what the feed would yield; write nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the lines to be added; write nothing.")] = False,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Add the URL as it is, without fetching it.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Adds a feed to the feed list, given its URL or its site's. The rest of the list stays as it is.

    The feed is found and fetched first. With --try it is also polled, and its first articles are extracted, by the
    rules it would have or, if it is listed already, has; neither the list nor the state changes.

    Example: feedmill add https://example.org --tag world --every 15m
    """
    settings, url = load(config, os.environ, blank=True), urls.of_feed_scheme(url)
    stated = {"id": id, "title": title, "tags": tag, "every": every, "cron": cron, "full_text": full_text}
    said = {key: value for key, value in stated.items() if value}
    _check(said)

    def with_url(found: str) -> Listing:
        return listed(config, settings, [{"url": found, **said}], into=into)

    if trial:
        _show(*asyncio.run(_tried(settings, url, with_url, unchecked=unchecked)), as_json)
        return
    chosen = url if unchecked else _chosen(_discovered(settings, url), url)
    listing = with_url(chosen)
    if not listing.new:
        (known,) = listing.known
        moved = "" if urls.canonical(known.url) == urls.canonical(chosen) else ", which has moved there for good"
        named = f"{known.public_url or known.url}{moved}"
        print_line(f"{known.id} is listed already: {named}")
        return
    (feed,) = listing.new
    if dry_run:
        print_line(listing.shown())
        return
    listing.write()
    if as_json:
        print_json({"id": feed.id, "url": feed.public_url or feed.url, "list": str(listing.path)})
    else:
        print_line(f"{feed.id} added to {listing.path}: {feed.public_url or feed.url}")


def _check(said: Mapping[str, str | list[str]]) -> None:
    """Checks the options before anything is fetched or written. Raises BadParameter, which names the option."""
    for key, problem in wrong({"url": "https://example.org/", **said}).items():
        option = {"": "--every, --cron", "tags": "--tag"}.get(key, f"--{key.replace('_', '-')}")
        raise typer.BadParameter(problem, param_hint=option)


def discover(url: Url, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Finds the feeds of a site: from its address, the links in its page, and the usual places. Fetches each of them.

    As politely as a poll, and no URL twice. Exits with 1 if there is none.

    Example: feedmill discover https://example.org
    """
    settings, url = load(config, os.environ, blank=True), urls.of_feed_scheme(url)
    discovery = _discovered(settings, url)
    if as_json:
        unseen = [{"url": feed.url, "title": feed.title} for feed in discovery.unseen]
        print_json(
            {"found": [plain(feed) for feed in discovery.found], "unseen": unseen, "problem": discovery.problem or None}
        )
    else:
        for feed in discovery.found:
            print_line(_line(feed))
        for other in discovery.unseen:
            print_line(Text("  also named, not looked at: ") + clean(other.url))
        if discovery.problem:
            print_note(Text("no feed found: ") + clean(discovery.problem))
    if not discovery.found:
        raise typer.Exit(1)


async def _tried(
    settings: Settings, url: str, with_url: Callable[[str], Listing], *, unchecked: bool
) -> tuple[Feed, Tried]:
    """Finds the feed and tries it, from the same answers: nothing is fetched twice."""
    async with scouting(settings) as scout:
        listing = with_url(url if unchecked else _chosen(await _discovery(scout, url), url))
        (feed,) = listing.new or listing.known
        return feed, await scout.tried(feed, listing.settings)


def _discovered(settings: Settings, url: str) -> Discovery:
    async def run() -> Discovery:
        async with scouting(settings) as scout:
            return await _discovery(scout, url)

    return asyncio.run(run())


async def _discovery(scout: Scout, url: str) -> Discovery:
    try:
        return await scout.discover(url if "://" in url else f"https://{url}")
    except urls.BadUrl as error:
        raise FeedmillError(f"{error}; such as https://example.org") from None


def _chosen(discovery: Discovery, url: str) -> str:
    """The URL to list. The other feeds that were found are printed."""
    if not discovery.found:
        problem = clean(discovery.problem).plain
        raise FeedmillError(f"no feed found at {url}: {problem}; --unchecked adds it all the same")
    first, *others = discovery.found
    print_note(_line(first))
    for other in others:
        print_note(Text("  there is another: ") + _line(other))
    if urls.without_credentials(url) != url and urls.canonical(first.url) == urls.canonical(url):
        return url
    return first.url


def _line(feed: Discovered) -> Text:
    newest = f", newest {ago(feed.newest_at, app.now())}" if feed.newest_at is not None else ""
    title = clean(f"  {feed.title}", 80) if feed.title else Text("")
    return clean(feed.url) + title + Text(f"  ({counted(feed.entries, 'item')}{newest}; {feed.how})", style="dim")


def _show(feed: Feed, tried: Tried, as_json: bool) -> None:
    if as_json:
        print_json(plain(tried))
    else:
        for line in _said(feed, tried):
            print_line(line)
    if tried.error is not None:
        raise typer.Exit(1)


def _said(feed: Feed, tried: Tried) -> Iterator[Text]:
    if tried.error is not None:
        yield clean(feed.id) + Text(" gives nothing: ") + clean(tried.error)
        return
    yield clean(tried.title or feed.id) + Text(f": {counted(tried.entries, 'item')}; of the first ones would come")
    for article in tried.articles:
        yield from _article(article)
    if tried.left_out:
        yield Text(f"\n{counted(len(tried.left_out), 'item')} left out by rules")
    for article in tried.left_out[:_LEFT_OUT]:
        yield Text("  ") + clean(article.url or "without a URL") + Text("  ") + clean(article.reason)
    yield Text("Nothing was written.", style="dim")


def _article(article: Article) -> Iterator[Text]:
    record = article.record
    if record is None:
        yield Text("\n") + clean(article.url) + Text("\n  nothing: ") + clean(article.reason)
        return
    about: dict[str, Any] = record["_ingest"]
    yield Text("\n") + Text(clean(record.get("title") or "without a title").plain, style="bold")
    yield Text("  ") + clean(record.get("url") or article.url)
    words = f"{about['extraction']}, {counted(about['word_count'] or 0, 'word')}"
    authors = ", ".join(author["name"] for author in record.get("authors", ()))
    yield Text("  ") + clean("; ".join(filter(None, (words, record.get("date_published"), authors, article.reason))))
    if record["content_text"]:
        yield Text("  ") + clean(record["content_text"], _SHOWN)
