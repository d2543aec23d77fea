"""Probes: alive, ready, and strictly so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.web.conftest import NOW, Desk
from worker.model import FeedId, Millis
from worker.schedule import Silence
from worker.telemetry.vitals import Vitals

TOKEN = "correct-horse-battery"


@pytest.mark.parametrize(
    ("vitals", "health", "ready"),
    [
        pytest.param(Vitals(started_at=NOW, ticked_at=NOW), "ok", "ok", id="well"),
        pytest.param(Vitals(), "ok", "starting: ", id="not yet begun"),
        pytest.param(
            Vitals(started_at=NOW, ticked_at=Millis(NOW - 31_000)), "stalled", "stalled: no tick for 31", id="stalled"
        ),
        pytest.param(Vitals(started_at=NOW, ticked_at=NOW, refused="disk I/O"), "ok", "state: disk I/O", id="state"),
        pytest.param(Vitals(started_at=NOW, ticked_at=NOW, unsealed="not mounted"), "ok", "output: not m", id="output"),
        pytest.param(Vitals(started_at=NOW, ticked_at=NOW, shortage="3 MB left"), "ok", "room: 3 MB left", id="room"),
        pytest.param(Vitals(started_at=NOW, ticked_at=NOW, stopping=True), "ok", "stopping: ", id="asked to stop"),
    ],
)
async def test_probes_say_whether_it_lives_and_what_keeps_it_from_working(
    desk: Desk, vitals: Vitals, health: str, ready: str
) -> None:
    """503 where it does not; restarting helps in the one case, waiting in the other."""
    desk.sources = replace(desk.sources, vitals=vitals)
    async with desk.client() as asked:
        alive, able = await asked.get("/healthz"), await asked.get("/readyz")
    assert (alive.text.strip(), alive.status_code) == (health, 200 if health == "ok" else 503)
    assert able.text.startswith(ready)
    assert able.status_code == (200 if ready == "ok" else 503)


async def test_strangers_learn_from_a_probe_what_is_wrong_but_not_where(desk: Desk) -> None:
    """The reason may name paths."""
    vitals = Vitals(started_at=NOW, ticked_at=NOW, shortage="/srv/secret has 3 MB left")
    desk.sources = replace(desk.sources, vitals=vitals)
    async with desk.client(token=TOKEN) as asked:
        assert (await asked.get("/readyz")).text == "room\n"
        known = await asked.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        assert "/srv/secret" in known.text


async def test_asked_strictly_it_is_not_ready_while_feeds_are_silent(desk: Desk) -> None:
    """Five are named; without `strict` they say nothing of readiness."""
    for name in "abcdefg":
        desk.silent[FeedId(name)] = Silence(feed_id=FeedId(name), since=NOW, new_at=None, expect_ms=1)
    async with desk.client() as asked:
        assert (await asked.get("/readyz")).status_code == 200
        strict = await asked.get("/readyz?strict=1")
    assert (strict.status_code, strict.text) == (503, "silent: a, b, c, d, e and 2 more\n")
