"""The server in the worker's loop: sockets, the stop, ports that are taken."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worker.errors import WebError
from worker.settings import Endpoint
from worker.web import serving

FREE = Endpoint(host="127.0.0.1", port=0)


def app(asked: asyncio.Event, answer: asyncio.Event) -> Starlette:
    async def slow(_: Request) -> PlainTextResponse:
        asked.set()
        await answer.wait()
        return PlainTextResponse("there")

    return Starlette(routes=[Route("/slow", slow)])


async def test_a_stop_lets_an_answer_end_and_leaves_signals_alone() -> None:
    """The port is free afterwards."""
    asked, answer, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
    handler = signal.getsignal(signal.SIGTERM)
    async with httpx.AsyncClient() as client:
        async with serving(app(asked, answer), FREE, stop=stop) as url:
            assert signal.getsignal(signal.SIGTERM) is handler
            under_way = asyncio.create_task(client.get(f"{url}/slow"))
            await asked.wait()
            stop.set()
            await asyncio.sleep(0)
            answer.set()
            assert (await under_way).text == "there"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/slow")


async def test_an_answer_that_hangs_does_not_hold_up_a_stop() -> None:
    """A second is what it gets; then it is cut off."""
    asked, stop = asyncio.Event(), asyncio.Event()
    async with httpx.AsyncClient() as client:
        async with serving(app(asked, asyncio.Event()), FREE, stop=stop) as url:
            under_way = asyncio.create_task(client.get(f"{url}/slow"))
            await asked.wait()
            begun = time.monotonic()
        assert time.monotonic() - begun < 4
        assert (await under_way).status_code == 500


async def test_who_connects_and_does_not_ask_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a hundred of them kept all others out."""
    monkeypatch.setattr(sys.modules["worker.web.serving"], "HEAD_S", 0.2)
    async with serving(Starlette(), FREE, stop=asyncio.Event()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: loc")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).status_code == 404


FIRST = b"GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(FIRST, b"GET /second HTTP/1.1\r\nHost: loc", id="a second head that does not end"),
        pytest.param(FIRST, b"G", id="a letter"),
        pytest.param(FIRST.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n"), b"x", id="half a body"),
        pytest.param(FIRST.replace(b"first", b"large"), b"", id="an answer that is not read"),
    ],
)
async def test_who_asks_and_then_does_not_go_on_is_hung_up_on(
    first: bytes, then: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a hundred of them kept all others out, the probes of supervisors too: they would end the worker."""
    for name in ("HEAD_S", "READ_S"):
        monkeypatch.setattr(sys.modules["worker.web.serving"], name, 0.2)
    monkeypatch.setattr(sys.modules["worker.web.serving"], "MOST_CONNECTIONS", 2)

    async def large(_: Request) -> Response:
        return Response(bytes(30_000_000))

    async with serving(Starlette(routes=[Route("/large", large)]), FREE, stop=asyncio.Event()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1000)
        writer.write(first)
        await reader.readexactly(20)
        writer.write(then)
        async with httpx.AsyncClient() as client, asyncio.timeout(20):
            while (await client.get(url)).status_code != 404:
                await asyncio.sleep(0.05)
        writer.transport.abort()


async def test_a_port_that_is_taken_is_an_error_with_a_way_out() -> None:
    """It names the key."""
    stop = asyncio.Event()
    async with serving(Starlette(), FREE, stop=stop) as url:
        taken = Endpoint(host="127.0.0.1", port=int(url.rpartition(":")[2]))
        with pytest.raises(WebError, match=r"another feedmill, listens there; give web.listen another port"):
            async with serving(Starlette(), taken, stop=stop):
                pass


async def test_it_listens_on_ipv6_too() -> None:
    """And says so as URLs write it."""
    try:
        async with serving(Starlette(), Endpoint(host="::1", port=0), stop=asyncio.Event()) as url:
            assert url.startswith("http://[::1]:")
            async with httpx.AsyncClient() as client:
                assert (await client.get(url)).status_code == 404
    except WebError as error:
        pytest.skip(f"no IPv6 here: {error}")
