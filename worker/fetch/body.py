"""The body of an answer: decoded, and never larger than the caller allows.

405 bytes can become 256 MiB in one piece. So the bytes are inflated piece by piece, counting both input and output.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

from worker.fetch.failures import FetchError
from worker.words import size

_PIECE = 65_536  # bytes inflated at a time, so a bomb can exceed the limit by no more than this
_MAX_MEMBERS = 1_000
"""bgzip makes one gzip member of every 64 KiB. In a flood of empty ones, every 20 bytes cost a decompressor."""
_MAX_CHUNKS = 50_000
"""A chunk of the transfer coding costs h11 9 µs (measured), so 20 MB in chunks of one byte would take 3 minutes."""
_GZIP, _GZIP_OR_ZLIB = 31, 47  # window bits of zlib: gzip alone; either, told apart by its first bytes


async def whole_body(chunks: AsyncIterator[bytes], *, coding: str, max_bytes: int, truncate: bool = False) -> bytes:
    """The decoded body made of the raw `chunks`, at most `max_bytes` of both.

    `coding`: the Content-Encoding, all lines joined by commas. `truncate`: return the first `max_bytes` of a larger
    body, and read no more of `chunks`, instead of raising. Raises FetchError: too_large, encoding, or protocol if the
    compressed data ends early.
    """
    inflater = _inflater(coding)
    body: list[bytes] = []
    body_bytes, wire_bytes, count = 0, 0, 0
    async for chunk in chunks:
        wire_bytes, count = wire_bytes + len(chunk), count + 1
        if wire_bytes > max_bytes and not truncate:
            raise FetchError("too_large", f"the body is over {size(max_bytes)}")
        if count > _MAX_CHUNKS:
            raise FetchError("too_large", f"the body comes in more than {_MAX_CHUNKS} chunks")
        for piece in (chunk,) if inflater is None else inflater.pieces(chunk):
            body.append(piece)
            body_bytes += len(piece)
            if body_bytes > max_bytes:
                if truncate:
                    return b"".join(body)[:max_bytes]
                raise FetchError("too_large", f"the body decodes to more than {size(max_bytes)}")
        if wire_bytes > max_bytes:  # enough was read, whatever its decoded size
            return b"".join(body)
    if inflater is not None and wire_bytes and not inflater.at_end:
        raise FetchError("protocol", "the compressed body ends early")
    return b"".join(body)


def _inflater(coding: str) -> Inflater | None:
    """None if the body is not encoded. `deflate`, which is zlib's own format, is not asked for, but some send it."""
    codings = [name for name in (part.strip().lower() for part in coding.split(",")) if name not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in ("gzip", "x-gzip", "deflate"):
        raise FetchError("encoding", f"content coding {coding!r}, where gzip was asked for")
    return Inflater()


class Inflater:
    """Inflates gzip of one or more members (RFC 1952 section 2.2), or zlib (RFC 1950)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._members = 1
        self._padding = False

    @property
    def at_end(self) -> bool:
        """Whether the data so far is complete."""
        return self._member.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data`, the next compressed bytes, inflates to, in pieces of at most `_PIECE` bytes."""
        while data and not self._padding:
            if self._member.eof:
                if data[0] != 0x1F:  # not another member: the rest is ignored, as by gzip and browsers
                    self._padding = True
                    return
                self._next_member()
            yield from self._member_pieces(data)
            data = self._member.unused_data

    def _member_pieces(self, data: bytes) -> Iterator[bytes]:
        full = True
        while (data or full) and not self._member.eof:
            try:
                piece = self._member.decompress(data, _PIECE)
            except zlib.error as error:
                raise FetchError("encoding", "the body is not what its content coding says") from error
            data, full = self._member.unconsumed_tail, len(piece) == _PIECE
            yield piece

    def _next_member(self) -> None:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise FetchError("encoding", f"the body has more than {_MAX_MEMBERS} gzip members")
        self._member = zlib.decompressobj(_GZIP)
