"""What a shared state takes: `python -m tests.benchmarks.sharing [FEEDS] [HOSTS] [SECONDS] [PROCESSES]`, on its own
PostgreSQL.

So many feeds on so many hosts are due; for so long they are claimed and finished in groups, by a poll that found
nothing new, as nine of ten do. A row says how many a second went through it, what each cost the CPU here and there.

    2026-11-29, on two cores that others loaded three times over; with version 0013 of the state and with 0016, in turns

        feeds     hosts        us here   us at the server
        100,000   30,000    146 -> 112         122 ->  97
        100,000   30,000    163 -> 126         134 -> 106
        100,000   30,000    153 -> 131         128 -> 115
         10,000    3,000           132                115
      1,000,000  300,000           130                137

    at rest: 0013 took 134 and 112, 0016 takes 115 and 102. Two processes did 9,287 a second with 100,000 feeds on
    30,000 hosts, 8,997 with a million on 300,000; three no more, on two cores
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psycopg

from tests.postgresql import Cluster, cluster
from tests.store.samples import KEEP_MS, WINDOW_MS, Plans
from worker.model import HostPolicy, Millis, Poll, PollDone, Server
from worker.store import Store
from worker.store.database.opening import open_database

GROUP = 100
POLICY = HostPolicy(concurrency=1, delay_ms=1000)

_FILL = (
    """INSERT INTO host (name, policy_ms, concurrency, delay_ms, not_before, next_at)
       SELECT 'h' || n || '.example', 1000, 1, 1000, 0, 0 FROM generate_series(1, {hosts}) n""",
    "INSERT INTO slot (host_id, k, token, lease_until) SELECT id, 0, 0, 0 FROM host",
    """INSERT INTO feed (id, url, active, added_at, errors, new_last, new_total)
       SELECT 'f' || n, 'https://h' || (1 + n % {hosts}) || '.example/' || n, true, 0, 0, 0, 0
       FROM generate_series(1, {feeds}) n""",
    """INSERT INTO work (host_id, priority, due_at, feed_id, hops, again, tries, errors, lost, quarantined)
       SELECT 1 + n % {hosts}, 0, n, 'f' || n, 0, false, 0, 0, 0, false FROM generate_series(1, {feeds}) n""",
    "VACUUM ANALYZE",
)


def fill(server: Server, *, feeds: int, hosts: int) -> None:
    open_database(server).dispose()
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in _FILL:
            connection.execute(statement.format(feeds=feeds, hosts=hosts).encode())


def measured(server: Server, found: Cluster, seconds: float, processes: int) -> None:
    with ProcessPoolExecutor(processes) as pool:
        theirs, begun = _server_s(found), time.monotonic()
        of_each = list(pool.map(polled, [server.url] * processes, [seconds] * processes))
        spent = time.monotonic() - begun
        theirs = _server_s(found) - theirs
    done, ours = sum(one for one, _ in of_each), sum(cpu for _, cpu in of_each)
    print(  # noqa: T201
        f"{done:,} in {spent:.1f} s: {done / spent:,.0f} a second; CPU of each: {ours / done * 1e6:.0f} us here, "
        f"{theirs / done * 1e6:.0f} us at the server"
    )


def polled(url: str, seconds: float) -> tuple[int, float]:
    """How many polls one process claimed and finished, and its seconds of CPU for them."""
    return asyncio.run(_polled(Server(url), seconds))


async def _polled(server: Server, seconds: float) -> tuple[int, float]:
    store = Store(server, policies=lambda _: POLICY, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS)
    async with store:
        done, begun, ours = 0, time.monotonic(), time.process_time()
        while time.monotonic() - begun < seconds:
            now = store.clock()
            works = [work for work in await store.claim(GROUP, now=now, lease_ms=600_000) if isinstance(work, Poll)]
            await store.finish([_unchanged(work, now) for work in works], now=store.clock())
            done += len(works)
            if not works:
                break
        return done, time.process_time() - ours


def _unchanged(work: Poll, now: Millis) -> PollDone:
    return PollDone(lease=work.lease, feed_id=work.feed_id, at=now, status=304, unchanged=True)


def _server_s(found: Cluster) -> float:
    """CPU of all processes that serve the cluster, or did."""
    time.sleep(0.5)  # what serves nobody any more has ended, and is counted among the postmaster's
    postmaster = int((found.folder / "data/postmaster.pid").read_text().split("\n")[0])
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name_end = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(name_end[1]) == postmaster:
            total += int(name_end[11]) + int(name_end[12])
        elif stat.parent.name == str(postmaster):
            total += sum(int(ticks) for ticks in name_end[11:15])
    return total / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    feeds, hosts, seconds, processes = [*numbers, *(100_000, 30_000, 20, 1)[len(numbers) :]]
    with cluster(shared_buffers="512MB", max_wal_size="4GB") as found:
        found.sql("CREATE DATABASE feedmill")
        fill(found.server(), feeds=feeds, hosts=hosts)
        measured(found.server(), found, seconds, processes)
