"""Published records for other programs: a stream of NATS JetStream that anybody may read.

Each is sent with its id and revision as `Nats-Msg-Id`, so that what is sent twice within the stream's
`duplicate_window` is in it only once
(https://docs.nats.io/using-nats/developer/develop_jetstream/model_deep_dive#message-deduplication).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import nats.errors
import nats.js.errors
import structlog
from nats.js.api import Header, StorageType, StreamConfig

from worker.bus.connection import Connection, words_of
from worker.errors import BusError
from worker.model import Broker, Message

KEEP_S, WINDOW_S = 7 * 86_400.0, 600.0
"""`max_age` (KEEP_S) and `duplicate_window` of a stream made here. A stream that the operator has made is used as it
is."""
SEND_S = 5.0
_HEADERS = 1024
"""Bytes reserved for headers, more than ours take."""

log = structlog.stdlib.get_logger("feedmill.stream")


class RecordStream:
    """Use as an async context manager. Opens even if the broker is away."""

    def __init__(self, broker: Broker) -> None:
        self._name = broker.stream
        self._connection = Connection(broker)
        self._made_in = -1
        """The number of the connection on which the stream was last known to exist …"""
        self._most = 0
        """… and its limit for a message, in bytes; 0: it has none."""

    async def __aenter__(self) -> RecordStream:
        self._connection.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def send(self, messages: Sequence[Message]) -> int:
        """Returns when the broker has all of them, except for messages that are too large for it: these are left out
        and logged, and their number is returned. Raises BusError if it is not certain that the broker has them; then
        any of them may be in the stream, and all may be sent again."""
        client = self._connection.client
        if not client.is_connected:
            raise BusError("the record stream: the broker is not reached")
        try:
            if self._made_in != self._connection.number:
                await self._make()
            most = min(client.max_payload, self._most or client.max_payload)
            fitting = [one for one in messages if self._fits(one, most)]
            stream = client.jetstream(timeout=SEND_S)
            sent = await asyncio.gather(
                *(
                    stream.publish(
                        f"{self._name}.{one.subject}",
                        one.data,
                        stream=self._name,
                        headers={Header.MSG_ID.value: one.id},
                    )
                    for one in fitting
                ),
                return_exceptions=True,
            )
            for said in sent:
                if isinstance(said, BaseException):
                    raise said
        except (nats.errors.Error, TimeoutError) as error:
            self._made_in = -1
            self._connection.complain(words_of(error))
            raise BusError(f"the record stream: {words_of(error)}") from error
        self._connection.well()
        return len(messages) - len(fitting)

    def _fits(self, message: Message, most: int) -> bool:
        if len(message.data) + _HEADERS <= most:
            return True
        log.error("record.too_large", message=message.id, bytes=len(message.data), max_payload=most)
        return False

    async def _make(self) -> None:
        number, stream = self._connection.number, self._connection.client.jetstream(timeout=SEND_S)
        try:
            info = await stream.stream_info(self._name)
        except nats.js.errors.NotFoundError:
            info = await stream.add_stream(
                StreamConfig(
                    name=self._name,
                    description="feedmill: records, as they stand in its output directory",
                    subjects=[f"{self._name}.*"],
                    storage=StorageType.FILE,
                    max_age=KEEP_S,
                    duplicate_window=WINDOW_S,
                )
            )
        self._made_in, self._most = number, max(0, info.config.max_msg_size or 0)
