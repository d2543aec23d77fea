"""Workers that share a state and a bus, and all that may happen to them and between them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from tests import broker, postgresql
from tests.site import Exchange, Site, conditional
from tests.whole.cluster import LEASE_MS, Workers, log_of, shared, workers
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, item, page, prose, rss
from tests.whole.processes import until
from tests.wire import Wire, wire
from worker.output import verify
from worker.record import Record

WHOLE = "FEEDMILL_WHOLE_CHAOS" in os.environ
"""2,000 feeds on 800 hosts, as in .ci/run: five minutes; else a tenth of both, in a minute and a half."""
WORKERS, ENTRIES = 4, 4
HOSTS, FEEDS, EVERY_S, PATIENCE_S = (800, 2000, 60, 1800) if WHOLE else (80, 200, 8, 300)
DELAY_S = 0.2
PACE = {"per_host": {"concurrency": 1, "delay": f"{DELAY_S}s"}}


@pytest.fixture
def cluster(worker: Worker, nats_server: broker.Server) -> Iterator[Workers]:
    if postgresql.binaries() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("PostgreSQL is not installed: initdb is not found")
    with workers(worker, nats_server) as of:
        yield of


def publish(site: Site, *, edition: int, feeds: int = FEEDS) -> list[dict[str, object]]:
    """Feeds on `HOSTS` hosts with pages of their own; in a later edition each second article is a new one. One article
    in ten is a copy of another feed's."""
    listed: list[dict[str, object]] = []
    for number in range(feeds):
        host, items = f"h{number % HOSTS}", []
        for entry in range(ENTRIES):
            name = f"bird{number}x{entry}"
            of = f"bird{number - 1}x{entry}" if number % 3 == 1 and entry == 0 else name
            words = prose(of + (f" edition {edition}" if entry % 2 else ""))
            url = site.add(host, f"/{name}", page(name, words))
            items.append(item(name, url, f"{name} {edition if entry % 2 else ''}", words[:40]))
        body = rss(*items)
        etag = f'"{edition}-{number}"'
        url = site.add(host, f"/feed{number}", conditional(body, content_type=RSS, etag=etag))
        listed.append({"url": url, "id": f"f{number}", "every": f"{EVERY_S}s"})
    return listed


def found(worker: Worker) -> list[Record]:
    """The records there are so far."""
    return worker.records() if list(worker.out.glob("**/manifest")) else []


def written(worker: Worker) -> set[tuple[str, int, str]]:
    """All that is in the output, each once."""
    records = [(one["id"], one["_ingest"]["revision"], one["_ingest"]["content_hash"] or "") for one in found(worker)]
    assert len(records) == len({(id, revision) for id, revision, _ in records}), "a record is there twice"
    return set(records)


def are_at_work(cluster: Workers) -> bool:
    """Whether each of them says so, as those do not that have just been started."""
    cluster.tend()
    said = orjson.loads(cluster.worker.run("status", "--json").stdout)["workers"]
    return cluster.ids <= {one["pid"] for one in said if one["alive"]}


def firsts(records: set[tuple[str, int, str]], texts: set[str]) -> set[tuple[str, int, str]]:
    """But for those of a text that two articles have: which of them is the first, and gets the record, is chance."""
    return {record for record in records if record[2] not in texts}


def copied(worker: Worker) -> set[str]:
    """The hashes of those texts."""
    shared = {f"/bird{number}x0" for number in range(FEEDS) if number % 3 < 2}
    records = (one for one in found(worker) if any(one["url"].endswith(path) for path in shared))
    return {one["_ingest"]["content_hash"] or "" for one in records}


@pytest.mark.slow
def test_workers_in_roles_share_the_work(site: Site, worker: Worker, cluster: Workers) -> None:
    """One schedules and publishes, one fetches; status shows them; both end well when they are asked to."""
    listed = publish(site, edition=1, feeds=9)
    worker.configure(listed, **shared(cluster))
    cluster.start(0, "--roles", "schedule,publish")
    cluster.start(1, "--roles", "fetch")
    until(lambda: len(found(worker)) >= 9 * ENTRIES - 3)
    said = orjson.loads(worker.run("status", "--json").stdout)["workers"]
    assert sorted(one["roles"] for one in said) == [["fetch"], ["schedule", "publish"]]
    assert all(one["alive"] for one in said)
    assert cluster.stop() == [0, 0]
    assert len(written(worker)) == 9 * ENTRIES - 3
    assert verify(worker.out).is_sound
    assert orjson.loads(worker.run("status", "--json").stdout)["workers"] == []
    assert '"level":"error"' not in log_of(worker)


@pytest.mark.slow
def test_a_worker_that_starts_before_its_state_waits_for_it(site: Site, worker: Worker, cluster: Workers) -> None:
    """As after a power cut: it says so, and works when the server is there; stopped while it waits, it ends well."""
    worker.configure(publish(site, edition=1, feeds=3), **shared(cluster))
    cluster.server.stop()
    cluster.start(0)
    until(lambda: "state.unreachable" in log_of(worker))
    assert cluster.stop() == [0]
    cluster.start(0)
    until(lambda: log_of(worker).count("state.unreachable") == 2)
    cluster.server.start()
    until(lambda: len(found(worker)) >= 3)
    assert cluster.stop() == [0]


class Trouble:
    """What happens to them, a thing at a time."""

    def __init__(self, cluster: Workers, wire: Wire, seed: int) -> None:
        self._of, self._wire, self._chance = cluster, wire, random.Random(seed)

    def kill_a_worker(self) -> None:
        number = self._chance.randrange(WORKERS)
        self._of.kill(number)
        self._of.start(number)

    def kill_the_broker(self) -> None:
        self._of.bus.kill()
        time.sleep(1)
        self._of.bus.start()

    def lose_the_broker(self) -> None:
        self._of.bus.kill()
        self._of.bus.forget()
        self._of.bus.start()

    def purge_the_stream(self) -> None:
        async def purge() -> None:
            async with self._of.bus.stream() as stream:
                await stream.purge_stream("feedmill")

        asyncio.run(purge())

    def kill_the_state(self) -> None:
        self._of.server.stop("immediate")
        time.sleep(1)
        self._of.server.start()

    def freeze_a_worker(self) -> None:
        """For longer than its leases last."""
        number = self._chance.randrange(WORKERS)
        self._of.signal(number, signal.SIGSTOP)
        time.sleep(LEASE_MS / 1000 + 2)
        self._of.signal(number, signal.SIGCONT)

    def cut_a_worker_off(self) -> None:
        """It knows, and its connections are gone; for longer than its leases last."""
        self._wire.reset()
        time.sleep(LEASE_MS / 1000 + 2)
        self._wire.join()

    def swallow_what_a_worker_says(self) -> None:
        """It waits, as the state does; then all of that arrives after all."""
        self._wire.freeze()
        time.sleep(LEASE_MS / 1000 + 2)
        self._wire.join()

    def all_of_it(self) -> list[Callable[[], None]]:
        kill = self.kill_a_worker
        return [
            *(kill, kill, self.kill_the_broker, kill, self.purge_the_stream),
            *(self.cut_a_worker_off, kill, self.kill_the_state, kill, self.freeze_a_worker, kill),
            *(self.swallow_what_a_worker_says, self.lose_the_broker),
        ]


def assert_polite(site: Site) -> None:
    """Whoever asks: a host is asked one thing at a time, and from the end of one to the next its delay passes."""
    assert max(site.most_at_once_by_host.values()) == 1
    by_host: dict[str, list[Exchange]] = {}
    for exchange in sorted(site.exchanges, key=lambda e: e.request.at):
        by_host.setdefault(exchange.request.host, []).append(exchange)
    for of in by_host.values():
        for one, other in pairwise(of):
            waited = other.request.at - one.ended
            assert waited > DELAY_S - 0.05, (waited, one.request.path, other.request.path)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_is_twice(
    site: Site, worker: Worker, cluster: Workers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Workers are killed one after the other, the broker is killed, purged and robbed of its data, PostgreSQL is
    killed, a worker is frozen, or cut off from PostgreSQL, for longer than its leases: what is written is what one
    undisturbed process writes."""
    alone = Worker(Path(tmp_path_factory.mktemp("alone")))
    listed = publish(site, edition=1)
    alone.configure(listed)
    alone.once()
    publish(site, edition=2)
    alone.once(every=True)
    texts = copied(alone)
    expected = written(alone)
    settled = firsts(expected, texts)
    asked = len(site.requests)

    worker.configure(publish(site, edition=1), fetch=PACE, **shared(cluster))
    with wire(cluster.server.folder / ".s.PGSQL.5432") as far:
        cluster.put_far(WORKERS - 1, far)
        for number in range(WORKERS):
            cluster.start(number)
        until(lambda: len(found(worker)) > FEEDS, PATIENCE_S, look_s=0.5)
        trouble = Trouble(cluster, far, seed=1)
        for step, happens in enumerate(trouble.all_of_it()):
            if step == 3:
                until(lambda: {one for one in settled if one[1] == 1} <= written(worker), PATIENCE_S, look_s=0.5)
                publish(site, edition=2)
            happens()
            time.sleep(1)
            cluster.tend()
        until(lambda: firsts(written(worker), texts) == settled, PATIENCE_S, look_s=0.5)
        until(lambda: are_at_work(cluster), look_s=1)
        assert cluster.stop() == [0] * WORKERS
    assert firsts(written(worker), texts) == settled
    assert {text for _, _, text in written(worker)} == {text for _, _, text in expected}
    assert verify(worker.out).is_sound
    del site.requests[:asked], site.exchanges[:asked]
    assert_polite(site)
    totals = orjson.loads(worker.run("status", "--json").stdout)["totals"]
    assert (totals["quarantined"], totals["unpublished"]) == (0, 0)
