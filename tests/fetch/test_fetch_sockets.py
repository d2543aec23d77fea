from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import httpcore
import pytest

from worker.fetch.sockets import Backend, TcpStream, tls


@pytest.fixture
def pair() -> Iterator[tuple[TcpStream, socket.socket]]:
    """A stream, and the other end of it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield TcpStream(ours), theirs


async def test_what_is_written_is_whole_however_slowly_it_is_read(pair: tuple[TcpStream, socket.socket]) -> None:
    """More than the system holds for the other end waits until that has read."""
    stream, other = pair
    loop = asyncio.get_running_loop()
    sent = bytes(range(256)) * 16_000
    writing = asyncio.create_task(stream.write(sent, 60))
    got = bytearray()
    while len(got) < len(sent):
        got += await loop.sock_recv(other, 50_000)
    await writing
    assert got == sent


async def test_nothing_is_lost_by_a_read_that_was_too_early(pair: tuple[TcpStream, socket.socket]) -> None:
    stream, other = pair
    with pytest.raises(httpcore.ReadTimeout):
        await stream.read(10, 0.01)
    assert not stream.is_readable()
    other.send(b"late")
    assert stream.is_readable()
    assert await stream.read(2, 60) + await stream.read(10, 60) == b"late"
    reading = asyncio.create_task(stream.read(10, 60))
    await asyncio.sleep(0)
    other.close()
    assert await reading == b""
    assert stream.is_readable()


async def test_nobody_waits_for_ever_for_who_does_not_read(pair: tuple[TcpStream, socket.socket]) -> None:
    stream, _ = pair
    with pytest.raises(httpcore.WriteTimeout):
        await stream.write(bytes(10_000_000), 0.01)


async def test_what_is_closed_is_no_more_used(pair: tuple[TcpStream, socket.socket]) -> None:
    """Nor does the loop watch it, whose number another connection has next."""
    stream, _ = pair
    reading = asyncio.create_task(stream.read(10, 60))
    await asyncio.sleep(0)
    await stream.aclose()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await stream.aclose()
    assert stream.is_readable()
    with pytest.raises(httpcore.ReadError):
        await stream.read(10, 60)
    with pytest.raises(httpcore.WriteError):
        await stream.write(b"x", 60)


async def test_a_handshake_has_its_time_whole(pair: tuple[TcpStream, socket.socket]) -> None:
    """However many bytes of it come, one by one: these begin a record of 16 kB."""
    stream, other = pair

    async def drip() -> None:
        with suppress(OSError):
            for byte in itertools.chain(b"\x16\x03\x03\x40\x00\x02", itertools.repeat(0)):
                other.send(bytes([byte]))
                await asyncio.sleep(0.005)

    dripping = asyncio.create_task(drip())
    with pytest.raises(httpcore.ConnectTimeout):
        await tls(stream, ssl.create_default_context(), "a.example", 0.1)
    dripping.cancel()


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["no TLS", "nothing"])
async def test_a_handshake_that_fails_leaves_no_connection(said: bytes, pair: tuple[TcpStream, socket.socket]) -> None:
    """A server that keeps its end open would have it for as long as it likes."""
    stream, other = pair
    other.send(said)
    other.shutdown(socket.SHUT_WR)
    with pytest.raises(httpcore.ConnectError):
        await tls(stream, ssl.create_default_context(), "a.example", 60)
    other.settimeout(5)
    while other.recv(4096):
        pass


async def test_who_sends_without_a_pause_leaves_others_their_turn(pair: tuple[TcpStream, socket.socket]) -> None:
    stream, other = pair
    other.send(bytes(100))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    going_on = asyncio.create_task(others())
    for _ in range(100):
        assert await stream.read(1, 60)
    going_on.cancel()
    assert turns >= 5


async def test_a_port_that_nobody_listens_at_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(httpcore.ConnectError) as refused:
            await Backend().connect_tcp("127.0.0.1", free.getsockname()[1], 60)
    assert isinstance(refused.value.__cause__, ConnectionRefusedError)
