"""The bus between machines: a work-queue stream of NATS JetStream (https://docs.nats.io/nats-concepts/jetstream).

    stream     one subject per piece of work, one message per subject; a second one is refused (error 10077)
    max_age    shorter than a lease: the store hands older work out again, under another lease
    consumers  one for polls, one for ingests, asked for equal shares, so that neither waits behind the other

Nothing depends on what the broker remembers. It may be killed and lose everything: lost work comes up again when its
lease ends. Messages that come twice or late are recognised by their lease, which the store knows to be valid or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

import nats.errors
import nats.js.errors
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from worker.bus.connection import Connection, words_of
from worker.bus.message import KINDS, MAX_BYTES, decode, encode, subject
from worker.errors import BusError
from worker.log import Sparing
from worker.model import Broker, Claim

ACK_WAIT_S = 30.0
"""Work that was taken but neither begun nor given back within this time is handed out again, because its worker has
died."""
PULL_S = 2.0
"""How long the broker keeps a request for more work; a request that got lost is sent again after this time."""
AWAY_S = 0.2
"""Time between two attempts to reach a broker that is away."""
SEND_S = 3.0
AT_ONCE = 200
"""How many messages may be on their way to the broker at once."""
NOT_STORED, NAME_IN_USE = 10077, 10058
"""The broker's error codes for a message that it can't store, and for a stream of that name."""
ALREADY_THERE = "maximum messages per subject exceeded"
"""Why, if there is a message on that subject."""

log = structlog.stdlib.get_logger("feedmill.bus")


class JetStreamBus:
    """Use as an async context manager. Opens even if the broker is away, and waits for it for ever.

    keep_s: how long the broker keeps work that nobody takes.
    """

    def __init__(self, broker: Broker, *, keep_s: float, ack_wait_s: float = ACK_WAIT_S) -> None:
        self._name, self._keep_s, self._ack_wait_s = broker.stream, keep_s, ack_wait_s
        self._connection = Connection(broker)
        self._client = self._connection.client
        self._pulls = [_Pull(self._client, stream=self._name, kind=kind, came=self._came) for kind in KINDS]
        self._arrived = asyncio.Event()
        self._taken: deque[Claim] = deque()
        self._undone: dict[Claim, str] = {}
        """The reply subjects for acknowledging what was taken."""
        self._made_in = -1
        """The number of the connection on which the stream and its consumers were last known to exist."""
        self._making = asyncio.Lock()
        self._strange, self._dropped, self._refused = 0, Sparing(), Sparing()

    async def __aenter__(self) -> JetStreamBus:
        self._connection.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for reply in self._undone.values():
            await self._tell(reply, b"-NAK")  # to be handed out at once to somebody else
        await self._connection.close()

    async def publish(self, works: Sequence[Claim]) -> Sequence[Claim]:
        if not works:
            return ()
        try:
            await self._make()
        except BusError:
            return works
        refused: list[Claim] = []
        for start in range(0, len(works), AT_ONCE):
            some = works[start : start + AT_ONCE]
            sent = await asyncio.gather(*(self._send(claim) for claim in some))
            refused += [claim for claim, is_there in zip(some, sent, strict=True) if not is_there]
        return refused

    async def take(self, most: int) -> Sequence[Claim]:
        while not self._taken:
            self._arrived.clear()
            wait_s = PULL_S / 2
            try:
                await self._ask(most)
            except BusError:
                wait_s = AWAY_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
        return [self._taken.popleft() for _ in range(min(most, len(self._taken)))]

    async def done(self, works: Sequence[Claim]) -> None:
        for claim in works:
            reply = self._undone.pop(claim, None)
            if reply is not None:
                await self._tell(reply, b"+ACK")

    async def backlog(self) -> int:
        await self._make()
        try:
            info = await self._client.jetstream(timeout=SEND_S).stream_info(self._name)
        except (nats.errors.Error, TimeoutError) as error:
            self._made_in = -1
            raise BusError(f"the bus: {words_of(error)}") from error
        return int(info.state.messages)

    async def _ask(self, most: int) -> None:
        for pull in self._pulls:
            pull.look()
        await self._make()
        idle = [pull for pull in self._pulls if not pull.is_open]
        room = most - sum(pull.outstanding for pull in self._pulls)
        for pull in idle:
            await pull.ask(max(1, room // len(idle)))
        self._pulls.reverse()  # so that they take turns when there is room for only one

    def _came(self, message: Msg | None) -> None:
        """None: the broker has ended a request."""
        self._arrived.set()
        if message is None:
            return
        claim = decode(message.data, subject=message.subject)
        if claim is None:
            self._drop(message)
        else:
            self._undone[claim] = message.reply
            self._taken.append(claim)

    def _drop(self, message: Msg) -> None:
        """Drops a message that no feedmill has sent; logged once a minute, with their number."""
        self._connection.beside(self._tell(message.reply, b"+TERM"))
        self._strange += 1
        if self._dropped.is_news():
            log.warning("bus.dropped", subject=message.subject[:100], bytes=len(message.data), messages=self._strange)
            self._strange = 0

    async def _send(self, claim: Claim) -> bool:
        try:
            await self._client.jetstream(timeout=SEND_S).publish(
                subject(self._name, claim), encode(claim), stream=self._name
            )
        except nats.js.errors.APIError as error:
            if (error.err_code, error.description) != (NOT_STORED, ALREADY_THERE):
                self._made_in = -1
                if self._refused.is_news(words_of(error)):
                    log.warning("bus.refused", error=error.description)
            return False
        except (nats.errors.Error, TimeoutError):
            self._made_in = -1
            return False
        return True

    async def _tell(self, reply: str, word: bytes) -> None:
        """If it is lost, the message is delivered again, and its lease shows that it is old."""
        with contextlib.suppress(nats.errors.Error):
            if self._client.is_connected:
                await self._client.publish(reply, word)

    async def _make(self) -> None:
        """Makes sure that the stream and its consumers exist: once per connection, and whenever it looks as if they did
        not."""
        if not self._client.is_connected:
            raise BusError("the bus: the broker is not reached")
        if self._is_made():
            return
        async with self._making:
            if self._is_made():
                return
            number = self._connection.number
            try:
                await self._make_stream()
                for pull in self._pulls:
                    await pull.open(ack_wait_s=self._ack_wait_s)
            except (nats.errors.Error, TimeoutError) as error:
                self._connection.complain(words_of(error))
                raise BusError(f"the bus: {words_of(error)}") from error
            self._made_in = number
            self._connection.well()

    def _is_made(self) -> bool:
        return self._made_in == self._connection.number and not any(pull.is_broken for pull in self._pulls)

    async def _make_stream(self) -> None:
        stream = self._client.jetstream(timeout=SEND_S)
        config = StreamConfig(
            name=self._name,
            description="feedmill: work that is handed out; all of it may be lost",
            subjects=[f"{self._name}.{kind}.*" for kind in KINDS],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            discard_new_per_subject=True,
            max_msgs_per_subject=1,
            max_msg_size=MAX_BYTES,
            max_age=self._keep_s,
            duplicate_window=min(1.0, self._keep_s),
        )
        try:
            await stream.add_stream(config)
        except nats.js.errors.BadRequestError as error:
            if error.err_code != NAME_IN_USE:
                raise
            # It is there, made by another version or for another lease. How many copies of it there are, and where, is
            # the operator's business; to move it while a server is away may take it away, too.
            there = (await stream.stream_info(self._name)).config
            await stream.update_stream(config.evolve(num_replicas=there.num_replicas, placement=there.placement))


class _Pull:
    """Requests to one consumer: one at a time, each for a number of messages or until it expires."""

    def __init__(self, client: Client, *, stream: str, kind: str, came: Callable[[Msg | None], None]) -> None:
        self._client, self._stream, self._kind, self._told = client, stream, kind, came
        self._inbox = ""
        self._asked = 0
        self._until = 0.0
        self._left = 0
        self.is_broken = False
        """The consumer did not exist, or is gone."""

    @property
    def is_open(self) -> bool:
        return self._left > 0 and time.monotonic() < self._until

    @property
    def outstanding(self) -> int:
        return self._left if self.is_open else 0

    def look(self) -> None:
        """If the broker has not even ended an expired request, no consumer has heard it."""
        if self._left > 0 and not self.is_open:
            self._left, self.is_broken = 0, True

    async def open(self, *, ack_wait_s: float) -> None:
        if not self._inbox:
            self._inbox = self._client.new_inbox()
            await self._client.subscribe(f"{self._inbox}.*", cb=self._on_message)
        config = ConsumerConfig(
            durable_name=f"{self._kind}s",
            filter_subject=f"{self._stream}.{self._kind}.*",
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait_s,
            max_deliver=-1,  # only age removes it: a message that JetStream gave up on would block its subject
            max_ack_pending=-1,
        )
        await self._client.jetstream(timeout=SEND_S).add_consumer(self._stream, config)
        self.is_broken, self._left = False, 0

    async def ask(self, messages: int) -> None:
        self._asked += 1
        self._left, self._until = messages, time.monotonic() + PULL_S + 1
        question = orjson.dumps({"batch": messages, "expires": round(PULL_S * 1e9)})
        with contextlib.suppress(nats.errors.Error):
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._kind}s",
                question,
                reply=f"{self._inbox}.{self._asked}",
            )

    async def _on_message(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status")
        if status is None:
            self._left -= 1
            self._told(message)
        elif message.subject == f"{self._inbox}.{self._asked}" and status != "100":
            # 404 and 408: the request expired; 409: the consumer or its server is going away; 503: there is none.
            self._left, self.is_broken = 0, self.is_broken or status not in ("404", "408")
            self._told(None)
