"""Entries that need no page, through the whole worker: finished with their poll, or by work of their own, the same."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, prose
from worker.cpu.pool import Pool
from worker.errors import TaskCrashed
from worker.model import Finished, Poll
from worker.pipeline import Poller
from worker.record import Record
from worker.store.finish import commit
from worker.store.finish.articles import finish_articles
from worker.store.finish.ingestion import Ingestion
from worker.tasks import Drafting, draft_from_entry
from worker.telemetry.meters import Tally

LONG = " ".join(prose(bird, 10) for bird in ("heron", "egret", "stork"))
ITEMS = (
    item("1", "https://x.example/1", "Herons", LONG),
    item("2", "https://x.example/2", "The same text", LONG),
    item("3", "https://x.example/3", "Nearly the same", f"<p>{LONG}</p><p>Follow us, do.</p>"),
    item("4", "https://x.example/4", "One link"),
    item("5", "https://x.example/4", "The same link", prose("owl")),
    item("6", "https://x.example/6", "Not in English", prose("gull")),
    item("7", None, "No link", prose("crane")),
)


def came(worker: Worker, site: Site) -> tuple[tuple[Tally, ...], list[Record], str]:
    """What a feed comes to, its next poll, and another's first: one after the other, since of two either may be
    ahead."""
    urls = [
        feed(site, "a", *ITEMS),
        feed(site, "b", *ITEMS[:4], item("8", "https://x.example/8", "More", prose("tern"))),
    ]
    feeds = [{"url": url, "id": url[7], "full_text": "never", "skip": [{"title": "not in"}]} for url in urls]
    worker.configure(feeds[:1], dedup={"exact": "link"}, extract={"workers": 1})
    first = worker.once()
    feed(site, "a", *ITEMS[2:], item("1", "https://x.example/1", "Other words", prose("wren")))
    second = worker.once(every=True)
    worker.configure(feeds, dedup={"exact": "link"}, extract={"workers": 1})
    third = worker.once()
    why = worker.run("why", "https://x.example/2").stdout
    return (first, second, third), worker.records(), re.sub(r"\bnow\b|\d+ (s|min|h)\b( ago)?", "", why)


def without_time(records: list[Record]) -> list[Any]:
    """The records, in the order of their ids, without what goes by the clock or by the order of commits."""
    told: list[Any] = []
    for record in records:
        ingest = {**record["_ingest"], "writer": "", "seq": 0, "ingested_at": "", "first_seen_at": ""}
        told.append({**record, "_ingest": ingest})
    return sorted(told, key=lambda record: (record["id"], record["_ingest"]["revision"]))


def test_both_ways_come_to_the_same(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, counts and what is said of them; nothing is queued for an entry that came with its draft."""
    workers = [Worker(tmp_path / name) for name in ("with", "without", "killed")]
    for each in workers:
        each.folder.mkdir()
    with_polls = came(workers[0], site)
    with closing(sqlite3.connect(workers[0].state)) as state:
        assert state.execute("SELECT max(id) FROM work").fetchone() == (2,), "work for an entry"
    with monkeypatch.context() as changed:
        changed.setattr(Poller, "_drafting", lambda *_: None)
        by_themselves = came(workers[1], site)
    real = Poller._parsed

    async def killed(self: Poller, work: Poll, *args: Any) -> object:
        if isinstance(args[-1], Drafting):
            raise TaskCrashed("its process died (SIGKILL)")
        return await real(self, work, *args)

    monkeypatch.setattr(Poller, "_parsed", killed)
    after_kills = came(workers[2], site)
    counted = [[dataclasses.asdict(tally) for tally in each[0]] for each in (with_polls, by_themselves, after_kills)]
    assert counted[0] == counted[1] == counted[2]
    assert without_time(with_polls[1]) == without_time(by_themselves[1]) == without_time(after_kills[1])
    assert with_polls[2] == by_themselves[2]
    assert {record["_ingest"]["op"] for record in with_polls[1]} == {"new", "update", "duplicate"}
    assert [tally.duplicates > 0 for tally in with_polls[0]] == [True, False, True]


def test_a_draft_that_cannot_be_committed_costs_its_entry_alone(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll is committed without its drafts; each entry has work of its own then, which is counted against it."""

    def failing(connection: Connection, batch: Sequence[Ingestion], **how: Any) -> list[Finished]:
        if any(b"Poison" in done.draft.body for done in batch):
            raise ValueError("embedded null character")
        return finish_articles(connection, batch, **how)

    monkeypatch.setattr(commit, "finish_articles", failing)
    worker.configure([feed(site, "a", *(item(title, None, title) for title in ("One", "Poison", "Two")))])
    tally = worker.once()
    assert (tally.polls, tally.new, tally.broken) == (1, 2, 1)
    assert sorted(record["title"] for record in worker.records()) == ["One", "Two"]


def test_an_entry_whose_reader_was_killed_is_read_again(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once: a record without its text would stand until the feed says something else of it."""
    real, killed = Pool.run, set[str]()

    async def run(pool: Pool, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if function is draft_from_entry and args[0].record_id not in killed:
            killed.add(args[0].record_id)
            raise TaskCrashed("its process died (SIGKILL)")
        return await real(pool, function, *args, **kwargs)

    monkeypatch.setattr(Poller, "_drafting", lambda *_: None)
    monkeypatch.setattr(Pool, "run", run)
    worker.configure([feed(site, "a", item("1", None, "Herons", LONG))])
    assert worker.once().new == 1
    assert [record["content_text"] for record in worker.records()] == [LONG]
    assert len(killed) == 1
