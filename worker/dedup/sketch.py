"""Near-duplicates: a text as a sketch of some fifty bytes, two sketches as what their texts have in common. Pure.

A text is the set of its shingles (all runs of five words; Broder, "On the resemblance and containment of documents",
1997): a reprint keeps nearly all of them, a template with other names and figures in it nearly none. The sketch is a
one-permutation min-hash of 64 bins (Li, Owen and Zhang, "One Permutation Hashing", 2012) of which four bits each are
kept (Li and König, "b-Bit Minwise Hashing", 2010), with the number of shingles. From both follows how much of the
shorter text is in the longer one, which tells the copy that was cut or added to from the article that quotes.

A text is found again by its `probes`, the least of its shingles by their hash: a copy's least are the same, nearly.

A shingle's hash is a sum: of the CRC of each of its words, times a factor of the word's place (multiply-shift;
Dietzfelbinger, "Universal hashing and k-wise independence via integer arithmetic without primes", 1996). So those of a
text are one long number, with 64 bits for each word, times five factors: at two thirds of the cost.

All of it is pinned in the tests, as the other hashes are. Another way to sketch gets a new `VERSION`.
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
"""Of 29 bits, and odd: five products with 32 bits of a CRC fit 64."""
SHINGLE = len(_FACTORS)  # words
BINS = 64
PROBES = 16
"""Shingles under which a text is looked for, half of them from its first half: what is cut is cut behind."""
MIN_RESEMBLANCE, MIN_CONTAINMENT, SAME_FEED_RESEMBLANCE = 0.25, 0.69, 0.85
_VALUES = 15  # of a bin; 0 is an empty one
_BITS = 30  # of a shingle's hash
_MIDDLE = (2**_BITS - 1).to_bytes(8, "little")
_FEW = 600  # values; in 199 of 200 texts, so many leave no bin empty


@dataclass(frozen=True, slots=True)
class Common:
    """What two texts have in common, estimated."""

    resemblance: float
    """Of all the shingles of both, the share that is in both."""
    containment: float
    """Of the shingles of the shorter, the share that is in the longer."""


def sketch(text: str) -> Sketch | None:
    """The sketch of a text; None where it is too short to be known by it."""
    if count_of(text) < MIN_WORDS:
        return None
    found = said(text).split(b" ")
    values = _hashes(found)
    place = dict(zip(values, range(len(values)), strict=True))  # a shingle that is met twice counts once
    limit = (_FEW << _BITS) // len(values)
    few = [value for value in place if value < limit] if len(values) > _FEW else []
    for some in (few, place):  # all of them take long to sort, and are seldom needed
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
    """30 bits of each shingle: the middle ones of its sum, on which all of its bits below have told. Python compares
    numbers as short as these at a third of the cost."""
    lanes = int.from_bytes(struct.pack(f"<{len(words)}Q", *map(zlib.crc32, words)), "little")
    sums = 0
    for factor in _FACTORS:
        sums += lanes * factor
        lanes >>= 64  # the next word's
    count = len(words) - SHINGLE + 1
    middle = (sums >> 16) & int.from_bytes(_MIDDLE * count, "little")
    return struct.unpack(f"<{count}Q", middle.to_bytes(8 * count, "little"))


def _bins(least: Iterable[int]) -> list[int]:
    """What of the least value in each bin is kept."""
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
    """80 bits and more of a text, for the record: `02`, six hex digits for the number of its shingles, and a digit for
    each bin. The more of these 64 agree in two texts, the more they have in common."""
    return f"{VERSION:02x}{min(sketch.size, 0xFFFFFF):06x}{sketch.bins.hex()}"


def common(a: Sketch, b: Sketch) -> Common:
    """The standard error of the resemblance is 0.06 where it is a half."""
    one, other = a.bins.hex(), b.bins.hex()
    equal = sum(map(eq, one, other))
    both_empty = sum(x == y == "0" for x, y in zip(one, other, strict=True)) if "0" in one else 0
    filled = BINS - both_empty
    share = (equal - both_empty) / filled if filled else 0.0
    resemblance = max(0.0, (share - 1 / _VALUES) / (1 - 1 / _VALUES))
    shared = resemblance * (a.size + b.size) / (1 + resemblance)
    return Common(resemblance, min(1.0, shared / max(1, min(a.size, b.size))))


def is_copy(both: Common, *, same_feed: bool) -> bool:
    """One of the texts is a copy of the other: edited, cut to a half or more, or with other lines around it.

    What one feed shows twice of one site is a copy only where hardly anything is changed: it has forms that it fills
    in anew, and no reprints. Chosen on half of the corpus' sites (`python -m tests.benchmarks.stories`); of articles on
    one event that have 60 % of their text in common, 10 % are taken for copies; with 50 %, 1 %; with 40 %, 0.5 %.
    """
    if same_feed:
        return both.resemblance >= SAME_FEED_RESEMBLANCE
    return both.resemblance >= MIN_RESEMBLANCE and both.containment >= MIN_CONTAINMENT


def _probe(shingle: Sequence[bytes]) -> int:
    """Not its hash: the least of those are all near to nought."""
    return zlib.crc32(b" ".join(shingle)) >> 1
