"""When a reader looks for changes in a folder again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from watchfiles import watch

from worker.model import ObjectPath

FOLLOW_INTERVAL_S = 1.0
BUCKET_INTERVAL_S = 10.0
"""Each look costs some five requests a shard, which are billed."""


def looks(root: Path, folders: Sequence[Path]) -> Iterator[None]:
    """Yields when something has changed in one of the folders, and every second in any case.

    A bucket sends no notifications, and is looked at every ten seconds. Instead of folders that do not exist yet,
    `root`, which will contain them, is watched.

    The second is for what the kernel does not report (network file systems, changes made before the watch was set up)
    or refuses to watch (inotify's limits, fs.inotify in sysctl(8)).
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
    except (OSError, RuntimeError):  # watchfiles raises RuntimeError for what inotify refuses
        while True:
            time.sleep(FOLLOW_INTERVAL_S)
            yield


def until(holds: Callable[[], bool]) -> None:
    """Returns once `holds()` is true."""
    while not holds():
        time.sleep(FOLLOW_INTERVAL_S)
