"""Entries that the rules of their feed leave out: known, not written, and taken up again when that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.store.samples import DAY, HOUR, Run, make_draft, make_entry, make_feed, make_version
from worker.model import AsBefore, Backlog, Millis, SeenEntry, State, Validators
from worker.store import read_status, read_story

pytestmark = pytest.mark.both("slow")

OLD, NEW = b"old rules", b"new rules"


async def poll(run: Run, *entries: SeenEntry, feed: str = "a", filters: bytes = OLD, **changes: Any) -> tuple[int, ...]:
    """Polls a feed whose document has changed; new, changed, skipped, duplicates."""
    changes.setdefault("version", make_version(f"{run.now}"))
    run.later(HOUR)
    found = await run.poll(feed, *entries, filters=filters, **changes)
    return found.new, found.changed, found.skipped, found.duplicates


async def queued(run: Run) -> list[str]:
    """What is to be ingested, and is handed back."""
    return sorted(work.entry.decode() for work in await run.claim_all() if hasattr(work, "entry"))


def reason(path: Path, name: str) -> str | None:
    url = f"https://a.example/{name}"
    (entry,) = read_story(path, url).entries
    return entry.reason


async def test_an_entry_that_is_left_out_is_known_and_not_written(run: Run, state: State) -> None:
    """Counted, told, and not new at the next poll; also where its feed says something else of it."""
    await run.start("a")
    assert await poll(run, make_entry("one"), make_entry("two", skipped="by 1")) == (1, 0, 1, 0)
    assert await poll(run, make_entry("one"), make_entry("two", skipped="by 2", words="other")) == (0, 0, 0, 0)
    assert await queued(run) == ["one"]
    assert reason(state, "two") == "by 2"
    feeds, totals = read_status(state)
    assert (feeds[0].skipped, feeds[0].new_total, totals.skipped, totals.queued) == (1, 1, 1, 1)


async def test_the_feed_may_say_something_else_that_is_wanted(run: Run, state: State) -> None:
    """Its title is no longer that of an advertisement: it is new now."""
    await run.start("a")
    await poll(run, make_entry("one", skipped="by 1"))
    assert await poll(run, make_entry("one", words="other")) == (1, 0, 0, 0)
    assert (await run.ingest("one")).op == "new"
    assert read_status(state)[1].skipped == 0


async def test_other_filters_take_up_what_the_feed_still_shows(run: Run) -> None:
    """Once; what they leave out now was written already, and is followed on."""
    await run.start("a")
    await poll(run, make_entry("one", skipped="by 1"), make_entry("two"))
    await run.ingest("two")
    run.later(HOUR)
    assert (await run.poll_of()).filters == OLD
    one, two = make_entry("one"), make_entry("two", skipped="by 2")
    assert await poll(run, one, two, filters=NEW, refresh=True) == (1, 0, 0, 0)
    assert await queued(run) == ["one"]
    assert await poll(run, one, make_entry("two", skipped="by 2", words="corrected"), filters=NEW) == (0, 1, 0, 0)


@pytest.mark.both("always")
async def test_an_entry_that_is_left_out_stands_for_no_other(run: Run) -> None:
    """Another feed, which wants it, has it; and the first one's is then a duplicate, should it be wanted after all."""
    await run.start("a", "b")
    url = "https://c.example/1"
    mine, theirs = make_entry("one", url=url), make_entry("x", feed="b", url=url)
    await poll(run, make_entry("one", url=url, skipped="by 1"))
    assert await poll(run, theirs, feed="b") == (1, 0, 0, 0)
    await run.ingest("x", feed="b")
    assert await poll(run, mine, filters=NEW) == (0, 0, 0, 1)
    assert await queued(run) == []
    assert [row.op for row in await run.publish()] == ["new"]


async def test_what_another_feed_has_is_left_out_all_the_same(run: Run) -> None:
    """No record points from it to the first."""
    await run.start("a", "b")
    url = "https://c.example/1"
    await poll(run, make_entry("x", feed="b", url=url), feed="b")
    assert await poll(run, make_entry("one", url=url, skipped="by 1", pointer=b"{}")) == (0, 0, 1, 0)
    assert await run.publish() == []


async def test_a_page_may_show_that_its_entry_is_not_wanted(run: Run, state: State) -> None:
    """It is off the queue, and not read again each time that all of the feed is gone through; other filters, or other
    words of the feed, have it read again."""
    await run.start("a")
    entry = make_entry("one")
    await poll(run, entry)
    french = make_draft("one", skipped="its language is fr", filters=OLD)
    assert (await run.ingest("one", french)).skipped == 1
    assert reason(state, "one") == "its language is fr"
    assert await poll(run, entry, refresh=True) == (0, 0, 0, 0)
    assert await queued(run) == []
    assert await poll(run, entry, filters=NEW) == (1, 0, 0, 0)
    await run.ingest("one", french)
    assert await poll(run, make_entry("one", words="more"), filters=NEW) == (1, 0, 0, 0)
    assert (await run.ingest("one")).op == "new"
    assert len(await run.publish()) == 1


async def test_what_a_page_left_out_is_new_to_those_who_had_it_for_a_duplicate(run: Run) -> None:
    """The other feed is read whole again, and wants it."""
    await run.start("a", "b")
    url = "https://c.example/1"
    theirs = make_entry("x", feed="b", url=url)
    await poll(run, make_entry("one", url=url))
    assert await poll(run, theirs, feed="b") == (0, 0, 0, 1)
    await run.ingest("one", make_draft("one", skipped="its language is fr", filters=OLD))
    run.later(HOUR)
    work = await run.poll_of("b")
    assert (work.validators.etag, work.elements) == (None, frozenset())
    assert await poll(run, theirs, feed="b") == (1, 0, 0, 0)


async def test_what_was_written_is_followed_on(run: Run) -> None:
    """A correction in another language, or under filters that came later, is a correction."""
    await run.start("a")
    await poll(run, make_entry("one"))
    await run.ingest("one")
    await poll(run, make_entry("one", words="corrected"))
    assert (await run.ingest("one", make_draft("corrected", skipped="its language is fr", filters=OLD))).op == "update"


async def test_a_page_that_could_not_be_had_may_be_wanted_yet(run: Run) -> None:
    """Nobody states its language so far: it stays queued for the look at its page, and its URL is its own."""
    await run.start("a")
    await poll(run, make_entry("one"))
    work = await run.ingest_of("one")
    draft = make_draft("one", extraction="feed_only", skipped="its language is not stated", filters=OLD)
    await run.finish(run.ingested(work, draft, look_at=Millis(run.now + HOUR)))
    run.later(2 * HOUR)
    assert (await run.ingest("one")).op == "new"
    assert await poll(run, make_entry("one"), filters=NEW) == (0, 0, 0, 0)


def aged(*days: int) -> Sequence[SeenEntry]:
    """Entries by their age in days."""
    return [make_entry(f"d{day}", published=Millis(1_795_406_706_000 - day * DAY)) for day in days]


async def test_the_first_poll_takes_what_its_limit_says(run: Run, state: State) -> None:
    """The rest is known, and never comes: not when the feed says something else, nor under other filters."""
    await run.start("a")
    limit = {"backlog": Backlog(newest=2)}
    assert await poll(run, *aged(9, 1, 2, 7), **limit) == (2, 0, 2, 0)
    assert await queued(run) == ["d1", "d2"]
    assert "backlog.newest" in (reason(state, "d9") or "")
    assert await poll(run, *aged(9, 1, 2, 7, 8), **limit, filters=NEW, refresh=True) == (1, 0, 0, 0)
    assert await poll(run, make_entry("d9", words="changed"), filters=NEW) == (0, 0, 0, 0)


async def test_what_filters_leave_out_uses_up_nothing_of_the_limit(run: Run) -> None:
    """Nor does what another feed has already."""
    await run.start("a", "b")
    url = "https://c.example/1"
    await poll(run, make_entry("x", feed="b", url=url), feed="b")
    entries = [make_entry("s", skipped="by 1"), make_entry("dup", url=url), make_entry("one"), make_entry("two")]
    assert await poll(run, *entries, backlog=Backlog(newest=1)) == (1, 0, 2, 1)


async def test_the_limit_is_of_the_first_poll_that_went_well(run: Run) -> None:
    """Not of one that failed before; of an empty feed, all that comes later is new."""
    await run.start("a", "b")
    await poll(run, failure="network", error="no route", version=None)
    assert await poll(run, *aged(1, 2), backlog=Backlog(newest=1)) == (1, 0, 1, 0)
    await poll(run, feed="b", backlog=Backlog(newest=1))
    many = [make_entry(name, feed="b") for name in ("one", "two")]
    assert await poll(run, *many, feed="b", backlog=Backlog(newest=1)) == (2, 0, 0, 0)


async def test_a_feed_that_comes_back_has_no_first_poll(run: Run) -> None:
    """Nor has one whose entries the output directory has given back."""
    await run.start("a")
    await poll(run, make_entry("one"))
    await run.start()
    await run.start(make_feed("a"))
    many = [make_entry(name) for name in ("one", "two", "three")]
    assert await poll(run, *many, backlog=Backlog(newest=1)) == (3, 0, 0, 0)


async def test_what_is_free_again_is_not_hidden_by_a_poll_that_was_under_way(run: Run) -> None:
    """It has left the entry out as one that is known, and brings validators."""
    await run.start("a", "b")
    url = "https://c.example/1"
    await poll(run, make_entry("one", url=url))
    version = make_version("v1", elements=(b"8 bytes.",))
    await poll(run, make_entry("x", feed="b", url=url), feed="b", version=version, next_due=run.now)
    under_way = await run.poll_of("b")
    assert under_way.elements
    await run.ingest("one", make_draft("one", skipped="by 1", filters=OLD))
    await run.finish(run.polled(under_way, filters=OLD, version=version, next_due=run.now))
    again = await run.poll_of("b")
    assert (again.elements, again.validators) == (frozenset(), Validators())
    await run.finish(run.polled(again, filters=OLD, version=version, next_due=run.now))
    assert (await run.poll_of("b")).elements == under_way.elements


@pytest.mark.both("always")
async def test_what_is_left_out_gives_way_also_where_its_page_stays_as_it_was(run: Run) -> None:
    """The last look at it is answered by a 304."""
    await run.start("a", "b")
    url = "https://c.example/1"
    await poll(run, make_entry("one", url=url))
    work = await run.ingest_of("one")
    await run.finish(run.ingested(work, make_draft("one", skipped="by 1", filters=OLD), look_at=Millis(run.now + HOUR)))
    x = make_entry("x", feed="b", url=url)
    assert await poll(run, x, feed="b") == (0, 0, 0, 1)
    look = await run.ingest_of("one")
    await run.finish(AsBefore(lease=look.lease, entry_id=look.entry_id, at=run.now))
    assert await poll(run, x, feed="b") == (1, 0, 0, 0)
    assert (await run.ingest("x", feed="b")).op == "new"


async def test_what_is_left_out_and_changed_meanwhile_keeps_its_url(run: Run, state: State) -> None:
    """It is read again at once, and others at its URL are its duplicates still."""
    await run.start("a", "b")
    url = "https://c.example/1"
    await run.poll("a", make_entry("one", url=url), next_due=run.now)
    work = await run.ingest_of("one")
    assert (await run.poll("a", make_entry("one", url=url, words="corrected"))).changed == 1
    assert (await run.finish(run.ingested(work, make_draft("one", skipped="by 1", filters=OLD))))[0].skipped == 1
    assert await poll(run, make_entry("x", feed="b", url=url), feed="b") == (0, 0, 0, 1)
    assert (await run.ingest("one", make_draft("other"))).op == "new"


async def test_what_became_a_duplicate_while_its_page_was_awaited_is_not_written(run: Run) -> None:
    """Its feed links to another's article now, and its filters want it."""
    await run.start("a", "b")
    await poll(run, make_entry("x", feed="b"), feed="b")
    await run.ingest("x", feed="b")
    await poll(run, make_entry("one"))
    work = await run.ingest_of("one")
    await run.finish(
        run.ingested(work, make_draft("one", skipped="by 1", filters=OLD), look_at=Millis(run.now + 2 * HOUR))
    )
    there = make_entry("one", url=make_entry("x", feed="b").url, words="linked")
    assert await poll(run, there, filters=NEW) == (0, 0, 0, 1)
    run.later(HOUR)
    assert (await run.ingest("one", make_draft("one more"))).op is None
    assert [row.op for row in await run.publish()] == ["new"]
    run.later(HOUR)
    assert await queued(run) == []
