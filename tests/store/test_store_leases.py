"""Leases: how they end, how they are renewed, and how a lost one is fenced off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import HOUR, LEASE_MS, MINUTE, Run, make_draft, make_entry, make_feed, make_version
from worker.model import Broken, HandedBack, HostPolicy, Millis, Moved, Poll, Retry, State, Validators
from worker.store import read_status

TWO = HostPolicy(concurrency=2, delay_ms=0)
ASIDE = 20
"""Leases that may end unfinished before work is put aside."""


async def test_an_expired_lease_is_handed_out_again(run: Run) -> None:
    """Work whose lease has ended is given to the next who asks, with another token, and not before."""
    await run.start("a")
    (first,) = await run.claim()
    run.later(LEASE_MS - 1)
    assert await run.claim() == []
    run.later(1)
    (second,) = await run.claim()
    assert second.lease.work_id == first.lease.work_id
    assert second.lease.token != first.lease.token
    assert await run.claim() == []


async def test_a_lost_lease_is_refused_and_changes_nothing(run: Run) -> None:
    """Whoever lost his lease to another may not finish the poll: entries, versions and due time are the other's."""
    await run.start("a")
    lost = await run.poll_of("a")
    run.later(LEASE_MS)
    kept = await run.poll_of("a")
    refused = await run.finish(run.polled(lost, make_entry("one"), version=make_version("old"), error="no"))
    assert [(result.accepted, result.new) for result in refused] == [(False, 0)]
    assert await run.claim() == [], "the other's lease stands"
    assert (await run.finish(run.polled(kept, make_entry("one"))))[0].new == 1
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert poll.validators == Validators()


@pytest.mark.parametrize("kind", ["ingested", "retry", "moved", "handed back", "broken"])
async def test_every_end_of_a_lost_lease_is_refused(run: Run, kind: str) -> None:
    """However work ends, its lost lease is refused, and the one who has it now is not disturbed."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    lost = await run.ingest_of("one")
    run.later(LEASE_MS)
    kept = await run.ingest_of("one")
    done = {
        "ingested": run.ingested(lost, make_draft("stale")),
        "retry": Retry(lease=lost.lease, due_at=run.now, reason="timeout", not_before=Millis(run.now + HOUR)),
        "moved": Moved(lease=lost.lease, url="https://b.example/one", host="b.example", hops=1),
        "handed back": HandedBack(lease=lost.lease),
        "broken": Broken(lease=lost.lease, at=run.now, error="KeyError"),
    }[kind]
    assert not (await run.finish(done))[0].accepted
    assert await run.claim() == []
    assert (await run.finish(run.ingested(kept, make_draft("fresh"))))[0].op == "new"
    assert [row.body for row in await run.publish()] == [b"record: fresh"]


async def test_an_expired_lease_that_nobody_took_still_counts(run: Run) -> None:
    """Work that took longer than its lease is accepted as long as nobody else was given it."""
    await run.start("a")
    poll = await run.poll_of("a")
    run.later(LEASE_MS + 1)
    assert (await run.finish(run.polled(poll, make_entry("one"))))[0].new == 1


async def test_a_done_counts_once(run: Run) -> None:
    """The same end told twice, in one batch or in two, is accepted once."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    done = run.ingested(await run.ingest_of("one"), make_draft("one"))
    assert [result.accepted for result in await run.finish(done, done)] == [True, False]
    assert [result.accepted for result in await run.finish(done)] == [False]
    assert len(await run.publish()) == 1


async def test_work_of_an_expired_lease_is_held_by_one_alone(open_run: OpenRun) -> None:
    """Where several leases of a host have ended, each piece of work is handed out once, whichever slot it gets, and
    none of those who had it before is heard."""
    async with open_run(policy=TWO) as run:
        await run.start(make_feed("x", "https://one.example/x"), make_feed("y", "https://one.example/y"))
        (first,) = await run.claim()
        run.later(1)
        (second,) = await run.claim()
        # The lease of the lower slot is the one that ends last, so that both change their slots.
        await run.store.renew([first.lease], until=Millis(second.lease.expires_at + 1))
        run.later(2 * LEASE_MS)
        again = await run.claim_all()
        assert sorted(work.feed_id for work in again) == ["x", "y"]
        assert len({(work.lease.slot, work.lease.token) for work in again}) == 2
        assert isinstance(first, Poll)
        assert isinstance(second, Poll)
        assert [result.accepted for result in await run.finish(run.polled(first), run.polled(second))] == [False] * 2
        polls = [run.polled(work) for work in again if isinstance(work, Poll)]
        assert [result.accepted for result in await run.finish(*polls)] == [True, True]


async def test_an_expired_lease_gives_way_to_a_free_slot(open_run: OpenRun) -> None:
    """Work whose lease has ended may be handed out on another slot; its old one is free then, and fenced off."""
    async with open_run(policy=TWO) as run:
        await run.start(make_feed("x", "https://one.example/x"), make_feed("y", "https://one.example/y"))
        x, y = await run.claim_all()
        assert isinstance(x, Poll)
        assert isinstance(y, Poll)
        await run.finish(run.polled(x, make_entry("one", feed="one"), make_entry("two", feed="one")))
        run.later(LEASE_MS)
        (again,) = await run.claim()
        assert (again.feed_id, again.lease.slot) == ("y", x.lease.slot)
        assert not (await run.finish(run.polled(y)))[0].accepted
        assert len(await run.claim_all()) == 1, "one slot is free, and only one"


async def test_a_renewed_lease_lasts(run: Run) -> None:
    """A lease that is renewed lasts as long as was asked for, and its work is accepted then."""
    await run.start("a")
    poll = await run.poll_of("a")
    run.later(LEASE_MS - 1)
    await run.store.renew([poll.lease], until=Millis(run.now + LEASE_MS))
    run.later(LEASE_MS - 1)
    assert await run.claim() == []
    assert (await run.finish(run.polled(poll)))[0].accepted


async def test_a_renewed_lease_ends_too(run: Run) -> None:
    """A lease that is renewed and then ends is handed out again when it ends."""
    await run.start("a")
    poll = await run.poll_of("a")
    await run.store.renew([poll.lease], until=Millis(run.now + 2 * LEASE_MS))
    run.later(2 * LEASE_MS)
    assert [work.feed_id for work in await run.claim()] == ["a"]


async def test_a_lost_lease_can_not_be_renewed(run: Run) -> None:
    """Whoever lost his lease can't keep the work from the one who has it now."""
    await run.start("a")
    lost = await run.poll_of("a")
    run.later(LEASE_MS)
    kept = await run.poll_of("a")
    await run.store.renew([lost.lease], until=Millis(run.now + HOUR))
    assert not (await run.finish(run.polled(lost)))[0].accepted
    run.later(LEASE_MS)
    assert [work.lease.work_id for work in await run.claim()] == [kept.lease.work_id]


async def test_renewing_what_is_finished_changes_nothing(open_run: OpenRun) -> None:
    """A renewal that comes after the end of the work neither takes the slot again nor puts off the next poll."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await run.start("a")
        poll = await run.poll_of("a")
        await run.finish(run.polled(poll, make_entry("one"), next_due=Millis(run.now + MINUTE)))
        await run.store.renew([poll.lease], until=Millis(run.now + HOUR))
        run.later(MINUTE)
        assert [work.feed_id for work in await run.claim()] == ["a"]


@pytest.mark.embedded
async def test_a_start_ends_all_leases(open_run: OpenRun) -> None:
    """What the process before had under way is due at once, and it is heard no more."""
    async with open_run() as run:
        await run.start("a", "b")
        await run.poll("a", make_entry("one"))
        old_poll, old_ingest = await run.poll_of("b"), await run.ingest_of("one")
    async with open_run() as run:
        await run.start("a", "b")
        refused = await run.finish(run.polled(old_poll), run.ingested(old_ingest, make_draft("one")))
        assert [result.accepted for result in refused] == [False, False]
        assert {work.lease.work_id for work in await run.claim_all()} == {
            old_poll.lease.work_id,
            old_ingest.lease.work_id,
        }


@pytest.mark.parametrize("by", ["kills of the process", "leases that ran out"])
@pytest.mark.parametrize("times", [ASIDE - 1, ASIDE])
async def test_an_entry_that_is_always_lost_is_put_aside(open_run: OpenRun, state: State, by: str, times: int) -> None:
    """An entry is quarantined at the start after its lease was lost twenty times, and not before."""
    async with open_run() as run:
        await run.start("a")
        await run.poll("a", make_entry("one"), next_due=Millis(run.now + 1_000 * HOUR))
        for _ in range(times):
            await run.ingest_of("one")
            if by == "kills of the process" and isinstance(state, Path):
                await run.start("a")
            else:  # as kills show where others go on
                run.later(LEASE_MS)
        await run.start("a")
        works = await run.claim_all()
    quarantined = read_status(state)[1].quarantined
    assert (len(works), quarantined) == ((0, 1) if times == ASIDE else (1, 0))


@pytest.mark.embedded
async def test_a_poll_that_is_always_lost_is_postponed(run: Run) -> None:
    """A poll under which the process ended twenty times waits for an hour, and has its chances again."""
    await run.start("a")
    for _ in range(ASIDE):
        assert [work.feed_id for work in await run.claim()] == ["a"]
        await run.start("a")
    assert await run.claim() == []
    run.later(HOUR)
    assert [work.feed_id for work in await run.claim()] == ["a"]
    await run.start("a")
    assert [work.feed_id for work in await run.claim()] == ["a"]


@pytest.mark.parametrize("end", ["retry", "broken"])
@pytest.mark.embedded
async def test_work_that_ends_once_has_all_its_chances_again(run: Run, end: str) -> None:
    """Lost leases count one after the other: any end that was heard begins the count anew."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + 1_000 * HOUR))
    for _ in range(ASIDE - 1):
        await run.ingest_of("one")
        await run.start("a")
    lease = (await run.ingest_of("one")).lease
    retry = Retry(lease=lease, due_at=run.now, reason="timeout")
    await run.finish(retry if end == "retry" else Broken(lease=lease, at=run.now, error="KeyError"))
    run.later(HOUR)
    for _ in range(2):
        await run.ingest_of("one")
        await run.start("a")
    assert (await run.ingest("one")).op == "new"


async def test_handing_back_is_not_counted_as_lost(run: Run) -> None:
    """Stops of the worker that hand work back condemn nothing, however many there are."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + 1_000 * HOUR))
    for _ in range(ASIDE + 1):
        await run.finish(HandedBack(lease=(await run.ingest_of("one")).lease))
        await run.start("a")
    assert (await run.ingest("one")).op == "new"
