"""A forward proxy on loopback: plain requests in absolute form, tunnels by CONNECT, whatever the host to one site."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.fetch.sites import Request, Site


@dataclass
class Proxy(Site):
    """Takes every name for that of the site `behind` it. With `answers` it does nothing but give those."""

    behind: Site = field(kw_only=True)

    def address(self, credentials: str = "", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{credentials}{host}:{self.port}"

    async def reply(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.answers:
            return await super().reply(request, reader, writer)
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self.behind.port)
        try:
            if request.raw.startswith(b"CONNECT "):
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_copy(reader, their_writer), _copy(their_reader, writer))
            else:
                their_writer.write(_forwarded(request))
                await _copy(their_reader, writer)
        finally:
            their_writer.close()
        return False


def _forwarded(request: Request) -> bytes:
    """The request in origin form (RFC 9112 section 3.2.1), without what was for the proxy."""
    lines = request.raw.decode("latin-1").split("\r\n")
    kept = [line for line in lines[1:-2] if not line.lower().startswith(("proxy-", "connection:"))]
    target = urlsplit(request.path)._replace(scheme="", netloc="").geturl()
    return "\r\n".join([f"GET {target} HTTP/1.1", *kept, "", ""]).encode("latin-1")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


ServeProxy = Callable[..., Awaitable[Proxy]]
