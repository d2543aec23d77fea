"""The bytes of several files as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.manifest import FileLine


def merged(root: Path, sources: Sequence[FileLine]) -> Iterator[bytes]:
    """The files' bytes, one after another. Raises OutputError at the end of a file that is not what the manifest says
    of it."""
    for source in sources:
        found = Measured(files.blocks(root / source.path))
        yield from found
        if (found.bytes, found.sha256) != (source.bytes, source.sha256):
            raise OutputError(f"{root / source.path} is damaged, so its day is left as it is; see feedmill verify")


class Measured:
    """Passes parts on, and then knows their size and hash."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.bytes = 0
        self._parts = parts
        self._hash = sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self.bytes += len(part)
            self._hash.update(part)
            yield part
