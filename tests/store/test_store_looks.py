"""Articles that were written and are looked at again: edits, flapping feeds, pages that go; and entries that leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.store.samples import (
    DAY,
    HOUR,
    KEEP_MS,
    MINUTE,
    Run,
    ask,
    key,
    make_draft,
    make_entry,
    make_feed,
    make_version,
)
from worker.model import AsBefore, Finished, Ingest, Millis, Retry, State, Validators
from worker.store import read_status
from worker.store.work.works import REFRESH_MS

pytestmark = pytest.mark.both("slow")

FOREVER = 10_000 * DAY


async def ingested(run: Run, *names: str, **changes: Any) -> None:
    """Entries of feed a, whose pages were read."""
    await run.start("a")
    await run.poll("a", *(make_entry(name) for name in names), next_due=Millis(run.now + FOREVER))
    for name in names:
        work = await run.ingest_of(name)
        await run.finish(run.ingested(work, make_draft(name), **changes))


async def looked(run: Run, name: str, **changes: Any) -> Finished:
    """The next look at the page of an entry, which is gone."""
    work = await run.ingest_of(name)
    draft = make_draft(name, removal=b"gone", extraction="feed_only", revision_key=key("feed"))
    return (await run.finish(run.ingested(work, draft, followed=True, **changes)))[0]


# --- looks ----------------------------------------------------------------------------------------------------------


async def test_a_page_is_looked_at_again_when_it_was_said(run: Run, state: State) -> None:
    """With what it gave to tell by; such a look is not work that is queued."""
    validators = Validators(etag='"p1"', last_modified="a date")
    await ingested(run, "one", look_at=Millis(run.now + HOUR), validators=validators)
    assert read_status(state)[1].queued == 0
    run.later(HOUR - 1)
    assert await run.claim() == []
    run.later(1)
    work = await run.ingest_of("one")
    assert (work.validators, work.tries) == (validators, 0)
    await run.finish(AsBefore(lease=work.lease, entry_id=work.entry_id, at=run.now, look_at=Millis(run.now + HOUR)))
    run.later(HOUR)
    work = await run.ingest_of("one")
    assert work.validators == validators
    await run.finish(AsBefore(lease=work.lease, entry_id=work.entry_id, at=run.now))
    run.later(1000 * DAY)
    assert await run.claim() == []


async def test_an_edit_that_a_look_finds_is_an_update(run: Run) -> None:
    """And the look after that goes by the new version."""
    await ingested(run, "one", look_at=Millis(run.now + HOUR), validators=Validators(etag='"p1"'))
    run.later(HOUR)
    again = {"look_at": Millis(run.now + HOUR), "validators": Validators(etag='"p2"')}
    finished = await run.finish(run.ingested(await run.ingest_of("one"), make_draft("edited"), **again))
    assert finished[0].op == "update"
    run.later(HOUR)
    assert (await run.ingest_of("one")).validators == Validators(etag='"p2"')


@pytest.mark.both("always")
async def test_what_the_feed_says_meanwhile_is_read_at_once_and_whole(run: Run) -> None:
    """The look that was planned is that one; a 304 would say nothing of the feed's new words."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=Millis(run.now + MINUTE))
    work = await run.ingest_of("one")
    look = {"look_at": Millis(run.now + DAY), "validators": Validators(etag='"p1"')}
    await run.finish(run.ingested(work, make_draft("one"), **look))
    run.later(MINUTE)
    await run.poll("a", make_entry("one", words="new"), next_due=Millis(run.now + FOREVER))
    work = await run.ingest_of("one")
    assert (work.entry, work.validators) == (b"one new", Validators())


@pytest.mark.both("always")
async def test_a_corrected_link_is_followed(run: Run) -> None:
    """Of an entry that waits: its new page is fetched, at its host."""
    await run.start("a")
    await run.poll("a", make_entry("one", words="old"), next_due=Millis(run.now + MINUTE))
    work = await run.ingest_of("one")
    await run.finish(Retry(lease=work.lease, due_at=Millis(run.now + HOUR), reason="timeout"))
    run.later(MINUTE)
    there = "https://other.example/one"
    await run.poll("a", make_entry("one", url=there, words="new"), next_due=Millis(run.now + FOREVER))
    run.later(HOUR)
    work = await run.ingest_of("one")
    assert (work.url, work.host, work.entry) == (there, "other.example", b"one new")


# --- feeds that flap ------------------------------------------------------------------------------------------------


@pytest.mark.embedded  # what is counted, in three days of polls, no database counts
async def test_a_feed_that_flaps_makes_few_updates(run: Run) -> None:
    """The first revisions come as they are made; then ever fewer, and the last words are never lost."""
    await run.start("a")
    revisions = 0
    for turn in range(24 * 3 * 3):
        words = f"turn {turn}"
        await run.poll("a", make_entry("one", words=words), next_due=Millis(run.now + 20 * MINUTE))
        for work in await run.claim():
            assert isinstance(work, Ingest)
            assert work.entry == f"one {words}".encode()
            finished = await run.finish(run.ingested(work, make_draft(words)))
            revisions += finished[0].op is not None
        run.later(20 * MINUTE)
    assert revisions == 4 + 1 + 1 + 3


# --- pages that go --------------------------------------------------------------------------------------------------


async def test_a_page_that_stays_gone_for_a_day_is_told(run: Run) -> None:
    """By a record of its own, once; until then the text stands."""
    await ingested(run, "one", look_at=Millis(run.now + HOUR))
    run.later(HOUR)
    ops = []
    for wait in (1, 6, 18):
        ops.append((await looked(run, "one")).op)
        run.later(wait * HOUR - 1)
        assert await run.claim() == []
        run.later(1)
    ops.append((await looked(run, "one")).op)
    assert ops == [None, None, None, "delete"]
    run.later(1000 * DAY)
    assert await run.claim() == []
    rows = await run.publish()
    assert [(row.op, row.revision, row.body) for row in rows][1:] == [("delete", 2, b"gone")]


async def test_a_page_that_comes_back_was_never_gone(run: Run) -> None:
    """The count begins anew."""
    await ingested(run, "one", look_at=Millis(run.now + HOUR))
    run.later(HOUR)
    for gone in (True, True, False, True, True, False):
        work = await run.ingest_of("one")
        draft = make_draft("one", **({"removal": b"gone", "extraction": "feed_only"} if gone else {}))
        done = run.ingested(work, draft, followed=True, look_at=Millis(run.now + HOUR))
        assert (await run.finish(done))[0].op is None
        run.later(18 * HOUR)


async def test_a_page_that_is_as_it_was_is_not_gone(run: Run) -> None:
    """Nor does it say so: its server may answer 304."""
    await ingested(run, "one", look_at=Millis(run.now + HOUR))
    run.later(HOUR)
    for gone in (True, True, False, True, True):
        if gone:
            assert (await looked(run, "one")).op is None
        else:
            work = await run.ingest_of("one")
            look_at = Millis(run.now + HOUR)
            await run.finish(AsBefore(lease=work.lease, entry_id=work.entry_id, at=run.now, look_at=look_at))
        run.later(18 * HOUR)


@pytest.mark.parametrize(("pointer", "op"), [(None, "new"), (b"see there", "update")])
async def test_a_text_that_was_deleted_is_anothers(run: Run, pointer: bytes | None, op: str) -> None:
    """Who has it elsewhere, before or after, is written: it may be where the article moved. Not who is at the very URL
    that is gone; nor does a page that still names that one as its own make a duplicate."""
    await run.start("a", "b", "c")
    await run.poll("a", make_entry("one"))
    work = await run.ingest_of("one")
    await run.finish(run.ingested(work, make_draft("one"), look_at=Millis(run.now + HOUR)))
    before, there = make_entry("before", feed="b"), make_entry("there", feed="c", url=make_entry("one").url)
    await run.poll("b", before, version=make_version("1"))
    copy = make_draft("one", pointer=pointer, url_keys=(key("url", make_entry("one").url),))
    assert (await run.ingest("before", copy, feed="b")).duplicates == 1
    assert (await run.poll("c", there)).duplicates == 1
    run.later(HOUR)
    for wait in (1, 6, 18, 0):
        last = await looked(run, "one")
        run.later(wait * HOUR)
    assert last.op == "delete"
    assert (await run.poll_of("b")).validators == Validators()
    await run.poll("b", before)
    assert (await run.ingest("before", copy, feed="b")).op == op
    found = await run.poll("c", there, make_entry("after", feed="c"))
    assert (found.new, found.changed) == (1, 0)
    assert (await run.ingest("after", make_draft("one"), feed="c")).duplicates == 1, "of the one before it"


@pytest.mark.parametrize(("pointer", "new"), [(None, 1), (b"see there", 0)])
async def test_a_page_that_a_link_led_to_is_not_gone_with_the_link(run: Run, pointer: bytes | None, new: int) -> None:
    """Its own feed has it still, and writes it: else a stranger whose link redirected there would delete it. A feed
    that shows it only later, too."""
    await run.start("a", "b", "c")
    await run.poll("a", make_entry("link"))
    there, later = (f"https://b.example/{name}" for name in ("there", "later"))
    led = make_draft("one", url_keys=(key("url", there), key("url", later)))
    work = await run.ingest_of("link")
    await run.finish(run.ingested(work, led, look_at=Millis(run.now + HOUR)))
    entry = make_entry("there", feed="b", pointer=pointer)
    assert (await run.poll("b", entry, version=make_version("1"))).duplicates == 1
    run.later(HOUR)
    for wait in (1, 6, 18, 0):
        last = await looked(run, "link")
        run.later(wait * HOUR)
    assert last.op == "delete"
    assert (await run.poll("b", entry)).new == new
    assert (await run.ingest("there", make_draft("one"), feed="b")).op == ("new" if new else "update")
    assert (await run.poll("c", make_entry("after", feed="c", url=later))).new == 1


async def test_what_was_deleted_and_comes_back_is_an_update(run: Run) -> None:
    """Also where it says what it said before."""
    await ingested(run, "one", look_at=Millis(run.now + HOUR))
    run.later(HOUR)
    for wait in (1, 6, 18, 0):
        await looked(run, "one")
        run.later(wait * HOUR)
    run.later(FOREVER)
    await run.poll("a", make_entry("one", words="again"))
    assert (await run.ingest("one")).op == "update"


async def test_nobody_asked_for_deletions(run: Run) -> None:
    """Where the operator follows no edits, a page that is gone leaves its text, and ends the matter."""
    await ingested(run, "one", look_at=Millis(run.now + HOUR))
    run.later(HOUR)
    work = await run.ingest_of("one")
    draft = make_draft("one", removal=b"gone", extraction="feed_only", revision_key=key("feed"))
    assert (await run.finish(run.ingested(work, draft)))[0].op is None
    run.later(1000 * DAY)
    assert await run.claim() == []


# --- entries that leave their feed ----------------------------------------------------------------------------------


def known(state: State) -> int:
    ((count,),) = ask(state, "SELECT count(*) FROM entry")
    return int(count)


async def refreshed(run: Run, *names: str) -> None:
    """A poll a month later, of a feed that shows these."""
    run.later(REFRESH_MS + 1)
    poll = await run.poll_of("a")
    assert poll.refresh
    shown = [make_entry(name) for name in names]
    version = make_version("".join(names), elements=(b"8 bytes.",))
    await run.finish(run.polled(poll, *shown, version=version, next_due=run.now))


async def test_entries_are_let_go_long_after_they_left_their_feed(run: Run, state: State) -> None:
    """Not those that are in it still, however old; and none comes back under the same keys."""
    await run.start("a")
    await run.poll("a", make_entry("stays"), make_entry("leaves"), version=make_version("v1"), next_due=run.now)
    for name in ("stays", "leaves"):
        await run.ingest(name)
    months = KEEP_MS // REFRESH_MS + 1
    for month in range(months):
        await run.store.upkeep(now=run.now)
        assert known(state) == 2, month
        await refreshed(run, "stays")
    await run.store.upkeep(now=run.now)
    assert known(state) == 1
    run.later(1)
    finished = await run.poll("a", make_entry("leaves"), make_entry("stays"))
    assert (finished.new, finished.duplicates, finished.changed) == (0, 0, 0)


async def test_what_stands_for_another_is_kept_with_it(run: Run, state: State) -> None:
    """A third that names the duplicate's URL leads to the first, as long as one of them is in its feed."""
    await run.start("a", "b", "c")
    await run.poll("a", make_entry("first"), version=make_version("1"))
    await run.ingest("first", make_draft("text"))
    copy = make_entry("copy", feed="b")
    await run.poll("b", copy, version=make_version("1"))
    assert (await run.ingest("copy", make_draft("text", pointer=b"see"), feed="b")).duplicates == 1
    for shown, left in (([copy], 2), ([], 0)):
        run.later(KEEP_MS)
        await run.poll("c", refresh=True, version=make_version("2"))
        await run.poll("a", refresh=True, version=make_version("2"))
        await run.poll("b", *shown, refresh=True, version=make_version("2"))
        for _ in range(2):
            run.later(HOUR)
            await run.store.upkeep(now=run.now)
        assert known(state) == left
        third = make_entry("third", feed="c", url=copy.url, pointer=b"third")
        assert (await run.poll("c", third)).duplicates == (1 if left else 0)
    assert [row.duplicate_of for row in await run.publish()][1:] == [make_entry("first").own.hex()] * 2


@pytest.mark.parametrize("pointer", [None, b"see there"])
async def test_a_duplicate_is_not_looked_at_again(run: Run, pointer: bytes | None) -> None:
    """Edits are those of the article that it is."""
    await run.start("a", "b")
    await run.poll("a", make_entry("first"))
    await run.ingest("first", make_draft("text"))
    await run.poll("b", make_entry("copy", feed="b"))
    done = run.ingested(await run.ingest_of("copy", feed="b"), make_draft("text", pointer=pointer))
    assert (await run.finish(replace(done, look_at=Millis(run.now + HOUR))))[0].duplicates == 1
    run.later(HOUR)
    assert [work for work in await run.claim_all() if isinstance(work, Ingest)] == []


async def test_a_duplicate_whose_page_can_not_be_had_is_looked_at_again(run: Run) -> None:
    """It may say something else by then."""
    await run.start("a", "b")
    await run.poll("a", make_entry("first"))
    await run.ingest("first", make_draft("text"))
    await run.poll("b", make_entry("copy", feed="b"))
    assert (await run.ingest("copy", make_draft("text"), feed="b")).duplicates == 1
    run.later(DAY)
    await run.poll("b", make_entry("copy", feed="b", words="in other words"))
    work = await run.ingest_of("copy", feed="b")
    draft = make_draft("in other words", extraction="feed_only")
    await run.finish(run.ingested(work, draft, look_at=Millis(run.now + HOUR)))
    assert [work for work in await run.claim_all() if isinstance(work, Ingest)] == []
    run.later(HOUR)
    assert (await run.ingest("copy", make_draft("in other words"), feed="b")).op == "new"


async def test_entries_of_a_feed_that_cannot_be_read_are_kept(run: Run, state: State) -> None:
    """Nobody knows whether they have left it; out of the lists, their age has to do."""
    await run.start("a")
    await run.poll("a", make_entry("one"), version=make_version("v1"))
    await run.ingest("one")
    run.later(KEEP_MS + DAY)
    await run.store.upkeep(now=run.now)
    assert known(state) == 1
    await run.start()
    run.later(8 * DAY)  # the clock of a start after so long is not believed sooner
    await run.store.upkeep(now=run.now)
    assert known(state) == 0
    await run.start(make_feed("a"))
    assert (await run.poll("a", make_entry("one"))).new == 0


@pytest.mark.parametrize("month", [1, 2])
async def test_a_feed_is_gone_through_whole_once_a_month(run: Run, month: int) -> None:
    """Without validators, body hash and elements; else with them."""
    await run.start("a")
    version = make_version("v1", elements=(b"8 bytes.",))
    await run.poll("a", version=version, next_due=run.now)
    for _ in range(month):
        run.later(REFRESH_MS)
        poll = await run.poll_of("a")
        assert (poll.refresh, poll.validators, len(poll.elements)) == (False, version.validators, 1)
        await run.finish(run.polled(poll, version=make_version("v1", elements=None), status=304, next_due=run.now))
        run.later(1)
        poll = await run.poll_of("a")
        assert (poll.refresh, poll.validators, poll.body_hash, poll.elements) == (True, Validators(), b"", frozenset())
        await run.finish(run.polled(poll, version=version, next_due=run.now))
