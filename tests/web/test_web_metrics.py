"""/metrics: what Prometheus reads, by its own parser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.store.samples import HOUR, MINUTE, SECOND, START, make_draft
from tests.web.conftest import NOW, Desk
from worker.errors import StateError
from worker.model import EntryId, FeedId, Finished, IngestDone, Lease, Millis, PollDone
from worker.schedule import Silence
from worker.web.metrics import MOST_FEEDS

DEPLOY = Path(__file__).parents[2] / "deploy" / "README.md"
LEASE = Lease(work_id=1, host_id=1, slot=0, token=1, expires_at=START)


async def told(desk: Desk) -> dict[str, float]:
    """Each sample's value by its name and labels, as they are written."""
    async with desk.client() as asked:
        answer = await asked.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_it_tells_of_work_state_and_machine(desk: Desk) -> None:
    """Counters from nought on, so that the first of anything is an increase."""
    of = desk.sources
    of.meters.add(PollDone(lease=LEASE, feed_id=FeedId("a"), at=NOW, unchanged=True), Finished())
    of.meters.add(PollDone(lease=LEASE, feed_id=FeedId("a"), at=NOW, failure="dns"), Finished())
    of.meters.add(PollDone(lease=LEASE, feed_id=FeedId("a"), at=NOW), Finished(accepted=False))
    of.meters.seal([Millis(NOW - 40 * SECOND), None], records=2, now=NOW)
    of.cpu.timeouts = 3
    found = await told(desk)
    wanted = {
        'feedmill_polls_total{outcome="unchanged"}': 1,
        'feedmill_polls_total{outcome="dns"}': 1,
        'feedmill_polls_total{outcome="read"}': 0,
        "feedmill_leases_lost_total": 1,
        "feedmill_records_sealed_total": 2,
        'feedmill_entry_sealed_seconds_bucket{le="30.0"}': 0,
        'feedmill_entry_sealed_seconds_bucket{le="60.0"}': 1,
        "feedmill_entry_sealed_seconds_sum": 40,
        "feedmill_last_poll_timestamp_seconds": NOW / 1000,
        'feedmill_cpu_kills_total{reason="timeout"}': 3,
        'feedmill_feeds{state="failing"}': 1,
        'feedmill_queue_entries{kind="new"}': 1,
        "feedmill_quarantined_entries": 1,
        "feedmill_outbox_records": 1,
        "feedmill_jobs_limit": 64,
        'feedmill_build_info{version="1.2.3"}': 1,
        "feedmill_feeds_flawed": 1,
        "feedmill_feeds_expected": 1,
        "feedmill_feeds_silent": 0,
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert found["feedmill_state_bytes"] > 10_000
    assert found['feedmill_free_bytes{of="output"}'] > 0


async def test_the_stream_of_records_tells_how_far_it_is(desk: Desk) -> None:
    """What it has, what it can't take, and how late it is; nothing where there is none."""
    assert desk.sources.streamed is not None
    desk.sources.streamed.records, desk.sources.streamed.too_large = 7, 1
    desk.sources.streamed.refused = "the broker is not reached"
    desk.sources.streamed.waiting = {Path("a"): NOW, Path("b"): Millis(NOW - 40 * SECOND)}
    found = await told(desk)
    assert {name: number for name, number in found.items() if "stream" in name} == {
        "feedmill_records_streamed_total": 7,
        "feedmill_records_unstreamed_total": 1,
        "feedmill_stream_refusing": 1,
        "feedmill_stream_lag_seconds": 40,
    }
    async with desk.client() as asked:
        page = (await asked.get("/")).text
    assert "Records don&#39;t get to their stream" in page
    assert "the broker is not reached" in page
    assert "1 record left out of the stream" in page
    none = replace(desk, sources=replace(desk.sources, streamed=None))
    assert not any("stream" in name for name in await told(none))


async def test_each_is_documented_as_it_tells_of_itself(desk: Desk) -> None:
    """deploy/README.md has a row for each: its name and type, its labels, its line of help; and none that is not."""
    of = desk.sources
    done = IngestDone(lease=LEASE, entry_id=EntryId(1), at=NOW, draft=make_draft("x"))
    of.meters.add(done, Finished(op="new"))
    desk.silent[FeedId("quiet")] = Silence(feed_id=FeedId("quiet"), since=START, new_at=None, expect_ms=HOUR)
    async with desk.client() as asked:
        text = (await asked.get("/metrics")).text
    rows = set()
    for family in text_string_to_metric_families(text):
        if family.name.startswith("feedmill_"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            name = f"{family.name}_total" if family.type == "counter" else family.name
            rows.add(f"| `{name}` | {family.type} | {', '.join(sorted(labels))} | {family.documentation} |")
    written = {line for line in DEPLOY.read_text(encoding="utf-8").split("\n") if line.startswith("| `feedmill_")}
    assert sorted(rows) == sorted(written)


async def test_names_are_by_the_conventions(desk: Desk) -> None:
    """A prefix, base units, _total for what counts and for nothing else; a line of help each."""
    async with desk.client() as asked:
        text = (await asked.get("/metrics")).text
    for family in text_string_to_metric_families(text):
        if family.name.startswith("process_"):
            continue
        assert re.fullmatch("feedmill_[a-z_]+", family.name)
        assert family.documentation
        assert not family.name.endswith(("_ms", "_millis", "_minutes", "_kb", "_mb"))
        names = {sample.name for sample in family.samples}
        assert any(name.endswith("_total") for name in names) <= (family.type == "counter")


async def test_feeds_are_labels_only_where_silent_and_never_many(desk: Desk) -> None:
    """Those that are silent the longest."""
    for number in range(MOST_FEEDS + 50):
        feed_id = FeedId(f"f{number:04}")
        desk.silent[feed_id] = Silence(
            feed_id=feed_id, since=Millis(START + number * MINUTE), new_at=None, expect_ms=HOUR
        )
    found = await told(desk)
    labelled = [name for name in found if "silent_since" in name]
    assert len(labelled) == MOST_FEEDS
    assert found['feedmill_feed_silent_since_timestamp_seconds{feed="f0000"}'] == START / 1000
    assert found["feedmill_feeds_silent"] == MOST_FEEDS + 50


async def test_without_the_state_it_tells_the_rest(desk: Desk) -> None:
    """A scrape that fails would hide that the worker lives."""

    class Unreadable:
        async def overview(self, now: Millis) -> object:
            raise StateError("locked")

    desk.sources = replace(desk.sources, figures=Unreadable())  # type: ignore[arg-type]
    found = await told(desk)
    assert "feedmill_last_tick_timestamp_seconds" in found
    assert "feedmill_quarantined_entries" not in found


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("application/openmetrics-text;version=1.0.0", "application/openmetrics-text", id="OpenMetrics"),
        pytest.param("*/*", "text/plain", id="anything"),
    ],
)
async def test_it_speaks_as_it_is_asked(desk: Desk, accept: str, content_type: str) -> None:
    """Prometheus asks for OpenMetrics first."""
    async with desk.client() as asked:
        answer = await asked.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(content_type)
