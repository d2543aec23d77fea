"""Names to addresses, on threads of our own, with a timeout and a short memory.

asyncio's look-ups share the default executor (6 threads on 2 cores) and can't be given up. A `ThreadPoolExecutor` of
our own would not do either: the interpreter waits at exit for its threads, and a name server that does not answer holds
`getaddrinfo` for 10 s and more. Hence daemon threads. One that is held beyond the timeout is not counted any more, and
another one takes its place: names whose servers are dead must not keep the others waiting.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from queue import SimpleQueue

from worker.fetch.addresses import Address

_MOST = 4
"""Times as many threads as are counted, at most: with all those held that long, no name server can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAddress:
    """The name has no address, or none could be learned."""

    reason: str
    """Tells a name that does not exist from a name server that failed."""


Answer = tuple[Address, ...] | NoAddress


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


@dataclass(slots=True, eq=False, kw_only=True)
class _LookUp:
    """A name that is being asked for, by any number of callers at a time."""

    host: str
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Answer]
    """Given once: by the look-up, or when its time was up."""
    timeout: asyncio.TimerHandle | None = None
    """Since a thread has taken it."""


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
        """`lookup` blocks and may take any time. What waits for it waits for `timeout_s` (glibc's: two tries of 5 s)
        from when a thread has begun it.

        `threads`: look-ups at once, those that are beyond their time not counted. With as many as there are fetches
        at once, no name waits for another.

        getaddrinfo tells no TTL: answers are kept for `keep_s`, failures for `keep_failure_s`, of `names` at most.
        """
        self._lookup, self._clock = lookup, clock
        self._timeout_s, self._keep_s, self._keep_failure_s = timeout_s, keep_s, keep_failure_s
        self._names, self._max_threads = names, threads
        self._known: dict[str, tuple[float, Answer]] = {}
        self._pending: dict[str, _LookUp] = {}
        self._queue: SimpleQueue[_LookUp | None] = SimpleQueue()
        self._threads = self._overdue = 0

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
        asked = (self._pending.get(host) or self._ask(host)).answer
        # wait() rather than wait_for(): the look-up goes on for others, and for the next time.
        done, _ = await asyncio.wait({asked}, timeout=within_s)
        return asked.result() if done else _no_answer(host)

    def close(self) -> None:
        """Lets the threads end as soon as they are free; look-ups under way are not waited for."""
        self._max_threads = 0  # and none is started in the place of those
        for _ in range(self._threads):
            self._queue.put(None)

    def _ask(self, host: str) -> _LookUp:
        loop = asyncio.get_running_loop()
        asked = self._pending[host] = _LookUp(host=host, loop=loop, answer=loop.create_future())
        self._queue.put(asked)
        self._start_thread()
        return asked

    def _start_thread(self) -> None:
        """One more, if there is a name for it and room."""
        room = min(self._max_threads + self._overdue, self._max_threads * _MOST)
        if self._threads < min(len(self._pending), room):
            self._threads += 1
            threading.Thread(target=self._look_up_asked, name=f"dns-{self._threads}", daemon=True).start()

    def _look_up_asked(self) -> None:
        while (asked := self._queue.get()) is not None:
            with suppress(RuntimeError):  # as below
                asked.loop.call_soon_threadsafe(self._begun, asked)
            answer = self._lookup(asked.host)
            try:
                asked.loop.call_soon_threadsafe(self._learn, asked, answer)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits
                return

    def _begun(self, asked: _LookUp) -> None:
        asked.timeout = asked.loop.call_later(self._timeout_s, self._give_up, asked)

    def _give_up(self, asked: _LookUp) -> None:
        """Who asks for the name has no answer from now on, until it comes."""
        asked.answer.set_result(_no_answer(asked.host))
        self._overdue += 1
        self._start_thread()

    def _learn(self, asked: _LookUp, answer: Answer) -> None:
        del self._pending[asked.host]
        self._known.pop(asked.host, None)
        if len(self._known) >= self._names:
            del self._known[next(iter(self._known))]
        keep_s = self._keep_failure_s if isinstance(answer, NoAddress) else self._keep_s
        self._known[asked.host] = (self._clock() + keep_s, answer)
        if asked.timeout is not None:
            asked.timeout.cancel()
        if asked.answer.done():
            self._overdue -= 1
        else:
            asked.answer.set_result(answer)


def _no_answer(host: str) -> NoAddress:
    return NoAddress(reason=f"{host} can't be looked up for now: no answer in time")
