"""Whether an (id, revision) occurs twice, in eight bytes a record, so that years of records can be checked."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise

_BUCKETS = 256


class Revisions:
    """A multiset of (id, revision) pairs by a hash of 64 bits.

    Different pairs may share a hash (with 10 million records, one chance in 370,000), so `suspects` must be checked
    again. Nothing may be added after the first question.
    """

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, id: str, revision: int) -> None:
        value = hash_of(id, revision)
        self._buckets[value % _BUCKETS].append(value)

    def suspects(self) -> set[int]:
        """The hashes that were added more than once."""
        return {one for bucket in self._sorted for one, other in pairwise(bucket) if one == other}

    def has(self, id: str, revision: int) -> bool:
        value = hash_of(id, revision)
        bucket = self._sorted[value % _BUCKETS]
        place = bisect_left(bucket, value)
        return place < len(bucket) and bucket[place] == value

    @cached_property
    def _sorted(self) -> list[array[int]]:
        return [array("Q", sorted(bucket)) for bucket in self._buckets]


def hash_of(id: str, revision: int) -> int:
    return int.from_bytes(blake2b(f"{id} {revision}".encode(), digest_size=8).digest())
