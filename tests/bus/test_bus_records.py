"""Records on their way to a stream of a real broker."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests import broker
from worker.bus.records import RecordStream
from worker.errors import BusError
from worker.model import Message
from worker.settings.endpoints import broker as named


async def test_what_is_larger_than_the_broker_takes_is_left_out_and_counted(nats_server: broker.Server) -> None:
    """The others of its batch are there; the log names it."""
    place = named(nats_server.url, stream="records")
    assert place is not None
    large, small = (
        Message(subject="new", id=name, data=data) for name, data in (("a:1", bytes(2**20)), ("b:1", b"{}"))
    )
    async with RecordStream(place) as stream:
        with capture_logs() as logs:
            assert await sent(stream, large, small) == 1
        assert await sent(stream, small) == 0
    assert [line["message"] for line in logs if line["event"] == "record.too_large"] == ["a:1"]
    async with nats_server.stream() as asking:
        assert (await asking.stream_info("records")).state.messages == 1


async def test_what_is_larger_than_the_stream_takes_holds_nothing_up(nats_server: broker.Server) -> None:
    """A limit of the operator's, who has made the stream, or changed it since; it is left out, as above."""
    place = named(nats_server.url, stream="records")
    assert place is not None
    large, small = (Message(subject="new", id=name, data=data) for name, data in (("a:1", bytes(5000)), ("b:1", b"{}")))
    async with RecordStream(place) as stream:
        assert await sent(stream, small) == 0
        async with nats_server.stream() as other:
            await other.update_stream((await other.stream_info("records")).config, max_msg_size=4000)
        async with asyncio.timeout(30):
            assert await sent(stream, large, small) == 1


async def test_a_broker_without_room_is_told_of_once(full_server: broker.Server) -> None:
    """However often it is tried; and once more when it has taken what it refused."""
    place = named(full_server.url, stream="records")
    assert place is not None
    message = Message(subject="new", id="a:1", data=bytes(10_000))
    with capture_logs() as lines:
        async with RecordStream(place) as stream:
            while len(lines) < 1:
                await asyncio.sleep(0.02)
                with pytest.raises(BusError):
                    await stream.send([message])
            for _ in range(5):
                with pytest.raises(BusError, match="insufficient resources"):
                    await stream.send([message])
            async with full_server.stream() as other:
                await other.purge_stream("other")
            assert await stream.send([message]) == 0
    assert [line["event"] for line in lines] == ["bus.unreachable", "bus.reached"]


async def sent(stream: RecordStream, *messages: Message) -> int:
    """As soon as the connection stands."""
    while True:
        try:
            return await stream.send(messages)
        except BusError:
            await asyncio.sleep(0.02)
