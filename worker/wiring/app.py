"""The worker, and what commands do in its place, made from the settings."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Collection, Set
from contextlib import AsyncExitStack
from pathlib import Path

from worker import __version__, record
from worker.configuration.current import Current
from worker.configuration.reading import read as read_settings
from worker.configuration.reload import Reload, Reloader
from worker.cpu.pool import Pool
from worker.engine import Clock, Engine, running
from worker.errors import OutputError, StateLocked
from worker.fetch import Client
from worker.model import ALL_ROLES, FeedId, Member, Millis, ObjectPath, Role, State
from worker.pipeline import Archiver, Recovered, Replayed, Room, read_refusal, replay
from worker.pipeline import carry_out as request
from worker.pipeline import recover as read_back
from worker.settings import Settings
from worker.store import PATIENCE_S, OutboxSegment, Store, is_worked_on, reached, read_trouble, wall_clock
from worker.telemetry.meters import Meters, Tally
from worker.telemetry.vitals import WORDS
from worker.wiring import extras
from worker.wiring.means import PRELOAD, Means, asker, cpu_workers, pool
from worker.wiring.outputs import shards_of
from worker.wiring.outside import Outside, callback


def read(config: Path) -> Settings:
    """The settings for a worker. Raises ConfigError, FeedmillError."""
    return read_settings(config, preload=PRELOAD)


async def work(
    settings: Settings,
    *,
    stop: asyncio.Event,
    until_idle: bool = False,
    poll_all: bool = False,
    listen: bool = False,
    only: Collection[FeedId] | None = None,
    reload: Reload | None = None,
    roles: Set[Role] = ALL_ROLES,
    held: Callable[[], None] = lambda: None,
    started: Callable[[Meters], None] = lambda _: None,
    alive: Callable[[], None] = lambda: None,
) -> Tally:
    """Runs the worker until `stop` is set or, with `until_idle`, until what is due has been ingested and sealed.

    poll_all: every feed is due. only: poll these feeds, whether due or not, and do what is due of them; with
    `until_idle`, nothing is done for other feeds.

    roles: what this process does, if others work on the same state. listen: serve the status page at `web.listen`.
    reload: how changed files are taken up; None: they are not.

    held: called when this process holds the state, before anything else is opened. started: called with the meters once
    everything is open. alive: called every second.

    If the state's server is away, a run without an end waits for it for `PATIENCE_S`.

    Raises StateLocked, StateError, OutputLocked, OutputError, WebError.
    """
    async with AsyncExitStack() as parts:
        current = Current(settings)
        websub = listen and callback(settings) is not None
        store = await reached(
            lambda: parts.enter_async_context(_store(current, websub=websub)),
            stop=stop,
            patience_s=0 if until_idle else PATIENCE_S,
        )
        if store is None:
            return Tally()
        await parts.enter_async_context(running(_hurried(store, stop)))
        held()
        clock = Clock(store.clock, shift=store.shift)
        traces = await parts.enter_async_context(extras.traces(settings))
        meters = Meters()

        def sealed(segment: OutboxSegment, path: str) -> None:
            meters.seal((row.first_seen_at for row in segment.rows), records=len(segment.rows), now=clock.now())
            if traces is not None:
                traces.seal(segment, path, now=clock.now())
            if streaming is not None:
                streaming.wake()

        streaming = await parts.enter_async_context(extras.streaming(settings))
        shards = parts.enter_context(shards_of(settings, store, sealed, streaming))
        if "publish" in roles:
            await shards.take()
        timed = extras.timed() if traces else (Client, Pool)
        client = await parts.enter_async_context(asker(settings, proxy=current.proxy, kind=timed[0]))
        cpu = await parts.enter_async_context(pool(settings, kind=timed[1]))
        means = Means(settings=settings, client=client, cpu=cpu, feeds=current.feeds, clock=clock.now)
        archiver = Archiver(shards.archive) if settings.output.archive and shards.archive else None
        room = Room(_disks(settings), min_free=settings.output.min_free_bytes)
        engine = Engine(
            store=store,
            bus=None if until_idle else await parts.enter_async_context(extras.bus(settings)),
            do=means.work(callback=callback(settings) if listen else None, archiver=archiver),
            shards=shards,
            feeds=current.feeds,
            meters=meters,
            traces=traces,
            roles=roles,
            member=_member(roles, started_at=clock.now()) if settings.is_shared and not until_idle else None,
            concurrency=settings.fetch.concurrency,
            clock=clock,
            alive=alive,
            shortage=lambda: (archiver and archiver.trouble) or room.shortage(),
        )
        outside = None
        if listen:
            outside = Outside(
                current,
                engine=engine,
                store=store,
                cpu=cpu,
                streamed=None if streaming is None else streaming.streamed,
                clock=clock.now,
                parts=parts,
                stop=stop,
            )
            await outside.start()
        clock.tell(await store.start(settings.feeds, now=clock.now(), poll_all=poll_all))
        await store.note_reach(settings.fetch.reach, now=clock.now())
        engine.vitals.started_at = clock.now()
        by = None
        if only is not None:
            by = await store.before_all(now=clock.now())
            await store.hasten(list(only), now=clock.now(), due_at=by)
        if reload is not None:
            follow = None if outside is None else outside.follow
            reloader = Reloader(reload, current=current, store=store, clock=clock.now, follow=follow)
            await parts.enter_async_context(running(reloader.run()))
        started(meters)
        await engine.run(stop, until_idle=until_idle, due_by=by)
        if streaming is not None:
            await streaming.end()
        return meters.tally


async def _hurried(store: Store, stop: asyncio.Event) -> None:
    await stop.wait()
    store.hurry()


async def carry_out(settings: Settings, verb: str, subject: str) -> str | None:
    """Does what a command asks. Returns the answer; see `pipeline.carry_out`. None if another process holds the state,
    which then has to be asked. Raises StateError, OutputError."""
    async with AsyncExitStack() as parts:
        try:
            store = await parts.enter_async_context(_store(Current(settings), alone=True))
        except StateLocked:
            return None
        shards = parts.enter_context(shards_of(settings, store))
        await shards.take(everything=True)
        await store.start(settings.feeds if settings.has_lists else None, now=store.clock())
        listed = {feed.id: feed for feed in settings.feeds} if settings.has_lists else {}
        return await request(verb, subject, store=store, shards=shards, feeds=listed, now=store.clock())


async def replayed(settings: Settings) -> AsyncIterator[Replayed]:
    """Extracts the articles whose pages were archived again; see `pipeline.replay`. Raises OutputError."""
    async with pool(settings) as cpu:
        found = replay(
            settings.output.dir,
            cpu=cpu,
            listed={feed.id: feed for feed in settings.feeds},
            effort=settings.extract.effort,
            at_once=2 * cpu_workers(settings),
        )
        async for one in found:
            yield one


def _member(roles: Set[Role], *, started_at: Millis) -> Member:
    """This process, as others on the same state see it."""
    return Member(
        name=secrets.token_hex(4),
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        roles=frozenset(roles),
        started_at=started_at,
        seen_at=started_at,
    )


def recover(settings: Settings, *, new_output: bool) -> Recovered:
    """Reads the output directory back into the state. Raises StateLocked, StateError, OutputError."""
    window_ms = round(settings.dedup.window_s * 1000)
    output = settings.output
    return read_back(
        output.dir, settings.state, now=now(), window_ms=window_ms, shards=output.shards, new_output=new_output
    )


def now() -> Millis:
    """The wall clock."""
    return wall_clock()


def troubles(settings: Settings) -> list[str]:
    """What keeps a worker from working, as lines for people: too little space on disk; what the worker that holds the
    state reports or, if none does, why none would start. Raises StateError."""
    short = Room(_disks(settings), min_free=settings.output.min_free_bytes).shortage()
    said = (read_trouble(settings.state) or "").splitlines() or _refusals(settings)
    found = {"room": short, "state": _read_only(settings.state)}
    seen = {name: f"{WORDS[name]}: {why}" for name, why in found.items() if why is not None}
    return [*seen.values(), *(line for line in said if not line.startswith(tuple(WORDS[name] for name in seen)))]


def _read_only(state: State) -> str | None:
    """What a worker can't leave in a state that takes no writes: that it is on a read-only file system."""
    if not isinstance(state, Path) or not state.exists():
        return None
    folder = state.resolve().parent
    return f"{folder} is read-only (mount it writable)" if os.statvfs(folder).f_flag & os.ST_RDONLY else None


def _refusals(settings: Settings) -> list[str]:
    """Why no worker would start on this state and output directory. Empty if one is running, or either is not on this
    machine."""
    state, output = settings.state, settings.output
    if isinstance(output.dir, ObjectPath) or settings.is_shared or is_worked_on(state):
        return []
    try:
        folders = [output.dir / name for name in record.shard_names(output.shards)]
        found = (read_refusal(folder, state, shard=shard) for shard, folder in enumerate(folders))
        return [f"no worker would start: {refusal}" for refusal in found if refusal is not None]
    except OutputError as error:
        return [f"no worker would start: {error}"]


def _disks(settings: Settings) -> list[Path]:
    """Folders on the file systems that are written to."""
    state = settings.state
    return [settings.output.dir, *([state.resolve().parent] if isinstance(state, Path) else [])]


def _store(current: Current, *, websub: bool = False, alone: bool = False) -> Store:
    settings = current.settings
    return Store(
        settings.state,
        policies=current.policy,
        planner=current.plan,
        window_ms=round(settings.dedup.window_s * 1000),
        keep_ms=round(settings.dedup.keep_s * 1000),
        near=settings.dedup.near,
        websub=websub,
        shards=settings.output.shards,
        alone=alone,
        wall=now,
    )
