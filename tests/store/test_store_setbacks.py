"""Work that did not end well, or not yet: retries, redirects, stops and defects."""

from __future__ import annotations

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, LEASE_MS, MINUTE, Run, key, make_draft, make_entry, make_version
from worker.model import Broken, Due, Finished, HandedBack, HostPolicy, Ingest, Lease, Millis, Moved, Poll, Retry, State
from worker.store import read_status

pytestmark = pytest.mark.both("slow")

MUCH_LATER = 10_000 * HOUR


async def start_with_entry(run: Run) -> None:
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + MUCH_LATER))


def moved(lease: Lease, *, host: str = "cdn.example", hops: int = 1) -> Moved:
    return Moved(lease=lease, url=f"https://{host}/there", host=host, hops=hops)


# --- Retry --------------------------------------------------------------------------------------------------------


async def test_a_retry_comes_when_it_is_due_and_counts(run: Run) -> None:
    """A page that could not be had is tried again at the time that was said, with the count of tries so far."""
    await start_with_entry(run)
    for tries in range(3):
        work = await run.ingest_of("one")
        assert work.tries == tries
        due = Millis(run.now + MINUTE)
        assert (await run.finish(Retry(lease=work.lease, due_at=due, reason="timeout")))[0] == Finished()
        assert await run.claim() == []
        assert await run.store.next_claim_at() == due
        run.now = due
    assert (await run.ingest("one")).op == "new"


async def test_a_changed_entry_has_all_its_tries(run: Run) -> None:
    """Tries are counted for the words they were made for: an entry ingested again starts from none."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    await run.finish(Retry(lease=(await run.ingest_of("one")).lease, due_at=run.now, reason="timeout"))
    run.later(HOUR)
    poll = run.polled(await run.poll_of("a"), make_entry("one", words="corrected"))
    under_way = await run.ingest_of("one")
    assert under_way.tries == 1
    await run.finish(poll)
    await run.finish(run.ingested(under_way, make_draft("one")))
    assert (await run.ingest_of("one")).tries == 0


# --- Moved --------------------------------------------------------------------------------------------------------


async def test_a_redirect_waits_for_the_other_hosts_turn(open_run: OpenRun) -> None:
    """Work that a redirect led to another host is queued there, keeps its hops, and frees its host."""
    async with open_run(cdn=HostPolicy(concurrency=1, delay_ms=MINUTE)) as run:
        await start_with_entry(run)
        await run.finish(moved((await run.ingest_of("one")).lease))
        work = await run.ingest_of("one")
        assert (work.url, work.hops) == ("https://cdn.example/there", 1)
        await run.finish(moved(work.lease, hops=2))
        assert await run.claim() == [], "the delay of the other host"
        run.later(MINUTE)
        assert (await run.ingest_of("one")).hops == 2
        assert (await run.ingest("one")).op == "new"


async def test_a_poll_returns_from_a_redirect(run: Run) -> None:
    """A poll that ended at another host begins at its own again."""
    await run.start("a")
    poll = await run.poll_of("a")
    await run.finish(moved(poll.lease))
    away = await run.poll_of("a")
    assert (away.url, away.hops, away.lease.host_id == poll.lease.host_id) == ("https://cdn.example/there", 1, False)
    await run.finish(run.polled(away, make_entry("one"), version=make_version("v1")))
    run.later(HOUR)
    home = await run.poll_of("a")
    assert (home.url, home.hops, home.lease.host_id) == (poll.url, 0, poll.lease.host_id)
    assert home.validators == make_version("v1").validators


async def test_a_poll_returns_from_a_redirect_that_broke(run: Run) -> None:
    """A poll whose handler failed at another host begins at its own again, and is not forgotten there."""
    await run.start("a")
    await run.finish(moved((await run.poll_of("a")).lease))
    away = await run.poll_of("a")
    await run.finish(Broken(lease=away.lease, at=run.now, error="KeyError"))
    run.later(2 * MINUTE)
    assert await run.store.next_claim_at() <= run.now
    home = await run.poll_of("a")
    assert (home.url, home.hops) == ("https://a.example/feed", 0)


async def test_a_redirect_is_followed_across_a_restart(run: Run) -> None:
    """A restart does not make work that waits at another host begin anew."""
    await run.start("a")
    await run.finish(moved((await run.poll_of("a")).lease, hops=3))
    await run.start("a")
    assert (await run.poll_of("a")).hops == 3


@pytest.mark.parametrize("end", ["moved", "handed back"])
async def test_a_run_of_what_is_due_follows_redirects(run: Run, end: str) -> None:
    """A poll that was due at the start of a run is done by it, though it changes hands on the way."""
    await run.start("a")
    begun = run.now
    run.later(MINUTE)
    (poll,) = await run.claim(due=Due(begun))
    run.held.clear()
    await run.finish(moved(poll.lease) if end == "moved" else HandedBack(lease=poll.lease), due=Due(begun))
    assert await run.store.has_due(now=run.now, due=Due(begun))
    assert [work.feed_id for work in await run.claim(due=Due(begun))] == ["a"]


# --- HandedBack ---------------------------------------------------------------------------------------------------


async def test_what_is_handed_back_is_due_at_once(run: Run) -> None:
    """Work given up at a stop is as it was before it was claimed, and may be claimed again."""
    await start_with_entry(run)
    work = await run.ingest_of("one")
    await run.finish(HandedBack(lease=work.lease))
    again = await run.ingest_of("one")
    assert again.lease.token != work.lease.token
    assert (again.tries, again.hops, again.url) == (0, 0, work.url)


# --- Broken -------------------------------------------------------------------------------------------------------


async def test_broken_entries_back_off_and_are_quarantined(run: Run, state: State) -> None:
    """An entry on which the handler fails waits longer each time, and is put aside at the fourth."""
    await start_with_entry(run)
    waits = []
    for time in range(1, 5):
        work = await run.ingest_of("one")
        finished = (await run.finish(Broken(lease=work.lease, at=run.now, error="KeyError: 'x'")))[0]
        assert finished.quarantined == (time == 4)
        due = await run.store.next_claim_at()
        waits.append(due - run.now)
        run.now = due
    assert waits[:3] == [2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert waits[3] > 100 * DAY, "what comes next is the poll"
    assert [work for work in await run.claim_all() if isinstance(work, Ingest)] == []
    totals = read_status(state)[1]
    assert (totals.quarantined, totals.queued) == (1, 0)


async def test_quarantine_outlasts_a_restart(run: Run, state: State) -> None:
    """What was put aside is not taken up by the next process, whatever its feed says."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    for _ in range(4):
        await run.finish(Broken(lease=(await run.ingest_of("one")).lease, at=run.now, error="KeyError"))
        run.later(DAY)
    await run.start("a")
    assert (await run.poll("a", make_entry("one", words="corrected"))).changed == 1
    assert await run.claim_all() == []
    assert read_status(state)[1].quarantined == 1


async def test_broken_polls_back_off_and_never_stop(run: Run, state: State) -> None:
    """A poll on which the handler fails waits longer each time, a day at most, and is tried for ever."""
    await run.start("a")
    waits = []
    for _ in range(14):
        poll = await run.poll_of("a")
        finished = (await run.finish(Broken(lease=poll.lease, at=run.now, error="KeyError: 'x'")))[0]
        assert not finished.quarantined
        due = await run.store.next_claim_at()
        waits.append(due - run.now)
        run.now = due
    assert waits[:3] == [2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert max(waits) == waits[-1] == DAY
    (status,) = read_status(state)[0]
    assert status.error == "KeyError: 'x'"
    await run.poll("a")
    run.later(HOUR)
    poll = await run.poll_of("a")
    await run.finish(Broken(lease=poll.lease, at=run.now, error="KeyError"))
    assert await run.store.next_claim_at() == run.now + 2 * MINUTE, "a success begins the count anew"


async def test_a_lost_lease_is_no_defect(run: Run) -> None:
    """Leases that run out are counted apart from defects: neither brings the other nearer to quarantine."""
    await start_with_entry(run)
    for _ in range(3):
        await run.ingest_of("one")
        run.later(LEASE_MS)
        work = await run.ingest_of("one")
        assert not (await run.finish(Broken(lease=work.lease, at=run.now, error="KeyError")))[0].quarantined
        run.later(DAY)
    assert isinstance(await run.ingest_of("one"), Ingest)


async def test_a_batch_may_hold_ends_of_every_kind(run: Run) -> None:
    """What became of each end of a batch is told in the order of the batch."""
    feeds = "abcdef"
    await run.start(*feeds)
    first = {str(work.feed_id): work for work in await run.claim() if isinstance(work, Poll)}
    await run.finish(*(run.polled(first[feed], make_entry("one", feed=feed)) for feed in "bcdef"))
    work = {feed: await run.ingest_of("one", feed=feed) for feed in "bcdef"}
    results = await run.finish(
        HandedBack(lease=work["b"].lease),
        run.polled(first["a"], make_entry("one"), make_entry("two")),
        run.ingested(work["c"], make_draft("c")),
        Retry(lease=work["d"].lease, due_at=run.now, reason="timeout"),
        moved(work["e"].lease),
        Broken(lease=work["f"].lease, at=run.now, error="KeyError"),
    )
    begun = (key("guid", "a", "one"), key("guid", "a", "two"))
    polled = Finished(new=2, next_at=Millis(run.now + HOUR), why="as told", begun=begun)
    assert results == [Finished(), polled, Finished(op="new"), Finished(), Finished(), Finished()]
    assert await run.finish() == []
