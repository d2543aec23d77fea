"""An S3-compatible server on loopback: moto's, as a process. It checks conditions of puts, as S3 does."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
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
