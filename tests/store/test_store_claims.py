"""What is claimed when: the politeness of hosts, and the order of work."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, LEASE_MS, MINUTE, Run, make_draft, make_entry, make_feed, make_version
from worker.model import Due, Feed, FeedId, HostPolicy, Ingest, Millis, Poll, Retry, RobotsCopy, Server, State, Work
from worker.store.known.feeds import UNHOSTED

NEVER = Millis(7_258_118_400_000)  # the year 2200


def feeds_of(host: str, count: int) -> list[Feed]:
    """Feeds that are all on one host, due in their order."""
    return [make_feed(f"{host}-{number:02d}", f"https://{host}.example/{number}") for number in range(count)]


def names(works: list[Work]) -> list[str]:
    """Feeds by id, entries by name."""
    return [work.feed_id if isinstance(work, Poll) else work.entry.decode() for work in works]


async def test_one_fetch_at_a_time(open_run: OpenRun) -> None:
    """A host of concurrency 1 is not asked for anything while a fetch is under way, and then at once."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start(*feeds_of("one", 3))
        (first,) = await run.claim()
        assert await run.claim() == []
        assert isinstance(first, Poll)
        await run.finish(run.polled(first))
        assert len(await run.claim_all()) == 1


async def test_two_fetches_at_a_time(open_run: OpenRun) -> None:
    """A host of concurrency 2 is asked for two things at a time, one a claim, on different slots."""
    async with open_run(policy=HostPolicy(concurrency=2, delay_ms=0)) as run:
        await run.start(*feeds_of("one", 5))
        assert [len(await run.claim()) for _ in range(3)] == [1, 1, 0]
        assert len({work.lease.slot for work in run.held}) == 2


async def test_what_asks_no_host_waits_for_none(open_run: OpenRun) -> None:
    """Entries without a page are claimed many at a time, at most `UNHOSTED.concurrency`, whatever the feed's host asks
    for; polls and pages of that host go on beside them."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=HOUR)) as run:
        await run.start("a")
        await run.poll("a", *(make_entry(f"{number:02d}", url=None) for number in range(40)), make_entry("page"))
        run.later(HOUR)
        claimed = names(await run.claim())
        assert "a" in claimed  # the poll, which is due again, goes before the page
        assert claimed.count("a") + UNHOSTED.concurrency == len(claimed)
        notes = [work for work in run.held if isinstance(work, Ingest)]
        await run.finish(*(run.ingested(work, make_draft(work.record_id)) for work in notes))
        assert names(await run.claim_all()) == [f"{number:02d}" for number in range(UNHOSTED.concurrency, 40)]


async def test_each_host_has_its_own_turn(open_run: OpenRun) -> None:
    """What is under way at one host keeps no other from being claimed, and each has its own policy."""
    async with open_run(one=HostPolicy(concurrency=1, delay_ms=0), two=HostPolicy(concurrency=2, delay_ms=0)) as run:
        await run.start(*feeds_of("one", 3), *feeds_of("two", 3))
        works = await run.claim_all()
    assert sorted(work.feed_id.partition("-")[0] for work in works) == ["one", "two", "two"]


async def test_the_delay_is_kept_between_claims(open_run: OpenRun) -> None:
    """From the start of one fetch to the start of the next passes the delay, however many slots are free."""
    async with open_run(policy=HostPolicy(concurrency=5, delay_ms=1_000)) as run:
        await run.start(*feeds_of("one", 3))
        assert len(await run.claim()) == 1
        run.later(999)
        assert await run.claim() == []
        assert await run.store.next_claim_at() == run.now + 1
        run.later(1)
        assert len(await run.claim_all()) == 1


async def test_a_fetch_that_ends_early_does_not_shorten_the_delay(open_run: OpenRun) -> None:
    """The delay counts from start to start: a fetch that took no time lets the next wait for the rest of it."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=1_000)) as run:
        await run.start(*feeds_of("one", 2))
        (first,) = await run.claim()
        assert isinstance(first, Poll)
        await run.finish(run.polled(first))
        assert await run.claim() == []
        run.later(1_000)
        assert len(await run.claim()) == 1


async def test_the_delay_is_kept_across_a_restart(open_run: OpenRun) -> None:
    """A new process waits for the delay that the last claim of the one before began."""
    policy = HostPolicy(concurrency=2, delay_ms=MINUTE)
    async with open_run(policy=policy) as run:
        await run.start(*feeds_of("one", 2))
        await run.claim()
    async with open_run(policy=policy) as run:
        await run.start(*feeds_of("one", 2))
        assert await run.claim() == []
        assert await run.store.next_claim_at() == run.now + MINUTE


@pytest.mark.parametrize("said_by", ["poll", "entry", "retry"])
@pytest.mark.embedded
async def test_not_before_holds_a_host_and_no_other(run: Run, said_by: str) -> None:
    """A host that asked for patience is left alone until then, with all of its work; the others are not."""
    await run.start("a", "b")
    await run.poll("a", make_entry("one"), make_entry("two"))
    until = Millis(run.now + MINUTE)
    done: Any
    match said_by:
        case "poll":
            run.later(HOUR)
            until = Millis(run.now + MINUTE)
            done = run.polled(await run.poll_of("a"), not_before=until, next_due=run.now)
        case "entry":
            done = run.ingested(await run.ingest_of("one"), make_draft("one"), not_before=until)
        case _:
            lease = (await run.ingest_of("one")).lease
            done = Retry(lease=lease, due_at=run.now, reason="503", not_before=until)
    run.held.clear()
    await run.finish(done)
    await run.start("a", "b", poll_all=True)
    assert names(await run.claim_all()) == ["b"]
    run.now = until
    assert names(await run.claim_all())[0] == "a"


async def test_not_before_is_only_raised(run: Run) -> None:
    """A host that asks for less patience than it asked for before does not get it shortened."""
    await run.start(*feeds_of("one", 2))
    first, second = await run.claim_all()
    assert isinstance(first, Poll)
    assert isinstance(second, Poll)
    long, short = Millis(run.now + HOUR), Millis(run.now + MINUTE)
    await run.finish(run.polled(first, not_before=long), run.polled(second, not_before=short, next_due=run.now))
    assert await run.store.next_claim_at() == long


async def test_the_order_is_polls_new_retries_each_by_due_time(run: Run) -> None:
    """Of what a host could be asked for, polls come first, then new entries, then retries, each by due time."""
    await run.start("a", *feeds_of("a", 2))
    retried, late, early = await run.poll_of("a"), await run.poll_of("a-00"), await run.poll_of("a-01")
    due = run.now + 2 * HOUR
    await run.finish(run.polled(retried, make_entry("late-retry"), make_entry("early-retry"), next_due=due + 3))
    leases = [(await run.ingest_of(name)).lease for name in ("late-retry", "early-retry")]
    await run.finish(*(Retry(lease=lease, due_at=Millis(due - n), reason="timeout") for n, lease in enumerate(leases)))
    run.later(1)
    await run.finish(run.polled(early, make_entry("early-new"), next_due=due + 1))
    run.later(1)
    await run.finish(run.polled(late, make_entry("late-new"), next_due=due + 2))
    run.later(3 * HOUR)
    order = ["a-01", "a-00", "a", "early-new", "late-new", "early-retry", "late-retry"]
    assert names(await run.claim_all()) == order


async def test_a_claim_brings_no_more_than_its_limit(run: Run) -> None:
    """A claim takes as many pieces of work as it is asked for, and leaves the rest for the next."""
    await run.start(*(f"f{number}" for number in range(7)))
    assert [len(await run.claim(3)) for _ in range(4)] == [3, 3, 1, 0]


async def test_a_claim_may_be_of_any_size(run: Run) -> None:
    """Hundreds of pieces of work can be claimed at once, each once."""
    await run.start(*(f"f{number}" for number in range(1_100)))
    works = await run.claim(1_050)
    assert len({work.feed_id for work in works}) == len(works) == 1_050


async def test_entries_without_a_page_wait_for_no_host(open_run: OpenRun) -> None:
    """What needs no fetch is claimed many at a time, whatever its feed's host asks for, and costs that host nothing."""
    notes = [f"note-{number:02d}" for number in range(40)]
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=MINUTE)) as run:
        await run.start(*feeds_of("one", 2))
        await run.poll("one-00", *(make_entry(name, url=None) for name in notes), not_before=Millis(run.now + HOUR))
        assert names(await run.claim(5)) == notes[:5]
        await run.claim_all()
        assert 5 < len(run.held) < 40, "each has its lease, and there are so many"
        for _ in range(10):
            done = [run.ingested(work, make_draft(str(work.lease))) for work in run.held if isinstance(work, Ingest)]
            await run.finish(*done)
            await run.claim_all()
        assert len(await run.publish()) == 40
        assert await run.store.next_claim_at() == run.now + HOUR, "the host of the feed"


async def test_a_run_that_has_an_end_leaves_later_polls(run: Run) -> None:
    """A run that does what was due at its start leaves polls that come due meanwhile, and does all entries."""
    await run.start("a", "b")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + MINUTE))
    await run.poll("b", next_due=Millis(run.now + HOUR))
    begun = Millis(run.now + MINUTE)
    run.later(2 * HOUR)
    assert sorted(names([*await run.claim(due=Due(begun)), *await run.claim(due=Due(begun))])) == ["a", "one"]
    assert await run.claim(due=Due(begun)) == []


async def test_a_run_that_has_an_end_hides_no_host_for_good(open_run: OpenRun) -> None:
    """What a run that does what was due at its start has left is there for the next."""
    async with open_run() as run:
        await run.start("a")
        await run.poll("a", next_due=Millis(run.now + MINUTE))
        begun = run.now
        run.later(HOUR)
        assert await run.claim(due=Due(begun)) == []
    async with open_run(now=run.now) as run:
        await run.start("a")
        assert names(await run.claim(due=Due(run.now))) == ["a"]


async def test_polls_that_fell_due_since_are_in_nobodys_way(open_run: OpenRun, state: State) -> None:
    """However many: who polls what was due at its start comes to the entries of that, and waits for no other poll;
    where others share the state, these are there for them."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=1000)) as run:
        feeds = [f"f{number}" for number in range(5)]
        await run.start("a", *feeds)
        for feed in feeds:
            await run.poll(feed, next_due=Millis(run.now + MINUTE))
        entries = [make_entry(name, host="late.example") for name in ("one", "two")]
        await run.poll("a", *entries, next_due=Millis(run.now + 1000 * HOUR))
        begun = run.now
        run.later(10 * MINUTE)
        for _ in entries:
            (work,) = [work for _ in range(4) for work in await run.claim(2, due=Due(begun))]
            assert isinstance(work, Ingest)
            await run.finish(run.ingested(work, make_draft(work.entry.decode())), due=Due(begun))
            run.later(2000)
        assert await run.store.next_claim_at(due=Due(begun)) > run.now
        if isinstance(state, Server):
            assert sorted(names(await run.claim())) == feeds


@pytest.mark.embedded
async def test_hosts_with_nothing_due_are_in_nobodys_way(open_run: OpenRun) -> None:
    """One ready host is found by the first claim, and after a restart too, though a thousand others have work for
    later."""
    many = [f"f{number}" for number in range(1_000)]
    async with open_run() as run:
        await run.start(*many)
        polls = [run.polled(work) for work in await run.claim(1_000) if isinstance(work, Poll)]
        await run.finish(*polls)
        await run.start(*many, "ready")
        assert names(await run.claim(1)) == ["ready"]
    async with open_run() as run:
        await run.start(*many, "ready")
        assert names(await run.claim(1)) == ["ready"]


async def test_next_claim_at_says_when_a_claim_can_succeed(run: Run) -> None:
    """It is no later than now where work is ready, the end of the lease where all is under way, far where there is
    none."""
    assert await run.store.next_claim_at() > NEVER
    await run.start("a")
    assert await run.store.next_claim_at() <= run.now
    poll = await run.poll_of("a")
    assert await run.store.next_claim_at() == poll.lease.expires_at == run.now + LEASE_MS
    await run.finish(run.polled(poll, next_due=Millis(run.now + DAY)))
    assert await run.store.next_claim_at() == run.now + DAY


async def test_has_due_is_about_work_that_nobody_has(open_run: OpenRun) -> None:
    """Due work that waits for its host's turn counts; what is leased, or a poll that came due since, does not."""
    async with open_run(policy=HostPolicy(concurrency=2, delay_ms=MINUTE)) as run:
        begun = run.now
        await run.start(*feeds_of("one", 2))
        assert await run.store.has_due(now=run.now, due=Due(begun))
        (first,) = await run.claim()
        assert isinstance(first, Poll)
        assert await run.claim() == []
        assert await run.store.has_due(now=run.now, due=Due(begun)), "the second waits for the delay"
        run.later(MINUTE)
        (second,) = await run.claim()
        assert isinstance(second, Poll)
        assert not await run.store.has_due(now=run.now, due=Due(begun)), "both are under way"
        await run.finish(run.polled(first, next_due=run.now), run.polled(second, make_entry("one", feed="one")))
        assert await run.store.has_due(now=run.now, due=Due(begun)), "the entry is due"
        run.later(MINUTE)
        works = await run.claim(due=Due(begun))
        assert names(works) == ["one"]
        assert not await run.store.has_due(now=run.now, due=Due(begun)), "the poll came due since"
        assert await run.store.has_due(now=run.now, due=Due(run.now))


async def test_an_entry_comes_with_what_is_needed_to_ingest_it(run: Run) -> None:
    """A claimed entry carries its words, page, record id, feed and times."""
    await run.start("a")
    entry = make_entry("one")
    poll = await run.poll_of("a")
    await run.finish(run.polled(poll, entry, version=make_version("v1", title="The A")))
    seen_at = run.now
    run.later(MINUTE)
    (work,) = await run.claim()
    assert isinstance(work, Ingest)
    assert work == Ingest(
        lease=work.lease,
        entry_id=work.entry_id,
        record_id=entry.own.hex(),
        feed_id=FeedId("a"),
        feed_title="The A",
        url="https://a.example/one",
        host="a.example",
        robots=RobotsCopy(url="https://a.example/robots.txt"),
        entry=b"one",
        first_seen_at=seen_at,
    )
    assert work.lease.expires_at == run.now + LEASE_MS
