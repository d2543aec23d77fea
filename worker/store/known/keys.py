"""Keys as the state keeps them: the first 10 of the 16 bytes that `dedup` makes.

The id of a record is the key under which its entry was seen first, and public: of that a row has all 16, too. Ten
million entries with two keys each make 2 × 10^14 pairs: that any two keys agree in 80 bits is one chance in six
thousand million. Who wants a URL that is taken for another's has 2^80 to try.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

SIZE = 10


def stored(key: bytes) -> bytes:
    """The key as it stands in `identity`, `tombstone`, `content` and `entry.shared_key`. What is shorter, as are marks
    of texts, is as it was."""
    return key[:SIZE]


def by_stored(found: dict[bytes, T], keys: Iterable[bytes]) -> dict[bytes, T]:
    """What was found under keys as they are stored, by those of `keys` that it was asked for."""
    return {key: found[short] for key in keys if (short := stored(key)) in found}
