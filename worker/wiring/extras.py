"""Parts that need extra packages, which are imported only if the settings ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from worker.bus import Bus
from worker.cpu.pool import Pool
from worker.engine import KEEP_S, running
from worker.errors import imports_of
from worker.fetch import Client
from worker.pipeline import Streaming
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.telemetry.traces import Traces


@asynccontextmanager
async def streaming(settings: Settings) -> AsyncIterator[Streaming | None]:
    """The part that sends records to `output.stream`; None if that is not set. Raises FeedmillError if the extra is
    missing."""
    place = settings.output.stream
    if place is None:
        yield None
        return
    with imports_of("cluster", "output.stream"):
        from worker.bus.records import RecordStream
    async with RecordStream(place) as stream:
        sending = Streaming(stream.send, output=settings.output.dir)
        async with running(sending.run()):
            yield sending


@asynccontextmanager
async def bus(settings: Settings) -> AsyncIterator[Bus | None]:
    """The bus from processes that claim work to those that do it; None if that is not set. Raises FeedmillError if the
    extra is missing."""
    if settings.bus is None:
        yield None
        return
    with imports_of("cluster", "a bus"):
        from worker.bus.jetstream import JetStreamBus
    async with JetStreamBus(settings.bus, keep_s=KEEP_S) as stream:
        yield stream


@asynccontextmanager
async def traces(settings: Settings) -> AsyncIterator[Traces | None]:
    """The part that sends a trace of each article to `telemetry.traces`; None if that is not set. Raises FeedmillError
    if the extra is missing."""
    collector = settings.telemetry.traces
    if collector is None:
        yield None
        return
    with imports_of("otel", "telemetry.traces"):
        from worker.telemetry.traces import Traces
    following = Traces(collector, sample=settings.telemetry.sample)
    try:
        yield following
    finally:
        await following.aclose()


def timed() -> tuple[type[Client], type[Pool]]:
    """Variants of the client and pool that record durations for the traces."""
    from worker.telemetry.steps import TimedClient, TimedPool

    return TimedClient, TimedPool
