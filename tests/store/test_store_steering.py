"""What operators ask of feeds: pauses, polls at once, what was put aside taken up again."""

from __future__ import annotations

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import HOUR, MINUTE, SECOND, Run, key, make_draft, make_entry, make_feed, make_version
from worker.dedup import Name
from worker.model import (
    NO_VALIDATORS,
    Broken,
    Due,
    FeedId,
    HandedBack,
    HostPolicy,
    Ingest,
    Millis,
    Moved,
    Poll,
    Retry,
    State,
    Validators,
)
from worker.store import FeedStatus, Look, read_hosts, read_status
from worker.store.finish.commit import MAX_ERRORS
from worker.store.steering import Again

A, B = FeedId("a"), FeedId("b")


def status_of(state: State, feed: str = "a") -> FeedStatus:
    return next(status for status in read_status(state)[0] if status.id == feed)


async def test_a_paused_feed_is_not_polled_and_the_others_are(run: Run, state: State) -> None:
    """However late it is; it says so, and is due as soon as it is resumed."""
    await run.start("a", "b")
    assert await run.store.pause([A]) == 1
    assert await run.store.pause([A]) == 0
    assert [work.feed_id for work in await run.claim_all()] == ["b"]
    run.later(1000 * HOUR)
    assert [work.feed_id for work in await run.claim_all()] == ["b"]
    assert (status_of(state).paused, status_of(state).next_poll_at) == (True, None)
    assert await run.store.resume([A, B], now=run.now) == 1
    assert [work.feed_id for work in await run.claim_all()] == ["a"]
    assert not status_of(state).paused


@pytest.mark.parametrize("end", ["well", "broken", "handed back", "redirected"])
async def test_a_poll_that_is_under_way_ends_and_is_the_last(run: Run, state: State, end: str) -> None:
    """Its entries are taken and ingested; no other poll follows, but the rest of one that was redirected."""
    await run.start("a")
    poll = await run.poll_of()
    await run.store.pause([A])
    match end:
        case "well":
            await run.finish(run.polled(poll, make_entry("one")))
            assert isinstance((await run.claim_all())[0], Ingest)
        case "broken":
            await run.finish(Broken(lease=poll.lease, at=run.now, error="a defect"))
        case "handed back":
            await run.finish(HandedBack(lease=poll.lease))
        case _:
            await run.finish(
                Moved(lease=poll.lease, url="https://b.example/feed", host="b.example", hops=1, permanent=True)
            )
            await run.poll("a")
    run.held.clear()
    run.later(1000 * HOUR)
    assert [work for work in await run.claim_all() if not isinstance(work, Ingest)] == []
    assert status_of(state).why == "paused"


async def test_a_pause_outlasts_restarts_other_urls_and_lists(open_run: OpenRun, state: State) -> None:
    """`--all` passes it by, and a list that was without the feed for a moment does not end it. `resume` does."""
    async with open_run() as run:
        await run.start("a")
        await run.store.pause([A])
    async with open_run() as run:
        await run.start(make_feed("a", "https://elsewhere.example/feed"), poll_all=True)
        assert await run.claim_all() == []
        await run.start()
        await run.start("a")
        assert await run.claim_all() == []
        assert (status_of(state).paused, status_of(state).why) == (True, "paused")
        assert await run.store.resume([A], now=run.now) == 1
        assert len(await run.claim_all()) == 1


async def test_a_feed_is_polled_at_once_when_asked(run: Run, state: State) -> None:
    """Due or not; once, and then at its time again. One that nobody lists is none."""
    await run.start("a")
    await run.poll("a", next_due=Millis(run.now + HOUR))
    assert await run.store.hasten([A, FeedId("nobody")], now=run.now) == 1
    assert status_of(state).next_poll_at == run.now
    await run.poll("a", next_due=Millis(run.now + HOUR))
    assert await run.claim_all() == []


async def test_a_poll_is_no_sooner_than_its_host_may_be_asked(open_run: OpenRun, state: State) -> None:
    """Which is told, with the reason where that is more than the host's delay (twice its own, as it has refused)."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=SECOND)) as run:
        await run.start("a")
        until = Millis(run.now + HOUR)
        await run.poll("a", status=429, error="429", failure="throttled", not_before=until, next_due=until)
        await run.store.hasten([A], now=run.now)
        assert (status_of(state).next_poll_at, status_of(state).why) == (
            until,
            "asked for; its host is not asked sooner",
        )
        run.later(HOUR)
        await run.poll("a", next_due=Millis(run.now + 1))
        assert (status_of(state).next_poll_at, status_of(state).why) == (run.now + 2 * SECOND, "as told")
        await run.store.pause([A])
        assert (status_of(state).next_poll_at, status_of(state).why) == (None, "paused")


async def test_a_host_that_was_just_asked_is_not_held(open_run: OpenRun, state: State) -> None:
    """Though it is not asked for longer than its delay, by the clock of who looked at it before that."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=SECOND)) as run:
        await run.start("a")
        before = Millis(run.now - 500)
        await run.poll("a")
        assert read_hosts(state, now=before) == []
        until = Millis(run.now + HOUR)
        run.later(HOUR)
        await run.poll("a", not_before=Millis(until + HOUR))
        assert [host.not_before for host in read_hosts(state, now=until)] == [until + HOUR]


async def test_feeds_that_fail_are_due_when_they_are_fetched_otherwise(run: Run, state: State) -> None:
    """Those alone, and once; the first start knows of nothing that has changed."""
    await run.start("a", "b", "c", "d")
    await run.store.pause([FeedId("d")])
    await run.poll("a", status=404, error="404", failure="permanent", next_due=Millis(run.now + HOUR))
    await run.poll("b", next_due=Millis(run.now + HOUR))
    await run.poll("c", status=429, error="429", failure="throttled", next_due=Millis(run.now + HOUR))
    assert await run.store.note_reach("one", now=run.now) == 0
    assert await run.store.note_reach("one", now=run.now) == 0
    assert await run.claim_all() == []
    assert await run.store.note_reach("two", now=run.now) == 1
    assert status_of(state).why == "failed before, and fetch was changed"
    assert [work.feed_id for work in await run.claim()] == ["a"]
    assert await run.store.note_reach("two", now=run.now) == 0


async def test_a_paused_feed_is_polled_once_when_asked(run: Run, state: State) -> None:
    """It stays paused."""
    await run.start("a")
    await run.store.pause([A])
    await run.store.hasten([A], now=run.now)
    await run.poll("a")
    run.later(1000 * HOUR)
    assert await run.claim_all() == []
    assert status_of(state).paused


async def test_what_is_asked_by_itself_can_be_told_from_what_is_due(run: Run) -> None:
    """A run for one feed polls no other."""
    await run.start("a", "b")
    await run.store.hasten([A], now=run.now, due_at=Millis(1))
    assert [work.feed_id for work in await run.claim(due=Due(Millis(1)))] == ["a"]
    assert await run.claim(due=Due(Millis(1))) == []


async def test_there_is_an_instant_by_which_nothing_is_due(run: Run) -> None:
    """Just before what is due already, or now."""
    assert await run.store.before_all(now=run.now) == run.now
    await run.start("a", "b")
    due = run.now
    run.later(HOUR)
    assert await run.store.before_all(now=run.now) == due - 1
    for feed in ("a", "b"):
        await run.poll(feed)
    assert await run.store.before_all(now=run.now) == run.now


async def test_the_work_of_a_feed_can_be_told_from_that_of_others(run: Run) -> None:
    """What waited of it, what its poll brings and what only changes hands; hosts of others stand in nobody's way."""
    begun = Due(Millis(1), alone=True)
    others = [f"f{number}" for number in range(5)]
    await run.start("a", *others)
    await run.poll("a", make_entry("waits", host="near.example"))
    for other in others:
        await run.poll(other, make_entry("other", feed=other))
    run.later(2 * HOUR)
    await run.store.hasten([A], now=run.now, due_at=Millis(1))
    works = [*await run.claim(1, due=begun), *await run.claim(1, due=begun)]
    assert {(type(work), work.feed_id) for work in works} == {(Poll, "a"), (Ingest, "a")}
    assert not await run.store.has_due(now=run.now, due=begun)
    await run.finish(run.polled(await run.poll_of("a"), make_entry("came", host="far.example")), due=begun)
    assert await run.store.next_claim_at(due=begun) <= run.now
    await run.finish(HandedBack(lease=(await run.ingest_of("waits")).lease), due=begun)
    run.later(SECOND)
    assert await run.store.has_due(now=run.now, due=begun)
    again = [*await run.claim(1, due=begun), *await run.claim(1, due=begun)]
    assert sorted(work.entry.decode() for work in again if isinstance(work, Ingest)) == ["came", "waits"]
    assert await run.claim(due=begun) == []
    assert await run.claim(), "the others' work is as it was"


async def test_a_lost_feed_is_asked_at_its_own_address(run: Run) -> None:
    """Not at the page of its site, where the next look for it would go."""
    await run.start("a")
    for _ in range(3):
        await run.poll("a", failure="permanent", error="404", status=404, next_due=run.now)
    await run.store.hasten([A], now=run.now)
    assert (await run.poll_of()).url == "https://a.example/feed"


async def broken(run: Run, name: str, feed: str = "a") -> None:
    """Lets the work of an entry fail until it is put aside."""
    for _ in range(MAX_ERRORS):
        work = await run.ingest_of(name, feed=feed)
        await run.finish(Broken(lease=work.lease, at=run.now, error="a defect"))
        run.later(HOUR)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param({}, ["a", "b"], id="all"),
        pytest.param({"feed_ids": [B]}, ["b"], id="of a feed"),
    ],
)
async def test_what_was_put_aside_is_tried_again(run: Run, named: dict[str, object], expected: list[str]) -> None:
    """With its failures forgiven: it may fail as often once more."""
    await run.start("a", "b")
    for feed in ("a", "b"):
        await run.poll(feed, make_entry("one", feed=feed), next_due=Millis(run.now + 1000 * HOUR))
        await broken(run, "one", feed)
    assert await run.claim_all() == []
    assert await run.store.retry(now=run.now, **named) == len(expected)  # type: ignore[arg-type]
    works = await run.claim_all()
    assert sorted(work.feed_id for work in works) == expected
    for work in works:
        await run.finish(Broken(lease=work.lease, at=run.now, error="a defect"))
    run.later(MINUTE * 3)
    assert len(await run.claim_all()) == len(expected)


@pytest.mark.parametrize("name", [Name(key("guid", "a", "one")), Name(key("url", "https://a.example/one"))])
async def test_an_article_that_waits_is_read_at_once(run: Run, name: Name) -> None:
    """Put aside, or to be looked at again some day: whole, whatever was said of it last; by its record or its URL."""
    await run.start("a", "b")
    for feed in ("a", "b"):
        await run.poll(feed, make_entry("one", feed=feed), next_due=Millis(run.now + 1000 * HOUR))
        await broken(run, "one", feed)
    assert await run.store.read_again(name, now=run.now) == Again(known=True, due=1, polls=0)
    work = await run.ingest_of("one")
    look_at, validators = Millis(run.now + HOUR), Validators(etag="e")
    await run.finish(run.ingested(work, make_draft("one"), look_at=look_at, validators=validators))
    run.later(MINUTE)
    assert await run.claim_all() == []
    assert await run.store.read_again(name, now=run.now) == Again(known=True, due=1, polls=0)
    (again,) = await run.claim_all()
    assert isinstance(again, Ingest)
    assert (again.feed_id, again.validators) == ("a", NO_VALIDATORS)


async def test_an_article_that_somebody_asks_for_goes_before_what_is_tried_again(open_run: OpenRun) -> None:
    """However long that waits: it is of the new ones again."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start("a")
        await run.poll("a", make_entry("one"), make_entry("two"), next_due=Millis(run.now + 1000 * HOUR))
        for name in ("one", "two"):
            work = await run.ingest_of(name)
            await run.finish(Retry(lease=work.lease, due_at=Millis(run.now + MINUTE), reason="timeout"))
        run.later(HOUR)
        await run.store.read_again(Name(key("guid", "a", "two")), now=run.now)
        (first,) = await run.claim()
        assert isinstance(first, Ingest)
        assert first.entry == b"two"


async def test_an_article_that_is_done_with_is_read_again_if_its_feed_shows_it(run: Run) -> None:
    """Its feed is read whole, though it be as before, and says of the others what it said."""
    await run.start("a")
    entries = (make_entry("one"), make_entry("two"))
    await run.poll("a", *entries, next_due=Millis(run.now + HOUR))
    for name in ("one", "two"):
        await run.ingest(name, make_draft(name))
    assert await run.store.read_again(Name(key("guid", "a", "one")), now=run.now) == Again(known=True, due=0, polls=1)
    poll = await run.poll_of()
    assert (poll.validators, poll.body_hash, poll.elements) == (NO_VALIDATORS, b"", frozenset())
    await run.finish(run.polled(poll, *entries, next_due=Millis(run.now + HOUR)))
    (work,) = await run.claim_all()
    assert isinstance(work, Ingest)
    assert work.entry == b"one"


async def test_a_page_is_read_again_once_its_feed_was_polled(run: Run) -> None:
    """Not before, unless that takes an hour; once its feed shows it, by what that says."""
    await run.start("a")
    await run.poll("a", make_entry("one"), make_entry("two"), next_due=Millis(run.now + HOUR))
    for name in ("one", "two"):
        await run.ingest(name, make_draft(name))
    named = {name: key("guid", "a", name) for name in ("one", "two")}
    for record_id in named.values():
        (written,) = await run.store.at_rest(Name(record_id))
        assert (written.record_id, written.feed_id, written.revision) == (record_id.hex(), "a", 1)
        assert (written.is_listed, written.has_page, written.revised_at) == (True, True, run.now)
        look = Look(record_id=written.record_id, url="https://far.example/page", entry=b"kept")
        again = await run.store.read_again(Name(record_id), now=run.now, looks=[look])
        assert again == Again(known=True, due=0, polls=1, pages=1)
        assert await run.store.at_rest(Name(record_id)) == []
    run.later(MINUTE)
    (poll,) = await run.claim_all()
    assert isinstance(poll, Poll)
    await run.finish(run.polled(poll, make_entry("two", words="shown"), next_due=Millis(run.now + 9 * HOUR)))
    works = [work for work in await run.claim_all() if isinstance(work, Ingest)]
    assert {work.record_id: (work.entry, work.host) for work in works} == {
        named["one"].hex(): (b"kept", "far.example"),
        named["two"].hex(): (b"two shown", "a.example"),
    }
    for work in works:
        await run.finish(run.ingested(work, make_draft("new " + work.entry.decode())))
    look = Look(record_id=named["one"].hex(), url="https://far.example/page", entry=b"kept")
    await run.store.read_again(Name(named["one"]), now=run.now, looks=[look])
    await run.poll_of("a")
    assert not [work for work in await run.claim_all() if isinstance(work, Ingest)]
    run.later(HOUR)
    assert [work for work in await run.claim_all() if isinstance(work, Ingest)]


async def looked_at_again(run: Run) -> Ingest:
    """Of `one`, changed in its feed while its page is looked at again; `two` is at rest."""
    await run.start("a")
    await run.poll("a", make_entry("one"), make_entry("two"), next_due=Millis(run.now + HOUR))
    await run.finish(run.ingested(await run.ingest_of("one"), make_draft("one"), look_at=Millis(run.now + MINUTE)))
    await run.ingest("two")
    run.later(MINUTE)
    work = await run.ingest_of("one")
    await run.store.read_again(Name(key("guid", "a", "two")), now=run.now)
    await run.poll("a", make_entry("one", words="mended"), next_due=Millis(run.now + HOUR))
    return work


async def test_what_is_under_way_while_its_feed_is_polled_whole_is_read_once_more(run: Run) -> None:
    """Not twice at a time: when it ends, by what the feed says now."""
    work = await looked_at_again(run)
    assert await run.claim_all() == []
    await run.finish(run.ingested(work, make_draft("one")))
    (again,) = await run.claim_all()
    assert isinstance(again, Ingest)
    assert again.entry == b"one mended"


async def test_what_is_put_aside_stays_so_while_its_feed_is_polled_whole(run: Run) -> None:
    """Also where it has changed in it while it was under way."""
    work = await looked_at_again(run)
    for _ in range(MAX_ERRORS - 1):
        await run.finish(Broken(lease=work.lease, at=run.now, error="a defect"))
        run.later(HOUR)
        await run.poll("a", version=make_version("v1"))
        work = await run.ingest_of("one")
    run.later(MINUTE)
    await run.store.hasten([A], now=run.now)
    await run.poll("a", make_entry("one", words="new"), version=make_version("v2"))
    (put_aside,) = await run.finish(Broken(lease=work.lease, at=run.now, error="a defect"))
    assert put_aside.quarantined
    await run.store.read_again(Name(key("guid", "a", "two")), now=run.now)
    await run.poll("a", next_due=Millis(run.now + HOUR))
    assert await run.claim_all() == []


async def test_a_poll_that_fails_lets_no_page_be_read_again(run: Run) -> None:
    """It would be read by its old words, and once more when the feed can be had; the next one does."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + HOUR))
    await run.ingest("one")
    look = Look(record_id=key("guid", "a", "one").hex(), url="https://far.example/page", entry=b"kept")
    await run.store.read_again(Name(key("guid", "a", "one")), now=run.now, looks=[look])
    await run.poll("a", status=503, failure="server", next_due=Millis(run.now + MINUTE))
    assert await run.claim_all() == []
    run.later(MINUTE)
    await run.poll("a", make_entry("one", words="shown"), next_due=Millis(run.now + 9 * HOUR))
    (work,) = await run.claim_all()
    assert isinstance(work, Ingest)
    assert work.entry == b"one shown"
    await run.finish(run.ingested(work, make_draft("one")))
    run.later(HOUR)
    assert await run.claim_all() == []


async def test_a_poll_that_is_under_way_is_followed_by_one_that_shows_it(run: Run) -> None:
    """It has left the article out already, as it was known."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=run.now)
    await run.ingest("one", make_draft("one"))
    poll = await run.poll_of()
    assert (await run.store.read_again(Name(key("guid", "a", "one")), now=run.now)).polls == 1
    await run.finish(run.polled(poll, next_due=run.now, version=make_version("v2", elements=(b"12345678",))))
    run.held.clear()
    assert (await run.poll_of()).elements == frozenset()


async def test_what_is_a_duplicate_is_read_again_as_its_original(run: Run) -> None:
    """By the URL or the record of either; what nobody knows, or is left out, is not."""
    await run.start("a")
    entries = (make_entry("one"), make_entry("two"), make_entry("out", skipped="filter 1"))
    await run.poll("a", *entries, next_due=Millis(run.now + HOUR))
    for name in ("one", "two"):
        await run.ingest(name, make_draft("the same"))
    assert await run.store.read_again(Name(key("guid", "a", "two")), now=run.now) == Again(known=True, due=0, polls=1)
    assert (await run.poll_of()).elements == frozenset()
    out = await run.store.read_again(Name(key("guid", "a", "out")), now=run.now)
    assert out == Again(known=True, due=0, polls=0)
    nobody = await run.store.read_again(Name(b"0" * 16), now=run.now)
    assert nobody == Again(known=False, due=0, polls=0)
