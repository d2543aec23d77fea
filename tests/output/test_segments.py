from __future__ import annotations

import json
from dataclasses import replace

import orjson
import pytest

from worker.articles import compose
from worker.model import Article, Millis
from worker.output import Row, Segment, line, segment_path

AT = Millis(1_795_406_706_789)
BODY = (
    b'{"id":"00112233445566778899aabbccddeeff","content_text":"Gr\xc3\xbc\xc3\x9fe \xe2\x80\xa8 \\n","_ingest":{'
    b'"schema":1,"writer":"","seq":0,"op":"new","revision":0,"ingested_at":"","feed_id":"a","cluster_id":"c0",'
    b'"duplicate_of":null,"duplicate_kind":null,"sources":{"title":"feed"}}}'
)
ROW = Row(seq=7, op="update", revision=2, ingested_at=AT, body=BODY)


def test_a_segment_is_named_by_time_writer_and_first_seq() -> None:
    """The name is made of what the outbox knows, so that making it again gives the same."""
    path = segment_path(at=AT, date="2026-11-23", writer="w-1", first_seq=42)
    assert path == "records/date=2026-11-23/20261123T040506Z-w-1-000000000042.jsonl"


def test_names_of_a_writer_sort_as_its_records() -> None:
    """Those who list the files see them in the order of their records, also within one second."""
    paths = [segment_path(at=AT, date="2026-11-23", writer="w", first_seq=seq) for seq in (1, 2, 9, 10, 99, 100_000)]
    assert paths == sorted(paths)


@pytest.mark.parametrize(
    ("writer", "date", "first_seq"),
    [
        pytest.param("", "2026-11-23", 1, id="no writer"),
        pytest.param("W1", "2026-11-23", 1, id="capitals"),
        pytest.param("../w", "2026-11-23", 1, id="a path"),
        pytest.param("w" * 65, "2026-11-23", 1, id="long"),
        pytest.param("w", "20261123", 1, id="date without dashes"),
        pytest.param("w", "2026-11-23/..", 1, id="date that is a path"),
        pytest.param("w", "2026-11-23", 0, id="seq counts from 1"),
    ],
)
def test_a_name_that_could_mislead_is_refused(writer: str, date: str, first_seq: int) -> None:
    """What can't be part of a file's name, or would not be read back from it, never becomes one."""
    with pytest.raises(ValueError, match="no segment is named by"):
        segment_path(at=AT, date=date, writer=writer, first_seq=first_seq)


@pytest.mark.parametrize(
    ("path", "writer", "first_seq", "seqs", "message"),
    [
        pytest.param("records/x.jsonl", "w", 1, [1], "not the path of a segment", id="no segment's path"),
        pytest.param("../../etc/cron.d/x", "w", 1, [1], "not the path of a segment", id="leads out"),
        pytest.param(None, "v", 1, [1], "does not name writer v", id="another writer"),
        pytest.param(None, "w", 2, [2], "does not name writer w and seq 2", id="another first seq"),
        pytest.param(None, "w", 1, [], "not numbered", id="empty"),
        pytest.param(None, "w", 1, [1, 3], "not numbered", id="a gap"),
        pytest.param(None, "w", 1, [1, 1], "not numbered", id="a repeat"),
        pytest.param(None, "w", 1, [2], "not numbered", id="begins elsewhere"),
    ],
)
def test_a_segment_agrees_with_its_name(
    path: str | None, writer: str, first_seq: int, seqs: list[int], message: str
) -> None:
    """Rows that do not follow one on the other from the named one can't be made a segment."""
    path = path or segment_path(at=AT, date="2026-11-23", writer="w", first_seq=1)
    rows = tuple(replace(ROW, seq=seq) for seq in seqs)
    with pytest.raises(ValueError, match=message):
        Segment(path=path, writer=writer, first_seq=first_seq, rows=rows)


def test_a_line_is_the_body_with_what_the_commit_knew() -> None:
    """These bytes are pinned: a crash between two versions must not change what was published."""
    assert line(ROW, "w1") == (
        b'{"id":"00112233445566778899aabbccddeeff","content_text":"Gr\xc3\xbc\xc3\x9fe \xe2\x80\xa8 \\n","_ingest":{'
        b'"schema":1,"writer":"w1","seq":7,"op":"update","revision":2,"ingested_at":"2026-11-23T04:05:06.789Z","feed_id":"a",'
        b'"cluster_id":"c0","duplicate_of":null,"duplicate_kind":null,"sources":{"title":"feed"}}}\n'
    )


INGEST = ["writer", "seq", "op", "revision", "ingested_at", "cluster_id", "duplicate_of", "duplicate_kind"]
DRAFTED = compose(
    Article(
        extraction="ok", title='"_ingest":{"schema":1,', text='Said "cluster_id":null,"duplicate_of":null, \\ \u2028'
    ),
    record_id="00112233445566778899aabbccddeeff",
    url=None,
    entry=None,
    feed=None,
    feed_title='"seq":0',
    first_seen_at=AT,
    fetched_at=None,
    final_url=None,
    http_status=None,
    content_hash="sha256-1:00",
)


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, op="new", revision=1),
        replace(ROW, cluster_id="c9"),
        replace(ROW, op="duplicate", duplicate_of="ff" * 16, duplicate_kind="exact", cluster_id="c9"),
    ],
)
def test_a_line_of_a_draft_is_that_of_a_body_which_is_read(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte, whatever its texts say: with blanks between its keys it has to be read."""
    read = line(replace(row, body=json.dumps(DRAFTED).encode()), "w1")
    monkeypatch.delattr("worker.output.segment.orjson.loads")
    drafted = line(replace(row, body=orjson.dumps(DRAFTED)), "w1")
    assert drafted == read
    assert {name: value for name, value in json.loads(drafted)["_ingest"].items() if name in INGEST} == {
        "writer": "w1",
        "seq": 7,
        "op": row.op,
        "revision": row.revision,
        "ingested_at": "2026-11-23T04:05:06.789Z",
        "cluster_id": row.cluster_id,
        "duplicate_of": row.duplicate_of,
        "duplicate_kind": row.duplicate_kind,
    }


def test_a_duplicate_names_what_it_repeats() -> None:
    """The fields of a duplicate, and a cluster that the commit found, take the place of the body's."""
    row = replace(ROW, op="duplicate", duplicate_of="ff" * 16, duplicate_kind="exact", cluster_id="c9")
    ingest = json.loads(line(row, "w1"))["_ingest"]
    assert (ingest["duplicate_of"], ingest["duplicate_kind"], ingest["cluster_id"]) == ("ff" * 16, "exact", "c9")
