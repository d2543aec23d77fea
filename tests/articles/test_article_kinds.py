"""page.py on what is no news: threads, questions, release notes, videos, episodes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.articles import from_page
from worker.model import Article, Entry

URL = "https://forum.example/t/ferry/17"
POST = "I have taken the night ferry to Westmere with a bicycle, and nobody on board could tell me where to leave it."
ANSWER = "You leave it on the car deck, to the left of the ramp, and take the straps that hang on the wall there."
ANOTHER = "The straps have been gone since spring, so bring your own, or ask the crew before the ramp goes up at night."
THREAD = (
    f'<div class="post"><p>{POST}</p></div><div class="post"><p>{ANSWER}</p></div>'
    f'<div id="comments" class="comments"><div class="comment"><p>{ANOTHER}</p></div></div>'
)
NAVIGATION = "".join(
    f'<li><a href="/{n}">Another film that you may like as well, number {n}</a></li>' for n in range(30)
)
ABOUT = "In this film Ada Lindqvist shows how forty thousand tonnes of silt were taken from the channel of Westmere."


def ld(**node: Any) -> str:
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


def read(head: str, body: str, entry: Entry | None, url: str = URL, **options: Any) -> Article:
    html = f"<!DOCTYPE html><html><head><title>Ferry</title>{head}</head><body>{body}</body></html>"
    return from_page(html.encode(), url=url, content_type="text/html; charset=utf-8", entry=entry, **options)


DISCUSSIONS = [
    pytest.param(ld(**{"@type": "DiscussionForumPosting", "headline": "Ferry"}), id="JSON-LD thread"),
    pytest.param(
        ld(**{"@type": "QAPage", "mainEntity": {"@type": "Question", "name": "Ferry"}}), id="JSON-LD question"
    ),
    pytest.param('<meta name="generator" content="Discourse 3.2">', id="Discourse"),
    pytest.param('<meta name="generator" content="phpBB">', id="phpBB"),
]


@pytest.mark.parametrize("head", DISCUSSIONS)
def test_the_feeds_post_leads_in_a_discussion(head: str) -> None:
    """What the entry is about is that post, and not the thread around it."""
    article = read(head, THREAD, Entry(title="Ferry", url=URL, content=f"<p>{ANSWER}</p>"))
    assert (article.extraction, article.text, article.retry) == ("feed_only", ANSWER, False)
    assert article.reason == "the feed carries the post itself"


@pytest.mark.parametrize("head", DISCUSSIONS)
@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(None, id="no feed"),
        pytest.param(Entry(title="Ferry", url=URL), id="a link"),
        pytest.param(Entry(title="Ferry", url=URL, summary=f"{POST[:70]}…"), id="a beginning"),
    ],
)
def test_the_posts_of_a_thread_are_content(head: str, entry: Entry | None) -> None:
    """Answers too, though a news page would call them comments."""
    article = read(head, THREAD, entry)
    assert article.extraction == "ok"
    assert POST in article.text
    assert ANSWER in article.text
    assert ANOTHER in article.text


def test_the_page_of_a_discussion_can_be_asked_for() -> None:
    """`full_text: always` takes the thread."""
    entry = Entry(title="Ferry", url=URL, content=f"<p>{ANSWER}</p>")
    article = read('<meta name="generator" content="phpBB">', THREAD, entry, full_text="always")
    assert (article.extraction, POST in article.text) == ("ok", True)


RECORDINGS = [
    pytest.param('<meta property="og:type" content="video.other">', URL, id="og:type"),
    pytest.param(ld(**{"@type": "VideoObject", "name": "Ferry"}), URL, id="JSON-LD video"),
    pytest.param(ld(**{"@type": "PodcastEpisode", "name": "Ferry"}), URL, id="JSON-LD episode"),
    pytest.param("", "https://www.youtube.com/watch?v=abc", id="YouTube"),
    pytest.param("", "https://vimeo.com/123456", id="Vimeo"),
]


@pytest.mark.parametrize(("head", "url"), RECORDINGS)
def test_a_recording_comes_with_what_the_feed_says_of_it(head: str, url: str) -> None:
    """And without the navigation around its player."""
    article = read(head, f"<main><ul>{NAVIGATION}</ul></main>", Entry(title="Ferry", url=url, summary=ABOUT), url)
    assert (article.extraction, article.text, article.reason) == ("feed_only", ABOUT, "the page is a player")


@pytest.mark.parametrize(("head", "url"), RECORDINGS)
def test_without_a_feed_the_page_describes_its_recording(head: str, url: str) -> None:
    """In its metadata."""
    article = read(f'{head}<meta property="og:description" content="{ABOUT}">', f"<ul>{NAVIGATION}</ul>", None, url)
    assert (article.extraction, article.text, article.sources["content_text"]) == ("ok", ABOUT, "opengraph")


def test_a_transcript_below_its_description_is_the_text() -> None:
    """Where the page begins as the feed does, it has more of the same."""
    body = f"<article><p>{ABOUT}</p><p>{POST}</p><p>{ANSWER}</p></article>"
    article = read(
        '<meta property="og:type" content="video.episode">', body, Entry(title="Ferry", url=URL, summary=ABOUT)
    )
    assert (article.extraction, article.text) == ("ok", f"{ABOUT}\n{POST}\n{ANSWER}")


def test_prose_beside_a_video_is_the_article() -> None:
    """Though the page states nothing but the video: navigation has no paragraphs."""
    paragraph = f"{POST} {ANSWER} {ANOTHER}"
    body = "".join(f"<p>{number}. {paragraph}</p>" for number in range(4))
    article = read(
        ld(**{"@type": "VideoObject", "name": "x"}),
        f"<article>{body}</article>",
        Entry(title="Ferry", url=URL, summary=ABOUT),
    )
    assert (article.extraction, article.text.split("\n")[0]) == ("ok", f"0. {paragraph}")


def test_a_video_in_an_article_changes_nothing() -> None:
    """The article is what the page is about."""
    head = ld(**{"@graph": [{"@type": "VideoObject", "name": "x"}, {"@type": "NewsArticle", "headline": "Ferry"}]})
    article = read(
        head, f"<article><p>{POST}</p><p>{ANSWER}</p></article>", Entry(title="Ferry", url=URL, summary=ABOUT)
    )
    assert (article.extraction, article.text) == ("ok", f"{POST}\n{ANSWER}")


def test_release_notes_of_the_feed_lead_over_a_page_that_has_less() -> None:
    """As they do for every page."""
    notes = "".join(
        f"<li>Fixed the winch of ferry number {n}, which had been stuck since the spring.</li>" for n in range(9)
    )
    article = read("", f"<div><p>{POST}</p></div>", Entry(title="v2.1", url=URL, content=f"<ul>{notes}</ul>"))
    assert article.extraction == "feed_only"
    assert article.text.count("\n") == 8


MANUAL = (
    "<h1>Reading tide tables</h1>"
    "<p>The reader takes the tables of a harbour as they are published, and gives the next high water.</p>"
    '<h2><a href="#install">Installing the reader of tide tables</a></h2>'
    "<p>It needs nothing but the standard library, and a clock that is set to universal time.</p>"
    "<pre><code>$ tide install westmere\n$ tide next --harbour westmere</code></pre>"
    "<h2>Options of the command line, one by one</h2>"
    "<ul><li><code>--harbour NAME</code>: the harbour whose tables are read</li>"
    "<li><code>--days N</code>: how many days to look ahead, seven if not given</li></ul>"
    "<table><tr><th>Exit status</th><th>What it says</th></tr>"
    "<tr><td>3</td><td>There is no such harbour</td></tr></table>"
)


@pytest.mark.parametrize("effort", ["fast", "normal", "thorough"])
def test_documentation_keeps_its_code_lists_and_tables(effort: Any) -> None:
    """Headings that link to themselves, too."""
    navigation = f'<nav class="sidebar"><ul>{NAVIGATION}</ul></nav>'
    article = read("", f"{navigation}<main><article>{MANUAL}</article></main>", None, effort=effort)
    assert article.extraction == "ok"
    for said in ("Installing the reader", "$ tide next --harbour westmere", "--days N", "There is no such harbour"):
        assert said in article.text
    assert "Another film" not in article.text


@pytest.mark.parametrize("effort", ["fast", "normal", "thorough"])
def test_release_notes_keep_the_links_that_they_are_made_of(effort: Any) -> None:
    """Each change is a link to where it was made."""
    changes = "".join(
        f'<li><a href="/pull/{n}">Mend the winch of ferry number {n}, stuck since the spring</a></li>' for n in range(9)
    )
    body = (
        f"<main><article><h1>v2.1</h1><p>{POST}</p><h2>What has changed</h2><ul>{changes}</ul><p>{ANSWER}</p>"
        "</article></main>"
    )
    article = read("", body, Entry(title="v2.1", url=URL, summary="Version 2.1 is out."), effort=effort)
    assert (article.extraction, article.text.count("Mend the winch")) == ("ok", 9)
