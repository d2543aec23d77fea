"""Near-duplicates: a text as a sketch of some fifty bytes, two sketches as what their texts have in common. Pure.

A text is the set of its shingles (all runs of five words; Broder, "On the resemblance and containment of documents",
1997): a reprint keeps nearly all of them, a template with other names and figures in it nearly none. The sketch is a
one-permutation min-hash of 64 bins (Li, Owen and Zhang, "One Permutation Hashing", 2012) of which four bits each are
kept (Li and König, "b-Bit Minwise Hashing", 2010), with the number of shingles. From both follows how much of the
shorter text is in the longer one, which tells the copy that was cut or added to from the article that quotes.

A text is found again by its `probes`, the least of its shingles by their hash: a copy's least are the same, nearly.

All of it is pinned in the tests, as the other hashes are. Another way to sketch gets a new `VERSION`.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from operator import eq

from worker.dedup.text import MIN_WORDS
from worker.dedup.words import count_of, said
from worker.model import Sketch

VERSION = 1
SHINGLE = 5  # words
BINS = 64
PROBES = 16
"""Shingles under which a text is looked for, half of them from its first half: what is cut is cut behind."""
MIN_RESEMBLANCE, MIN_CONTAINMENT, SAME_FEED_RESEMBLANCE = 0.25, 0.7, 0.85
_VALUES = 15  # of a bin; 0 is an empty one
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
    shingles = map(b" ".join, zip(*(found[start:] for start in range(SHINGLE)), strict=False))
    # A shingle is known by the CRC of its bytes: fast, and random enough to choose by. Met twice, it counts once.
    place = dict(zip(map(zlib.crc32, shingles), count(), strict=False))
    places = len(found) - SHINGLE + 1
    limit = _FEW * 2**32 // places
    few = [value for value in place if value < limit] if places > _FEW else []
    for some in (few, place):  # all of them take long to sort, and are seldom needed
        least = sorted(some)
        bins = _bins(least)
        first_half = list(islice((value for value in least if place[value] * 2 < places), PROBES // 2))
        if 0 not in bins and len(first_half) == PROBES // 2:
            break
    chosen = list(dict.fromkeys((*first_half, *least[:PROBES])))[:PROBES]
    return Sketch(
        size=len(place),
        bins=bytes(high << 4 | low for high, low in zip(bins[::2], bins[1::2], strict=True)),
        probes=tuple(dict.fromkeys(_probe(found[place[value] : place[value] + SHINGLE]) for value in chosen)),
    )


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
    """80 bits and more of a text, for the record: `01`, six hex digits for the number of its shingles, and a digit for
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
    one event that have 60 % of their text in common, 10 % are taken for copies; with 50 %, 2 %; with 30 %, 0.1 %.
    """
    if same_feed:
        return both.resemblance >= SAME_FEED_RESEMBLANCE
    return both.resemblance >= MIN_RESEMBLANCE and both.containment >= MIN_CONTAINMENT


def _probe(shingle: Sequence[bytes]) -> int:
    """Not the CRC: the least of those are all near to nought."""
    return int.from_bytes(hashlib.blake2b(b" ".join(shingle), digest_size=4).digest(), "big") >> 1
