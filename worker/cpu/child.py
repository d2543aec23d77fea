"""What runs in a CPU process started by `pool`. Imports nothing that only the parent needs."""

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
"""READY or UNLIMITED is the first message of a child: it runs, with the requested memory limit or without."""


def serve(connection: Connection, memory: int | None) -> None:
    """Runs one call after the other, until its pipe closes."""
    # What the fork server has loaded is never garbage, and collecting there would copy all of its pages.
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.disable()  # parsers' messages would go to the terminal unescaped; errors go back through the pipe
    if sys.platform == "linux":
        _die_with_parent()
    connection.send_bytes(READY if memory is None or _limit_memory(memory) else UNLIMITED)
    while True:
        try:
            call = connection.recv_bytes()
        except EOFError:
            os._exit(0)  # nothing needs cleaning up
        try:
            function, args, kwargs = pickle.loads(call)  # noqa: S301  # written by our own parent
            answer = BytesIO()
            answer.write(b"+")
            pickle.dump(function(*args, **kwargs), answer, 5)
        except Exception as error:  # one task must not end the child; the parent gets the error
            answer = BytesIO(b"-" + f"{type(error).__name__}: {error}"[:500].encode(errors="replace"))
        connection.send_bytes(answer.getbuffer())


def _die_with_parent() -> None:
    """Ends the process when the process that uses the pool is gone; one in an endless loop would not notice.

    PR_SET_PDEATHSIG would watch the fork server instead, which lives as long as its children, because they hold the
    pipe that it watches.
    """
    import fcntl  # not on every system

    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  # this is a child
    # When the parent is gone, its pipe closes and sends SIGIO, which ends a process without a handler.
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():
        os._exit(0)


def _limit_memory(memory: int) -> bool:
    """Returns False if the system has no such limit or does not enforce it: macOS has RLIMIT_AS, and refuses to set
    it."""
    try:
        import resource  # not on every system

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = memory if most == resource.RLIM_INFINITY else min(memory, most)  # a hard limit can't be raised
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, AttributeError, ValueError, OSError):
        return False
    return True
