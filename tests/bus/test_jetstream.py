"""The bus between machines, whose broker is killed, purged, and lied to."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests import broker
from tests.bus.claims import backlog, ingest, poll, publish, take
from tests.bus.conftest import KEEP_S
from worker import log
from worker.bus.jetstream import JetStreamBus
from worker.bus.message import decode, encode
from worker.errors import BusError
from worker.model import Claim


def opened(server: broker.Server, *, ack_wait_s: float = 30) -> JetStreamBus:
    return JetStreamBus(server.address, keep_s=KEEP_S, ack_wait_s=ack_wait_s)


def named(lines: Sequence[Mapping[str, object]], event: str) -> list[Mapping[str, object]]:
    return [line for line in lines if line["event"] == event]


async def until(bus: JetStreamBus, last: Claim) -> list[Claim]:
    """What is taken, up to that."""
    taken: list[Claim] = []
    while last not in taken:
        taken += await take(bus, 1)
    return taken


# --- one at a time --------------------------------------------------------------------------------------------------


async def test_a_piece_of_work_is_in_the_queue_once(nats_server: broker.Server) -> None:
    """Claimed anew while its message still waits, it is not taken in: the old message goes first. Taken, but not done
    with, it is still there; done with, it may come again."""
    async with opened(nats_server) as bus:
        await publish(bus, [poll(1)])
        assert await bus.publish([poll(1, token=2), ingest(2)]) == [poll(1, token=2)]
        taken = await take(bus, 2, done=False)
        assert await bus.publish([poll(1, token=2)]) == [poll(1, token=2)]
        await bus.done(taken)
        await publish(bus, [poll(1, token=2)])
        assert await take(bus, 1) == [poll(1, token=2)]


async def test_what_a_worker_took_and_died_with_is_handed_out_again(nats_server: broker.Server) -> None:
    """After `ack_wait`; what was done with is not."""
    dead = opened(nats_server, ack_wait_s=0.5)
    await dead.__aenter__()
    async with opened(nats_server, ack_wait_s=0.5) as bus:
        await publish(dead, [poll(1), ingest(2), poll(3)])
        taken = await take(dead, 3, done=False)
        await dead.done([claim for claim in taken if claim.lease.work_id == 3])
        await dead._client.flush()
        dead._connection.client._transport.close()  # as the kernel does for a process that is killed
        assert {claim.lease.work_id for claim in await take(bus, 2)} == {1, 2}
        await backlog(bus, 0)
    dead._undone.clear()
    await dead.__aexit__()


async def test_what_a_worker_took_goes_to_another_when_it_stops(nats_server: broker.Server) -> None:
    """At once: it says so to the broker."""
    async with opened(nats_server) as bus:
        async with opened(nats_server) as stopping:
            await publish(bus, [poll(1)])
            await take(stopping, 1, done=False)
        begun = time.monotonic()
        assert await take(bus, 1) == [poll(1)]
        assert time.monotonic() - begun < 20  # and not the half minute of `ack_wait`


async def test_neither_kind_starves(nats_server: broker.Server) -> None:
    """Behind a thousand ingests a poll that comes last is taken among the first, and the other way round."""
    async with opened(nats_server) as bus:
        await publish(bus, [*(ingest(number) for number in range(1000)), poll(1000)])
        assert poll(1000) in await take(bus, 20)
        await take(bus, 981)
        await publish(bus, [*(poll(number) for number in range(1000)), ingest(1000)])
        assert ingest(1000) in await take(bus, 20)


async def test_what_nobody_takes_goes_by_its_age(nats_server: broker.Server) -> None:
    """Its lease has ended then, and the store hands it out under another."""
    async with JetStreamBus(nats_server.address, keep_s=1) as bus:
        await publish(bus, [poll(1)])
        await backlog(bus, 0)
        await publish(bus, [poll(1, token=2)])
        assert await take(bus, 1) == [poll(1, token=2)]


async def test_a_stream_that_another_version_made_is_taken_over(nats_server: broker.Server) -> None:
    """Kept for another time than ours: it is changed in place, and what it holds stays."""
    async with JetStreamBus(nats_server.address, keep_s=30) as old:
        await publish(old, [poll(1)])
    async with opened(nats_server) as bus:
        assert await take(bus, 1) == [poll(1)]


# --- a broker that dies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgets", [False, True], ids=["with its data", "without its data"])
async def test_a_broker_that_is_killed_is_found_again(nats_server: broker.Server, forgets: bool) -> None:
    """In the midst: what is handed in meanwhile is refused, and nobody fails or hangs. A few lines in the log tell it,
    however long it takes."""
    with capture_logs() as lines:
        async with opened(nats_server) as bus:
            await publish(bus, [poll(1), ingest(2)])
            taking = asyncio.create_task(until(bus, poll(3)))
            await asyncio.sleep(0.3)
            nats_server.kill()
            while not named(lines, "bus.unreachable"):
                await asyncio.sleep(0.02)
            assert await bus.publish([poll(3)]) == [poll(3)]
            with pytest.raises(BusError):
                await bus.backlog()
            await asyncio.sleep(1.5)
            if forgets:
                nats_server.forget()
            nats_server.start()
            await publish(bus, [poll(3)])
            assert {poll(1), ingest(2), poll(3)} == set(await taking)
    assert len(named(lines, "bus.reached")) == 2
    assert len(named(lines, "bus.unreachable")) <= 4  # each error once


async def test_a_worker_starts_before_its_broker(nats_server: broker.Server) -> None:
    """It waits, with a line that names the broker, and goes on by itself."""
    nats_server.kill()
    with capture_logs() as lines:
        async with opened(nats_server) as bus:
            taking = asyncio.create_task(take(bus, 1))
            while not named(lines, "bus.unreachable"):
                await asyncio.sleep(0.02)
            assert await bus.publish([poll(1)]) == [poll(1)]
            nats_server.start()
            await publish(bus, [poll(1)])
            assert await taking == [poll(1)]
    assert str(nats_server.port) in str(named(lines, "bus.unreachable")[0]["bus"])


async def test_a_worker_ends_without_its_broker(nats_server: broker.Server) -> None:
    """In a few seconds, whatever it was about."""
    async with opened(nats_server) as bus:
        await publish(bus, [poll(1)])
        await take(bus, 1, done=False)
        nats_server.kill()
        begun = time.monotonic()
    assert time.monotonic() - begun < 10


async def test_a_broker_without_room_is_asked_again_and_told_of_once(full_server: broker.Server) -> None:
    """However much it refuses, and however often; it is well again when there is room."""
    claims = [poll(number) for number in range(100)]
    with capture_logs() as lines:
        async with opened(full_server) as bus:
            while not named(lines, "bus.refused"):
                assert await bus.publish(claims) == claims
                await asyncio.sleep(0.02)
            for _ in range(5):
                assert await bus.publish(claims) == claims
            async with full_server.stream() as stream:
                await stream.purge_stream("other")
            await publish(bus, claims)
            assert len(await take(bus, 100)) == 100
    assert {line["error"] for line in named(lines, "bus.refused")} == {"insufficient resources"}
    assert [line["event"] for line in lines] == ["bus.reached", "bus.refused"]


async def test_a_stream_that_is_in_the_way_is_named(nats_server: broker.Server) -> None:
    """With what the broker says of it."""
    with capture_logs() as lines:
        async with nats_server.stream() as stream:
            await stream.add_stream(name="other", subjects=["feedmill.>"])
        async with opened(nats_server) as bus:
            while not lines:
                assert await bus.publish([poll(1)]) == [poll(1)]
                await asyncio.sleep(0.02)
    assert [line["error"] for line in lines] == ["subjects overlap with an existing stream"]


async def test_limits_that_an_operator_sets_are_taken_back(nats_server: broker.Server) -> None:
    """That the stream is full is not the same as that the work is in it: it is logged, and it is mended."""
    claims = [poll(number) for number in range(10)]
    with capture_logs() as lines:
        async with opened(nats_server) as bus:
            await publish(bus, [poll(100)])
            async with nats_server.stream() as stream:
                config = (await stream.stream_info("feedmill")).config
                await stream.update_stream(config, max_msgs=2)
            refused = await bus.publish(claims)
            await publish(bus, refused)
            assert len(await take(bus, 11)) == 11
    assert [line["error"] for line in named(lines, "bus.refused")] == ["maximum messages exceeded"]


async def test_the_copies_of_a_stream_are_the_operators(tmp_path: Path) -> None:
    """In a cluster of brokers one may be away, if the stream is on three of them: it stays there when it is found
    again."""
    if broker.binary() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("nats-server is not installed")
    with broker.cluster(tmp_path) as servers:
        address = replace(servers[0].address, servers=tuple(one.address.servers[0] for one in servers))
        async with JetStreamBus(address, keep_s=KEEP_S) as bus:
            await publish(bus, [poll(1)])
            async with servers[0].stream() as stream:
                config = (await stream.stream_info("feedmill")).config
                await stream.update_stream(config, num_replicas=3)
        async with JetStreamBus(address, keep_s=KEEP_S) as bus:
            await publish(bus, [poll(2)])
            async with servers[0].stream() as stream:
                assert (await stream.stream_info("feedmill")).config.num_replicas == 3


async def test_what_its_user_may_not_do_is_told_once(tmp_path: Path) -> None:
    """However many messages it is that are refused, and however often."""
    if broker.binary() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("nats-server is not installed")
    may = 'permissions: { publish: ["$JS.API.>"], subscribe: ["_INBOX.>"] }'
    conf = f"authorization {{ users: [{{ user: mill, password: pass, {may} }}] }}"
    claims = [poll(number) for number in range(20)]
    with (
        capture_logs() as lines,
        broker.server(tmp_path / "nats", user="mill", password="pass", conf=conf) as server,
    ):
        async with opened(server) as bus:
            while not named(lines, "bus.denied"):
                assert await bus.publish(claims) == claims
                await asyncio.sleep(0.02)
            assert await bus.publish(claims) == claims
    assert "publish to" in str(named(lines, "bus.denied")[0]["error"])
    assert [line["event"] for line in lines] == ["bus.reached", "bus.denied"]


@pytest.mark.parametrize("loss", ["purge", "stream", "consumers"])
async def test_what_is_deleted_under_it_is_made_again(nats_server: broker.Server, loss: str) -> None:
    """By an operator who purges the stream, or deletes it, or its consumers: work that comes later is handed out."""
    async with opened(nats_server) as bus:
        await publish(bus, [poll(1), ingest(2)])
        await backlog(bus, 2)
        async with nats_server.stream() as stream:
            if loss == "purge":
                await stream.purge_stream("feedmill")
            elif loss == "stream":
                await stream.delete_stream("feedmill")
            else:
                await stream.delete_consumer("feedmill", "polls")
                await stream.delete_consumer("feedmill", "ingests")
        taking = asyncio.create_task(until(bus, poll(3)))
        await asyncio.sleep(0.1)
        await publish(bus, [ingest(4), poll(3)])
        taken = await taking
        assert ingest(4) in taken or await until(bus, ingest(4))


# --- strangers ------------------------------------------------------------------------------------------------------

HOSTILE = {
    "garbage": b"\x80\x04garbage",
    "no list": b'{"work_id":1}',
    "too few": b"[1,1,0,1]",
    "a text": b'[1,1,0,"1",2]',
    "a fraction": b"[1,1,0,1.5,2]",
    "true": b"[1,1,0,true,2]",
    "negative": b"[1,-1,0,1,2]",
    "huge": b"[1,1,0,9223372036854775808,2]",
    "a thousand digits": b"[1,1,0,1" + b"0" * 100 + b",2]",
    "nested": b"[" * 60 + b"]" * 60,
    "another's work": b"[2,1,0,1,2]",
    "nothing": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_message_that_is_no_claim_is_none(data: bytes) -> None:
    """Nothing in it gets further than that."""
    assert decode(encode(poll(1)), subject="feedmill.poll.1") == poll(1)
    assert decode(data, subject="feedmill.poll.1") is None


async def test_hostile_messages_are_dropped(nats_server: broker.Server) -> None:
    """For good, and with one line in the log, however many there are; those behind them are handed out."""
    with capture_logs() as lines:
        async with opened(nats_server) as bus:
            await publish(bus, [poll(1000)])
            async with nats_server.stream() as stream:
                for number in range(30):
                    await stream.publish(f"feedmill.poll.{number}", b"\x80\x04garbage")
                await stream.publish("feedmill.ingest.x", encode(ingest(1)))
            await publish(bus, [poll(1001)])
            assert await take(bus, 2) == [poll(1000), poll(1001)]
            await backlog(bus, 0)
    assert len(named(lines, "bus.dropped")) == 1


async def test_credentials_are_in_no_log(tmp_path: Path) -> None:
    """Right or wrong, with the broker there or gone."""
    if broker.binary() is None:
        pytest.skip("nats-server is not installed")
    said = io.StringIO()
    log.configure(form="json", stream=said)
    try:
        with broker.server(tmp_path / "nats", user="mill", password="s3cr3t-of-the-mill") as server:
            async with opened(server) as bus:
                await publish(bus, [poll(1)])
                server.kill()
                await asyncio.sleep(1)
            server.start()
            refused = broker.Server(tmp_path, user="mill", password="wr0ng-of-the-mill")
            refused.port = server.port
            async with opened(refused) as bus:
                assert await bus.publish([poll(1)]) == [poll(1)]
                await asyncio.sleep(1)
    finally:
        log.configure()
    assert "Authorization Violation" in said.getvalue()
    assert "127.0.0.1" in said.getvalue()
    assert "of-the-mill" not in said.getvalue() + repr(server.address) + str(server.address)
