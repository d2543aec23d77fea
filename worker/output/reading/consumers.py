"""How far a named consumer has come: its cursor, in a file of that name.

The folder belongs to the consumers, not to the writer: it can be anywhere, if they may only read the output directory.
"""

from __future__ import annotations

import re
from pathlib import Path

from worker.output.disk import files

CONSUMERS = "consumers"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def committed(folder: Path, name: str) -> str | None:
    """The cursor that was committed last; None before the first. Raises ValueError if the name is not valid."""
    path = _path(folder, name)
    return files.text(path) if files.exists(path) else None


def commit(folder: Path, name: str, cursor: str) -> None:
    """Stores the cursor atomically and durably; an older one moves the consumer back. Raises ValueError,
    OutputError."""
    path = _path(folder, name)
    if files.make_directory(folder):
        files.sync_directory(folder.parent)
    files.place(folder / f".{name}", path, [cursor.encode()])


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a consumer: {name!r} (letters, digits and . _ -, 64 at most)")
    return folder / name
