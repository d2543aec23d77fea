"""Near-duplicates: a text as a sketch of some fifty bytes, and how much two texts have in common according to their
sketches. Pure.

A text is the set of its shingles (all runs of five words; Broder, "On the resemblance and containment of documents",
1997): a reprint keeps nearly all of them, a template filled with other names and figures nearly none. The sketch is a
one-permutation min-hash of 64 bins (Li, Owen and Zhang, "One Permutation Hashing", 2012) of which four bits each are
kept (Li and König, "b-Bit Minwise Hashing", 2010), together with the number of shingles. Both together tell how much of
the shorter text is in the longer one, which distinguishes a copy that was cut or added to from an article that quotes.

A text is found again by its `probes`, its shingles with the smallest hashes: those of a copy are nearly the same.

A shingle's hash is a sum over its words of the word's CRC times a factor for the word's position (multiply-shift;
Dietzfelbinger, "Universal hashing and k-wise independence via integer arithmetic without primes", 1996). So the hashes
of a whole text are one long integer with 64 bits per word, multiplied by five factors, at two thirds of the cost.

All of this is pinned in the tests, like the other hashes. Any change to it needs a new `VERSION`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import eq

from worker.dedup.text import MIN_WORDS
from worker.dedup.words import count_of, said
from worker.model import Sketch

VERSION = 2
_FACTORS = (0x1B873593, 0x13F4A7C5, 0x0B5AD4ED, 0x1FD7A2B1, 0x165667B1)
"""Odd, and of 29 bits: the sum of five products with a 32-bit CRC fits into 64 bits."""
SHINGLE = len(_FACTORS)  # words
BINS = 64
PROBES = 16
"""How many shingles a text is looked up under. Half of them come from its first half, because texts are cut at the
end."""
MIN_RESEMBLANCE, MIN_CONTAINMENT, SAME_FEED_RESEMBLANCE = 0.25, 0.69, 0.85
_VALUES = 15  # of a bin; 0 is an empty one
_BITS = 30  # of a shingle's hash
_MIDDLE = (2**_BITS - 1).to_bytes(8, "little")
_FEW = 600  # so many values leave no bin empty in 199 of 200 texts


@dataclass(frozen=True, slots=True)
class Common:
    """What two texts have in common, estimated."""

    resemblance: float
    """Of all shingles of both texts, the share that is in both."""
    containment: float
    """Of the shingles of the shorter text, the share that is in the longer."""


def sketch(text: str) -> Sketch | None:
    """The sketch of a text; None if it is too short to be recognised by one."""
    if count_of(text) < MIN_WORDS:
        return None
    found = said(text).split(b" ")
    values = _hashes(found)
    place = dict(zip(values, range(len(values)), strict=True))  # a repeated shingle counts once
    limit = (_FEW << _BITS) // len(values)
    few = [value for value in place if value < limit] if len(values) > _FEW else []
    for some in (few, place):  # sorting all of them takes long, and is seldom needed
        least = sorted(some)
        bins = _bins(least)
        first_half = list(islice((value for value in least if place[value] * 2 < len(values)), PROBES // 2))
        if 0 not in bins and len(first_half) == PROBES // 2:
            break
    chosen = list(dict.fromkeys((*first_half, *least[:PROBES])))[:PROBES]
    return Sketch(
        size=len(place),
        bins=bytes(high << 4 | low for high, low in zip(bins[::2], bins[1::2], strict=True)),
        probes=tuple(dict.fromkeys(_probe(found[place[value] : place[value] + SHINGLE]) for value in chosen)),
    )


def _hashes(words: Sequence[bytes]) -> tuple[int, ...]:
    """30 bits of each shingle's sum: the middle ones, which all bits below them have influenced. Python compares
    integers this short at a third of the cost."""
    lanes = int.from_bytes(struct.pack(f"<{len(words)}Q", *map(zlib.crc32, words)), "little")
    sums = 0
    for factor in _FACTORS:
        sums += lanes * factor
        lanes >>= 64  # the next word's
    count = len(words) - SHINGLE + 1
    middle = (sums >> 16) & int.from_bytes(_MIDDLE * count, "little")
    return struct.unpack(f"<{count}Q", middle.to_bytes(8 * count, "little"))


def _bins(least: Iterable[int]) -> list[int]:
    """The bits kept of the smallest value in each bin."""
    bins, empty = [0] * BINS, BINS
    for value in least:
        at = value % BINS
        if not bins[at]:
            bins[at] = 1 + value // BINS % 256 % _VALUES
            empty -= 1
            if not empty:
                break
    return bins


def fingerprint(sketch: Sketch) -> str:
    """More than 80 bits of a text, for the record: `02`, six hex digits for the number of its shingles, and one digit
    for each bin. The more of these 64 agree in two texts, the more they have in common."""
    return f"{VERSION:02x}{min(sketch.size, 0xFFFFFF):06x}{sketch.bins.hex()}"


def common(a: Sketch, b: Sketch) -> Common:
    """The standard error of the resemblance is 0.06 at one half."""
    one, other = a.bins.hex(), b.bins.hex()
    equal = sum(map(eq, one, other))
    both_empty = sum(x == y == "0" for x, y in zip(one, other, strict=True)) if "0" in one else 0
    filled = BINS - both_empty
    share = (equal - both_empty) / filled if filled else 0.0
    resemblance = max(0.0, (share - 1 / _VALUES) / (1 - 1 / _VALUES))
    shared = resemblance * (a.size + b.size) / (1 + resemblance)
    return Common(resemblance, min(1.0, shared / max(1, min(a.size, b.size))))


def is_copy(both: Common, *, same_feed: bool) -> bool:
    """Whether one of the texts is a copy of the other: edited, cut to no less than half, or with other lines around it.

    Within one feed and site, a text is a copy only if hardly anything was changed, because a site fills in the same
    forms again, and has no reprints of itself. The thresholds were chosen on half of the corpus' sites (`python -m
    tests.benchmarks.stories`). Of articles on one event that have 60 % of their text in common, 10 % are taken for
    copies; with 50 %, 1 %; with 40 %, 0.5 %.
    """
    if same_feed:
        return both.resemblance >= SAME_FEED_RESEMBLANCE
    return both.resemblance >= MIN_RESEMBLANCE and both.containment >= MIN_CONTAINMENT


def _probe(shingle: Sequence[bytes]) -> int:
    """Not the shingle's hash, because the smallest of those are all close to 0."""
    return zlib.crc32(b" ".join(shingle)) >> 1
