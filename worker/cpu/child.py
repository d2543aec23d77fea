"""What a CPU process does, for the pool in `cpu` that started it. It is loaded without what only the parent needs."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import sys
from io import BytesIO
from multiprocessing.connection import Connection

READY, UNLIMITED = b".", b"-"
"""What a child says first: that it is there, with the limit of memory that was asked for or without it."""


def serve(connection: Connection, memory: int | None) -> None:
    """One call after the other, until its pipe closes."""
    # What the fork server has loaded is no garbage: to look for it there would copy all of its pages.
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.disable()  # what a parser has to say of a page would go to the terminal raw; errors go back by the pipe
    if sys.platform == "linux":
        _die_with_parent()
    connection.send_bytes(READY if memory is None or _limit_memory(memory) else UNLIMITED)
    while True:
        try:
            call = connection.recv_bytes()
        except EOFError:
            os._exit(0)  # nothing here needs a clean end
        try:
            function, args, kwargs = pickle.loads(call)  # noqa: S301  # written by our own parent
            answer = BytesIO()
            answer.write(b"+")
            pickle.dump(function(*args, **kwargs), answer, 5)
        except Exception as error:  # one task must not take the child down; the parent gets the whole of it
            answer = BytesIO(b"-" + f"{type(error).__name__}: {error}"[:500].encode(errors="replace"))
        connection.send_bytes(answer.getbuffer())


def _die_with_parent() -> None:
    """Ends the process when the one that uses the pool has gone, which an endless loop would not see.

    PR_SET_PDEATHSIG would watch the fork server, which lives as long as its children: they hold the pipe it watches.
    """
    import fcntl  # not on every system

    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  # this is a child
    # The pipe that closes with the parent sends SIGIO, which ends a process that has no handler for it.
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():
        os._exit(0)


def _limit_memory(memory: int) -> bool:
    """False where the system has no such limit, or does not set it: macOS has RLIMIT_AS, and refuses it."""
    try:
        import resource  # not on every system

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = memory if most == resource.RLIM_INFINITY else min(memory, most)  # nobody may raise what is set already
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, AttributeError, ValueError, OSError):
        return False
    return True
