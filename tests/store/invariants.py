"""What holds in a state after every transaction, asked of its tables by SQL that is none of feedmill's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from tests.store.samples import URL
from worker.dedup import url_key
from worker.model import Server, State

# Each finds the rows that break a rule. 9999999999999 is never, as an instant.
RULES = {
    "an entry that is neither written nor left out nor a duplicate is queued, once": """
        SELECT entry.id FROM entry LEFT JOIN work ON work.entry_id = entry.id
        WHERE entry.revision = 0 AND entry.duplicate_of IS NULL AND entry.skipped IS NULL
        GROUP BY entry.id HAVING count(work.id) <> 1""",
    "no entry is queued twice": """
        SELECT entry_id FROM work WHERE entry_id IS NOT NULL GROUP BY entry_id HAVING count(*) > 1""",
    # One that was read is read again if its feed has said something else meanwhile.
    "a duplicate is not queued, unless its text may be another's no more": """
        SELECT entry.id FROM entry JOIN work ON work.entry_id = entry.id
        WHERE entry.duplicate_of IS NOT NULL AND entry.text_mark IS NULL
        AND entry.reason = 'its URL is another entry''s'""",
    "a duplicate names an entry that is none itself": """
        SELECT d.id FROM entry d LEFT JOIN entry e ON e.id = d.duplicate_of
        WHERE d.duplicate_of IS NOT NULL AND (e.id IS NULL OR e.duplicate_of IS NOT NULL)""",
    "records have one id each": "SELECT record_id FROM entry GROUP BY record_id HAVING count(*) > 1",
    "an entry is known under a key at least": """
        SELECT id FROM entry WHERE id NOT IN (SELECT entry_id FROM identity)""",
    "a key is an entry's": "SELECT key FROM identity WHERE entry_id NOT IN (SELECT id FROM entry)",
    "keys are 10 bytes, and marks of texts 8": """
        SELECT key FROM identity WHERE length(key) <> 10 UNION ALL SELECT key FROM content WHERE length(key) <> 10
        UNION ALL SELECT shared_key FROM entry WHERE length(shared_key) <> 10
        UNION ALL SELECT key FROM tombstone WHERE length(key) NOT IN (8, 10)""",
    "a text is a written entry's": """
        SELECT key FROM content WHERE entry_id NOT IN (SELECT id FROM entry WHERE revision > 0)""",
    "a feed that is listed has one poll, and one walk at most; one that is not has no work": """
        SELECT feed.id FROM feed LEFT JOIN work ON work.feed_id = feed.id GROUP BY feed.id, feed.active
        HAVING count(work.id) FILTER (WHERE work.entry_id IS NULL AND pages IS NULL) <> CAST(feed.active AS int)
            OR count(pages) > 1 OR (NOT feed.active AND count(work.id) > 0)""",
    "work is a known feed's, entry's and host's": """
        SELECT work.id FROM work LEFT JOIN entry ON entry.id = work.entry_id LEFT JOIN host ON host.id = work.host_id
        WHERE host.id IS NULL OR work.feed_id NOT IN (SELECT id FROM feed)
            OR (work.entry_id IS NOT NULL AND entry.id IS NULL)""",
    "a slot is leased for work of its host, or free, or waits for a request that nobody wants the answer of": """
        SELECT slot.host_id FROM slot LEFT JOIN work ON work.id = slot.work_id AND work.host_id = slot.host_id
        WHERE slot.work_id IS NOT NULL AND (slot.lease_until = 0 OR work.id IS NULL)""",
    "work is leased once": """
        SELECT work_id FROM slot WHERE work_id IS NOT NULL GROUP BY work_id HAVING count(*) > 1""",
    "work is not due before its lease ends": """
        SELECT work.id FROM work JOIN slot ON slot.work_id = work.id WHERE work.due_at <> slot.lease_until""",
    "a host has as many slots as its concurrency says": """
        SELECT host.id FROM host LEFT JOIN slot ON slot.host_id = host.id
        GROUP BY host.id HAVING count(slot.k) <> host.concurrency""",
    "no host is passed over when it could be claimed for": """
        SELECT host.id FROM host WHERE next_at > max(
            not_before,
            (SELECT min(lease_until) FROM slot WHERE slot.host_id = host.id AND slot.k < host.width),
            coalesce((SELECT min(due_at) FROM work WHERE work.host_id = host.id), 9999999999999))""",
    "what is quarantined is never due": "SELECT id FROM work WHERE quarantined AND due_at <> 9999999999999",
    "a record is numbered with its segment": "SELECT id FROM outbox WHERE (seq IS NULL) <> (segment_id IS NULL)",
    "a record's segment is one that is not published": """
        SELECT id FROM outbox WHERE segment_id IS NOT NULL
            AND segment_id NOT IN (SELECT id FROM segment WHERE path IS NULL)""",
    "a segment that is not published has all of its records": """
        SELECT segment.id FROM segment LEFT JOIN outbox ON outbox.segment_id = segment.id WHERE path IS NULL
        GROUP BY segment.id HAVING count(outbox.id) <> last_seq - first_seq + 1
            OR min(seq) <> first_seq OR max(seq) <> last_seq""",
    "segments follow each other without gaps": """
        SELECT id FROM (
            SELECT id, first_seq, coalesce(lag(last_seq) OVER (PARTITION BY shard ORDER BY id), 0) AS before
            FROM segment
        ) AS segments WHERE first_seq <> before + 1""",
}


ENTRIES = f"SELECT id, record_id, {URL}, shared_key FROM entry"  # noqa: S608 # our own words
KEYS = "SELECT key, entry_id, extra FROM identity"


def check_keys(entries: Iterable[tuple[Any, ...]], keys: Sequence[tuple[Any, ...]]) -> None:
    """Asserts that what is known of an entry leads to all of its keys, and a URL to all of its entries."""
    rows, found = {row[0]: row for row in entries}, {key: entry_id for key, entry_id, _ in keys}
    for key, entry_id, extra in keys:
        _, record_id, url, _ = rows[entry_id]
        assert extra or key in (record_id[:10], url and url_key(url)[:10])
    for entry_id, _, url, shared_key in rows.values():
        by_url = url and url_key(url)[:10]
        assert url is None or shared_key == by_url or (shared_key, found.get(by_url)) == (None, entry_id)


def check_state(state: State) -> None:
    """Asserts that a state is consistent, be its store open or not."""
    if isinstance(state, Server):
        with psycopg.connect(state.url) as database:
            for rule, broken in RULES.items():
                words = broken.replace("next_at > max(", "next_at > greatest(")
                assert database.execute(words.encode()).fetchall() == [], rule
            check_keys(database.execute(ENTRIES).fetchall(), database.execute(KEYS).fetchall())
        return
    path = state
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for rule, broken in RULES.items():
            assert connection.execute(broken).fetchall() == [], rule
        check_keys(connection.execute(ENTRIES).fetchall(), connection.execute(KEYS).fetchall())
    finally:
        connection.close()
