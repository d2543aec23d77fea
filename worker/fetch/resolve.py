"""Names to addresses, on threads of our own, with a timeout and a short memory.

asyncio's look-ups share the default executor (6 threads on 2 cores) and can't be given up. A `ThreadPoolExecutor` of
our own would not do either: the interpreter waits at exit for its threads, and a name server that does not answer holds
`getaddrinfo` for 10 s and more. Hence daemon threads.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from queue import SimpleQueue

from worker.fetch.addresses import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAddress:
    """The name has no address, or none could be learned."""

    reason: str
    """Tells a name that does not exist from a name server that failed."""


Answer = tuple[Address, ...] | NoAddress
_Asked = tuple[str, "asyncio.Future[Answer]", asyncio.AbstractEventLoop]


def system_lookup(host: str) -> Answer:
    """What the system says of `host`: its files, its name servers, and the old forms of IPv4 (`2130706433`). Blocks."""
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(ip_address(row[4][0]) for row in rows))
    except ValueError:
        return NoAddress(reason=f"{host} is not a name that DNS can have")
    except OSError as error:
        if isinstance(error, socket.gaierror) and error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return NoAddress(reason=f"{host} does not exist")
        return NoAddress(reason=f"{host} can't be looked up for now: {error.strerror}")


class Resolver:
    """Looks names up, each once at a time, and remembers the answers.

    For one event loop. Threads are started as needed and left behind by `close`, which does not wait.
    """

    def __init__(
        self,
        *,
        lookup: Callable[[str], Answer] = system_lookup,
        threads: int = 16,
        timeout_s: float = 10.0,
        keep_s: float = 60.0,
        keep_failure_s: float = 5.0,
        names: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lookup` blocks and may take any time; `timeout_s` is glibc's: two tries of 5 s.

        getaddrinfo tells no TTL: answers are kept for `keep_s`, failures for `keep_failure_s`, of `names` at most.
        """
        self._lookup, self._clock = lookup, clock
        self._timeout_s, self._keep_s, self._keep_failure_s = timeout_s, keep_s, keep_failure_s
        self._names, self._max_threads = names, threads
        self._known: dict[str, tuple[float, Answer]] = {}
        self._pending: dict[str, asyncio.Future[Answer]] = {}
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._threads = 0

    async def addresses(self, host: str, *, within_s: float) -> Answer:
        """The addresses of `host`, a name or an address, learned within `within_s` seconds."""
        if host == "localhost" or host.endswith(".localhost"):
            return (IPv4Address("127.0.0.1"),)  # RFC 6761 section 6.3: never asked of a name server
        try:
            return (ip_address(host),)
        except ValueError:
            pass
        expires, answer = self._known.get(host, (0.0, NoAddress(reason="")))
        if self._clock() < expires:
            return answer
        asked = self._pending.get(host) or self._ask(host)
        # wait() rather than wait_for(): the look-up goes on for others, and for the next time.
        done, _ = await asyncio.wait({asked}, timeout=min(within_s, self._timeout_s))
        return asked.result() if done else NoAddress(reason=f"{host} can't be looked up for now: no answer in time")

    def close(self) -> None:
        """Lets the threads end as soon as they are free; look-ups under way are not waited for."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _ask(self, host: str) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[Answer] = loop.create_future()
        self._pending[host] = asked
        self._queue.put((host, asked, loop))
        if self._threads < min(len(self._pending), self._max_threads):
            self._threads += 1
            threading.Thread(target=self._look_up_asked, name=f"dns-{self._threads}", daemon=True).start()
        return asked

    def _look_up_asked(self) -> None:
        while (asked := self._queue.get()) is not None:
            host, future, loop = asked
            answer = self._lookup(host)
            try:
                loop.call_soon_threadsafe(self._learn, host, future, answer)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits
                return

    def _learn(self, host: str, asked: asyncio.Future[Answer], answer: Answer) -> None:
        del self._pending[host]
        self._known.pop(host, None)
        if len(self._known) >= self._names:
            del self._known[next(iter(self._known))]
        keep_s = self._keep_failure_s if isinstance(answer, NoAddress) else self._keep_s
        self._known[host] = (self._clock() + keep_s, answer)
        asked.set_result(answer)
