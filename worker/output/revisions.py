"""Has an (id, revision) been seen before? In eight bytes a record, so that years of records can be asked about."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from itertools import pairwise

_BUCKETS = 256


class Revisions:
    """A multiset of (id, revision) pairs by a hash of 64 bits.

    Two that are not the same may share a hash (one chance in 370,000 with 10 million records); so what `suspects`
    gives is to be looked at again.
    """

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, id: str, revision: int) -> None:
        value = hash_of(id, revision)
        self._buckets[value % _BUCKETS].append(value)

    def suspects(self) -> set[int]:
        """The hashes that were added more than once."""
        return {one for bucket in self._buckets for one, other in pairwise(sorted(bucket)) if one == other}


def hash_of(id: str, revision: int) -> int:
    return int.from_bytes(blake2b(f"{id} {revision}".encode(), digest_size=8).digest())
