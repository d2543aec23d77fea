"""What is read on the way of every piece of work is found by an index, however much the state holds."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from tests.store.samples import HOUR, MINUTE, Run, key, make_draft, make_entry, make_version
from worker.dedup import Name
from worker.errors import StateError
from worker.model import Broken, HandedBack, Ingest, Millis, Moved, Poll, Retry
from worker.store import (
    Reader,
    copies,
    entries_by_day,
    entries_of,
    feeds_by_id,
    feeds_page,
    longest_failing,
    quarantine,
    read_feeds,
    read_overview,
    read_story,
    story_of,
    told_alike,
)
from worker.store.known.keys import stored

GROWING = {"feed", "host", "slot", "work", "entry", "identity", "content", "outbox", "segment", "site"}
GROWING |= {"sketch", "shingle", "reprint"}
Statements = dict[str, Any]


@contextmanager
def keys_looked_for() -> Iterator[set[bytes]]:
    """The keys under which entries are looked for meanwhile."""
    keys: set[bytes] = set()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT") and "FROM identity" in statement:
            keys.update(parameters.values() if isinstance(parameters, dict) else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield keys
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def statements() -> Iterator[Statements]:
    """The statements that are executed meanwhile, each with the first of its parameters."""
    found: Statements = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        found.setdefault(statement, parameters[0] if many else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def scans(path: Path, found: Statements) -> list[tuple[str, str]]:
    """The statements that go through a whole table that grows, and how SQLite says so. The first rows in the order of
    their ids are a scan to it too, but not a long one."""
    connection = sqlite3.connect(path)
    scanned = []
    for statement, parameters in found.items():
        first_rows = "LIMIT" in statement and "WHERE" not in statement
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT") and not first_rows:
            for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                table = re.match(r"SCAN (\w+)", detail)
                if table and table[1] in GROWING:
                    scanned.append((detail, statement))
    connection.close()
    return scanned


def used_indexes(path: Path, found: Statements) -> set[str]:
    """The names of the indexes that SQLite takes for these statements."""
    connection = sqlite3.connect(path)
    plans = [
        detail
        for statement, parameters in found.items()
        if statement.startswith("SELECT")
        for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]
    connection.close()
    return set(re.findall(r"INDEX (\w+)", " ".join(plans)))


async def start_with_work(run: Run) -> list[Poll]:
    await run.start(*"abcdefgh")
    return [work for work in await run.claim() if isinstance(work, Poll)]


def test_a_scan_is_seen(empty_state: Path) -> None:
    """The way to find scans finds one."""
    found = {"SELECT id FROM work WHERE tries = ?": (1,), "SELECT id FROM work WHERE id = ?": (1,)}
    assert [statement for _, statement in scans(empty_state, found)] == ["SELECT id FROM work WHERE tries = ?"]


async def test_claims_scan_nothing(run: Run, state_path: Path) -> None:
    """To claim, to renew and to ask for the time of the next claim reads no table from end to end."""
    polls = await start_with_work(run)
    await run.finish(*(run.polled(poll, make_entry("one", feed=poll.feed_id)) for poll in polls))
    with statements() as found:
        works = await run.claim(3)
        await run.store.renew([work.lease for work in works], until=Millis(run.now + MINUTE))
        await run.store.next_claim_at()
    assert len(works) == 3
    assert any("FROM host" in statement for statement in found)
    assert scans(state_path, found) == []


async def test_finishing_scans_nothing(run: Run, state_path: Path) -> None:
    """To finish work of every kind, with all that is settled by it, reads no table from end to end."""
    polls = await start_with_work(run)
    shared = "https://site.example/story"
    with statements() as found:
        for poll in polls:
            page = shared if poll.feed_id in "ab" else ""
            entry = make_entry("one", feed=poll.feed_id, url=page, pointer=b"see")
            await run.finish(run.polled(poll, entry, version=make_version("v"), not_before=run.now))
        works = [work for work in await run.claim() if isinstance(work, Ingest)]
        first, copy, broken, retried, moved, back, same = works
        revealed = key("url", "https://a.example/revealed")
        await run.finish(
            run.ingested(first, make_draft("text", url_keys=(revealed,), site="a", lines=bytes(range(8)))),
            run.ingested(copy, make_draft("text", pointer=b"see")),
            Broken(lease=broken.lease, at=run.now, error="KeyError"),
            Retry(lease=retried.lease, due_at=run.now, reason="timeout"),
            Moved(lease=moved.lease, url="https://cdn.example/", host="cdn.example", hops=1),
            HandedBack(lease=back.lease),
        )
        await run.finish(run.ingested(same, make_draft("other", url_keys=(revealed,))))
    verbs = {(statement.split()[0], table) for statement in found for table in GROWING if f" {table}" in statement}
    assert {("UPDATE", "work"), ("DELETE", "work"), ("UPDATE", "entry"), ("INSERT", "outbox")} <= verbs
    assert scans(state_path, found) == []


async def test_a_document_of_which_nothing_is_known_scans_nothing(run: Run, state_path: Path) -> None:
    """Its feed's newest entries are looked through, by the index for that."""
    await start_with_work(run)
    await run.finish(run.polled(await run.poll_of("a"), make_entry("one")))
    run.later(HOUR)
    poll = await run.poll_of("a")
    with statements() as found:
        await run.finish(run.polled(poll, make_entry("other"), version=make_version("v", entries=1)))
    assert scans(state_path, found) == []
    assert "entry_feed" in used_indexes(state_path, found)


async def test_publishing_scans_nothing(run: Run, state_path: Path) -> None:
    """To number a segment, to take one up again and to mark it reads no table from end to end: the outbox may be long
    where the output could not be written for a day."""
    polls = await start_with_work(run)
    await run.finish(*(run.polled(poll, make_entry("one", feed=poll.feed_id)) for poll in polls))
    for poll in polls:
        await run.ingest("one", make_draft(poll.feed_id, site="a", lines=bytes(range(8))), feed=poll.feed_id)
    with statements() as found:
        first = await run.store.number(now=run.now, limit=3)
        assert await run.store.number(now=run.now, limit=3) == first
        assert first is not None
        await run.store.mark(first.id, path="p", sha256="0")
    assert any(statement.startswith("DELETE FROM outbox") for statement in found)
    assert scans(state_path, found) == []


async def test_a_known_entry_is_looked_for_under_two_keys(run: Run) -> None:
    """What a feed says anew of an entry that its guid and its link both name is looked for under no more, because each
    other key costs a page of a database that does not fit into memory. A new entry is, under all."""
    await run.start("a")
    keys = {"look_up": (key("guid+link"), key("guid+title"), key("one")), "own": key("one"), "url_key": key("link")}
    asked = []
    for words in ("first", "corrected"):
        with keys_looked_for() as looked_for:
            await run.poll("a", make_entry("one", words=words, **keys))
        asked.append(looked_for)
        run.later(HOUR)
    of_one = {stored(key("one")), stored(key("link"))}
    assert asked == [of_one | {stored(key("guid+link")), stored(key("guid+title"))}, of_one]


async def test_what_pages_ask_scans_no_entries(run: Run, state_path: Path) -> None:
    """Feeds a page at a time, their entries and rhythm, duplicates, what was put aside, where an article is: of what
    grows with the articles, nothing is gone through. Feeds and hosts may be, and the queue's index, for the figures."""
    polls = await start_with_work(run)
    await run.finish(*(run.polled(poll, make_entry("one", feed=poll.feed_id)) for poll in polls))
    with Reader(state_path) as reader:
        with statements() as found:
            await reader(feeds_page, which="failing")
            await reader(longest_failing, limit=5)
            await reader(feeds_by_id, [polls[0].feed_id])
            await reader(entries_of, polls[0].feed_id, before=run.now)
            await reader(entries_by_day, [poll.feed_id for poll in polls], now=run.now)
            await reader(copies, limit=10)
            await reader(told_alike, limit=10)
            await reader(quarantine)
            await reader(story_of, "https://a.example/one")
            await reader(story_of, key("x").hex())
        seen = scans(state_path, found)
        with statements() as figures:
            await reader(read_overview, now=run.now)
    assert [detail for detail, statement in seen if "FROM feed" not in statement] == []
    gone_through = {detail for detail, _ in scans(state_path, figures)}
    assert {detail for detail in gone_through if "entry" in detail and "COVERING INDEX" not in detail} == set()
    used = used_indexes(state_path, found | figures)
    assert {"feed_failing", "work_quarantined", "entry_feed", "entry_duplicate"} <= used
    small = ("COVERING INDEX", "INDEX work_quarantined")
    assert [
        detail for detail in gone_through if "work" in detail and not detail.partition("USING ")[2].startswith(small)
    ] == []


async def test_where_an_article_is_is_told_without_going_through_all(run: Run, state_path: Path) -> None:
    """Neither by its URL, be that its own, another's or like it, nor by its record's id. What is left out, texts, feeds
    and the outbox may be gone through: each is a part of what is known."""
    url = "https://a.example/one"
    polls = await start_with_work(run)
    await run.finish(*(run.polled(poll, make_entry("one", feed=poll.feed_id, url=url)) for poll in polls))
    with statements() as found:
        told = read_story(state_path, url)
        read_story(state_path, key("x").hex())
        read_feeds(state_path)
        read_story(state_path, url + "?nobody=knows")
        await run.store.read_again(Name(key("url", url), url), now=run.now)
        await run.store.forget(Name(key("url", url), url), now=run.now)
    assert len(told.entries) == len(polls) > 1
    gone_through = {detail for detail, _ in scans(state_path, found)} - {"SCAN entry USING INDEX entry_skipped"}
    assert {detail.split()[1] for detail in gone_through} <= {"feed", "outbox", "content"}


async def test_upkeep_looks_at_no_entries_that_are_young(run: Run, state_path: Path) -> None:
    """It is done each hour, and at each start. Of texts the oldest are looked at; feeds that left the lists, too."""
    polls = await start_with_work(run)
    await run.finish(*(run.polled(poll, make_entry("one", feed=poll.feed_id)) for poll in polls))
    with statements() as found:
        await run.store.upkeep(now=run.now)
    assert {detail.split()[1] for detail, _ in scans(state_path, found)} <= {"feed", "segment", "site", "sketch"}
    assert "entry_feed" in used_indexes(state_path, found)


async def test_a_reading_that_takes_too_long_is_ended(
    run: Run, state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next one goes on."""
    monkeypatch.setattr("worker.store.reading.reader.LIMIT_S", 0.05)
    endless = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
    with Reader(state_path) as reader:
        with pytest.raises(StateError, match=r"took longer than 0.05 s"):
            await reader(lambda connection: connection.execute(endless).all())
        assert await reader(feeds_page) == []


async def test_a_reader_changes_nothing(run: Run, state_path: Path) -> None:
    """Its connection is one that can't."""
    with Reader(state_path) as reader, pytest.raises(StateError, match="readonly"):
        await reader(lambda connection: connection.execute(text("DELETE FROM feed")))
