"""Walks through older pages of a feed: work beside its poll, behind all else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import HOUR, MINUTE, Run, ask, make_entry, make_feed, make_version
from worker.model import (
    HOUR_MS,
    Broken,
    Feed,
    FeedId,
    HandedBack,
    HostPolicy,
    Ingest,
    Millis,
    Moved,
    Poll,
    Retry,
    State,
    Walk,
    Walked,
)
from worker.model.rules import NO_LIMIT, Backlog
from worker.store import read_status
from worker.store.finish.commit import MAX_ERRORS
from worker.store.finish.walks import PAGES

pytestmark = pytest.mark.both("slow")

A, B = FeedId("a"), FeedId("b")
PAGE = "https://a.example/page/{}"


async def begun(run: Run) -> None:
    """Feed a, new, whose document leads to an older page."""
    await run.start("a")
    await run.poll("a", make_entry("new"), version=make_version("v1", entries=1), older=PAGE.format(2))


async def walk_of(run: Run) -> Walk:
    (walk,) = [work for work in await run.claim_all() if isinstance(work, Walk)]
    return walk


def walked(run: Run, walk: Walk, *names: str, older: str | None = None) -> Walked:
    entries = tuple(map(make_entry, names))
    return Walked(lease=walk.lease, feed_id=walk.feed_id, at=run.now, entries=entries, older=older)


async def test_news_goes_first(open_run: OpenRun) -> None:
    """What the feed shows is read before its older pages, and its polls go before these and what they brought."""
    async with open_run(policy=HostPolicy(concurrency=1, delay_ms=0)) as run:
        await begun(run)
        (first,) = await run.claim()
        assert isinstance(first, Ingest)
        await run.ingest("new")
        (second,) = await run.claim()
        assert isinstance(second, Walk)
        assert second.url == PAGE.format(2)
        assert (await run.finish(walked(run, second, "old", older=PAGE.format(3))))[0].new == 1
        run.later(HOUR)
        kinds = []
        while works := await run.claim():
            (work,) = works
            kinds.append(type(work))
            match work:
                case Poll():
                    await run.finish(run.polled(work))
                case Walk():
                    await run.finish(walked(run, work))
                case Ingest():
                    await run.ingest("old")
        assert kinds[0] is Poll
        assert sorted(kind.__name__ for kind in kinds) == ["Ingest", "Poll", "Walk"]


async def test_a_walk_ends_where_nothing_is_new(run: Run) -> None:
    """Its entries are known: so are those before them."""
    await begun(run)
    await run.finish(walked(run, await walk_of(run), "new", older=PAGE.format(3)))
    assert not [work for work in await run.claim_all() if isinstance(work, Walk)]


async def test_each_page_of_a_walk_may_be_behind_redirects(run: Run) -> None:
    """Those on the way to one are not counted for the next."""
    await begun(run)
    walk = await walk_of(run)
    await run.finish(Moved(lease=walk.lease, url=PAGE.format("2b"), host="a.example", hops=1, permanent=False))
    walk = await walk_of(run)
    assert (walk.url, walk.hops) == (PAGE.format("2b"), 1)
    await run.finish(walked(run, walk, "old", older=PAGE.format(3)))
    walk = await walk_of(run)
    assert (walk.url, walk.hops) == (PAGE.format(3), 0)


async def test_what_a_walk_finds_was_not_missed(run: Run, state: State) -> None:
    """Up to as many as there were thought to be."""
    await begun(run)
    await run.finish(walked(run, await walk_of(run)))
    run.later(HOUR)
    newer = [make_entry(f"newer {n}", published=Millis(run.now - n * MINUTE)) for n in (1, 2, 3)]
    poll = await run.poll_of()
    done = run.polled(poll, *newer, version=make_version("v2", entries=3), older=PAGE.format(2))
    missed = (await run.finish(done))[0].missed
    assert missed is not None
    assert 1 < missed < 2
    await run.finish(walked(run, await walk_of(run), "one", older=PAGE.format(3)))
    assert ask(state, "SELECT missed FROM feed") == [(pytest.approx(missed - 1),)]
    await run.finish(walked(run, await walk_of(run), "two"))
    assert ask(state, "SELECT missed FROM feed") == [(0,)]


async def test_a_walk_has_its_length(run: Run) -> None:
    """However many pages there are."""
    await begun(run)
    pages = 0
    while walks := [work for work in await run.claim_all() if isinstance(work, Walk)]:
        pages += 1
        await run.finish(walked(run, walks[0], f"old-{pages}", older=PAGE.format(pages + 2)))
    assert pages == PAGES


async def test_a_feed_is_gone_through_once_at_a_time(run: Run, state: State) -> None:
    """And is one feed for all that: it is polled at its time, and listed once."""
    await begun(run)
    walk = await walk_of(run)
    run.later(HOUR)
    late = make_entry("newer", published=Millis(run.now - 1))
    done = run.polled(await run.poll_of(), late, version=make_version("v2", entries=1), older=PAGE.format(2))
    await run.finish(done)
    assert (await walk_of(run)).lease.work_id == walk.lease.work_id  # whose lease has ended
    (feed,) = read_status(state)[0]
    assert feed.next_poll_at == run.now + HOUR_MS


@pytest.mark.both("always")
@pytest.mark.parametrize("moment", ["queued", "under way"])
async def test_a_gap_that_comes_while_a_feed_is_gone_through_is_filled(run: Run, moment: str) -> None:
    """The walk has passed by there: it goes to the pages behind the gap, too, in turns with those that it was at."""
    await begun(run)
    await run.finish(walked(run, await walk_of(run), "old", older=PAGE.format(8)))
    run.later(HOUR)
    walk = await walk_of(run) if moment == "under way" else None
    newer = [make_entry(f"newer {n}", published=Millis(run.now - n * MINUTE)) for n in (1, 2, 3)]
    poll = await run.poll_of()
    done = run.polled(poll, *newer, version=make_version("v2", entries=3), older=PAGE.format(1))
    assert (await run.finish(done))[0].missed
    found = []
    for name, older in (("older", 9), ("missed", 2), ("oldest", None), ("old", 3)):
        walk = walk or await walk_of(run)
        found.append(walk.url)
        await run.finish(walked(run, walk, name, older=older and PAGE.format(older)))
        walk = None
    assert found == [PAGE.format(number) for number in (8, 1, 9, 2)]
    assert not [work for work in await run.claim_all() if isinstance(work, Walk)]


async def test_what_fails_is_tried_again_and_given_up(run: Run) -> None:
    """Pages by whoever walks; what feedmill fails on, after some times, and the feed is none the worse."""
    await begun(run)
    walk = await walk_of(run)
    await run.finish(Retry(lease=walk.lease, due_at=Millis(run.now + HOUR), reason="503"))
    assert not [work for work in await run.claim_all() if isinstance(work, Walk)]
    run.later(HOUR)
    walk = await walk_of(run)
    assert walk.tries == 1
    for _ in range(MAX_ERRORS):
        await run.finish(Broken(lease=walk.lease, at=run.now, error="KeyError"))
        run.later(24 * HOUR)
        walks = [work for work in await run.claim_all() if isinstance(work, Walk)]
        walk = walks[0] if walks else walk
    assert not walks


async def leave_and_come_back(run: Run, way: str, feed: Feed) -> None:
    """Feed a leaves the lists, for feed b, and is back as this."""
    await run.finish(*(HandedBack(lease=work.lease) for work in run.held))
    for listed in (make_feed("b"), make_feed("b"), feed):
        if way == "restarted":
            await run.start(listed)
        else:
            run.later(HOUR)
            await run.store.take_up({A: None, B: None, listed.id: listed}, now=run.now)
        if listed.id == B:
            run.later(HOUR)
            assert {work.feed_id for work in await run.claim_all()} == {B}


async def walk_through(run: Run, *, last: int) -> list[str | None]:
    """Goes to older pages, each with an entry of its number; where that was."""
    found = []
    while walks := [work for work in await run.claim_all() if isinstance(work, Walk)]:
        (walk,) = walks
        found.append(walk.url)
        number = int((walk.url or "").rpartition("/")[2])
        older = PAGE.format(number + 1) if number < last else None
        await run.finish(walked(run, walk, f"old-{number}", older=older))
    return found


@pytest.mark.parametrize("way", ["restarted", "reloaded"])
@pytest.mark.parametrize("left", ["pages", "unread", "failed", "nothing"])
async def test_a_feed_that_is_taken_out_is_gone_through_when_it_is_back(run: Run, way: str, left: str) -> None:
    """Not before. From its own document on, where it left pages that were not read, or entries, which perhaps no other
    document shows any more; through what is known."""
    await begun(run)
    if left == "pages":
        await run.finish(walked(run, await walk_of(run), "old-2", older=PAGE.format(3)))
    else:
        await walk_through(run, last=4)
    names = {"new", "old-2"} if left == "pages" else {"new", "old-2", "old-3", "old-4"}
    for name in names - ({"old-3"} if left in ("unread", "failed") else set()):
        await run.ingest(name)
    if left == "failed":
        work = await run.ingest_of("old-3")
        await run.finish(Retry(lease=work.lease, due_at=Millis(run.now + HOUR), reason="503"))
    await leave_and_come_back(run, way, make_feed("a"))
    assert not [work for work in await run.claim_all() if isinstance(work, Walk)]
    version = make_version("v2", entries=1)
    assert (await run.poll("a", make_entry("new"), version=version, older=PAGE.format(2))).new == 0
    numbers = () if left == "nothing" else (2, 3, 4)
    assert await walk_through(run, last=4) == [PAGE.format(number) for number in numbers]
    unread = {"pages": ("old-3", "old-4"), "nothing": ()}.get(left, ("old-3",))
    for name in unread:
        assert (await run.ingest(name)).op == "new"
    assert not await run.claim_all()
    run.later(HOUR)  # and it is so once
    await run.poll("a", make_entry("new"), version=make_version("v3", entries=1), older=PAGE.format(2))
    assert not await run.claim_all()


async def test_a_feed_that_is_back_waits_for_a_document_that_is_read(run: Run) -> None:
    """Then its older pages are gone through; not those of one of which a backlog was left."""
    await begun(run)
    await run.finish(walked(run, await walk_of(run), "old-2"))
    for backlog, pages in ((Backlog(newest=5), 0), (NO_LIMIT, 1)):
        await leave_and_come_back(run, "restarted", make_feed("a"))
        await run.poll("a", status=500, failure="server", error="500")
        run.later(HOUR)
        version = make_version("v2", entries=1)
        await run.poll("a", make_entry("new"), version=version, older=PAGE.format(2), backlog=backlog)
        assert len(await walk_through(run, last=2)) == pages


async def test_a_feed_that_is_moved_is_gone_through_at_its_new_url(run: Run) -> None:
    """Where the old one's older pages were not read to their end."""
    await begun(run)
    await run.finish(walked(run, await walk_of(run), "old-2", older=PAGE.format(3)))
    await run.store.take_up({A: make_feed("a", "https://new.example/feed")}, now=run.now)
    assert not [work for work in await run.claim_all() if isinstance(work, Walk)]
    there = "https://new.example/page/{}"
    done = run.polled(await run.poll_of(), make_entry("new"), version=make_version("v2"), older=there.format(2))
    await run.finish(done)
    assert await walk_through(run, last=2) == [there.format(2)]


async def test_what_only_an_older_page_has_is_had_again_once_what_stood_for_it_was_dropped(run: Run) -> None:
    """It was another feed's article, too, which that lost unread."""
    url = "https://a.example/article"
    await run.start("a", "b")
    await run.poll("a", make_entry("first", url=url), version=make_version("v1"))
    await run.poll("b", make_entry("new", feed="b"), version=make_version("v1"), older=PAGE.format(2))
    copy = make_entry("copy", feed="b", url=url)
    walk = await walk_of(run)
    assert (await run.finish(replace(walked(run, walk), entries=(copy,))))[0].duplicates == 1
    await run.finish(*(HandedBack(lease=work.lease) for work in run.held))
    await run.start("b")
    run.later(HOUR)
    await run.poll("b", make_entry("new", feed="b"), version=make_version("v2"), older=PAGE.format(2))
    walk = await walk_of(run)
    assert (await run.finish(replace(walked(run, walk), entries=(copy,))))[0].new == 1
    assert (await run.ingest("copy", feed="b")).op == "new"


async def test_sitemaps_are_gone_through_each_once(run: Run) -> None:
    """Those of an index before what waits, though one brings nothing; also after a start, for they are in the state."""
    await begun(run)
    order = []
    further = {PAGE.format(2): "abc", PAGE.format("a"): "de", PAGE.format("d"): "ab", PAGE.format("e"): "f"}
    while walks := [work for work in await run.claim_all() if isinstance(work, Walk)]:
        (walk,) = walks
        order.append(walk.url.rpartition("/")[2])
        places = tuple(PAGE.format(name) for name in further.get(walk.url, ""))
        done = Walked(lease=walk.lease, feed_id=walk.feed_id, at=run.now, further=places, url=walk.url)
        await run.finish(done)
    assert order == ["2", "a", "d", "b", "e", "f", "c"]


async def test_a_walk_through_sitemaps_has_its_length(run: Run) -> None:
    """However many an index has; in the state no more wait than may be read."""
    await begun(run)
    documents = 0
    while walks := [work for work in await run.claim_all() if isinstance(work, Walk)]:
        documents += 1
        places = tuple(PAGE.format(f"{documents}-{n}") for n in range(1000))
        done = Walked(lease=walks[0].lease, feed_id=walks[0].feed_id, at=run.now, further=places, url=walks[0].url)
        await run.finish(done)
    assert documents == PAGES
