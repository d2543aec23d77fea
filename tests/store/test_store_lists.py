"""Feed lists and policies that change while work is under way."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, MINUTE, Run, make_draft, make_entry, make_feed, make_version
from worker.errors import StateError
from worker.model import FeedId, HostPolicy, Ingest, Millis, Moved, Poll, State
from worker.store import lists, read_reload, read_status
from worker.store.database.batches import chunks

pytestmark = pytest.mark.both("slow")

A, B = FeedId("a"), FeedId("b")


def listed(state: State) -> list[str]:
    return [feed.id for feed in read_status(state)[0]]


async def take_up(run: Run, **changes: str | None) -> None:
    """Feeds by id: their URL, or None where they leave."""
    feeds = {FeedId(i): None if url is None else make_feed(i, url) for i, url in changes.items()}
    await run.store.take_up(feeds, now=run.now)


async def test_feeds_come_and_go(run: Run, state: State) -> None:
    """One that is new is due, one that left is polled no more; the others know nothing of it."""
    await run.start("a", "b")
    for feed in "ab":
        await run.poll(feed, next_due=Millis(run.now + HOUR))
    await take_up(run, a=None, c="https://c.example/feed")
    assert listed(state) == ["b", "c"]
    assert run.store.awaited == set()
    await run.poll("c", next_due=Millis(run.now + DAY))
    assert await run.claim_all() == []
    run.later(HOUR)
    assert [work.feed_id for work in await run.claim_all()] == ["b"]


async def test_a_poll_that_is_under_way_ends_before_its_feed_leaves(run: Run, state: State) -> None:
    """What it found is not ingested; when the feed comes back it is new again, and comes once."""
    await run.start("a")
    poll = await run.poll_of()
    await take_up(run, a=None)
    assert run.store.awaited == {A}
    (finished,) = await run.finish(run.polled(poll, make_entry("one"), version=make_version("v1")))
    assert finished.accepted
    assert run.store.awaited == set()
    assert listed(state) == []
    run.later(DAY)
    assert await run.claim_all() == []
    await take_up(run, a="https://a.example/feed")
    again = await run.poll_of()
    assert (again.body_hash, again.elements, again.validators.etag) == (b"", frozenset(), None)
    await run.finish(run.polled(again, make_entry("one"), version=make_version("v1")))
    await run.ingest("one")
    assert len(await run.publish()) == 1


async def test_an_article_that_is_under_way_is_written_and_the_rest_is_not(run: Run, state: State) -> None:
    """The rest comes when the feed comes back; what was written does not come again."""
    await run.start("a")
    await run.poll("a", make_entry("one"), make_entry("two"), version=make_version("v1"))
    work = await run.ingest_of("one")
    for held in [held for held in run.held if held is not work]:
        run.held.remove(held)
        await run.finish(run.ingested(held, make_draft("two"))) if isinstance(held, Ingest) else None
    await take_up(run, a=None)
    await run.finish(run.ingested(work, make_draft("one")))
    assert listed(state) == []
    assert await run.claim_all() == []
    before = len(await run.publish())
    await take_up(run, a="https://a.example/feed")
    finished = await run.poll("a", make_entry("one"), make_entry("two"), version=make_version("v1"))
    assert finished.new + before == 2


async def test_nothing_more_is_begun_of_a_feed_that_leaves(open_run: OpenRun, state: State) -> None:
    """However much is queued while one article of it is under way."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start("a")
        await run.poll("a", *(make_entry(f"e{n}") for n in range(5)))
        (work,) = await run.claim()
        await take_up(run, a=None)
        run.later(MINUTE)
        assert await run.claim() == []
        assert isinstance(work, Ingest)
        await run.finish(run.ingested(work, make_draft("x")))
        assert await run.claim_all() == []
        assert listed(state) == []


async def test_a_feed_that_comes_back_before_it_left_has_lost_nothing(open_run: OpenRun) -> None:
    """What was queued is done, its poll too."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start("a")
        await run.poll("a", make_entry("one"), make_entry("two"), next_due=Millis(run.now + HOUR))
        work = await run.ingest_of("one")
        await take_up(run, a=None)
        await take_up(run, a="https://a.example/feed")
        assert run.store.awaited == set()
        await run.finish(run.ingested(work, make_draft("one")))
        await run.poll("a")
        await run.ingest("two")
        assert len(await run.publish()) == 2


async def test_a_feed_moves_when_its_poll_has_ended(run: Run, state: State) -> None:
    """What the old address said of moves and versions does not stand; its entries do."""
    await run.start("a")
    poll = await run.poll_of()
    await take_up(run, a="https://new.example/feed")
    assert run.store.awaited == {A}
    await run.finish(run.polled(poll, make_entry("one"), version=make_version("v1"), led_to="https://x.example/"))
    assert run.store.awaited == set()
    assert read_status(state)[0][0].url == "https://new.example/feed"
    works = await run.claim_all()
    (again,) = (work for work in works if isinstance(work, Poll))
    assert (again.url, again.validators.etag) == ("https://new.example/feed", None)
    await run.finish(run.polled(again, make_entry("one")))
    assert [work for work in await run.claim_all() if isinstance(work, Poll)] == []


@pytest.mark.parametrize("name", ["0", "b"], ids=["sorted before", "sorted behind"])
@pytest.mark.parametrize("busy", [True, False], ids=["busy", "idle"])
async def test_a_feed_gets_another_id_with_all_that_is_known(
    name: str, busy: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many feeds change, and also while one of its articles is being read: else that would come twice."""
    monkeypatch.setattr(lists, "chunks", partial(chunks, size=1))
    await run.start("a")
    await run.poll("a", make_entry("one"))
    work = await run.ingest_of("one")
    if not busy:
        await run.finish(run.ingested(work, make_draft("one")))
    await take_up(run, **{"a": None, name: "https://a.example/feed"})
    if busy:
        assert run.store.awaited == {A, name}
        await run.finish(run.ingested(work, make_draft("one")))
    assert run.store.awaited == set()
    again = make_entry("one", feed=name)
    assert (await run.poll(name, again, version=make_version("v1", entries=1))).new == 0


async def test_ids_are_swapped_when_both_polls_have_ended(run: Run, state: State) -> None:
    """Each goes on with the entries of its URL."""
    await run.start("a", "b")
    await run.poll("a", make_entry("one"))
    await run.ingest("one")
    poll = await run.poll_of("b")
    await take_up(run, a="https://b.example/feed", b="https://a.example/feed")
    assert run.store.awaited == {A, B}
    await run.finish(run.polled(poll))
    assert run.store.awaited == set()
    assert (await run.poll("b", make_entry("one", feed="b"), version=make_version("v1", entries=1))).new == 0


async def test_a_redirect_of_a_feed_that_leaves_is_not_followed(run: Run, state: State) -> None:
    """It is between two requests, so nobody is at it."""
    await run.start("a")
    poll = await run.poll_of()
    await take_up(run, a=None)
    await run.finish(Moved(lease=poll.lease, url="https://b.example/feed", host="b.example", hops=1))
    assert listed(state) == []
    assert await run.claim_all() == []


@pytest.mark.embedded
async def test_a_process_that_dies_in_between_takes_it_up_at_its_start(open_run: OpenRun, state: State) -> None:
    """From the lists as they are then."""
    async with open_run() as run:
        await run.start("a", "b")
        await run.poll_of()
        await take_up(run, a=None, b="https://new.example/feed")
    async with open_run() as run:
        await run.start(make_feed("b", "https://new.example/feed"))
        assert listed(state) == ["b"]
        assert [work.url for work in await run.claim_all() if isinstance(work, Poll)] == ["https://new.example/feed"]


async def test_a_feed_that_comes_back_with_the_next_start_has_lost_nothing(open_run: OpenRun) -> None:
    """A process has begun to let go of it, and died: what was queued is due again."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start("a")
        await run.poll("a", make_entry("one"), make_entry("two"), next_due=Millis(run.now + DAY))
        await run.ingest_of("one")
        await take_up(run, a=None)
    async with open_run() as run:
        await run.start("a")
        run.later(HOUR)
        await run.ingest("one")
        await run.ingest("two")


async def test_a_commit_that_fails_leaves_what_waits(run: Run, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done with the next that is taken."""
    await run.start("a")
    poll = await run.poll_of()
    await take_up(run, a=None)
    real = lists.take_up

    def full(*args: object, **kwargs: object) -> object:
        real(*args, **kwargs)  # type: ignore[arg-type]
        raise OperationalError("", {}, Exception("database or disk is full"))

    monkeypatch.setattr(lists, "take_up", full)
    done = run.polled(poll)
    with pytest.raises(StateError):
        await run.finish(done)
    assert run.store.awaited == {A}
    monkeypatch.setattr(lists, "take_up", real)
    await run.finish(done)
    assert listed(state) == []


@pytest.mark.both("always")
async def test_policies_change_under_way(state: State, open_run: OpenRun) -> None:
    """Fetches under way end well, fewer are begun after them; and more again, when that is configured."""
    policy = {"now": HostPolicy(concurrency=3, delay_ms=0)}
    async with open_run(policy=lambda: policy["now"]) as run:
        await run.start("a")
        await run.poll("a", *(make_entry(f"e{n}") for n in range(9)), next_due=Millis(run.now + DAY))
        works = await run.claim_all()
        assert len(works) == 3
        policy["now"] = HostPolicy(concurrency=1, delay_ms=0)
        last: int | None = 0
        while last is not None:
            last = await run.store.change_policies(after=last, limit=1)
        for work in works:
            assert isinstance(work, Ingest)
            (finished,) = await run.finish(run.ingested(work, make_draft(str(work.entry_id))))
            assert finished.accepted
        assert len(await run.claim_all()) == 1
        policy["now"] = HostPolicy(concurrency=4, delay_ms=0)
        await run.store.change_policies(after=0, limit=100)
        assert len(await run.claim_all()) == 3


@pytest.mark.both("always")
async def test_a_new_interval_counts_from_the_last_poll(run: Run, state: State) -> None:
    """Sooner or later than it was due; feeds that fail, pause or are being polled have theirs when that ends."""
    await run.start("a", "b", "c", "d")
    await run.poll("a", next_due=Millis(run.now + DAY))
    await run.poll("b", failure="server", error="500", next_due=Millis(run.now + DAY))
    await run.poll("c", next_due=Millis(run.now + DAY))
    await run.store.pause([FeedId("c")])
    await run.poll_of("d")
    for feed in "abcd":
        run.plans.due[FeedId(feed)] = Millis(run.now + HOUR)
    await run.store.replan([make_feed(feed) for feed in "abcd"])
    due = {feed.id: feed.next_poll_at for feed in read_status(state)[0]}
    assert due == {"a": run.now + HOUR, "b": run.now + DAY, "c": None, "d": run.held[0].lease.expires_at}
    run.held.clear()
    run.later(HOUR)
    assert "a" in [work.feed_id for work in await run.claim_all()]


async def test_lists_that_are_taken_back_while_nobody_works_hold(open_run: OpenRun, state: State) -> None:
    """The start goes by what was taken up last, not by the lists of the start before it."""
    async with open_run() as run:
        await run.start("a", "b")
        await take_up(run, b=None, c="https://c.example/feed")
        assert listed(state) == ["a", "c"]
    async with open_run() as run:
        await run.start("a", "b")
        assert listed(state) == ["a", "b"]


async def test_what_is_told_of_a_reload_is_over_with_the_next_start(open_run: OpenRun, state: State) -> None:
    """What was to wait for a start has come into force with it; where nobody is at work, nothing is in force."""
    async with open_run() as run:
        await run.start("a")
        await run.store.note_reload("waits for the next start: fetch")
        assert read_reload(state) == "waits for the next start: fetch"
    if isinstance(state, Path):
        assert read_reload(state) is None
    async with open_run() as run:
        await run.start("a")
        assert read_reload(state) is None
