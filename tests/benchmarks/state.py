"""What the state costs: `python -m tests.benchmarks.state [THOUSANDS [postgresql]]`, CPU of the store alone, on a
made-up clock; in SQLite, or in a PostgreSQL of its own.

So many thousand entries without pages are learned from polls of 50, ingested in groups, published; every tenth of the
way a row says what an entry cost there, what the poll of a feed with nothing new does, and how large the database is.
What it is for: neither may grow with what is known.

At the end a row for each table and index says what it takes of an entry: while its text is remembered, and after that,
for the rest of the time that it is known. Feeds, URLs and texts are as long as those of the corpus. In SQLite an entry
takes 372 bytes, and 195 after the window; 177 of these grow with the entries: 121 its row, 42 two keys by which it is
found, 13 its place in its feed. It took 408 and 218 while keys had 16 bytes, and 523 and 333 while its row had the id
of its feed and the whole of its URL, and grew when its record was written. In PostgreSQL it takes 1,064, of which 432
are its own after the window, 204 for the two keys; what it frees of the indexes then is free for others.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import process_time

import psycopg

from tests.postgresql import cluster
from tests.store.samples import KEEP_MS, NO_PATIENCE, SECOND, WINDOW_MS, Plans, Run, make_draft, make_entry
from worker.model import Draft, Ingest, Poll, Server, Sketch, State
from worker.store import Store

FEEDS, A_POLL, GROUP = 200, 50, 16
URL = "https://www.{feed}.example/2026/11/23/{number}-what-a-headline-says-of-it"
"""80 characters: of the corpus' pages the mean is 86, of its feeds' entries 67."""
_SIZES = """
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC
"""
AS_LONG = {"version": b"versi", "title_key": b"title"}
"""As `dedup` makes them."""


def draft(name: str, chance: random.Random) -> Draft:
    """Of an article with a text of its own, a kilobyte of it."""
    probes = tuple(chance.getrandbits(31) for _ in range(16))
    return make_draft(
        name,
        body=chance.randbytes(500).hex().encode(),
        title_key=AS_LONG["title_key"],
        revision_key=b"revis",
        sketch=Sketch(size=150, bins=b"\1" * 32, probes=probes),
    )


def url_of(feed_id: str, number: int) -> str:
    return URL.format(feed=feed_id, number=number)


def taken(state: State) -> dict[str, int]:
    """The bytes of each table and index: in SQLite on pages that are in use, in PostgreSQL after VACUUM."""
    if isinstance(state, Server):
        with psycopg.connect(state.url, autocommit=True) as connection:
            connection.execute("VACUUM")
            return dict(connection.execute(_SIZES).fetchall())
    with closing(sqlite3.connect(state)) as database:
        rows = database.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC")
        return dict(rows.fetchall())


def print_taken(remembered: dict[str, int], after: dict[str, int], entries: int) -> None:
    print(f"\n{'bytes an entry, of':30} {'remembered':>10} {'after that':>10}")  # noqa: T201
    sums = {"all": sum(remembered.values())} | remembered, {"all": sum(after.values())} | after
    for name in sums[0]:
        in_window, known = (one.get(name, 0) / entries for one in sums)
        if max(in_window, known) >= 1:
            print(f"{name:30} {in_window:10.1f} {known:10.1f}")  # noqa: T201


async def ingested(run: Run, chance: random.Random) -> int:
    """All that is queued."""
    done = 0
    while works := [work for work in await run.claim(GROUP) if isinstance(work, Ingest)]:
        await run.finish(*(run.ingested(work, draft(work.record_id, chance)) for work in works))
        done += len(works)
    return done


async def measured(state: State, thousands: int) -> None:
    chance = random.Random(1)
    print(f"{'entries':>10} {'CPU us an entry':>16} {'a poll, nothing new':>20} {'bytes an entry':>15}")  # noqa: T201
    store = Store(
        state, policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS, near="link"
    )
    async with store:
        run = Run(store, Plans())
        feeds = [f"daily-herald-{number:03}" for number in range(FEEDS)]
        await run.start(*feeds)
        known = 0
        while known < thousands * 1000:
            begun, came = process_time(), 0
            while came < thousands * 100:
                run.later(3600 * SECOND)
                for poll in [work for work in await run.claim_all() if isinstance(work, Poll)]:
                    entries = [
                        make_entry(
                            str(n), feed=poll.feed_id, url=url_of(poll.feed_id, n), page=None, host="", **AS_LONG
                        )
                        for n in range(known + came, known + came + A_POLL)
                    ]
                    await run.finish(run.polled(poll, *entries))
                    came += len(entries)
                    await ingested(run, chance)
                    if came >= thousands * 100:
                        break
                await run.publish()
            cost_us = (process_time() - begun) / came * 1e6
            known += came
            run.later(3600 * SECOND)
            begun = process_time()
            polls = [work for work in await run.claim_all() if isinstance(work, Poll)]
            for first in range(0, len(polls), 50):
                await run.finish(*(run.polled(poll, status=304, unchanged=True) for poll in polls[first : first + 50]))
            poll_us = (process_time() - begun) / len(polls) * 1e6
            size = sum(taken(state).values())
            print(f"{known:10,} {cost_us:16.0f} {poll_us:20.0f} {size / known:15.0f}")  # noqa: T201
        remembered = taken(state)
        run.later(WINDOW_MS)
        await store.upkeep(now=run.now)
    print_taken(remembered, taken(state), known)


def main(thousands: str = "20", database: str = "sqlite") -> None:
    if database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measured(Path(folder) / "state.db", int(thousands)))
        return
    with cluster(autovacuum="on") as server:
        server.sql("CREATE DATABASE feedmill")
        asyncio.run(measured(server.server(), int(thousands)))


if __name__ == "__main__":
    main(*sys.argv[1:])
