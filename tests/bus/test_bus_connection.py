"""The connection that the bus and the record stream have."""

from __future__ import annotations

import asyncio

from nats.js.errors import ServiceUnavailableError

from worker.bus.connection import Connection, words_of
from worker.settings.endpoints import broker as named


async def test_a_cancel_that_is_lost_is_given_again() -> None:
    """As `wait_for` loses it where what it waits for comes at that moment: who tries for ever ends with the connection
    all the same."""
    place = named("nats://127.0.0.1:1")  # where nobody listens
    assert place is not None
    connection = Connection(place)
    cancelled = asyncio.Event()

    async def try_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
        await asyncio.Event().wait()

    connection.open()
    connection.beside(try_for_ever())
    await asyncio.sleep(0.1)
    async with asyncio.timeout(30):
        await connection.close()
    assert cancelled.is_set()


def test_a_broker_without_jetstream_is_told_of_in_words() -> None:
    """It has none for it."""
    assert words_of(ServiceUnavailableError()) == "nobody answers for JetStream: is it enabled (nats-server -js)?"
