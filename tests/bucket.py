"""An S3-compatible server on loopback: moto's, as a process. It checks conditions of puts, as S3 does."""

from __future__ import annotations

import http.client
import http.server
import importlib
import itertools
import os
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker.model import object_path

_SERVER = """
import sys, threading
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

class Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass

server = make_server("127.0.0.1", 0, create_backend_app("s3"), threaded=True, request_handler=Silent)
print(server.port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
"""Without what finds out which of Amazon's services is asked, for each request."""

Bucket = Callable[[], Path]


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """Its address."""
    _need("moto", "moto is not installed: pip install 'moto[s3]' flask-cors")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def _need(module: str, else_: str) -> None:
    """Skips where it can't be had, unless nothing may be skipped."""
    if "FEEDMILL_SKIP_NOTHING" in os.environ:
        importlib.import_module(module)
    pytest.importorskip(module, reason=else_)


_NUMBERS = itertools.count()


@pytest.fixture
def bucket(object_store: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Makes buckets; gives a place in each. The environment is as it has to be for them."""
    _need("obstore", "obstore is not installed: pip install 'feedmill[s3]'")
    values = {"AWS_ENDPOINT_URL": object_store, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in (values | {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}).items():
        monkeypatch.setenv(name, value)

    def made() -> Path:
        name = f"feedmill-{next(_NUMBERS)}"
        urllib.request.urlopen(urllib.request.Request(f"{object_store}/{name}", method="PUT")).close()  # noqa: S310
        place = object_path(f"s3://{name}/some/out")
        assert place is not None
        return place

    return made


class Faults:
    """Between feedmill and the object store: hands requests on, but for those that `fail` picks."""

    def __init__(self, to: str) -> None:
        self._to = to.removeprefix("http://")
        self.requests: list[str] = []
        """Method and path, of all so far."""
        self.fail: Callable[[int, str], str | None] = lambda _, __: None
        """Called with how many requests there have been, and with this one. Returns None, or how it fails: a status
        (nothing is done), `lost` (it is done, and the connection is reset), `done` (it is done, and the answer is 500),
        `cut` (in the middle of the answer the connection is reset), `empty` (the answer has no body)."""
        self._lock = threading.Lock()
        faults = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def _hand_on(self) -> None:
                faults._answer(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _hand_on  # noqa: N815  # by these names it is called

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # of connections that were reset
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _answer(self, asked: http.server.BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers.get("content-length") or 0))
        with self._lock:
            self.requests.append(f"{asked.command} {asked.path}")
            how = self.fail(len(self.requests), self.requests[-1])
        if how is not None and how.isdigit():
            self._say(asked, int(how), {}, b"<Error><Code>No</Code><Message>no</Message></Error>")
            return
        connection = http.client.HTTPConnection(self._to, timeout=20)
        connection.request(asked.command, asked.path, body, dict(asked.headers.items()))
        answer = connection.getresponse()
        said = {name: value for name, value in answer.getheaders() if name.lower() in _PASSED}
        content = answer.read()
        connection.close()
        if how == "done":
            self._say(asked, 500, {}, b"")
        elif how != "lost":
            length = said.pop("Content-Length", said.pop("content-length", str(len(content))))
            self._say(asked, answer.status, said, content, length=length, how=how)
        if how in ("lost", "cut"):
            asked.close_connection = True
            asked.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            asked.connection.close()

    @staticmethod
    def _say(
        asked: http.server.BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        content: bytes,
        *,
        length: str | None = None,
        how: str | None = None,
    ) -> None:
        if how == "empty":
            content, length = b"", None
        asked.send_response(status)
        for name, value in headers.items():
            asked.send_header(name, value)
        asked.send_header("Content-Length", length if length and asked.command == "HEAD" else str(len(content)))
        asked.end_headers()
        if asked.command != "HEAD":
            asked.wfile.write(content[: len(content) // 2] if how == "cut" else content)


_PASSED = frozenset({"etag", "last-modified", "content-type", "content-range", "content-length"})


@pytest.fixture
def faults(object_store: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """What buckets made from now on are reached through; nothing is asked for twice by itself."""
    from worker.output.disk import objects

    between = Faults(object_store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
    monkeypatch.setattr(objects, "RETRIES", 0)
    threading.Thread(target=between.server.serve_forever, daemon=True).start()
    yield between
    between.server.shutdown()
    between.server.server_close()
