"""Commands that are killed at each of their steps, over an output that has everything: packed days, pages, latest/."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.site import Site
from tests.whole.conftest import Later, Worker
from tests.whole.dying import Command, dies, steps
from tests.whole.pages import feed, item, page, prose
from worker import cursor, read_records
from worker.output import verify
from worker.record import Record

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
TRACE = "heron"
"""A word of the article that has to go."""
OUTPUT = {"latest": True, "feed_json": 5, "archive": "warc", "seal_records": 2}
EVERY = int(os.environ.get("FEEDMILL_TEST_EVERY", "6"))
"""How many steps it is from one kill to the next; 1 takes minutes."""


@pytest.fixture
def lived(site: Site, tmp_path: Path, later: Later) -> Worker:
    """A worker after four days, of which two are packed, the first without what it was made of."""
    (tmp_path / "lived").mkdir()
    worker = Worker(tmp_path / "lived")
    site.add("b", "/copy", page("A copy", prose(TRACE)))
    copy = feed(site, "b", item("copy", site.url("b", "/copy"), "A copy"))
    for number in range(4):
        later(number)
        edited = f" Edited on day {number}." if number else ""
        names = (TRACE, "owl", f"wren{number}", f"rook{number}")
        items = [item(n, site.add("a", f"/{n}", page(n, prose(n) + edited)), n + edited) for n in names]
        compact = {"grace": "1d", "zstd": True}
        worker.configure(
            [feed(site, "a", *items), copy], output={**OUTPUT, "compact": compact}, dedup={"exact": "link"}
        )
        worker.once(every=True)
        worker.run("compact")
    assert verify(worker.out).findings == ()
    return worker


def killed(lived: Worker, command: Command) -> Iterator[tuple[str, Worker]]:
    """Copies of the worker, in each of which the command died at another step; with the name of that."""
    sound = copied(lived, "sound")
    names = steps(sound, command)
    for at in range(1, len(names) + 1, EVERY):
        worker = copied(lived, "killed")
        dies(worker, command, at)
        yield f"{at}: {names[at - 1]}", worker
        shutil.rmtree(worker.folder)


def copied(worker: Worker, name: str) -> Worker:
    return Worker(Path(shutil.copytree(worker.folder, worker.folder.with_name(name))))


def number(record: Record) -> tuple[str, int]:
    return record["_ingest"]["writer"], record["_ingest"]["seq"]


def after(worker: Worker, since: str) -> list[tuple[str, int]]:
    """What a reader gets that has read so far."""
    return [number(record) for record in read_records(worker.out, since)]


def assert_half_done(worker: Worker, step: str) -> None:
    """As a crash left it: nothing but what a start makes good."""
    found = [f for f in verify(worker.out).findings if not f.remedy and not f.file.startswith(("latest/", "feed.json"))]
    assert found == [], step


def traces(worker: Worker) -> list[str]:
    """The files that have the word, packed or not."""
    unpacked = {
        ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        ".gz": gzip.decompress,
    }
    files = (path for path in worker.out.rglob("*") if path.is_file() and path.parent.name != "schema")
    return [str(path) for path in files if TRACE.encode() in unpacked.get(path.suffix, bytes)(path.read_bytes())]


def test_a_takedown(lived: Worker, site: Site) -> None:
    """Once it has begun the next start ends it, or the same command: no trace is left, each of its records is told of
    once, and readers get all others from wherever they were."""
    url = site.url("a", f"/{TRACE}")
    cursors = [(cursor(record), after(lived, cursor(record))) for record in lived.records()]
    sound = copied(lived, "told")
    sound.run("forget", url)
    kept = {number(record) for record in sound.records()}
    told = sorted(record["id"] for record in sound.records() if record["_ingest"]["op"] == "delete")
    assert traces(lived)
    assert traces(sound) == []
    for place, (step, worker) in enumerate(killed(lived, lambda worker: worker.run("forget", url))):
        assert_half_done(worker, step)
        if place % 2 or "delete" not in {record["_ingest"]["op"] for record in worker.records()}:
            worker.run("forget", url)
        else:
            worker.once()
        assert traces(worker) == [], step
        assert sorted(r["id"] for r in worker.records() if r["_ingest"]["op"] == "delete") == told, step
        for since, then in cursors:
            assert [n for n in after(worker, since) if n in then] == [n for n in then if n in kept], step
        assert verify(worker.out).findings == (), step


def test_compaction_and_expiry(lived: Worker, later: Later) -> None:
    """The next one ends it: what is kept is there, pages and all, and readers miss nothing of that from wherever they
    were."""
    later(5)
    config = lived.folder / "worker.yaml"
    config.write_text(config.read_text().replace("output:", "output:\n  keep: 2d"))
    cursors = [(cursor(record), after(lived, cursor(record))) for record in lived.records()]
    sound = copied(lived, "kept")
    sound.run("compact")
    kept = [number(record) for record in sound.records()]
    assert 0 < len(kept) < len(lived.records())
    for step, worker in killed(lived, lambda worker: worker.run("compact")):
        assert_half_done(worker, step)
        for since, then in cursors:
            assert [n for n in after(worker, since) if n in kept] == [n for n in then if n in kept], step
        worker.run("compact")
        assert [number(record) for record in worker.records()] == kept, step
        assert verify(worker.out).findings == (), step
        assert not list((worker.out / ".staging").iterdir())


@pytest.mark.parametrize("damaged", [False, True])
def test_recovery(lived: Worker, damaged: bool) -> None:
    """It is begun anew, or has ended; until then no worker starts. Nothing is written again."""
    records = lived.records()
    if damaged:
        with lived.state.open("r+b") as file:
            file.seek(3 * 4096)
            file.write(b"x" * 4 * 4096)
    else:
        lived.state.unlink()
    for step, worker in killed(lived, lambda worker: worker.run("recover")):
        worker.run("recover")
        worker.once(every=True)
        assert worker.records() == records, step
        assert verify(worker.out).findings == (), step
