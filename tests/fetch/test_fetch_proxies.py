"""Gets through a real proxy on loopback, which takes every name for that of one site."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from unittest.mock import ANY

import pytest

from tests.fetch.proxy import ServeProxy
from tests.fetch.sites import (
    BOMB,
    Answers,
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
from worker.errors import MachineError
from worker.fetch import Client, Resolver
from worker.fetch.resolve import Answer, NoAddress
from worker.model import Fetched, FetchFailed, Outcome, Redirected

Tls = Callable[..., ssl.SSLContext]
BODY = b"fine"
PASSWORD = "hunter2"
BASIC = "Basic bWU6aHVudGVyMg=="


def lookup(host: str) -> Answer:
    """What our own name server knows."""
    known = {"public.example": "93.184.215.14", "private.example": "10.0.0.1", "2130706433": "127.0.0.1"}
    return (ip_address(known[host]),) if host in known else NoAddress(reason=f"{host} does not exist")


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    made = Resolver(lookup=lookup)
    yield made
    made.close()


@pytest.fixture
def through(new_client: NewClient, resolver: Resolver) -> Callable[..., object]:
    """Makes clients that may ask nothing but public addresses, and go through the proxy given."""

    async def make(proxy: str, **options: object) -> Client:
        given = {"allow": (), "resolver": resolver, "proxy": lambda _: proxy} | options
        return await new_client(**given)

    return make


async def get(client: Client, url: str) -> Outcome:
    return await client.get(url, max_bytes=100_000, accept="*/*", headers={"X-Key": "k"})


# --- what goes where ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["public.example", "unknown.example", "93.184.215.14", "[2606:4700::1]"])
async def test_plain_requests_are_forwarded(
    host: str, through: NewClient, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """In absolute form (RFC 9112 section 3.2.2); names that we don't know are the proxy's to find."""
    site = await serve(answer(BODY, "Connection: close"))
    proxy = await serve_proxy(site)
    outcome = await get(await through(proxy.address()), f"http://{host}/feed?x")
    assert isinstance(outcome, Fetched)
    assert (outcome.url, outcome.body) == (f"http://{host}/feed?x", BODY)
    assert proxy.requests[0].raw.startswith(f"GET http://{host}/feed?x HTTP/1.1\r\n".encode())
    assert proxy.requests[0].header("host") == host
    assert site.requests[0].path == "/feed?x"


async def test_tls_goes_through_a_tunnel(through: NewClient, serve: Serve, serve_proxy: ServeProxy, tls: Tls) -> None:
    """From us to the site; the proxy sees its name and nothing else, and the tunnel is used again."""
    site = await serve(answer(BODY), tls=tls("unknown.example"))
    proxy = await serve_proxy(site)
    client = await through(proxy.address())
    for _ in range(3):
        assert isinstance(await get(client, "https://unknown.example/feed"), Fetched)
    assert [request.raw.splitlines()[0] for request in proxy.requests] == [b"CONNECT unknown.example:443 HTTP/1.1"]
    assert [request.header("x-key") for request in site.requests] == ["k"] * 3
    assert proxy.requests[0].header("x-key") is None


async def test_a_tunnel_may_lead_to_an_address(
    through: NewClient, serve: Serve, serve_proxy: ServeProxy, tls: Tls
) -> None:
    """One of IPv6 stands in brackets where its port follows, and without them in its certificate."""
    proxy = await serve_proxy(await serve(answer(BODY), tls=tls("2606:4700::1")))
    assert isinstance(await get(await through(proxy.address()), "https://[2606:4700::1]/"), Fetched)
    assert proxy.requests[0].path == "[2606:4700::1]:443"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_way_to_the_proxy_may_be_tls_itself(
    scheme: str, through: NewClient, serve: Serve, serve_proxy: ServeProxy, tls: Tls
) -> None:
    """Forwarded requests and tunnels go within it; the proxy's certificate is checked as a site's is."""
    end = {"tls": tls("unknown.example")} if scheme == "https" else {}
    proxy = await serve_proxy(await serve(then_close(answer(BODY)), **end), tls=tls("proxy.localhost"))
    good = await through(proxy.address(host="proxy.localhost", scheme="https"))
    assert isinstance(await get(good, f"{scheme}://unknown.example/"), Fetched)
    bad = await through(proxy.address(host="other.localhost", scheme="https"))
    outcome = await get(bad, f"{scheme}://unknown.example/")
    assert outcome == FetchFailed(kind="tls", reason=ANY)
    assert outcome.reason.startswith("the proxy: certificate verify failed: Hostname mismatch")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_proxys_credentials_are_for_the_proxy(
    scheme: str, through: NewClient, serve: Serve, serve_proxy: ServeProxy, tls: Tls
) -> None:
    """They are sent to it, unasked, and to no site: neither through the proxy nor directly."""
    site = await serve(then_close(answer(BODY)), **({"tls": tls("a.example")} if scheme == "https" else {}))
    proxy = await serve_proxy(site)
    client = await through(proxy.address(credentials="me:hunt%65r2@"))
    assert isinstance(await get(client, f"{scheme}://a.example/"), Fetched)
    assert proxy.requests[0].header("proxy-authorization") == BASIC
    assert site.requests[0].header("proxy-authorization") is None
    assert PASSWORD.encode() not in site.requests[0].raw


async def test_each_host_has_its_way(
    new_client: NewClient, resolver: Resolver, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """Its own proxy, another's, or none; what one proxy is told no other is."""
    direct, far = await serve(then_close(answer(b"direct"))), await serve(then_close(answer(b"far")))
    one, two = await serve_proxy(far), await serve_proxy(far)
    ways = {"one.example": one.address("me:hunter1@"), "two.example": two.address("me:hunter2@")}
    client = await new_client(proxy=ways.get, resolver=resolver)
    hosts = ["one.example", "two.example", f"a.localhost:{direct.port}"]
    bodies = [outcome.body for host in hosts if isinstance(outcome := await get(client, f"http://{host}/"), Fetched)]
    assert bodies == [b"far", b"far", b"direct"]
    assert (one.connections, two.connections) == (1, 1)
    assert one.requests[0].header("proxy-authorization") != two.requests[0].header("proxy-authorization")
    assert direct.requests[0].header("proxy-authorization") is None


async def test_the_environments_proxies_are_not_used(
    new_client: NewClient, serve: Serve, serve_proxy: ServeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is fetched through what is said in the settings alone."""
    site = await serve(answer(BODY))
    proxy = await serve_proxy(site)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.address())
    assert isinstance(await get(await new_client(), site.url()), Fetched)
    assert proxy.connections == 0


# --- failures of the proxy ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "said", "kind", "reason"),
    [
        pytest.param(
            "http", answer(status="407 x"), "connect", "the proxy answered 407 Proxy Authentication Required", id="407"
        ),
        pytest.param(
            "https",
            answer(status="407 hunter2"),
            "connect",
            "the proxy opens no tunnel: 407 Proxy Authentication Required",
            id="407 to CONNECT",
        ),
        pytest.param(
            "https", answer(status="502 hunter2"), "connect", "the proxy opens no tunnel: 502 Bad Gateway", id="502"
        ),
        pytest.param("https", answer(status="404 x"), "connect", "the proxy opens no tunnel: 404 Not Found", id="404"),
    ],
)
async def test_a_proxy_that_refuses_is_told_from_the_site(
    scheme: str, said: bytes, kind: str, reason: str, through: NewClient, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """By its status in our words; it will pass, so no page is given up over it, and no connection is left behind."""
    proxy = await serve_proxy(await serve(answer(BODY)), said)
    client = await through(proxy.address("me:hunter2@"))
    outcome = await get(client, f"{scheme}://a.example/")
    assert outcome == FetchFailed(kind=kind, reason=reason)  # type: ignore[arg-type]
    assert not outcome.lasting
    assert waiting(client) == []
    assert all(connection.is_idle() or connection.is_closed() for connection in connections(client))


async def test_a_proxy_that_is_not_there_is_told_from_the_site(through: NewClient, serve: Serve) -> None:
    """By its host and port, without its password."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    outcome = await get(await through(f"http://me:hunter2@p.localhost:{port}"), "http://a.example/")
    reason = f"the proxy p.localhost (127.0.0.1), port {port}: Connection refused"
    assert outcome == FetchFailed(kind="connect", reason=reason)
    outcome = await get(await through("http://me:hunter2@p.example:3128"), "https://a.example/")
    assert outcome == FetchFailed(kind="dns", reason="the proxy p.example does not exist")


@pytest.mark.parametrize("host", ["p.localhost", "p.example"], ids=["refuses", "has no address"])
async def test_a_proxy_that_is_not_there_is_the_fault_of_no_site(
    host: str, new_client: NewClient, resolver: Resolver, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """After a few sites; one site alone may have a proxy of its own, whose fault is told as that of the site. With the
    proxy back, all are asked as if nothing had been."""
    proxy = await serve_proxy(await serve(answer(BODY)))
    address = [f"http://{host}:1"]
    client = await new_client(resolver=resolver, proxy=lambda _: address[0])
    for name in "aaab":
        assert isinstance(await get(client, f"http://{name}.example/"), FetchFailed)
    for name in "ca":
        with pytest.raises(MachineError, match=f"^no host can be asked: the proxy {host} "):
            await get(client, f"http://{name}.example/")
    address[0] = proxy.address()
    assert isinstance(await get(client, "http://a.example/"), Fetched)
    address[0] = f"http://{host}:1"
    assert isinstance(await get(client, "http://d.example/"), FetchFailed)


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[2002:a00:1::]",
        "localhost",
        "a.localhost",
        "2130706433",
        "private.example",
        "private.example.",
    ],
)
async def test_what_is_known_not_to_be_public_is_not_asked_of_a_proxy(
    scheme: str, host: str, through: NewClient, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """By its form, or by what our own name server says; though the proxy itself may be at such an address."""
    proxy = await serve_proxy(await serve(answer(BODY)))
    outcome = await get(await through(proxy.address()), f"{scheme}://{host}/latest/meta-data/")
    assert outcome == FetchFailed(kind="address", reason=ANY)
    assert "fetch.allow_addresses" in outcome.reason
    assert proxy.connections == 0


async def test_allowed_addresses_are_asked_of_a_proxy(
    through: NewClient, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """What the operator opens is open there, too."""
    proxy = await serve_proxy(await serve(then_close(answer(BODY))))
    client = await through(proxy.address(), allow=("10.0.0.0/8",))
    assert isinstance(await get(client, "http://private.example/"), Fetched)


async def test_a_redirect_to_what_is_not_public_is_refused_at_its_turn(
    through: NewClient, serve: Serve, serve_proxy: ServeProxy
) -> None:
    """Every hop is checked before the proxy hears of it."""
    proxy = await serve_proxy(await serve(then_close(redirect("http://169.254.169.254/"))))
    client = await through(proxy.address())
    away = await get(client, "http://a.example/")
    assert away == Redirected(url="http://169.254.169.254/", permanent=False)
    assert await get(client, away.url) == FetchFailed(kind="address", reason=ANY)
    assert len(proxy.requests) == 1


async def test_a_name_server_that_hangs_does_not_use_up_the_time(
    through: NewClient, serve: Serve, serve_proxy: ServeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all goes through proxies there may be no DNS; the look-up of our own is given up early."""
    monkeypatch.setattr("worker.fetch.pools._OWN_DNS_S", 0.1)
    proxy = await serve_proxy(await serve(then_close(answer(BODY))))
    hangs = Resolver(lookup=lambda _: time.sleep(2) or NoAddress(reason="late"), threads=1)
    client = await through(proxy.address(), resolver=hangs, timeout_s=1.0)
    assert isinstance(await get(client, "http://a.example/"), Fetched)
    hangs.close()


# --- limits ---------------------------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\n"
SILENT = for_ever(b"", b"", every_s=10)


@pytest.mark.parametrize(
    ("scheme", "proxy_says", "site_says"),
    [
        pytest.param("http", [SILENT], b"", id="a proxy that is silent"),
        pytest.param("https", [SILENT], b"", id="a proxy that is silent to CONNECT"),
        pytest.param("https", [for_ever(OK, b"a: b\r\n", every_s=0.05)], b"", id="a drip of headers to CONNECT"),
        pytest.param("https", [for_ever(OK + b"\r\n", b"", every_s=10)], b"", id="a handshake that is not answered"),
        pytest.param("http", [], for_ever(OK + b"\r\n", b"x", every_s=0.05), id="a drip of body"),
        pytest.param("https", [], for_ever(OK + b"\r\n", b"x", every_s=0.05), id="a drip of body in a tunnel"),
        pytest.param("https", [], for_ever(OK, b"a: b\r\n", every_s=0.05), id="a drip of headers in a tunnel"),
    ],
)
async def test_the_deadline_holds_through_a_proxy(
    scheme: str,
    proxy_says: list[Answers],
    site_says: Answers,
    through: NewClient,
    serve: Serve,
    serve_proxy: ServeProxy,
    tls: Tls,
) -> None:
    """Whoever is slow, and the pool is whole after it."""
    site = await serve(site_says, **({"tls": tls("a.example")} if scheme == "https" else {}))
    client = await through((await serve_proxy(site, *proxy_says)).address(), timeout_s=0.25)
    started = time.monotonic()
    assert await get(client, f"{scheme}://a.example/") == FetchFailed(kind="timeout", reason=ANY)
    assert time.monotonic() - started < 2.0
    assert waiting(client) == []
    assert all(connection.is_closed() for connection in connections(client))


@pytest.mark.parametrize(
    ("proxy_says", "site_says", "kind"),
    [
        pytest.param([for_ever(OK, b"a: " + b"h" * 1000 + b"\r\n")], b"", "too_large", id="headers without end"),
        pytest.param([for_ever(OK + b"\r\n", b"x" * 65_536)], b"", "tls", id="a flood in place of the handshake"),
        pytest.param([then_close(b"")], b"", "protocol", id="a hang-up"),
        pytest.param([then_close(b"SSH-2.0-x\r\n\r\n")], b"", "protocol", id="another protocol"),
        pytest.param([then_close(OK + b"\r\n")], b"", "tls", id="a hang-up in the handshake"),
        pytest.param([], for_ever(OK + b"\r\n", b"x" * 65_536), "too_large", id="an endless body in the tunnel"),
        pytest.param([], answer(BOMB, "Content-Encoding: gzip"), "too_large", id="a bomb in the tunnel"),
    ],
)
async def test_bounds_hold_through_a_proxy(
    proxy_says: list[Answers],
    site_says: Answers,
    kind: str,
    through: NewClient,
    serve: Serve,
    serve_proxy: ServeProxy,
    tls: Tls,
) -> None:
    """The proxy is not trusted either; a tunnel whose handshake fails leaves nothing in the pool (httpcore#1023)."""
    site = await serve(site_says, tls=tls("a.example"))
    client = await through((await serve_proxy(site, *proxy_says)).address())
    assert await get(client, "https://a.example/") == FetchFailed(kind=kind, reason=ANY)  # type: ignore[arg-type]
    assert waiting(client) == []
    assert all(connection.is_closed() for connection in connections(client))


async def test_a_site_with_a_wrong_certificate_is_the_sites_failure(
    through: NewClient, serve: Serve, serve_proxy: ServeProxy, tls: Tls
) -> None:
    """The tunnel stands, its end is another's; nothing is left of it."""
    proxy = await serve_proxy(await serve(answer(BODY), tls=tls("other.example")))
    client = await through(proxy.address())
    for _ in range(3):
        outcome = await get(client, "https://a.example/")
        assert outcome == FetchFailed(kind="tls", reason=ANY)
        assert outcome.reason.startswith("certificate verify failed: Hostname mismatch")
    assert len(proxy.requests) == 3
    assert all(connection.is_closed() for connection in connections(client))
    assert len(connections(client)) <= 1


async def test_the_pool_is_whole_after_stalls_and_resets_of_a_proxy(
    new_client: NewClient, resolver: Resolver, serve: Serve, serve_proxy: ServeProxy, tls: Tls
) -> None:
    """100 tunnels and forwarded requests, some of which are reset, stall or are cancelled, leave nothing behind."""
    good = await serve(answer(BODY), tls=tls("a.example"))
    chance = random.Random(5)

    async def trouble(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(chance.random() * 0.05)
        kind = chance.randrange(4)
        if kind == 0:
            writer.transport.abort()
        elif kind == 1:
            await asyncio.sleep(10)
        elif kind == 2:
            writer.write(OK + b"\r\n" + b"x" * chance.randrange(3000))
        else:
            writer.write(answer(status="502 No"))

    bad = await serve_proxy(good, trouble)
    fine = await serve_proxy(good)
    client = await new_client(
        timeout_s=0.3,
        resolver=resolver,
        proxy=lambda host: (fine if host == "a.example" else bad).address(),
    )

    async def impatient(n: int) -> None:
        task = asyncio.create_task(get(client, f"{('http', 'https')[n % 2]}://h{n}.example/"))
        await asyncio.wait({task}, timeout=chance.random() * 0.3 if n % 3 == 0 else None)
        task.cancel()
        await asyncio.wait({task})

    await asyncio.gather(*(impatient(n) for n in range(100)))
    await asyncio.sleep(0.5)
    assert waiting(client) == []
    for _ in range(3):
        assert isinstance(await get(client, "https://a.example/"), Fetched)
    assert len(fine.requests) == 1
    assert all(connection.is_idle() or connection.is_closed() for connection in connections(client))
