"""TCP and TLS by the event loop's own calls; the errors are httpcore's.

httpcore's own go through anyio, whose scopes and checkpoints are a fifth of what a GET costs (2.7 ms of CPU against 2.2
in the same minutes, on a busy machine). An operation's timeout is for the whole of it, however often it waits.
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
"""Until others have their turn: who sends faster than we read would keep the event loop for itself."""


class Stream(Protocol):
    """A connection, in bytes. Each operation may have a time of its own, in seconds; None: as long as it takes.

    After an error, or when one was cancelled, it can only be closed, which may be done more than once.
    """

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """b"" at the end. Raises httpcore.ReadTimeout, httpcore.ReadError."""
        ...

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of it. Raises httpcore.WriteTimeout, httpcore.WriteError."""
        ...

    async def aclose(self) -> None: ...

    def is_readable(self) -> bool:
        """Whether something has come that was not read yet, be it the end. True once it is closed."""
        ...


class Backend:
    """Connects to literal addresses. For an asyncio loop."""

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
            # The system has a TimeoutError of its own, ETIMEDOUT, which has a number.
            if isinstance(error, TimeoutError) and error.errno is None:
                raise httpcore.ConnectTimeout from error
            raise httpcore.ConnectError(error) from error
        except BaseException:
            connection.close()
            raise
        return TcpStream(connection)


class TcpStream:
    """A connected socket that does not block."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._fd = connection.fileno()
        """By which the loop is asked: of a socket that it does not watch it would say its addresses, in an error."""
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
                    if self._socket.fileno() >= 0:  # else it was closed meanwhile, and is not watched
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
                    if self._socket.fileno() >= 0:  # else it was closed meanwhile, and is not watched
                        loop.remove_writer(self._fd)
        except (OSError, ValueError) as error:
            raise httpcore.WriteError(error) from error

    async def aclose(self) -> None:
        if self._socket.fileno() >= 0:
            # Who still waits for it would leave the loop with a file descriptor that soon is another's.
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
    """TLS over another stream, which may be TLS itself: a tunnel through a proxy that is spoken to so."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, server_hostname: str | None) -> None:
        """Raises ValueError where TLS can't carry the name."""
        self._inner = inner
        self._came, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._to_send, server_hostname=server_hostname)

    async def shake_hands(self, timeout: float | None) -> None:
        await self._until_done(self._tls.do_handshake, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """b"" at the end, also at one that does not say so: HTTP tells by itself whether an answer is whole. Raises
        what the stream below does, and ssl.SSLError."""
        try:
            return await self._until_done(lambda: self._tls.read(max_bytes), timeout)
        except ssl.SSLError as error:
            if _is_end(error):
                return b""
            raise

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Raises what the stream below does, and ssl.SSLError."""
        if buffer:  # all of it at once: a MemoryBIO takes what it gets
            await self._until_done(lambda: self._tls.write(buffer), timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def is_readable(self) -> bool:
        # What came together with the last record that was read is on no socket any more.
        return self._came.pending > 0 or self._inner.is_readable()

    async def _until_done(self, step: Callable[[], R], timeout: float | None) -> R:
        """What `step` of the TLS object gives, once it has what it needs to read; what it leaves to be sent is sent."""
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


async def tls(inner: Stream, context: ssl.SSLContext, server_hostname: str | None, timeout: float | None) -> TlsStream:
    """TLS over `inner`, once hands are shaken.

    Raises httpcore.ConnectTimeout, httpcore.ConnectError, ValueError, and what `inner` does; that is closed then.
    """
    try:
        stream = TlsStream(inner, context, server_hostname)
        await stream.shake_hands(timeout)
    except httpcore.TimeoutException as error:
        await inner.aclose()
        raise httpcore.ConnectTimeout(error) from error
    except (ssl.SSLError, httpcore.NetworkError) as error:
        await inner.aclose()
        if isinstance(error, ssl.SSLError) and _is_end(error):
            raise httpcore.ConnectError("the connection ended") from None
        raise httpcore.ConnectError(error) from error
    except BaseException:
        await inner.aclose()
        raise
    return stream


def _is_end(error: ssl.SSLError) -> bool:
    # OpenSSL 3 has the latter for it, which is not always an SSLEOFError.
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
    """Waits for `ready`. What asyncio.timeout() would do, in a third of its time."""
    if timeout is None:
        return await ready
    timer = ready.get_loop().call_later(timeout, _give_up, ready, late)
    try:
        await ready
    finally:
        timer.cancel()
