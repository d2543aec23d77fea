"""Calls in processes that can be killed.

A page can hang an extractor or eat all memory, and nothing inside the process stops it. So each call runs in a child
with a deadline and a memory limit; a child that misses the deadline is killed, and replaced in hundredths of a second,
since a fork server holds the modules loaded. A call costs about 0.4 ms more than in place.

concurrent.futures can't kill a running task and dies whole with one crash; loky loses innocent tasks; pebble's cancel
has a race (noxdafox/pebble#153). A private pipe a child has none of these: what dies is the one task in it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import ParamSpec, TypeVar

import structlog

from worker.cpu.child import UNLIMITED, serve
from worker.cpu.pipe import Pipe
from worker.errors import TaskCrashed, TaskError, TaskTimeout


@dataclass(slots=True)
class Load:
    """What a pool has done since its start, and does now."""

    workers: int
    busy: int = 0
    """Children that run a call."""
    waiting: int = 0
    """Calls for which no child is free."""
    calls: int = 0
    timeouts: int = 0
    """Calls that were killed for their time."""
    crashes: int = 0
    """Calls whose child died or had no memory."""


P = ParamSpec("P")
R = TypeVar("R")

log = structlog.stdlib.get_logger("feedmill.cpu")

TASKS_PER_CHILD = 500  # lxml and the date parsers keep a little of what they have read
START_S = 60
"""For a child to start; the first waits for the modules to be loaded."""


class Pool:
    """`workers` children that run one call each. Use as an async context manager, from one event loop.

    timeout_s: how long a call may run. memory: bytes of address space a child may have (RLIMIT_AS; None: no limit).
    Where the system sets none, as macOS does, that is logged, and calls are bounded in time alone. preload: names of
    modules that children have loaded from the start.
    """

    def __init__(
        self, *, workers: int, timeout_s: float, memory: int | None = None, preload: Sequence[str] = ()
    ) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._preload = preload
        self.timeout_s = timeout_s
        # What blocks: a child's start and end. Its calls do not.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="cpu")
        self._told = False
        self._children = [
            _Child(self._context.Pipe, self._context.Process, memory, self._tell_unlimited, self._threads)
            for _ in range(workers)
        ]
        self._calls: set[asyncio.Task[memoryview]] = set()
        self._free: asyncio.LifoQueue[_Child] = asyncio.LifoQueue()
        self.load = Load(workers=workers)
        for child in self._children:
            self._free.put_nowait(child)

    async def __aenter__(self) -> Pool:
        start_fork_server(self._preload)
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in self._children:
            child.close()
        while self._calls:  # they see their pipes closed, and end; those that waited behind them find no child
            await asyncio.wait(self._calls)
        self._threads.shutdown(wait=True)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """`function(*args, **kwargs)`, which must be importable, in a child; arguments and result are pickled.

        Raises TaskTimeout, TaskCrashed (the child died or had no memory), TaskError (the function raised; the text
        names its exception).
        """
        self.load.waiting += 1
        try:
            child = await self._free.get()
        finally:
            self.load.waiting -= 1
        try:
            task = pickle.dumps((function, args, kwargs), 5)  # not sooner: what waits, pages of megabytes, is held once
        except BaseException:
            self._free.put_nowait(child)
            raise
        self.load.busy += 1
        # The child is free when the call is done, which outlives a caller that is cancelled.
        call = asyncio.create_task(child.run(task, self.timeout_s))
        self._calls.add(call)
        call.add_done_callback(lambda done: self._give_back(child, done))
        answer: R = pickle.loads(await asyncio.shield(call))  # noqa: S301  # written by our own child
        return answer

    def _tell_unlimited(self) -> None:
        if not self._told:
            self._told = True
            log.warning("cpu.memory_unlimited", because="this system sets no limit of a process's memory (RLIMIT_AS)")

    def _give_back(self, child: _Child, call: asyncio.Task[memoryview]) -> None:
        self._calls.discard(call)
        self._free.put_nowait(child)
        self.load.busy -= 1
        self.load.calls += 1
        # Seen: asyncio would report the error of a call whose caller has gone.
        error = None if call.cancelled() else call.exception()
        self.load.timeouts += isinstance(error, TaskTimeout)
        self.load.crashes += isinstance(error, TaskCrashed)


def start_fork_server(preload: Sequence[str]) -> None:
    """Starts the process that all children are forked from, unless it runs: with these modules."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(preload))
    # A mask goes with the process: what Ctrl-C or a stopped service sends to the whole group reaches neither the fork
    # server nor its children. They end with this process, or by kill().
    resource_tracker.ensure_running()  # first: its start opens both signals again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Child:
    """One process and the pipe to it; started when it is needed."""

    def __init__(
        self,
        pipe: Callable[[], tuple[Connection, Connection]],
        process: Callable[..., BaseProcess],
        memory: int | None,
        unlimited: Callable[[], None],
        threads: Executor,
    ) -> None:
        """unlimited: called where a process can't be given its limit of memory. threads: for what blocks."""
        self._connect, self._process, self._memory, self._unlimited = pipe, process, memory, unlimited
        self._threads = threads
        self._running: BaseProcess | None = None
        self._pipe: Pipe | None = None
        self._calls = 0
        self._lock = threading.Lock()
        """Held to start a process and to take it away: `close` comes from another thread than those."""
        self._closed = False

    async def run(self, call: bytes, timeout_s: float) -> memoryview:
        """The pickled result of a pickled call."""
        try:
            # An idle child says nothing: this is the end of its pipe. It died between two calls, not by this one. (The
            # fork server tells of its death too, but later.)
            pipe = self._pipe
            if pipe is not None and not pipe.is_silent():
                await self._in_thread(self.kill)
                pipe = None
            if pipe is None:
                pipe = await self._in_thread(self._start)
            await pipe.send(call)
            if not await pipe.speaks(within_s=timeout_s):
                await self._in_thread(self.kill)
                raise TaskTimeout(f"took longer than {timeout_s:g} s")
            answer = await pipe.receive()
        except (EOFError, OSError) as error:
            raise TaskCrashed(f"its process died ({await self._in_thread(self._exit)})") from error
        except asyncio.CancelledError:
            self.kill()  # else the next call would be given this one's answer
            raise
        self._calls += 1
        if self._calls >= TASKS_PER_CHILD:
            await self._in_thread(self.kill)
        if answer.startswith(b"+"):
            return memoryview(answer)[1:]  # of a large feed, a copy would be of megabytes
        text = answer[1:].decode()
        raise TaskCrashed(text) if text.startswith("MemoryError") else TaskError(text)

    def kill(self) -> None:
        """Ends the process at once; a `run` under way raises TaskCrashed."""
        with self._lock:
            process, self._running = self._running, None
            self._pipe = None
        if process is not None:
            process.kill()
            process.join()

    def close(self) -> None:
        """Ends the process, and starts no other."""
        with self._lock:
            self._closed = True
        self.kill()

    async def _in_thread(self, function: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def _start(self) -> Pipe:
        with self._lock:
            if self._closed:
                raise TaskCrashed("its pool was closed")
            ours, theirs = self._connect()
            process = self._process(target=serve, args=(theirs, self._memory), daemon=True)
            process.start()
            theirs.close()
            self._running, self._calls = process, 0
        # The deadline is the call's own: what a child takes to start, while modules are being loaded, is not counted.
        if not ours.poll(START_S):
            self.kill()
            raise TaskCrashed(f"its process did not start in {START_S} s")
        if ours.recv_bytes() == UNLIMITED:
            self._unlimited()
        self._pipe = Pipe(ours)
        return self._pipe

    def _exit(self) -> str:
        process = self._running
        if process is None:
            return "killed"
        process.join(1)
        code = process.exitcode
        self.kill()
        if code is None or code >= 0:
            return f"exit {code}"
        names = {number.value: number.name for number in signal.Signals}  # not those for real time
        return names.get(-code, f"signal {-code}")
