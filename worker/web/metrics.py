"""/metrics, as Prometheus reads it; names by its conventions (https://prometheus.io/docs/practices/naming/).

A collector works them out when it is asked: counting goes on in plain numbers meanwhile. Feeds are a label only where
something is expected of them (`expect`), and of those the ones that are quiet the longest, `MOST_FEEDS` at most.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.cpu.pool import Load
from worker.meters import Histogram, Meters
from worker.model import FailureClass, FeedId, Millis
from worker.pipeline import Streamed
from worker.schedule import Silence
from worker.store import Overview
from worker.vitals import Vitals

MOST_FEEDS = 200

# From the start on, so that the first of each is an increase.
_POLLS = dict.fromkeys(("read", "unchanged", *get_args(FailureClass)), 0)
_ENTRIES = dict.fromkeys(("new", "changed", "duplicate", "skipped"), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that is told, at one instant."""

    version: str
    meters: Meters
    vitals: Vitals
    cpu: Load
    streamed: Streamed | None
    overview: Overview | None
    """None where the state could not be read."""
    state_bytes: int
    free_bytes: Mapping[str, int]
    """By what lies there: `state`, `output`."""
    silent: Mapping[FeedId, Silence]
    expected: int
    """Feeds of which something new is expected."""


def exposition(reading: Reading, accept: str) -> tuple[bytes, str]:
    """The text for who accepts `accept`, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(reading))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterable[Metric]:
        yield from _work(self._reading.meters)
        yield from _machine(self._reading)
        if self._reading.streamed is not None:
            yield from _stream(self._reading.streamed, self._reading.vitals.ticked_at)
        if self._reading.overview is not None:
            yield from _state(self._reading.overview, self._reading.vitals.ticked_at)
        yield from _silence(self._reading.silent, self._reading.expected)


def _work(meters: Meters) -> Iterator[Metric]:
    yield _counter("polls", "Polls, by what came of them.", "outcome", _POLLS | meters.polls)
    yield _counter("entries", "Entries that polls showed.", "kind", _ENTRIES | meters.entries)
    ingests = CounterMetricFamily(
        "feedmill_ingests",
        "Entries ingested, by what was written and where the text is from.",
        labels=("op", "extraction"),
    )
    for labels, count in sorted(meters.ingests.items()):
        ingests.add_metric(labels, count)
    yield ingests
    sums: Sequence[tuple[str, str, float]] = (
        (
            "entries_missed",
            "Entries that are likely to have come and gone between two polls, estimated.",
            meters.missed,
        ),
        ("feed_gaps", "Polls that found nothing of what the poll before had seen: some may be missed.", meters.gaps),
        ("ingest_retries", "Pages that could not be had, to be tried again.", meters.retries),
        ("jobs_broken", "Pieces of work that feedmill itself failed on.", meters.broken),
        ("jobs_quarantined", "Pieces of work that were put aside for that.", meters.quarantined),
        ("leases_lost", "Pieces of work that were done when their lease had ended.", meters.lost),
        ("segments_sealed", "Files of records that were sealed.", meters.segments),
        ("records_sealed", "Records in them.", meters.records),
    )
    for name, text, number in sums:
        yield CounterMetricFamily(f"feedmill_{name}", text, value=number)
    yield _histogram("entry_sealed_seconds", "From the poll that showed a new article to its file.", meters.sealed_s)
    yield _instant("last_poll", "The last poll that went well, of any feed.", meters.polled_at)
    yield _instant("last_seal", "The last file of records that was sealed.", meters.sealed_at)


def _machine(reading: Reading) -> Iterator[Metric]:
    vitals, cpu = reading.vitals, reading.cpu
    yield GaugeMetricFamily("feedmill_jobs_running", "Pieces of work under way: leases held.", value=vitals.under_way)
    yield GaugeMetricFamily("feedmill_jobs_limit", "Pieces of work that may be under way at once.", value=vitals.most)
    yield GaugeMetricFamily(
        "feedmill_bus_backlog", "Work that waits on the bus, seen by who schedules.", value=vitals.backlog or 0
    )
    yield GaugeMetricFamily(
        "feedmill_room_short", "1 where nothing is polled for want of room.", value=vitals.shortage is not None
    )
    yield GaugeMetricFamily(
        "feedmill_state_refusing", "1 where the state took nothing the last time.", value=vitals.refused is not None
    )
    yield _instant("last_tick", "The engine's last tick, one a second.", vitals.ticked_at)
    yield _instant("start", "When the feed lists were taken up.", vitals.started_at)
    yield GaugeMetricFamily("feedmill_cpu_workers", "Processes that parse and extract.", value=cpu.workers)
    yield GaugeMetricFamily("feedmill_cpu_busy", "Those that do.", value=cpu.busy)
    yield GaugeMetricFamily("feedmill_cpu_waiting", "Calls that wait for one.", value=cpu.waiting)
    yield CounterMetricFamily("feedmill_cpu_calls", "Documents and pages that were given to one.", value=cpu.calls)
    kills = {"timeout": cpu.timeouts, "crash": cpu.crashes}
    yield _counter("cpu_kills", "Processes that were killed or died, with the call they were at.", "reason", kills)
    yield GaugeMetricFamily("feedmill_state_bytes", "Of the state's files.", value=reading.state_bytes)
    free = GaugeMetricFamily("feedmill_free_bytes", "On the disk of the state, and of the output.", labels=("of",))
    for name, size in reading.free_bytes.items():
        free.add_metric((name,), size)
    yield free
    build = GaugeMetricFamily("feedmill_build_info", "Always 1; its version.", labels=("version",))
    build.add_metric((reading.version,), 1)
    yield build


def _stream(streamed: Streamed, now: Millis | None) -> Iterator[Metric]:
    yield CounterMetricFamily("feedmill_records_streamed", "Records sent to the stream.", value=streamed.records)
    yield CounterMetricFamily(
        "feedmill_records_unstreamed", "Records left out of it: larger than it takes.", value=streamed.too_large
    )
    yield GaugeMetricFamily(
        "feedmill_stream_refusing",
        "1 where records could not be sent the last time.",
        value=streamed.refused is not None,
    )
    yield GaugeMetricFamily(
        "feedmill_stream_lag_seconds",
        "Since when the oldest record waits that is sealed and not sent.",
        value=_age_s(streamed.waiting_since, now),
    )


def _state(overview: Overview, now: Millis | None) -> Iterator[Metric]:
    ok = overview.feeds - overview.failing - overview.retired - overview.unpolled
    feeds = {
        "ok": max(0, ok),
        "failing": overview.failing,
        "retired": overview.retired,
        "unpolled": overview.unpolled,
    }
    yield _gauge("feeds", "Listed feeds, by how they do.", "state", feeds)
    yield GaugeMetricFamily(
        "feedmill_feeds_flawed",
        "Listed feeds whose last document is malformed, or has entries that are left out.",
        value=overview.flawed,
    )
    queue = {"new": overview.new, "retry": overview.retries, "look": overview.looks}
    yield _gauge("queue_entries", "Entries queued: new, to be tried again, to be looked at again.", "kind", queue)
    yield GaugeMetricFamily(
        "feedmill_polls_due", "Polls whose time has come; some wait for their hosts.", value=overview.polls_due
    )
    yield GaugeMetricFamily(
        "feedmill_poll_lag_seconds", "How late the oldest of them is.", value=_age_s(overview.poll_due_at, now)
    )
    yield GaugeMetricFamily("feedmill_quarantined_entries", "Entries put aside.", value=overview.quarantined)
    yield GaugeMetricFamily("feedmill_outbox_records", "Records not sealed yet.", value=overview.unpublished)
    yield GaugeMetricFamily(
        "feedmill_outbox_age_seconds", "Since when the oldest waits.", value=_age_s(overview.unpublished_at, now)
    )
    yield GaugeMetricFamily("feedmill_hosts", "Hosts that are known.", value=overview.hosts)
    yield _gauge("hubs", "WebSub hubs of listed feeds, by how they stand.", "state", overview.hubs)
    yield GaugeMetricFamily(
        "feedmill_hosts_held", "Hosts that are asked nothing for longer than their delay.", value=overview.hosts_held
    )


def _silence(silent: Mapping[FeedId, Silence], expected: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("feedmill_feeds_expected", "Feeds of which something is expected.", value=expected)
    yield GaugeMetricFamily(
        "feedmill_feeds_silent", "Those that have brought nothing for longer than that.", value=len(silent)
    )
    since = GaugeMetricFamily(
        "feedmill_feed_silent_since_timestamp_seconds",
        f"When something new was due of a silent feed, for the {MOST_FEEDS} that are silent the longest.",
        labels=("feed",),
    )
    for one in sorted(silent.values(), key=lambda one: (one.since, one.feed_id))[:MOST_FEEDS]:
        since.add_metric((one.feed_id,), one.since / 1000)
    yield since


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"feedmill_{name}", text, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric((value,), count)
    return family


def _gauge(name: str, text: str, label: str, counts: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"feedmill_{name}", text, labels=(label,))
    for value, count in counts.items():
        family.add_metric((value,), count)
    return family


def _instant(name: str, text: str, at: Millis | None) -> GaugeMetricFamily:
    """0 where there was none, as Prometheus's own jobs say it."""
    return GaugeMetricFamily(f"feedmill_{name}_timestamp_seconds", text, value=(at or 0) / 1000)


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*(f"{float(bound)}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(f"feedmill_{name}", text, buckets=buckets, sum_value=histogram.sum)


def _age_s(since: Millis | None, now: Millis | None) -> float:
    return 0.0 if since is None or now is None else max(0, now - since) / 1000


def free_bytes(**folders: Path) -> Mapping[str, int]:
    """What the user that runs this may still write there; without those that can't be asked."""
    found = {}
    for name, folder in folders.items():
        try:
            found[name] = shutil.disk_usage(folder).free
        except OSError:
            continue
    return found
