"""Requests of commands to the process that holds the state: what each verb does, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

import orjson

from worker import rules, urls
from worker.dedup import Name, name_of
from worker.errors import OutputError
from worker.feeds import encode_entry
from worker.model import Feed, FeedId, Millis
from worker.pipeline.replay import entry_of
from worker.pipeline.shards import Shards
from worker.store import AtRest, Look, Store
from worker.words import counted

NOTHING_KNOWN = (
    "nothing is known of it, so nothing was changed: is it the article's URL, in full? feedmill why names what is "
    "like it. With --unknown it is kept out all the same, should it ever come"
)

TAKEN_DOWN = "it was taken down with what was known of it, and there is no way back from that"
NOT_KEPT_OUT = "it is not kept out by feedmill forget, so nothing was changed; feedmill why says more"
NOT_LET_IN = "not let in yet, as not all of the output could be gone through: "
NOTHING_TO_READ = "nothing is known of it, so nothing is read again; feedmill why names what is like it"
SHOWN = "if that shows it still"
NOT_ALL = "forgotten, and will not come back; but not all of the output could be gone through: "


def of_feeds(feed_ids: Sequence[FeedId]) -> str:
    """The subject of a request about feeds."""
    return orjson.dumps(feed_ids).decode()


async def carry_out(
    verb: str, subject: str, *, store: Store, shards: Shards, feeds: Mapping[FeedId, Feed], now: Millis
) -> str:
    """Does what is asked. Returns the answer. Raises StateError; then it may be asked again. feeds: those that are
    listed, as far as the lists can be read.

    The subject of `forget`, `keep_out` and `let_in` is a URL or a record id. `keep_out` also accepts what is unknown,
    and `let_in` ends that. For `pause`, `resume` and `poll` the subject is `of_feeds`; for `retry` either of these, or
    empty for everything that was put aside.
    """
    name = name_of(subject)
    match verb:
        case "forget" | "keep_out" if name:
            return await _forget(name, unknown=verb == "keep_out", store=store, shards=shards, now=now)
        case "let_in" if name:
            return await _let_in(name, store=store, shards=shards, now=now)
        case "retry" if name:
            return await _read_again(name, store=store, shards=shards, feeds=feeds, now=now)
        case "retry" if not subject or subject.startswith("["):
            due = await store.retry(now=now, feed_ids=_feeds(subject or "[]"))
            return f"{counted(due, 'entry', 'entries')} due again"
        case "pause":
            paused = await store.pause(_feeds(subject))
            return f"{counted(paused, 'feed')} paused; entries that are queued are still read"
        case "resume":
            return f"{counted(await store.resume(_feeds(subject), now=now), 'feed')} resumed, and due"
        case "poll":
            return f"{counted(await store.hasten(_feeds(subject), now=now), 'feed')} due now, each at its host's turn"
        case _:
            return f"this feedmill can't {verb}"


async def _forget(name: Name, *, unknown: bool, store: Store, shards: Shards, now: Millis) -> str:
    """What fails here is completed by the next `take_down`. Of an article that left its feed long ago the state has
    only keys; its record ids are looked up in the output."""
    known = await store.knows(name)
    if not known and not unknown:
        return NOTHING_KNOWN
    entries = await store.forget(name, now=now)
    try:
        if name.url is not None and not entries:
            for id in await shards.ids_at(name.url):
                await store.forget(Name(id), now=now)
        records = await shards.take_down(now=now)
    except OutputError as error:
        return f"{NOT_ALL}{error}"
    if not shards.holds_all:
        forgotten = f"{counted(entries, 'entry', 'entries')} forgotten"
        return f"{forgotten}; each shard's records are taken out within seconds by the worker that holds it"
    if entries or records:
        taken = f"{counted(records, 'record')} taken out of the output"
        return f"{taken}, {counted(entries, 'entry', 'entries')} forgotten; it will not come back"
    if not known:
        return "nothing of it was known; it will be kept out"
    return "nothing of it is left to take out: it is kept out already"


async def _let_in(name: Name, *, store: Store, shards: Shards, now: Millis) -> str:
    try:
        became = await store.let_in(name, in_output=await shards.kept_out(name.key), now=now)
        if became == "let in":
            await shards.take_down(now=now)
    except OutputError as error:
        return f"{NOT_LET_IN}{error}"
    match became:
        case "taken down":
            return TAKEN_DOWN
        case "not kept out":
            return NOT_KEPT_OUT
        case "let in":
            return (
                "let in again: it comes with the next poll of a feed of its site, and when any other next shows it new"
            )
        case _ as never:
            assert_never(never)


async def _read_again(name: Name, *, store: Store, shards: Shards, feeds: Mapping[FeedId, Feed], now: Millis) -> str:
    looks, unseen = [], ""
    at_rest = await store.at_rest(name)
    for written in at_rest:
        found = await _look(written, shards=shards, feed=feeds.get(written.feed_id), now=now)
        if isinstance(found, Look):
            looks.append(found)
        else:
            unseen = found
    again = await store.read_again(name, now=now, looks=looks)
    if not again.known:
        return NOTHING_TO_READ
    said = [f"{counted(again.due, 'entry', 'entries')} due again"] if again.due else []
    if again.polls:
        polled = "its feed is" if again.polls == 1 else f"{again.polls} feeds of it are"
        said.append(f"{polled} due now, in full, and it is read again" + ("" if again.pages else f" {SHOWN}{unseen}"))
    elif at_rest and not any(written.is_listed for written in at_rest):
        said.append("its feed is not listed any more, so it is not read again")
    return "; ".join(said) or "nothing is due for it: it is being read now, or not to be read; feedmill why says more"


async def _look(written: AtRest, *, shards: Shards, feed: Feed | None, now: Millis) -> Look | str:
    """A `Look` at the article's page, in case its feed no longer shows it, with what the feed said according to its
    record; or why that is not possible, as a continuation of `SHOWN`."""
    if feed is None:
        return "; its page by itself can't be asked for while the lists have mistakes"
    if not written.has_page:
        return "; its link leads to no page of its own"
    if feed.full_text == "never":
        return "; its page is not asked for (full_text: never)"
    try:
        at = written.revised_at
        record = await shards.record_of(written.record_id, revision=written.revision, at=at, now=now)
    except OutputError as error:
        return f"; its record can't be read ({error}), which has what else is known of its page"
    if record is None:
        return "; its record is no longer in the output, which had what else was known of its page"
    entry = entry_of(record)
    if entry.url is None:
        return "; its record does not say what its page is"
    page = rules.page_url(urls.uncached(entry.url), feed.rules.rewrite)
    return Look(record_id=written.record_id, url=page, entry=encode_entry(entry))


def _feeds(subject: str) -> list[FeedId]:
    return [FeedId(feed_id) for feed_id in orjson.loads(subject)]
