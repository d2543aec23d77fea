"""OpenTelemetry traces, received by a collector on loopback that reads OTLP as its own definitions have it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from structlog.testing import capture_logs

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose, rss
from tests.whole.processes import free_port
from worker.telemetry.traces import Step, Traces


class Collector:
    """What it was sent; `status` is what it answers."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.bytes = b""
        self.status = 200
        self.hangs = threading.Event()
        self.url = ""

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        self.bytes += body
        self.headers.append(headers)
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append({each.key: each.value.string_value for each in of_resource.resource.attributes})
            for scope in of_resource.scope_spans:
                self.spans += scope.spans

    def traces(self) -> dict[str, list[Span]]:
        found: dict[str, list[Span]] = {}
        for span in sorted(self.spans, key=lambda span: span.start_time_unix_nano):
            found.setdefault(span.trace_id.hex(), []).append(span)
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if collector.hangs.is_set():
                closing.wait(60)
            if self.path == "/v1/traces" and collector.status == 200:
                collector.take(body, {name.lower(): value for name, value in self.headers.items()})
            with contextlib.suppress(OSError):  # the worker has gone
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield collector
        closing.set()
        server.shutdown()
        thread.join()


def said(span: Span) -> dict[str, object]:
    return {
        each.key: each.value.int_value if each.value.HasField("int_value") else each.value.string_value
        for each in span.attributes
    }


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def articles(site: Site, *names: str) -> list[str]:
    return [item(name, site.add("a", f"/{name}", page(name, prose(name))), name) for name in names]


def test_an_article_has_one_trace_from_poll_to_segment(site: Site, worker: Worker, collector: Collector) -> None:
    """Its id is the record's; all parents are in it, steps lie within what they are steps of."""
    site.add("a", "/robots.txt", Answer(content_type="text/plain"))
    worker.configure([feed(site, "a", *articles(site, "one", "two"))], telemetry={"traces": collector.url})
    assert worker.once().new == 2
    records = {record["id"]: record for record in worker.records()}
    traces = collector.traces()
    assert traces.keys() == records.keys()
    for record_id, spans in traces.items():
        by_id = {span.span_id: span for span in spans}
        assert len(by_id) == len(spans)
        (poll,), (seal,) = named(spans, "poll"), named(spans, "seal")
        assert poll.parent_span_id == b""
        assert {span.name for span in spans if span.parent_span_id == poll.span_id} == {"ingest", "seal"}
        *robots, whole = named(spans, "ingest")  # one of the two articles had to ask for robots.txt first
        assert {said(span)["feedmill.outcome"] for span in robots} <= {"robots_read"}
        steps = [span for span in spans if span.parent_span_id == whole.span_id]
        assert [span.name for span in steps] == ["fetch", "extract", "commit"]
        assert all(whole.start_time_unix_nano <= span.start_time_unix_nano for span in steps)
        assert all(span.end_time_unix_nano <= whole.end_time_unix_nano for span in steps)
        assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)
        assert poll.start_time_unix_nano <= whole.start_time_unix_nano < seal.end_time_unix_nano
        assert said(poll) == {
            "feedmill.feed": records[record_id]["_ingest"]["feed_id"],
            "feedmill.new": 2,
            "feedmill.entry": record_id,
            "http.response.status_code": 200,
        }
        told = said(whole)
        assert (told["feedmill.outcome"], told["feedmill.extraction"]) == ("new", "ok")
        assert told["url.full"] == records[record_id]["url"]
        assert said(steps[0])["http.response.status_code"] == 200
        assert said(seal)["feedmill.segment"] in {
            path.relative_to(worker.out).as_posix() for path in worker.out.rglob("*.jsonl")
        }
        assert said(seal)["feedmill.seq"] == records[record_id]["_ingest"]["seq"]
        assert {span.status.code for span in spans} == {Status.STATUS_CODE_UNSET}
    assert {(own["service.name"], own["telemetry.sdk.language"]) for own in collector.resources} == {
        ("feedmill", "python")
    }


def test_what_is_ingested_later_belongs_to_the_same_trace(site: Site, worker: Worker, collector: Collector) -> None:
    """By another worker, which has nothing of the first but the state; so are errors, which are the span's status."""
    url = site.add("a", "/late", Answer(status=500))
    worker.configure(
        [feed(site, "a", item("late", url, "late", "short"))],
        telemetry={"traces": collector.url},
        fetch={"retries": ["1s"], "robots": False},
    )
    worker.once()
    site.add("a", "/late", page("late", prose("late")))
    time.sleep(1.1)
    worker.once()
    (record,) = worker.records()
    ((trace_id, spans),) = collector.traces().items()
    assert trace_id == record["id"]
    first, second = named(spans, "ingest")
    assert said(first)["feedmill.outcome"] == "postponed"
    assert (first.status.code, "500" in first.status.message) == (Status.STATUS_CODE_ERROR, True)
    assert said(named(spans, "fetch")[0])["http.response.status_code"] == 500
    assert said(second) | {"feedmill.tries": 1, "feedmill.outcome": "new"} == said(second)
    assert {span.parent_span_id for span in (first, second)} == {named(spans, "poll")[0].span_id}


def test_duplicates_name_whose_they_are(site: Site, worker: Worker, collector: Collector) -> None:
    """One that is dropped has no file, and its trace says why."""
    text = prose("heron")
    first = item("x", site.add("a", "/x", page("Heron", text)), "Heron")
    worker.configure([feed(site, "a", first)], telemetry={"traces": collector.url})
    worker.once()
    again = item("y", site.add("b", "/y", page("Heron", text)), "Heron")
    worker.configure([site.url("a", "/feed"), feed(site, "b", again)], telemetry={"traces": collector.url})
    worker.once()
    (record,) = worker.records()
    (copy,) = (spans for trace, spans in collector.traces().items() if trace != record["id"])
    told = said(named(copy, "ingest")[-1])
    assert (told["feedmill.outcome"], told["feedmill.duplicate_of"]) == ("duplicate", record["id"])
    assert named(copy, "seal") == []


def test_no_secret_is_exported(
    site: Site, worker: Worker, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers, credentials, keys in URLs, what came from the environment; but what the collector itself wants."""
    monkeypatch.setenv("TOKEN", "hushhush-header")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=for-the-collector")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mill")
    page_url = site.add("a", "/p?api_key=hushhush-key", page("p", prose("p")))
    gone = site.url("a", "/gone?token=hushhush-token").replace("http://", "http://user:hushhush-word@")
    body = rss(item("p", page_url, "p"), item("g", gone, "g", "short"))
    url = site.add("a", "/feed?secret=hushhush-feed", Answer(body=body, content_type="application/rss+xml"))
    worker.configure([{"url": url, "headers": {"X-Mine": "${TOKEN}"}}], telemetry={"traces": f"{collector.url}/"})
    worker.once()
    assert len(worker.records()) == len(collector.traces()) == 2
    assert b"hushhush" not in collector.bytes
    assert b"api_key=***" in collector.bytes
    assert {own["service.name"] for own in collector.resources} == {"mill"}
    assert {headers.get("x-api-key") for headers in collector.headers} == {"for-the-collector"}


def test_a_sample_has_whole_traces(site: Site, worker: Worker, collector: Collector) -> None:
    """Of some articles all spans, of the others none."""
    worker.configure(
        [feed(site, "a", *articles(site, *(f"n{n}" for n in range(12))))],
        telemetry={"traces": collector.url, "sample": 0.5},
        fetch={"robots": False},
    )
    worker.once()
    sampled = {record["id"] for record in worker.records() if int(record["id"][16:], 16) < 1 << 63}
    assert 0 < len(sampled) < 12
    traces = collector.traces()
    assert traces.keys() == sampled
    names = {"poll", "ingest", "fetch", "extract", "commit", "seal"}
    assert all({span.name for span in spans} == names and len(spans) == 6 for spans in traces.values())


def test_a_collector_that_refuses_costs_no_article(site: Site, worker: Worker, collector: Collector) -> None:
    """That traces are lost is told once, with the reason, and that they are not any more."""
    worker.configure([feed(site, "a", *articles(site, "one"))], telemetry={"traces": collector.url})
    collector.status = 400
    with capture_logs() as events:
        assert worker.once().new == 1
    (told,) = [event for event in events if event["event"].startswith("traces.")]
    assert (told["event"], "400" in told["error"]) == ("traces.not_exported", True)
    assert len(worker.records()) == 1


@pytest.mark.parametrize("hangs", [True, False])
async def test_the_end_does_not_wait_for_a_collector(collector: Collector, site: Site, hangs: bool) -> None:
    """One that never answers, or that is not there. The SDK itself would wait for half a minute."""
    collector.hangs.set()
    traces = Traces(f"{collector.url}/v1/traces" if hangs else f"http://127.0.0.1:{free_port()}/v1/traces", sample=1.0)
    traces.span(bytes(range(16)), Step("seal", 1, 2, {}, None), parent=None)
    begun = time.monotonic()
    await traces.aclose()
    assert time.monotonic() - begun < 20


def test_nothing_of_it_is_loaded_where_it_is_off(site: Site, worker: Worker) -> None:
    """Not even its extra has to be there."""
    worker.configure([feed(site, "a", *articles(site, "one"))])
    program = (
        "import sys; sys.argv[0] = 'feedmill'\n"
        "from worker.cli import main\n"
        "try: main()\n"
        "finally: print([n for n in sys.modules if n.startswith(('opentelemetry', 'worker.telemetry.traces'))])\n"
    )
    command = [sys.executable, "-c", program, *worker.command("once")[3:]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=worker.environment())
    assert done.stdout == "[]\n"


def test_a_missing_extra_is_named(
    site: Site, worker: Worker, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that brings it."""
    worker.configure([feed(site, "a")], telemetry={"traces": collector.url})
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "worker.telemetry.traces")
    monkeypatch.delattr("worker.telemetry.traces")
    assert "pip install 'feedmill[otel]'" in worker.run("once", status=1).stderr
