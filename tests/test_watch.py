"""Feeds that fall silent, and who is told of it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.site import Answer, Site
from tests.store.samples import (
    DAY,
    HOUR,
    KEEP_MS,
    MINUTE,
    NO_PATIENCE,
    START,
    WINDOW_MS,
    Plans,
    Run,
    make_entry,
    make_feed,
)
from worker.fetch import post_json
from worker.model import Feed, FeedId, Millis
from worker.schedule import Silence, silence
from worker.store import Reader, Store
from worker.watch import MOST_TOLD, Watch, changed, message

A = FeedId("a")


@pytest.mark.parametrize(
    ("new_at", "polled_at", "watched_from", "now", "expected"),
    [
        pytest.param(5 * HOUR, 8 * HOUR, 0, 10 * HOUR, False, id="in time"),
        pytest.param(5 * HOUR, 12 * HOUR, 0, 12 * HOUR, True, id="late, and polled since"),
        pytest.param(None, 7 * HOUR, 0, 7 * HOUR, True, id="never anything"),
        pytest.param(None, None, 0, 5 * HOUR, False, id="just listed"),
        pytest.param(5 * HOUR, 6 * HOUR, 99 * HOUR, 100 * HOUR, False, id="the worker was away"),
        pytest.param(5 * HOUR, 6 * HOUR, 93 * HOUR, 100 * HOUR, True, id="it has been back for long"),
        pytest.param(5 * HOUR, 99 * HOUR, 99 * HOUR, 100 * HOUR, True, id="it is back, and has polled"),
    ],
)
def test_when_a_feed_is_silent(
    new_at: int | None, polled_at: int | None, watched_from: int, now: int, expected: bool
) -> None:
    """Something is expected each six hours; it was listed at nought."""
    found = silence(
        feed_id=A,
        expect_ms=6 * HOUR,
        added_at=Millis(0),
        new_at=None if new_at is None else Millis(new_at),
        polled_at=None if polled_at is None else Millis(polled_at),
        watched_from=Millis(watched_from),
        now=Millis(now),
    )
    assert (found is not None) == expected
    if found:
        assert found.since == (new_at or 0) + 6 * HOUR


class Listener:
    """Takes messages, or does not."""

    def __init__(self) -> None:
        self.heard: list[Mapping[str, Any]] = []
        self.problem: str | None = None

    async def __call__(self, value: Mapping[str, object]) -> str | None:
        if self.problem is None:
            self.heard.append(value)
        return self.problem


@asynccontextmanager
async def watched(tmp_path: Path, feeds: Mapping[FeedId, Feed]) -> AsyncIterator[tuple[Run, Reader]]:
    """A state that has these feeds, and what reads beside it."""
    plans, path = Plans(), tmp_path / "state.db"
    async with Store(
        path, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
    ) as store:
        run = Run(store, plans, START)
        await run.start(*feeds.values())
        with Reader(path) as reader:
            yield run, reader


async def test_silence_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    """Who does not listen hears, later, of how things are then; other feeds are nobody's concern."""
    feeds = {A: replace(make_feed("a"), expect_s=6 * 3600.0), FeedId("b"): make_feed("b")}
    clock = [START]
    listener = Listener()
    async with watched(tmp_path, feeds) as (run, reader):
        watch = Watch(reader=reader, feeds=lambda: feeds, clock=lambda: clock[0], tell=lambda: listener)
        await run.poll("a", make_entry("one"))
        await watch.look()
        assert (watch.silent, listener.heard) == ({}, [])

        clock[0] = run.now = Millis(START + 7 * HOUR)
        await run.poll("a")
        listener.problem = "503"
        await watch.look()
        await watch.look()  # within the pause: not tried
        assert set(watch.silent) == {A}
        listener.problem = None
        clock[0] = Millis(clock[0] + 3 * MINUTE)
        await watch.look()
        await watch.look()
        (told,) = listener.heard
        assert [one["feed"] for one in told["silent"]] == ["a"]
        assert told["back"] == []
        assert told["text"].startswith("feedmill: 1 feed silent\na: nothing new for 7 h")

        run.later(HOUR)
        await run.poll("a", make_entry("two"))
        clock[0] = run.now
        await watch.look()
        assert watch.silent == {}
        assert [one["feed"] for one in listener.heard[-1]["back"]] == ["a"]
        assert len(listener.heard) == 2


async def test_a_clock_that_is_set_back_keeps_no_message(tmp_path: Path) -> None:
    """A wrong clock is itself a reason why a message was not delivered: no certificate is valid then."""
    feeds = {A: replace(make_feed("a"), expect_s=6 * 3600.0)}
    clock = [Millis(START + 400 * DAY)]
    listener = Listener()
    async with watched(tmp_path, feeds) as (run, reader):
        watch = Watch(reader=reader, feeds=lambda: feeds, clock=lambda: clock[0], tell=lambda: listener)
        await run.poll("a", make_entry("one"))
        listener.problem = "the certificate has expired"
        clock[0] = Millis(clock[0] + 7 * HOUR)
        await watch.look()
        assert set(watch.silent) == {A}
        listener.problem = None
        clock[0] = run.now = Millis(START + 7 * HOUR)
        await run.poll("a")
        await watch.look()
        assert [one["feed"] for one in listener.heard[0]["silent"]] == ["a"]


async def test_another_listener_is_told_of_all_that_are_silent(tmp_path: Path) -> None:
    """It has heard nothing yet; nor has one that is asked to listen again."""
    feeds = {A: replace(make_feed("a"), expect_s=6 * 3600.0)}
    clock = [START]
    one, other = Listener(), Listener()
    now: list[Listener | None] = [one]
    async with watched(tmp_path, feeds) as (run, reader):
        watch = Watch(reader=reader, feeds=lambda: feeds, clock=lambda: clock[0], tell=lambda: now[0])
        await run.poll("a", make_entry("one"))
        clock[0] = run.now = Millis(START + 7 * HOUR)
        await run.poll("a")
        for listener in (one, None, other, other, one):
            now[0] = listener
            await watch.look()
    assert [len(listener.heard) for listener in (one, other)] == [2, 1]


def test_one_message_has_not_all_of_a_thousand_feeds() -> None:
    """The rest comes with the next."""
    silent = {
        FeedId(f"{n}"): Silence(feed_id=FeedId(f"{n}"), since=Millis(START - n), new_at=None, expect_ms=DAY)
        for n in range(MOST_TOLD + 5)
    }
    first = changed(frozenset(), silent)
    assert len(first.silent) == MOST_TOLD
    second = changed(frozenset(one.feed_id for one in first.silent), silent)
    assert [one.feed_id for one in second.silent] == ["4", "3", "2", "1", "0"]


def test_a_message_tells_no_secret() -> None:
    """A feed's URL is told as it may be."""
    feed = Feed(id=A, url="https://a.example/?key=geheim", public_url="https://a.example/?key=***")
    gone = Silence(feed_id=A, since=START, new_at=None, expect_ms=HOUR)
    said = orjson.dumps(message(changed(frozenset(), {A: gone}), {A: feed}, START))
    assert b"geheim" not in said
    assert b"https://a.example/?key=***" in said


async def test_a_webhook_is_sent_json() -> None:
    """A private address is the operator's choice; any 2xx is thanks, all else is a reason."""
    answers = iter((204, 200, 500, 302))
    with Site() as site:
        url = site.add("hook", "/hook?key=1", lambda _: Answer(status=next(answers)))
        said = [await post_json(url, {"a": "ü"}, user_agent="feedmill/1", timeout_s=5) for _ in range(4)]
    assert said == [None, None, "the server answered 500", "the server answered 302"]
    first = site.requests[0]
    assert (first.headers["content-type"], first.headers["user-agent"]) == ("application/json", "feedmill/1")
    assert orjson.loads(first.body) == {"a": "ü"}


async def test_a_webhook_that_is_not_there_is_a_reason(unused_tcp_port: int) -> None:
    """Refused, or silent for too long; nothing is raised."""
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    assert "refused" in str(await post_json(url, {}, user_agent="x", timeout_s=5)).lower()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes the connection, nobody the request
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        said = await post_json(url, {}, user_agent="x", timeout_s=0.2)
    assert said == "no whole answer within the time allowed"
