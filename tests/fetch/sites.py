"""A scripted site on loopback: what the tests fetch from, byte for byte."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from worker.fetch import Client
from worker.fetch.connection import Connection

Script = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]
Answers = bytes | Script

MEGABYTE = bytes(1_000_000)


def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)  # which refers to nothing before it
    checksum = 0
    for _ in range(100):
        checksum = zlib.crc32(MEGABYTE, checksum)
    trailer = checksum.to_bytes(4, "little") + (100 * len(MEGABYTE)).to_bytes(4, "little")
    return b"\x1f\x8b\x08" + bytes(7) + block * 100 + packer.flush() + trailer


BOMB = _bomb()
"""100 MB of zeros as 100 kB of gzip (RFC 1952): to compress them all would take a second."""


@dataclass
class Request:
    """A request as it was on the wire."""

    raw: bytes

    @property
    def path(self) -> str:
        return self.raw.split(b" ", 2)[1].decode()

    def all(self, name: str) -> list[str]:
        lines = self.raw.decode("latin-1").split("\r\n")[1:]
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}:")]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


@dataclass
class Site:
    """Answers each request with the next script, and with the last one for ever.

    Bytes are written, and the connection kept; a function is given the writer, and the connection closed after it.
    """

    answers: list[Answers]
    port: int = 0
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                head = Request(await reader.readuntil(b"\r\n\r\n"))
                request = Request(head.raw + await reader.readexactly(int(head.header("Content-Length") or 0)))
                self.requests.append(request)
                if not await self.reply(request, reader, writer):
                    return
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def reply(self, request: Request, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection is kept."""
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if callable(answer):
            await answer(request, writer)
            return False
        writer.write(answer)
        return True

    async def aclose(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answer(body: bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """A whole answer with its Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"moved", f"Location: {location}", status=status)


def then_close(raw: bytes) -> Script:
    """Writes `raw` as it is, and hangs up."""

    async def script(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return script


def for_ever(raw: bytes, again: bytes, every_s: float = 0.0) -> Script:
    """Writes `raw`, and then `again` until nobody listens."""

    async def script(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(every_s)

    return script


Serve = Callable[..., Awaitable[Site]]
NewClient = Callable[..., Awaitable[Client]]
Get = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Kept:
    """A connection that the client holds for another request."""

    connection: Connection

    def is_idle(self) -> bool:
        """It stands, and nothing is under way on it."""
        return not self.is_closed() and self.connection.reusable

    def is_closed(self) -> bool:
        """Here, or by its server."""
        return self.connection._stream.is_readable()


def connections(client: Client) -> list[Kept]:
    """What the client's pools hold."""
    return [Kept(connection) for connection in client._pools._kept]


def set_deadline(client: Client, timeout_s: float) -> None:
    """For what is asked from now on."""
    client._timeout_s = timeout_s


def waiting(client: Client) -> list[Any]:
    """The requests that the client believes to be under way."""
    return list(client._under_way)
