"""status: what it says of silence, and of the page."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import orjson

from tests.cli.conftest import ENVIRONMENT, Feedmill
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans, Run, make_entry, make_feed, make_member
from worker.model import Millis
from worker.store import Store
from worker.store.database.holding import locked
from worker.wiring.app import now

HOUR = 3_600_000
WORKER = "state: sqlite:///state.db\nweb: {listen: '127.0.0.1:9999'}\n"
FEEDS = """
defaults: {expect: 6h}
feeds:
  - {url: https://quiet.example/feed, id: quiet}
  - {url: https://lively.example/feed, id: lively}
  - {url: https://paused.example/feed, id: paused}
  - {url: https://slow.example/feed, id: slow, expect: 30d}
"""


async def fill(path: Path) -> None:
    """All are polled ten hours ago; one of them has brought something an hour ago."""
    plans = Plans()
    run_ = Run(
        store := Store(path, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS),
        plans,
        Millis(now() - 10 * HOUR),
    )
    async with store:
        await run_.start(*(make_feed(name) for name in ("quiet", "lively", "paused", "slow")))
        for name in ("quiet", "lively", "paused", "slow"):
            await run_.poll(name, make_entry("one", feed=name))
        run_.later(9 * HOUR)
        await run_.poll("lively", make_entry("two", feed="lively"))
        await store.pause(["paused"])  # type: ignore[list-item]


def test_status_tells_of_silence_and_of_the_page(feedmill: Feedmill, tmp_path: Path) -> None:
    """A feed that brings something in time, one that need not yet, and one that is paused are not silent."""
    (tmp_path / "worker.yaml").write_text(WORKER)
    (tmp_path / "feeds.yaml").write_text(FEEDS)
    asyncio.run(fill(tmp_path / "state.db"))
    said = orjson.loads(feedmill("status", "--config", "worker.yaml", "--json").stdout)
    assert [feed["id"] for feed in said["feeds"] if feed["silent_since"]] == ["quiet"]
    text = " ".join(feedmill("status", "--config", "worker.yaml").stdout.split())
    assert text.count("silent") == 1
    assert "More, while it runs: http://127.0.0.1:9999" in text


def test_status_says_whether_a_worker_is_running(feedmill: Feedmill, tmp_path: Path) -> None:
    """What it says of next polls is empty words without one."""
    (tmp_path / "worker.yaml").write_text(WORKER)
    (tmp_path / "feeds.yaml").write_text(FEEDS)
    asyncio.run(fill(tmp_path / "state.db"))
    command = ("status", "--config", "worker.yaml")
    assert "No worker is running\n" in feedmill(*command).stdout
    assert orjson.loads(feedmill(*command, "--json").stdout)["running"] is False
    with locked(tmp_path / "state.db"):
        assert "No worker" not in feedmill(*command).stdout
        assert orjson.loads(feedmill(*command, "--json").stdout)["running"] is True


def test_what_only_looks_goes_on_beside_a_broken_list(feedmill: Feedmill, tmp_path: Path) -> None:
    """A mistake in a feed list is told, and keeps nobody from looking, nor from a copy of the state."""
    (tmp_path / "worker.yaml").write_text(WORKER)
    (tmp_path / "feeds.yaml").write_text(FEEDS.replace("expect: 30d", "expects: 30d"))
    asyncio.run(fill(tmp_path / "state.db"))
    for command in (["status"], ["why", "paused"], ["backup", "copy.db"]):
        assert "did you mean" in feedmill(*command, "--config", "worker.yaml").stderr
    assert (tmp_path / "copy.db").stat().st_size > 0
    said = feedmill("feeds", "--config", "worker.yaml", status=2).stderr
    assert "did you mean" in said
    assert "status, why, pause" in said


def test_a_feed_that_is_paused_is_polled_no_more(feedmill: Feedmill, tmp_path: Path) -> None:
    """That is what `why` says of it, each word once."""
    (tmp_path / "worker.yaml").write_text(WORKER)
    (tmp_path / "feeds.yaml").write_text(FEEDS)
    asyncio.run(fill(tmp_path / "state.db"))
    said = feedmill("why", "paused", "--config", "worker.yaml").stdout
    assert "  polled    10 h ago, no more for now\n  because   paused\n" in said


def test_a_pipe_gets_a_feed_to_a_line(tmp_path: Path) -> None:
    """Whatever reads along has no 80 columns; who names COLUMNS means it."""
    (tmp_path / "worker.yaml").write_text(WORKER)
    long = "a" * 100
    (tmp_path / "feeds.yaml").write_text(f"feeds: [{{url: https://quiet.example/feed, id: {long}}}]\n")
    command = [sys.executable, "-m", "worker.cli", "feeds", "--config", str(tmp_path / "worker.yaml")]
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "COLUMNS"}
    wide = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert sum(long in line and "as it publishes" in line for line in wide.splitlines()) == 1
    assert not any(line.endswith(" ") for line in wide.splitlines())
    narrow = subprocess.run(command, env={**environment, "COLUMNS": "80"}, capture_output=True, text=True, check=True)
    assert max(map(len, narrow.stdout.splitlines())) <= 80


def test_status_tells_of_those_who_share_a_state(feedmill: Feedmill, tmp_path: Path) -> None:
    """What each does, and which of them are silent; of a state that one process holds, nothing."""
    (tmp_path / "worker.yaml").write_text(WORKER)
    (tmp_path / "feeds.yaml").write_text(FEEDS)
    asyncio.run(fill(tmp_path / "state.db"))
    assert orjson.loads(feedmill("status", "--config", "worker.yaml", "--json").stdout)["workers"] == []

    async def two() -> None:
        store = Store(
            tmp_path / "state.db", policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS
        )
        async with store:
            await store.note_member(make_member("m1", seen_at=now(), under_way=3, most=64, backlog=12))
            silent = make_member("m2", seen_at=Millis(now() - 60_000), roles=frozenset({"fetch"}), most=5)
            await store.note_member(silent)

    asyncio.run(two())
    said = orjson.loads(feedmill("status", "--config", "worker.yaml", "--json").stdout)
    assert said["running"] is True
    assert [(one["name"], one["alive"], one["backlog"], one["most"]) for one in said["workers"]] == [
        ("m1", True, 12, 64),
        ("m2", False, None, 5),
    ]
    text = " ".join(feedmill("status", "--config", "worker.yaml").stdout.split())
    assert "m1 mill-1/7 1.2.3" in text
    assert "3 of 64 12" in text
