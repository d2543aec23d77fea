"""States of every released version come forward with all that is in them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from tests.store.released import migrations, schema
from tests.store.samples import DAY, KEEP_MS, NO_PATIENCE, START, WINDOW_MS, Plans, Run, make_entry, make_feed
from worker.dedup import url_key
from worker.model import Feed, FeedId, HostPolicy, Ingest, Poll, Validators
from worker.store import Store, read_status
from worker.store.database.migrating import versions
from worker.store.database.opening import open_database

EXTRACTIONS = ("ok", "feed_only", "blocked", "paywalled", "failed", "skipped")
"""As numbers of the rows since 0021."""

_FIRST = """
        INSERT INTO meta VALUES ('writer', 'w0a1b2c'), ('last_seq', '41');
        INSERT INTO feed (id, url, active, title, site_url, etag, last_modified, body_hash, elements, added_at,
                          polled_at, new_at, status, error, errors, failing_since, new_last, new_total)
        VALUES
            ('good', 'https://good.example/feed', 1, 'Good', 'https://good.example/', '"v1"', 'Mon, 23 Nov 2026',
             x'0102', x'0102030405060708', 1795000000000, 1795400000000, 1795300000000, 304, NULL, 0, NULL, 2, 12),
            ('bad', 'https://bad.example/feed', 1, NULL, NULL, NULL, NULL, NULL, NULL, 1795000000000, 1795400000000,
             NULL, 500, 'the server answered 500', 3, 1795390000000, 0, 0),
            ('dropped', 'https://dropped.example/feed', 0, 'Dropped', NULL, NULL, NULL, NULL, NULL, 1795000000000,
             NULL, NULL, NULL, NULL, 0, NULL, 0, 0);
        INSERT INTO host (id, name, delay_ms, concurrency, not_before, next_at) VALUES
            (1, 'good.example', 5000, 2, 1795400005000, 1795406000000),
            (2, 'bad.example', 0, 1, 0, 1795500000000),
            (3, '', 0, 16, 0, 1795400000000);
        INSERT INTO slot VALUES (1, 0, 7, 0, NULL), (1, 1, 3, 1795406800000, 2), (2, 0, 9, 0, NULL), (3, 0, 0, 0, NULL);
        INSERT INTO work (id, host_id, priority, due_at, feed_id, entry_id, url, hops, entry, again, tries, errors,
                          lost, quarantined, error)
        VALUES
            (1, 1, 0, 1795406000000, 'good', NULL, NULL, 0, NULL, 0, 0, 0, 0, 0, NULL),
            (2, 1, 1, 1795406000000, 'good', 2, 'https://good.example/two', 1, '{"guid":"two"}', 0, 1, 0, 0, 0, NULL),
            (3, 2, 0, 1795500000000, 'bad', NULL, NULL, 0, NULL, 0, 0, 0, 0, 0, NULL),
            (4, 3, 3, 9999999999999, 'good', 3, NULL, 0, '{"guid":"three"}', 0, 0, 4, 0, 1, 'it broke');
        INSERT INTO entry (id, feed_id, record_id, url, version, title_key, first_seen_at, revision, revision_key,
                           text_key, duplicate_of, extraction, reason)
        VALUES
            (1, 'good', x'11', 'https://good.example/one', x'a1', x'b1', 1795300000000, 2, x'c1', x'd1', NULL, 'ok',
             NULL),
            (2, 'good', x'12', 'https://good.example/two', x'a2', x'b2', 1795400000000, 0, x'', NULL, NULL, NULL, NULL),
            (3, 'good', x'13', NULL, x'a3', x'b3', 1795400000000, 0, x'', NULL, NULL, NULL, 'it broke'),
            (4, 'good', x'14', NULL, x'a4', x'b4', 1795400000000, 0, x'', x'd1', 1, NULL,
             'its text is another entry''s');
        INSERT INTO identity VALUES (x'11', 1), (x'12', 2), (x'13', 3), (x'14', 4), (x'21', 1);
        INSERT INTO content VALUES (x'd1', 1, 1799000000000);
        INSERT INTO segment VALUES
            (1, 'w0a1b2c', '2026-11-22', 1795300060000, 1, 40, 'records/date=2026-11-22/x.jsonl', 'ab12'),
            (2, 'w0a1b2c', '2026-11-23', 1795400060000, 41, 41, NULL, NULL);
        INSERT INTO outbox (id, op, revision, ingested_at, duplicate_of, body, seq, segment_id) VALUES
            (41, 'update', 2, 1795400000000, NULL, '{"id":"11"}', 41, 2),
            (42, 'duplicate', 1, 1795400000001, x'11', '{"id":"14"}', NULL, NULL);
"""
_SECOND = (
    _FIRST  # noqa: S608 # our own rows
    + """
        UPDATE feed SET version_url = url, setback_weight = errors, refreshed_at = polled_at;
        UPDATE host SET policy_ms = delay_ms, width = concurrency;
        INSERT INTO robots VALUES
            ('https://good.example/robots.txt', x'789c030000000001', NULL, NULL, 1795400000000, 1795486400000);
        INSERT INTO takedown VALUES (x'15');
        INSERT INTO tombstone VALUES (x'15');
        INSERT INTO request (id, verb, subject, answer) VALUES (1, 'forget', '15', NULL);
    """
)
_THIRD = _SECOND + "UPDATE feed SET paused = 1 WHERE id = 'dropped';"  # noqa: S608
_FOURTH = (
    _THIRD  # noqa: S608
    + """
        UPDATE entry SET cluster_id = x'99', copy_of = x'99' WHERE id = 3;
        INSERT INTO sketch VALUES (1, 1799000000000, 120, x'01', x'02');
        INSERT INTO shingle VALUES (77, 1);
        INSERT INTO reprint (entry_id, cluster_id, name, url, body, expires_at) VALUES
            (3, x'99', 'The Herald', 'https://herald.example/', '{"id":"13"}', 1799000000000);
    """
)
_FIFTH = _FOURTH + "UPDATE entry SET skipped = 'filter' WHERE id = 3;"  # noqa: S608
_SIXTH = _FIFTH + "INSERT INTO site VALUES ('good.example', 1795400000000, x'00');"  # noqa: S608
_SEVENTH = _SIXTH + "UPDATE outbox SET first_seen_at = ingested_at;"  # noqa: S608
_EIGHTH = _SEVENTH + "UPDATE feed SET gaps = 1, missed = 2.5 WHERE id = 'dropped';"  # noqa: S608
FIXTURES = {"0001": _FIRST, "0002": _SECOND, "0003": _THIRD, "0004": _FOURTH}
_TENTH = (
    _EIGHTH  # noqa: S608
    + """
        INSERT INTO subscription VALUES ('good', 'https://hub.example/', 'https://good.example/feed', 'token', 'secret',
                                         1795400000000, 0, NULL, 0, 0, 0, NULL);
    """
)
_ELEVENTH = _TENTH.replace(
    "INSERT INTO meta VALUES ('writer', 'w0a1b2c'), ('last_seq', '41')",
    "INSERT INTO meta VALUES ('reload', 'refused'); INSERT INTO writer VALUES (0, 'w0a1b2c', 41)",
).replace("segment VALUES", "segment (id, writer, date, created_at, first_seq, last_seq, path, sha256) VALUES")
_TWELFTH = (
    _ELEVENTH  # noqa: S608
    + """
        INSERT INTO member VALUES ('a1b2', 'here', 1, '0.1.0', 'fetch', 1795400000000, 1795400000000, 0, 64, NULL);
    """
)
_FOURTEENTH = _TWELFTH.replace("INSERT INTO identity VALUES", "INSERT INTO identity (key, entry_id) VALUES")
_MEMBER = "INSERT INTO member (name, host, pid, version, roles, started_at, seen_at, under_way, most, backlog) VALUES"
_SIXTEENTH = _FOURTEENTH.replace(
    "INSERT INTO slot VALUES", "INSERT INTO slot (host_id, k, token, lease_until, work_id) VALUES"
)
_EIGHTEENTH = _SIXTEENTH.replace("INSERT INTO member VALUES", _MEMBER)
_NINETEENTH = (
    _EIGHTEENTH  # noqa: S608
    + """
        UPDATE entry SET seen_at = first_seen_at + id - 1;
        UPDATE entry SET revised_at = first_seen_at + 86400000 WHERE id = 1;
        UPDATE entry SET version = x'a1a2a3a4a5a6a7a8', title_key = x'b1b2b3b4b5b6b7b8',
            revision_key = x'c1c2c3c4c5c6c7c8', text_key = x'd1d2d3d4d5d6d7d8d9' WHERE id = 2;
        INSERT INTO entry (id, feed_id, record_id, url, version, title_key, first_seen_at, revision, revision_key)
        VALUES
            (5, 'dropped', x'15', 'http://a', x'', x'', 1795400000000, 0, x''),
            (6, 'dropped', x'16', 'http://a/', x'', x'', 1795400000000, 0, x''),
            (7, 'good', x'17', 'https://good.example/a/b?c=//d', x'', x'', 1795400000000, 0, x'');
        INSERT INTO identity (key, entry_id) VALUES (x'15', 5), (x'16', 6), (x'17', 7);
        INSERT INTO work (id, host_id, priority, due_at, feed_id, entry_id, hops, again, tries, errors, lost,
                          quarantined)
        SELECT id, 3, 3, 9999999999999, feed_id, id, 0, 0, 0, 0, 0, 0 FROM entry WHERE id > 4;
    """
)
_ENTRIES_OF_THE_TWENTIETH = f"""
        INSERT INTO name (no, text) VALUES
            (1, 'good'), (2, 'dropped'), (3, 'https://good.example/'), (4, 'http://a'), (5, 'http://a/');
        INSERT INTO entry (id, first_seen_at, seen_at, revised_after, duplicate_of, gone_since, feed_no, origin_no,
                           revision, gone_answers, removed_lines, path, record_id, shared_key, version, title_key,
                           revision_key, text_mark, cluster_id, copy_of, extraction, reason, skipped)
        VALUES
            (1, 1795300000000, NULL, 86400000, NULL, NULL, 1, 3, 2, 0, 3, 'one', x'11',
             x'{url_key("https://good.example/one").hex()}', x'a1', x'b1', x'c1', x'd1', NULL, NULL, 'ok', NULL, NULL),
            (2, 1795400000000, 1795400000001, NULL, NULL, NULL, 1, 3, 0, 0, 0, 'two', x'12',
             x'{url_key("https://good.example/two").hex()}', x'a1a2a3a4a5', x'b1b2b3b4b5',
             x'000000000000000000000000000000000000000000000000', NULL, NULL, NULL, NULL, NULL, NULL),
            (3, 1795400000000, NULL, NULL, NULL, NULL, 1, NULL, 0, 0, 0, NULL, x'13', NULL, x'a3', x'b3', x'', NULL,
             x'99', x'99', NULL, 'it broke', 'filter'),
            (4, 1795400000000, NULL, NULL, 1, NULL, 1, NULL, 0, 0, 0, NULL, x'14', NULL, x'a4', x'b4', x'', x'd1',
             NULL, NULL, NULL, 'its text is another entry''s', NULL),
            (5, 1795400000000, NULL, 0, NULL, 1795500000000, 2, 4, 0, 2, 0, '', x'15', NULL, x'', x'', x'', NULL,
             NULL, NULL, 'feed_only', NULL, NULL),
            (6, 1795400000000, NULL, 0, NULL, NULL, 2, 5, 0, 0, 0, '', x'16', NULL, x'', x'', x'', NULL, NULL, NULL,
             'blocked', 'a consent wall', NULL),
            (7, 1795400000000, NULL, 0, NULL, NULL, 1, 3, 0, 0, 0, 'a/b?c=//d', x'17', NULL, x'', x'', x'', NULL, NULL,
             NULL, 'paywalled', 'it asks for a login', NULL),
            (8, 1795400000000, NULL, 0, NULL, NULL, 1, NULL, 0, 0, 0, NULL, x'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', NULL,
             x'', x'', x'', x'e0e1e2e3e4e5e6e7', NULL, NULL, 'failed', 'it broke', NULL),
            (9, 1795400000000, NULL, 0, NULL, NULL, 1, NULL, 0, 0, 0, NULL, x'18', NULL, x'', x'', x'', NULL, NULL,
             NULL, 'skipped', NULL, NULL);
        INSERT INTO identity (key, entry_id, extra) VALUES
            (x'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 8, 0), (x'd0d1d2d3d4d5d6d7d8d9dadbdcdddedf', 8, 1), (x'18', 9, 0);
        INSERT INTO content VALUES (x'e0e1e2e3e4e5e6e7e8e9eaebecedeeef', 8, 1799000000000);
        INSERT INTO tombstone VALUES (x'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf'), (x'c0c1c2c3c4c5c6c7');
"""  # noqa: S608
_TWENTIETH = _ENTRIES_OF_THE_TWENTIETH + re.sub(
    r"(INSERT INTO|UPDATE) entry\b[^;]*;|INSERT INTO work[^;]* FROM entry[^;]*;", "", _NINETEENTH
)
_TWENTY_FIRST = re.sub(
    "'(ok|feed_only|blocked|paywalled|failed|skipped)'", lambda found: str(EXTRACTIONS.index(found[1])), _TWENTIETH
)
for _key in (url_key("https://good.example/one"), url_key("https://good.example/two")):
    _TWENTY_FIRST = _TWENTY_FIRST.replace(_key.hex(), _key[:10].hex())
_TWENTY_FIRST = re.sub(r"(?<=\(x')([0-9a-f]{20})[0-9a-f]+", r"\1", _TWENTY_FIRST)
FIXTURES |= {
    "0005": _FIFTH,
    "0006": _SIXTH,
    "0007": _SEVENTH,
    "0008": _EIGHTH,
    "0009": _EIGHTH,
    "0010": _TENTH,
    "0011": _ELEVENTH,
    "0012": _TWELFTH,
    "0013": _TWELFTH,
    "0014": _FOURTEENTH,
    "0015": _FOURTEENTH,
    "0016": _SIXTEENTH,
    "0017": _SIXTEENTH,
    "0018": _EIGHTEENTH,
    "0019": _NINETEENTH,
    "0020": _TWENTIETH,
    "0021": _TWENTY_FIRST,
    "0022": _TWENTY_FIRST,
    "0023": _TWENTY_FIRST + "INSERT INTO barred VALUES (x'77', 1795400000000, 1, 0);",  # noqa: S608
}
"""Rows in every table of a released schema, by its revision. Written by hand, and never changed once it is released."""

ADDED: dict[str, dict[str, dict[str, object]]] = {
    "0002": {
        "feed": {
            "version_url": "https://good.example/feed",
            "setback_weight": 0.0,
            "moved_to": None,
            "retired": 0,
            "unchanged": 0,
            "audit_after": 32,
            "next_at": None,
            "refreshed_at": 1795400000000,
        },
        "host": {"policy_ms": 5000, "crawl_ms": 0, "share": 64, "refused_at": None, "width": 2},
        "work": {"permanent": 1, "seek": 0, "waits": 0, "page_etag": None, "page_modified": None},
        "entry": {"revised_at": None, "seen_at": None, "gone_since": None, "gone_answers": 0},
    },
    "0003": {"feed": {"paused": 0}},
    "0004": {"entry": {"cluster_id": None, "copy_of": None}, "outbox": {"cluster_id": None}},
    "0005": {"feed": {"filters": None}, "entry": {"skipped": None}},
    "0006": {"outbox": {"site": None, "lines": None}, "entry": {"removed_lines": 0}},
    "0007": {"outbox": {"first_seen_at": None}},
    "0008": {"feed": {"gaps": 0, "gap_at": None, "missed": 0.0}},
    "0009": {"work": {"pages": None}},
    "0010": {"work": {"subscribe": 0}},
    "0011": {
        "writer": {"shard": 0, "name": "w0a1b2c", "last_seq": 41},
        "outbox": {"shard": 0},
        "segment": {"shard": 0},
    },
    "0012": {},
    "0013": {},
    "0014": {"identity": {"extra": 0}, "entry": {"shared_key": url_key("https://good.example/one")[:10]}},
    "0015": {},
    "0016": {"slot": {"begun": 1}},
    "0017": {"feed": {"flaw": None}},
    "0018": {},
    "0019": {"feed": {"pace": None}},
    "0020": {"entry": {"path": "one", "seen_at": None, "text_mark": b"\xd1"}},
    "0021": {"entry": {"extraction": 0}},
    "0022": {},
    "0023": {},
    "0024": {"feed": {"walk_anew": 0}},
}
"""What the first row of each table has in the columns that a revision added."""

MOVED = {"0011": {"meta": {"writer", "last_seq"}}}
"""Rows, by their keys, that a revision put into a table of their own, where `ADDED` has them."""

RENEWED = {
    "0020": {"entry": ("feed_id", "url", "revised_at", "seen_at", "text_key")},
    "0021": {"entry": ("extraction",)},
}
"""Columns that a revision took away, or whose values it changed, where another says the same."""

LEFT_BEHIND = {"0022": ("sketch", "shingle")}
"""Tables whose rows a revision removed: they say nothing that is still of use."""

HEAD = "0024"


def as_before(table: str, row: dict[str, Any], names: dict[int, str], revision: str) -> dict[str, Any]:
    """A row as that revision had it, before `RENEWED`. names: the rows of the table."""
    if table != "entry":
        return row
    revised = None if row["revised_after"] is None else row["first_seen_at"] + row["revised_after"]
    url = None if row["path"] is None else names[row["origin_no"]] + row["path"]
    was = {"feed_id": names[row["feed_no"]], "url": url, "revised_at": revised, "text_key": row["text_mark"]}
    code = row["extraction"]
    return row | was | {"extraction": EXTRACTIONS[code] if code is not None and revision < "0021" else code}


def made_at(revision: str, path: Path) -> Path:
    """A state of that schema, with its fixture's rows."""
    path.write_bytes(schema(revision))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIXTURES[revision])
    return path


def content(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608 # our own names
            for name in names
            if name != "alembic_version"
        }


def test_every_released_schema_has_its_fixture() -> None:
    """A migration that is added without rows to try it on is caught here."""
    revisions = [script.revision for script in ScriptDirectory.from_config(migrations()).walk_revisions()]
    assert revisions[0] == HEAD
    assert sorted(revisions) == versions(), "a state's version is told by the names of these files"
    assert sorted(revisions)[:-1] == sorted(FIXTURES)
    assert sorted(revisions)[1:] == sorted(ADDED)


@pytest.mark.parametrize("revision", FIXTURES)
def test_a_fixture_fills_every_table(tmp_path: Path, revision: str) -> None:
    """Else a migration could lose what no fixture has."""
    assert all(content(made_at(revision, tmp_path / "state.db")).values())


@pytest.mark.parametrize("revision", FIXTURES)
def test_no_row_and_no_value_is_lost_on_the_way_forward(tmp_path: Path, revision: str) -> None:
    """Each row is there with what it said, and says of what was added what it meant before; the next time it is taken
    as it is."""
    path = made_at(revision, tmp_path / "state.db")
    before = content(path)
    open_database(path).dispose()
    after = content(path)
    for moved in (MOVED[later] for later in MOVED if later > revision):
        before |= {table: [row for row in before[table] if row["key"] not in keys] for table, keys in moved.items()}
    for tables in (LEFT_BEHIND[later] for later in LEFT_BEHIND if later > revision):
        before |= {table: [] for table in tables if table in before}
    names = {row["no"]: row["text"] for row in after["name"]}
    for table, rows in before.items():
        kept = [{name: as_before(table, row, names, revision)[name] for name in rows[0]} for row in after[table]]
        assert sorted(kept, key=repr) == sorted([as_kept(table, row) for row in rows], key=repr), table
    for later in sorted(ADDED):
        renewed = [tables for since, tables in RENEWED.items() if since > later]
        for table, values in ADDED[later].items() if later > revision else ():
            still = values.keys() - {column for tables in renewed for column in tables.get(table, ())}
            assert {name: after[table][0][name] for name in still} == {name: values[name] for name in still}, table
    open_database(path).dispose()
    assert content(path) == after


@pytest.mark.parametrize("revision", FIXTURES)
async def test_the_worker_goes_on_where_the_older_one_stopped(tmp_path: Path, revision: str) -> None:
    """Its queue, validators, failures, hosts and outbox are in use again, and nothing new is made of them."""
    path = made_at(revision, tmp_path / "state.db")
    policies = {"good.example": HostPolicy(concurrency=2, delay_ms=5000)}
    plans = Plans()
    async with Store(
        path, policies=lambda host: policies.get(host, NO_PATIENCE), planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
    ) as store:
        run = Run(store, plans, START)
        await run.start(*listed("good", "bad"))
        works = [*await run.claim_all()]
        run.later(60_000)
        works += await run.claim_all()
        (poll,) = (work for work in works if isinstance(work, Poll))
        # Work of 0019 that was never due, of an entry without words, is given back as that of a feed that stays.
        (ingest,) = (work for work in works if isinstance(work, Ingest) and work.entry)
        assert (poll.feed_id, poll.body_hash) == ("good", b"\x01\x02")
        assert poll.validators == Validators(etag='"v1"', last_modified="Mon, 23 Nov 2026")
        assert poll.elements == {bytes(range(1, 9))}
        assert (ingest.record_id, ingest.hops, ingest.tries, ingest.waits) == ("12", 1, 1, 0)
        rows = await run.publish()
        assert [(row.seq, row.op, row.revision, row.duplicate_of) for row in rows] == [
            (41, "update", 2, None),
            (42, "duplicate", 1, "11"),
        ]
    feeds, totals = read_status(path)
    assert [(feed.id, feed.errors, feed.new_total) for feed in feeds] == [("bad", 3, 0), ("good", 0, 12)]
    assert (totals.articles, totals.duplicates, totals.quarantined) == (1, 1, 1)


def test_three_failures_in_a_row_weigh_as_three(tmp_path: Path) -> None:
    """0001 counted failures alone; from 0002 on each has a weight, and an unknown one's is 1."""
    path = made_at("0001", tmp_path / "state.db")
    open_database(path).dispose()
    weights = {row["id"]: row["setback_weight"] for row in content(path)["feed"]}
    assert weights == {"good": 0.0, "bad": 3.0, "dropped": 0.0}


@pytest.mark.parametrize("revision", [revision for revision in FIXTURES if revision < "0014"])
def test_keys_that_follow_from_an_entry_are_told_from_others(tmp_path: Path, revision: str) -> None:
    """From 0014 on an entry's keys are found by its record's id, by its URL, or by their mark; and what is at a URL
    that is another's key by its hash."""
    path = made_at(revision, tmp_path / "state.db")
    with closing(sqlite3.connect(path)) as connection:
        mine = (url_key("https://good.example/one"), 1)
        connection.execute("INSERT INTO identity VALUES (?, ?)", mine)
        connection.execute("UPDATE entry SET url = 'https://good.example/one' WHERE id = 4")
        connection.commit()
    open_database(path).dispose()
    after = content(path)
    assert {row["key"] for row in after["identity"] if row["extra"]} == {b"\x21"}
    others = [None, url_key("https://good.example/two")[:10], None, mine[0][:10]]
    assert [row["shared_key"] for row in after["entry"]] == others


def test_walks_that_rested_until_their_feed_came_back_begin_anew_then(tmp_path: Path) -> None:
    """From 0024 on a mark on the feed says so, and nothing of a feed that is not listed is queued."""
    path = made_at("0023", tmp_path / "state.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO work (id, host_id, priority, due_at, feed_id, pages, url, hops, again, tries, errors, lost,"
            " quarantined) VALUES (9, 3, 3, 9999999999999, 'dropped', 40, 'http://a/2', 0, 0, 0, 0, 0, 0)"
        )
        connection.commit()
    open_database(path).dispose()
    after = content(path)
    assert {row["id"] for row in after["feed"] if row["walk_anew"]} == {"dropped"}
    assert [row["id"] for row in after["work"] if row["pages"] is not None] == []


def as_kept(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """What is left of its values: the first bytes of keys and hashes, and of an entry no time that is told by
    another."""
    if table in ("identity", "tombstone", "content"):
        return row | {"key": row["key"][:10]}
    if table != "entry":
        return row
    cut = {"version": 5, "title_key": 5, "text_key": 8, "shared_key": 10}
    if "feed_no" not in row:
        cut["revision_key"] = 5  # afterwards there is room in it for the record to come
    kept = row | {name: row[name] and row[name][:size] for name, size in cut.items() if name in row}
    if row.get("seen_at") == row["first_seen_at"]:
        kept["seen_at"] = None
    return kept


def test_what_is_compared_alone_keeps_its_first_bytes(tmp_path: Path) -> None:
    """Else every entry would have changed at the next poll."""
    path = made_at("0013", tmp_path / "state.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE entry SET version = ?, revision_key = ?", (bytes(range(16)), bytes(range(16, 32))))
        connection.commit()
    open_database(path).dispose()
    assert {(row["version"], row["revision_key"]) for row in content(path)["entry"]} == {
        (bytes(range(5)), bytes(range(16, 21)))
    }


async def test_entries_are_known_by_the_keys_that_an_older_version_gave_them(tmp_path: Path) -> None:
    """In their feed, by their URL in another; and so are those that were taken down."""
    path = made_at("0020", tmp_path / "state.db")
    known, dead = make_entry("known", feed="good"), make_entry("dead", feed="good", url=None)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            """
            INSERT INTO entry (id, feed_no, record_id, origin_no, path, version, title_key, first_seen_at, revision,
                               revised_after, revision_key)
            VALUES (10, 1, ?, 3, 'known', ?, ?, 1795400000000, 1, 0, x'')
            """,
            [known.own, known.version, known.title_key],
        )
        connection.executemany("INSERT INTO identity (key, entry_id) VALUES (?, 10)", [[known.own], [known.url_key]])
        connection.execute("INSERT INTO tombstone VALUES (?)", [dead.own])
        connection.commit()
    plans = Plans()
    async with Store(
        path, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS
    ) as store:
        run = Run(store, plans, START)
        await run.start(*listed("good", "bad"))
        finished = await run.poll("good", known, dead, make_entry("fresh", feed="good"))
        assert (finished.new, finished.changed, finished.duplicates) == (1, 0, 0)
        run.later(2 * DAY)
        finished = await run.poll("bad", make_entry("shared", feed="bad", url=known.url))
        assert (finished.new, finished.duplicates) == (0, 1)


def test_keys_that_agree_in_all_that_is_kept_are_one(tmp_path: Path) -> None:
    """There are hardly ever such, and no state is refused for them."""
    path = made_at("0020", tmp_path / "state.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO identity (key, entry_id) VALUES (?, 9)", [bytes.fromhex("f0f1f2f3f4f5f6f7f8f9ff")]
        )
        connection.commit()
    open_database(path).dispose()
    key = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    assert [row["entry_id"] for row in content(path)["identity"] if row["key"] == key] == [8]


def listed(*names: str) -> Sequence[Feed]:
    return [make_feed(FeedId(name)) for name in names]
