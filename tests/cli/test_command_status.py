"""status: what it says of silence, and of the page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from tests.cli.conftest import Feedmill
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans, Run, make_entry, make_feed
from worker.app import now
from worker.model import Millis
from worker.store import Store

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
