"""A PostgreSQL server for tests: of this machine's own binaries, on a socket in a folder, and killed when need be."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from worker.model import Server
from worker.store.database.opening import open_database
from worker.store.database.tables import metadata

QUICK = {
    "fsync": "off",  # what is killed here is the process and not the machine
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "",
}


_WHEN_WE_ARE_GONE = """
read nothing
pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && sleep 1
rm -rf "$0"
"""
"""A shell that waits for the end of its input, which is that of this process, however it ends."""


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; None: nowhere."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # Debian's
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@dataclass
class Cluster:
    """A running server."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """Beside `QUICK`."""

    def server(self, database: str = "feedmill") -> Server:
        return Server(f"postgresql://postgres@/{database}?host={self.folder}")

    def sql(self, *statements: str, database: str = "postgres") -> None:
        with psycopg.connect(self.server(database).url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def start(self) -> None:
        settings = {**QUICK, **self.settings, "unix_socket_directories": str(self.folder)}
        words = " ".join(f"-c {name}={value!r}" for name, value in settings.items())
        self._ctl("start", "-o", words)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a kill of all its processes."""
        self._ctl("stop", "-m", mode)

    def _ctl(self, *words: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-s", "-l", str(self.folder / "log"), *words)

    def init(self, made: Path | None = None) -> None:
        """made: what this did before, in another's folder `data`, to be copied: to make it takes a second."""
        if made is not None:
            subprocess.run(["cp", "-a", made, self.folder / "data"], check=True, timeout=60)
            return
        options = ("-A", "trust", "-U", "postgres", "-N", "--no-instructions", "--locale=C", "--encoding=UTF8")
        self._run("initdb", "-D", str(self.folder / "data"), *options)

    def _run(self, name: str, *words: str) -> None:
        found = binaries()
        assert found is not None
        # It refuses to run as root.
        user = "postgres" if os.geteuid() == 0 else None
        subprocess.run([found / name, *words], user=user, cwd="/", stdout=subprocess.DEVNULL, check=True, timeout=60)


@contextmanager
def cluster(made: Path | None = None, **settings: str) -> Iterator[Cluster]:
    """A server that nobody else has, with settings of its own; its folder is short, as names of sockets are.

    made: what `initdb` made before.
    """
    with _folder() as folder:
        found = Cluster(folder, settings)
        found.init(made)
        found.start()
        try:
            yield found
        finally:
            found.stop()


def initdb(made: Path) -> None:
    """Makes what clusters can be copied from; it belongs to who may run a server."""
    with _folder() as folder:
        Cluster(folder).init()
        subprocess.run(["cp", "-a", folder / "data", made], check=True, timeout=60)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    command = ["sh", "-c", _WHEN_WE_ARE_GONE, str(folder)]
    heir = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        yield folder
    finally:
        heir.communicate()


class EmptyState:
    """A state of this version, emptied for each test: migrating takes longer than most of them."""

    def __init__(self, cluster: Cluster) -> None:
        cluster.sql("CREATE DATABASE feedmill")
        self.server = cluster.server()
        open_database(self.server).dispose()
        tables = [table.name for table in metadata.sorted_tables]
        numbers = [
            f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)"
            for table in metadata.sorted_tables
            if table.autoincrement_column is not None and table.autoincrement_column.name == "id"
        ]
        self._statements = "; ".join([*(f"DELETE FROM {name}" for name in tables), *numbers]).encode()  # noqa: S608  # our own names
        self._connection: psycopg.Connection | None = None

    def emptied(self) -> Server:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.server.url, autocommit=True)
        self._connection.execute(self._statements)
        return self.server

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
