"""Polls of one batch share what is read of the store: they meet each other as if it were read for each anew."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, Run, ask, key, make_draft, make_entry, make_version
from worker.dedup import Ref
from worker.model import Backlog, PollDone, SeenEntry
from worker.store.database import tables as t
from worker.store.finish import arrivals, polls
from worker.store.known.names import FEED_ID, URL
from worker.store.known.shelf import Shelf

FEEDS = ("a", "b", "c", "d")
NAMES = ("one", "two", "three", "four")
ROUNDS = 5
TABLES = ("entry", "identity", "feed", "work", "outbox", "content", "host")
COLUMNS = ", ".join(f"entry.{column.name}" for column in t.entry.c if column.name not in ("feed_no", "origin_no"))
NAMED = f"SELECT {COLUMNS}, {FEED_ID}, {URL} FROM entry"  # noqa: S608  # as above


def entry(chance: random.Random, feed: str) -> SeenEntry:
    """Of few: with a URL that other feeds have too, or a guid that comes and goes; left out at times, or drafted."""
    name = chance.choice(NAMES)
    url = (
        f"https://{chance.choice(('a', 'b', 'all'))}.example/{chance.choice(NAMES)}" if chance.random() < 0.9 else None
    )
    own = key("guid", name) if chance.random() < 0.4 else key("guid", feed, name)
    changes: dict[str, Any] = {"title_key": key("title", chance.choice(NAMES)), "has_guid": chance.random() < 0.7}
    if not changes["has_guid"] and url:
        changes |= {"own": key("url", feed, url), "look_up": (key("url", feed, url),)}
    else:
        changes |= {"own": own, "look_up": (own, key("guid", name))}
    if chance.random() < 0.3:
        changes["skipped"] = "a filter"
    if chance.random() < 0.3:
        changes["pointer"] = b'{"_ingest":{}}'
    if chance.random() < 0.5:
        changes |= {"page": None, "host": "", "draft": draft(chance)}
    return make_entry(name, feed=feed, url=url, words=chance.choice(("", "new words")), **changes)


def draft(chance: random.Random) -> Any:
    text = chance.choice(NAMES)
    return make_draft(text, body=b'{"_ingest":{"first_seen_at":""}}', url_keys=(key("url", text),))


def polled(run: Run, chance: random.Random, work: Any) -> PollDone:
    entries = tuple(entry(chance, work.feed_id) for _ in range(chance.randrange(7)))
    return run.polled(
        work,
        *entries,
        version=make_version(str(run.now)),
        refresh=chance.random() < 0.3,
        filters=chance.choice((b"", b"others")),
        backlog=Backlog(newest=3) if chance.random() < 0.3 else Backlog(),
    )


async def lived(open_run: OpenRun, seed: int) -> list[Any]:
    """What becomes of some batches of polls."""
    chance, told = random.Random(seed), []
    async with open_run() as run:
        await run.start(*FEEDS)
        for _ in range(ROUNDS):
            works = [await run.poll_of(feed) for feed in FEEDS]
            told += await run.finish(*(polled(run, chance, work) for work in works))
            run.later(DAY)
    return told


def contents(state: Path) -> dict[str, list[Any]]:
    """Whatever the numbers of names are, which a batch gives together."""
    found = {table: ask(state, f"SELECT * FROM {table}") for table in TABLES} | {"entry": ask(state, NAMED)}  # noqa: S608
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


class Written(Shelf):
    """One that waits with nothing."""

    def add(self, rows: Sequence[dict[str, object]]) -> Sequence[int]:
        ids = super().add(rows)
        self.write()
        return ids

    def know(self, ref: Ref, *keys: bytes) -> None:
        super().know(ref, *keys)
        self.write()


def judged_anew(shelf: Shelf, row: Any, done: PollDone, policies: Any) -> arrivals.Arrived:
    """As `judge_entries`, by what is read for this poll alone, and written at once."""
    return arrivals.judge_entries(Written(shelf.connection, [done]), row, done, policies)


@pytest.mark.embedded
@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 40))])
async def test_polls_of_a_batch_meet_as_if_each_was_read_for_anew(
    open_run: OpenRun, state: Path, seed: int, empty_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they bring: new, changed, left out, taken up, of another feed's URL, drafted or not."""
    together = await lived(open_run, seed), contents(state)
    shutil.copy(empty_state, state)
    monkeypatch.setattr(polls, "judge_entries", judged_anew)
    assert (await lived(open_run, seed), contents(state)) == together
