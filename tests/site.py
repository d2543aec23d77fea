"""A scripted web on loopback, for the tests of the whole: any host name under `.localhost`, any answer, every request
noted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Request:
    host: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    at: float
    """Seconds, monotonic: when it came."""
    at_utc: float
    """The same in seconds of UTC since 1970."""
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    """Waited before anything is sent."""
    cut: bool = False
    """Only half of the body is sent, and the connection closed."""


Route = Answer | Callable[[Request], Answer]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and what it was answered."""

    request: Request
    answer: Answer
    ended: float
    """Seconds, monotonic: just before the answer was sent, so that nothing that follows from it came sooner."""


class Site:
    """Serves `routes`, by (host, path), from threads until it is left. What has no route is a 404."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Route] = {}
        self.requests: list[Request] = []
        self.exchanges: list[Exchange] = []
        """In the order of their ends."""
        self.most_at_once = 0
        self.most_at_once_by_host: Counter[str] = Counter()
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                site._serve(self)

            do_POST = do_GET  # noqa: N815  # http.server's name

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 512

            def handle_error(self, *_: object) -> None:
                pass  # a client that was killed hangs up

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, host: str, path: str = "/") -> str:
        """The address of `path` on `host`.localhost."""
        return f"http://{host}.localhost:{self.port}{path}"

    def add(self, host: str, path: str, route: Route) -> str:
        """Answers `path` on `host`.localhost so from now on; its URL."""
        self.routes[f"{host}.localhost", path] = route
        return self.url(host, path)

    def asked(self, host: str, path: str | None = None) -> list[Request]:
        """The requests that came for a host, or one path of it, in their order."""
        name = f"{host}.localhost"
        return [r for r in list(self.requests) if r.host == name and path in (None, r.path)]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        host = handler.headers.get("Host", "").partition(":")[0]
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        at, at_utc = time.monotonic(), time.time()
        request = Request(host=host, path=handler.path, headers=headers, at=at, at_utc=at_utc, body=body)
        with self._lock:
            self.requests.append(request)
            self._now[host] += 1
            self.most_at_once = max(self.most_at_once, self._now.total())
            self.most_at_once_by_host[host] = max(self.most_at_once_by_host[host], self._now[host])
        try:
            route = self.routes.get((host, handler.path), Answer(status=404, body=b"nothing here"))
            answer = route if isinstance(route, Answer) else route(request)
            self._closing.wait(answer.delay_s)
        finally:
            # Before it is sent: the client may begin the next request as soon as it has the last byte.
            with self._lock:
                self._now[host] -= 1
        with self._lock:
            self.exchanges.append(Exchange(request=request, answer=answer, ended=time.monotonic()))
        _send(handler, answer)


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    if answer.content_type and answer.status != 304:
        handler.send_header("Content-Type", answer.content_type)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    if answer.cut:
        handler.wfile.write(answer.body[: len(answer.body) // 2])
        handler.close_connection = True
    else:
        handler.wfile.write(answer.body)


def conditional(body: bytes, *, content_type: str, etag: str) -> Callable[[Request], Answer]:
    """A route that answers 304 to whoever has this version."""

    def route(request: Request) -> Answer:
        if request.headers.get("if-none-match") == etag:
            return Answer(status=304, headers={"ETag": etag})
        return Answer(body=body, content_type=content_type, headers={"ETag": etag})

    return route
