"""Keys as the state stores them: the first 10 of the 16 bytes that `dedup` computes.

The id of a record is the key its entry was first seen under, and it is public: there the row keeps all 16 bytes. Ten
million entries with two keys each make 2 × 10^14 pairs, so the chance that any two agree in 80 bits is one in six
thousand million. Forging a URL that passes for a given other one takes 2^80 attempts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

SIZE = 10


def stored(key: bytes) -> bytes:
    """The key in the form it has in `identity`, `tombstone`, `content` and `entry.shared_key`. Shorter values, such as
    the marks of texts, are unchanged."""
    return key[:SIZE]


def by_stored(found: dict[bytes, T], keys: Iterable[bytes]) -> dict[bytes, T]:
    """Maps those of the full `keys` that were found to what was found under their stored form."""
    return {key: found[short] for key in keys if (short := stored(key)) in found}
