"""What an entry is, and whether its article is to be written: a row of the tables for each way it can go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worker.dedup import (
    NOTHING_SAID,
    Duplicate,
    Known,
    New,
    Nothing,
    Ref,
    Said,
    Write,
    has_moved,
    has_other_url,
    is_wanted_again,
    judge,
    led_key,
    may_be_another,
    place,
)
from worker.model import Draft, EntryId, FeedId, SeenEntry

FEED, OTHER = FeedId("feed"), FeedId("other")
TITLE, TEXT = b"title---", b"text------------"
MARK = TEXT[:8]
SEEN = SeenEntry(
    look_up=(b"own",),
    own=b"own",
    has_guid=True,
    url_key=b"url",
    title_key=TITLE,
    version=b"",
    url="https://a.example/1",
    page=None,
    host="a.example",
    entry=b"",
)
ME = Ref(
    entry_id=EntryId(1),
    feed_id=FEED,
    title_key=TITLE,
    revision=0,
    revision_key=b"",
    text_mark=None,
    duplicate_of=None,
)
WRITTEN = ME._replace(revision=1, revision_key=b"rev", text_mark=MARK)
THEM = WRITTEN._replace(entry_id=EntryId(2), feed_id=OTHER)
US = THEM._replace(feed_id=FEED)
LED_TO = THEM._replace(title_key=b"other", text_mark=b"other", url="https://b.example/1")
DRAFT = Draft(
    body=b"",
    text_key=TEXT,
    title_key=TITLE,
    revision_key=b"rev",
    hashed_key=b"hashed",
    undated_key=b"undated",
    extraction="ok",
)

PLACES = {
    "nobody is known": (SEEN, None, None, New(claims_url=True)),
    "nobody, and its link is no entry's own": (replace(SEEN, url_key=None), None, None, New(claims_url=False)),
    "its key is known": (SEEN, ME, None, Known(ME)),
    "its key goes before its URL": (SEEN, ME, THEM, Known(ME)),
    "even where its URL is its feed's own other entry": (SEEN, ME, US, Known(ME)),
    "another feed has its URL": (SEEN, None, THEM, Duplicate(THEM)),
    "another feed has its URL, under another title": (
        replace(SEEN, title_key=b"other"),
        None,
        THEM,
        Duplicate(THEM),
    ),
    "another feed has its URL, and it has no guid": (replace(SEEN, has_guid=False), None, THEM, Duplicate(THEM)),
    "its feed has its URL under the same title: its guid has changed": (SEEN, None, US, Known(US)),
    "its feed has its URL and it has no guid: the URL is the name": (
        replace(SEEN, has_guid=False, title_key=b"other"),
        None,
        US,
        Known(US),
    ),
    "its feed has its URL under another title: a page that lists many things": (
        replace(SEEN, title_key=b"other"),
        None,
        US,
        New(claims_url=False),
    ),
    "its feed has its URL and neither has a title: messages have pages of their own, so its guid has changed": (
        replace(SEEN, title_key=b""),
        None,
        US._replace(title_key=b""),
        Known(US._replace(title_key=b"")),
    ),
    "a title is lost with the guid": (replace(SEEN, title_key=b""), None, US, New(claims_url=False)),
}

ELSEWHERE = ME._replace(url="https://b.example/1", title_key=b"other", version=b"of b")
MISLED = {
    "its guid and link have changed, and all that is said of it stays": (None, None, Said({b"": ME}), Known(ME)),
    "its guid has another article's entry, and neither says what it said": (
        ME._replace(version=b"other"),
        None,
        NOTHING_SAID,
        Known(ME._replace(version=b"other")),
    ),
    "what was said of that entry is said elsewhere": (
        ME._replace(version=b"other"),
        None,
        Said({b"other": ME}),
        New(claims_url=True),
    ),
    "guids are given anew": (ME._replace(version=b"other"), None, Said({}, lends=True), New(claims_url=True)),
    "its link and title are another entry's": (ELSEWHERE, US, NOTHING_SAID, Known(US)),
    "its link is another entry's, and its title is not": (
        ELSEWHERE,
        US._replace(title_key=b"third"),
        NOTHING_SAID,
        Known(ELSEWHERE),
    ),
    "its guid is another site's": (ELSEWHERE, None, NOTHING_SAID, New(claims_url=True)),
    "its guid is another site's, and another feed has its link": (ELSEWHERE, THEM, NOTHING_SAID, Duplicate(THEM)),
    "its site has moved, as its title tells": (
        ELSEWHERE._replace(title_key=TITLE),
        None,
        NOTHING_SAID,
        Known(ELSEWHERE._replace(title_key=TITLE)),
    ),
    "its site has moved, as the text tells": (
        ELSEWHERE._replace(version=b""),
        None,
        NOTHING_SAID,
        Known(ELSEWHERE._replace(version=b"")),
    ),
    "its site has moved, and it is a duplicate of the one that has the link": (
        ELSEWHERE._replace(duplicate_of=THEM.entry_id),
        THEM,
        NOTHING_SAID,
        Known(ELSEWHERE._replace(duplicate_of=THEM.entry_id)),
    ),
}

JUDGEMENTS = {
    "nobody has it": (DRAFT, ME, None, [], Write("new")),
    "it has no text that identifies it": (replace(DRAFT, text_key=None), ME, None, [], Write("new")),
    "another entry has its text": (DRAFT, ME, THEM, [], Duplicate(THEM)),
    "another entry of its own feed has its text": (DRAFT, ME, US, [], Duplicate(US)),
    "its text is its own, from a try that was handed back": (DRAFT, ME, ME, [], Write("new")),
    "its page's URL is another's, with the same title": (
        DRAFT,
        ME,
        None,
        [THEM._replace(text_mark=None)],
        Duplicate(THEM._replace(text_mark=None)),
    ),
    "its page's URL is another's, with the same text": (
        DRAFT,
        ME,
        None,
        [THEM._replace(title_key=b"other")],
        Duplicate(THEM._replace(title_key=b"other")),
    ),
    "its page's URL is another's, and nothing else is: a redirect to what is not it": (
        DRAFT,
        ME,
        None,
        [THEM._replace(title_key=b"other", text_mark=b"other")],
        Write("new"),
    ),
    "its link led from another site to the very page of another": (
        replace(DRAFT, url_keys=(led_key("https://b.example/1"),)),
        ME,
        None,
        [LED_TO],
        Duplicate(LED_TO),
    ),
    "its link led to the page of one that its feed leaves out": (
        replace(DRAFT, url_keys=(led_key("https://b.example/1"),)),
        ME,
        None,
        [LED_TO._replace(skipped="page")],
        Write("new"),
    ),
    "its link led elsewhere, and its page names the page of another": (
        replace(DRAFT, url_keys=(led_key("https://b.example/2"),)),
        ME,
        None,
        [LED_TO],
        Write("new"),
    ),
    "its page's URL is another's, and neither has title or text": (
        replace(DRAFT, title_key=b"", text_key=None),
        ME,
        None,
        [THEM._replace(title_key=b"", text_mark=None)],
        Write("new"),
    ),
    "its page's URL is its own": (DRAFT, ME, None, [ME], Write("new")),
    "the second of its page's URLs is another's": (DRAFT, ME, None, [ME, THEM], Duplicate(THEM)),
    "text goes before URLs": (DRAFT, ME, US, [THEM], Duplicate(US)),
    "it was written, and is the same": (DRAFT, WRITTEN, WRITTEN, [], Nothing()),
    "it was written, and is the same as far as its record tells": (
        DRAFT,
        WRITTEN._replace(revision_key=b"hashed"),
        None,
        [],
        Nothing(),
    ),
    "it was written often, and its date alone has changed": (
        DRAFT,
        WRITTEN._replace(revision_key=b"undated"),
        None,
        [],
        Nothing(),
    ),
    "it was written, and has changed": (replace(DRAFT, revision_key=b"new"), WRITTEN, None, [], Write("update")),
    "it was written, and now says what another does: its id stays": (
        replace(DRAFT, revision_key=b"new"),
        WRITTEN,
        THEM,
        [THEM],
        Write("update"),
    ),
    "it was written from its page, which can't be had any more": (
        replace(DRAFT, revision_key=b"new", extraction="feed_only"),
        WRITTEN._replace(has_page=True),
        None,
        [],
        Nothing(),
    ),
    "it was written from its page, which says something else": (
        replace(DRAFT, revision_key=b"new"),
        WRITTEN._replace(has_page=True),
        None,
        [],
        Write("update"),
    ),
    "it was written from its feed, which says something else": (
        replace(DRAFT, revision_key=b"new", extraction="feed_only"),
        WRITTEN._replace(has_text=True),
        None,
        [],
        Write("update"),
    ),
    "it was written, and has no text any more": (
        replace(DRAFT, revision_key=b"new", extraction="failed"),
        WRITTEN._replace(has_text=True),
        None,
        [],
        Nothing(),
    ),
    "it was written, and is the same as before and as another": (DRAFT, WRITTEN, THEM, [THEM], Nothing()),
}

LEFT_OUT = ME._replace(skipped="filter")
WANTED = {
    "its filters leave it out still": (replace(SEEN, skipped="only: none"), LEFT_OUT, True, True, False),
    "no filter leaves it out": (SEEN, LEFT_OUT, False, False, True),
    "its page was the reason": (SEEN, LEFT_OUT._replace(skipped="page"), False, False, False),
    "its page was the reason, and its feed says something else": (
        SEEN,
        LEFT_OUT._replace(skipped="page"),
        True,
        False,
        True,
    ),
    "its page was the reason, and the filters are others": (
        SEEN,
        LEFT_OUT._replace(skipped="page"),
        False,
        True,
        True,
    ),
    "it was beyond the limit for a first poll, for good": (
        SEEN,
        LEFT_OUT._replace(skipped="backlog"),
        True,
        True,
        False,
    ),
}

BY_TEXT = ME._replace(duplicate_of=EntryId(2), text_mark=MARK)
APART = {
    "a page": (DRAFT, BY_TEXT._replace(has_page=True), True),
    "a feed's text, as before": (replace(DRAFT, extraction="feed_only"), BY_TEXT, True),
    "less than the page it was recognised by": (
        replace(DRAFT, extraction="feed_only"),
        BY_TEXT._replace(has_page=True),
        False,
    ),
    "nothing": (replace(DRAFT, extraction="failed"), BY_TEXT, False),
    "a duplicate by its URL": (DRAFT, BY_TEXT._replace(text_mark=None), False),
}


@pytest.mark.parametrize(("seen", "ref", "changed", "other_filters", "wanted"), WANTED.values(), ids=WANTED.keys())
def test_what_was_left_out_may_be_wanted_later(
    seen: SeenEntry, ref: Ref, changed: bool, other_filters: bool, wanted: bool
) -> None:
    """When what it was left out for may hold no more."""
    assert is_wanted_again(seen, ref, changed=changed, other_filters=other_filters) == wanted


BY_URL = ME._replace(duplicate_of=EntryId(2), url="https://a.example/old")
OTHER_URL = {
    "its URL is no longer another's": (SEEN, BY_URL, None, True),
    "its URL is another's": (SEEN, BY_URL, THEM, False),
    "it is the one it had": (SEEN, BY_URL._replace(url=SEEN.url), None, False),
    "it has no URL of its own": (replace(SEEN, url_key=None), BY_URL, None, False),
    "it is a duplicate by its text": (SEEN, BY_TEXT, None, False),
    "it is no duplicate": (SEEN, ME, None, False),
}
UNLIKE = THEM._replace(title_key=b"other")
OF_BEFORE = {
    "its title is the article's": (BY_URL._replace(title_key=b"before"), THEM, True),
    "its title was the article's": (BY_URL._replace(title_key=b"other"), UNLIKE, True),
    "its title is and was another": (BY_URL, UNLIKE, False),
    "no title tells": (BY_URL._replace(title_key=b""), THEM._replace(title_key=b""), False),
    "its site has another name": (BY_URL._replace(url="https://www.a.test/1"), UNLIKE, True),
}


@pytest.mark.parametrize(("seen", "ref", "by_url", "has"), OTHER_URL.values(), ids=OTHER_URL.keys())
def test_a_duplicate_by_its_url_may_get_another(seen: SeenEntry, ref: Ref, by_url: Ref | None, has: bool) -> None:
    """One that nobody else has."""
    assert has_other_url(seen, ref, by_url=by_url) == has


@pytest.mark.parametrize(("ref", "of", "moved"), OF_BEFORE.values(), ids=OF_BEFORE.keys())
def test_a_title_tells_whether_an_article_has_moved(ref: Ref, of: Ref, moved: bool) -> None:
    """Or an entry that had the link of another has got its own."""
    seen = replace(SEEN, title_key=b"") if not of.title_key else SEEN
    assert has_moved(seen, ref, of=of) == moved


@pytest.mark.parametrize(("draft", "entry", "may_be"), APART.values(), ids=APART.keys())
def test_what_may_tell_a_duplicate_from_its_original(draft: Draft, entry: Ref, may_be: bool) -> None:
    """As good a text as it was recognised by."""
    assert may_be_another(draft, entry=entry) == may_be


@pytest.mark.parametrize(("seen", "by_key", "by_url", "verdict"), PLACES.values(), ids=PLACES.keys())
def test_what_an_entry_of_a_poll_is(
    seen: SeenEntry, by_key: Ref | None, by_url: Ref | None, verdict: Known | New | Duplicate
) -> None:
    """New, known or a duplicate, by who is known under its keys and its URL."""
    assert place(seen, feed_id=FEED, by_key=by_key, by_url=by_url) == verdict


@pytest.mark.parametrize(
    ("draft", "entry", "by_text", "by_urls", "verdict"), JUDGEMENTS.values(), ids=JUDGEMENTS.keys()
)
def test_what_becomes_of_an_article(
    draft: Draft, entry: Ref, by_text: Ref | None, by_urls: list[Ref], verdict: Write | Nothing | Duplicate
) -> None:
    """Written, updated, a duplicate or nothing, by who has its text and its page's URLs."""
    assert judge(draft, entry=entry, by_text=by_text, by_urls=by_urls) == verdict
