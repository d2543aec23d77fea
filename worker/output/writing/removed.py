"""What articles were known by whose records are not here any more: removed/<which>.keys, 16 bytes a key, sorted.

    expired-YYYY-MM-DD.keys   of a day that was past output.keep
    forgotten.keys            of what was taken down
    kept-out.keys             of what is kept out, and had never come

A state that is lost is read back from the directory. Without these it would not know of articles that are gone from
there, and write them anew where their feeds still show them. Some three keys an article: 1 % of its record. Those of
days that expired long ago go, too; those of takedowns never, and what was kept out when it is let in again.
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
"""The keys of a record, `KEY_BYTES` each; with those of its text, or without."""
NAME = re.compile(r"(expired-[0-9]{4}-[0-9]{2}-[0-9]{2}|forgotten|kept-out)\.keys")
_FORGOTTEN, _KEPT_OUT = "forgotten.keys", "kept-out.keys"


class Removed:
    """Written by the output directory's one writer, before the records go. Each file is whole at any time."""

    def __init__(self, root: Path, keys_of: KeysOf) -> None:
        self._root, self._keys_of = root, keys_of

    def expire(self, paths: Iterable[Path], date: str) -> None:
        """Note the records of a day's files, as far as they can be read. Raises OutputError."""
        keys = {key for path in paths for record in legible(path) for key in self._keys_of(record, False)}
        self._add(f"expired-{date}.keys", keys)

    def forget(self, id: str, records: Iterable[Record]) -> None:
        """Note an article, and its records with their words: whoever says the same is kept out. Raises OutputError."""
        self._add(_FORGOTTEN, {bytes.fromhex(id), *(key for one in records for key in self._keys_of(one, True))})

    def keep_out(self, key: bytes) -> None:
        """Note what had never come. Raises OutputError."""
        self._add(_KEPT_OUT, {key})

    def let_in(self, key: bytes) -> None:
        """Let go of the key of what is kept out no more; of what was taken down, never. Raises OutputError."""
        known = set(_named(self._root, _KEPT_OUT))
        if key in known:
            self._place(_KEPT_OUT, known - {key})

    def let_go(self, before: str) -> None:
        """Remove what is of days before this date. Raises OutputError."""
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
    """Of all days that are remembered. Raises OutputError."""
    for path in files.below(root / REMOVED):
        if NAME.fullmatch(path.name) and path.name not in (_FORGOTTEN, _KEPT_OUT):
            yield from keys_in(path)


def forgotten_keys(root: Path) -> Iterator[bytes]:
    """Of what was taken down, or is kept out. Raises OutputError."""
    return chain(_named(root, _FORGOTTEN), _named(root, _KEPT_OUT))


def kept_out(root: Path, key: bytes) -> KeptOut | None:
    """By what nothing comes any more that is known by this key, as whichever of the shards has it. Raises
    OutputError."""
    shards = [root / name for name in shards_in(root)]
    if any(key in _named(shard, _FORGOTTEN) for shard in shards):
        return "taken down"
    return "kept out" if any(key in _named(shard, _KEPT_OUT) for shard in shards) else None


def _named(root: Path, name: str) -> Iterator[bytes]:
    path = root / REMOVED / name
    return keys_in(path) if files.exists(path) else iter(())


def keys_in(path: Path) -> Iterator[bytes]:
    """What one of these files holds. Raises OutputError."""
    left = b""
    for block in files.blocks(path):
        left += block
        whole = len(left) // KEY_BYTES * KEY_BYTES
        yield from (left[start : start + KEY_BYTES] for start in range(0, whole, KEY_BYTES))
        left = left[whole:]
