"""A wall clock that jumps, and what is forgotten with time."""

from __future__ import annotations

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import (
    DAY,
    HOUR,
    LEASE_MS,
    MINUTE,
    SECOND,
    START,
    WINDOW_MS,
    Run,
    ask,
    make_draft,
    make_entry,
    make_feed,
    make_version,
)
from worker.model import HostPolicy, Millis, Poll, Retry, RobotsCopy, RobotsRead, State
from worker.store.database.clocks import BETWEEN_MS

ROBOTS = "https://a.example/robots.txt"
JUMPS = pytest.mark.parametrize("jump", [-400 * DAY, -HOUR, HOUR, 400 * DAY])


@JUMPS
@pytest.mark.embedded
async def test_due_times_move_with_the_clock(run: Run, jump: int) -> None:
    """After a jump what was due in one, two or three hours is due then, polls and retries alike."""
    await run.start("a", "b")
    await run.poll("a", make_entry("one"))
    await run.poll("b", next_due=Millis(run.now + 3 * HOUR))
    lease = (await run.ingest_of("one")).lease
    await run.finish(Retry(lease=lease, due_at=Millis(run.now + 2 * HOUR), reason="timeout"))
    await run.store.shift(jump)
    run.now = Millis(run.now + jump)
    for _ in range(3):
        assert await run.claim() == []
        assert await run.store.next_claim_at() == run.now + HOUR
        run.later(HOUR)
        (work,) = await run.claim()
        much_later = Millis(run.now + 1_000 * DAY)
        await run.finish(
            run.polled(work, next_due=much_later) if isinstance(work, Poll) else run.ingested(work, make_draft("one"))
        )


@JUMPS
@pytest.mark.embedded
async def test_leases_move_with_the_clock(run: Run, jump: int) -> None:
    """A jump neither ends a lease nor prolongs it: it lasts as long as it had to."""
    await run.start("a")
    (work,) = await run.claim()
    await run.store.shift(jump)
    run.now = Millis(START + jump + LEASE_MS - 1)
    assert await run.claim() == []
    run.now = Millis(run.now + 1)
    assert [again.lease.work_id for again in await run.claim()] == [work.lease.work_id]


@JUMPS
@pytest.mark.embedded
async def test_patience_moves_with_the_clock(open_run: OpenRun, jump: int) -> None:
    """A host is left alone for as long as it asked for, and for its delay, whatever the clock is set to."""
    async with open_run(policy=HostPolicy(concurrency=9, delay_ms=MINUTE)) as run:
        await run.start("a")
        poll = await run.poll_of("a")
        await run.finish(run.polled(poll, not_before=Millis(run.now + HOUR), next_due=run.now))
        await run.store.shift(jump)
        run.now = Millis(run.now + jump + HOUR - 1)
        assert await run.claim() == []
        run.now = Millis(run.now + 1)
        assert len(await run.claim()) == 1


@pytest.mark.embedded
async def test_a_host_that_was_never_asked_does_not_wait_for_the_clock(run: Run) -> None:
    """A jump makes no host wait that had not to."""
    await run.start("a")
    await run.store.shift(400 * DAY)
    run.now = Millis(run.now + 400 * DAY)
    assert len(await run.claim()) == 1
    await run.start("a", "b")
    assert len(await run.claim_all()) == 2


# --- between two runs -----------------------------------------------------------------------------------------------


@pytest.mark.embedded
@pytest.mark.parametrize("back", [HOUR, 400 * DAY])
async def test_a_clock_that_was_ahead_in_the_last_run_keeps_nobody_waiting(open_run: OpenRun, back: int) -> None:
    """What had an hour to wait waits for that hour, from the start on: feeds, retries, and hosts that asked for it."""
    async with open_run() as run:
        await run.start("a", "b", "c")
        await run.poll("a", make_entry("one"))
        poll = await run.poll_of("b")
        await run.finish(run.polled(poll, not_before=Millis(run.now + HOUR), next_due=run.now))
        lease = (await run.ingest_of("one")).lease
        await run.finish(Retry(lease=lease, due_at=Millis(run.now + HOUR), reason="timeout"))
    async with open_run(now=Millis(START - back)) as run:
        assert await run.store.start([make_feed(name) for name in "abc"], now=run.now) == -back - BETWEEN_MS
        await run.poll("c", next_due=Millis(run.now + DAY))
        run.later(HOUR - BETWEEN_MS - 1)
        assert await run.claim() == []
        run.later(1)
        assert sorted(work.feed_id for work in await run.claim_all()) == ["a", "a", "b"]


@pytest.mark.embedded
async def test_a_clock_that_was_ahead_when_the_last_run_was_killed_keeps_nobody_waiting(open_run: OpenRun) -> None:
    """Also where it had come no further than to its first claim: the turn of the host was moved on by then."""
    patient = HostPolicy(concurrency=1, delay_ms=MINUTE)
    async with open_run(policy=patient) as run:
        await run.start("a")
        await run.poll("a")
    async with open_run(policy=patient, now=Millis(START + 400 * DAY)) as run:
        await run.start("a")
        assert len(await run.claim()) == 1
    async with open_run(policy=patient, now=Millis(START + HOUR)) as run:
        await run.start("a")
        run.later(MINUTE)
        assert len(await run.claim()) == 1


@pytest.mark.embedded
async def test_a_clock_that_goes_on_moves_nothing(open_run: OpenRun) -> None:
    """However long nobody was at work; nor does one that was set back by a second, as NTP does."""
    async with open_run() as run:
        await run.start("a")
        await run.poll("a")
    for now in (Millis(START - SECOND), Millis(START + HOUR - 1)):
        async with open_run(now=now) as run:
            assert await run.store.start([make_feed("a")], now=now) == 0
            assert await run.store.next_claim_at() == START + HOUR


@pytest.mark.embedded
async def test_what_was_kept_under_a_clock_that_was_ahead_is_not_kept_for_longer(
    open_run: OpenRun, state: State
) -> None:
    """A site's robots.txt, texts, when feeds were gone through: they are looked at again when they would have been."""
    async with open_run(now=Millis(START + 400 * DAY)) as run:
        await run.start("a", "b")
        poll = await run.poll_of("a")
        assert poll.refresh
        await run.finish(run.polled(poll, make_entry("one"), make_entry("two"), version=make_version("v1")))
        lease = (await run.ingest_of("two")).lease
        await run.finish(RobotsRead(lease=lease, at=run.now, url=ROBOTS, host="a.example", text=b"Disallow: /x\n"))
        await run.ingest("one", make_draft("long ago"))
    async with open_run(now=START) as run:
        await run.start("a", "b")
        run.later(WINDOW_MS)
        assert (await run.ingest_of("two")).robots == RobotsCopy(url=ROBOTS)
        assert (await run.poll_of("a")).refresh
        await run.store.upkeep(now=run.now)
        assert ask(state, "SELECT count(*) FROM content") == [(0,)]


@pytest.mark.embedded
@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "before it starts"])
async def test_nothing_is_forgotten_by_a_clock_that_was_set_far_forward(
    open_run: OpenRun, state: State, running: bool
) -> None:
    """What it deletes is lost, also if it is set right later. When it has held for a week, it is believed."""

    async def texts(run: Run) -> int:
        await run.store.upkeep(now=run.now)
        ((count,),) = ask(state, "SELECT count(*) FROM content")
        return int(count)

    async with open_run() as run:
        await run.start("a")
        await run.poll("a", make_entry("one"))
        await run.ingest("one", make_draft("old"))
        if running:
            run.later(400 * DAY)
            await run.store.shift(400 * DAY)
            assert await texts(run) == 1
    async with open_run(now=Millis(START + 400 * DAY + HOUR)) as run:
        await run.start("a")
        assert await texts(run) == 1
        run.later(7 * DAY - HOUR - 1)
        assert await texts(run) == 1
        run.later(HOUR + 1)
        assert await texts(run) == 0


@pytest.mark.embedded
async def test_a_clock_that_is_set_right_is_believed_at_once(run: Run, state: State) -> None:
    """Doubt ends with what gave rise to it; a few hours, as after a virtual machine's night, give rise to none."""
    await run.start("a")
    for jump, doubted in ((400 * DAY, True), (-HOUR, True), (-400 * DAY, False), (12 * HOUR, False)):
        run.now = Millis(run.now + jump)
        await run.store.shift(jump)
        assert (await run.store.believed(now=run.now) != run.now) == doubted


@pytest.mark.embedded
async def test_a_state_that_is_seldom_worked_on_forgets_a_run_later(open_run: OpenRun, state: State) -> None:
    """As by a `feedmill once` every forty days: its clock seems to be set forward each time."""
    counts = []
    for number in range(4):
        async with open_run(now=Millis(START + number * 40 * DAY)) as run:
            await run.start("a")
            ((count,),) = ask(state, "SELECT count(*) FROM content")
            counts.append(count)
            await run.poll("a", make_entry(f"{number}"))
            await run.ingest(f"{number}", make_draft(f"text {number}"))
    assert counts == [0, 1, 1, 1]  # they are remembered for 30 days


async def test_upkeep_forgets_texts_whose_window_is_over(run: Run) -> None:
    """Upkeep forgets what decides nothing any more, and nothing else."""
    await run.start("a", "b", "c")
    for feed in "abc":
        await run.poll(feed, make_entry("one", feed=feed))
    await run.ingest("one", make_draft("old"))
    run.later(HOUR)
    await run.ingest("one", make_draft("young"), feed="b")
    run.now = Millis(START + WINDOW_MS)
    run.held.clear()
    await run.store.upkeep(now=run.now)
    await run.store.upkeep(now=run.now)
    assert (await run.ingest("one", make_draft("young"), feed="c")).duplicates == 1
