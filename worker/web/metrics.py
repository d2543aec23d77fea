"""/metrics for Prometheus, named by its conventions (https://prometheus.io/docs/practices/naming/).

Metrics are computed when Prometheus asks; until then only plain numbers are counted. Feeds are a label only if
something is expected of them (`expect`), and of those only the ones silent for longest, at most `MOST_FEEDS`.
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

# Present from the start, so that the first of each counts as an increase.
_POLLS = dict.fromkeys(("read", "unchanged", *get_args(FailureClass)), 0)
_ENTRIES = dict.fromkeys(("new", "changed", "duplicate", "skipped"), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that is exposed, at one moment."""

    version: str
    meters: Meters
    vitals: Vitals
    cpu: Load
    streamed: Streamed | None
    overview: Overview | None
    """None if the state could not be read."""
    state_bytes: int
    free_bytes: Mapping[str, int]
    """By what is stored there: `state`, `output`."""
    silent: Mapping[FeedId, Silence]
    expected: int
    """How many feeds something new is expected of."""


def exposition(reading: Reading, accept: str) -> tuple[bytes, str]:
    """The text in the format negotiated with `accept`, and its content type."""
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
    yield _counter("polls", "Polls, by outcome.", "outcome", _POLLS | meters.polls)
    yield _counter("entries", "Entries in polled documents.", "kind", _ENTRIES | meters.entries)
    ingests = CounterMetricFamily(
        "feedmill_ingests",
        "Entries ingested, by what was written and how the text was obtained.",
        labels=("op", "extraction"),
    )
    for labels, count in sorted(meters.ingests.items()):
        ingests.add_metric(labels, count)
    yield ingests
    sums: Sequence[tuple[str, str, float]] = (
        (
            "entries_missed",
            "Entries that probably came and went between two polls (an estimate).",
            meters.missed,
        ),
        (
            "feed_gaps",
            "Polls whose document had no entry in common with the one before, so that some may have been missed.",
            meters.gaps,
        ),
        ("ingest_retries", "Pages that could not be fetched and will be tried again.", meters.retries),
        ("jobs_broken", "Pieces of work that failed with an internal error.", meters.broken),
        ("jobs_quarantined", "Pieces of work put aside after internal errors.", meters.quarantined),
        ("leases_lost", "Pieces of work finished after their lease had run out.", meters.lost),
        ("segments_sealed", "Sealed files of records.", meters.segments),
        ("records_sealed", "Records in sealed files.", meters.records),
    )
    for name, text, number in sums:
        yield CounterMetricFamily(f"feedmill_{name}", text, value=number)
    yield _histogram(
        "entry_sealed_seconds", "Time from the poll that showed a new article to the file that has it.", meters.sealed_s
    )
    yield _instant("last_poll", "The last successful poll of any feed.", meters.polled_at)
    yield _instant("last_seal", "When the last file of records was sealed.", meters.sealed_at)


def _machine(reading: Reading) -> Iterator[Metric]:
    vitals, cpu = reading.vitals, reading.cpu
    yield GaugeMetricFamily("feedmill_jobs_running", "Pieces of work under way (leases held).", value=vitals.under_way)
    yield GaugeMetricFamily("feedmill_jobs_limit", "Pieces of work that may be under way at once.", value=vitals.most)
    yield GaugeMetricFamily(
        "feedmill_bus_backlog",
        "Work waiting on the bus, as seen by a process that schedules.",
        value=vitals.backlog or 0,
    )
    yield GaugeMetricFamily(
        "feedmill_room_short",
        "1 if nothing is polled because space on disk is short, or the archive can't be written.",
        value=vitals.shortage is not None,
    )
    yield GaugeMetricFamily(
        "feedmill_state_refusing", "1 if the state refused the last call.", value=vitals.refused is not None
    )
    yield _instant("last_tick", "The engine's last tick (one per second).", vitals.ticked_at)
    yield _instant("start", "When the feed lists were applied.", vitals.started_at)
    yield GaugeMetricFamily("feedmill_cpu_workers", "Processes that parse and extract.", value=cpu.workers)
    yield GaugeMetricFamily("feedmill_cpu_busy", "Of these processes, those at work.", value=cpu.busy)
    yield GaugeMetricFamily("feedmill_cpu_waiting", "Calls waiting for a free process.", value=cpu.waiting)
    yield CounterMetricFamily("feedmill_cpu_calls", "Documents and pages given to these processes.", value=cpu.calls)
    kills = {"timeout": cpu.timeouts, "crash": cpu.crashes}
    yield _counter("cpu_kills", "Processes that were killed or died during a call.", "reason", kills)
    yield GaugeMetricFamily("feedmill_state_bytes", "Size of the state.", value=reading.state_bytes)
    free = GaugeMetricFamily(
        "feedmill_free_bytes", "Free space on the disks of the state and of the output.", labels=("of",)
    )
    for name, size in reading.free_bytes.items():
        free.add_metric((name,), size)
    yield free
    build = GaugeMetricFamily("feedmill_build_info", "Always 1; the label is feedmill's version.", labels=("version",))
    build.add_metric((reading.version,), 1)
    yield build


def _stream(streamed: Streamed, now: Millis | None) -> Iterator[Metric]:
    yield CounterMetricFamily("feedmill_records_streamed", "Records sent to the stream.", value=streamed.records)
    yield CounterMetricFamily(
        "feedmill_records_unstreamed",
        "Records left out of the stream because they are too large for it.",
        value=streamed.too_large,
    )
    yield GaugeMetricFamily(
        "feedmill_stream_refusing",
        "1 if the last attempt to send records failed.",
        value=streamed.refused is not None,
    )
    yield GaugeMetricFamily(
        "feedmill_stream_lag_seconds",
        "How long the oldest record has been waiting that is sealed and not sent.",
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
    yield _gauge("feeds", "Listed feeds, by their state.", "state", feeds)
    yield GaugeMetricFamily(
        "feedmill_feeds_flawed",
        "Listed feeds whose last document is malformed, or has entries that could not be read.",
        value=overview.flawed,
    )
    queue = {"new": overview.new, "retry": overview.retries, "look": overview.looks}
    yield _gauge("queue_entries", "Queued entries: new, to be retried, or to be looked at again.", "kind", queue)
    yield GaugeMetricFamily(
        "feedmill_polls_due", "Polls that are due, including those that wait for their host.", value=overview.polls_due
    )
    yield GaugeMetricFamily(
        "feedmill_poll_lag_seconds", "How late the oldest due poll is.", value=_age_s(overview.poll_due_at, now)
    )
    yield GaugeMetricFamily("feedmill_quarantined_entries", "Entries put aside.", value=overview.quarantined)
    yield GaugeMetricFamily("feedmill_outbox_records", "Records that are not sealed yet.", value=overview.unpublished)
    yield GaugeMetricFamily(
        "feedmill_outbox_age_seconds",
        "How long the oldest of them has been waiting.",
        value=_age_s(overview.unpublished_at, now),
    )
    yield GaugeMetricFamily("feedmill_hosts", "Known hosts.", value=overview.hosts)
    yield _gauge("hubs", "WebSub hubs of listed feeds, by their state.", "state", overview.hubs)
    yield GaugeMetricFamily(
        "feedmill_hosts_held", "Hosts that will not be asked for longer than their delay.", value=overview.hosts_held
    )


def _silence(silent: Mapping[FeedId, Silence], expected: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("feedmill_feeds_expected", "Feeds with expect set.", value=expected)
    yield GaugeMetricFamily(
        "feedmill_feeds_silent",
        "Of these, feeds that have brought nothing for longer than expected.",
        value=len(silent),
    )
    since = GaugeMetricFamily(
        "feedmill_feed_silent_since_timestamp_seconds",
        f"When something new was due from a silent feed; only for the {MOST_FEEDS} silent the longest.",
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
    """0 if there was none, as in Prometheus's own metrics."""
    return GaugeMetricFamily(f"feedmill_{name}_timestamp_seconds", text, value=(at or 0) / 1000)


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*(f"{float(bound)}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(f"feedmill_{name}", text, buckets=buckets, sum_value=histogram.sum)


def _age_s(since: Millis | None, now: Millis | None) -> float:
    return 0.0 if since is None or now is None else max(0, now - since) / 1000


def free_bytes(**folders: Path) -> Mapping[str, int]:
    """The bytes that this user may still write there; without folders that can't be examined."""
    found = {}
    for name, folder in folders.items():
        try:
            found[name] = shutil.disk_usage(folder).free
        except OSError:
            continue
    return found
