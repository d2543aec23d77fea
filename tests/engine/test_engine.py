"""The engine against a real state and a real output directory; what it hands work to is made up here."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from worker.engine import Clock as Followed
from worker.engine import Engine
from worker.engine import limits as engine_module
from worker.engine.dispatch import Dispatcher
from worker.engine.leases import Leases
from worker.engine.publishing import Publishing
from worker.errors import MachineError, OutputError, StateError
from worker.model import Feed, FeedId, Finished, HostPolicy, Ingest, Millis, Poll, PollDone, Work
from worker.output import Delete, Keeping, OutputDirectory, Step
from worker.pipeline import Publisher, Shards
from worker.schedule import Next, Polled
from worker.store import Store, read_feeds, read_status
from worker.telemetry.vitals import Vitals

KEEPING = Keeping(merge=False, pack=False, grace_ms=0, keep_ms=None)


@dataclass
class Clock:
    """The wall clock, which may be set."""

    ahead_ms: int = 0

    def __call__(self) -> Millis:
        return Millis(time.time_ns() // 1_000_000 + self.ahead_ms)


@dataclass
class Polls:
    """A poller that does as it is told, and notes what it was given."""

    clock: Clock
    act: Callable[[Poll], object] = lambda _: None
    every_ms: int = 3_600_000
    seen: list[Poll] = field(default_factory=list)
    followed: Followed | None = None
    """What its engine goes by."""

    async def do(self, work: Work) -> PollDone:
        assert isinstance(work, Poll)
        assert self.followed is not None
        self.seen.append(work)
        at = self.followed.now()
        acted = self.act(work)
        if asyncio.iscoroutine(acted):
            await acted
        return PollDone(lease=work.lease, feed_id=work.feed_id, at=at, status=200)

    def plan(self, _: FeedId, polled: Polled) -> Next:
        return Next(due_at=Millis(polled.now + self.every_ms), reason="as told")


@dataclass
class BusyPolls(Polls):
    """Polls that take a little, and how many were under way at once."""

    now: int = 0
    most: int = 0

    async def do(self, work: Work) -> PollDone:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.05)
        self.now -= 1
        return await super().do(work)


@asynccontextmanager
async def made(
    folder: Path,
    polls: Polls,
    *,
    feeds: int = 3,
    store_type: type[Store] = Store,
    concurrency: int = 2,
    shortage: Callable[[], str | None] = lambda: None,
    shards: Shards | None = None,
) -> AsyncIterator[tuple[Engine, Store]]:
    policy = HostPolicy(concurrency=1, delay_ms=0)
    async with store_type(
        folder / "state.db", policies=lambda _: policy, planner=polls.plan, window_ms=1000, keep_ms=10**12
    ) as store:
        listed = [Feed(id=FeedId(f"f{n}"), url=f"http://h{n}.example/") for n in range(feeds)]
        await store.start(listed, now=polls.clock())
        directory = OutputDirectory.open(folder / "out", schema=b"{}")

        async def publisher(*_: object) -> Publisher:
            return Publisher(
                store=store, directory=directory, archive=None, seal_after_ms=0, seal_records=10, keeping=KEEPING
            )

        polls.followed = Followed(polls.clock, shift=store.shift)
        yield (
            Engine(
                store=store,
                bus=None,
                do=polls.do,
                shards=shards or Shards(folder / "out", 1, publisher),
                feeds={},
                concurrency=concurrency,
                clock=polls.followed,
                shortage=shortage,
            ),
            store,
        )


async def test_it_ends_when_all_that_was_due_is_done(tmp_path: Path) -> None:
    """And not before, however little may be under way at once; feeds that fall due meanwhile wait for the next time."""
    polls = Polls(Clock(), every_ms=0)
    async with made(tmp_path, polls, feeds=7) as (engine, _):
        await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)
    assert sorted(work.feed_id for work in polls.seen) == [f"f{n}" for n in range(7)]
    assert engine.meters.tally.polls == 7


async def test_what_was_claimed_and_not_begun_is_left(tmp_path: Path) -> None:
    """A worker that stops hands it back. Whoever is cancelled as work comes takes nothing."""
    polls = Polls(Clock())
    async with made(tmp_path, polls, feeds=3) as (_, store):
        assert polls.followed is not None
        vitals, stop = Vitals(most=3), asyncio.Event()
        leases = Leases(store, polls.followed, vitals=vitals)
        dispatcher = Dispatcher(store=store, clock=polls.followed, leases=leases, vitals=vitals)
        waiting = asyncio.create_task(dispatcher.take())
        running = asyncio.create_task(dispatcher.run(stop, until_idle=False))
        async with asyncio.timeout(20):
            while not leases:
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
            taken = await dispatcher.take()
            stop.set()
            await running
        assert waiting.cancelled()
        left = await dispatcher.left()
        assert sorted(work.feed_id for work in (*taken, *left)) == ["f0", "f1", "f2"]
        assert await dispatcher.left() == []


async def test_no_more_is_under_way_than_allowed(tmp_path: Path) -> None:
    """Two at once are two at once."""
    polls = BusyPolls(Clock())
    async with made(tmp_path, polls, feeds=8) as (engine, _):
        await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)
    assert polls.most == 2


async def test_a_defect_costs_one_job(tmp_path: Path) -> None:
    """It is logged whole, the feed says so and is tried again later, and the others go on."""

    def fail(work: Poll) -> None:
        if work.feed_id == "f1":
            raise ZeroDivisionError("a defect")

    polls = Polls(Clock(), act=fail)
    with capture_logs() as lines:
        async with made(tmp_path, polls) as (engine, _):
            await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)
    assert (engine.meters.tally.polls, engine.meters.tally.broken) == (2, 1)
    feeds, _ = read_status(tmp_path / "state.db")
    assert [feed.error for feed in feeds] == [None, "ZeroDivisionError: a defect", None]
    assert feeds[1].next_poll_at is not None
    assert feeds[1].next_poll_at > polls.clock()
    assert {"job.broken", "job.failed"} <= {line["event"] for line in lines}


class Unwilling(Store):
    """A store whose disk is full twice, at each of two doors."""

    refusals: int = 2

    async def finish(self, *args: object, **kwargs: object) -> list[Finished]:
        if self.refusals:
            self.refusals -= 1
            raise StateError("the disk is full")
        return await super().finish(*args, **kwargs)  # type: ignore[arg-type]

    async def claim(self, *args: object, **kwargs: object) -> list[Poll | Ingest]:
        if self.refusals == 2:
            self.refusals -= 1
            raise StateError("the disk is full")
        return await super().claim(*args, **kwargs)  # type: ignore[arg-type]


async def test_what_the_state_refuses_is_tried_until_it_is_taken(tmp_path: Path) -> None:
    """A full disk loses nothing that was done, and does it only once."""
    polls = Polls(Clock())
    with capture_logs() as lines:
        async with made(tmp_path, polls, store_type=Unwilling) as (engine, _):
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            said = set()
            while engine.meters.tally.polls < 3:
                said.add(engine.vitals.refused)
                await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(running, 20)
    assert len(polls.seen) == 3
    assert "the disk is full" in said  # which /readyz tells
    assert engine.vitals.refused is None
    assert [line["event"] for line in lines].count("store.unusable") == 1  # all of them say the same


class Cramped(Store):
    """A store that can't grow, and accepts what needs no room."""

    full = False

    async def finish(self, *args: object, **kwargs: object) -> list[Finished]:
        if self.full:
            raise StateError("the disk is full")
        return await super().finish(*args, **kwargs)  # type: ignore[arg-type]


async def test_a_state_that_refuses_commits_alone_is_told_of_as_long_as_it_does(tmp_path: Path) -> None:
    """As PostgreSQL does on a full disk: what it accepts in between is no sign that all is well."""
    polls = Polls(Clock())
    with capture_logs():
        async with made(tmp_path, polls, store_type=Cramped, concurrency=9) as (engine, store):
            store.full = True
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            while not engine.vitals.troubles:
                await asyncio.sleep(0.02)
            for _ in range(10):
                engine.wake()
                await asyncio.sleep(0.02)
                assert engine.vitals.troubles == {"state": "the disk is full"}
            store.full = False
            while engine.vitals.troubles:
                await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(running, 20)
    assert engine.meters.tally.polls == 3


@pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000], ids=["a day on", "a day back"])
async def test_a_clock_that_is_set_moves_what_is_planned(tmp_path: Path, jump_ms: int) -> None:
    """Nobody is polled a day early, or a day late; the jump is logged."""
    polls = Polls(Clock())
    with capture_logs() as lines:
        async with made(tmp_path, polls) as (engine, _):
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            while len(polls.seen) < 3:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            polls.clock.ahead_ms = jump_ms
            while not any(line["event"] == "clock.jumped" for line in lines):
                await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(running, 20)
    feeds, _ = read_status(tmp_path / "state.db")
    for feed in feeds:
        assert feed.next_poll_at is not None
        assert abs(feed.next_poll_at - polls.clock() - 3_600_000) < 60_000
    assert len(polls.seen) == 3


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has a clock that tells of a suspension")
async def test_a_machine_that_was_suspended_polls_what_came_due_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its wall clock was not set: what was due in an hour is, when it wakes up after a day, and nothing waits for a day
    more. Of the monotonic clocks one has stood still."""
    real, slept_ns = time.clock_gettime_ns, 0
    monkeypatch.setattr(
        time, "clock_gettime_ns", lambda clock: real(clock) + (slept_ns if clock == time.CLOCK_BOOTTIME else 0)
    )
    polls = Polls(Clock())
    with capture_logs() as lines:
        async with made(tmp_path, polls) as (engine, _):
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            while engine.meters.tally.polls < 3:
                await asyncio.sleep(0.02)
            polls.clock.ahead_ms, slept_ns = 86_400_000, 86_400_000_000_000
            async with asyncio.timeout(20):
                while engine.meters.tally.polls < 6:
                    await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(running, 20)
    assert "clock.jumped" not in {line["event"] for line in lines}


@pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000], ids=["a day on", "a day back"])
@pytest.mark.parametrize("moment", ["under way", "noticed under way", "done"])
async def test_a_clock_that_is_set_meanwhile_moves_nothing_twice(tmp_path: Path, moment: str, jump_ms: int) -> None:
    """Be it while a poll is under way, or when it has ended and is to be committed."""

    async def set_clock(_: Poll) -> None:
        if len(polls.seen) == 3 and moment != "done":
            polls.clock.ahead_ms = jump_ms
            assert polls.followed is not None
            if moment == "noticed under way":
                await polls.followed.follow()

    polls = Polls(Clock(), act=set_clock)
    async with made(tmp_path, polls) as (engine, _):
        stop = asyncio.Event()
        running = asyncio.create_task(engine.run(stop))
        while len(polls.seen) < 3:
            await asyncio.sleep(0)
        polls.clock.ahead_ms = jump_ms
        while engine.meters.tally.polls < 3:
            await asyncio.sleep(0.02)
        stop.set()
        await asyncio.wait_for(running, 20)
    for feed in read_status(tmp_path / "state.db")[0]:
        assert feed.next_poll_at is not None
        assert abs(feed.next_poll_at - polls.clock() - 3_600_000) < 60_000
    assert len(polls.seen) == 3


async def test_leases_are_renewed_while_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that takes longer than its lease is not given to anybody else, and its end is accepted."""
    monkeypatch.setattr(engine_module, "LEASE_MS", 2500)
    monkeypatch.setattr(engine_module, "RENEW_MS", 500)
    polls = Polls(Clock(), act=lambda _: asyncio.sleep(4))
    async with made(tmp_path, polls, feeds=1) as (engine, _):
        await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)
    assert len(polls.seen) == 1
    assert engine.meters.tally.polls == 1


async def test_a_process_that_stood_still_for_longer_than_its_leases_begins_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is being asked is not asked beside that, though the state is looked at before the next tick."""
    monkeypatch.setattr(engine_module, "LEASE_MS", 300)
    monkeypatch.setattr(engine_module, "RENEW_MS", 100)

    async def stand_still(_: Poll) -> None:
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251  # as where the machine is suspended
        engine.wake()
        await asyncio.sleep(0.1)
        stop.set()

    stop, polls = asyncio.Event(), Polls(Clock(), act=stand_still)
    async with made(tmp_path, polls, feeds=1) as (engine, _):
        await asyncio.wait_for(engine.run(stop), 20)
    assert len(polls.seen) == engine.meters.tally.polls == 1


async def test_what_is_queued_or_hangs_at_a_stop_is_handed_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is due at once for the next start, and counts as nobody's failure."""
    monkeypatch.setattr(engine_module, "GRACE_S", 0.2)
    polls = Polls(Clock(), act=lambda _: asyncio.sleep(60))
    async with made(tmp_path, polls) as (engine, store):
        stop = asyncio.Event()
        running = asyncio.create_task(engine.run(stop))
        while not polls.seen:
            await asyncio.sleep(0.02)
        stop.set()
        await asyncio.wait_for(running, 10)
        again = await store.claim(10, now=polls.clock(), lease_ms=1000)
    assert len(again) == 3
    assert [feed.errors for feed in read_status(tmp_path / "state.db")[0]] == [0, 0, 0]


async def never_opened(*_: object) -> Publisher:
    raise AssertionError("no shard was to be opened")


def publishing_of(store: Store, shards: Shards, now: Callable[[], Millis]) -> Publishing:
    return Publishing(store=store, shards=shards, feeds={}, now=now, vitals=Vitals(), wake=lambda: None)


async def test_an_output_that_fails_at_the_end_is_an_error(tmp_path: Path) -> None:
    """Whoever waits for `once` must not take unsealed records for sealed ones."""

    class Failing(Shards):
        async def publish(
            self, *, now: Millis, everything: bool = False, enough: Callable[[], bool] = lambda: False
        ) -> int:
            raise OutputError("no room")

    async with made(tmp_path, Polls(Clock()), shards=Failing(tmp_path, 1, never_opened)) as (engine, _):
        with capture_logs(), pytest.raises(OutputError, match="no room"):
            await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)


@pytest.mark.parametrize(
    ("ages_in_ms", "calls"), [(500, 2), (0, 1), (-500, 1), (1_500, 1), (None, 1)], ids=lambda value: str(value)
)
async def test_what_comes_of_age_before_the_next_tick_is_sealed_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ages_in_ms: int | None, calls: int
) -> None:
    """What is late already waits for the tick, as what comes of age after it; and so does what a stop finds."""
    clock, called, alarms = Clock(), 0, 0
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def counted(delay: float, callback: Callable[..., object], *args: Any, **how: Any) -> asyncio.TimerHandle:
        nonlocal alarms
        alarms += getattr(callback, "__self__", None) is publishing
        return call_later(delay, callback, *args, **how)

    monkeypatch.setattr(loop, "call_later", counted)

    class Waiting(Shards):
        @property
        def due_at(self) -> Millis | None:
            return None if ages_in_ms is None or called == 2 else Millis(clock() + ages_in_ms)

        async def publish(
            self, *, now: Millis, everything: bool = False, enough: Callable[[], bool] = lambda: False
        ) -> int:
            nonlocal called
            called += 1
            return 0

    async with made(tmp_path, Polls(clock)) as (_, store):
        publishing = publishing_of(store, Waiting(tmp_path, 1, never_opened), clock)
        await publishing.publish()
        while called < calls:
            await asyncio.sleep(0.01)
        assert called == calls
        assert alarms == calls - 1
        await publishing.stop()
        await publishing.publish()
        assert called == calls


class Full(Store):
    """A store whose disk stays full when work is to be committed."""

    async def finish(self, *args: object, **kwargs: object) -> list[Finished]:
        raise StateError("the disk is full")


class FullAtOnce(Store):
    """One that is full when work is to be claimed; it can be read."""

    claims: int = 0

    async def claim(self, *args: object, **kwargs: object) -> list[Poll | Ingest]:
        self.claims += 1
        raise StateError("the disk is full")


@pytest.mark.parametrize("store_type", [Full, FullAtOnce])
async def test_a_run_with_an_end_gives_up_on_a_state_that_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_type: type[Store]
) -> None:
    """`once` in a cron job must not stay for ever."""
    monkeypatch.setattr(engine_module, "MAX_REFUSALS", 1)
    monkeypatch.setattr(engine_module, "GRACE_S", 0.2)
    async with made(tmp_path, Polls(Clock()), feeds=1, store_type=store_type) as (engine, _):
        with capture_logs(), pytest.raises(StateError, match="see the log"):
            await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)


async def test_a_state_that_lets_nothing_be_claimed_is_asked_with_the_ticks(tmp_path: Path) -> None:
    """What is due there stays due, and must not be asked for without a pause."""
    async with made(tmp_path, Polls(Clock()), store_type=FullAtOnce) as (engine, store):
        stop = asyncio.Event()
        with capture_logs():
            running = asyncio.create_task(engine.run(stop))
            await asyncio.sleep(0.5)
            stop.set()
            await asyncio.wait_for(running, 20)
        assert cast(FullAtOnce, store).claims <= 2


# --- room on disk -------------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """A disk that may be too full."""

    short: str | None = None

    def __call__(self) -> str | None:
        return self.short


async def test_nothing_is_begun_while_there_is_no_room(tmp_path: Path) -> None:
    """What is under way ends; one line says that it stops, one that it goes on, and then it goes on by itself."""
    disk = Disk()
    release = asyncio.Event()

    async def filling(work: Poll) -> None:
        disk.short = "out has 1 MB free"
        await release.wait()

    polls = Polls(Clock(), act=filling)
    with capture_logs() as lines:
        async with made(tmp_path, polls, feeds=4, concurrency=1, shortage=disk) as (engine, _):
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            while not events(lines, "room.short"):
                await asyncio.sleep(0.02)
            release.set()
            await asyncio.sleep(2.2)
            assert (len(polls.seen), engine.meters.tally.polls) == (1, 1)
            assert engine.vitals.shortage == "out has 1 MB free"
            polls.act = lambda _: None
            disk.short = None
            while engine.meters.tally.polls < 4:
                await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(running, 20)
    assert [line["reason"] for line in events(lines, "room.short")] == ["out has 1 MB free"]
    assert len(events(lines, "room.enough")) == 1


async def test_a_run_with_an_end_says_that_it_had_no_room(tmp_path: Path) -> None:
    """It ends at once, with an error that names the disk; with nothing due there is nothing to complain of."""
    polls, disk = Polls(Clock()), Disk("out has 1 MB free")
    with capture_logs():
        async with made(tmp_path, polls, shortage=disk) as (engine, store):
            with pytest.raises(OutputError, match="out has 1 MB free"):
                await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)
            assert not polls.seen
            await store.start([], now=polls.clock())
        async with made(tmp_path, polls, feeds=0, shortage=disk) as (engine, _):
            await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)


@pytest.mark.parametrize("error", [MachineError("no host answers"), OSError(errno.EMFILE, "Too many open files")])
async def test_what_this_machine_can_not_do_is_put_off_and_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is tried again, one piece of work at a time, until it can; no feed has failed by it, and all know of it."""
    monkeypatch.setattr(engine_module, "UNABLE_MS", 300)

    def failing(_: Poll) -> None:
        raise error

    polls = BusyPolls(Clock(), act=failing)
    with capture_logs() as lines:
        async with made(tmp_path, polls, feeds=6, concurrency=3) as (engine, _):
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            while len(polls.seen) < 8:
                await asyncio.sleep(0.01)
            assert polls.now <= 1
            assert engine.vitals.said is not None
            assert engine.vitals.said.startswith("nothing can be fetched: ")
            feeds = read_feeds(tmp_path / "state.db")
            assert [(feed.errors, feed.polled_at) for feed in feeds] == [(0, None)] * 6
            polls.act = lambda _: None
            while engine.meters.tally.polls < 6:
                await asyncio.sleep(0.01)
            assert engine.vitals.said is None
            stop.set()
            await asyncio.wait_for(running, 20)
    assert (engine.meters.tally.failed_polls, engine.meters.tally.broken) == (0, 0)
    assert [len(events(lines, name)) for name in ("work.impossible", "work.possible")] == [1, 1]


async def test_a_run_with_an_end_says_what_this_machine_could_not_do(tmp_path: Path) -> None:
    """It does not go through all that is due, which may take hours where nothing answers, nor wait for ever."""

    def failing(_: Poll) -> None:
        raise MachineError("no host answers")

    polls = Polls(Clock(), act=failing)
    with capture_logs():
        async with made(tmp_path, polls) as (engine, _):
            with pytest.raises(OutputError, match="not everything that is due was done: no host answers"):
                await asyncio.wait_for(engine.run(asyncio.Event(), until_idle=True), 20)


async def test_a_disk_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Whoever asks for its room waits in a thread; polls go on, and leases and watchdog with them."""
    hangs = threading.Event()
    asked: list[int] = []

    def shortage() -> None:
        asked.append(1)
        if len(asked) > 1:
            hangs.wait(20)

    polls = Polls(Clock(), every_ms=0)
    with capture_logs() as lines:
        async with made(tmp_path, polls, feeds=1, shortage=shortage) as (engine, _):
            stop = asyncio.Event()
            running = asyncio.create_task(engine.run(stop))
            while len(asked) < 2:
                await asyncio.sleep(0.02)
            seen = len(polls.seen)
            await asyncio.sleep(2.2)
            assert len(polls.seen) > seen
            assert len(asked) == 2
            hangs.set()
            stop.set()
            await asyncio.wait_for(running, 20)
    assert not events(lines, "room.short")


def events(lines: Sequence[Mapping[str, object]], name: str) -> list[Mapping[str, object]]:
    return [line for line in lines if line["event"] == name]


async def test_closed_days_are_tidied_by_the_running_worker(tmp_path: Path) -> None:
    """A step at a time: records are sealed between two, and a stop waits for no more than the one under way."""
    clock = Clock()
    async with made(tmp_path, Polls(clock)) as (_, store):
        taken: list[object] = []
        published: list[int] = []
        stopping: list[asyncio.Task[None]] = []

        class Untidy(Shards):
            async def untidy(self, *, now: Millis) -> list[tuple[int, Step]]:
                return [(0, Delete(paths=(f"records/{number}",), expired=False)) for number in range(3)]

            async def tidy(self, due: tuple[int, Step], *, now: Millis) -> None:
                taken.append(due)
                if len(taken) == 2:
                    stopping.append(asyncio.create_task(publishing.stop()))
                    await asyncio.sleep(0)

            async def publish(self, **_: object) -> int:
                published.append(len(taken))
                return 0

        publishing = publishing_of(store, Untidy(tmp_path, 1, never_opened), clock)
        await publishing.upkeep()
        await asyncio.gather(*stopping)
    assert len(taken) == 2
    assert published == [1]
