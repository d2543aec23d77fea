"""Servers that mean harm, or are broken: every get ends as an outcome, in time, within bounds, and leaks nothing."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import threading
import time
import tracemalloc
from ipaddress import ip_network
from typing import Any
from unittest.mock import ANY

import pytest

from tests.fetch.sites import (
    BOMB,
    Answers,
    Get,
    NewClient,
    Request,
    Serve,
    answer,
    connections,
    for_ever,
    redirect,
    then_close,
    waiting,
)
from worker.fetch import Client
from worker.model import FailureKind, Fetched, FetchFailed, NotModified, Redirected, Throttled

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


async def reset_mid_body(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 1000\r\n\r\nhalf")
    await writer.drain()
    await asyncio.sleep(0.01)
    writer.transport.abort()


async def reset_at_once(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


ATTACKS: dict[str, tuple[Answers, FailureKind]] = {
    "bomb": (answer(BOMB, "Content-Encoding: gzip"), "too_large"),
    "padding after the gzip": (
        answer(gzip.compress(b"x") + bytes(1_500_000), "Content-Encoding: gzip"),
        "too_large",
    ),
    "endless body": (for_ever(OK + b"\r\n", b"x" * 65_536), "too_large"),
    "endless chunks": (for_ever(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), "too_large"),
    "chunks of a byte": (for_ever(CHUNKED, b"1\r\nx\r\n" * 5000), "too_large"),
    "a small body in too many chunks": (CHUNKED + b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n", "too_large"),
    "chunks that are all extension": (for_ever(CHUNKED, b"1;" + b"e" * 60_000 + b"\r\nx\r\n"), "too_large"),
    "an endless chunk header": (for_ever(CHUNKED + b"1;", b"e" * 60_000), "too_large"),
    "endless trailers": (for_ever(CHUNKED + b"0\r\n", b"a: " + b"t" * 1000 + b"\r\n"), "too_large"),
    "a length beyond the cap": (for_ever(OK + b"Content-Length: 99999999999\r\n\r\n", b"x" * 65_536), "too_large"),
    "endless headers": (for_ever(OK, b"a: " + b"h" * 1000 + b"\r\n"), "too_large"),
    "a huge header": (for_ever(OK + b"a: ", b"h" * 65_536), "too_large"),
    "an endless status line": (for_ever(b"HTTP/1.1 200 ", b"O" * 65_536), "too_large"),
    "endless interim answers": (for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000), "too_large"),
    "brotli, unasked": (answer(b"\x0b\x02\x80abc\x03", "Content-Encoding: br"), "encoding"),
    "zstd, unasked": (answer(b"\x28\xb5\x2f\xfd\x04\x00", "Content-Encoding: zstd"), "encoding"),
    "an escape sequence for an encoding": (answer(b"x", "Content-Encoding: gzip\x1b[2J\x07"), "encoding"),
    "an encoding without end": (answer(b"x", "Content-Encoding: " + "x" * 10_000), "encoding"),
    "a flood of empty gzip members": (answer(gzip.compress(b"") * 5000, "Content-Encoding: gzip"), "encoding"),
    "stacked encodings": (answer(gzip.compress(gzip.compress(b"x")), "Content-Encoding: gzip, gzip"), "encoding"),
    "stacked in two lines": (answer(b"x", "Content-Encoding: gzip", "Content-Encoding: gzip"), "encoding"),
    "not the gzip it says": (answer(b"<rss/>", "Content-Encoding: gzip"), "encoding"),
    "gzip cut short": (answer(gzip.compress(b"x" * 999)[:-9], "Content-Encoding: gzip"), "protocol"),
    "a length beyond the body": (then_close(OK + b"Content-Length: 1000\r\n\r\nhalf"), "protocol"),
    "chunks without an end": (then_close(CHUNKED + b"5\r\nabcde\r\n"), "protocol"),
    "reset mid-body": (reset_mid_body, "protocol"),
    "reset at once": (reset_at_once, "protocol"),
    "hang-up at once": (then_close(b""), "protocol"),
    "hang-up in the head": (then_close(OK + b"a: b\r\n"), "protocol"),
    "garbage": (then_close(random.Random(1).randbytes(5000)), "protocol"),
    "another protocol": (then_close(b"220 mail.example ESMTP\r\n"), "protocol"),
    "two lengths": (answer(b"x", "Content-Length: 2"), "protocol"),
    "a length of letters": (then_close(OK + b"Content-Length: many\r\n\r\n"), "protocol"),
    "a length of ten thousand digits": (then_close(OK + b"Content-Length: " + b"9" * 10_000 + b"\r\n\r\n"), "protocol"),
    "a chunk of minus one": (then_close(CHUNKED + b"-1\r\n"), "protocol"),
    "a switch of protocols": (
        then_close(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        "protocol",
    ),
    "controls in the reason": (then_close(b"HTTP/1.1 \x1b[2J\r\n\r\n"), "protocol"),
    "a redirect with an endless body": (
        for_ever(b"HTTP/1.1 301 Moved\r\nLocation: file:///x\r\n\r\n", b"x" * 65_536),
        "redirects",
    ),
    "a redirect to an escape sequence": (redirect("ftp://a.example/\x1b[2J\x07"), "redirects"),
    "a redirect without end": (redirect("http://a.example/" + "x" * 60_000), "redirects"),
    "controls in the phrase of an error": (then_close(b"HTTP/1.1 500 \x1b[2J\x07\r\n\r\n"), "status"),
    "an error with an endless body": (for_ever(b"HTTP/1.1 404 No\r\n\r\n", b"x" * 65_536), "status"),
    "drip of headers": (for_ever(OK, b"a", every_s=0.05), "timeout"),
    "drip of header lines": (for_ever(OK, b"a: b\r\n", every_s=0.05), "timeout"),
    "drip of interim answers": (for_ever(b"", b"HTTP/1.1 102 Wait\r\n\r\n", every_s=0.05), "timeout"),
    "drip of body": (for_ever(OK + b"Content-Length: 1000\r\n\r\n", b"x", every_s=0.05), "timeout"),
    "drip of chunks": (for_ever(CHUNKED, b"1\r\nx\r\n", every_s=0.05), "timeout"),
    "silence": (for_ever(b"", b"", every_s=10), "timeout"),
    "silence after the head": (for_ever(OK + b"Content-Length: 9\r\n\r\n", b"", every_s=10), "timeout"),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_ends_as_a_failure_in_time_and_leaves_the_pool_whole(
    name: str, new_client: NewClient, serve: Serve
) -> None:
    """The failure is of its kind, its reason printable; the next get is as good as any."""
    script, kind = ATTACKS[name]
    client = await new_client(timeout_s=0.25 if kind == "timeout" else 60.0)
    site, good = await serve(script), await serve(answer(b"fine"))
    clock = time.monotonic if kind == "timeout" else time.process_time  # what it costs, however busy the machine is
    started = clock()
    outcome = await client.get(site.url(), max_bytes=1_000_000, accept="*/*")
    assert clock() - started < 5.0
    assert outcome == FetchFailed(kind=kind, reason=ANY, status=ANY)
    assert outcome.reason.isprintable()
    assert 0 < len(outcome.reason) <= 200
    assert waiting(client) == []
    fine = await client.get(good.url(), max_bytes=4, accept="*/*")
    assert isinstance(fine, Fetched)
    assert [connection.is_idle() for connection in connections(client) if not connection.is_closed()].count(True) >= 1
    assert all(connection.is_idle() or connection.is_closed() for connection in connections(client))


async def test_who_waits_in_vain_learns_how_long_and_by_which_setting(new_client: NewClient, serve: Serve) -> None:
    """Before the head, and within the body."""
    client = await new_client(timeout_s=0.25)
    for name in ("silence", "drip of body"):
        outcome = await client.get((await serve(ATTACKS[name][0])).url(), max_bytes=1_000_000, accept="*/*")
        said = "no whole answer within 0.25 s (setting fetch.timeout)"
        assert outcome == FetchFailed(kind="timeout", reason=said, status=ANY)


async def test_a_bomb_is_refused_in_little_memory(get: Get, serve: Serve) -> None:
    """100 kB that would be 100 MB, with a cap of 1 MB."""
    bomb = answer(BOMB, "Content-Encoding: gzip")
    site = await serve(bomb)
    tracemalloc.start()
    try:
        outcome = await get(site.url())
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert outcome == FetchFailed(kind="too_large", reason="the body decodes to more than 1 MB")


async def test_a_redirect_whose_body_drips_is_one_all_the_same(get: Get, serve: Serve) -> None:
    """A body that nobody wants is waited for a second at most."""
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 1000\r\nLocation: /2\r\n\r\n"
    site = await serve(for_ever(head, b"x", every_s=0.05), answer(b"fine"))
    started = time.monotonic()
    assert await get(site.url()) == Redirected(url=site.url("/2"), permanent=False)
    assert 0.9 < time.monotonic() - started < 2.0
    assert isinstance(await get(site.url("/2")), Fetched)
    assert site.connections == 2


async def test_dead_name_servers_fail_no_good_name(
    new_client: NewClient, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gets of names that nobody answers for fill all places but one: the get in the last place is as quick as ever."""
    alive, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
        if host.endswith(".dead"):
            assert alive.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host if host != "good.example" else "127.0.0.1", *args, **options)

    site = await serve(answer(b"fine"))
    client = await new_client(max_connections=40, timeout_s=10.0)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    lost = [asyncio.create_task(client.get(f"http://{n}.dead/", max_bytes=9, accept="*/*")) for n in range(39)]
    await asyncio.sleep(0.05)
    try:
        async with asyncio.timeout(5):
            outcome = await client.get(site.url(host="good.example"), max_bytes=9, accept="*/*")
    finally:
        alive.set()
    assert isinstance(outcome, Fetched)
    assert {type(outcome) for outcome in await asyncio.gather(*lost)} == {FetchFailed}


@pytest.mark.parametrize(
    "location",
    [
        pytest.param(b"/x\rX-Evil: 1", id="CR"),
        pytest.param(b"/x\nX-Evil: 1", id="LF"),
        pytest.param(b"/x\r\n X-Evil: 1", id="a folded line"),
        pytest.param(b"/x%0d%0aX-Evil: 1", id="escaped"),
        pytest.param(b"/x\0\x1b[2J\x7f", id="control characters"),
        pytest.param("/x\u2028\u202eX-Evil: 1".encode(), id="line breaks of Unicode"),
    ],
)
async def test_no_location_breaks_the_next_request(location: bytes, get: Get, serve: Serve) -> None:
    """Where a redirect leads is one line in the request for it, whatever it was made of; or it leads nowhere."""
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
    site = await serve(head, answer(b"fine"))
    away = await get(site.url())
    if not isinstance(away, Redirected):
        assert away == FetchFailed(kind="protocol", reason=ANY)
        assert away.reason.isprintable()
        return
    assert not set(away.url) & {chr(code) for code in (*range(0x21), 0x7F)}
    assert isinstance(await get(away.url), Fetched)
    assert site.requests[-1].header("x-evil") is None
    assert len(site.requests[-1].raw.splitlines()) == len(site.requests[0].raw.splitlines())


async def trouble(request: Request, writer: asyncio.StreamWriter) -> None:
    """Something of everything, by the number in the path."""
    chance = random.Random(request.path)
    await asyncio.sleep(chance.random() * 0.05)
    kind = chance.randrange(6)
    if kind == 0:
        writer.transport.abort()
    elif kind == 1:
        await asyncio.sleep(10)
    elif kind == 2:
        writer.write(OK + b"Content-Length: 1000\r\n\r\n" + b"x" * chance.randrange(1000))
        await asyncio.sleep(chance.choice([0, 10]))
    elif kind == 3:
        await for_ever(CHUNKED, b"1\r\nx\r\n", every_s=0.01)(request, writer)
    elif kind == 4:
        writer.write(redirect("/0/" + request.path))
    else:
        writer.write(answer(b"fine"))


async def assert_whole(client: Client, serve: Serve) -> None:
    assert waiting(client) == []
    assert all(connection.is_idle() or connection.is_closed() for connection in connections(client))
    good = await serve(answer(b"fine"))
    for _ in range(3):
        assert isinstance(await client.get(good.url(), max_bytes=4, accept="*/*"), Fetched)
    assert good.connections == 1
    assert len(connections(client)) <= 20


async def test_the_pool_is_whole_after_stalls_and_resets(new_client: NewClient, serve: Serve) -> None:
    """200 gets from a site that stalls, resets, drips and redirects leave nothing behind."""
    client = await new_client(timeout_s=0.3, max_connections=20)
    site = await serve(trouble)
    outcomes = await asyncio.gather(*(client.get(site.url(f"/{n}"), max_bytes=1000, accept="*/*") for n in range(200)))
    kinds = {outcome.kind if isinstance(outcome, FetchFailed) else type(outcome).__name__ for outcome in outcomes}
    assert kinds >= {"timeout", "protocol", "Fetched"}
    await assert_whole(client, serve)


async def test_the_pool_is_whole_after_cancellations(new_client: NewClient, serve: Serve) -> None:
    """Cancelled at any step, a get leaves nothing behind once its limits are reached."""
    client = await new_client(timeout_s=0.5, max_connections=20)
    quick, slow = await serve(answer(b"fine")), await serve(trouble)
    chance = random.Random(3)

    async def impatient(n: int) -> bool:
        get = asyncio.create_task(client.get((quick, slow)[n % 2].url(f"/{n}"), max_bytes=1000, accept="*/*"))
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        get.cancel()
        await asyncio.wait({get})
        return get.cancelled()

    cancelled = await asyncio.gather(*(impatient(n) for n in range(400)))
    assert cancelled.count(True) > 100
    await asyncio.sleep(0.7)
    await assert_whole(client, serve)


async def test_cancelling_and_leaving_the_client_are_quick(serve: Serve) -> None:
    """Who is cancelled waits for nothing; who still waits when the client is left is cancelled; all is closed."""
    site = await serve(for_ever(OK + b"\r\n", b"", every_s=60))
    started = time.monotonic()
    async with Client(user_agent="x", timeout_s=60, allow=[ip_network("127.0.0.0/8")]) as client:
        first, second = (asyncio.create_task(client.get(site.url(), max_bytes=9, accept="*/*")) for _ in range(2))
        await asyncio.sleep(0.1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    with pytest.raises(asyncio.CancelledError):
        await second
    assert time.monotonic() - started < 5.0
    assert connections(client) == []


async def test_who_waits_for_a_place_when_the_client_is_left_asks_nothing_any_more(serve: Serve) -> None:
    site = await serve(for_ever(OK + b"\r\n", b"", every_s=60))
    async with Client(user_agent="x", timeout_s=60, allow=[ip_network("127.0.0.0/8")], max_connections=1) as client:
        gets = [asyncio.create_task(client.get(site.url(), max_bytes=9, accept="*/*")) for _ in range(3)]
        while not site.requests:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        ends = await asyncio.gather(*gets, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 3
    assert len(site.requests) == 1


async def test_an_upgrade_that_was_asked_for_is_no_answer(get: Get, serve: Serve) -> None:
    """By a header of the feed's own: what follows is not HTTP."""
    site = await serve(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxyz", answer(b"fine"))
    outcome = await get(site.url(), headers={"Upgrade": "x", "Connection": "upgrade"})
    assert outcome == FetchFailed(kind="status", status=101, reason="101 Switching Protocols")
    assert isinstance(await get(site.url()), Fetched)
    assert site.connections == 2


async def test_any_mutilation_of_an_answer_is_an_outcome(new_client: NewClient, serve: Serve) -> None:
    """Bytes changed, cut, doubled and left out at random: nothing is raised, nothing hangs."""
    client = await new_client(timeout_s=0.5)
    whole = [
        answer(gzip.compress(b"feed " * 50), "Content-Encoding: gzip", 'ETag: "x"', "Retry-After: 7"),
        CHUNKED + b"5\r\nabcde\r\n3;x=y\r\nfgh\r\n0\r\n\r\n",
        redirect("http://a.example/x?y=z"),
        redirect("/x/../y"),
        b'HTTP/1.1 304 Not Modified\r\nETag: "y"\r\n\r\n',
    ]
    chance = random.Random(11)

    def mutilated() -> bytes:
        raw = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(raw))
            piece = chance.choice([b"", bytes([chance.randrange(256)]), raw[at : at + 9] * 2, b"\r\n", b"\0", b"\xff"])
            raw[at : at + chance.randrange(4)] = piece
        return bytes(raw)

    site = await serve(*(then_close(mutilated()) for _ in range(600)))
    outcomes = [await client.get(site.url(), max_bytes=1000, accept="*/*") for _ in range(300)]
    assert all(
        isinstance(outcome, Fetched | NotModified | Redirected | Throttled | FetchFailed) for outcome in outcomes
    )
    await assert_whole(client, serve)
