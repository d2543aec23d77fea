"""Processes that publish to one output are killed while they do: others take their shards over, and nobody can tell.

They share a state on PostgreSQL; or one of SQLite, whose lock is not asked, since each transaction stands by itself.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, func, insert, make_url, select
from sqlalchemy.pool import NullPool

from tests.output.conftest import SCHEMA, START, make_row
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans
from worker.errors import FeedmillError
from worker.model import Millis, Server, State
from worker.output import Keeping, OutputDirectory, cursor, locked, make_shards, read_records, verify
from worker.pipeline import Publisher, Shards
from worker.pipeline import shards as module
from worker.record import Record, shard_name, shard_of
from worker.store import Store, database_url
from worker.store.database import tables as t
from worker.store.database import writing

SHARDS = 3
KILLS, MAX_KILLS = 4, 60
"""More than the first where none of them came amid a publication, as on a machine that others load."""
FORK = multiprocessing.get_context("fork")


def opened(state: State) -> Store:
    return Store(
        state,
        policies=lambda _: NO_PATIENCE,
        planner=Plans(),
        window_ms=WINDOW_MS,
        keep_ms=KEEP_MS,
        shards=SHARDS,
    )


async def publish(state: State, out: Path, *, until_empty: bool) -> None:
    """What a worker's publishing does, each hundredth of a second."""
    async with opened(state) as store:

        async def shard_opened(shard: int, held: ExitStack) -> Publisher:
            root = out / shard_name(shard, SHARDS)
            held.enter_context(locked(root))
            return Publisher(
                store=store,
                directory=OutputDirectory.open(root, schema=SCHEMA, latest=True),
                archive=None,
                seal_after_ms=0,
                seal_records=3,
                keeping=Keeping(merge=True, pack=False, grace_ms=0, keep_ms=None),
                shard=shard,
            )

        with Shards(out, SHARDS, shard_opened, shared=True) as shards:
            while True:
                with suppress(FeedmillError):  # the state was busy
                    await shards.publish(now=Millis(START + 60_000))
                if until_empty and [(await store.waiting(shard))[0] for shard in range(SHARDS)] == [0] * SHARDS:
                    return
                await asyncio.sleep(0.01)


def worker(state: State, out: Path) -> ForkProcess:
    process = FORK.Process(target=lambda: asyncio.run(publish(state, out, until_empty=False)), daemon=True)
    process.start()
    return process


@contextmanager
def begun(state: State) -> Iterator[Connection]:
    """A transaction, for as long as nothing is forked: connections must not be carried over."""
    url = make_url(state.url).set(drivername="postgresql+psycopg") if isinstance(state, Server) else database_url(state)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def write(state: State, numbers: range) -> None:
    """A record of each, of articles all over, as their commit leaves it."""
    rows = []
    for number in numbers:
        id = (number * 7919 % 65_536 << 112) + number
        body = make_row(1, f"article {number}", id=id).body
        values = {"op": "new", "revision": 1, "ingested_at": START + number, "body": body}
        rows.append(values | {"shard": shard_of(f"{id:032x}", SHARDS)})
    with begun(state) as connection:
        connection.execute(insert(t.outbox), rows)


def in_hand(state: State) -> int:
    """Segments that are numbered and not marked."""
    with begun(state) as connection:
        return connection.scalar(select(func.count()).where(t.segment.c.path.is_(None))) or 0


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
def test_what_a_killed_process_held_goes_on_elsewhere(
    tmp_path: Path, on: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and nothing is there twice, for who reads beside it either; every shard is whole."""
    out, chance = tmp_path / "out", random.Random(8)
    monkeypatch.setattr(writing, "locked", lambda _: nullcontext(None))
    monkeypatch.setattr(module, "LOOK_S", 0.03)
    make_shards(out, SHARDS)
    state: State = tmp_path / "state.db"
    if on == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        cluster.sql(f"CREATE DATABASE {(name := f'take_over_{secrets.token_hex(4)}')}")
        state = cluster.server(name)

    async def begin() -> None:
        async with opened(state):
            pass

    asyncio.run(begin())
    read: list[Record] = []
    written = cut_off = 0
    workers = [worker(state, out) for _ in range(2)]
    for kills in range(MAX_KILLS):
        if kills >= KILLS and cut_off:
            break
        for _ in range(chance.randint(2, 5)):
            write(state, range(written, written + 20))
            written += 20
            time.sleep(chance.uniform(0.02, 0.1))
            read += read_records(out, cursor(read[-1]) if read else None)
        victim = workers.pop(0)
        assert victim.pid is not None
        victim.kill()
        victim.join()
        assert victim.exitcode == -signal.SIGKILL
        cut_off += in_hand(state)
        workers.append(worker(state, out))
    for process in workers:
        process.kill()
        process.join()
    asyncio.run(publish(state, out, until_empty=True))
    read += read_records(out, cursor(read[-1]) if read else None)
    assert cut_off > 0
    ids = [record["id"] for record in read]
    assert len(set(ids)) == len(ids) == written
    assert sorted(ids) == sorted(record["id"] for record in read_records(out))
    report = verify(out)
    assert (report.findings, report.records) == ((), written)
