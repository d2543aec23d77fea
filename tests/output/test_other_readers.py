"""DuckDB and pandas read the directory while another process writes and compacts it."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.output.conftest import compact
from worker.model import Millis
from worker.output import OutputDirectory, Segment

Segments = Callable[..., list[Segment]]
FORK = multiprocessing.get_context("fork")

LIVE = """
    WITH line AS (
        FROM read_json('{out}/manifest/*.jsonl', format = 'newline_delimited', ignore_errors = true,
                       columns = {{path: 'VARCHAR', drops: 'VARCHAR[]'}})
    )
    SELECT '{out}/' || path AS path FROM line
    WHERE path IS NOT NULL AND path NOT IN (SELECT unnest(drops) FROM line)
"""
"""The files to read, by the manifest: those that are named and not dropped."""
RECORDS = """
    SELECT (id, _ingest.revision) AS revision, _ingest.seq AS seq
    FROM read_json($files, format = 'newline_delimited',
                   columns = {id: 'VARCHAR', _ingest: 'STRUCT(writer VARCHAR, seq BIGINT, revision BIGINT)'})
"""


def written(out: Path, made: list[Segment], pack: bool) -> None:
    directory = OutputDirectory.open(out, schema=b"{}")
    for segment in made:
        directory.publish(segment)
        for _ in compact(directory, now=Millis(time.time_ns() // 1_000_000), pack=pack, grace_ms=1500):
            time.sleep(0.01)
        time.sleep(0.03)


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def looks(out: Path, segments: Segments, request: pytest.FixtureRequest) -> Iterator[Iterator[bool]]:
    """A look to be taken again and again while another process works on twenty files; the last when it has ended."""
    OutputDirectory.open(out, schema=b"{}").publish(segments(1)[0])
    process = FORK.Process(target=written, args=(out, segments(20, a_day=2), request.param))
    process.start()

    def until_it_ends() -> Iterator[bool]:
        while process.is_alive():
            yield False
        yield True

    yield until_it_ends()
    process.join()
    assert process.exitcode == 0


def assert_follows(seqs: list[int], before: list[int]) -> None:
    """All from the first on, each once, and no fewer than there were."""
    assert sorted(seqs) == list(range(1, len(seqs) + 1))
    assert len(seqs) >= len(before)


def test_by_the_manifest_each_record_once(out: Path, looks: Iterator[bool]) -> None:
    """In DuckDB as in pandas, without a word of feedmill's code; a query has the grace to end."""
    seen: list[int] = []
    for ended in looks:
        for read in (_duckdb, _pandas):
            seqs = read(out)
            assert_follows(seqs, seen)
            seen = seqs
        if ended:
            assert len(seen) == 60


def _duckdb(out: Path) -> list[int]:
    with duckdb.connect() as connection:
        paths = [path for (path,) in connection.sql(LIVE.format(out=out)).fetchall()]
        return [seq for _, seq in connection.execute(RECORDS, {"files": paths}).fetchall()]


def _pandas(out: Path) -> list[int]:
    import pandas  # when it is needed: it takes half a second to load

    lines = [json.loads(raw) for day in sorted((out / "manifest").iterdir()) for raw in _whole_lines(day)]
    dropped = {path for line in lines for path in line["drops"]}
    paths = [line["path"] for line in lines if "path" in line and line["path"] not in dropped]
    frame = pandas.concat(pandas.read_json(out / path, lines=True) for path in paths)
    return [ingest["seq"] for ingest in frame["_ingest"]]


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def test_by_glob_each_record_once_when_repeats_are_dropped(out: Path, looks: Iterator[bool]) -> None:
    """No half file is ever seen; one that is deleted just then is no longer there, and the query is asked again."""
    seen: list[int] = []
    for ended in looks:
        try:
            with duckdb.connect() as connection:
                glob = f"{out}/records/*/*.jsonl*"
                seqs = list(dict(connection.execute(RECORDS, {"files": glob}).fetchall()).values())
        except duckdb.IOException:
            assert not ended
            continue
        assert_follows(seqs, seen)
        seen = seqs
        if ended:
            assert len(seen) == 60
