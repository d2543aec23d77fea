"""Cursors: which record a reader has read last, by writer and number; in a directory of shards, one for each shard."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from worker.record import Record

_PLACE = re.compile(r"((?P<shard>shard=[0-9]{2,3})=)?(?P<writer>[a-z0-9-]+):(?P<seq>[0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A record that was read."""

    writer: str
    seq: int


class _Given(dict[str, Any]):
    """A record from a directory of shards that knows how far each shard had been read when it was returned."""

    __slots__ = ("places",)
    places: Mapping[str, Position]


def position_of(record: Record) -> Position:
    ingest = record["_ingest"]
    return Position(writer=ingest["writer"], seq=ingest["seq"])


def given(record: Record, places: Mapping[str, Position]) -> Record:
    """The record with these places, one for each shard read so far, for `cursor`."""
    known = _Given(record)
    known.places = places
    return cast(Record, known)


def cursor(record: Record) -> str:
    """The position of a reader that has read up to this record; opaque, for `since`. Needs the record as a reader
    returned it, not a copy."""
    places = record.places if isinstance(record, _Given) else {"": position_of(record)}
    text = ",".join(f"{shard and shard + '='}{place.writer}:{place.seq}" for shard, place in sorted(places.items()))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parsed(since: str) -> dict[str, Position]:
    """The places in a cursor, by shard. Raises ValueError if it is not a cursor."""
    try:
        text = base64.b64decode(since + "=" * (-len(since) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        text = ""
    found = [_PLACE.fullmatch(part) for part in text.split(",")]
    places = {match["shard"] or "": Position(writer=match["writer"], seq=int(match["seq"])) for match in found if match}
    if len(places) < len(found):
        raise ValueError(f"not a cursor: {since!r}")
    return places
