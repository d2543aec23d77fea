"""Programs that are not ours, a tailer among them, and `records --follow` read what a real worker writes and compacts
just then."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import duckdb
import pytest

from tests.output.test_other_readers import LIVE, RECORDS
from tests.site import Answer, Site
from tests.whole import stepping
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, item, prose, rss
from tests.whole.processes import found, running, until

DAY_MS = 86_400_000
PATIENCE_S = 240
"""Other programs start slowly where many others run."""
GRACE_S = 5
"""For a reader to end with the files that it began with."""
PATHS = "map(.drops[]) as $gone | .[].path | values | select(IN($gone[]) | not)"
"""jq, of the lines of the manifest: the files to read."""


def by_duckdb(out: Path) -> list[int]:
    with duckdb.connect() as connection:
        paths = [path for (path,) in connection.sql(LIVE.format(out=out)).fetchall()]
        return [seq for _, seq in connection.execute(RECORDS, {"files": paths}).fetchall()]


def by_jq(out: Path) -> list[int]:
    manifest = sorted(map(str, (out / "manifest").iterdir()))
    paths = subprocess.run(["jq", "-rs", PATHS, *manifest], capture_output=True, text=True, check=True).stdout.split()
    seqs = subprocess.run(["jq", "._ingest.seq", *paths], cwd=out, capture_output=True, text=True, check=True).stdout
    return [int(seq) for seq in seqs.split()]


def by_pandas(out: Path) -> list[int]:
    """By glob, without the manifest; repeats by id and revision are dropped."""
    import pandas  # when it is needed: it takes half a second to load

    frames = [pandas.read_json(path, lines=True) for path in sorted(out.glob("records/*/*.jsonl"))]
    ingest = pandas.concat(frames)[["id", "_ingest"]]
    revision = ingest["_ingest"].map(lambda value: value["revision"])
    kept = ingest.assign(revision=revision).drop_duplicates(["id", "revision"])
    return [value["seq"] for value in kept["_ingest"]]


TAILER = """
global(workDirectory="{folder}" maxMessageSize="1m")
module(load="imfile")
input(type="imfile" File="{out}/records/*/*.jsonl" Tag="feedmill")
template(name="line" type="string" string="%msg%\\n")
action(type="omfile" File="{folder}/tailed" template="line")
"""
"""For rsyslogd: each line of each file that comes, from its beginning (its module imfile)."""


@contextlib.contextmanager
def tailed(worker: Worker) -> Iterator[Callable[[], list[int]]]:
    """A program that is not ours ships each file as it appears; what it has so far, which may have repeats."""
    folder = worker.folder / "tailer"
    folder.mkdir()
    (folder / "conf").write_text(TAILER.format(folder=folder, out=worker.out))
    command = ["rsyslogd", "-n", "-f", str(folder / "conf"), "-i", str(folder / "pid")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def shipped() -> list[int]:
        path = folder / "tailed"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [json.loads(line)["_ingest"]["seq"] for line in lines]

    try:
        yield shipped
    finally:
        process.terminate()
        assert process.wait(15) == 0


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("rsyslogd")), reason="jq or rsyslog is not installed")
def test_each_record_once_while_a_worker_writes_and_compacts(site: Site, worker: Worker) -> None:
    """By DuckDB and jq through the manifest, by pandas by glob, by a follower from before the first record on; a tailer
    of closed files misses none, and finds some again where they were compacted."""
    number = count(3, 3)

    def growing(_: object) -> Answer:
        return Answer(
            body=rss(*(item(f"g{n}", None, f"T{n}", prose(f"owl{n}")) for n in range(next(number)))), content_type=RSS
        )

    worker.configure(
        [{"url": site.add("a", "/feed", growing), "every": "1s"}],
        output={"seal_after": "0s", "seal_records": 2, "compact": {"grace": f"{GRACE_S}s"}},
    )
    clock = worker.folder / "clock"
    clock.write_text("0")
    orders = stepping.Orders(out=str(worker.out), clock=str(clock), upkeep_s=0.5)
    followed = worker.folder / "followed"
    with followed.open("wb") as file:
        follower = subprocess.Popen(
            worker.command("records", "--follow", str(worker.out)), stdout=file, env=worker.environment()
        )
    try:
        with (
            tailed(worker) as shipped,
            running(worker, stepping.command(worker.command("run")), **orders.environment()),
        ):
            until(lambda: found(worker))
            looks = dict.fromkeys((by_duckdb, by_jq, by_pandas), 0)
            for day in (0, 1, 2):
                clock.with_name("new").write_text(str(day * DAY_MS))
                clock.with_name("new").replace(clock)
                asked = len(site.requests)
                until(lambda asked=asked: look(worker.out, looks) and len(site.requests) >= asked + 4, PATIENCE_S)  # type: ignore[misc]
            until(lambda: look(worker.out, looks) and '"step":"drop"' in worker.log.read_text(), PATIENCE_S)
            total = len(worker.records())
            until(lambda: set(shipped()) >= set(range(1, total + 1)), PATIENCE_S)
        total = len(worker.records())
        until(lambda: followed.read_bytes().count(b"\n") >= total)
        follower.terminate()
        assert follower.wait(15) == 0
    finally:
        follower.kill()
        follower.wait()
    seqs = [json.loads(line)["_ingest"]["seq"] for line in followed.read_bytes().splitlines()]
    assert seqs == list(range(1, total + 1))
    look(worker.out, looks)
    assert set(looks.values()) == {total}
    worker.run("verify")


def look(out: Path, seen: dict[Callable[[Path], list[int]], int]) -> bool:
    """Each reader finds all up to some number, each once, and no fewer than before."""
    for read, before in seen.items():
        try:
            seqs = sorted(read(out))
        except FileNotFoundError:
            assert read is by_pandas  # which found a name just before it was removed: it asks again
            continue
        assert seqs == list(range(1, len(seqs) + 1)), read.__name__
        assert len(seqs) >= before, read.__name__
        seen[read] = len(seqs)
    return True
