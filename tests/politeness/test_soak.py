"""Thousands of requests to a site where everything goes wrong: the client is whole afterwards."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.fetch import sites
from tests.fetch.sites import Request, answer, connections, redirect, set_deadline, waiting
from worker.fetch import Client
from worker.model import Fetched, Outcome, Validators

PLACES = 64
CALLERS = 96
"""More than there are places, so that some are cancelled while they wait for one."""
DEADLINE_S = 0.3
STALL_S = 1.0
"""Longer than the deadline: the client is gone first."""
PATIENCE_S = 20.0
"""For what has to come to a good end, also where the machine is busy."""
MAX_BYTES = 20_000
GROWTH_KB = 8_000
"""From the second fifth to the last."""

Misbehaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


def writes(raw: bytes, then: Misbehaviour | None = None) -> Misbehaviour:
    async def misbehave(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if then is not None:
            await then(writer)

    return misbehave


async def keep(_: asyncio.StreamWriter) -> None:
    """The connection stays for the next request."""


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: a linger of 0."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def stall(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(STALL_S)
    writer.close()


async def half_close(writer: asyncio.StreamWriter) -> None:
    """No more from here, and the other direction stays open."""
    writer.write_eof()
    await asyncio.sleep(STALL_S)
    writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    for _ in range(round(STALL_S / 0.05)):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.close()


BODY = b"<rss version='2.0'/>" * 50
PACKED = gzip.compress(random.Random(1).randbytes(5000))
GZIP = "Content-Encoding: gzip"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"

SITE: Mapping[str, tuple[int, Misbehaviour]] = {
    # How often out of all, and what.
    "/plain": (50, writes(answer(BODY, 'ETag: "1"'), keep)),
    "/packed": (10, writes(answer(PACKED, GZIP), keep)),
    "/unchanged": (10, writes(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n', keep)),
    "/error": (5, writes(answer(b"sorry", status="500 Broken"), keep)),
    "/throttled": (5, writes(answer(b"", "Retry-After: 5", status="429 Slow down"), keep)),
    "/redirect": (5, writes(redirect("/plain"), keep)),
    "/elsewhere": (3, writes(redirect("http://elsewhere.invalid/"), keep)),
    "/loop": (3, writes(redirect("/loop"), keep)),
    "/silent": (3, stall),
    "/head-only": (3, writes(LONG, stall)),
    "/half-a-head": (3, writes(LONG[:30], stall)),
    "/stalled-body": (3, writes(LONG + b"x" * 1000, stall)),
    "/drip": (3, writes(LONG, drip)),
    "/hangs-up": (4, close),
    "/reset": (4, reset),
    "/reset-in-head": (4, writes(LONG[:30], reset)),
    "/reset-in-body": (4, writes(LONG + b"x" * 1000, reset)),
    "/half-closed": (3, writes(LONG + b"x" * 1000, half_close)),
    "/half-closed-chunks": (3, writes(CHUNKED + b"5\r\nab", half_close)),
    "/truncated": (4, writes(LONG + b"x" * 1000, close)),
    "/truncated-chunks": (4, writes(CHUNKED + b"5\r\nabcde\r\n", close)),
    "/chunk-garbage": (4, writes(CHUNKED + b"zz\r\nabc\r\n", stall)),
    "/no-http": (4, writes(b"\x15\x03\x01\x00\x02\x02\x46", close)),
    "/garbage-after": (4, writes(answer(BODY) + b"garbage", keep)),
    "/not-gzip": (4, writes(answer(BODY, GZIP), keep)),
    "/half-gzip": (4, writes(answer(PACKED[:100], GZIP), keep)),
    "/bomb": (3, writes(answer(gzip.compress(b"\0" * 1_000_000), GZIP), keep)),
    "/too-long": (3, writes(answer(b"x" * 100_000), keep)),
    "/long-head": (3, writes(b"HTTP/1.1 200 OK\r\n" + b"X-A: %b\r\n" % (b"a" * 1000) * 300, stall)),
}


class Site(sites.Site):
    """Does on each path what `SITE` says; on `/together` it answers when `PLACES` requests are there."""

    def __init__(self) -> None:
        super().__init__([])
        self._here = asyncio.Barrier(PLACES)

    async def reply(self, request: Request, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.requests.clear()  # memory is measured
        path = request.path
        if path == "/together":
            await asyncio.wait_for(self._here.wait(), PATIENCE_S)
            path = "/plain"
        await SITE[path][1](writer)
        return not writer.is_closing()


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.converse, "127.0.0.1", 0, backlog=512)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        await site.aclose()
        await server.wait_closed()


def resident_kb() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


def sockets() -> int:
    """Open ones of this process."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that this listing reads by
            links.append(str(descriptor.readlink()))
    return sum(link.startswith("socket:") for link in links)


async def ask(client: Client, site: Site, path: str, host: str = "soak.localhost") -> Outcome:
    return await client.get(
        f"http://{host}:{site.port}{path}", max_bytes=MAX_BYTES, accept="*/*", validators=Validators(etag='"1"')
    )


async def soak(client: Client, site: Site, count: int, chance: random.Random) -> Counter[str]:
    """`count` requests by callers of whom some give up; what came of them."""
    paths, weights = list(SITE), [weight for weight, _ in SITE.values()]
    jobs = iter(chance.choices(paths, weights, k=count))
    outcomes: Counter[str] = Counter()

    async def call() -> None:
        for path in jobs:
            job = asyncio.create_task(ask(client, site, path, f"h{chance.randrange(20)}.localhost"))
            if chance.random() < 0.1:
                await asyncio.wait({job}, timeout=DEADLINE_S * chance.random() ** 4)  # most of them soon
                job.cancel()
            with suppress(asyncio.CancelledError):
                outcomes[type(await job).__name__] += 1

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(call())
    return outcomes


async def quiet(client: Client) -> bool:
    """Whether all that callers have left alone comes to its end, within some deadlines."""
    for _ in range(50):
        if not waiting(client) and all(connection.is_idle() for connection in connections(client)):
            return True
        await asyncio.sleep(DEADLINE_S / 10)
    return False


async def together(client: Client, site: Site) -> bool:
    """Whether all places can be had at once."""
    set_deadline(client, PATIENCE_S)
    asked = await asyncio.gather(*(ask(client, site, "/together") for _ in range(PLACES)))
    return all(isinstance(outcome, Fetched) for outcome in asked)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sockets and memory are read from /proc")
@pytest.mark.parametrize(
    "count",
    [pytest.param(500, id="500"), pytest.param(10_000, id="10,000", marks=[pytest.mark.slow, pytest.mark.alone])],
)
async def test_nothing_leaks_whatever_a_site_does(count: int) -> None:
    """Stalls, resets, half-closed connections, cut and broken bodies, loops, deadlines, callers that give up: then no
    task, no place, no connection and no socket is taken, and memory is where it was."""
    chance = random.Random(20261123)
    sockets_before, tasks_before = sockets(), asyncio.all_tasks()
    outcomes: Counter[str] = Counter()
    resident: list[int] = []
    async with serving() as site:
        client = Client(
            user_agent="feedmill/test",
            timeout_s=DEADLINE_S,
            allow=[ip_network("127.0.0.0/8")],
            max_connections=PLACES,
        )
        async with client:
            for _ in range(5):
                # All callers one after the other would take so long; who waits for a place that is lost waits for ever.
                async with asyncio.timeout(10 + count // 5 * DEADLINE_S):
                    outcomes += await soak(client, site, count // 5, chance)
                resident.append(resident_kb())
            assert await quiet(client)
            assert await together(client, site)
            assert await quiet(client)
        assert connections(client) == []
    assert asyncio.all_tasks() == tasks_before
    assert sockets() == sockets_before
    assert resident[-1] - resident[1] < GROWTH_KB
    assert {"Fetched", "NotModified", "Throttled", "FetchFailed"} <= set(outcomes)
    assert count * 0.8 <= outcomes.total() <= count
