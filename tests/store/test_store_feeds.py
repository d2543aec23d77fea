"""The feed lists and the hosts' policies, taken up at each start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import HOUR, MINUTE, START, Run, make_draft, make_entry, make_feed, make_version
from worker.model import Due, Feed, FeedId, HostPolicy, Millis, Moved, Poll, State, Validators, Work
from worker.store import read_status

pytestmark = pytest.mark.both("slow")


def polled_feeds(works: Sequence[Work]) -> list[str]:
    return sorted(work.feed_id for work in works if isinstance(work, Poll))


async def test_new_feeds_are_due_at_once(run: Run) -> None:
    """A feed that is listed for the first time is polled without waiting, with nothing known of it."""
    await run.start("a", "b")
    works = await run.claim()
    assert polled_feeds(works) == ["a", "b"]
    poll = next(work for work in works if work.feed_id == "a")
    assert isinstance(poll, Poll)
    assert (poll.url, poll.hops) == ("https://a.example/feed", 0)
    assert (poll.validators, poll.body_hash, poll.elements) == (Validators(), b"", frozenset())


async def test_a_restart_keeps_due_times(open_run: OpenRun) -> None:
    """After a restart a feed is polled when it is due, not at once."""
    async with open_run() as run:
        await run.start("a")
        await run.poll("a")
        due = Millis(run.now + HOUR)
    async with open_run(now=run.now + MINUTE) as run:
        await run.start("a")
        assert await run.claim() == []
        assert await run.store.next_claim_at() == due
        run.now = due
        assert polled_feeds(await run.claim()) == ["a"]


async def test_another_interval_holds_from_the_start_on(open_run: OpenRun, state: State) -> None:
    """It was changed while nobody worked: the next poll is planned by it, once. One that fails keeps its back-off."""

    def listed(every_s: float | None) -> list[Feed]:
        return [replace(make_feed(name), every_s=every_s) for name in ("a", "bad")]

    async with open_run() as run:
        await run.start(*listed(None))
        await run.poll("a")
        await run.poll("bad", failure="server", error="500", next_due=Millis(run.now + HOUR))
    for every_s, cron in ((60.0, None), (60.0, "0 6 * * *"), (None, None)):
        feeds = [replace(feed, cron=cron) for feed in listed(every_s)]
        async with open_run(now=START + MINUTE) as run:
            run.plans.due = {FeedId("a"): Millis(START + MINUTE), FeedId("bad"): Millis(START)}
            await run.start(*feeds)
            assert len(run.plans.asked) == 1
            assert {feed.id: feed.next_poll_at for feed in read_status(state)[0]} == {
                "a": START + MINUTE,
                "bad": START + HOUR,
            }
            assert await run.store.has_due(now=run.now, due=Due(run.now))
            await run.start(*feeds)
            assert len(run.plans.asked) == 1


async def test_a_feed_that_comes_back_with_another_interval_is_due_at_once(run: Run) -> None:
    """As is one that is at another URL now."""
    await run.start("a", "b")
    await run.poll("a")
    await run.poll("b")
    await run.start("b")
    await run.start(
        replace(make_feed("a"), every_s=60.0), replace(make_feed("b", "https://new.example/feed"), every_s=60.0)
    )
    assert polled_feeds(await run.claim_all()) == ["a", "b"]


async def test_a_feed_added_later_is_polled_beside_the_others(run: Run) -> None:
    """A new feed in the list does not make those that are known due."""
    await run.start("a")
    await run.poll("a")
    await run.start("a", "b")
    assert polled_feeds(await run.claim()) == ["b"]


async def test_a_removed_feed_is_not_claimed(run: Run, state: State) -> None:
    """A feed that is no longer listed is neither polled nor are its entries ingested, and status leaves it out."""
    await run.start("a", "b")
    await run.poll("a", make_entry("one"))
    await run.start("b")
    run.later(2 * HOUR)
    assert polled_feeds(await run.claim_all()) == ["b"]
    feeds, totals = read_status(state)
    assert [feed.id for feed in feeds] == ["b"]
    assert totals.queued == 0


@pytest.mark.embedded
async def test_a_thousand_feeds_can_be_removed_at_once(run: Run) -> None:
    """Lists of any length are taken up and given up."""
    await run.start(*(f"feed-{number}" for number in range(1_100)))
    assert len(await run.claim(2_000)) == 1_100
    await run.start("feed-7")
    assert polled_feeds(await run.claim_all()) == ["feed-7"]


@pytest.mark.embedded
async def test_what_a_removed_feed_had_queued_is_new_again(run: Run) -> None:
    """Entries that were queued when their feed was removed are new when it is listed again, under the same ids."""
    await run.start("a")
    await run.poll("a", make_entry("one"), version=make_version("v1", elements=(b"8 bytes.",)))
    first = (await run.ingest_of("one")).record_id
    await run.start()
    await run.start("a")
    poll = await run.poll_of("a")
    assert (poll.validators, poll.body_hash, poll.elements) == (Validators(), b"", frozenset())
    assert (await run.finish(run.polled(poll, make_entry("one"))))[0].new == 1
    assert (await run.ingest_of("one")).record_id == first
    assert (await run.ingest("one")).op == "new"


async def test_a_change_that_a_removed_feed_had_queued_is_a_change_again(run: Run) -> None:
    """An update that was queued when its feed was removed is not lost when the feed comes back."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    await run.ingest("one")
    run.later(HOUR)
    assert (await run.poll("a", make_entry("one", words="corrected"))).changed == 1
    await run.start()
    await run.start("a")
    finished = await run.poll("a", make_entry("one", words="corrected"))
    assert (finished.new, finished.changed) == (0, 1)
    assert (await run.ingest("one", make_draft("corrected"))).op == "update"
    assert [(row.op, row.revision) for row in await run.publish()] == [("new", 1), ("update", 2)]


async def test_what_a_removed_feed_had_written_is_not_repeated(run: Run) -> None:
    """Adding a feed back writes nothing again that was written before."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    await run.ingest("one")
    await run.start()
    await run.start("a")
    finished = await run.poll("a", make_entry("one"))
    assert (finished.new, finished.changed) == (0, 0)
    assert await run.claim_all() == []


@pytest.mark.parametrize(
    ("pointer", "written"),
    [
        pytest.param(None, [("new", 1)], id="duplicates are dropped: it has no record yet"),
        pytest.param(b"{}", [("duplicate", 1), ("update", 2)], id="duplicates are linked: its pointer is updated"),
    ],
)
async def test_a_duplicate_of_what_is_forgotten_is_taken_up(
    run: Run, pointer: bytes | None, written: list[tuple[str, int]]
) -> None:
    """An article that two feeds show is not lost when the first of them is removed before it was ingested."""
    url = "https://site.example/story"
    await run.start("a", "b")
    await run.poll("a", make_entry("one", url=url))
    shown = make_entry("one", feed="b", url=url, pointer=pointer)
    assert (await run.poll("b", shown, version=make_version("v1", elements=(b"8 bytes.",)))).duplicates == 1
    await run.start("b")
    run.later(HOUR)
    poll = await run.poll_of("b")
    assert (poll.validators, poll.elements) == (Validators(), frozenset()), "it would not be shown the entry again"
    finished = (await run.finish(run.polled(poll, shown)))[0]
    assert (finished.new, finished.changed, finished.duplicates) == ((0, 1, 0) if pointer else (1, 0, 0))
    await run.ingest("one", feed="b")
    assert [(row.op, row.revision) for row in await run.publish()] == written


async def test_a_new_url_voids_validators_and_keeps_history(run: Run) -> None:
    """A feed at a new URL is polled there at once, unconditionally, and its entries are still known."""
    await run.start("a")
    await run.poll("a", make_entry("one"), version=make_version("v1"))
    await run.ingest("one")
    await run.start(make_feed("a", "https://elsewhere.example/rss"))
    poll = await run.poll_of("a")
    assert poll.url == "https://elsewhere.example/rss"
    assert (poll.validators, poll.body_hash) == (Validators(), b"")
    finished = (await run.finish(run.polled(poll, make_entry("one"), make_entry("two"))))[0]
    assert (finished.new, finished.changed) == (1, 0)


async def test_a_new_url_ends_a_redirect(run: Run) -> None:
    """A poll that waits at the host of a redirect is given up with the URL that led there."""
    await run.start("a")
    poll = await run.poll_of("a")
    await run.finish(Moved(lease=poll.lease, url="https://cdn.example/a", host="cdn.example", hops=1))
    await run.start(make_feed("a", "https://elsewhere.example/rss"))
    works = await run.claim_all()
    assert [(work.url, work.hops) for work in works if isinstance(work, Poll)] == [("https://elsewhere.example/rss", 0)]


async def test_a_feed_comes_back_at_a_new_url(run: Run) -> None:
    """A feed that was removed and is listed again elsewhere is polled once, at its new URL."""
    await run.start("a")
    await run.poll("a")
    await run.start()
    await run.start(make_feed("a", "https://elsewhere.example/rss"))
    assert [work.url for work in await run.claim_all()] == ["https://elsewhere.example/rss"]


@pytest.mark.embedded
async def test_policies_add_and_remove_slots(open_run: OpenRun) -> None:
    """A host's concurrency is that of the configuration from the next start on, up or down."""
    feeds = [Feed(id=FeedId(f"f{number}"), url=f"https://one.example/{number}") for number in range(6)]
    for concurrency in (1, 3, 2, 4):
        async with open_run(policy=HostPolicy(concurrency=concurrency, delay_ms=0)) as run:
            await run.start(*feeds)
            assert len(await run.claim_all()) == concurrency


async def test_a_delay_changes_with_the_configuration(open_run: OpenRun) -> None:
    """A host's delay is that of the configuration from the next claim on."""
    feeds = [Feed(id=FeedId(f"f{number}"), url=f"https://one.example/{number}") for number in range(4)]
    async with open_run(policy=HostPolicy(concurrency=4, delay_ms=0)) as run:
        await run.start(*feeds)
        await run.claim()
    async with open_run(policy=HostPolicy(concurrency=4, delay_ms=5_000)) as run:
        await run.start(*feeds)
        await run.claim()
        assert await run.claim() == []
        assert await run.store.next_claim_at() == run.now + 5_000


async def test_poll_all_makes_every_feed_due(run: Run) -> None:
    """`once --all` polls all feeds, whenever they are due, and with what is known of them."""
    await run.start("a", "b")
    await run.poll("a", version=make_version("v1"))
    await run.poll("b")
    await run.start("a", "b", poll_all=True)
    works = await run.claim(due=Due(run.now))
    assert polled_feeds(works) == ["a", "b"]
    assert (await run.poll_of("a")).validators == make_version("v1").validators
