"""The network between a worker and PostgreSQL, which may be cut: a port of loopback that leads to its socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""


class Wire:
    """What comes in is handed on, both ways, until it is cut."""

    def __init__(self, to: Path) -> None:
        """to: the socket that it leads to; nobody need listen there yet."""
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._refusing = self._closed = False
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Nothing comes through from now on, and nobody is told."""
        self._whole.clear()

    def reset(self) -> None:
        """All connections are reset, and so is each new one."""
        self._refusing = True
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            _reset(end)

    def join(self) -> None:
        """It is whole again; what was on its way comes through."""
        self._refusing = False
        self._whole.set()

    def close(self) -> None:
        self._closed = True
        self.reset()
        self._whole.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                came, _ = self._listener.accept()
            except OSError:
                return
            onward = socket.socket(socket.AF_UNIX)
            try:
                if self._refusing:
                    raise ConnectionRefusedError
                onward.connect(str(self._to))
            except OSError:
                _reset(came)
                onward.close()
                continue
            with self._lock:
                self._ends |= {came, onward}
            for source, sink in ((came, onward), (onward, came)):
                threading.Thread(target=self._hand_on, args=(source, sink), daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                sink.sendall(data)
        self._whole.wait()
        with self._lock:
            self._ends -= {source, sink}
        for end in (source, sink):
            # Closed alone, it would still be read from by the other thread.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if end.family == socket.AF_INET:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RD)
    end.close()


@contextlib.contextmanager
def wire(to: Path) -> Iterator[Wire]:
    made = Wire(to)
    try:
        yield made
    finally:
        made.close()
