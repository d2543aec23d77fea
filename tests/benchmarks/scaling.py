"""What a second worker brings: `python -m tests.benchmarks.scaling [PAGES] [ROUNDS]`.

Made-up pages on nginx, a PostgreSQL, and one worker or two with one CPU process each, in turn. What counts is the
stretch from a tenth of the articles to nine tenths. A row says how many a second there were, what CPU each took of the
workers' processes and of PostgreSQL's, and what that makes of two workers: by the clock, which needs as many cores, and
all of them to itself; and by CPU, which is what it would be if there were enough: twice what one does, less what each
article costs two of them more.

    2026-11-29, 3000 pages, two cores at rest, of which one worker takes 1.2 by itself, and nginx some

    one:  158.7 a second; CPU ms of each: 7.0 + 0.5
    two:  251.4 a second; CPU ms of each: 7.1 + 0.6
         by the clock 1.58 times one, by CPU 1.94
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

from tests.benchmarks import web
from tests.postgresql import Cluster, cluster
from worker.store.database.opening import open_database

MARK = "FEEDMILL_SCALING"
"""In the environment of the workers and all that they start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    articles: int
    wall_s: float
    workers_s: float
    server_s: float

    @property
    def rate(self) -> float:
        return self.articles / self.wall_s

    @property
    def cpu_ms(self) -> float:
        return 1000 * (self.workers_s + self.server_s) / self.articles

    def __str__(self) -> str:
        each = f"{1000 * self.workers_s / self.articles:.1f} + {1000 * self.server_s / self.articles:.1f}"
        return f"{self.rate:6.1f} a second; CPU ms of each: {each}"


def measured(folder: Path, sites: web.Web, found: Cluster, name: str, *, workers: int) -> Stretch:
    """The ingest of all pages, on a new state."""
    found.sql(f"CREATE DATABASE {name}")
    server = found.server(name)
    open_database(server).dispose()
    configured(folder / name, server.url, sites)
    with running(folder / name, workers), psycopg.connect(server.url, autocommit=True) as asking:
        pages = len(sites.pages)
        first = reached(asking, pages // 10)
        begun, ours, theirs = time.monotonic(), cpu_s(f"{MARK}={folder / name}"), cpu_s_below(found)
        last = reached(asking, pages * 9 // 10)
        return Stretch(
            articles=last - first,
            wall_s=time.monotonic() - begun,
            workers_s=cpu_s(f"{MARK}={folder / name}") - ours,
            server_s=cpu_s_below(found) - theirs,
        )


def configured(folder: Path, state: str, sites: web.Web) -> None:
    folder.mkdir(parents=True)
    config = {
        "state": state,
        "output": {"dir": "out", "shards": 4},
        "fetch": {"allow_addresses": ["127.0.0.0/8"], "per_host": {"delay": "0s"}, "robots": False},
        "extract": {"workers": 1},
        "web": {"listen": None},
        "log": {"level": "warning"},
    }
    (folder / "worker.yaml").write_text(yaml.safe_dump(config))
    (folder / "feeds.yaml").write_text(yaml.safe_dump({"defaults": {"every": "1h"}, "feeds": list(sites.feeds)}))


@contextlib.contextmanager
def running(folder: Path, workers: int) -> Iterator[None]:
    command = [sys.executable, "-m", "worker.cli", "run", "--config", str(folder / "worker.yaml")]
    started = [subprocess.Popen(command, env={**os.environ, MARK: str(folder)}) for _ in range(workers)]
    try:
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(60)


def reached(asking: psycopg.Connection, articles: int) -> int:
    """Waits for so many to be ingested; how many there are then."""
    while True:
        (count,) = asking.execute(
            "SELECT count(*) FROM entry WHERE revision > 0 OR duplicate_of IS NOT NULL"
        ).fetchone() or (0,)
        if count >= articles:
            return int(count)
        time.sleep(0.05)


def cpu_s(mark: str) -> float:
    """Of all processes that have it in their environment, and of their children that have ended."""
    total = 0
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{mark}\0".encode() in environment.read_bytes():
                total += sum(ticks(environment.parent, ended=True))
    return total / os.sysconf("SC_CLK_TCK")


def cpu_s_below(found: Cluster) -> float:
    """Of PostgreSQL's processes."""
    postmaster = (found.folder / "data/postmaster.pid").read_text().split("\n")[0]
    total = sum(ticks(Path("/proc") / postmaster, ended=True))
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "stat").read_text().rpartition(")")[2].split()[1] == postmaster:
                total += sum(ticks(process, ended=False))
    return total / os.sysconf("SC_CLK_TCK")


def ticks(process: Path, *, ended: bool) -> list[int]:
    """User and system time of a process; with those of its children that have ended (proc_pid_stat(5))."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[11 : 15 if ended else 13]]


def main(pages: int, rounds: int) -> None:
    if web.nginx() is None:
        sys.exit("nginx is not installed (Debian: nginx-light)")
    with tempfile.TemporaryDirectory() as name, cluster(shared_buffers="128MB") as found:
        folder, port = Path(name), web.free_port()
        sites = web.with_pages(folder / "www", pages, port, corpus=False)
        with web.served(sites.folder, port):
            for number in range(rounds):
                one = measured(folder, sites, found, f"one{number}", workers=1)
                two = measured(folder, sites, found, f"two{number}", workers=2)
                print(f"one: {one}\ntwo: {two}")  # noqa: T201 — it is a command
                print(  # noqa: T201
                    f"     by the clock {two.rate / one.rate:.2f} times one, by CPU {2 * one.cpu_ms / two.cpu_ms:.2f}"
                )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*[*numbers, *(600, 3)[len(numbers) :]])
