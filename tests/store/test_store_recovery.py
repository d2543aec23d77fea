"""Records written back into a state: what it knows of them afterwards, and what it knew before."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, START, WINDOW_MS, ask, key, make_draft, make_entry
from worker.errors import StateDamaged, StateError
from worker.model import Backlog, Draft, FeedId, Millis, State
from worker.store import Learned, Publications, Reader, Recovery, Sealed, Written, read_overview, read_status

LAST = Sealed(
    path="records/date=2026-11-23/last.jsonl",
    sha256="ab" * 32,
    writer="w-lost",
    date="2026-11-23",
    sealed_at=START,
    first_seq=5,
    last_seq=9,
)


def make_written(name: str, *, feed: str = "a", **changes: Any) -> Written:
    """The record that `make_entry(name)` and `make_draft(name)` come to."""
    values: dict[str, Any] = {
        "record_id": key("guid", feed, name),
        "feed_id": FeedId(feed),
        "op": "new",
        "revision": 1,
        "duplicate_of": None,
        "url": f"https://{feed}.example/{name}",
        "url_key": key("url", f"https://{feed}.example/{name}"),
        "page_keys": (),
        "title_key": key("title", name),
        "text_key": key("text", name),
        "revision_key": key("revision", name),
        "removed_lines": 0,
        "extraction": "ok",
        "first_seen_at": START,
        "written_at": START,
    }
    return Written(**(values | changes))


def draft(name: str) -> Draft:
    """Its body names it, as that of a real record does."""
    return make_draft(name, body=orjson.dumps({"id": key("guid", "a", name).hex()}))


def pointer(name: str, original: str) -> Written:
    return make_written(
        name, op="duplicate", duplicate_of=key("guid", "a", original), extraction="skipped", url_key=None
    )


def learn(path: Path, records: Iterable[Written], last: Sealed | None = LAST) -> Learned:
    with Recovery(path, replace=False) as recovery:
        return recovery.learn(records, sealed={} if last is None else {0: [last]}, now=START, window_ms=WINDOW_MS)


def originals(state: State) -> dict[bytes, bytes | None]:
    """The record ids of all entries, and of those that stand for them."""
    return dict(ask(state, "SELECT e.record_id, o.record_id FROM entry e LEFT JOIN entry o ON o.id = e.duplicate_of"))


async def test_what_was_read_back_is_known_to_polls(state: State, open_run: OpenRun) -> None:
    """By key and by URL: its feed says nothing new, another feed's copy is a duplicate, and so is its text."""
    assert learn(state, [make_written("one"), make_written("two")]) == Learned(records=2, unknown=2)
    async with open_run() as run:
        await run.start("a", "b")
        found = await run.poll("a", make_entry("one"), make_entry("three"))
        assert (found.new, found.changed) == (1, 1)
        assert (await run.ingest("one", make_draft("one"))).op is None
        assert (await run.poll("b", make_entry("copy", feed="b", url="https://a.example/two"))).duplicates == 1
        assert (await run.ingest("three", make_draft("two"))).duplicates == 1
        assert await run.publish() == []


async def test_what_a_backlog_left_behind_stays_behind(state: State, open_run: OpenRun) -> None:
    """What the feed showed before its first poll, and has no record; all that is later, or has no date, is new."""
    learn(state, [make_written("one")])
    old, new = Millis(START - 1), Millis(START + 1)
    shown = [make_entry("one", published=old), make_entry("two", published=old), make_entry("three")]
    shown += [make_entry(f"n{n}", published=new) for n in range(3)]
    async with open_run() as run:
        await run.start("a", "b")
        found = await run.poll("a", *shown, backlog=Backlog(newest=2))
        assert (found.new, found.skipped) == (4, 1)
        without_limit = [make_entry(name, feed="b", published=old) for name in ("x", "y")]
        assert (await run.poll("b", *without_limit)).new == 2


async def test_texts_are_remembered_from_the_recovery_on(state: State, open_run: OpenRun) -> None:
    """For what was dropped for their sake is in no record, and may be in its feed still."""
    learn(state, [make_written("one", first_seen_at=START - 100 * DAY)])
    async with open_run(now=START) as run:
        await run.start("a")
        await run.poll("a", make_entry("reprint"))
        assert (await run.ingest("reprint", make_draft("one"))).duplicates == 1


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param(
            [make_written("first"), pointer("copy", "first")], {"first": None, "copy": "first"}, id="in their order"
        ),
        pytest.param(
            [pointer("copy", "first"), make_written("first")], {"first": None, "copy": "first"}, id="the copy first"
        ),
        pytest.param(
            [pointer("copy", "middle"), pointer("middle", "first"), make_written("first")],
            {"first": None, "middle": "first", "copy": "first"},
            id="a chain",
        ),
        pytest.param(
            [make_written("first"), pointer("middle", "first"), pointer("copy", "middle")],
            {"first": None, "middle": "first", "copy": "first"},
            id="a chain, forwards",
        ),
        pytest.param([pointer("copy", "removed")], {"copy": None}, id="of what is in no record any more"),
    ],
)
def test_duplicates_name_the_last_of_their_chain(
    state: State, records: list[Written], expected: dict[str, str | None]
) -> None:
    """In whatever order the records come."""
    learn(state, records)
    assert originals(state) == {
        key("guid", "a", name): None if original is None else key("guid", "a", original)
        for name, original in expected.items()
    }


async def test_an_older_state_learns_and_keeps_what_is_newer(state: State, open_run: OpenRun) -> None:
    """Revisions go up, never down; what stands in the outbox and was published meanwhile is not published again."""
    async with open_run() as run:
        await run.start("a")
        await run.poll("a", *map(make_entry, ("both", "mine", "theirs")))
        await run.ingest("both", draft("both"))
        await run.ingest("mine", draft("mine"))
    records = [make_written("both"), make_written("both", op="update", revision=2), make_written("theirs")]
    assert learn(state, records) == Learned(records=3, unknown=2)
    async with open_run(now=START + DAY) as run:
        await run.start("a")
        assert [row.op for row in await run.publish()] == ["new"]
        assert (await run.ingest("theirs")).op is None
    assert read_status(state)[1].articles == 3


async def test_numbers_begin_anew_under_another_name(state: State, open_run: OpenRun) -> None:
    """Also those of a segment that was numbered and not published; dates go on from the directory's last."""
    async with open_run(now=START - DAY) as run:
        await run.start("a")
        await run.poll("a", make_entry("one"))
        await run.ingest("one", draft("one"))
        numbered = await run.store.number(now=run.now, limit=10)
        assert numbered is not None
    learn(state, [])
    async with open_run() as run:
        again = await run.store.number(now=run.now, limit=10)
        assert again is not None
        assert again.writer not in (numbered.writer, LAST.writer)
        assert ([row.seq for row in again.rows], again.date) == ([1], LAST.date)
        assert await run.store.publications((LAST.writer, LAST.last_seq)) == Publications(last=LAST.path, theirs="same")


async def test_what_was_deleted_stays_so(state: State, open_run: OpenRun) -> None:
    """While its page is gone, whatever its feed still says; the page that is back is an update."""
    gone = {"op": "delete", "revision": 2, "extraction": "skipped", "text_key": None, "revision_key": key("none")}
    learn(state, [make_written("one"), make_written("one", **gone)])
    async with open_run() as run:
        await run.start("a")
        await run.poll("a", make_entry("one"))
        still = make_draft("one", removal=b"gone", extraction="feed_only", revision_key=key("feed"))
        assert (await run.ingest("one", still)).op is None
        run.later(HOUR)
        await run.poll("a", make_entry("one", version=key("changed")))
        assert (await run.ingest("one", draft("one"))).op == "update"


async def test_records_that_were_read_back_count(state: State, open_run: OpenRun) -> None:
    """Each once, however often they are read, beside those that were numbered since."""
    learn(state, [make_written("one"), make_written("two")])
    async with open_run() as run:
        await run.start("a")
        await run.poll("a", make_entry("three"))
        await run.ingest("three", draft("three"))
        assert await run.store.number(now=run.now, limit=10) is not None
        with Reader(state) as reader:
            assert (await reader(read_overview, now=run.now)).records == 3
    learn(state, [make_written(name) for name in ("one", "two", "three")])
    with Reader(state) as reader:
        assert (await reader(read_overview, now=START)).records == 3


async def test_a_state_recognises_what_it_published(state: State, open_run: OpenRun) -> None:
    """Its own last segment, an earlier one, one that is being published, and a stranger's."""
    async with open_run() as run:
        await run.start("a")
        names = ["one", "two", "three"]
        await run.poll("a", *map(make_entry, names))
        for name in names:
            await run.ingest(name)
        found = []
        for number in (1, 2, 3):
            segment = await run.store.number(now=run.now, limit=1)
            assert segment is not None
            writer = segment.writer
            found.append((await run.store.publications((writer, number))).theirs)
            if number < 3:
                await run.store.mark(segment.id, path=f"{number}.jsonl", sha256="")
        assert found == ["same"] * 3
        assert await run.store.publications((writer, 1)) == Publications(last="2.jsonl", theirs="older")
        assert (await run.store.publications((writer, 2))).theirs == "same"
        assert (await run.store.publications((writer, 4))).theirs == "unknown"
        assert (await run.store.publications(("another", 2))).theirs == "unknown"
        assert (await run.store.publications(None)).theirs == "none"


@pytest.mark.embedded
def test_a_damaged_state_is_put_aside(tmp_path: Path, state: State) -> None:
    """Only where that is wished; through a link, it is what the link leads to."""
    link = tmp_path / "link.db"
    link.symlink_to(state)
    state.write_bytes(b"no database" * 1000)
    with pytest.raises(StateDamaged), Recovery(link, replace=False):
        pass
    with Recovery(link, replace=True) as recovery:
        aside = recovery.put_aside
    assert aside is not None
    assert aside.parent == tmp_path
    assert aside.name.startswith("feedmill.db.damaged-")
    assert aside.read_bytes() == b"no database" * 1000
    assert link.is_symlink()
    assert learn(link, [make_written("one")]) == Learned(records=1, unknown=1)


def test_an_error_leaves_the_state_as_it_was(state: State) -> None:
    """All records or none: a part of them would be taken for all."""

    def broken() -> Iterable[Written]:
        yield make_written("one")
        raise StateError("the directory can't be read")

    with pytest.raises(StateError, match="can't be read"):
        learn(state, broken())
    assert originals(state) == {}
    with Recovery(state, replace=False) as recovery:
        assert recovery.publications((LAST.writer, LAST.last_seq)) == Publications(last=None, theirs="unknown")
