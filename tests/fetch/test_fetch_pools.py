"""Connections that are kept: by site, for as long as they may be, and no more than wanted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from unittest.mock import ANY

import pytest

from tests.fetch.sites import NewClient, Request, Script, Serve, Site, answer, connections, for_ever, then_close
from worker.cli.running import FILES_A_FETCH
from worker.fetch import Client, pools
from worker.model import Fetched, FetchFailed


async def got(client: Client, site: Site, host: str) -> bytes:
    """What the site says under a name; `*.localhost` is this machine (RFC 6761 section 6.3)."""
    outcome = await client.get(site.url(host=host), max_bytes=1000, accept="*/*")
    assert isinstance(outcome, Fetched)
    return outcome.body


async def test_a_site_that_is_asked_again_is_asked_over_the_same_connection(client: Client, serve: Serve) -> None:
    """Whoever else was asked meanwhile."""
    site = await serve(answer(b"x"))
    for host in ("a.localhost", "b.localhost", "a.localhost", "b.localhost"):
        await got(client, site, host)
    assert (len(site.requests), site.connections) == (4, 2)


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
async def test_what_was_not_asked_for_is_no_answer_to_the_next_request(
    later: bool, client: Client, serve: Serve
) -> None:
    """A second answer that comes with the first is nobody's: the connection is closed."""

    async def twice(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"mine"))
        await writer.drain()
        await asyncio.sleep(0.05 if later else 0)
        writer.write(answer(b"a stranger's"))
        await asyncio.sleep(1)

    site = await serve(answer(b"mine") + answer(b"a stranger's") if not later else twice, answer(b"mine, too"))
    assert await got(client, site, "a.localhost") == b"mine"
    await asyncio.sleep(0.1)
    assert await got(client, site, "a.localhost") == b"mine, too"
    assert site.connections == 2


async def test_nor_is_what_came_with_the_end_of_an_answer_over_tls(
    client: Client, serve: Serve, tls: Callable[..., ssl.SSLContext]
) -> None:
    """It is in a record of its own, which was taken from the socket with that of the answer."""

    async def twice(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"mine"))
        writer.write(answer(b"a stranger's"))
        await asyncio.sleep(1)

    site = await serve(twice, tls=tls("a.localhost"))
    assert [await got(client, site, "a.localhost") for _ in range(3)] == [b"mine"] * 3
    assert site.connections == 3


async def test_tls_is_kept_though_it_says_more_than_answers(
    client: Client, serve: Serve, tls: Callable[..., ssl.SSLContext]
) -> None:
    """TLS 1.3 sends tickets for later sessions after the handshake."""
    site = await serve(answer(b"x"), tls=tls("a.localhost"))
    for _ in range(3):
        await got(client, site, "a.localhost")
    assert site.connections == 1


async def test_http_1_is_agreed_on_before_the_first_request(
    client: Client, serve: Serve, tls: Callable[..., ssl.SSLContext]
) -> None:
    """A server that may choose could begin to speak HTTP/2."""
    chosen: list[str | None] = []

    async def choosy(_: Request, writer: asyncio.StreamWriter) -> None:
        chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        writer.write(answer(b"x"))

    context = tls("a.localhost")
    context.set_alpn_protocols(["h2", "http/1.1"])
    await got(client, await serve(choosy, tls=context), "a.localhost")
    assert chosen == ["http/1.1"]


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("hang_up", [then_close(b""), reset], ids=["closed", "reset"])
async def test_a_server_that_hangs_up_as_its_connection_is_used_again_is_asked_over_a_new_one(
    hang_up: Script, client: Client, serve: Serve
) -> None:
    """It had kept it for as long as it does; that is no failure of a feed."""
    site = await serve(answer(b"x"), hang_up, answer(b"y"))
    assert await got(client, site, "a.localhost") == b"x"
    assert await got(client, site, "a.localhost") == b"y"
    assert (len(site.requests), site.connections) == (3, 2)


@pytest.mark.parametrize(
    ("said", "post"),
    [
        pytest.param(b"HTTP/1.1 200 O", False, id="it had begun to answer"),
        pytest.param(b"", True, id="what may not be done twice"),
    ],
)
async def test_nothing_is_asked_twice_that_may_have_been_heard(
    said: bytes, post: bool, client: Client, serve: Serve
) -> None:
    site = await serve(answer(b"x"), then_close(said), answer(b"y"))
    await got(client, site, "127.0.0.1")
    asked = client.post(site.url(), {}) if post else client.get(site.url(), max_bytes=9, accept="*/*")
    assert await asked == FetchFailed(kind="protocol", reason=ANY)
    assert len(site.requests) == 2


async def test_a_server_that_always_hangs_up_is_asked_twice_at_most(client: Client, serve: Serve) -> None:
    """The second time over a connection that it did not keep for too long."""
    site = await serve(answer(b"x"), then_close(b""))
    await got(client, site, "127.0.0.1")
    assert await client.get(site.url(), max_bytes=9, accept="*/*") == FetchFailed(kind="protocol", reason=ANY)
    assert len(site.requests) == 3


async def test_a_request_that_its_caller_gives_up_ends_at_once(new_client: NewClient, serve: Serve) -> None:
    """Its connection is closed, and its place on the network another's."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        try:
            await for_ever(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", every_s=0.01)(request, writer)
        finally:
            ended.set()

    site, client = await serve(slow, answer(b"x")), await new_client(max_connections=1, timeout_s=30.0)
    waiting = asyncio.create_task(got(client, site, "a.localhost"))
    await asked.wait()
    waiting.cancel()
    async with asyncio.timeout(5):
        assert await got(client, site, "a.localhost") == b"x"
        await ended.wait()


async def test_what_may_not_be_kept_any_more_is_closed_though_its_site_is_not_asked_again(
    new_client: NewClient, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that asks a hundred thousand sites holds a socket to those of the last seconds alone."""
    monkeypatch.setattr(pools, "_KEEP_ALIVE_S", 0.0)
    site, client = await serve(answer(b"x")), await new_client()
    for number in range(20):
        await got(client, site, f"s{number}.localhost")
    assert len(connections(client)) == 1


async def test_no_more_sites_are_kept_than_may_be(new_client: NewClient, serve: Serve) -> None:
    """The one that was asked the longest ago goes first."""
    site, client = await serve(answer(b"x")), await new_client(max_connections=2)
    for number in range(9):
        await got(client, site, f"s{number}.localhost")
    assert len(connections(client)) == 4
    for number in (8, 7, 6, 4):
        await got(client, site, f"s{number}.localhost")
    assert site.connections == 9 + 1


async def test_connections_take_no_more_files_than_the_system_is_asked_for(new_client: NewClient, serve: Serve) -> None:
    """A worker that has none left takes feeds for unreachable."""
    asked, all_asked, most = 0, asyncio.Event(), 0

    async def together(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, most
        asked += 1
        if asked % 4 == 0:
            most = max(most, 4 + len(connections(client)))
            all_asked.set()
        await all_asked.wait()
        writer.write(answer(b"x"))
        await asyncio.sleep(5)

    site, client = await serve(together), await new_client(max_connections=4)
    for turn in range(4):
        all_asked.clear()
        await asyncio.gather(*(got(client, site, f"s{turn}-{number}.localhost") for number in range(4)))
    assert 2 * 4 < most <= FILES_A_FETCH * 4


async def test_a_request_that_is_under_way_keeps_its_connection(
    new_client: NewClient, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes, and however many others are asked and closed meanwhile."""
    monkeypatch.setattr(pools, "_KEEP_ALIVE_S", 0.0)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        writer.write(answer(b"slow"))

    patient: Site = await serve(slow)
    other, client = await serve(answer(b"x")), await new_client(max_connections=2)
    waiting = asyncio.create_task(got(client, patient, "slow.localhost"))
    await asked.wait()
    for number in range(2):
        for _ in range(5):
            await got(client, other, f"s{number}.localhost")
    go_on.set()
    assert await waiting == b"slow"
