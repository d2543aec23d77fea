"""What root makes in somebody's folder is theirs, as SQLite does it with its log.

An administrator runs `poll`, `recover` or `forget` while the service is stopped, which has an account of its own and
must be able to write the files later.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def hand_over(path: Path) -> None:
    """Gives a file or folder to the owner of the folder that it is in, if root has made it."""
    if os.geteuid() != 0:
        return
    with suppress(OSError):  # a network file system may not let root do this
        folder = path.parent.stat()
        if folder.st_uid != 0 and path.lstat().st_uid == 0:
            # Never through a link: that owner could have made one to a file of root's.
            os.chown(path, folder.st_uid, folder.st_gid, follow_symlinks=False)


def make_folder(path: Path) -> None:
    """Creates a folder and those above it. Raises OSError, also if it exists."""
    if not path.parent.exists():
        with suppress(FileExistsError):  # somebody else has made it just now
            make_folder(path.parent)
    path.mkdir()
    hand_over(path)
