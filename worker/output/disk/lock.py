"""The lock of an output directory: only one process writes to it, and others can tell whether one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from worker import lock
from worker.errors import OutputError, OutputLocked
from worker.model import ObjectPath
from worker.output.disk import files, object_lock
from worker.output.disk.layout import STAGING

LOCK = ".lock"


@contextmanager
def locked(root: Path) -> Iterator[Callable[[], bool]]:
    """Holds the output directory, created if missing, for its one writer. Gives what makes sure that this still keeps
    others out: if the lock's file was removed or replaced, that takes it again and returns True. Both raise
    OutputLocked if another process holds it, OutputError."""
    files.make_directory(root)
    path = root / LOCK
    with ExitStack() as held:  # errors raised while it is held are not the lock's
        with _explained(root):
            if isinstance(path, ObjectPath):
                held.enter_context(object_lock.holding(path))
                keep = _renewed
            else:
                keep = partial(_keep, root, held.enter_context(lock.holding(path)))
        yield keep


def _keep(root: Path, hold: lock.Hold) -> bool:
    with _explained(root):
        if hold.look() == "kept":
            return False
        files.names(root / STAGING)  # raises if all of it is gone: then nothing is made in its place
        hold.take_again()
        return True


def _renewed() -> bool:
    """`object_lock` does that by itself."""
    return False


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        with files.explained("lock", root / LOCK):
            yield
    except lock.Held as found:
        raise OutputLocked(str(root), found.holder) from None


def is_held(root: Path) -> bool:
    """Whether a process writes there, as far as `lock.is_held` can tell. Raises OutputError."""
    path = root / LOCK
    if isinstance(path, ObjectPath):
        return object_lock.is_held(path)
    try:
        return lock.is_held(path)
    except OSError as error:
        raise OutputError(f"can't look who writes to {root}: {error.strerror}") from error
