"""Polls that have ended: what is kept of the feed, and which of its entries are new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.samples import HOUR, Run, key, make_draft, make_entry, make_version
from worker import dedup
from worker.model import Entry, FeedId, Ingest, Millis, SeenEntry, State
from worker.store import FeedStatus, read_status

pytestmark = pytest.mark.both("slow")

ELEMENTS = (b"element1", b"element2", b"element3")


def status_of(path: Path, feed: str = "a") -> FeedStatus:
    return next(status for status in read_status(path)[0] if status.id == feed)


# --- the feed -----------------------------------------------------------------------------------------------------


async def test_validators_and_elements_are_kept_for_the_next_poll(run: Run) -> None:
    """What was learned of a document comes with the next poll, verbatim."""
    await run.start("a")
    version = make_version("v1", elements=ELEMENTS, title="The A", site_url="https://a.example/")
    await run.poll("a", make_entry("one"), version=version)
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert (poll.validators, poll.body_hash) == (version.validators, version.body_hash)
    assert poll.elements == frozenset(ELEMENTS)


async def test_unchanged_keeps_elements_and_entries(run: Run) -> None:
    """A 304 says nothing of elements: those known stand, with what validators it carried; nothing is new."""
    await run.start("a")
    await run.poll("a", make_entry("one"), version=make_version("v1", elements=ELEMENTS))
    run.later(HOUR)
    same = make_version("v2", elements=None)
    finished = await run.poll("a", version=same, status=304, unchanged=True)
    assert (finished.new, finished.changed) == (0, 0)
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert (poll.validators, poll.elements) == (same.validators, frozenset(ELEMENTS))


async def test_where_nothing_is_known_entries_are_told_by_what_is_said_of_them(run: Run) -> None:
    """Those of the same feed; from then on they are known by their new guids and links."""
    await run.start("a", "b")
    one = make_entry("one", published=Millis(1))
    assert (await run.poll("a", one, version=make_version("v1", entries=1))).new == 1
    run.later(HOUR)
    moved = make_entry("moved", version=one.version, published=Millis(1))
    finished = await run.poll("a", moved, version=make_version("v2", entries=1))
    assert (finished.new, finished.changed, finished.duplicates) == (0, 0, 0)
    theirs = make_entry("theirs", feed="b", version=one.version, published=Millis(1))
    assert (await run.poll("b", theirs, version=make_version("v3", entries=1))).new == 1
    run.later(HOUR)
    corrected = replace(moved, version=key("corrected"))
    finished = await run.poll("a", corrected, version=make_version("v4", entries=1))
    assert (finished.new, finished.changed) == (0, 1)


async def test_an_entry_whose_guid_is_repeated_only_later_stays_the_same(run: Run) -> None:
    """Known under the guid alone, and from then on under guid and title; who says something else is new."""
    await run.start("a")
    one, of_two, alone = make_entry("one"), key("guid+title", "one"), make_entry("one").own
    assert (await run.poll("a", one)).new == 1
    run.later(HOUR)
    again = replace(one, own=of_two, look_up=(of_two,), alone=(alone,), url_key=None)
    other = make_entry("two", url=one.url, alone=(alone,), url_key=None)
    finished = await run.poll("a", other, again)
    assert (finished.new, finished.changed) == (1, 0)
    run.later(HOUR)
    assert (await run.poll("a", replace(again, alone=()))).new == 0


async def test_a_document_without_elements_forgets_them(run: Run) -> None:
    """A document that is well-formed and empty has no elements, and none are kept."""
    await run.start("a")
    await run.poll("a", version=make_version("v1", elements=ELEMENTS))
    run.later(HOUR)
    await run.poll("a", version=make_version("v2", elements=()))
    run.later(HOUR)
    assert (await run.poll_of("a")).elements == frozenset()


async def test_a_failed_poll_keeps_what_is_known_of_the_feed(run: Run) -> None:
    """A failure teaches nothing of the document: validators, elements and title stand."""
    await run.start("a")
    version = make_version("v1", elements=ELEMENTS, title="The A")
    await run.poll("a", make_entry("one"), version=version)
    run.later(HOUR)
    await run.poll("a", status=None, error="the name has no address")
    run.later(HOUR)
    poll = await run.poll_of("a")
    assert (poll.validators, poll.elements) == (version.validators, frozenset(ELEMENTS))
    assert (await run.ingest_of("one")).feed_title == "The A"


async def test_a_title_stands_until_there_is_another(run: Run, state: State) -> None:
    """A document that does not name itself takes no title away."""
    await run.start("a")
    await run.poll("a", version=make_version("v1", title="The A"))
    run.later(HOUR)
    await run.poll("a", version=make_version("v2", title=None))
    assert status_of(state).title == "The A"
    run.later(HOUR)
    await run.poll("a", version=make_version("v3", title="A, renamed"))
    assert status_of(state).title == "A, renamed"


async def test_the_next_poll_is_when_it_was_said(run: Run, state: State) -> None:
    """A feed is due again at the time its poll ended with, to the millisecond."""
    await run.start("a")
    due = Millis(run.now + 12_345)
    await run.poll("a", next_due=due)
    assert status_of(state).next_poll_at == due
    run.now = Millis(due - 1)
    assert await run.claim() == []
    run.now = due
    assert [work.feed_id for work in await run.claim()] == ["a"]


async def test_failures_count_in_a_row(run: Run, state: State) -> None:
    """Failed polls are counted with the time of the first, and forgotten with the first success."""
    await run.start("a")
    first = run.now
    for count in range(3):
        await run.poll("a", status=500, error="the server answered 500", failure="server")
        assert run.plans.asked[-1].setbacks.count == count + 1
        run.later(HOUR)
    status = status_of(state)
    assert (status.errors, status.failing_since, status.status) == (3, first, 500)
    assert status.error == "the server answered 500"
    await run.poll("a")
    status = status_of(state)
    assert (status.errors, status.failing_since, status.error, status.status) == (0, None, None, 200)


async def test_being_throttled_is_no_failure(run: Run, state: State) -> None:
    """A 429 neither counts as a failure nor ends a row of them, and is told. What it waits for is what it was told."""
    await run.start("a")
    since = run.now
    await run.poll("a", status=500, error="the server answered 500", failure="server")
    run.later(HOUR)
    await run.poll("a", status=429, error="429: the server asks for patience", failure="throttled")
    status = status_of(state)
    assert (status.errors, status.failing_since, status.status) == (1, since, 429)
    assert status.error == "429: the server asks for patience"
    assert run.plans.asked[-1].setbacks.count == 0
    run.later(HOUR)
    await run.poll("a", status=500, error="the server answered 500", failure="server")
    assert run.plans.asked[-1].setbacks.count == 2


async def test_new_entries_are_counted(run: Run, state: State) -> None:
    """A feed's status says how many entries were new, at the last poll and in all, and when there were some."""
    await run.start("a")
    await run.poll("a", make_entry("one"), make_entry("two"))
    at = run.now
    run.later(HOUR)
    await run.poll("a", make_entry("two"))
    status = status_of(state)
    assert (status.new_last, status.new_total, status.new_at, status.polled_at) == (0, 2, at, run.now)


# --- its entries --------------------------------------------------------------------------------------------------


async def test_entries_are_new_once(run: Run) -> None:
    """An entry is new at the first poll that shows it, and known at every other."""
    await run.start("a")
    assert (await run.poll("a", make_entry("one"), make_entry("two"))).new == 2
    run.later(HOUR)
    finished = await run.poll("a", make_entry("two"), make_entry("three"))
    assert (finished.new, finished.changed, finished.duplicates) == (1, 0, 0)


@pytest.mark.both("always")
async def test_many_entries_in_one_poll(run: Run) -> None:
    """A document of more than a thousand entries is taken whole, new and changed alike."""
    await run.start("a")
    many = [f"entry-{number}" for number in range(1_100)]
    assert (await run.poll("a", *map(make_entry, many))).new == 1_100
    run.later(HOUR)
    again = [make_entry(name, words="corrected") for name in many]
    assert (await run.poll("a", *again)).changed == 1_100
    assert all(work.entry.endswith(b" corrected") for work in await run.claim() if isinstance(work, Ingest))


async def test_feeds_may_use_the_same_guids(run: Run) -> None:
    """A guid identifies an entry in its feed alone: 1, 2, 3 in one are not those of another."""
    await run.start("a", "b")
    assert (await run.poll("a", make_entry("1"))).new == 1
    assert (await run.poll("b", make_entry("1", feed="b"))).new == 1


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_the_same_url_in_two_feeds_is_one_article(run: Run, together: bool, state: State) -> None:
    """An entry whose canonical URL another feed has shown is its duplicate: it is noted, and not queued."""
    url = "https://site.example/story"
    await run.start("a", "b")
    first = run.polled(await run.poll_of("a"), make_entry("one", url=url))
    second = run.polled(await run.poll_of("b"), make_entry("other", feed="b", url=url))
    batches = [[first, second]] if together else [[first], [second]]
    results = [result for batch in batches for result in await run.finish(*batch)]
    assert [(result.new, result.duplicates) for result in results] == [(1, 0), (0, 1)]
    assert [work.feed_id for work in await run.claim_all()] == ["a"]
    assert read_status(state)[1].duplicates == 1


async def test_a_duplicate_stays_one_whatever_its_feed_says(run: Run) -> None:
    """A duplicate is known from then on: it is neither counted again nor taken up when its words change."""
    url = "https://site.example/story"
    await run.start("a", "b")
    await run.poll("a", make_entry("one", url=url))
    await run.poll("b", make_entry("one", feed="b", url=url))
    run.later(HOUR)
    finished = await run.poll("b", make_entry("one", feed="b", url=url, words="corrected"))
    assert (finished.new, finished.changed, finished.duplicates) == (0, 0, 0)


async def test_a_duplicate_in_a_feed_points_to_the_first(run: Run) -> None:
    """Where duplicates are linked, the entry of the second feed gets a record that names the first."""
    url = "https://site.example/story"
    await run.start("a", "b")
    first = make_entry("one", url=url)
    await run.poll("a", first)
    await run.poll("b", make_entry("one", feed="b", url=url, pointer=b"see there"))
    (row,) = await run.publish()
    assert (row.op, row.revision, row.body, row.duplicate_of) == ("duplicate", 1, b"see there", first.own.hex())


async def test_a_guid_that_changes_is_the_same_entry(run: Run) -> None:
    """A new guid with the link and the title of a known entry is that entry; from then on both guids are known."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    await run.ingest("one")
    renamed = make_entry("one", own=key("other guid"), look_up=(key("other guid"),))
    for _ in range(2):
        run.later(HOUR)
        finished = await run.poll("a", renamed, make_entry("one"))
        assert (finished.new, finished.changed, finished.duplicates) == (0, 0, 0)


async def test_a_page_that_lists_many_things_is_none_of_theirs(run: Run) -> None:
    """Entries of one feed with guids and titles of their own that link to one page are each new; the page is fetched
    for the first alone, and the others are their own words, when they change too."""
    await run.start("a")
    url = "https://a.example/changes"
    await run.poll("a", make_entry("one", url=url))
    run.later(HOUR)
    assert (await run.poll("a", make_entry("two", url=url))).new == 1
    assert ((await run.ingest_of("one")).url, (await run.ingest_of("two")).url) == (url, None)
    assert (await run.ingest("two")).op == "new"
    run.later(HOUR)
    assert (await run.poll("a", make_entry("two", url=url, words="corrected"))).changed == 1
    assert (await run.ingest_of("two")).url is None


async def test_an_entry_without_a_page_is_queued_at_its_feeds_host(run: Run) -> None:
    """An entry that links nowhere is ingested from its own words."""
    await run.start("a")
    await run.poll("a", make_entry("note", url=None))
    assert (await run.ingest_of("note")).url is None


def identified(guid: str, url: str, *, repeated: bool, title: str | None = None) -> SeenEntry:
    """An entry with the keys that dedup gives it; its title is its URL where none is given."""
    title = title or url
    keys = dedup.identity(
        Entry(guid=guid, url=url, title=title),
        feed_id=FeedId("a"),
        repeated_guids=frozenset({guid}) if repeated else frozenset(),
    )
    found = {"look_up": keys.look_up, "own": keys.own, "url_key": keys.url_key, "title_key": key(title)}
    return make_entry(title.rpartition("/")[2], url=url, **found)


async def test_repeated_guids_lose_no_entries(run: Run) -> None:
    """A guid that comes to stand on several entries identifies each with its link: none is lost, none is new twice."""
    await run.start("a")
    one, two, three = (f"https://a.example/{name}" for name in ("one", "two", "three"))
    steps = [
        ([identified("g", one, repeated=False)], 1),
        ([identified("g", one, repeated=True), identified("g", two, repeated=True)], 1),
        ([identified("g", two, repeated=True), identified("g", three, repeated=True)], 1),
        ([identified("g", two, repeated=False)], 0),
        ([identified("g", url, repeated=True) for url in (one, two, three)], 0),
    ]
    for entries, new in steps:
        finished = await run.poll("a", *entries)
        assert (finished.new, finished.changed, finished.duplicates) == (new, 0, 0)
        run.later(HOUR)
    works = [work for work in await run.claim_all() if isinstance(work, Ingest)]
    assert sorted(str(work.url) for work in works) == [one, three, two]
    assert len({work.record_id for work in works}) == 3


async def test_entries_with_one_guid_and_link_are_told_apart_by_their_titles(run: Run) -> None:
    """An entry that came beside others under its guid, with the link of the first, is itself when it comes alone: the
    first, which is known under guid and link, is not corrected by it."""
    await run.start("a")
    first, other = "https://a.example/first", "https://a.example/other"
    await run.poll("a", identified("g", first, repeated=False, title="A"))
    run.later(HOUR)
    later = identified("g", first, repeated=True, title="B")
    assert (await run.poll("a", later, identified("g", other, repeated=True))).new == 2
    run.later(HOUR)
    finished = await run.poll("a", identified("g", first, repeated=False, title="B"))
    assert (finished.new, finished.changed, finished.duplicates) == (0, 0, 0)


async def test_two_entries_with_one_key_in_a_poll_are_one(run: Run) -> None:
    """Where a document holds an entry twice it is one entry, with the words that come last."""
    await run.start("a")
    finished = await run.poll("a", make_entry("one", words="early"), make_entry("one", words="late"))
    assert finished.new == 1
    (work,) = [work for work in await run.claim_all() if isinstance(work, Ingest)]
    assert work.entry == b"one late"


# --- what changes -------------------------------------------------------------------------------------------------


async def test_a_changed_entry_is_queued_with_its_words(run: Run) -> None:
    """An entry that says something else than before is queued again under its id, with when it was first seen."""
    await run.start("a")
    await run.poll("a", make_entry("one"))
    before = await run.ingest_of("one")
    await run.ingest("one")
    run.later(HOUR)
    assert (await run.poll("a", make_entry("one", words="corrected"))).changed == 1
    after = await run.ingest_of("one")
    assert (after.record_id, after.first_seen_at) == (before.record_id, before.first_seen_at)
    assert after.entry == b"one corrected"


async def test_an_unchanged_entry_queues_nothing(run: Run) -> None:
    """An entry that says what it said is left alone, be it written or still queued."""
    await run.start("a")
    await run.poll("a", make_entry("one"), make_entry("two"))
    await run.ingest("one")
    run.later(HOUR)
    assert (await run.poll("a", make_entry("one"), make_entry("two"))).changed == 0
    works = [work.entry for work in await run.claim_all() if isinstance(work, Ingest)]
    assert works == [b"two"]
    await run.ingest("two")
    assert [work for work in await run.claim_all() if isinstance(work, Ingest)] == []


async def test_a_change_while_queued_brings_the_latest_words(run: Run) -> None:
    """An entry that changes before it is ingested is ingested once, with what the feed said last."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=run.now)
    for words in ("second", "third"):
        finished = await run.poll("a", make_entry("one", words=words), next_due=Millis(run.now + HOUR))
        assert (finished.new, finished.changed) == (0, 1)
        run.later(HOUR)
    await run.poll("a")
    assert (await run.ingest_of("one")).entry == b"one third"
    await run.ingest("one")
    assert await run.claim_all() == []


async def test_a_change_while_it_is_ingested_is_ingested_again(run: Run) -> None:
    """An entry that changes while its page is fetched is written, and queued again with the new words."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=run.now)
    under_way = await run.ingest_of("one")
    await run.poll("a", make_entry("one", words="corrected"))
    assert await run.claim_all() == [], "one at a time"
    assert (await run.finish(run.ingested(under_way, make_draft("before"))))[0].op == "new"
    again = await run.ingest_of("one")
    assert (again.entry, again.tries) == (b"one corrected", 0)
    assert (await run.finish(run.ingested(again, make_draft("after"))))[0].op == "update"
    assert await run.claim_all() == []
    assert [(row.op, row.revision) for row in await run.publish()] == [("new", 1), ("update", 2)]


@pytest.mark.parametrize("poll_first", [True, False], ids=["the poll first", "the article first"])
async def test_a_change_and_its_article_in_one_batch(run: Run, poll_first: bool) -> None:
    """In whichever order a change and the article of the older words are committed together, the change is ingested."""
    await run.start("a")
    await run.poll("a", make_entry("one"), next_due=run.now)
    poll = run.polled(await run.poll_of("a"), make_entry("one", words="corrected"))
    article = run.ingested(await run.ingest_of("one"), make_draft("before"))
    await run.finish(*((poll, article) if poll_first else (article, poll)))
    assert (await run.ingest_of("one")).entry == b"one corrected"
    assert (await run.ingest("one", make_draft("after"))).op == "update"
