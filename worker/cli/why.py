"""why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from worker import urls
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_to_look
from worker.cli.printing import clean, plain, print_json, print_line
from worker.cli.standing import hub_line, public, state_of, with_hub
from worker.model import FeedId, Millis
from worker.output import file_with, kept_out
from worker.store import EntryStory, FeedStatus, Queued, Story, key_of, read_feeds, read_hubs, read_story
from worker.wiring import app
from worker.words import ago, counted, due, span


def why(
    subject: Annotated[str, typer.Argument(help="An article's URL or record id, or a feed's URL or id.")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Says where an article is and why: what was decided about it, what it waits for, which file has it.

    For a feed, says when it is polled next and why then. A worker may run meanwhile. Exits with 1 if nothing is known.

    Example: feedmill why https://example.org/2026/11/lighthouse
    """
    settings = load_to_look(config)
    url = urls.canonical_if_any(urls.absolute(subject))
    story = read_story(settings.state, subject)
    known = read_feeds(settings.state)
    feeds = public(settings, known)
    near = [feeds[feed.id] for feed in known if url is not None and urls.host_of(feed.url) == urls.host_of(url)]
    hubs = read_hubs(settings.state, now=app.now())
    troubles = app.troubles(settings)
    if as_json:
        shown = [with_hub(plain(feeds[i]), hubs.get(i)) for i in story.feeds if i in feeds]
        print_json({**plain(story), "feeds": shown, "troubles": troubles})
    else:
        key = key_of(subject) if story.forgotten else None
        taken_down = key is not None and kept_out(settings.output.dir, key) is not None
        for line in _said(story, feeds, near, url, settings.output.dir, app.now(), taken_down=taken_down):
            print_line(line)
        for trouble in troubles if story.entries or story.feeds or not story.forgotten else ():
            print_line(Text("  now       ") + clean(trouble, 2000))
        for feed_id in story.feeds:
            if (hub := hubs.get(feed_id)) is not None:
                print_line(Text("  hub       ") + hub_line(hub, app.now()))
    if not story.is_known:
        raise typer.Exit(1)


def _said(
    story: Story,
    feeds: Mapping[FeedId, FeedStatus],
    near: Sequence[FeedStatus],
    url: str | None,
    out: Path,
    now: Millis,
    *,
    taken_down: bool,
) -> Iterator[Text]:
    """near: feeds on the host of `url`."""
    for entry in story.entries:
        yield from _entry(entry, feeds, out, now)
    for feed_id in story.feeds:
        yield from _feed(feeds.get(feed_id), feed_id, now)
    if story.forgotten:
        yield Text(f"{_forgotten(story, now, taken_down=taken_down)}: nothing is written of it any more.")
        if story.was_unknown:
            yield Text("  feedmill forget --undo lets it in again.")
    if not story.is_known:
        yield from _unknown(story, near, url, now)


def _unknown(story: Story, near: Sequence[FeedStatus], url: str | None, now: Millis) -> Iterator[Text]:
    yield Text("No listed feed has shown it.")
    for other in story.near:
        yield Text("  Did you mean ") + clean(other) + Text("?")
    if story.near:
        return
    for feed in near[:5]:
        yield Text("  A feed of its site: ") + clean(feed.id) + Text(", ") + _does(feed, now)
    if url is None:
        yield Text("  It is no URL, and no id that is known.")
    elif not near:
        yield Text(f"  No feed of {urls.host_of(url)} is listed.")


def _forgotten(story: Story, now: Millis, *, taken_down: bool) -> str:
    """taken_down: according to the output."""
    if story.forgotten_at is None:
        known = "It was taken down, or kept out, by feedmill forget"
        return known if taken_down else "It left its feed long ago, or was kept out or taken down"
    what, by = ("kept out", "forget --unknown") if story.was_unknown else ("taken down", "forget")
    return f"It was {what} {ago(story.forgotten_at, now)}, by feedmill {by}"


def _entry(entry: EntryStory, feeds: Mapping[FeedId, FeedStatus], out: Path, now: Millis) -> Iterator[Text]:
    yield Text("Article ", style="bold") + Text(entry.record_id) + Text("  ") + clean(entry.url or "without a URL")
    yield Text(f"  seen      {ago(entry.first_seen_at, now)}, in the feed ") + clean(entry.feed_id)
    if entry.duplicate_of is not None:
        yield Text(f"  duplicate of {entry.duplicate_of}: ") + clean(entry.reason or "")
    elif entry.revision:
        revision = "" if entry.revision == 1 else f", revision {entry.revision}"
        at = "before the state was recovered" if entry.revised_at is None else ago(entry.revised_at, now)
        yield Text(f"  written   {at}{revision}: ") + _what(entry)
        if entry.extraction == "ok" and entry.reason and entry.gone_since is not None:
            yield Text("  last look ") + clean(entry.reason)
        if entry.removed_lines:
            lines = counted(entry.removed_lines, "line")
            yield Text(f"  left out  {lines} of its text, which its site has under many of its articles")
        yield Text("  file      ") + clean(_file(entry, out))
        yield from _story(entry)
    elif entry.reason:
        yield Text("  not written: ") + clean(entry.reason)
    if entry.gone_since is not None:
        yield Text(f"  its page is gone since {ago(entry.gone_since, now)}; a deletion is written once that is sure")
    if entry.queued is not None:
        yield from _waiting(entry.queued, now)
    feed = feeds.get(entry.feed_id)
    yield Text("  feed      ") + (_does(feed, now) if feed else Text("no longer listed"))


def _story(entry: EntryStory) -> Iterator[Text]:
    if not entry.story:
        return
    of = f", a near-duplicate of {entry.copy_of}" if entry.copy_of else ""
    yield Text(f"  story     {entry.cluster_id}{of}; its other copies:")
    yield from (Text("            ") + clean(url) for url in entry.story)


def _what(entry: EntryStory) -> Text:
    """The extraction and its reason. If the page is gone since, the reason is about that and is left out."""
    if entry.extraction == "skipped":
        return Text("skipped, as its page was not asked for: the text is the feed's own")
    what = Text(entry.extraction or "taken back")
    is_of_text = entry.extraction != "ok" or entry.gone_since is None
    return what + Text(", ") + clean(entry.reason) if entry.reason and is_of_text else what


def _file(entry: EntryStory, out: Path) -> str:
    if entry.unpublished:
        return "not yet: it is sealed as output.seal_after says"
    found = file_with(out, entry.paths, entry.record_id)
    if found is not None:
        return str(found)
    since = "removed since" if entry.paths else "not noted"
    return f"{since}; feedmill records --history {entry.record_id} reads what there is of it"


def _waiting(work: Queued, now: Millis) -> Iterator[Text]:
    if work.quarantined:
        yield Text(f"  put aside after {counted(work.errors, 'failure')} of ours: ") + clean(work.error or "")
        return
    what = {"new": "to be read", "retry": "to be tried again", "look": "to be looked at again"}[work.kind]
    if work.under_way:
        yield Text(f"  queued    {what}: under way")
        return
    at = max(work.due_at, work.not_before if work.host else 0)
    yield Text(f"  queued    {what} {ago(Millis(at), now) if at > now else 'as soon as it is its turn'}")
    if work.not_before > max(now, work.due_at):
        asked = f"is asked each {span(work.delay_ms)}, next {ago(work.not_before, now)}"
        yield Text(f"            its host, {work.host}, {asked}")
    if work.tries or work.waits:
        waited = f", asked for patience {counted(work.waits, 'time')}" if work.waits else ""
        yield Text(f"            failed {counted(work.tries, 'time')}{waited}: ") + clean(work.error or "")


def _feed(feed: FeedStatus | None, feed_id: FeedId, now: Millis) -> Iterator[Text]:
    yield Text("Feed ", style="bold") + clean(feed_id)
    if feed is None:
        yield Text("  no longer listed")
        return
    yield Text("  state     ") + state_of(feed, now)
    yield Text(f"  polled    {_polls(feed, now)}")
    if feed.why:
        yield Text("  because   ") + clean(feed.why)
    last = ago(feed.new_at, now)
    left_out = f"; {feed.skipped} left out by its rules" if feed.skipped else ""
    yield Text(f"  entries   {feed.new_last} new at the last poll, {feed.new_total} in all, the last {last}{left_out}")


def _does(feed: FeedStatus, now: Millis) -> Text:
    return state_of(feed, now) + Text(f"; polled {_polls(feed, now)}")


def _polls(feed: FeedStatus, now: Millis) -> str:
    after = "no more for now" if feed.next_poll_at is None else f"next {due(feed.next_poll_at, now)}"
    return f"{ago(feed.polled_at, now)}, {after}"
