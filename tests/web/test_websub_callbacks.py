"""The callbacks of hubs: only who was asked is heard, and what is pushed is only a hint."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests.store.samples import HOUR, KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans, Run, make_version
from worker.model import FeedId, Hub, Millis, Poll, Subscribe, Subscribed
from worker.pipeline import Hubs
from worker.store import Store
from worker.web import callbacks

TOPIC = "https://a.example/feed"
BODY = b"<rss>what the hub says</rss>"
LONGEST = 1000


@dataclass
class Callback:
    """A subscription that a hub knows, and its hub."""

    run: Run
    client: httpx.AsyncClient
    asked: Subscribe
    woken: list[None] = field(default_factory=list)

    async def get(self, *, token: str | None = None, **asked: str) -> httpx.Response:
        params = {f"hub.{name}": value for name, value in asked.items()}
        return await self.client.get(f"/websub/{token or self.asked.token}", params=params)

    async def push(
        self, body: bytes = BODY, *, signature: str | None = None, token: str | None = None
    ) -> httpx.Response:
        headers = {} if signature is None else {"X-Hub-Signature": signature}
        return await self.client.post(f"/websub/{token or self.asked.token}", content=body, headers=headers)

    def signed(self, body: bytes = BODY, method: str = "sha256") -> str:
        return f"{method}={hmac.new(self.asked.secret.encode(), body, method).hexdigest()}"

    async def polls(self) -> int:
        """Polls that have come due; an hour later there will be one anyway."""
        works = await self.run.claim_all()
        return len([work for work in works if isinstance(work, Poll)])


@pytest.fixture
async def callback(tmp_path: Path) -> AsyncIterator[Callback]:
    plans = Plans()
    async with Store(
        tmp_path / "state.db",
        policies=lambda _: NO_PATIENCE,
        planner=plans,
        window_ms=WINDOW_MS,
        keep_ms=KEEP_MS,
        websub=True,
    ) as store:
        run = Run(store, plans)
        await run.start("a")
        version = make_version("v1", hub=Hub(url="https://hub.example/", topic=TOPIC))
        await run.poll("a", version=version, next_due=Millis(run.now + HOUR))
        work = await run.poll_of()
        assert work.subscribe is not None
        await run.finish(Subscribed(lease=work.lease, feed_id=FeedId("a"), at=run.now, error=None))
        run.later(HOUR // 2)
        woken: list[None] = []
        hubs = Hubs(store=store, clock=lambda: run.now, wake=lambda: woken.append(None))
        app = Starlette(routes=callbacks(hubs, max_bytes=LONGEST))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://feedmill.example") as client:
            yield Callback(run=run, client=client, asked=work.subscribe, woken=woken)


async def test_intent_is_confirmed_with_the_challenge(callback: Callback) -> None:
    """For the topic that was asked for."""
    answer = await callback.get(mode="subscribe", topic=TOPIC, challenge="c<h>&", lease_seconds="864000")
    assert (answer.status_code, answer.text) == (200, "c<h>&")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"topic": "https://evil.example/"}, id="another topic"),
        pytest.param({"topic": ""}, id="no topic"),
        pytest.param({"mode": "unsubscribe"}, id="to be left"),
        pytest.param({"mode": "publish"}, id="another mode"),
        pytest.param({"token": "guessed"}, id="never asked for"),
        pytest.param({"token": "guessed", "mode": "denied"}, id="denied, never asked for"),
        pytest.param({"mode": "denied", "topic": "https://evil.example/"}, id="denied, another topic"),
    ],
)
async def test_what_was_not_asked_for_is_not_confirmed(callback: Callback, asked: dict[str, str]) -> None:
    """404, as the specification wants it."""
    answer = await callback.get(**({"mode": "subscribe", "topic": TOPIC, "challenge": "x"} | asked))
    assert (answer.status_code, answer.text == "x") == (404, False)


async def test_a_question_without_a_challenge_is_none(callback: Callback) -> None:
    """Nor is one that would have us say a book."""
    assert (await callback.get(mode="subscribe", topic=TOPIC)).status_code == 400
    assert (await callback.get(mode="subscribe", topic=TOPIC, challenge="x" * 5000)).status_code == 400


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512", "SHA256"])
async def test_a_signed_push_lets_the_feed_be_polled(callback: Callback, method: str) -> None:
    """At once, and the loop is woken for it."""
    assert await callback.polls() == 0
    signature = callback.signed(method=method.lower()).replace(method.lower(), method)
    assert (await callback.push(signature=signature)).status_code == 202
    assert callback.woken == [None]
    assert await callback.polls() == 1


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("sha256=", id="no digest"),
        pytest.param("sha256=" + "0" * 64, id="wrong"),
        pytest.param("md5=" + hashlib.md5(BODY).hexdigest(), id="a method that is none"),  # noqa: S324
        pytest.param("sha256=" + hashlib.sha256(BODY).hexdigest(), id="a hash without the secret"),
        pytest.param("sha256=\u00fc", id="not ASCII"),
        pytest.param("new=x", id="the name of a function"),
        pytest.param("sha256=" + hmac.new(b"", BODY, "sha256").hexdigest(), id="an empty secret"),
    ],
)
async def test_a_push_that_is_not_signed_rightly_does_nothing(callback: Callback, signature: str | None) -> None:
    """And its sender learns nothing by it."""
    if signature is not None and not signature.isascii():
        header = {"X-Hub-Signature": signature.encode("latin-1")}
        answer = await callback.client.post(f"/websub/{callback.asked.token}", content=BODY, headers=header)
    else:
        answer = await callback.push(signature=signature)
    assert (answer.status_code, answer.text) == (202, "")
    assert callback.woken == []
    assert await callback.polls() == 0


async def test_the_signature_of_one_body_is_none_of_another(callback: Callback) -> None:
    """Nor that of another feed's secret."""
    await callback.push(BODY + b" ", signature=callback.signed())
    assert await callback.polls() == 0


async def test_a_replayed_push_brings_no_more_polls_than_one(callback: Callback) -> None:
    """Ten seconds apart at the most, whoever has recorded it."""
    for _ in range(50):
        await callback.push(signature=callback.signed())
    assert await callback.polls() == 1
    (work,) = [work for work in callback.run.held if isinstance(work, Poll)]
    await callback.run.finish(callback.run.polled(work, next_due=Millis(callback.run.now + HOUR)))
    for _ in range(50):
        await callback.push(signature=callback.signed())
    assert await callback.polls() == 0


async def test_a_push_to_nobody_is_told_to_end(callback: Callback) -> None:
    """410: the hub drops the subscription; its body is not read."""
    assert (await callback.push(signature="sha256=x", token="guessed")).status_code == 410
    await callback.run.store.take_up({FeedId("a"): None}, now=callback.run.now)
    assert (await callback.push(signature=callback.signed())).status_code == 410


async def test_a_push_that_is_too_large_is_not_read(callback: Callback) -> None:
    """By what it declares, and by what comes."""
    big = b"x" * (LONGEST + 1)
    assert (await callback.push(big, signature=callback.signed(big))).status_code == 413

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * LONGEST:
            sent += 100
            yield b"x" * 100

    answer = await callback.client.post(f"/websub/{callback.asked.token}", content=endless())
    assert answer.status_code == 413
    assert await callback.polls() == 0


async def test_a_push_that_does_not_come_to_its_end_is_given_up(
    callback: Callback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds nothing up meanwhile."""
    monkeypatch.setattr("worker.web.websub.BODY_S", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(5)
        yield b"x"

    async with asyncio.timeout(4):
        answer = await callback.client.post(f"/websub/{callback.asked.token}", content=slow())
    assert answer.status_code == 408


@pytest.mark.parametrize("lease", ["", "-1", "x", "9" * 50, "0", "864000", "1e9"])
async def test_a_lease_is_a_number_or_a_day(callback: Callback, lease: str) -> None:
    """Whatever a hub says, the answer is the challenge."""
    answer = await callback.get(mode="subscribe", topic=TOPIC, challenge="c", lease_seconds=lease)
    assert (answer.status_code, answer.text) == (200, "c")


async def test_a_denial_is_heard(callback: Callback) -> None:
    """It is no error of the hub's."""
    assert (await callback.get(mode="denied", topic=TOPIC, reason="no\nreason")).status_code == 200
