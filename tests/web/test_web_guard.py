"""Who may ask the worker's own web, and under which name."""

from __future__ import annotations

import base64

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from worker.web.guard import Guard

TOKEN = "correct-horse-battery"


def client(*, token: str | None = None, host: str = "127.0.0.1:8787") -> httpx.AsyncClient:
    async def found(_: object) -> PlainTextResponse:
        return PlainTextResponse("found")

    paths = ("/healthz", "/readyz", "/metrics", "/websub/a", "/page")
    app = Guard(Starlette(routes=[Route(path, found) for path in paths]), token=token)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:8787", 200, id="the address"),
        pytest.param("127.8.9.1", 200, id="another of the network"),
        pytest.param("localhost:8787", 200, id="the name"),
        pytest.param("[::1]:8787", 200, id="IPv6"),
        pytest.param("evil.example", 421, id="a name that was made to lead here"),
        pytest.param("127.0.0.1.evil.example", 421, id="one that begins like an address"),
        pytest.param("localhost.evil.example:8787", 421, id="one that begins like the name"),
        pytest.param("192.168.1.5:8787", 421, id="a private address"),
    ],
)
async def test_without_a_token_only_this_machine_is_answered_under_its_own_names(host: str, status: int) -> None:
    """DNS rebinding: the page of a stranger comes with the stranger's name."""
    async with client(host=host) as asked:
        assert (await asked.get("/page")).status_code == status


def basic(password: str, user: str = "me") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param(f"Bearer {TOKEN}", 200, id="bearer"),
        pytest.param(f"bearer {TOKEN}", 200, id="schemes have no case"),
        pytest.param(basic(TOKEN), 200, id="a browser"),
        pytest.param(basic(TOKEN, user=""), 200, id="a browser without a user"),
        pytest.param("", 401, id="nothing"),
        pytest.param(f"Bearer {TOKEN}x", 401, id="wrong"),
        pytest.param("Bearer ", 401, id="empty"),
        pytest.param(basic("wrong"), 401, id="a wrong password"),
        pytest.param("Basic !!!", 401, id="not base64"),
        pytest.param(f"Digest {TOKEN}", 401, id="another scheme"),
        pytest.param(TOKEN, 401, id="no scheme"),
    ],
)
async def test_with_a_token_it_is_asked_of_everybody(authorization: str, status: int) -> None:
    """By any name; a browser is told how to ask its user."""
    async with client(token=TOKEN, host="status.example.org") as asked:
        answer = await asked.get("/page", headers={"Authorization": authorization} if authorization else {})
    assert answer.status_code == status
    assert ("Basic" in answer.headers.get("www-authenticate", "")) == (status == 401)


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_probes_and_hubs_need_no_token_and_no_name(token: str | None) -> None:
    """Supervisors ask by an address; hubs by the public URL."""
    async with client(token=token, host="10.1.2.3:8787") as asked:
        for path in ("/healthz", "/readyz", "/websub/a"):
            assert (await asked.get(path)).status_code == 200
        assert (await asked.get("/healthz/../metrics")).status_code in (401, 421)


async def test_every_answer_carries_the_headers_that_bind_browsers() -> None:
    """Refusals, too."""
    for host in ("127.0.0.1", "evil.example"):
        async with client(host=host) as asked:
            headers = (await asked.get("/page")).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
