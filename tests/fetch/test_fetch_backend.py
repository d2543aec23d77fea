from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

import httpcore
import pytest

from tests.fetch.sites import Serve, answer
from worker.fetch import sockets
from worker.fetch.backend import _LIMITS, GuardedBackend, GuardedStream, limited
from worker.fetch.failures import FetchError
from worker.fetch.resolve import Answer, Resolver


class Scripted(httpcore.AsyncMockStream):
    """Reads what it is given."""

    def is_readable(self) -> bool:
        return False


class Recorder(sockets.Backend):
    """Notes where it is told to connect to, and does what it is told to do there."""

    def __init__(self, **fates: Exception) -> None:
        self.fates, self.asked = fates, list[tuple[str, float]]()

    async def connect_tcp(self, host: str, port: int, timeout: float) -> sockets.Stream:
        self.asked.append((host, timeout))
        if host in self.fates:
            raise self.fates[host]
        return Scripted([])

    @property
    def hosts(self) -> list[str]:
        return [host for host, _ in self.asked]


def resolver_of(*answers: str) -> Resolver:
    """Gives each answer (addresses, separated by spaces) once, and the last one for ever; remembers nothing."""
    left = [tuple(ip_address(text) for text in texts.split()) for texts in answers]

    def lookup(_: str) -> Answer:
        return left.pop(0) if len(left) > 1 else left[0]

    return Resolver(lookup=lookup, keep_s=0.0)


async def connect(backend: GuardedBackend, host: str = "a.example", within_s: float = 5.0) -> Any:
    with limited(deadline=time.monotonic() + within_s, wire_bytes=1000):
        return await backend.connect_tcp(host, 80)


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name that is public when checked and loopback when asked again (DNS rebinding) gets no second question."""
    net, resolver = Recorder(), resolver_of("93.184.215.14", "127.0.0.1")
    backend = GuardedBackend(resolver=resolver, inner=net)
    assert isinstance(await connect(backend), GuardedStream)
    assert net.hosts == ["93.184.215.14"]
    with pytest.raises(FetchError, match=r"a\.example is at 127\.0\.0\.1, .* fetch\.allow_addresses") as refused:
        await connect(backend)
    assert refused.value.failure.kind == "address"
    assert net.hosts == ["93.184.215.14"]
    resolver.close()


@pytest.mark.parametrize("addresses", ["93.184.215.14 10.0.0.1", "10.0.0.1 93.184.215.14", "2606:4700::1 ::1"])
async def test_a_name_with_one_address_that_is_not_public_is_refused(addresses: str) -> None:
    """All of a name's addresses have to pass, not only the one that would be used."""
    net, resolver = Recorder(), resolver_of(addresses)
    with pytest.raises(FetchError) as refused:
        await connect(GuardedBackend(resolver=resolver, inner=net))
    assert refused.value.failure.kind == "address"
    assert net.hosts == []
    resolver.close()


async def test_allowed_networks_are_connected_to() -> None:
    """What the operator opens is open, and only that."""
    net, resolver = Recorder(), resolver_of("10.1.0.1", "10.2.0.1")
    backend = GuardedBackend(resolver=resolver, allow=[ip_network("10.1.0.0/16")], inner=net)
    await connect(backend)
    with pytest.raises(FetchError):
        await connect(backend)
    assert net.hosts == ["10.1.0.1"]
    resolver.close()


async def test_addresses_are_tried_by_turns_of_family_each_with_its_share_of_the_time() -> None:
    """Four dead IPv6 addresses do not hide the IPv4 one, nor use up its time."""
    dead = {f"2606:4700::{n}": httpcore.ConnectTimeout() for n in range(1, 5)}
    net, resolver = Recorder(**dead), resolver_of(" ".join([*dead, "93.184.215.14", "93.184.215.15"]))
    await connect(GuardedBackend(resolver=resolver, inner=net), within_s=8.0)
    assert net.hosts == ["2606:4700::1", "93.184.215.14"]
    assert net.asked[0][1] == pytest.approx(2.0, abs=0.1)
    resolver.close()


@pytest.mark.parametrize(
    ("fate", "kind", "reason"),
    [
        pytest.param(httpcore.ConnectTimeout(), "timeout", "a.example (2606:4700::4), port 80: no answer", id="silent"),
        pytest.param(
            httpcore.ConnectError(OSError(113, "x")),
            "connect",
            "a.example (2606:4700::4), port 80: No route to host",
            id="unreachable",
        ),
    ],
)
async def test_a_few_dead_addresses_are_enough(fate: Exception, kind: str, reason: str) -> None:
    """Not more than four addresses are tried, and the last one's fate is told."""
    dead = {f"2606:4700::{n}": fate for n in range(1, 9)}
    net, resolver = Recorder(**dead), resolver_of(" ".join(dead))
    with pytest.raises(FetchError) as failed:
        await connect(GuardedBackend(resolver=resolver, inner=net))
    assert (failed.value.failure.kind, failed.value.failure.reason) == (kind, reason)
    assert net.hosts == list(dead)[:4]
    resolver.close()


async def test_a_name_without_addresses_is_a_failure_of_dns() -> None:
    """An empty answer is none."""
    resolver = resolver_of("")
    with pytest.raises(FetchError) as failed:
        await connect(GuardedBackend(resolver=resolver, inner=Recorder()))
    assert failed.value.failure.kind == "dns"
    resolver.close()


async def test_nothing_is_begun_after_the_deadline() -> None:
    """No look-up and no connect starts when the time is up."""
    net, resolver = Recorder(), resolver_of("93.184.215.14")
    with pytest.raises(httpcore.TimeoutException):
        await connect(GuardedBackend(resolver=resolver, inner=net), within_s=-0.1)
    assert net.hosts == []
    resolver.close()


class Asked(Scripted):
    """Notes how long it may take."""

    within_s: float | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.within_s = timeout
        return await super().read(max_bytes, timeout)


async def test_a_shorter_timeout_of_the_caller_counts() -> None:
    """The lesser of the operation's own timeout and the time left is used."""
    stream = Asked([b"x"])
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=1000):
        await GuardedStream(stream).read(10, timeout=0.5)
    assert stream.within_s == 0.5


async def test_limits_end_with_their_block() -> None:
    """An inner limit gives way to the outer one again, also after an error."""
    stream = GuardedStream(Scripted([b"x" * 100, b"x" * 100]))
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=150):
        with pytest.raises(FetchError), limited(deadline=time.monotonic() + 5.0, wire_bytes=50):
            await stream.read(1000)
        assert len(await stream.read(1000)) == 100


async def test_a_cancelled_handshake_closes_its_connection(serve: Serve, trusting: ssl.SSLContext) -> None:
    """Nobody else has the stream yet who could close it."""
    silent = asyncio.Event()

    async def never(*_: object) -> None:
        await silent.wait()

    site = await serve(never)
    resolver = Resolver()
    backend = GuardedBackend(resolver=resolver, allow=[ip_network("127.0.0.0/8")])
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=1000):
        stream = await backend.connect_tcp("127.0.0.1", site.port)
        shaking = asyncio.create_task(stream.start_tls(trusting, "127.0.0.1"))
        await asyncio.sleep(0.05)
        shaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await shaking
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=1000), pytest.raises(httpcore.ReadError):
        await stream.read(1)
    resolver.close()


async def test_a_handshake_keeps_to_the_deadline(
    serve: Serve, trusting: ssl.SSLContext, tls: Callable[..., ssl.SSLContext]
) -> None:
    """No handshake starts when the time is up, and the connection is closed."""
    site = await serve(answer(), tls=tls("127.0.0.1"))
    resolver = Resolver()
    backend = GuardedBackend(resolver=resolver, allow=[ip_network("127.0.0.0/8")])
    with limited(deadline=time.monotonic() + 0.1, wire_bytes=1000):
        stream = await backend.connect_tcp("127.0.0.1", site.port)
        await asyncio.sleep(0.15)
        with pytest.raises(httpcore.TimeoutException):
            await stream.start_tls(trusting, "127.0.0.1")
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=1000), pytest.raises(httpcore.ReadError):
        await stream.read(1)
    resolver.close()


async def test_a_handshake_that_says_nothing_keeps_to_the_limits(trusting: ssl.SSLContext) -> None:
    """HelloRequests, which OpenSSL passes over without a word, for as long as they come: every byte counts."""
    flood = b"\x16\x03\x03\x40\x00" + bytes(16_384)
    sent, ended = 0, asyncio.Event()

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(OSError):
            while sent < 20_000_000:
                writer.write(flood)
                sent += len(flood)
                await writer.drain()
        writer.close()
        ended.set()

    server, resolver = await asyncio.start_server(pour, "127.0.0.1", 0), Resolver()
    backend = GuardedBackend(resolver=resolver, allow=[ip_network("127.0.0.0/8")])
    with limited(deadline=time.monotonic() + 60.0, wire_bytes=100_000):
        stream = await backend.connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(FetchError) as failed:
            await stream.start_tls(trusting, "127.0.0.1")
    assert failed.value.failure.kind == "too_large"
    assert sent < 20_000_000
    await ended.wait()
    server.close()
    resolver.close()


async def test_tls_counts_as_it_is_on_the_wire(
    serve: Serve, trusting: ssl.SSLContext, tls: Callable[..., ssl.SSLContext]
) -> None:
    """Each byte once, with the certificates and the records that it came in."""
    site, resolver = await serve(answer(b"x" * 10_000), tls=tls("127.0.0.1")), Resolver()
    backend = GuardedBackend(resolver=resolver, allow=[ip_network("127.0.0.0/8")])
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=100_000):
        raw = await backend.connect_tcp("127.0.0.1", site.port)
        stream = await raw.start_tls(trusting, "127.0.0.1")
        after_handshake = _LIMITS.get().wire_bytes
        await stream.write(b"GET / HTTP/1.1\r\n\r\n")
        got = 0
        while got < 10_000:
            got += len(await stream.read(65_536))
        assert 500 < 100_000 - after_handshake < 10_000
        assert got < after_handshake - _LIMITS.get().wire_bytes < got + 2_000
    await stream.aclose()
    resolver.close()


async def test_a_name_that_tls_can_not_carry_is_a_failure_of_tls(serve: Serve, trusting: ssl.SSLContext) -> None:
    """ssl raises ValueError over it: translated, and the connection closed."""
    site, resolver = await serve(answer()), Resolver()
    backend = GuardedBackend(resolver=resolver, allow=[ip_network("127.0.0.0/8")])
    with limited(deadline=time.monotonic() + 5.0, wire_bytes=1000):
        stream = await backend.connect_tcp("127.0.0.1", site.port)
        with pytest.raises(FetchError) as failed:
            await stream.start_tls(trusting, ".example")
        assert failed.value.failure.kind == "tls"
        with pytest.raises(httpcore.ReadError):
            await stream.read(1)
    resolver.close()
