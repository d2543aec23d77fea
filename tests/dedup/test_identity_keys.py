"""The identities of an entry: what real feeds do to them, and what becomes of it over several polls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.dedup import Name, identity, name_of, url_key
from worker.model import Entry, FeedId, Millis

Poll = Callable[..., list[str]]

FEED, OTHER = FeedId("feed"), FeedId("other")
HOME = "https://a.example/"
ENTRY = Entry(guid="g1", url="https://a.example/1", title="One", summary="Text of one", published=Millis(1))
OPTIONAL = st.none() | st.sampled_from(["", "a", "b", HOME, "http://a.example/1", "https://a.example/1?utm_source=x"])
ENTRIES = st.builds(
    Entry,
    guid=OPTIONAL | st.text(max_size=5),
    url=OPTIONAL | st.text(max_size=5),
    title=OPTIONAL | st.text(max_size=5),
    summary=OPTIONAL,
    content=OPTIONAL,
    published=st.none() | st.integers(-(10**12), 10**12).map(Millis),
)


def test_the_keys_are_pinned() -> None:
    """A key that moves with a release would repeat every entry of every feed."""
    plain = identity(ENTRY, feed_id=FEED)
    assert plain.own.hex() == "8ed7cea8f65adcdf3563c20d90eb959e"
    assert [key.hex() for key in plain.look_up] == [
        "415c8fa71e1f93d5671890fb9c5534dd",
        "2f31fe9da888f7b8768ce36dc15026dd",
        "8ed7cea8f65adcdf3563c20d90eb959e",
    ]
    assert plain.url_key == url_key("https://a.example/1") == bytes.fromhex("9b9073405614aa394492bbec8a0bf5ab")
    assert plain.url == "https://a.example/1"
    assert identity(replace(ENTRY, guid=None), feed_id=FEED).own.hex() == "0e1bb7bb3f881a6db575809e15e57b20"
    assert identity(replace(ENTRY, guid=None, url=None), feed_id=FEED).own.hex() == "ebe49f93430a8917259581e388fea702"


@given(ENTRIES)
def test_feeds_share_no_keys_of_their_own(entry: Entry) -> None:
    """Two feeds with the same guids do not know each other's entries; by the canonical URL they do."""
    one, other = identity(entry, feed_id=FEED), identity(entry, feed_id=OTHER)
    assert not {one.own, *one.look_up} & {other.own, *other.look_up}
    assert one.url_key == other.url_key


@given(ENTRIES, st.booleans(), st.booleans(), OPTIONAL)
def test_an_entry_is_looked_up_by_the_key_it_is_known_under(
    entry: Entry, repeated_guid: bool, repeated_url: bool, site_url: str | None
) -> None:
    """Whatever an entry is made of: 16 bytes a key, its own among those looked up, the same each time."""
    url = identity(entry, feed_id=FEED).url
    found = [
        identity(
            entry,
            feed_id=FEED,
            repeated_guids=frozenset([entry.guid] if repeated_guid and entry.guid else []),
            repeated_urls=frozenset([url] if repeated_url and url else []),
            site_url=site_url,
        )
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert found[0].own in found[0].look_up
    assert {len(key) for key in found[0].look_up} == {16}
    if found[0].url is None or repeated_url:
        assert found[0].url_key is None


NO_IDENTITY = {
    "the front page": (HOME, None, frozenset[str]()),
    "the front page with a campaign's mark": (HOME + "?utm_source=rss", None, frozenset[str]()),
    "the site's page": ("https://a.example/blog", "https://a.example/blog#top", frozenset[str]()),
    "a link that several share": ("https://a.example/log#v2", None, frozenset({"https://a.example/log"})),
    "none": (None, None, frozenset[str]()),
    "one that is none": ("http://[", None, frozenset[str]()),
}


@pytest.mark.parametrize(("url", "site", "repeated"), NO_IDENTITY.values(), ids=NO_IDENTITY.keys())
def test_a_link_that_is_not_its_own_identifies_no_entry(url: str, site: str | None, repeated: frozenset[str]) -> None:
    """Such a link makes no URL key, and without a guid what the entry says has to do."""
    entries = [Entry(url=url, title=title, published=Millis(1), summary="x") for title in ("One", "Two", "one!")]
    found = [identity(entry, feed_id=FEED, repeated_urls=repeated, site_url=site) for entry in entries]
    assert {identity.url_key for identity in found} == {None}
    assert found[0].own != found[1].own
    assert found[0].own == found[2].own


def test_a_site_that_can_not_be_read_shares_nothing() -> None:
    """A feed whose own link is broken keeps the links of its entries."""
    assert identity(ENTRY, feed_id=FEED, site_url="http://[").url_key is not None


# --- scenarios ------------------------------------------------------------------------------------------------------

ONE, TWO, THREE = (
    Entry(guid=f"g{n}", url=f"https://a.example/{n}", title=f"Title {n}", summary=f"Text {n}", published=Millis(n))
    for n in (1, 2, 3)
)


def bare(entry: Entry, **changes: object) -> Entry:
    """The entry without its guid."""
    return replace(entry, guid=None, **changes)


def test_the_same_document_brings_nothing_new(poll: Poll) -> None:
    """Entries are new once."""
    assert poll(ONE, TWO) == ["new", "new"]
    assert poll(THREE, ONE, TWO) == ["new", "known", "known"]


@pytest.mark.parametrize("strip", [False, True], ids=["with guids", "without guids"])
def test_a_feed_that_goes_to_https_is_not_repeated(poll: Poll, strip: bool) -> None:
    """Links and guids that change their scheme, all at once, name the entries that they named before."""
    before = [replace(entry, guid=None if strip else entry.url) for entry in (ONE, TWO)]
    before = [replace(entry, url=(entry.url or "").replace("https:", "http:")) for entry in before]
    before = [replace(entry, guid=None if strip else entry.url) for entry in before]
    after = [replace(entry, url=(entry.url or "").replace("http:", "https:")) for entry in before]
    after = [replace(entry, guid=None if strip else entry.url) for entry in after]
    assert poll(*before) == ["new", "new"]
    assert poll(*after) == ["known", "known"]
    assert poll(*after) == ["known", "known"]


def test_a_guid_that_changes_while_the_link_stays_is_the_same_entry(poll: Poll) -> None:
    """Unstable guids do not repeat entries whose link and title stay."""
    poll(ONE)
    assert poll(replace(ONE, guid="another")) == ["known"]
    assert poll(replace(ONE, guid="another", title="Corrected")) == ["known"]
    assert poll(replace(ONE, guid="third", title="TITLE 1!")) == ["known"]


def test_a_guid_with_the_number_of_a_version_says_no_more_than_its_link(poll: Poll) -> None:
    """The BBC's change with the title; other anchors tell what a page lists."""
    page = "https://www.bbc.com/news/articles/c0r47ey0d1vo"
    link = f"{page}?at_medium=RSS"
    assert poll(replace(ONE, guid=f"{page}#0", url=link)) == ["new"]
    assert poll(replace(ONE, guid=f"{page}#1", url=link, title="Corrected", summary="More")) == ["known"]
    assert poll(replace(ONE, guid=f"{page}#comment-2", url=link, title="Another")) == ["new"]
    assert poll(replace(TWO, guid=f"{TWO.url}#1", url=f"{TWO.url}#1")) == ["new"]
    assert poll(replace(TWO, guid=f"{TWO.url}#2", url=f"{TWO.url}#2", title="Another")) == ["new"]


def test_a_link_that_changes_while_the_guid_stays_is_the_same_entry(poll: Poll) -> None:
    """Guids are there so that links can move."""
    poll(ONE)
    assert poll(replace(ONE, url="https://a.example/moved", title="Other")) == ["known"]


def test_a_repeated_guid_loses_no_entry(poll: Poll) -> None:
    """Entries that carry one guid are told by their links, and stay so when one of them is met alone."""
    one, two, three = (replace(entry, guid="same") for entry in (ONE, TWO, THREE))
    assert poll(one, two) == ["new", "new"]
    assert poll(one, two) == ["known", "known"]
    assert poll(two) == ["known"]
    assert poll(three, two) == ["new", "known"]
    assert poll(three, also=[two]) == ["known"]


def test_a_guid_that_is_repeated_only_later_loses_and_repeats_nothing(poll: Poll) -> None:
    """An entry whose guid was its own is known by its link when another comes with the same guid."""
    one, two = (replace(entry, guid="same") for entry in (ONE, TWO))
    assert poll(one) == ["new"]
    assert poll(two, one) == ["new", "known"]


@pytest.mark.parametrize(
    "url", [None, HOME, "https://a.example/changelog"], ids=["no link", "the front page", "a page with anchors"]
)
def test_one_guid_and_one_link_for_all_lose_no_entry(poll: Poll, url: str | None) -> None:
    """Where guid and link are the same everywhere, title and guid tell the entries apart."""
    one, two, three = (replace(entry, guid="same", url=url) for entry in (ONE, TWO, THREE))
    assert poll(one, two) == ["new", "new"]
    assert poll(three, one, two) == ["new", "known", "known"]
    assert poll(three, also=[one, two]) == ["known"]
    corrected = replace(three, summary="Corrected")
    assert poll(corrected, also=[one, two]) == ["known"]


@pytest.mark.parametrize("url", [None, HOME, "https://a.example/log"], ids=["no link", "the front page", "a page"])
@pytest.mark.parametrize("guid", [None, "same"], ids=["without guids", "with one guid"])
def test_an_entry_whose_identifiers_are_repeated_only_later_is_not_repeated(
    poll: Poll, url: str | None, guid: str | None
) -> None:
    """It is known by what it says; who says something else under the same guid and link is another."""
    one, two, three = (replace(entry, guid=guid, url=url) for entry in (ONE, TWO, THREE))
    assert poll(one) == ["new"]
    assert poll(two, one) == ["new", "known"]
    assert poll(replace(one, summary="Corrected"), also=[two]) == ["known" if guid else "new"]
    assert poll(three, two, one) == ["new", "known", "known"]


def test_an_entry_that_changes_after_its_guid_was_repeated_is_not_repeated(poll: Poll) -> None:
    """Its element was known when the other came, so that it was not met: then it is known by its title."""
    one, two = (replace(entry, guid="same", url="https://a.example/log") for entry in (ONE, TWO))
    assert poll(one) == ["new"]
    assert poll(two, also=[one]) == ["new"]
    assert poll(replace(one, summary="Corrected", url="http://a.example/log"), also=[two]) == ["known"]


def test_a_guid_and_link_that_are_shared_only_later_repeat_nothing(poll: Poll) -> None:
    """Entries under one guid are known by their links: who comes with one of these is another, and they stay known."""
    one, two = (replace(entry, guid="same") for entry in (ONE, TWO))
    assert poll(one, two) == ["new", "new"]
    assert poll(replace(THREE, guid="same", url=ONE.url), one, two) == ["new", "known", "known"]
    assert poll(replace(THREE, guid="its own", url=TWO.url, title="Four"), two) == ["new", "known"]


def test_photos_of_each_day_without_guids_are_told_apart(poll: Poll) -> None:
    """One link and one title for all: what they say tells them apart, also from the one that was there alone."""
    one, two = (replace(entry, guid=None, url="https://a.example/log", title="Photo") for entry in (ONE, TWO))
    assert poll(one) == ["new"]
    assert poll(two, one) == ["new", "known"]


def test_entries_under_one_guid_that_say_the_same_are_told_by_their_links(poll: Poll) -> None:
    one, two = (replace(ONE, guid="same", url=url) for url in (ONE.url, TWO.url))
    assert poll(one) == ["new"]
    assert poll(two, one) == ["new", "known"]


def test_one_guid_and_no_title_for_all_lose_no_entry(poll: Poll) -> None:
    """Short messages under one guid and one link are told by what they say."""
    one, two = (replace(entry, guid="same", url=HOME, title=None) for entry in (ONE, TWO))
    assert poll(one, two) == ["new", "new"]
    assert poll(one, two) == ["known", "known"]


@pytest.mark.parametrize("guids", [True, False], ids=["with guids", "without guids"])
def test_entries_that_all_link_to_the_front_page_are_told_apart(poll: Poll, guids: bool) -> None:
    """A link that leads to no entry makes none known."""
    entries = [replace(entry, url=HOME, guid=entry.guid if guids else None) for entry in (ONE, TWO)]
    assert poll(*entries[:1]) == ["new"]
    assert poll(*entries) == ["known", "new"]


@pytest.mark.parametrize("guids", [True, False], ids=["with guids", "without guids"])
def test_a_changelog_with_anchors_is_told_apart(poll: Poll, guids: bool) -> None:
    """Versions on one page are entries each, also as the list grows."""
    one, two, three = (
        replace(e, url=f"https://a.example/log#v{n}", guid=f"https://a.example/log#v{n}" if guids else None)
        for n, e in enumerate((ONE, TWO, THREE))
    )
    assert poll(one, two) == ["new", "new"]
    assert poll(three, one, two) == ["new", "known", "known"]


def test_a_linkblog_may_link_twice_to_one_page(poll: Poll) -> None:
    """With a guid and a title of its own, an entry is new though its link is not."""
    again = replace(TWO, url=ONE.url)
    assert poll(ONE) == ["new"]
    assert poll(again) == ["new"]
    assert poll(again) == ["known"]


def test_the_same_page_in_another_feed_is_a_duplicate(poll: Poll) -> None:
    """One record for one canonical URL, whatever guids and titles the feeds give it."""
    assert poll(ONE) == ["new"]
    assert poll(replace(ONE, guid="x", url="https://A.example/1?utm_source=b#c"), feed="other") == ["duplicate"]
    assert poll(replace(ONE, guid="x", title="Edited"), feed="third") == ["duplicate"]
    assert poll(bare(ONE, title=None), feed="fourth") == ["duplicate"]


def test_a_link_to_a_front_page_makes_no_duplicates_across_feeds(poll: Poll) -> None:
    """Two feeds that link to one site's front page have nothing in common."""
    assert poll(replace(ONE, url=HOME)) == ["new"]
    assert poll(replace(TWO, url=HOME), feed="other") == ["new"]


def test_one_entry_twice_in_a_document_is_one(poll: Poll) -> None:
    """A post that a feed lists twice, word for word, is written once."""
    assert poll(ONE, ONE) == ["new", "known"]
    assert poll(bare(TWO), bare(TWO)) == ["new", "known"]


def test_without_a_guid_the_link_names_the_entry(poll: Poll) -> None:
    """Edits of title and text change what is known, and make nothing new."""
    assert poll(bare(ONE)) == ["new"]
    assert poll(bare(ONE, title="Corrected", summary="Corrected", published=None)) == ["known"]


def test_a_feed_that_gains_guids_is_not_repeated(poll: Poll) -> None:
    """An entry known by its link is the same when it comes with a guid, and the other way round."""
    assert poll(bare(ONE), TWO) == ["new", "new"]
    assert poll(ONE, bare(TWO)) == ["known", "known"]


def test_an_entry_without_guid_and_link_is_known_by_what_it_says(poll: Poll) -> None:
    """Title, date and text together; markup, case and spaces do not count."""
    plain = bare(ONE, url=None)
    assert poll(plain) == ["new"]
    assert poll(replace(plain, title=" TITLE  1 ")) == ["known"]
    assert poll(replace(plain, published=Millis(5))) == ["new"]
    assert poll(replace(plain, summary="Other")) == ["new"]


@pytest.mark.parametrize("typed", ["https://a.example/x", " https://A.EXAMPLE/x#top ", "https://a.exa\x01mple/x\n"])
def test_an_article_is_named_by_any_spelling_of_its_url(typed: str) -> None:
    """Also as it comes out of a clipboard, with spaces around it and control characters in it."""
    assert name_of(typed) == Name(url_key("https://a.example/x"), "https://a.example/x")


def test_an_article_is_named_by_the_id_of_its_record() -> None:
    """And by nothing else."""
    assert name_of("0" * 31 + "f") == Name(bytes(15) + b"\x0f")
    assert [name_of(text) for text in ("", "f", "ftp://a.example/", "https://", '["a"]')] == [None] * 5
