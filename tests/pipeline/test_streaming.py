"""How it goes with records on their way to a stream; whole processes and a broker are in tests/whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.output.conftest import make_row
from tests.store.samples import START
from worker.errors import BusError
from worker.model import Message
from worker.output import OutputDirectory, Segment, segment_path
from worker.pipeline import Streaming, streaming


async def test_it_is_told_what_was_sent_left_out_and_waits(tmp_path: Path) -> None:
    """Without the broker since when what waits; with it how much it has, and how much of it was too large."""
    away = True

    async def send(messages: Sequence[Message]) -> int:
        if away:
            raise BusError("the broker is not reached")
        return 1

    rows = tuple(make_row(seq, "text") for seq in (1, 2, 3))
    path = segment_path(at=START, date="2026-11-23", writer="w1", first_seq=1)
    OutputDirectory.open(tmp_path, schema=b"{}").publish(Segment(path=path, writer="w1", first_seq=1, rows=rows))
    streaming_there = Streaming(send, output=tmp_path)
    streaming_there.follow(tmp_path, "")
    streamed = streaming_there.streamed
    assert not await streaming_there.catch_up()
    since = streaming.unsent_since(tmp_path, [""])
    assert (streamed.refused, streamed.records) == ("the broker is not reached", 0)
    assert streamed.waiting_since == since is not None
    away = False
    await asyncio.wait_for(streaming_there.end(), 10)
    assert (streamed.refused, streamed.records, streamed.too_large, streamed.waiting_since) == (None, 2, 1, None)
    assert streaming.unsent_since(tmp_path, [""]) is None
