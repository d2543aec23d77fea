"""When to look at a folder again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from watchfiles import watch

from worker.model import ObjectPath

FOLLOW_INTERVAL_S = 1.0
BUCKET_INTERVAL_S = 10.0
"""Some five requests a shard each time, which are paid for."""


def looks(root: Path, folders: Sequence[Path]) -> Iterator[None]:
    """Says when something was changed in one of the folders, and each second whether or not it was.

    A bucket tells of nothing, and is looked at each ten seconds. Folders that are not there yet are not watched: `root`
    is then, which has them.

    The second is for what the kernel does not see (network file systems, changes made before the watch stood) or will
    not watch (inotify's limits, fs.inotify in sysctl(8)).
    """
    if isinstance(root, ObjectPath):
        while True:
            time.sleep(BUCKET_INTERVAL_S)
            yield
    milliseconds = max(1, round(FOLLOW_INTERVAL_S * 1000))
    try:
        for _ in watch(
            *{folder if folder.exists() else root for folder in folders},
            watch_filter=None,
            debounce=100,
            rust_timeout=milliseconds,
            yield_on_timeout=True,
            recursive=False,
        ):
            yield
    except (OSError, RuntimeError):  # watchfiles' own for what inotify refuses is a RuntimeError
        while True:
            time.sleep(FOLLOW_INTERVAL_S)
            yield


def until(holds: Callable[[], bool]) -> None:
    """Returns once it does."""
    while not holds():
        time.sleep(FOLLOW_INTERVAL_S)
