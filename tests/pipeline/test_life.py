"""What becomes of an article over time, from the feed to the output: the cases that `test_life_machine` has found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipeline.life import HOUR, Item, Life, Page, text_of
from tests.store.samples import DAY
from worker.model import Backlog, Feed, FeedId, Filter, Poll, Rules

OWN = Feed(id=FeedId("own"), url="https://own.example/feed", full_text="never")
SECTION = Feed(id=FeedId("section"), url="https://own.example/section", full_text="never")
OTHER = Feed(id=FeedId("other"), url="https://other.example/feed", full_text="never")
PAGED = Feed(id=FeedId("paged"), url="https://paged.example/feed", recheck_s=(3600.0, 30 * 86_400.0))

Begin = Callable[..., Life]


@pytest.fixture
def begin(empty_state: Path, tmp_path: Path) -> Iterator[Begin]:
    begun: list[Life] = []

    def life(*feeds: Feed, linked: bool = False) -> Life:
        state = Path(shutil.copy(empty_state, tmp_path / "state.db"))
        begun.append(Life(state, tmp_path / "out", feeds, linked=linked))
        return begun[-1]

    yield life
    for one in begun:
        one.end()


def show(life: Life, feed: Feed, *items: Item) -> None:
    """The feed shows these from now on, and is polled."""
    life.web.feeds[feed.url] = {str(place): item for place, item in enumerate(items)}
    life.work(for_ms=HOUR)


def with_copy(begin: Begin) -> tuple[Life, Item, Item, str]:
    """Two entries of one feed, whose pages have the same text; and the link of the second."""
    life = begin(PAGED)
    one, two = item("one", "", PAGED), item("two", "", PAGED)
    for name in ("one", "two"):
        life.web.pages[f"{PAGED.url}/{name}"] = Page(text=text_of(0))
    show(life, PAGED, one, two)
    return life, one, two, f"{PAGED.url}/two"


def days_pass(life: Life, days: int) -> None:
    """On all but the last of them a feed is polled once."""
    life.every_ms = DAY
    life.work(for_ms=(days - 1) * DAY)
    life.every_ms = HOUR
    life.work(for_ms=DAY)


def item(name: str, text: str, feed: Feed = OWN, **changes: str) -> Item:
    return replace(Item(guid=name, link=f"{feed.url}/{name}", title=f"Title of {name}", text=text), **changes)


# --- duplicates by their texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("linked", [False, True])
def test_entries_that_begin_with_one_placeholder_are_two_articles(begin: Begin, linked: bool) -> None:
    """The second is a duplicate as long as it says what the first said, and not a day longer."""
    life = begin(OWN, linked=linked)
    one, two = item("one", text_of(0)), item("two", text_of(0))
    show(life, OWN, one, two)
    assert len(life.live()) == 1
    for _ in range(2):  # the first, which turns into something else, lets go of the second
        show(life, OWN, replace(one, text=text_of(1)), replace(two, text=text_of(2)))
    assert sorted(record["content_text"] for record in life.live()) == sorted([text_of(1), text_of(2)])
    ops = [record["_ingest"]["op"] for record in life.records()]
    assert sorted(ops) == sorted(["new", "duplicate", "update", "update"] if linked else ["new", "update", "new"])


@pytest.mark.parametrize("first", [0, 1], ids=["the first", "the second"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace(text.split()[3], "corrected"), id="nearly the same"),
        pytest.param(lambda text: text + " " + text_of(9, words="short"), id="more of it"),
    ],
)
def test_what_two_feeds_correct_one_after_the_other_is_one_article(
    begin: Begin, first: int, change: Callable[[str], str]
) -> None:
    """Whichever comes first."""
    life = begin(OWN, OTHER)
    feeds = [OWN, OTHER]
    items = [item("one", text_of(0)), item("two", text_of(0), OTHER)]
    for feed, shown in zip(feeds, items, strict=True):
        show(life, feed, shown)
    for at in (first, 1 - first):
        show(life, feeds[at], replace(items[at], text=change(text_of(0))))
    assert [record["content_text"] for record in life.live()] == [change(text_of(0))]


def test_what_the_first_said_before_is_no_article_of_the_second(begin: Begin) -> None:
    """Who follows with each version, one after the other, is a duplicate all the same."""
    life = begin(OWN, OTHER)
    versions, text = [], text_of(0)
    for number in range(1, 4):
        text = f"{text} {text_of(number, words='short')}"
        versions.append(text)
    one, two = item("one", text_of(0)), item("two", text_of(0), OTHER)
    show(life, OWN, one)
    show(life, OTHER, two)
    for feed, shown in ((OWN, one), (OTHER, two)):
        for version in versions:
            show(life, feed, replace(shown, text=version))
    assert [record["content_text"] for record in life.live()] == versions[-1:]


def test_a_duplicate_whose_page_cannot_be_had_is_looked_at_later(begin: Begin) -> None:
    """Its feed's own words would be less than the page's, by which it was one; the page shows that it is none now."""
    life, one, two, link = with_copy(begin)
    assert len(life.live()) == 1
    life.web.pages[link] = Page(status=403)
    show(life, PAGED, one, replace(two, text=text_of(3)))
    assert len(life.live()) == 1
    life.web.pages[link] = Page(title="Two", text=text_of(4))
    life.work(for_ms=2 * DAY)
    assert len(life.live()) == 2
    life.web.pages[link] = Page(title="Two", text=text_of(5))
    show(life, PAGED, one, replace(two, text=text_of(6)))
    assert any(text_of(5) in record["content_text"] for record in life.live())


def test_a_duplicate_that_stays_one_is_looked_at_no_more(begin: Begin) -> None:
    """Though its feed says something else of it: it is read once for that."""
    life, one, two, link = with_copy(begin)
    show(life, PAGED, one, replace(two, text=text_of(3)))
    days_pass(life, 40)
    assert len(life.live()) == 1
    assert life.web.asked.count(link) == 2


def test_a_duplicate_that_waits_to_be_read_outlives_its_original(begin: Begin) -> None:
    """Which is deleted meanwhile: what was to be compared with it is read as an article."""
    life = begin(PAGED, OTHER)
    link = f"{PAGED.url}/one"
    life.web.pages[link] = Page(title="One", text=text_of(0))
    show(life, PAGED, item("one", "", PAGED))
    body = life.live()[0]["content_text"]
    show(life, OTHER, item("two", body, OTHER))
    assert len(life.live()) == 1
    life.web.pages[link] = Page(status=404)
    days_pass(life, 29)
    life.web.feeds[OTHER.url] = {"0": item("two", text_of(3), OTHER)}
    days_pass(life, 6)
    assert [record["content_text"] for record in life.live()] == [text_of(3)]


# --- dates that move ------------------------------------------------------------------------------------------------


def test_a_date_that_moves_with_each_poll_is_soon_no_update(begin: Begin) -> None:
    """A corrected one is; and so is a text that is corrected later."""
    life = begin(OWN)
    hours = (f"Mon, 02 Nov 2026 {hour:02}:00:00 GMT" for hour in range(24))
    for day in range(20):
        show(life, OWN, numbered(1, "one", date=next(hours)))
        life.later(DAY)
        expected = ["new"] + ["update"] * min(day, 4)
        assert [record["_ingest"]["op"] for record in life.records()] == expected
    show(life, OWN, numbered(1, "one", date=next(hours), text="Corrected."))
    assert [record["content_text"] for record in life.live()] == ["Corrected."]


# --- pages that go, and texts that are less -------------------------------------------------------------------------


def test_no_text_does_not_replace_one(begin: Begin) -> None:
    """An entry of a page that can't be had, and whose feed says nothing any more."""
    life = begin(PAGED)
    life.web.pages[f"{PAGED.url}/one"] = Page(status=403)
    show(life, PAGED, item("one", text_of(0), PAGED))
    show(life, PAGED, item("one", "", PAGED, title="Another"))
    assert [record["content_text"] for record in life.live()] == [text_of(0)]


def test_what_was_deleted_stays_so_while_its_page_is_gone(begin: Begin) -> None:
    """Whatever its feed says; the page that is back is an update."""
    life = begin(PAGED)
    link = f"{PAGED.url}/one"
    life.web.pages[link] = Page(title="One", text=text_of(0))
    show(life, PAGED, item("one", text_of(5), PAGED))
    life.web.pages[link] = Page(status=404)
    days_pass(life, 40)
    assert [record["_ingest"]["op"] for record in life.records()] == ["new", "delete"]
    for number in (6, 7):
        show(life, PAGED, item("one", text_of(number), PAGED))
        assert life.live() == []
    life.web.pages[link] = Page(title="One", text=text_of(0))
    show(life, PAGED, item("one", text_of(8), PAGED))
    assert [record["_ingest"]["op"] for record in life.records()] == ["new", "delete", "update"]


# --- links that say where a reader comes from -----------------------------------------------------------------------


@pytest.mark.parametrize("marked", [OWN, OTHER])
def test_an_article_is_one_with_and_without_what_says_that_it_comes_from_a_feed(begin: Begin, marked: Feed) -> None:
    """Whichever feed is first. The texts are too short to tell; neither a poll nor a correction makes another."""
    life = begin(OWN, OTHER)
    short, link = text_of(0, words="short"), "https://own.example/one"
    one, two = (
        item("one", short, feed, link=f"{link}?ref=rss" if feed is marked else link, title="One")
        for feed in (OWN, OTHER)
    )
    show(life, OWN, one)
    show(life, OTHER, two)
    show(life, OWN, replace(one, text=f"{short} And more."))
    assert [(record["_ingest"]["op"], record["url"]) for record in life.records()] == [("new", link), ("update", link)]
    assert "2 records taken out of the output" in life.ask("forget", link)
    assert life.live() == []


# --- links that move ------------------------------------------------------------------------------------------------


def test_a_link_that_moves_names_the_entry(begin: Begin) -> None:
    """Another feed that shows the new one shows the same article, and who takes it down by it takes it down."""
    life = begin(OWN, OTHER)
    short = text_of(0, words="short")
    show(life, OWN, item("one", short))
    there = "https://own.example/there"
    show(life, OWN, item("one", f"{short} And more.", link=there))
    show(life, OTHER, item("two", short, OTHER, link=there))
    assert [record["url"] for record in life.live()] == [there]
    assert "2 records taken out of the output" in life.ask("forget", there)
    assert life.live() == []


@pytest.mark.parametrize("linked", [False, True])
def test_a_link_that_was_anothers_and_is_corrected_leads_to_an_article(begin: Begin, linked: bool) -> None:
    """Who takes down the one does not take down the other."""
    life = begin(OWN, OTHER, linked=linked)
    one = item("one", text_of(0))
    two = item("two", text_of(1), OTHER, link=one.link or "")
    show(life, OWN, one)
    show(life, OTHER, two)
    assert [record["content_text"] for record in life.live()] == [text_of(0)]
    show(life, OTHER, replace(two, link="https://other.example/two"))
    assert sorted(record["content_text"] for record in life.live()) == sorted([text_of(0), text_of(1)])
    life.ask("forget", one.link or "")
    assert [record["content_text"] for record in life.live()] == [text_of(1)]


def test_a_request_that_names_no_article_is_answered(begin: Begin) -> None:
    """It would be carried out again every second, and hold up all that come after it."""
    life = begin(OWN)
    for verb in ("forget", "keep_out", "let_in", "retry"):
        assert life.ask(verb, "https://") == f"this feedmill can't {verb}"


def test_an_article_is_taken_down_by_a_pasted_url(begin: Begin) -> None:
    """With a space at its end, which is no part of it."""
    life = begin(OWN)
    show(life, OWN, item("one", text_of(0), link="https://own.example/one"))
    assert len(life.live()) == 1
    assert "1 record taken out of the output" in life.ask("forget", "https://own.example/one ")


# --- guids and links that mislead ------------------------------------------------------------------------------------


def numbered(number: int, guid: str | None = None, link: str | None = None, **changes: str) -> Item:
    """One of a feed's dated articles, whose texts are too short to tell them."""
    made = Item(guid=guid, link=link, title=f"Title of {number}", text=text_of(number, words="short"))
    return replace(made, **{"date": f"Mon, 02 Nov 2026 04:{number:02}:00 GMT"} | changes)


def titles(life: Life) -> list[str]:
    return sorted(record.get("title", "") for record in life.live())


ADDRESSES = {
    "another domain": ("https://own.example/{}", "https://new.example/blog/{}"),
    "without www": ("http://www.own.example/{}", "https://own.example/{}"),
    "with a slash": ("https://own.example/{}", "https://own.example/{}/"),
    "permalinks": ("https://own.example/?p={}", "https://own.example/2026/11/{}.html"),
}


@pytest.mark.parametrize(("before", "after"), ADDRESSES.values(), ids=ADDRESSES.keys())
@pytest.mark.parametrize("guids", [True, False], ids=["guids change too", "without guids"])
def test_a_site_that_gets_other_addresses_repeats_nothing(begin: Begin, before: str, after: str, guids: bool) -> None:
    """Neither what was written, long ago, nor what `backlog` left out; corrections go on, and so do new articles."""
    feed = replace(OWN, rules=Rules(backlog=Backlog(newest=3)))
    life = begin(feed)

    def shown(address: str, numbers: range, **changes: str) -> list[Item]:
        links = {number: address.format(number) for number in numbers}
        return [numbered(number, link if guids else None, link, **changes) for number, link in links.items()]

    show(life, feed, *shown(before, range(6)))
    assert titles(life) == [f"Title of {number}" for number in (3, 4, 5)]
    days_pass(life, 40)
    show(life, feed, *shown(after, range(7)))
    assert titles(life) == [f"Title of {number}" for number in (3, 4, 5, 6)]
    show(life, feed, *shown(after, range(5, 7), text="Corrected."))
    assert [record["_ingest"]["op"] for record in life.records()] == ["new"] * 4 + ["update"] * 2


@pytest.mark.parametrize("kept", [True, False], ids=["guids stay", "guids change"])
@pytest.mark.parametrize("first", [0, 1])
def test_feeds_of_a_site_that_moves_share_their_articles_as_before(begin: Begin, first: int, kept: bool) -> None:
    """Whichever shows the new links first: a duplicate is no article of its own because its link is new."""
    life = begin(OWN, OTHER)
    feeds = [OWN, OTHER]

    def shown(domain: str, **changes: str) -> list[Item]:
        guid = "https://own.example/?p={}" if kept else f"https://{domain}/?p={{}}"
        return [numbered(n, guid.format(n), f"https://{domain}/{n}", **changes) for n in range(3)]

    for feed in feeds:
        show(life, feed, *shown("own.example"))
    for changes in ({}, {"text": "Corrected."}):
        for at in (first, 1 - first):
            show(life, feeds[at], *shown("new.example", **changes))
    assert [record["_ingest"]["op"] for record in life.records()] == ["new"] * 3 + ["update"] * 3


@pytest.mark.parametrize("kept", [True, False], ids=["guids stay", "guids change"])
@pytest.mark.parametrize("change", [{}, {"title": "Edited"}, {"date": "Tue, 03 Nov 2026 05:00:00 GMT"}])
def test_a_section_that_goes_further_back_repeats_nothing_when_its_site_moves(
    begin: Begin, kept: bool, change: dict[str, str]
) -> None:
    """It shows excerpts of articles that the main feed no longer shows, and may have changed since. What the main feed
    says at the new links corrects them."""
    life = begin(OWN, SECTION)
    old, new = ADDRESSES["permalinks"]

    def shown(address: str, *numbers: int, **changes: str) -> list[Item]:
        guid = "guid of {}" if kept else address
        return [numbered(n, guid.format(n), address.format(n), **changes) for n in numbers]

    show(life, OWN, *shown(old, 0, 1, 2))
    show(life, SECTION, *shown(old, 0, 1, 2, text="In short."))
    show(life, OWN, *shown(old, 1, 2, 3))
    show(life, SECTION, *shown(old, 0, text="In short.", **change), *shown(old, 1, 2, 3, text="In short."))
    show(life, OWN, *shown(new, 1, 2, 3))
    show(life, SECTION, *shown(new, 0, text="In short.", **change), *shown(new, 1, 2, 3, text="In short."))
    assert [record["_ingest"]["op"] for record in life.records()] == ["new"] * 4
    show(life, OWN, *shown(new, 0, text="Corrected."), *shown(new, 2, 3))
    assert [record["_ingest"]["op"] for record in life.records()] == ["new"] * 4 + ["update"]
    assert "Corrected." in {record["content_text"] for record in life.live()}


@pytest.mark.parametrize("kept", [True, False], ids=["guids stay", "guids change"])
def test_what_backlog_left_out_stays_out_when_its_site_moves(begin: Begin, kept: bool) -> None:
    """Also if such an article is edited afterwards."""
    feed = replace(OWN, rules=Rules(backlog=Backlog(newest=3)))
    life = begin(feed)

    def shown(domain: str, **changes: str) -> list[Item]:
        links = {n: f"https://{domain}/{n}" for n in range(5)}
        made = [numbered(n, f"guid of {n}" if kept else link, link) for n, link in links.items()]
        return [replace(made[0], **changes), *made[1:]]

    for domain, changes in (("own.example", {}), ("new.example", {}), ("new.example", {"title": "Edited"})):
        show(life, feed, *shown(domain, **changes))
        days_pass(life, 2)
    assert titles(life) == [f"Title of {number}" for number in (2, 3, 4)]


def test_what_backlog_left_out_stays_out_when_guids_change(begin: Begin) -> None:
    """All others are known by their links, which it has not got."""
    feed = replace(OWN, rules=Rules(backlog=Backlog(newest=3)))
    life = begin(feed)
    for guid in ("guid of {}", "other guid of {}"):
        show(life, feed, *(numbered(n, guid.format(n), f"https://own.example/{n}") for n in range(4)))
    assert titles(life) == [f"Title of {number}" for number in (1, 2, 3)]


def test_an_article_is_corrected_under_another_id_of_its_feed(begin: Begin) -> None:
    """Its title was changed while the feed was not listed, so that its link alone tells."""
    life = begin(OWN)
    show(life, OWN, *(numbered(n, f"guid of {n}", f"https://own.example/{n}") for n in range(3)))
    other = replace(OWN, id=FeedId("another id"))
    life.listed = {other.id: other}
    life.known = {other.id: other}
    life.restart()
    changed = numbered(0, "guid of 0", "https://own.example/0", title="Corrected")
    show(life, other, changed, *(numbered(n, f"guid of {n}", f"https://own.example/{n}") for n in range(1, 4)))
    assert titles(life) == ["Corrected", "Title of 1", "Title of 2", "Title of 3"]
    assert len(life.records()) == 5


def test_an_alert_may_come_again_in_the_same_words(begin: Begin) -> None:
    """Without a date, another guid and link make it another."""
    life = begin(OWN)
    for number in range(3):
        show(life, OWN, item(f"alert-{number}", "Heavy rain.", title="Warning"))
    assert len(life.live()) == 3


@pytest.mark.parametrize("linked", [True, False], ids=["with links", "without links"])
def test_guids_that_are_places_in_the_list_lose_and_repeat_nothing(begin: Begin, linked: bool) -> None:
    """Each article has another guid with each poll. If all are corrected at once, their links tell them, and so they do
    if one gets another title."""
    life = begin(OWN)

    def shown(newest: int, **changes: str) -> list[Item]:
        links = [f"https://own.example/{newest - place}" if linked else None for place in range(5)]
        return [numbered(newest - place, str(place), link, **changes) for place, link in enumerate(links)]

    for newest in range(5, 16):
        show(life, OWN, *shown(newest))
    assert titles(life) == sorted(f"Title of {number}" for number in range(1, 16))
    assert len(life.records()) == 15
    if linked:
        show(life, OWN, *shown(15, text="Corrected."))
        assert titles(life) == sorted(f"Title of {number}" for number in range(1, 16))
        assert [record["content_text"] for record in life.live()].count("Corrected.") == 5
        newest, *others = shown(16, text="Corrected.")
        show(life, OWN, newest, replace(others[0], title="Another title"), *others[1:])
        assert titles(life) == sorted(["Another title", *(f"Title of {n}" for n in range(1, 17) if n != 15)])


def test_another_site_under_the_same_id_corrects_nothing_of_the_first(begin: Begin) -> None:
    """Though both number their articles alike; what it says later are corrections of its own articles."""
    life = begin(OWN)

    def shown(feed: Feed, title: str) -> list[Item]:
        return [Item(guid=n, link=f"{feed.url}/{n}", title=title, text=text_of(ord(n), words="short")) for n in "123"]

    show(life, OWN, *shown(OWN, "Own"))
    life.listed = {OWN.id: replace(OWN, url=OTHER.url)}
    life.known.update(life.listed)
    life.restart()
    show(life, OTHER, *shown(OTHER, "Other"))
    assert titles(life) == ["Other"] * 3 + ["Own"] * 3
    show(life, OTHER, *shown(OTHER, "Corrected"))
    assert titles(life) == ["Corrected"] * 3 + ["Own"] * 3
    assert len(life.records()) == 9


# --- filters --------------------------------------------------------------------------------------------------------


def test_what_its_page_left_out_is_read_at_once_when_it_is_wanted(begin: Begin) -> None:
    """Though another look at the page is planned: a 304 to that one would have been its end."""
    german = Rules(skip=(Filter(place="skip", language=("de",)),), filters_key=b"german")
    life = begin(replace(PAGED, rules=german))
    life.web.pages[f"{PAGED.url}/one"] = Page(title="One", text=text_of(0), language="de")
    life.every_ms = HOUR // 4
    life.web.feeds[PAGED.url] = {"0": item("one", text_of(5), PAGED)}
    life.work(for_ms=HOUR // 8)
    assert life.live() == []
    life.list(PAGED)
    life.work(for_ms=HOUR // 4)
    assert len(life.live()) == 1


def test_what_passing_filters_left_out_comes_when_they_are_over(begin: Begin) -> None:
    """They were in force when its page was read, and not when its feed was, neither before nor after."""
    life = begin(PAGED)
    life.web.pages[f"{PAGED.url}/one"] = Page(title="One", text=text_of(0))
    life.web.feeds[PAGED.url] = {"0": item("one", "", PAGED)}
    (poll,) = life.claim()
    life.commit(poll)
    life.list(replace(PAGED, rules=Rules(skip=(Filter(place="skip", title=("title",)),), filters_key=b"titles")))
    life.commit(*life.claim())
    assert life.live() == []
    life.list(PAGED)
    life.work(for_ms=HOUR)
    assert len(life.live()) == 1


# --- feeds that are paused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["killed", "handed back"])
def test_a_poll_that_was_under_way_when_its_feed_was_paused_is_not_repeated(begin: Begin, how: str) -> None:
    """But one that was asked for since is."""
    life = begin(OWN)
    (poll,) = life.claim()
    assert isinstance(poll, Poll)
    life.ask("pause", '["own"]')
    if how == "killed":
        life.restart()
    else:
        life.hand_back(poll)
    life.later(DAY)
    assert life.claim() == []
    life.ask("poll", '["own"]')
    life.claim()
    life.restart()
    life.work()
    assert life.web.asked == [OWN.url]
