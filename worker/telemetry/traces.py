"""OpenTelemetry traces: one for each article, from the poll that showed it to the file that has it. An extra.

    trace                     its id is the record's id
    └─ poll (or walk)       its span id is derived from the record's id
       ├─ ingest            one for each piece of work: redirects, robots.txt, retries, looks for edits
       │  ├─ fetch          each request
       │  ├─ extract        in a CPU process, including the wait for one
       │  └─ commit         including the wait for others that are committed together
       └─ seal              from the commit to the sealed file

All ids except those of the inner spans are derived from the record's id, so nothing has to be passed along if an entry
is ingested hours later or on another machine. So is the sampling: an article has its whole trace or none.

Spans are made when they end, put into a bounded queue (OTEL_BSP_MAX_QUEUE_SIZE), and exported by a thread of the SDK.
If the collector is slow or gone, spans are lost, and the worker is not held up.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
import time

import orjson
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from worker import __version__
from worker.log import told
from worker.model import Broken, Done, Finished, Ingest, IngestDone, Millis, PollDone, RobotsRead, Walk, Walked, Work
from worker.model import Retry as RetryDone
from worker.store import OutboxSegment
from worker.telemetry.exporting import Exporter
from worker.telemetry.steps import Attributes, Step, begin, ours, place

LAST_EXPORT_S = 1.0
"""How long a stop waits for waiting spans to be exported."""
_ALL = 1 << 64


class Traces:
    """Makes spans and exports them until it is closed.

    collector: the OTLP/HTTP URL for traces. sample: the share of articles that get a trace. The SDK's environment
    variables apply to everything else: OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_BSP_…
    """

    def __init__(self, collector: str, *, sample: float) -> None:
        self._exporter = Exporter(collector)
        self._processor = BatchSpanProcessor(self._exporter)
        own = {"service.name": "feedmill", "service.version": __version__}
        self._resource = Resource.create(own).merge(OTELResourceDetector().detect())
        self._scope = InstrumentationScope("feedmill", __version__)
        self._bound = round(sample * _ALL)

    async def aclose(self) -> None:
        """Exports what is waiting, within `LAST_EXPORT_S`."""
        ending = threading.Thread(target=self._processor.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, LAST_EXPORT_S)
        self._exporter.shutdown()

    def begin(self, work: Work) -> Trace | None:
        """A `Trace` for a piece of work, to be called in its task. None if it is not sampled."""
        if isinstance(work, Ingest) and not self._samples(bytes.fromhex(work.record_id)):
            return None
        return Trace(self, work)

    def seal(self, segment: OutboxSegment, path: str, *, now: Millis) -> None:
        """Call when the records of a segment are in the output directory."""
        for row in segment.rows:
            record = orjson.loads(row.body)
            record_id = bytes.fromhex(record["id"])
            if self._samples(record_id):
                about = {"op": row.op, "revision": row.revision, "seq": row.seq, "segment": path}
                about |= {} if row.duplicate_of is None else {"duplicate_of": row.duplicate_of}
                self.span(
                    record_id,
                    Step("seal", row.ingested_at * 1_000_000, now * 1_000_000, ours(**about), None),
                    parent=_root(record_id),
                )

    def poll(self, work: Work, began_ns: int, done: PollDone | Walked, finished: Finished) -> None:
        """Queues the first span of each article that a document showed for the first time."""
        name = "walk" if isinstance(work, Walk) else "poll"
        status = getattr(done, "status", None)
        about = ours(feed=work.feed_id, new=finished.new)
        about |= {} if status is None else {"http.response.status_code": status}
        step = Step(name, began_ns, time.time_ns(), about, None, SpanKind.CONSUMER)
        for record_id in finished.begun:
            if self._samples(record_id):
                self.span(record_id, step, parent=None, span_id=_root(record_id), entry=record_id.hex())

    def span(
        self, record_id: bytes, step: Step, *, parent: int | None, span_id: int | None = None, **about: str
    ) -> int:
        """Queues a span in a record's trace. Returns its id."""
        trace_id = int.from_bytes(record_id)
        span_id = span_id or random.getrandbits(64) or 1
        self._processor.on_end(
            ReadableSpan(
                name=step.name,
                context=_context(trace_id, span_id),
                parent=None if parent is None else _context(trace_id, parent),
                resource=self._resource,
                attributes={**step.attributes, **ours(**about)},
                kind=step.kind,
                status=Status(StatusCode.UNSET) if step.error is None else Status(StatusCode.ERROR, told(step.error)),
                start_time=step.began_ns,
                end_time=max(step.began_ns, step.ended_ns),
                instrumentation_scope=self._scope,
            )
        )
        return span_id

    def _samples(self, record_id: bytes) -> bool:
        """By the last eight bytes of the id, which is a hash (like the SDK's TraceIdRatioBased)."""
        return int.from_bytes(record_id[8:]) < self._bound


class Trace:
    """Follows one piece of work, in its task."""

    def __init__(self, traces: Traces, work: Work) -> None:
        self._traces, self._work = traces, work
        self._began_ns, self._done_ns = time.time_ns(), 0
        self._steps = begin(wanted=isinstance(work, Ingest))

    def done(self) -> None:
        """Call when everything but the commit is done."""
        self._done_ns = time.time_ns()

    def end(self, done: Done, finished: Finished) -> None:
        """Call when it is committed."""
        work = self._work
        if isinstance(work, Ingest):
            self._ingested(work, done, finished)
        elif isinstance(done, PollDone | Walked) and finished.begun:
            self._traces.poll(work, self._began_ns, done, finished)

    def _ingested(self, work: Ingest, done: Done, finished: Finished) -> None:
        record_id, now_ns = bytes.fromhex(work.record_id), time.time_ns()
        about, error = _came_of(work, done, finished)
        whole = Step("ingest", self._began_ns, now_ns, about, error, SpanKind.CONSUMER)
        parent = self._traces.span(record_id, whole, parent=_root(record_id))
        for step in (*self._steps, Step("commit", self._done_ns, now_ns, {}, None)):
            self._traces.span(record_id, step, parent=parent)


def _came_of(work: Ingest, done: Done, finished: Finished) -> tuple[Attributes, str | None]:
    """Attributes of work on an entry, and the error, if any."""
    about: dict[str, str | int] = {"feed": work.feed_id, "entry": work.record_id, "tries": work.tries}
    error = None
    match done:
        case IngestDone(draft=draft):
            about |= {"outcome": finished.outcome, "extraction": draft.extraction}
            about |= {} if draft.reason is None else {"reason": told(draft.reason)}
            error = draft.reason or "failed" if draft.extraction == "failed" else None
        case RetryDone(reason=reason):
            about["outcome"], error = "postponed", reason
        case Broken(error=reason):
            about["outcome"], error = "broken", reason
        case _:
            about["outcome"] = {"Moved": "redirected", "RobotsRead": "robots_read", "AsBefore": "as_before"}.get(
                type(done).__name__, "handed_back"
            )
    if not finished.accepted:
        about["outcome"] = "lease_lost"
    if isinstance(done, RobotsRead) and done.problem is not None:
        error = done.problem
    if finished.duplicate_of is not None:
        about["duplicate_of"] = finished.duplicate_of.hex()
    return {**ours(**about), **place(work.url)}, error


def _root(record_id: bytes) -> int:
    """The id of the first span in a record's trace."""
    return int.from_bytes(hashlib.blake2b(record_id, digest_size=8, person=b"trace root").digest()) or 1


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
