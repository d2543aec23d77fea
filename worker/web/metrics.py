"""/metrics for Prometheus, named by its conventions (https://prometheus.io/docs/practices/naming/).

Metrics are computed when Prometheus asks; until then only plain numbers are counted. Feeds are a label only if
something is expected of them (`expect`), and of those only the ones silent for longest, at most `MOST_FEEDS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar, get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily as Counter
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.cpu.pool import Load
from worker.model import FailureClass, FeedId, Millis
from worker.pipeline import Streamed
from worker.schedule import Silence
from worker.store import Overview
from worker.telemetry.meters import Histogram, Meters
from worker.telemetry.vitals import Vitals

MOST_FEEDS = 200
_Family = TypeVar("_Family", Counter, Gauge)

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
    yield _by(Counter, "polls", "Polls, by outcome.", "outcome", _POLLS | meters.polls)
    yield _by(Counter, "entries", "Entries in polled documents.", "kind", _ENTRIES | meters.entries)
    ingests = Counter(
        "feedmill_ingests",
        "Entries ingested, by what was written and how the text was obtained.",
        labels=("op", "extraction"),
    )
    for labels, count in sorted(meters.ingests.items()):
        ingests.add_metric(labels, count)
    yield ingests
    sums: Sequence[tuple[str, str, float]] = (
        ("entries_missed", "Entries that probably came and went between two polls (an estimate).", meters.missed),
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
        yield _counter(name, text, number)
    yield _histogram(
        "entry_sealed_seconds", "Time from the poll that showed a new article to the file that has it.", meters.sealed_s
    )
    yield _instant("last_poll", "The last successful poll of any feed.", meters.polled_at)
    yield _instant("last_seal", "When the last file of records was sealed.", meters.sealed_at)


def _machine(reading: Reading) -> Iterator[Metric]:
    vitals, cpu = reading.vitals, reading.cpu
    yield _gauge("jobs_running", "Pieces of work under way (leases held).", vitals.under_way)
    yield _gauge("jobs_limit", "Pieces of work that may be under way at once.", vitals.most)
    yield _gauge("bus_backlog", "Work waiting on the bus, as seen by a process that schedules.", vitals.backlog or 0)
    yield _gauge(
        "room_short",
        "1 if nothing is polled because space on disk is short, or the archive can't be written.",
        vitals.shortage is not None,
    )
    yield _gauge("state_refusing", "1 if the state refused the last call or commit.", "state" in vitals.troubles)
    yield _instant("last_tick", "The engine's last tick (one per second).", vitals.ticked_at)
    yield _instant("start", "When the feed lists were applied.", vitals.started_at)
    yield _gauge("cpu_workers", "Processes that parse and extract.", cpu.workers)
    yield _gauge("cpu_busy", "Of these processes, those at work.", cpu.busy)
    yield _gauge("cpu_waiting", "Calls waiting for a free process.", cpu.waiting)
    yield _counter("cpu_calls", "Documents and pages given to these processes.", cpu.calls)
    kills = {"timeout": cpu.timeouts, "crash": cpu.crashes}
    yield _by(Counter, "cpu_kills", "Processes that were killed or died during a call.", "reason", kills)
    yield _gauge("state_bytes", "Size of the state.", reading.state_bytes)
    yield _by(Gauge, "free_bytes", "Free space on the disks of the state and of the output.", "of", reading.free_bytes)
    yield _by(Gauge, "build_info", "Always 1; the label is feedmill's version.", "version", {reading.version: 1})


def _stream(streamed: Streamed, now: Millis | None) -> Iterator[Metric]:
    yield _counter("records_streamed", "Records sent to the stream.", streamed.records)
    yield _counter(
        "records_unstreamed", "Records left out of the stream because they are too large for it.", streamed.too_large
    )
    yield _gauge("stream_refusing", "1 if the last attempt to send records failed.", streamed.refused is not None)
    yield _gauge(
        "stream_lag_seconds",
        "How long the oldest record has been waiting that is sealed and not sent.",
        _age_s(streamed.waiting_since, now),
    )


def _state(overview: Overview, now: Millis | None) -> Iterator[Metric]:
    ok = overview.feeds - overview.failing - overview.retired - overview.unpolled
    feeds = {
        "ok": max(0, ok),
        "failing": overview.failing,
        "retired": overview.retired,
        "unpolled": overview.unpolled,
    }
    yield _by(Gauge, "feeds", "Listed feeds, by their state.", "state", feeds)
    yield _gauge(
        "feeds_flawed",
        "Listed feeds whose last document is malformed, or has entries that could not be read.",
        overview.flawed,
    )
    queue = {"new": overview.new, "retry": overview.retries, "look": overview.looks}
    yield _by(Gauge, "queue_entries", "Queued entries: new, to be retried, or to be looked at again.", "kind", queue)
    yield _gauge("polls_due", "Polls that are due, including those that wait for their host.", overview.polls_due)
    said = "How late the oldest due poll is, apart from hosts that asked for patience."
    yield _gauge("poll_lag_seconds", said, _age_s(overview.poll_due_at, now))
    yield _gauge("quarantined_entries", "Entries put aside.", overview.quarantined)
    yield _gauge("outbox_records", "Records that are not sealed yet.", overview.unpublished)
    yield _gauge(
        "outbox_age_seconds", "How long the oldest of them has been waiting.", _age_s(overview.unpublished_at, now)
    )
    yield _gauge("hosts", "Known hosts.", overview.hosts)
    yield _by(Gauge, "hubs", "WebSub hubs of listed feeds, by their state.", "state", overview.hubs)
    yield _gauge("hosts_held", "Hosts that will not be asked for longer than their delay.", overview.hosts_held)


def _silence(silent: Mapping[FeedId, Silence], expected: int) -> Iterator[Metric]:
    yield _gauge("feeds_expected", "Feeds with expect set.", expected)
    yield _gauge("feeds_silent", "Of these, feeds that have brought nothing for longer than expected.", len(silent))
    longest = sorted(silent.values(), key=lambda one: (one.since, one.feed_id))[:MOST_FEEDS]
    text = f"When something new was due from a silent feed; only for the {MOST_FEEDS} silent the longest."
    name = "feed_silent_since_timestamp_seconds"
    yield _by(Gauge, name, text, "feed", {one.feed_id: one.since / 1000 for one in longest})


def _gauge(name: str, text: str, value: float) -> Gauge:
    return Gauge(f"feedmill_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Counter:
    return Counter(f"feedmill_{name}", text, value=value)


def _by(kind: type[_Family], name: str, text: str, label: str, numbers: Mapping[str, float]) -> _Family:
    """A number for each value of the label."""
    family = kind(f"feedmill_{name}", text, labels=(label,))
    for value, number in numbers.items():
        family.add_metric((value,), number)
    return family


def _instant(name: str, text: str, at: Millis | None) -> Gauge:
    """0 if there was none, as in Prometheus's own metrics."""
    return _gauge(f"{name}_timestamp_seconds", text, (at or 0) / 1000)


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*(f"{float(bound)}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(f"feedmill_{name}", text, buckets=buckets, sum_value=histogram.sum)


def _age_s(since: Millis | None, now: Millis | None) -> float:
    return 0.0 if since is None or now is None else max(0, now - since) / 1000
