"""What is got: outcomes, redirects, what is sent and what is not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from unittest.mock import ANY

import pytest
import trustme

from tests.fetch.sites import Get, NewClient, Serve, answer, connections, redirect, then_close, waiting
from worker.fetch import Client, Resolver
from worker.fetch.resolve import NoAddress
from worker.model import Accepted, Fetched, FetchFailed, Freshness, NotModified, Redirected, Throttled, Validators

FEED = b"<rss version='2.0'/>" * 100
BOTH = Validators(etag='W/"1"', last_modified="Mon, 23 Nov 2026 04:00:00 GMT")
FIELDS = ('ETag: W/"1"', "Last-Modified: Mon, 23 Nov 2026 04:00:00 GMT", "Content-Type: text/xml; charset=utf-8")
SHOUTED = tuple(f"{name.upper()}:{value}" for name, _, value in (field.partition(":") for field in FIELDS))


# --- outcomes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(answer(FEED, *FIELDS), id="plain"),
        pytest.param(answer(gzip.compress(FEED), *FIELDS, "Content-Encoding: gzip"), id="gzip"),
        pytest.param(answer(gzip.compress(FEED), *SHOUTED, "CONTENT-ENCODING: GZIP"), id="names in capitals"),
    ],
)
async def test_a_feed_is_fetched_with_all_that_is_told_of_it(raw: bytes, get: Get, serve: Serve) -> None:
    """Body, type and validators come as the server gave them."""
    site = await serve(raw)
    assert await get(site.url("/feed")) == Fetched(
        url=site.url("/feed"), status=200, content_type="text/xml; charset=utf-8", validators=BOTH, body=FEED
    )


async def test_chunked_and_unframed_bodies_are_whole(get: Get, serve: Serve) -> None:
    """Without Content-Length the chunks, or the end of the connection, tell the end."""
    site = await serve(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nETag: no\r\n\r\n",
        then_close(b"HTTP/1.0 203 Fine\r\n\r\nabcde"),
    )
    for status in (200, 203):
        assert await get(site.url()) == Fetched(
            url=site.url(), status=status, content_type=None, validators=Validators(), body=b"abcde"
        )


async def test_an_empty_body_is_a_body(get: Get, serve: Serve) -> None:
    """What to make of it is the caller's to decide."""
    outcome = await get((await serve(answer(b""))).url())
    assert isinstance(outcome, Fetched)
    assert outcome.body == b""


async def test_validators_are_sent_back_and_a_304_understood(get: Get, serve: Serve) -> None:
    """Both, verbatim; the 304's own are given."""
    site = await serve(b'HTTP/1.1 304 Not Modified\r\nETag: W/"2"\r\n\r\n')
    assert await get(site.url(), validators=BOTH) == NotModified(validators=Validators(etag='W/"2"'))
    assert site.requests[0].all("if-none-match") == [BOTH.etag]
    assert site.requests[0].all("if-modified-since") == [BOTH.last_modified]


async def test_a_304_unasked_is_refused(get: Get, serve: Serve) -> None:
    """Also when the validators there were could not be sent."""
    site = await serve(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    outcome = await get(site.url(), validators=Validators(etag="a\r\nX-Evil: 1"))
    assert outcome == FetchFailed(kind="protocol", reason=ANY)
    assert site.requests[0].header("x-evil") is None


async def test_bytes_of_validators_survive_the_round(get: Get, serve: Serve) -> None:
    """An ETag in Latin-1 or UTF-8 goes back as the bytes it was."""
    raw = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "\xe9\xc3\xa9"\r\n\r\n'
    site = await serve(raw)
    first = await get(site.url())
    assert isinstance(first, Fetched)
    await get(site.url(), validators=first.validators)
    assert b'\r\nif-none-match: "\xe9\xc3\xa9"\r\n' in site.requests[1].raw


async def test_throttling_tells_how_long(get: Get, serve: Serve) -> None:
    """429 and 503 with Retry-After."""
    site = await serve(answer(b"", "Retry-After: 90", status="429 Slow down"), answer(status="503 Busy"))
    assert await get(site.url()) == Throttled(status=429, retry_after_s=90.0)
    assert await get(site.url()) == Throttled(status=503, retry_after_s=None)


async def test_failures_keep_their_connection_when_their_page_is_small(get: Get, serve: Serve) -> None:
    """A short error page is read away, so that the next request needs no new connection; a long one is not."""
    site = await serve(answer(b"x" * 1000, status="404 No"), answer(b"x" * 100_000, status="410 No"), answer(b""))
    assert await get(site.url()) == FetchFailed(kind="status", status=404, reason="404 Not Found")
    assert await get(site.url()) == FetchFailed(kind="status", status=410, reason="410 Gone")
    assert site.connections == 1
    await get(site.url())
    assert site.connections == 2


async def test_freshness_comes_with_the_answer(get: Get, serve: Serve) -> None:
    """Of a 200 and of a 304, by all the lines that there are."""
    lines = "Cache-Control: public", "cache-control: max-age=600", "Age: 100"
    site = await serve(answer(FEED, *lines), answer(b"", "Expires: 0", status="304 Not Modified"))
    fetched, not_modified = await get(site.url()), await get(site.url(), validators=BOTH)
    assert isinstance(fetched, Fetched)
    assert fetched.fresh == Freshness(seconds=500, reason="max-age=600, Age: 100")
    assert not_modified == NotModified(validators=Validators(), fresh=None)


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_body_can_be_cut_instead_of_refused(coding: str, client: Client, serve: Serve) -> None:
    """As robots.txt is; what was not read takes its connection with it, and a body that fits is whole."""
    body = gzip.compress(FEED) if coding else FEED
    site = await serve(answer(body, f"Content-Encoding: {coding}"))
    for max_bytes in (100, len(FEED)):
        outcome = await client.get(site.url(), max_bytes=max_bytes, accept="*/*", truncate=True)
        assert isinstance(outcome, Fetched)
        assert outcome.body == FEED[:max_bytes]
    assert waiting(client) == []
    assert all(connection.is_idle() for connection in connections(client))


# --- what is sent -------------------------------------------------------------------------------------------------


async def test_requests_say_what_they_must_and_no_more(client: Client, serve: Serve) -> None:
    """Who asks, for what, in which encoding; no cookies, no Referer."""
    site = await serve(answer(b""))
    await client.get(site.url("/2"), max_bytes=10, accept="application/rss+xml")
    assert site.requests[0].raw.decode().lower().split("\r\n") == [
        "get /2 http/1.1",
        f"host: 127.0.0.1:{site.port}",
        "user-agent: feedmill/test",
        "accept: application/rss+xml",
        "accept-encoding: gzip",
        "",
        "",
    ]


async def test_cookies_are_not_sent_back(get: Get, serve: Serve) -> None:
    """Neither after a redirect nor after a page, and broken ones do no harm."""
    site = await serve(
        answer(b"", "Location: /2", "Set-Cookie: a=1; Path=/", status="302 Found"),
        answer(b"", "Set-Cookie: b=2; expires=1 Jan " + "9" * 5000),
        answer(b""),
    )
    for _ in range(3):
        await get(site.url())
    assert len(site.requests) == 3
    assert [request.header("cookie") for request in site.requests] == [None] * 3


async def test_the_owners_headers_are_sent(get: Get, serve: Serve) -> None:
    """To the origin of the URL."""
    site = await serve(answer(b""))
    await get(site.url(), headers={"Authorization": "Bearer hunter2", "X-Name": "三"})
    assert site.requests[0].header("authorization") == "Bearer hunter2"
    assert "x-name: 三".encode() in site.requests[0].raw


async def test_credentials_in_the_url_are_sent_as_a_header_and_seen_nowhere(get: Get, serve: Serve) -> None:
    """The outcome's URL is without them."""
    site = await serve(answer(b""))
    outcome = await get(site.url("/1").replace("//", "//me:hunter2@"))
    assert isinstance(outcome, Fetched)
    assert outcome.url == site.url("/1")
    assert site.requests[0].header("authorization") == "Basic bWU6aHVudGVyMg=="


async def test_a_header_that_can_not_be_sent_is_a_failure_that_does_not_tell_it(get: Get, serve: Serve) -> None:
    """Secrets are not quoted, whoever refuses them."""
    site = await serve(answer(b""))
    for value in ("hunter2\r\nX-Evil: 1", "hunter2\ud800"):
        outcome = await get(site.url(), headers={"Authorization": value})
        assert outcome == FetchFailed(kind="protocol", reason="the URL or a header can't be sent over HTTP")
    assert site.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "file:///etc/passwd",
        "ftp://a.example/",
        "http://",
        "http://me:hunter2@[::1",
        "http://me:hunter2@a.example:99999/",
        "http://me:hunter2@a b/",
    ],
)
async def test_what_is_no_url_is_a_failure(url: str, get: Get) -> None:
    """Nothing is raised, nothing secret said."""
    outcome = await get(url)
    assert outcome == FetchFailed(kind="protocol", reason=ANY)
    assert "hunter2" not in outcome.reason


@pytest.mark.parametrize("url", ["http://1.2.3.999/", "http://xn--/", "http://a.example/\x00"])
async def test_urls_that_no_server_could_answer_are_failures(url: str, new_client: NewClient) -> None:
    """Whoever refuses them: the name servers, h11, or the system."""
    resolver = Resolver(lookup=lambda host: NoAddress(reason=f"{host} does not exist"))
    client = await new_client(resolver=resolver)
    outcome = await client.get(url, max_bytes=10, accept="*/*")
    resolver.close()
    assert isinstance(outcome, FetchFailed)
    assert outcome.kind in ("protocol", "dns")


# --- redirects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_one_get_is_one_request(status: int, get: Get, serve: Serve) -> None:
    """A redirect, also within the host, is for the caller to follow when the host's turn has come."""
    site = await serve(redirect("/2", f"{status} Moved"), answer(FEED))
    outcome = await get(site.url("/1"), validators=BOTH)
    assert outcome == Redirected(url=site.url("/2"), permanent=status in (301, 308))
    assert [request.path for request in site.requests] == ["/1"]


async def test_a_redirect_tells_how_long_to_wait(get: Get, serve: Serve) -> None:
    """Retry-After stands on redirects, too."""
    site = await serve(answer(b"", "Location: /2", "Retry-After: 90", status="302 Found"))
    assert await get(site.url()) == Redirected(url=site.url("/2"), permanent=False, retry_after_s=90.0)


@pytest.mark.parametrize("origin", ["another port", "another host", "plain HTTP"])
async def test_no_secret_follows_a_redirect(
    origin: str, get: Get, serve: Serve, tls: Callable[..., ssl.SSLContext]
) -> None:
    """Neither the owner's headers nor the credentials of the URL are part of where it leads; nor does anything go."""
    other = await serve(answer(FEED))
    away = other.url("/feed", host="other.localhost" if origin == "another host" else "127.0.0.1")
    site = await serve(redirect(away), tls=tls("127.0.0.1") if origin == "plain HTTP" else None)
    outcome = await get(site.url().replace("//", "//me:hunter2@"), headers={"X-Key": "hunter2"})
    assert outcome == Redirected(url=away, permanent=False)
    assert site.requests[0].header("x-key") == "hunter2"
    assert other.connections == 0


async def test_credentials_in_a_location_are_a_strangers(get: Get, serve: Serve) -> None:
    """They are neither sent nor handed on."""
    site = await serve(redirect("http://me:pw@other.example/x"))
    assert await get(site.url()) == Redirected(url="http://other.example/x", permanent=False)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://a.example/", "gopher://127.0.0.1:6379/_x", "http://xn--/", "//[::1"]
)
async def test_redirects_away_from_the_web_lead_nowhere(location: str, get: Get, serve: Serve) -> None:
    """Not to files, not to other protocols, not to names that are none."""
    outcome = await get((await serve(redirect(location))).url())
    assert outcome in (
        FetchFailed(kind="redirects", reason=ANY),
        Redirected(url="http://xn--/", permanent=False),
    )


# --- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "a.localhost",
        "localhost.",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0",
        "[::1]",
        "[::]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
    ],
)
async def test_loopback_is_refused_however_it_is_written(host: str, new_client: NewClient, serve: Serve) -> None:
    """Refused after the look-up, before any connection, naming the setting that would allow it."""
    site = await serve(answer(FEED))
    outcome = await (await new_client(allow=())).get(site.url(host=host), max_bytes=10_000, accept="*/*")
    assert outcome == FetchFailed(kind="address", reason=ANY)
    assert host.strip("[].") in outcome.reason
    assert "fetch.allow_addresses" in outcome.reason
    assert site.connections == 0


@pytest.mark.parametrize("host", ["0177.0.0.1", "127.0.0.1.", "0x7f.0x0.0x0.0x1"])
async def test_forms_of_loopback_that_are_no_url_are_not_asked_for_either(
    host: str, new_client: NewClient, serve: Serve
) -> None:
    """Whoever refuses them: the system reads the octal one as 127.0.0.1."""
    site = await serve(answer(FEED))
    outcome = await (await new_client(allow=())).get(site.url(host=host), max_bytes=10_000, accept="*/*")
    assert isinstance(outcome, FetchFailed)
    assert outcome.kind in ("address", "protocol")
    assert site.connections == 0


@pytest.mark.parametrize("host", ["localhost", "feeds.localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_loopback_can_be_allowed(host: str, get: Get, serve: Serve) -> None:
    """In every form, names under localhost included."""
    site = await serve(answer(FEED))
    assert isinstance(await get(site.url(host=host)), Fetched)


async def test_a_redirect_to_an_address_that_is_not_public_is_refused_at_its_turn(
    new_client: NewClient, serve: Serve
) -> None:
    """Every hop is checked: the host's turn comes, and ends at its address."""
    client = await new_client(allow=("127.0.0.1/32",))
    site = await serve(redirect("http://127.0.0.2/latest/meta-data/"))
    away = await client.get(site.url(), max_bytes=10_000, accept="*/*")
    assert isinstance(away, Redirected)
    outcome = await client.get(away.url, max_bytes=10_000, accept="*/*")
    assert outcome == FetchFailed(kind="address", reason=ANY)


async def test_a_name_that_changes_its_mind_reaches_only_what_was_checked(new_client: NewClient, serve: Serve) -> None:
    """DNS rebinding: each connection has one look-up, and goes where that one said."""
    answers = ["127.0.0.2", "127.0.0.1"]
    resolver = Resolver(lookup=lambda _: (ip_address(answers.pop(0)),), keep_s=0.0)
    client = await new_client(allow=("127.0.0.2/32",), resolver=resolver)
    site = await serve(then_close(answer(FEED)), host="127.0.0.2")
    url = site.url(host="rebinding.example")
    assert isinstance(await client.get(url, max_bytes=10_000, accept="*/*"), Fetched)
    assert answers == ["127.0.0.1"]
    assert await client.get(url, max_bytes=10_000, accept="*/*") == FetchFailed(kind="address", reason=ANY)
    resolver.close()


async def test_a_name_that_does_not_exist_is_a_failure_of_dns(new_client: NewClient) -> None:
    """With the resolver's reason."""
    resolver = Resolver(lookup=lambda host: NoAddress(reason=f"{host} does not exist"))
    client = await new_client(resolver=resolver)
    outcome = await client.get("http://nowhere.example/", max_bytes=10, accept="*/*")
    assert outcome == FetchFailed(kind="dns", reason="nowhere.example does not exist")
    resolver.close()


# --- connections and TLS ------------------------------------------------------------------------------------------


async def test_a_refused_connection_says_so(get: Get, serve: Serve) -> None:
    """With the host, its address and the port."""
    free = await serve(answer())
    port = free.port
    async with asyncio.timeout(5):
        server = await asyncio.start_server(free.converse, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
    assert await get(f"http://a.localhost:{port}/") == FetchFailed(
        kind="connect", reason=f"a.localhost (127.0.0.1), port {port}: Connection refused"
    )


async def test_tls_is_spoken_with_the_name_of_the_url(
    get: Get, serve: Serve, tls: Callable[..., ssl.SSLContext]
) -> None:
    """The connection goes to an address, the certificate is checked against the name."""
    site = await serve(answer(FEED), tls=tls("good.localhost"))
    assert isinstance(await get(site.url(host="good.localhost")), Fetched)
    outcome = await get(site.url(host="bad.localhost"))
    assert outcome == FetchFailed(kind="tls", reason=ANY)
    assert outcome.reason.startswith("certificate verify failed: Hostname mismatch")


async def test_a_certificate_nobody_vouches_for_is_refused(new_client: NewClient, serve: Serve) -> None:
    """By the public authorities that are the default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    site = await serve(answer(FEED), tls=context)
    outcome = await (await new_client(verify=None)).get(site.url(), max_bytes=10, accept="*/*")
    assert outcome == FetchFailed(
        kind="tls", reason="certificate verify failed: unable to get local issuer certificate"
    )


async def test_what_is_no_tls_is_a_failure_of_tls(get: Get) -> None:
    """A hang-up during the handshake, and plain HTTP where TLS was asked for."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async def talk_back(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    for script, reason in (
        (hang_up, "the connection broke during the TLS handshake"),
        (talk_back, "TLS failed: wrong version number (is it an http:// URL?)"),
    ):
        async with await asyncio.start_server(script, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await get(f"https://127.0.0.1:{port}/") == FetchFailed(kind="tls", reason=reason)


# --- the client itself --------------------------------------------------------------------------------------------


async def test_connections_are_used_again(client: Client, get: Get, serve: Serve) -> None:
    """One after the other, requests to a host share a connection."""
    site = await serve(answer(FEED))
    for _ in range(5):
        await get(site.url())
    assert site.connections == 1
    assert len(connections(client)) == 1


async def test_no_more_than_the_allowed_connections_are_open(new_client: NewClient, serve: Serve) -> None:
    """Gets beyond them wait outside the pool, and their time starts with their turn."""
    client = await new_client(max_connections=3, timeout_s=1.0)
    under_way, most = 0, 0

    async def slow(_: object, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        await asyncio.sleep(0.2)
        under_way -= 1
        writer.write(answer(FEED))

    site = await serve(slow)
    outcomes = await asyncio.gather(*(client.get(site.url(), max_bytes=10_000, accept="*/*") for _ in range(20)))
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)
    assert most == 3


async def test_the_client_closes_the_resolver_it_made(serve: Serve) -> None:
    """And all its connections; its threads end."""
    site = await serve(answer(FEED))
    async with Client(user_agent="x", timeout_s=5, allow=[ip_network("127.0.0.0/8")]) as client:
        assert isinstance(await client.get(site.url(host="2130706433"), max_bytes=10_000, accept="*/*"), Fetched)
        threads = [thread for thread in threading.enumerate() if thread.name == "dns-1"]
        assert threads
    assert connections(client) == []
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


# --- posts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (answer(b"ok"), Accepted(status=200)),
        (answer(b"", status="202 Accepted"), Accepted(status=202)),
        (answer(b"", status="204 No Content"), Accepted(status=204)),
        (answer(b"x" * 1_000_000), Accepted(status=200)),
        (answer(b"", "Retry-After: 7", status="429 Too Many Requests"), Throttled(status=429, retry_after_s=7.0)),
        (answer(b"no", status="400 Bad Request"), FetchFailed(kind="status", status=400, reason=ANY)),
        (redirect("/elsewhere"), Redirected(url=ANY, permanent=ANY)),
    ],
    ids=["200", "202", "204", "a large answer", "patience", "refused", "redirected"],
)
async def test_a_form_is_posted(raw: bytes, expected: object, new_client: NewClient, serve: Serve) -> None:
    """In one request, urlencoded; any 2xx accepts it, and no more of the answer is read than that."""
    site = await serve(raw)
    client = await new_client()
    assert await client.post(site.url(), {"hub.topic": "https://a.example/?a=b&c", "hub.secret": "ü"}) == expected
    (request,) = site.requests
    assert request.raw.startswith(b"POST ")
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    assert request.raw.endswith(b"hub.topic=https%3A%2F%2Fa.example%2F%3Fa%3Db%26c&hub.secret=%C3%BC")


async def test_a_form_is_not_posted_to_an_address_that_is_not_public(new_client: NewClient, serve: Serve) -> None:
    """The guard of every request holds for it."""
    site = await serve(answer(b"ok"))
    client = await new_client(allow=())
    outcome = await client.post(site.url(), {"a": "b"})
    assert isinstance(outcome, FetchFailed)
    assert (outcome.kind, site.requests) == ("address", [])
