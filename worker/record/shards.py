"""Shards of an output: which of them has an article, and the folders they are in."""

from __future__ import annotations


def shard_place(id: bytes) -> int:
    """A number from 0 to 65535, from the first two bytes of a record's id; the basis of `shard_of`."""
    return int.from_bytes(id[:2])


def shard_of(id: str, shards: int) -> int:
    """The shard, of so many, that has all revisions of the article with this id (32 hex digits)."""
    return shard_place(bytes.fromhex(id[:4])) % shards


def shard_name(shard: int, shards: int) -> str:
    """The folder of a shard in the output directory; empty if there is only one, which has no folder of its own."""
    return "" if shards == 1 else f"shard={shard:02}"


def shard_names(shards: int) -> list[str]:
    """The folders of all shards, in order."""
    return [shard_name(shard, shards) for shard in range(shards)]
