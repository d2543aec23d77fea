"""Names to addresses, on threads of our own, with a timeout and a short cache.

asyncio's lookups share the default executor (6 threads on 2 cores) and can't be abandoned. A `ThreadPoolExecutor` of
our own would not do either: the interpreter waits for its threads at exit, and a name server that does not answer holds
up `getaddrinfo` for 10 s and more. Hence daemon threads. A thread stuck beyond the timeout is no longer counted, and
another takes its place, so that names with dead servers don't hold up the others.
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
"""At most so many times the counted threads exist. When that many are stuck, no name server can be reached anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAddress:
    """The name has no address, or none could be learned."""

    reason: str
    """Distinguishes a name that does not exist from a name server that failed."""
    error: OSError | None = None
    """Why it could not be learned; None: it has none."""


Answer = tuple[Address, ...] | NoAddress


def system_lookup(host: str) -> Answer:
    """The system's answer for `host`: from its files, its name servers, and old notations of IPv4 (`2130706433`).
    Blocks."""
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(ip_address(row[4][0]) for row in rows))
    except ValueError:
        return NoAddress(reason=f"{host} is not a name that DNS can have")
    except OSError as error:
        if isinstance(error, socket.gaierror) and error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return NoAddress(reason=f"{host} does not exist")
        return NoAddress(reason=f"{host} can't be looked up for now: {error.strerror}", error=error)


@dataclass(slots=True, eq=False, kw_only=True)
class _LookUp:
    """A name that is being looked up, for any number of callers."""

    host: str
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Answer]
    """Set once: by the lookup, or when its time is up."""
    timeout: asyncio.TimerHandle | None = None
    """Set when a thread has started on it."""


class Resolver:
    """Looks up names, each only once at a time, and caches the answers.

    For one event loop. Threads are started as needed; `close` abandons them and does not wait.
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
        """`lookup` blocks and may take any time. Callers wait for at most `timeout_s` (glibc's default: two tries of 5
        s) from when a thread has started on it.

        `threads`: lookups at once, not counting those beyond the timeout. If this equals the number of concurrent
        fetches, no name waits for another.

        getaddrinfo gives no TTL, so answers are cached for `keep_s` and failures for `keep_failure_s`, for at most
        `names` names.
        """
        self._lookup, self._clock = lookup, clock
        self._timeout_s, self._keep_s, self._keep_failure_s = timeout_s, keep_s, keep_failure_s
        self._names, self._max_threads = names, threads
        self._known: dict[str, tuple[float, Answer]] = {}
        self._pending: dict[str, _LookUp] = {}
        self._queue: SimpleQueue[_LookUp | None] = SimpleQueue()
        self._threads = self._overdue = 0

    async def addresses(self, host: str, *, within_s: float) -> Answer:
        """The addresses of `host`, a name or an address, if they are known within `within_s` seconds."""
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
        # wait() rather than wait_for(): the lookup goes on, for other callers and for the cache.
        done, _ = await asyncio.wait({asked}, timeout=within_s)
        return asked.result() if done else _no_answer(host)

    def close(self) -> None:
        """Lets threads end when they are free; does not wait for lookups under way."""
        self._max_threads = 0  # so that no new ones are started
        for _ in range(self._threads):
            self._queue.put(None)

    def _ask(self, host: str) -> _LookUp:
        loop = asyncio.get_running_loop()
        asked = self._pending[host] = _LookUp(host=host, loop=loop, answer=loop.create_future())
        self._queue.put(asked)
        self._start_thread()
        return asked

    def _start_thread(self) -> None:
        """Starts one more if a name waits and the limit allows it."""
        room = min(self._max_threads + self._overdue, self._max_threads * _MOST)
        if self._threads < min(len(self._pending), room):
            self._threads += 1
            threading.Thread(target=self._look_up_asked, name=f"dns-{self._threads}", daemon=True).start()

    def _look_up_asked(self) -> None:
        while (asked := self._queue.get()) is not None:
            with suppress(RuntimeError):  # the loop was closed, as below
                asked.loop.call_soon_threadsafe(self._begun, asked)
            answer = self._lookup(asked.host)
            try:
                asked.loop.call_soon_threadsafe(self._learn, asked, answer)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits
                return

    def _begun(self, asked: _LookUp) -> None:
        asked.timeout = asked.loop.call_later(self._timeout_s, self._give_up, asked)

    def _give_up(self, asked: _LookUp) -> None:
        """From now on callers get "no answer", until the lookup ends."""
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
    return NoAddress(reason=f"{host} can't be looked up for now: no answer in time", error=TimeoutError())
