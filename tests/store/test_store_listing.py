"""Feeds and entries a page at a time, and the figures of the state."""

from __future__ import annotations

from sqlalchemy import update

from tests.store.samples import DAY, HOUR, MINUTE, Run, key, make_draft, make_entry
from worker.model import FeedId, Millis, State
from worker.store import (
    Reader,
    copies,
    entries_by_day,
    entries_of,
    feeds_page,
    longest_failing,
    quiet_since,
    read_overview,
    told_alike,
)
from worker.store.database import tables as t
from worker.store.database.opening import open_beside

A = FeedId("a")


async def test_entries_are_counted_by_the_day_on_which_they_came(run: Run, state: State) -> None:
    """Thirty days, today's the last; what is older is left out."""
    await run.start("a")
    for days, names in ((0, "x"), (20, "yz"), (29, "w")):
        run.later(days * DAY)
        await run.poll("a", *(make_entry(name) for name in names))
    with Reader(state) as reader:
        counted = (await reader(entries_by_day, [A, FeedId("b")], now=run.now))[A]
        earlier = await reader(entries_by_day, [A], now=Millis(run.now - DAY))
    assert (len(counted), counted[0], counted[-1], sum(counted)) == (30, 2, 1, 3)
    assert sum(earlier[A]) == 2  # what came later, by a clock that was set back, is nobody's day


async def test_entries_come_newest_first_and_earlier_ones_behind(run: Run, state: State) -> None:
    """By when they were seen first."""
    await run.start("a")
    for name in "xyz":
        await run.poll("a", make_entry(name))
        run.later(HOUR)
    with Reader(state) as reader:
        first = await reader(entries_of, A, limit=2)
        rest = await reader(entries_of, A, before=first[-1].first_seen_at)
    assert [entry.url and entry.url[-1] for entry in (*first, *rest)] == ["z", "y", "x"]


async def test_copies_stand_with_what_they_are_copies_of(run: Run, state: State) -> None:
    """Of the same URL, and of the same story, which is named by the record of its first."""
    await run.start("a", "b")
    await run.poll("a", make_entry("x"))
    await run.poll("b", make_entry("x", feed="b", url="https://a.example/x"), make_entry("near", feed="b"))
    with open_beside(state) as connection:
        near = t.entry.c.path.endswith("near")
        connection.execute(update(t.entry).where(near).values(cluster_id=key("guid", "a", "x")))
    with Reader(state) as reader:
        (same,) = await reader(copies, limit=10)
        (alike,) = await reader(told_alike, limit=10)
    for group, url in ((same, "https://a.example/x"), (alike, "https://b.example/near")):
        assert group.first is not None
        assert group.first.record_id == key("guid", "a", "x").hex()
        assert [other.url for other in group.others] == [url]


async def test_feeds_that_fail_come_with_the_longest_first(run: Run, state: State) -> None:
    """Also as a page of their own."""
    await run.start(*"abc")
    for name in "ba":
        await run.poll(name, status=500, error="500", failure="server")
        run.later(MINUTE)
    with Reader(state) as reader:
        assert [feed.id for feed in await reader(longest_failing, limit=5)] == ["b", "a"]
        assert [feed.id for feed in await reader(feeds_page, which="failing")] == ["a", "b"]
        assert [feed.id for feed in await reader(feeds_page, which="unpolled")] == ["c"]
        assert [feed.id for feed in await reader(feeds_page, text="B.EXAMPLE")] == ["b"]
        assert [feed.id for feed in await reader(feeds_page, text="%")] == []


async def test_feeds_that_are_quiet_are_found_but_for_those_that_are_paused(run: Run, state: State) -> None:
    """Since the last new entry, or since they were listed."""
    await run.start(*"abc")
    await run.store.pause([FeedId("c")])
    run.later(DAY)
    await run.poll("a", make_entry("x"))
    with Reader(state) as reader:
        quiet = await reader(quiet_since, Millis(run.now - HOUR))
    assert [news.feed_id for news in quiet] == ["b"]


async def test_polls_of_a_host_that_asked_for_patience_are_not_late(run: Run, state: State) -> None:
    """They are due, though. Else one site that wants to be left alone for a day looks as if there were too few
    workers."""
    await run.start("a", "b")
    await run.poll("a", status=429, not_before=Millis(run.now + DAY), next_due=Millis(run.now + 1))
    await run.poll("b", next_due=Millis(run.now + HOUR))
    with Reader(state) as reader:
        early, late = [await reader(read_overview, now=Millis(run.now + 2 * HOUR + wait)) for wait in (-HOUR - 1, 0)]
        over = await reader(read_overview, now=Millis(run.now + DAY))
    assert (early.polls_due, early.poll_due_at) == (1, None)
    assert (late.polls_due, late.poll_due_at) == (2, run.now + HOUR)
    assert over.poll_due_at == run.now + 1


async def test_the_figures_are_those_of_the_state(run: Run, state: State) -> None:
    """Of feeds, queue, outbox, duplicates."""
    await run.start(*"abc")
    await run.poll("a", *(make_entry(name) for name in "xyz"))
    await run.poll("b", make_entry("x", feed="b", url="https://a.example/x"))
    await run.poll("c", status=500, error="500", failure="server")
    await run.ingest("x", make_draft("x"))
    with Reader(state) as reader:
        found = await reader(read_overview, now=Millis(run.now + 2 * HOUR))
    assert (found.feeds, found.failing, found.unpolled, found.duplicates) == (3, 1, 0, 1)
    assert (found.new, found.retries, found.unpublished, found.quarantined) == (2, 0, 1, 0)
    assert (found.polls_due, found.poll_due_at) == (3, run.now + HOUR)
    assert found.ok_at == run.now
