"""Calls functions in processes that can be killed.

A page can hang an extractor or use up all memory, and nothing inside the process can stop it. So each call runs in a
child with a deadline and a memory limit. A child that misses the deadline is killed and replaced within hundredths of a
second, because a fork server has the modules loaded. A call costs about 0.4 ms more than it would in this process.

concurrent.futures can't kill a running task and dies entirely if one crashes; loky loses innocent tasks; pebble's
cancel has a race (noxdafox/pebble#153). With a private pipe per child none of this happens: only the one task in it is
lost.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import signal
import sys
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
from worker.errors import TaskCrashed, TaskError, TaskTimeout, shortage


@dataclass(slots=True)
class Load:
    """What a pool has done since its start, and is doing now."""

    workers: int
    busy: int = 0
    """Children that are running a call."""
    waiting: int = 0
    """Calls that wait for a free child."""
    calls: int = 0
    timeouts: int = 0
    """Calls killed because they took too long."""
    crashes: int = 0
    """Calls whose child died or ran out of memory."""


P = ParamSpec("P")
R = TypeVar("R")

log = structlog.stdlib.get_logger("feedmill.cpu")

TASKS_PER_CHILD = 500  # then it is replaced: lxml and the date parsers keep a little of what they have read
START_S = 60
"""Time limit for starting a child; the first has to wait for the modules to be loaded."""


class Pool:
    """`workers` children that run one call each. Use as an async context manager, from one event loop.

    timeout_s: how long a call may run. memory: bytes of address space that a child may have (RLIMIT_AS; None: no
    limit). If the system has no such limit (macOS), that is logged, and only time is limited. preload: names of modules
    that children have loaded from the start.
    """

    def __init__(
        self, *, workers: int, timeout_s: float, memory: int | None = None, preload: Sequence[str] = ()
    ) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._preload = preload
        self.timeout_s = timeout_s
        # For starting and ending children, which blocks. Calls don't.
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
        while self._calls:  # these end because their pipes are closed; calls still waiting find no child
            await asyncio.wait(self._calls)
        self._threads.shutdown(wait=True)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs `function(*args, **kwargs)` in a child. The function must be importable; arguments and result are
        pickled.

        Raises TaskTimeout; TaskCrashed (the child died or ran out of memory); TaskError (the function raised; the text
        names its exception).
        """
        self.load.waiting += 1
        try:
            child = await self._free.get()
        finally:
            self.load.waiting -= 1
        try:
            # Only now, so that what waits (pages of megabytes) is in memory only once.
            task = pickle.dumps((function, args, kwargs), 5)
        except BaseException:
            self._free.put_nowait(child)
            raise
        self.load.busy += 1
        # A task of its own: the child is free when the call is done, even if the caller was cancelled before.
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
        # Retrieved here, because asyncio would log an error that no caller retrieves.
        error = None if call.cancelled() else call.exception()
        self.load.timeouts += isinstance(error, TaskTimeout)
        self.load.crashes += isinstance(error, TaskCrashed)


def start_fork_server(preload: Sequence[str]) -> None:
    """Starts the process that all children are forked from, with these modules, unless it runs already."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(preload))
    # Each child would run the file that this process was started by, for what it defines: of the command `feedmill`
    # that loads all commands, and a child takes 45 ms of CPU to start instead of 12.
    vars(sys.modules["__main__"]).pop("__file__", None)
    # The signal mask is inherited, so what Ctrl-C or a stopped service sends to the whole group reaches neither the
    # fork server nor its children. They end with this process, or by kill().
    resource_tracker.ensure_running()  # first, because starting it unblocks both signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Child:
    """One process and the pipe to it; started when it is first needed."""

    def __init__(
        self,
        pipe: Callable[[], tuple[Connection, Connection]],
        process: Callable[..., BaseProcess],
        memory: int | None,
        unlimited: Callable[[], None],
        threads: Executor,
    ) -> None:
        """unlimited: called if a process can't be given its memory limit. threads: for what blocks."""
        self._connect, self._process, self._memory, self._unlimited = pipe, process, memory, unlimited
        self._threads = threads
        self._running: BaseProcess | None = None
        self._pipe: Pipe | None = None
        self._calls = 0
        self._lock = threading.Lock()
        """Held while a process is started or taken away, because `close` is called from a different thread."""
        self._closed = False

    async def run(self, call: bytes, timeout_s: float) -> memoryview:
        """Runs a pickled call. Returns its pickled result."""
        try:
            # An idle child sends nothing, so this is the end of its pipe: it died between two calls, not because of
            # this one. (The fork server reports its death too, but later.)
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
            if (lack := shortage(error)) is not None:
                raise lack from error
            raise TaskCrashed(f"its process died ({await self._in_thread(self._exit)})") from error
        except asyncio.CancelledError:
            self.kill()  # else the next call would get this one's answer
            raise
        self._calls += 1
        if self._calls >= TASKS_PER_CHILD:
            await self._in_thread(self.kill)
        if answer.startswith(b"+"):
            return memoryview(answer)[1:]  # not a copy: a large feed has megabytes
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
        """Ends the process and starts no other."""
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
        # Outside of the call's deadline, which does not include the time to load modules.
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
        names = {number.value: number.name for number in signal.Signals}  # without real-time signals
        return names.get(-code, f"signal {-code}")
