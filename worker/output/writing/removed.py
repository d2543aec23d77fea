"""The keys of articles whose records are not here any more: removed/<which>.keys, 16 bytes a key, sorted.

    expired-YYYY-MM-DD.keys   of articles of a day that was past output.keep
    forgotten.keys            of articles that were taken down
    kept-out.keys             of articles that are kept out and had never come

A state that is lost is recovered from the directory. Without these keys it would not know of articles that are gone,
and write them again if their feeds still show them. An article has about three keys: 1 % of its record's size. The keys
of days that expired long ago are removed, too; those of takedowns never, and kept-out keys when they are let in again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path

from worker.model import KeptOut
from worker.output.disk import files
from worker.output.disk.layout import REMOVED, STAGING
from worker.output.shards import shards_in
from worker.output.writing.latest import legible
from worker.record import Record

KEY_BYTES = 16
KeysOf = Callable[[Record, bool], Collection[bytes]]
"""The keys of a record, `KEY_BYTES` each; the flag says whether those of its text are included."""
NAME = re.compile(r"(expired-[0-9]{4}-[0-9]{2}-[0-9]{2}|forgotten|kept-out)\.keys")
_FORGOTTEN, _KEPT_OUT = "forgotten.keys", "kept-out.keys"


class Removed:
    """Written by the output directory's one writer, before the records are removed. Each file is whole at any time."""

    def __init__(self, root: Path, keys_of: KeysOf) -> None:
        self._root, self._keys_of = root, keys_of

    def expire(self, paths: Iterable[Path], date: str) -> None:
        """Adds the keys of the records in a day's files, as far as these are not damaged. Raises OutputError."""
        keys = {key for path in paths for record in legible(path) for key in self._keys_of(record, False)}
        self._add(f"expired-{date}.keys", keys)

    def forget(self, id: str, records: Iterable[Record]) -> None:
        """Adds an article's id and the keys of its records, including those of their text: other articles with the same
        text are kept out, too. Raises OutputError."""
        self._add(_FORGOTTEN, {bytes.fromhex(id), *(key for one in records for key in self._keys_of(one, True))})

    def keep_out(self, key: bytes) -> None:
        """Adds the key of an article that never came. Raises OutputError."""
        self._add(_KEPT_OUT, {key})

    def let_in(self, key: bytes) -> None:
        """Removes the key of what is not kept out any more; never that of what was taken down. Raises OutputError."""
        known = set(_named(self._root, _KEPT_OUT))
        if key in known:
            self._place(_KEPT_OUT, known - {key})

    def let_go(self, before: str) -> None:
        """Removes the keys of days before this date. Raises OutputError."""
        for path in files.below(self._root / REMOVED):
            if path.name < f"expired-{before}" and path.name.startswith("expired-"):
                files.remove(path)

    def _add(self, name: str, keys: set[bytes]) -> None:
        known = set(_named(self._root, name))
        if keys <= known:
            return
        if files.make_directory(self._root / REMOVED):
            files.sync_directory(self._root)
        self._place(name, keys | known)

    def _place(self, name: str, keys: set[bytes]) -> None:
        files.place(self._root / STAGING / name, self._root / REMOVED / name, [b"".join(sorted(keys))])


def expired_keys(root: Path) -> Iterator[bytes]:
    """The keys of all expired days that are still remembered. Raises OutputError."""
    for path in files.below(root / REMOVED):
        if NAME.fullmatch(path.name) and path.name not in (_FORGOTTEN, _KEPT_OUT):
            yield from keys_in(path)


def forgotten_keys(root: Path) -> Iterator[bytes]:
    """The keys of what was taken down or is kept out. Raises OutputError."""
    return chain(_named(root, _FORGOTTEN), _named(root, _KEPT_OUT))


def kept_out(root: Path, key: bytes) -> KeptOut | None:
    """Why no article with this key comes any more, whichever shard has the key; None if it is not kept out. Raises
    OutputError."""
    shards = [root / name for name in shards_in(root)]
    if any(key in _named(shard, _FORGOTTEN) for shard in shards):
        return "taken down"
    return "kept out" if any(key in _named(shard, _KEPT_OUT) for shard in shards) else None


def _named(root: Path, name: str) -> Iterator[bytes]:
    path = root / REMOVED / name
    return keys_in(path) if files.exists(path) else iter(())


def keys_in(path: Path) -> Iterator[bytes]:
    """The keys in one of these files. Raises OutputError."""
    left = b""
    for block in files.blocks(path):
        left += block
        whole = len(left) // KEY_BYTES * KEY_BYTES
        yield from (left[start : start + KEY_BYTES] for start in range(0, whole, KEY_BYTES))
        left = left[whole:]
