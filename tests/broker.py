"""A real nats-server with JetStream, which may be killed and lose its memory."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import nats

from worker.model import Broker

_WHEN_WE_ARE_GONE = 'read nothing; kill -KILL "$0"'
"""A shell that waits for the end of its input, which is that of this process, however it ends."""


def binary() -> str | None:
    """Debian has it in /usr/sbin, which is in few people's PATH."""
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")


class Server:
    """On one port of loopback, with one folder, for all its lives."""

    def __init__(
        self,
        folder: Path,
        *,
        user: str | None = None,
        password: str | None = None,
        conf: str | None = None,
        words: Sequence[str] = (),
    ) -> None:
        """conf: its configuration file. words: more of its command line."""
        self._folder, self._user, self._password, self._conf, self._words = folder, user, password, conf, words
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._heir: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """While it is alive."""
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> Broker:
        return Broker(servers=(f"nats://127.0.0.1:{self.port}",), user=self._user, password=self._password)

    @property
    def url(self) -> str:
        who = f"{self._user}:{self._password}@" if self._user else ""
        return f"nats://{who}127.0.0.1:{self.port}"

    def start(self) -> None:
        who = ["--user", self._user, "--pass", self._password or ""] if self._user and not self._conf else []
        command = [binary() or "nats-server", "-js", "-sd", str(self._folder), "-a", "127.0.0.1", "-p", str(self.port)]
        if self._conf is not None:
            self._folder.mkdir(exist_ok=True)
            (self._folder / "conf").write_text(self._conf)
            who += ["-c", str(self._folder / "conf")]
        self._process = subprocess.Popen(
            [*command, *who, *self._words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        heir = ["sh", "-c", _WHEN_WE_ARE_GONE, str(self.pid)]
        self._heir = subprocess.Popen(heir, stdin=subprocess.PIPE, start_new_session=True)
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as asked:
                if asked.recv(4) == b"INFO":
                    return
            assert time.monotonic() < until, "nats-server did not start"
            assert self._process.poll() is None, "nats-server ended"
            time.sleep(0.02)

    def kill(self) -> None:
        """As power loss does, but for the page cache."""
        if self._heir is not None:
            self._heir.kill()
            self._heir.communicate()
            self._heir = None
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """All that it has on disk is gone; to be called while it is dead."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def stream(self):  # type: ignore[no-untyped-def]
        """Its JetStream, as anybody's client sees it."""
        client = await nats.connect(self.url)
        try:
            yield client.jetstream()
        finally:
            await asyncio.wait_for(client.close(), 5)


@contextlib.contextmanager
def server(
    folder: Path, *, user: str | None = None, password: str | None = None, conf: str | None = None
) -> Iterator[Server]:
    started = Server(folder, user=user, password=password, conf=conf)
    started.start()
    try:
        yield started
    finally:
        started.kill()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[list[Server]]:
    """Three servers that are one."""
    with contextlib.ExitStack() as free:
        ports = [free.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
    routes = ",".join(f"nats-route://127.0.0.1:{port}" for port in ports)
    of = [
        Server(
            folder / str(port),
            words=("-n", str(port), "--cluster_name", "C", "--cluster", f"nats://127.0.0.1:{port}", "--routes", routes),
        )
        for port in ports
    ]
    try:
        for one in of:
            one.start()
        yield of
    finally:
        for one in of:
            one.kill()
