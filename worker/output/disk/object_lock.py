"""The lock of an output directory in a bucket: an object that names the holder, which renews it while it lives.

What prevents two from writing is that the manifest is only ever replaced if it is unchanged since it was read
(`objects.replace`). The lock spares them the attempt: a holder that has not renewed it for `LOST_S`, the store's clock
compared with ours, counts as dead.
"""

from __future__ import annotations

import functools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import orjson

from worker.errors import OutputError
from worker.lock import Held
from worker.model import ObjectPath
from worker.output.disk import objects

RENEW_S = 10.0
LOST_S = 60.0


@contextmanager
def holding(path: ObjectPath) -> Iterator[None]:
    """Holds the lock. Raises Held if another process does, OutputError."""
    tag = _taken(path)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(path, tag, ended), name="output lock", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()


def is_held(path: ObjectPath) -> bool:
    """Whether a live process holds it, as far as can be told. Raises OutputError."""
    found = objects.read(path)
    return found is not None and _is_alive(path, found[0])


def _taken(path: ObjectPath) -> str:
    content, tag = objects.read(path) or (b"", None)
    if _is_alive(path, content):
        raise Held(_name(content))
    try:
        return objects.replace(path, _mine(0), tag)
    except objects.Changed:
        raise Held("another process") from None


def _renew(path: ObjectPath, tag: str, ended: threading.Event) -> None:
    """Renews the lock until `ended` is set or another process has taken it."""
    count = 1
    while not ended.wait(RENEW_S):
        try:
            tag = objects.replace(path, _mine(count), tag)
        except objects.Changed:
            return
        except OutputError:
            continue  # the network: a later renewal may still be in time, and is the same, in case this one was done
        count += 1
    with suppress(OutputError):
        objects.replace(path, b"", tag)


def _mine(count: int) -> bytes:
    process = os.getpid()
    return orjson.dumps({"host": socket.gethostname(), "process": process, "token": _token(process), "renewed": count})


@functools.cache
def _token(process: int) -> str:
    """Distinguishes this process from another of the same number: an earlier one, or one in another container."""
    return os.urandom(8).hex()


def _is_alive(path: ObjectPath, content: bytes) -> bool:
    if not content:
        return False
    holder = orjson.loads(content)
    is_mine = holder["token"] == _token(os.getpid())
    if holder["host"] == socket.gethostname() and not is_mine and not _is_there(holder["process"]):
        return False
    renewed_at = objects.changed_at(path)
    return renewed_at is not None and datetime.now(UTC) - renewed_at < timedelta(seconds=LOST_S)


def _is_there(process: int) -> bool:
    """Whether another process of that number lives; this process's own number tells nothing, since in containers it is
    often the same from one to the next."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _name(content: bytes) -> str:
    holder = orjson.loads(content)
    return f"process {holder['process']} on {holder['host']}"
