"""`output.stream`: what is sealed goes to a stream of NATS, too."""

from __future__ import annotations

import asyncio
import time

import orjson
import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from tests import broker
from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, prose
from worker.pipeline import streaming
from worker.record import Record


def streamed(server: broker.Server) -> list[tuple[str, str, Record]]:
    """What is in the stream: subject, message id, record."""

    async def read() -> list[tuple[str, str, Record]]:
        async with server.stream() as stream:
            try:
                count = (await stream.stream_info("feedmill-records")).state.messages
            except NotFoundError:
                return []
            config = ConsumerConfig(ack_policy=AckPolicy.NONE)
            reading = await stream.subscribe("feedmill-records.*", ordered_consumer=True, config=config)
            found = [await reading.next_msg(timeout=20) for _ in range(count)]
            return [(one.subject, (one.headers or {})["Nats-Msg-Id"], orjson.loads(one.data)) for one in found]

    return asyncio.run(read())


def articles(site: Site, *names: str) -> str:
    """A feed of that many articles, with their text."""
    return feed(site, "birds", *(item(name, site.url("birds", f"/{name}"), name, prose(name)) for name in names))


def configured(worker: Worker, site: Site, server: broker.Server, *names: str, **output: object) -> None:
    listed = {"url": articles(site, *names), "full_text": "never"}
    worker.configure([listed], output={"stream": f"{server.url}", **output})


@pytest.mark.parametrize("shards", [1, 2])
def test_what_is_sealed_is_streamed_once(site: Site, worker: Worker, nats_server: broker.Server, shards: int) -> None:
    """Each record under its id and revision, with the same bytes; also when the place was lost that was kept of it, as
    a crash may lose it: the broker knows what it has."""
    configured(worker, site, nats_server, "wren", "rook", shards=shards)
    worker.once()
    records = worker.records()
    found = streamed(nats_server)
    assert sorted(found, key=lambda one: one[1]) == sorted(
        (("feedmill-records.new", f"{one['id']}:1", one) for one in records), key=lambda one: one[1]
    )
    assert len(found) == 2
    for place in (worker.out / "consumers").iterdir():
        place.unlink()
    configured(worker, site, nats_server, "wren", "rook", "crow", shards=shards)
    worker.once(every=True)
    assert {one[2]["title"] for one in streamed(nats_server)} == {"wren", "rook", "crow"}
    assert len(streamed(nats_server)) == 3
    gone = records[0]["id"]
    worker.run("forget", gone)
    worker.once()
    assert {one[1] for one in streamed(nats_server) if one[0].endswith(".delete")} == {f"{gone}:2"}


def test_an_absence_of_the_broker_delays_and_loses_nothing(
    site: Site, worker: Worker, nats_server: broker.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are sealed without it; when it is back, with nothing in its memory, it is told from where it was."""
    configured(worker, site, nats_server, "wren")
    worker.once()
    assert [one[2]["title"] for one in streamed(nats_server)] == ["wren"]
    assert told(worker) == {"waiting_since": None, "error": None}

    nats_server.kill()
    monkeypatch.setattr(streaming, "END_S", 0.5)
    configured(worker, site, nats_server, "wren", "rook")
    worker.once(every=True)
    assert [one["title"] for one in worker.records()] == ["wren", "rook"]
    since = worker.records()[1]["_ingest"]["ingested_at"]
    assert told(worker) == {"waiting_since": since, "error": None}
    assert f"it lacks what was made at {since}" in worker.run("status").stdout

    nats_server.forget()
    nats_server.start()
    monkeypatch.setattr(streaming, "END_S", 60)
    configured(worker, site, nats_server, "wren", "rook", "crow")
    worker.once(every=True)
    assert [one[2]["title"] for one in streamed(nats_server)] == ["rook", "crow"]
    assert "the stream of records has all that is sealed" in worker.run("status").stdout


def told(worker: Worker) -> object:
    """What status says of it."""
    return orjson.loads(worker.run("status", "--json").stdout)["stream"]


@pytest.mark.slow
def test_a_broker_that_dies_while_a_worker_runs_is_told_the_rest(
    site: Site, worker: Worker, nats_server: broker.Server
) -> None:
    """It is started empty, and gets what is sealed from then on, without the worker's being started anew."""
    listed = {"url": articles(site, "wren"), "full_text": "never", "every": "1s"}
    worker.configure([listed], output={"stream": nats_server.url, "seal_after": "100ms"})
    process = worker.launch("run")
    try:
        wait_for(nats_server, "wren")
        nats_server.kill()
        nats_server.forget()
        articles(site, "wren", "rook")
        nats_server.start()
        wait_for(nats_server, "rook")
        articles(site, "wren", "rook", "crow")
        wait_for(nats_server, "crow")
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def wait_for(server: broker.Server, title: str) -> None:
    until = time.monotonic() + 90
    while title not in {one[2]["title"] for one in streamed(server)}:
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.1)
