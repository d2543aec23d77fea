"""One process writes to an output directory, and others can tell whether one does."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.errors import OutputError, OutputLocked
from worker.output import files

LOCK = ".lock"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Holds the output directory, made where it is not there, for its one writer. Raises OutputLocked, OutputError.

    The kernel drops the lock with the process, however it ends; the file stays, and says who was last.
    """
    files.make_directory(root)
    lock = root / LOCK
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputError(f"can't lock {root}: {lock}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            raise OutputLocked(str(root), _holder(descriptor)) from None
        except OSError as error:
            raise OutputError(f"can't lock {root}: {lock}: {error.strerror}") from error
        yield
    finally:
        os.close(descriptor)


def is_held(root: Path) -> bool:
    """Whether a process writes there. Needs no permission to write; sees no further than the lock does, which over
    some network file systems is this machine."""
    try:
        descriptor = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"can't look who writes to {root}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _holder(descriptor: int) -> str:
    return os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
