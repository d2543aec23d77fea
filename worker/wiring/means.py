"""Makes the parts that do the work, according to the settings: the client, the CPU processes, and what polls, walks and
ingests with them."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from worker import __version__
from worker.cpu.pool import Pool
from worker.fetch import Client, user_agent
from worker.model import Done, Feed, FeedId, Ingest, Millis, Poll, Walk, Work
from worker.pipeline import Archiver, Gate, Ingester, Poller, Walker
from worker.settings import Settings

PRELOAD = ("worker.cpu.preload",)
"""What the fork server of the CPU processes imports."""


def asker(settings: Settings, *, proxy: Callable[[str], str | None], kind: type[Client] = Client) -> Client:
    """The client for all requests to sites."""
    fetch = settings.fetch
    return kind(
        user_agent=user_agent(fetch.contact, __version__),
        timeout_s=fetch.timeout_s,
        allow=fetch.allow_addresses,
        proxy=proxy,
        max_connections=fetch.concurrency,
    )


def pool(settings: Settings, *, kind: type[Pool] = Pool) -> Pool:
    """The CPU processes."""
    extract = settings.extract
    return kind(
        workers=cpu_workers(settings),
        timeout_s=extract.timeout_s,
        memory=extract.memory_bytes,
        preload=PRELOAD,
    )


def cpu_workers(settings: Settings) -> int:
    """The number of CPU processes; `auto`: one for each core that this process may use."""
    configured = settings.extract.workers
    if isinstance(configured, int):
        return configured
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Means:
    """Makes what polls, walks and ingests."""

    settings: Settings
    client: Client
    cpu: Pool
    feeds: Mapping[FeedId, Feed]
    """Those that are listed."""
    clock: Callable[[], Millis]

    def poller(self, *, callback: Callable[[str], str] | None = None) -> Poller:
        """callback: see `Poller`."""
        return Poller(
            client=self.client,
            cpu=self.cpu,
            feeds=self.feeds,
            max_bytes=self.settings.fetch.max_feed_bytes,
            link_duplicates=self._links_duplicates,
            clock=self.clock,
            chance=random.random,
            callback=callback,
        )

    def ingester(self, *, archiver: Archiver | None = None) -> Ingester:
        """archiver: see `Ingester`."""
        fetch = self.settings.fetch
        return Ingester(
            client=self.client,
            cpu=self.cpu,
            gate=Gate(self.client, self.cpu, clock=self.clock) if fetch.robots else None,
            archiver=archiver,
            feeds=self.feeds,
            max_bytes=fetch.max_page_bytes,
            retries_s=fetch.retries_s,
            link_duplicates=self._links_duplicates,
            effort=self.settings.extract.effort,
            clock=self.clock,
        )

    def work(
        self, *, callback: Callable[[str], str] | None = None, archiver: Archiver | None = None
    ) -> Callable[[Work], Awaitable[Done]]:
        """What does each piece of work. callback: see `Poller`. archiver: see `Ingester`."""
        poller, ingester = self.poller(callback=callback), self.ingester(archiver=archiver)
        walker = Walker(
            client=self.client,
            cpu=self.cpu,
            feeds=self.feeds,
            max_bytes=self.settings.fetch.max_feed_bytes,
            link_duplicates=self._links_duplicates,
            clock=self.clock,
        )

        def do(work: Work) -> Awaitable[Done]:
            match work:
                case Poll():
                    return poller.poll(work)
                case Walk():
                    return walker.walk(work)
                case Ingest():
                    return ingester.ingest(work)

        return do

    @property
    def _links_duplicates(self) -> bool:
        return self.settings.dedup.exact == "link"
