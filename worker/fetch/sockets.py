"""TCP and TLS through the event loop's own calls; errors are httpcore's.

httpcore's own backend goes through anyio, whose scopes and checkpoints are a fifth of the cost of a GET (2.7 ms of CPU
against 2.2, in the same minutes on a busy machine). An operation's timeout is for the whole operation, however often it
waits.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import httpcore

R = TypeVar("R")

_READ_BYTES = 65_536
_READS_AT_ONCE = 16
"""After so many reads other tasks get their turn. Otherwise a peer that sends faster than we read would keep the event
loop busy."""


class Stream(Protocol):
    """A connection that transfers bytes. Each operation may have a timeout in seconds (None: no timeout).

    After an error or a cancelled operation it can only be closed, which may be done more than once.
    """

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """b"" at the end. Raises httpcore.ReadTimeout, httpcore.ReadError."""
        ...

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends all of it. Raises httpcore.WriteTimeout, httpcore.WriteError."""
        ...

    async def aclose(self) -> None: ...

    def is_readable(self) -> bool:
        """Whether anything unread has arrived, even if it is the end. True once the stream is closed."""
        ...


class Backend:
    """Connects to literal addresses, in an asyncio loop."""

    async def connect_tcp(self, host: str, port: int, timeout: float) -> Stream:
        """Raises httpcore.ConnectTimeout, httpcore.ConnectError."""
        try:
            connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:  # no more files, or a system without IPv6
            raise httpcore.ConnectError(error) from error
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(connection, (host, port))
        except OSError as error:
            connection.close()
            # ETIMEDOUT of the system is a TimeoutError, too, but one with a number.
            if isinstance(error, TimeoutError) and error.errno is None:
                raise httpcore.ConnectTimeout from error
            raise httpcore.ConnectError(error) from error
        except BaseException:
            connection.close()
            raise
        return TcpStream(connection)


class TcpStream:
    """A connected, non-blocking socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._fd = connection.fileno()
        """Given to the loop instead of the socket: for a socket that it does not watch, the loop would compose an error
        text with addresses."""
        self._reads = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        loop = asyncio.get_running_loop()
        self._reads += 1
        if self._reads % _READS_AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            while True:
                with suppress(BlockingIOError, InterruptedError):
                    return self._socket.recv(max_bytes)
                ready = loop.create_future()
                loop.add_reader(self._fd, _set, ready)
                try:
                    await _within(timeout, ready, httpcore.ReadTimeout)
                finally:
                    if self._socket.fileno() >= 0:  # else it was closed meanwhile and is no longer watched
                        loop.remove_reader(self._fd)
        except (OSError, ValueError) as error:  # ValueError: it was closed meanwhile
            raise httpcore.ReadError(error) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        loop, left = asyncio.get_running_loop(), memoryview(buffer)
        until = None if timeout is None else time.monotonic() + timeout
        try:
            while left:
                with suppress(BlockingIOError, InterruptedError):
                    left = left[self._socket.send(left) :]
                    continue
                ready = loop.create_future()
                loop.add_writer(self._fd, _set, ready)
                try:
                    await _within(_left_s(until), ready, httpcore.WriteTimeout)
                finally:
                    if self._socket.fileno() >= 0:  # else it was closed meanwhile and is no longer watched
                        loop.remove_writer(self._fd)
        except (OSError, ValueError) as error:
            raise httpcore.WriteError(error) from error

    async def aclose(self) -> None:
        if self._socket.fileno() >= 0:
            # Otherwise the loop would go on watching a descriptor that may soon belong to something else.
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            loop.remove_writer(self._fd)
            self._socket.close()

    def is_readable(self) -> bool:
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True


class TlsStream:
    """TLS over another stream, which may itself be TLS: a tunnel through a proxy reached by https."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, host: str) -> None:
        """Raises ValueError if the name can't be used in TLS."""
        self._inner = inner
        self._came, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._to_send, server_hostname=host)

    async def shake_hands(self, timeout: float | None) -> None:
        await self._until_done(self._tls.do_handshake, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """b"" at the end, even without a closing alert, because HTTP itself shows whether an answer is complete. Raises
        what the stream below does, and ssl.SSLError."""
        try:
            return await self._until_done(lambda: self._tls.read(max_bytes), timeout)
        except ssl.SSLError as error:
            if _is_end(error):
                return b""
            raise

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Raises what the stream below does, and ssl.SSLError."""
        if buffer:  # all at once, because a MemoryBIO accepts everything
            await self._until_done(lambda: self._tls.write(buffer), timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def is_readable(self) -> bool:
        # Bytes that came together with the last record read are no longer on the socket.
        return self._came.pending > 0 or self._inner.is_readable()

    async def _until_done(self, step: Callable[[], R], timeout: float | None) -> R:
        """Repeats `step` of the TLS object until it has read what it needs, and sends what it produces. Returns its
        result."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._send(until)
                data = await self._inner.read(_READ_BYTES, _left_s(until))
                if data:
                    self._came.write(data)
                else:
                    self._came.write_eof()
            else:
                await self._send(until)
                return result

    async def _send(self, until: float | None) -> None:
        if self._to_send.pending:
            await self._inner.write(self._to_send.read(), _left_s(until))


async def tls(inner: Stream, context: ssl.SSLContext, host: str, timeout: float | None) -> TlsStream:
    """TLS over `inner`, after the handshake.

    Raises httpcore.ConnectTimeout, httpcore.ConnectError, ValueError, and what `inner` raises; `inner` is then closed.
    """
    try:
        stream = TlsStream(inner, context, host)
        await stream.shake_hands(timeout)
    except BaseException as error:
        await inner.aclose()
        if isinstance(error, httpcore.TimeoutException):
            raise httpcore.ConnectTimeout(error) from error
        if isinstance(error, ssl.SSLError) and _is_end(error):
            raise httpcore.ConnectError("the connection ended") from None
        if isinstance(error, ssl.SSLError | httpcore.NetworkError):
            raise httpcore.ConnectError(error) from error
        raise
    return stream


def _is_end(error: ssl.SSLError) -> bool:
    # OpenSSL 3 reports UNEXPECTED_EOF, which is not always an SSLEOFError.
    return isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError) or "UNEXPECTED_EOF" in str(error.reason)


def _left_s(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _give_up(ready: asyncio.Future[None], late: type[httpcore.TimeoutException]) -> None:
    if not ready.done():
        ready.set_exception(late())


async def _within(timeout: float | None, ready: asyncio.Future[None], late: type[httpcore.TimeoutException]) -> None:
    """Waits for `ready`. Like asyncio.timeout(), in a third of its time."""
    if timeout is None:
        return await ready
    timer = ready.get_loop().call_later(timeout, _give_up, ready, late)
    try:
        await ready
    finally:
        timer.cancel()
