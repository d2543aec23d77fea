"""Engines that share a state by leases over a real broker; what they hand work to is made up here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from tests import broker
from tests.engine.test_engine import BusyPolls, Clock, Polls
from worker.bus.jetstream import JetStreamBus
from worker.engine import Clock as Followed
from worker.engine import Engine, limits
from worker.model import ALL_ROLES, Feed, FeedId, HostPolicy, Member, Millis, Poll, Role
from worker.pipeline import Shards
from worker.store import Store, read_members, read_status


class NoShards:
    due_at = None

    async def publish(self, **_: object) -> int:
        return 0


class Cluster:
    """Engines in one loop, on one store: what is between them is the broker alone."""

    def __init__(self, store: Store, server: broker.Server, polls: Polls) -> None:
        self.store, self._server, self._polls = store, server, polls
        self._running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    async def start(self, *roles: Role, concurrency: int = 4, polls: Polls | None = None) -> Engine:
        """With all roles, unless some are named."""
        bus = JetStreamBus(self._server.address, keep_s=limits.KEEP_S)
        now = self._polls.clock()
        member = Member(
            name=f"m{len(self._running)}",
            host="here",
            pid=1,
            version="0",
            roles=frozenset(roles or ALL_ROLES),
            started_at=now,
            seen_at=now,
        )
        theirs = polls or self._polls
        theirs.followed = Followed(theirs.clock, shift=self.store.shift)
        engine = Engine(
            store=self.store,
            bus=bus,
            do=theirs.do,
            shards=cast(Shards, NoShards()),
            feeds={},
            concurrency=concurrency,
            clock=theirs.followed,
            roles=member.roles,
            member=member,
        )
        stop = asyncio.Event()

        async def run() -> None:
            async with bus:
                await engine.run(stop)

        self._running.append((stop, asyncio.create_task(run())))
        return engine

    async def stop(self, number: int) -> None:
        stop, task = self._running[number]
        stop.set()
        await asyncio.wait_for(task, 20)

    async def close(self) -> None:
        for number in range(len(self._running)):
            await self.stop(number)


@asynccontextmanager
async def cluster(folder: Path, server: broker.Server, polls: Polls, *, feeds: int) -> AsyncIterator[Cluster]:
    policy = HostPolicy(concurrency=1, delay_ms=0)
    async with Store(
        folder / "state.db", policies=lambda _: policy, planner=polls.plan, window_ms=1000, keep_ms=10**12
    ) as store:
        await store.start(
            [Feed(id=FeedId(f"f{n}"), url=f"http://h{n}.example/") for n in range(feeds)], now=polls.clock()
        )
        of = Cluster(store, server, polls)
        try:
            yield of
        finally:
            await of.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


async def test_what_one_schedules_others_fetch(tmp_path: Path, nats_server: broker.Server) -> None:
    """Each in its role, none with more than it may have at once, and each piece of work once."""
    polls, idle = BusyPolls(Clock()), Polls(Clock())
    async with cluster(tmp_path, nats_server, polls, feeds=40) as of:
        await of.start("schedule", polls=idle)
        engines = [await of.start("fetch", concurrency=2) for _ in range(2)]
        await until(lambda: sum(engine.meters.tally.polls for engine in engines) == 40)
        assert sorted(work.feed_id for work in polls.seen) == sorted(f"f{n}" for n in range(40))
        assert all(engine.meters.tally.polls for engine in engines)
    assert polls.most == 4
    assert not idle.seen


async def test_no_more_is_leased_than_can_be_under_way(tmp_path: Path, nats_server: broker.Server) -> None:
    """As much again waits on the bus, so that nobody waits for work; nothing at all where nobody fetches."""
    release = asyncio.Event()
    polls = Polls(Clock(), act=lambda _: release.wait())
    async with cluster(tmp_path, nats_server, polls, feeds=60) as of:
        scheduling = await of.start("schedule", concurrency=50)
        await until(lambda: scheduling.vitals.backlog == 0)
        await asyncio.sleep(0.5)
        assert scheduling.vitals.backlog == 0
        await of.start("fetch", concurrency=5)
        await until(lambda: scheduling.vitals.backlog == 5 and len(polls.seen) == 5)
        await asyncio.sleep(0.5)
        assert scheduling.vitals.backlog == 5
        assert len(polls.seen) == 5
        release.set()
        await until(lambda: len(polls.seen) == 60)


async def test_what_a_worker_has_at_a_stop_goes_to_others(
    tmp_path: Path, nats_server: broker.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no more, hands back what hangs, and says good-bye."""
    monkeypatch.setattr(limits, "GRACE_S", 0.2)
    hanging = Polls(Clock(), act=lambda _: asyncio.sleep(60))
    async with cluster(tmp_path, nats_server, hanging, feeds=12) as of:
        await of.start()
        await until(lambda: len(hanging.seen) == 4)
        well = Polls(hanging.clock)
        await of.start(polls=well)
        assert len(read_members(tmp_path / "state.db")) >= 1
        await of.stop(0)
        await until(lambda: len({work.feed_id for work in well.seen}) == 12)
        assert [member.name for member in read_members(tmp_path / "state.db")] == ["m1"]
    assert not read_members(tmp_path / "state.db")
    assert [feed.errors for feed in read_status(tmp_path / "state.db")[0]] == [0] * 12


@pytest.mark.parametrize("loss", ["killed", "without its data", "purged"])
async def test_a_broker_that_fails_loses_no_work(
    tmp_path: Path, nats_server: broker.Server, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """What it had comes up again when its lease ends, and is done once."""
    monkeypatch.setattr(limits, "LEASE_MS", 3000)
    monkeypatch.setattr(limits, "RENEW_MS", 500)
    monkeypatch.setattr(limits, "KEEP_S", 2.5)
    release = asyncio.Event()
    polls = Polls(Clock(), act=lambda _: release.wait())
    with capture_logs():
        async with cluster(tmp_path, nats_server, polls, feeds=30) as of:
            engine = await of.start(concurrency=5)
            await until(lambda: engine.vitals.backlog == 5 and len(polls.seen) == 5)
            if loss == "purged":
                async with nats_server.stream() as stream:
                    await stream.purge_stream("feedmill")
            else:
                nats_server.kill()
                if loss == "without its data":
                    nats_server.forget()
                await asyncio.sleep(0.5)
                nats_server.start()
            release.set()
            await until(lambda: engine.meters.tally.polls == 30)
    assert sorted(work.feed_id for work in polls.seen) == sorted(f"f{n}" for n in range(30))


async def test_a_worker_that_stood_still_does_not_go_on(
    tmp_path: Path, nats_server: broker.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its leases have ended: others may be at its work, so it lets that go."""
    monkeypatch.setattr(limits, "LEASE_MS", 2000)
    monkeypatch.setattr(limits, "RENEW_MS", 10**9)  # as if it could not
    ended: list[Poll] = []

    async def long(work: Poll) -> None:
        if len(polls.seen) > 1:
            return
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(work)

    polls = Polls(Clock(), act=long)
    async with cluster(tmp_path, nats_server, polls, feeds=1) as of:
        engine = await of.start()
        await until(lambda: engine.meters.tally.polls == 1)
    assert len(ended) == 1
    assert len({(work.lease.slot, work.lease.token) for work in polls.seen}) == 2


async def test_a_broker_that_is_away_is_told_of(tmp_path: Path, nats_server: broker.Server) -> None:
    """By who hands out work, for as long as it can't."""
    polls = Polls(Clock())
    with capture_logs():
        async with cluster(tmp_path, nats_server, polls, feeds=1) as of:
            engine = await of.start()
            await until(lambda: engine.meters.tally.polls == 1)
            assert not engine.vitals.troubles
            nats_server.kill()
            await until(lambda: "broker is not reached" in engine.vitals.troubles.get("bus", ""))
            await until(lambda: any("work can't be handed out" in (one.trouble or "") for one in told(tmp_path)))
            nats_server.start()
            await until(lambda: not engine.vitals.troubles)


def told(folder: Path) -> list[Member]:
    return read_members(folder / "state.db")


async def test_who_tells_of_itself_is_seen(tmp_path: Path, nats_server: broker.Server) -> None:
    """With its roles, what it has under way, and how much waits."""
    polls = Polls(Clock(), act=lambda _: asyncio.sleep(0.1))
    async with cluster(tmp_path, nats_server, polls, feeds=1) as of:
        await of.start("schedule", "publish", concurrency=3)
        await of.start("fetch", concurrency=7)
        seen: list[Member] = []

        def both() -> bool:
            seen[:] = read_members(tmp_path / "state.db")
            return len(seen) == 2 and seen[0].backlog is not None

        await until(both)
        assert [(one.roles, one.most) for one in seen] == [
            (frozenset({"schedule", "publish"}), 3),
            (frozenset({"fetch"}), 7),
        ]
        assert abs(seen[0].seen_at - Millis(polls.clock())) < 20_000
