"""The demo's web on loopback: one socket, many hosts, told apart by the Host field.

feedmill maps every name under `localhost` to loopback itself (RFC 6761, 6.3), so no hosts file has to be touched. The
port is the system's to choose, and the links follow it.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any

from worker.demo.response import Response, conditional
from worker.demo.site import Site

IDLE_S = 60.0
"""An idle connection is closed after this; longer than a client keeps one for reuse."""
WATCH_S = 0.05
"""How often the accepting thread checks whether it should stop: the longest that leaving the context waits for it."""


class DemoServer:
    """Serves a `Site` from entering the context to leaving it; all of it may be used from any thread.

    The port is taken when it is made, so it must be entered. Leaving ends idle connections too, and waits for every
    thread: nothing of it outlives the context.
    """

    def __init__(self, now: datetime) -> None:
        self._listener = _Listener(self)
        self._thread = Thread(target=self._listener.serve_forever, args=(WATCH_S,), name="demo-site", daemon=True)
        self._lock = Lock()
        self._site = Site(now=now, port=self.port)
        self._counts: Counter[int] = Counter()

    def __enter__(self) -> DemoServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.hang_up()
        self._listener.server_close()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that the system gave."""
        return int(self._listener.server_address[1])

    @property
    def site(self) -> Site:
        """The web as it is served at this moment."""
        with self._lock:
            return self._site

    def correct(self, at: datetime) -> None:
        """Serve the corrected web from here on; the new page and the new feed appear together."""
        with self._lock:
            self._site = self._site.correct(at)

    def counts(self) -> dict[int, int]:
        """Requests answered so far, by status, in the order of the statuses."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def answer(self, host: str, path: str, *, if_none_match: str | None, if_modified_since: str | None) -> Response:
        """The answer to one request, counted."""
        whole = self.site.respond(host, path)
        response = conditional(whole, if_none_match=if_none_match, if_modified_since=if_modified_since)
        with self._lock:
            self._counts[response.status] += 1
        return response


class _Listener(ThreadingHTTPServer):
    daemon_threads = False  # so that closing joins them
    request_queue_size = 128  # the engine may come with all its connections at once

    def __init__(self, owner: DemoServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of our own name, which asks the resolver and may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection in the accepting thread, so that `hang_up` misses none that was accepted."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that are kept alive: their threads wait for a next request that won't come."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about a client that went away in the middle; anything else is a mistake of ours, and told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    wbufsize = -1  # head and body leave together where they are small
    disable_nagle_algorithm = True  # where they are not, waiting for the delayed ACK cost 44 ms a request

    def do_GET(self) -> None:
        """Answer with head and body."""
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the head alone."""
        self._reply(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: the terminal belongs to the demo."""

    def _reply(self, *, with_body: bool) -> None:
        response = self.server.owner.answer(
            self.headers.get("Host", ""),
            self.path,
            if_none_match=self.headers.get("If-None-Match"),
            if_modified_since=self.headers.get("If-Modified-Since"),
        )
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != 304:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(response.body)
