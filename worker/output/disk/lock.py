"""The lock of an output directory: only one process writes to it, and others can tell whether one does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from worker import lock
from worker.errors import OutputError, OutputLocked
from worker.model import ObjectPath
from worker.output.disk import files, object_lock

LOCK = ".lock"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Holds the output directory, created if missing, for its one writer. Raises OutputLocked if another process holds
    it, OutputError."""
    files.make_directory(root)
    with ExitStack() as held:  # errors raised while it is held are not the lock's
        try:
            path = root / LOCK
            with files.explained("lock", path):
                held.enter_context(object_lock.holding(path) if isinstance(path, ObjectPath) else lock.holding(path))
        except lock.Held as found:
            raise OutputLocked(str(root), found.holder) from None
        yield


def is_held(root: Path) -> bool:
    """Whether a process writes there, as far as `lock.is_held` can tell. Raises OutputError."""
    path = root / LOCK
    if isinstance(path, ObjectPath):
        return object_lock.is_held(path)
    try:
        return lock.is_held(path)
    except OSError as error:
        raise OutputError(f"can't look who writes to {root}: {error.strerror}") from error
