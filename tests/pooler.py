"""PgBouncer, as it stands in front of PostgreSQL at many sites."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.postgresql import Cluster
from worker.model import Server


def binary() -> str | None:
    """Debian has it in /usr/sbin, which is in few people's PATH."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/bin")


@contextlib.contextmanager
def pooler(cluster: Cluster, database: str, *, mode: str, size: int = 20) -> Iterator[Server]:
    """One in front of the database. mode, size: its pool_mode and default_pool_size."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="pgb-", dir="/tmp") as folder:
        path = Path(folder, "ini")
        path.write_text(
            f"[databases]\n{database} = host={cluster.folder} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = {mode}\ndefault_pool_size = {size}\n"
        )
        if user is not None:
            shutil.chown(folder, user)
        command = [binary() or "pgbouncer", "-q", str(path)]
        process = subprocess.Popen(command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert time.monotonic() < until, "pgbouncer did not start"
                assert process.poll() is None, "pgbouncer ended"
                time.sleep(0.02)
            yield Server(f"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
        finally:
            process.kill()
            process.wait()
