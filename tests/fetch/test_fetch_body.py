from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fetch.sites import BOMB
from worker.fetch.body import Inflater, whole_body
from worker.fetch.failures import FetchError

TEXT = random.Random(7).randbytes(50_000) + b"feed " * 40_000


async def chunks(data: bytes, size: int = 8192) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def failing(data: bytes, *, coding: str, max_bytes: int = 1_000_000, size: int = 8192) -> tuple[str, str]:
    with pytest.raises(FetchError) as raised:
        await whole_body(chunks(data, size), coding=coding, max_bytes=max_bytes)
    return raised.value.failure.kind, raised.value.failure.reason


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        pytest.param("", TEXT, id="none"),
        pytest.param("identity", TEXT, id="identity"),
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("GZip", gzip.compress(TEXT), id="in capitals"),
        pytest.param("x-gzip", gzip.compress(TEXT), id="by its old name"),
        pytest.param("identity, gzip", gzip.compress(TEXT), id="with identity, which is nothing"),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
        pytest.param("gzip", gzip.compress(TEXT[:70_000]) + gzip.compress(TEXT[70_000:]), id="two members"),
        pytest.param("gzip", gzip.compress(TEXT) + b"\0" * 9000, id="padded"),
        pytest.param("gzip", gzip.compress(TEXT) + b"<!-- a cache -->" * 900, id="followed by rubbish"),
    ],
)
@pytest.mark.parametrize("size", [1000, 8192, 10_000_000])
async def test_bodies_are_decoded_whatever_the_pieces_they_come_in(coding: str, sent: bytes, size: int) -> None:
    """The codings that are asked for, and those that servers send all the same, give the body."""
    assert await whole_body(chunks(sent, size), coding=coding, max_bytes=1_000_000) == TEXT


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
async def test_nothing_is_an_empty_body_in_any_coding(coding: str) -> None:
    """Servers send 200, Content-Encoding: gzip, and no byte: that is an empty body."""
    assert await whole_body(chunks(b""), coding=coding, max_bytes=10) == b""


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,br", "compress", "utf-8", "gzip\x1b[2J"])
async def test_codings_unknown_or_stacked_are_refused(coding: str) -> None:
    """What was not asked for is not taken, and each layer of a stack multiplies a bomb."""
    kind, reason = await failing(b"anything", coding=coding)
    assert kind == "encoding"
    assert reason.isprintable()


@pytest.mark.parametrize("sent", [b"<rss/>", b"\x1f\x8b\x09" + bytes(20), gzip.compress(TEXT)[:-8] + b"\0" * 8])
async def test_what_is_not_in_its_coding_is_refused(sent: bytes) -> None:
    """Plain text, an unknown method and a wrong checksum are not gzip."""
    assert (await failing(sent, coding="gzip"))[0] == "encoding"


@pytest.mark.parametrize("cut", [3, 20, 30_000, -1])
async def test_a_compressed_body_that_ends_early_is_a_failure(cut: int) -> None:
    """Half a body is never taken for the whole one."""
    assert (await failing(gzip.compress(TEXT)[:cut], coding="gzip"))[0] == "protocol"


async def test_a_bomb_costs_no_more_than_the_cap() -> None:
    """100 kB that inflate to 100 MB are refused within the cap, in memory as well."""
    assert len(BOMB) < 100_000
    tracemalloc.start()
    try:
        assert await failing(BOMB, coding="gzip", size=len(BOMB)) == (
            "too_large",
            "the body decodes to more than 1 MB",
        )
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("coding", "sent", "given"),
    [
        pytest.param("", TEXT, TEXT[:1000], id="plain"),
        pytest.param("gzip", gzip.compress(TEXT), TEXT[:1000], id="gzip"),
        pytest.param("gzip", BOMB, bytes(1000), id="a bomb"),
        pytest.param("gzip", gzip.compress(b"x") + bytes(2_000_000), b"x", id="more sent than decoded"),
        pytest.param("gzip", gzip.compress(b"whole"), b"whole", id="not cut at all"),
    ],
)
async def test_what_is_beyond_the_cap_can_be_cut_off(coding: str, sent: bytes, given: bytes) -> None:
    """And is not even taken from the network."""
    took = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal took
        async for chunk in chunks(sent, 500):
            took += len(chunk)
            yield chunk

    assert await whole_body(counted(), coding=coding, max_bytes=1000, truncate=True) == given
    assert took <= 100_000


async def test_what_is_cut_off_must_still_be_what_it_says() -> None:
    """A body that fits and ends early is not taken for a cut one."""
    with pytest.raises(FetchError):
        await whole_body(chunks(gzip.compress(TEXT)[:900]), coding="gzip", max_bytes=10_000_000, truncate=True)


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_body_of_the_cap_passes_and_a_byte_more_does_not(coding: str) -> None:
    """The cap is the largest body, not the smallest refused."""
    sent = gzip.compress(TEXT) if coding else TEXT
    assert await whole_body(chunks(sent), coding=coding, max_bytes=len(TEXT)) == TEXT
    assert (await failing(sent, coding=coding, max_bytes=len(TEXT) - 1))[0] == "too_large"


async def test_what_is_sent_is_capped_as_well() -> None:
    """Bytes that inflate to nothing (padding after the end) count as sent."""
    assert (await failing(gzip.compress(b"x") + bytes(2_000_000), coding="gzip"))[0] == "too_large"


async def test_a_flood_of_empty_members_is_refused() -> None:
    """Each member takes a decompressor of its own, and need not give a byte."""
    assert (await failing(gzip.compress(b"") * 2000, coding="gzip", size=10_000_000))[0] == "encoding"


async def test_a_flood_of_tiny_chunks_is_refused() -> None:
    """A chunk costs its parsing, whatever it carries."""
    assert (await failing(bytes(60_000), coding="", size=1))[0] == "too_large"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.lists(st.integers(1, 40), min_size=1))
def test_any_cut_of_any_members_gives_their_joint_content(members: list[bytes], cuts: list[int]) -> None:
    """Where the pieces of the network begin and end makes no difference."""
    sent, inflater, got = b"".join(map(gzip.compress, members)), Inflater(), b""
    for start, end in spans(len(sent), cuts):
        got += b"".join(inflater.pieces(sent[start:end]))
    assert got == b"".join(members)
    assert inflater.at_end


def spans(length: int, cuts: list[int]) -> Iterable[tuple[int, int]]:
    start = turn = 0
    while start < length:
        end = start + cuts[turn % len(cuts)]
        yield start, end
        start, turn = end, turn + 1
