"""Messages through a pipe to another process, without blocking the event loop, in multiprocessing's own format.

With a thread that waits for each message, work would be handed to the thread and back, and the loop woken through yet
another pipe: a tenth of the cost of a poll that reads a document.
"""

from __future__ import annotations

import asyncio
import os
import select
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection

_LARGE = 0x7FFF_FFFF
"""The length of a longer message is sent in 8 more bytes."""


class Pipe:
    """One end of a pipe; the other end is a `Connection`. Sends and receives one message at a time, from one event
    loop."""

    def __init__(self, connection: Connection) -> None:
        """connection: this end. It must not be used otherwise from now on."""
        self._connection = connection  # closes the descriptor when it goes
        self._fd = connection.fileno()
        os.set_blocking(self._fd, False)
        self._look = select.poll()
        self._look.register(self._fd, select.POLLIN)

    def is_silent(self) -> bool:
        """Whether nothing has arrived, not even the end."""
        return not self._look.poll(0)

    async def send(self, message: bytes) -> None:
        """Raises OSError if nobody is there to read it."""
        left = [memoryview(_length(len(message))), memoryview(message)]
        while left:
            try:
                sent = os.writev(self._fd, left)
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._ready(loop.add_writer, loop.remove_writer)
                continue
            while left and sent >= len(left[0]):
                sent -= len(left.pop(0))
            if sent:
                left[0] = left[0][sent:]

    async def speaks(self, within_s: float) -> bool:
        """Whether anything arrives within that time, even if it is only the end."""
        loop = asyncio.get_running_loop()
        return await self._ready(loop.add_reader, loop.remove_reader, within_s)

    async def receive(self) -> bytearray:
        """Raises EOFError if the other end is closed."""
        (size,) = struct.unpack("!i", await self._read(4))
        if size == -1:
            (size,) = struct.unpack("!Q", await self._read(8))
        return await self._read(size)

    async def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        left = memoryview(data)
        while left:
            try:
                got = os.readv(self._fd, [left])
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._ready(loop.add_reader, loop.remove_reader)
                continue
            if not got:
                raise EOFError
            left = left[got:]
        return data

    async def _ready(
        self, watch: Callable[..., object], leave: Callable[[int], object], within_s: float | None = None
    ) -> bool:
        """Whether the descriptor is ready in time. If both happen in the same turn of the loop, it counts as ready,
        because timers come last."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[bool] = loop.create_future()
        watch(self._fd, _tell, ready, True)
        timer = None if within_s is None else loop.call_later(within_s, _tell, ready, False)
        try:
            return await ready
        finally:
            leave(self._fd)
            if timer is not None:
                timer.cancel()


def _tell(ready: asyncio.Future[bool], is_ready: bool) -> None:
    if not ready.done():
        ready.set_result(is_ready)


def _length(size: int) -> bytes:
    return struct.pack("!i", size) if size <= _LARGE else struct.pack("!iQ", -1, size)
