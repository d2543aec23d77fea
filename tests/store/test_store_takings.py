"""Work that one process leases and another takes up: once, and no faster than its host bears."""

from __future__ import annotations

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import HOUR, LEASE_MS, SECOND, Run, make_entry, make_feed
from worker.model import Claim, HandedBack, HostPolicy, Ingest, Millis, Poll, State, Work
from worker.store import read_status
from worker.store.work.claims import MAX_LOST

TWO = HostPolicy(concurrency=2, delay_ms=10 * SECOND)


async def leased(run: Run, limit: int = 10) -> list[Claim]:
    return await run.store.lease(limit, now=run.now, lease_ms=LEASE_MS)


async def taken_up(run: Run, *claims: Claim) -> list[Work]:
    return await run.store.begin([claim.lease for claim in claims], now=run.now, lease_ms=LEASE_MS)


async def test_work_is_leased_by_one_and_taken_up_by_another(run: Run) -> None:
    """A claim of leases alone takes what a claim of work would; what the work is comes with its taking up, and a lease
    of its own, which is the only one that counts from then on."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    await run.start("a", "b")
    claims = await leased(run)
    assert await run.claim() == []
    works = await taken_up(run, *claims[::-1])
    assert [work.lease.work_id for work in works] == [claim.lease.work_id for claim in claims[::-1]]
    assert {(type(work), work.feed_id) for work in works} == {(Poll, "b"), (Ingest, "a")}
    assert {claim.kind for claim in claims} == {"poll", "ingest"}
    (poll,) = (work for work in works if isinstance(work, Poll))
    (claim,) = (claim for claim in claims if claim.kind == "poll")
    assert not (await run.finish(HandedBack(lease=claim.lease)))[0].accepted
    assert (await run.finish(run.polled(poll)))[0].accepted


async def test_a_lease_is_taken_up_once(run: Run) -> None:
    """A bus may hand it out twice, also when the first who took it up has died: that one's lease has to end."""
    await run.start("a")
    claims = await leased(run)
    (first,) = await taken_up(run, *claims)
    assert await taken_up(run, *claims, *claims) == []
    run.later(LEASE_MS - 1)
    assert await leased(run) == []
    run.later(1)
    (again,) = await leased(run)
    assert await taken_up(run, *claims) == []
    (second,) = await taken_up(run, again)
    assert (first.lease.work_id, first.lease.token) != (second.lease.work_id, second.lease.token)


@pytest.mark.parametrize("dies", [False, True])
async def test_what_is_lost_before_it_was_taken_up_is_not_counted(run: Run, state: State, dies: bool) -> None:
    """A broker that forgets all, time after time, condemns no work; a worker that dies of it each time does."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + 1_000 * HOUR))
    for _ in range(MAX_LOST):
        claims = await leased(run)
        assert len(claims) == 1
        if dies:
            assert len(await taken_up(run, *claims)) == 1
        run.later(LEASE_MS)
    await run.start("a")
    assert read_status(state)[1].quarantined == dies
    assert len(await leased(run)) == (not dies)


async def test_taking_up_renews(run: Run) -> None:
    """However long it has waited, who takes it up has all the time of a lease."""
    await run.start("a")
    claims = await leased(run)
    run.later(LEASE_MS - 1)
    (work,) = await taken_up(run, *claims)
    assert work.lease.expires_at == run.now + LEASE_MS
    run.later(LEASE_MS - 1)
    assert await run.claim() == []


async def test_what_has_ended_or_been_finished_is_not_taken_up(run: Run) -> None:
    """Nor what a stranger made up."""
    await run.start("a", "b")
    back, late = await leased(run)
    await run.finish(HandedBack(lease=back.lease))
    assert await taken_up(run, back) == []
    run.later(LEASE_MS)
    assert await taken_up(run, back, late) == []
    (claim, _) = await leased(run)
    lease = claim.lease
    for change in ({"work_id": 10**6}, {"host_id": 10**6}, {"slot": 7}, {"token": 10**6}, {"work_id": 2**63 - 1}):
        made_up = type(lease)(**{name: getattr(lease, name) for name in lease.__slots__} | change)
        assert await run.store.begin([made_up], now=run.now, lease_ms=LEASE_MS) == []
    assert len(await taken_up(run, claim)) == 1


async def two_of_a_host(run: Run) -> list[Claim]:
    """Claimed as far apart as the host wants it."""
    await run.start(make_feed("a", url="http://h.example/a"), make_feed("b", url="http://h.example/b"))
    claims = await leased(run)
    run.later(TWO.delay_ms)
    claims += await leased(run)
    assert len(claims) == 2
    return claims


async def test_the_delay_of_a_host_is_kept_where_leases_wait(open_run: OpenRun) -> None:
    """Two fetches at once may be made of a host: what was claimed ten seconds apart and waited for a worker is taken up
    ten seconds apart; what comes sooner is given back, and comes up again."""
    async with open_run(policy=TWO) as run:
        claims = await two_of_a_host(run)
        run.later(5 * SECOND)
        assert await taken_up(run, claims[0]) == []  # the other may have begun just now, for all that is known
        (begun,) = await taken_up(run, claims[1])
        assert await taken_up(run, *claims) == []
        assert await leased(run) == []
        run.later(TWO.delay_ms)
        (again,) = await leased(run)
        assert again.lease.work_id == claims[0].lease.work_id
        (other,) = await taken_up(run, again)
        assert begun.lease.slot != other.lease.slot


async def test_two_that_are_taken_at_once_do_not_begin_at_once(open_run: OpenRun) -> None:
    """By one worker, in one go."""
    async with open_run(policy=TWO) as run:
        claims = await two_of_a_host(run)
        assert len(await taken_up(run, *claims)) == 1
        run.later(TWO.delay_ms)
        assert len(await taken_up(run, *await leased(run))) == 1


async def test_leases_that_do_not_wait_lose_nothing_by_that(open_run: OpenRun) -> None:
    """Each is taken up when it is claimed, or a little later."""
    async with open_run(policy=TWO) as run:
        await run.start(make_feed("a", url="http://h.example/a"), make_feed("b", url="http://h.example/b"))
        (first,) = await leased(run)
        run.later(5)
        assert len(await taken_up(run, first)) == 1
        run.later(TWO.delay_ms)
        (second,) = await leased(run)
        run.later(5)
        assert len(await taken_up(run, second)) == 1
