"""metadata.py: who is believed for which field."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trafilatura

from worker.articles.metadata import describe
from worker.articles.seen import look
from worker.model import Article, Author, Entry, Millis

URL = "https://news.example/2024/harbour"
FEED_AT, LATER = Millis(1_714_550_000_000), Millis(1_714_560_000_000)

JSONLD = {
    "@type": "NewsArticle",
    "headline": "By JSON-LD",
    "description": "Described by JSON-LD",
    "author": {"name": "Jo Ld"},
    "datePublished": "2024-05-02T10:00:00Z",
    "dateModified": "2024-05-03T10:00:00Z",
    "inLanguage": "en-GB",
    "image": "/jsonld.jpg",
    "keywords": "jsonld",
    "articleSection": "JSON",
    "publisher": {"name": "JSON News"},
    "license": "/jsonld-license",
}
OPENGRAPH = {
    "og:title": "By OpenGraph",
    "og:description": "Described by OpenGraph",
    "article:published_time": "2024-05-04T10:00+02:00",
    "article:modified_time": "2024-05-05T10:00:00Z",
    "og:image": "/og.jpg",
    "article:tag": "og",
    "article:section": "Graph",
    "og:site_name": "Graph News",
}
META = {
    "description": "Described by meta",
    "author": "Mo Meta",
    "date": "2024-05-06",
    "last-modified": "2024-05-07T10:00:00Z",
}
ENTRY = Entry(
    title="By the feed",
    summary="<p>Described by the <b>feed</b></p>",
    authors=(Author(name="Fee D"),),
    tags=("feed",),
    published=FEED_AT,
    updated=LATER,
    language="en_us",
    image="https://news.example/feed.jpg",
)


def page(
    *, jsonld: dict[str, Any] | None = None, meta: dict[str, str] | None = None, extra: str = "", html: str = ""
) -> Any:
    head = "".join(f'<meta property="{name}" content="{value}">' for name, value in (meta or {}).items())
    if jsonld:
        head += f'<script type="application/ld+json">{json.dumps(jsonld)}</script>'
    body = "<div><p>A paragraph of some length stands here, so that there is a page.</p><p>And another.</p></div>"
    return trafilatura.load_html(f"<html{html}><head>{head}{extra}</head><body>{body}</body></html>")


def told(article: Article) -> dict[str, tuple[str | None, object]]:
    """Each field's value with its source."""
    values = {
        "title": article.title,
        "summary": article.summary,
        "authors": ", ".join(author.name for author in article.authors),
        "date_published": (article.published, article.date_precision),
        "date_modified": article.modified,
        "language": article.language,
        "image": article.image,
        "tags": ", ".join(article.tags),
        "section": article.section,
        "publisher": article.publisher,
        "license": article.license,
    }
    return {name: (article.sources.get(name), value) for name, value in values.items()}


def test_the_feed_leads_where_it_speaks_of_the_entry() -> None:
    """Title, summary, authors, tags and dates are the feed's; language, image and the rest the page's."""
    tree = page(jsonld=JSONLD, meta=OPENGRAPH | META, extra='<link rel="license" href="/by">', html=' lang="fr"')
    assert told(describe(ENTRY, look(tree, URL))) == {
        "title": ("feed", "By the feed"),
        "summary": ("feed", "Described by the feed"),
        "authors": ("feed", "Fee D"),
        "date_published": ("feed", (FEED_AT, "second")),
        "date_modified": ("feed", LATER),
        "language": ("jsonld", "en-GB"),
        "image": ("opengraph", "https://news.example/og.jpg"),
        "tags": ("feed", "feed"),
        "section": ("jsonld", "JSON"),
        "publisher": ("jsonld", "JSON News"),
        "license": ("page", "https://news.example/by"),
    }


def test_json_ld_comes_next() -> None:
    """Without a feed JSON-LD is asked first, but for the title and the image that the site shares."""
    assert told(describe(None, look(page(jsonld=JSONLD, meta=OPENGRAPH | META), URL))) == {
        "title": ("opengraph", "By OpenGraph"),
        "summary": ("jsonld", "Described by JSON-LD"),
        "authors": ("jsonld", "Jo Ld"),
        "date_published": ("jsonld", (1_714_644_000_000, "second")),
        "date_modified": ("jsonld", 1_714_730_400_000),
        "language": ("jsonld", "en-GB"),
        "image": ("opengraph", "https://news.example/og.jpg"),
        "tags": ("jsonld", "jsonld"),
        "section": ("jsonld", "JSON"),
        "publisher": ("jsonld", "JSON News"),
        "license": ("jsonld", "https://news.example/jsonld-license"),
    }


def test_json_ld_alone_gives_title_and_image() -> None:
    """Where nothing is shared."""
    seen = told(describe(None, look(page(jsonld=JSONLD), URL)))
    assert seen["title"] == ("jsonld", "By JSON-LD")
    assert seen["image"] == ("jsonld", "https://news.example/jsonld.jpg")


def test_opengraph_and_meta_come_last_but_for_the_page() -> None:
    """What no one else says."""
    assert told(describe(None, look(page(meta=OPENGRAPH | META, html=' lang="fr"'), URL))) == {
        "title": ("opengraph", "By OpenGraph"),
        "summary": ("opengraph", "Described by OpenGraph"),
        "authors": ("meta", "Mo Meta"),
        "date_published": ("opengraph", (1_714_809_600_000, "minute")),
        "date_modified": ("opengraph", 1_714_903_200_000),
        "language": ("page", "fr"),
        "image": ("opengraph", "https://news.example/og.jpg"),
        "tags": ("opengraph", "og"),
        "section": ("opengraph", "Graph"),
        "publisher": ("opengraph", "Graph News"),
        "license": (None, None),
    }


def test_meta_alone() -> None:
    """A day stays a day, at 00:00 UTC."""
    seen = told(describe(None, look(page(meta=META), URL)))
    assert seen["summary"] == ("meta", "Described by meta")
    assert seen["date_published"] == ("meta", (1_714_953_600_000, "day"))
    assert seen["date_modified"] == ("meta", 1_715_076_000_000)


def test_the_face_of_the_page_is_read_where_nothing_is_stated() -> None:
    """A heading, a by-line, a date in the text: trafilatura's reading, a day at most."""
    tree = trafilatura.load_html(
        "<html><head><title>Harbour opens - Westmere News</title></head><body><article><h1>Harbour opens</h1>"
        '<p class="byline author">Ada Lindqvist</p><p class="date">Published 2024-05-01</p>'
        "<p>A paragraph of some length stands here.</p></article></body></html>"
    )
    seen = told(describe(None, look(tree, URL)))
    assert seen["title"] == ("page", "Harbour opens")
    assert seen["authors"] == ("page", "Ada Lindqvist")
    assert seen["date_published"] == ("page", (1_714_521_600_000, "day"))


def test_a_marked_time_element_gives_the_date() -> None:
    """With its time and offset."""
    article = describe(None, look(page(extra='<time pubdate datetime="2024-05-01T10:20:30+02:00">May</time>'), URL))
    assert (article.published, article.sources["date_published"]) == (1_714_551_630_000, "page")


def test_an_entry_alone() -> None:
    """Without a page only the feed is a source, and it states its language."""
    article = describe(ENTRY)
    assert set(article.sources.values()) == {"feed"}
    assert article.language == "en-US"
    assert article.image == "https://news.example/feed.jpg"
    assert article.canonical_url is None


def test_midnight_is_a_day() -> None:
    """What a feed has no time of is stated as 00:00:00, which is known to the day alone."""
    day = Millis(1_714_521_600_000)
    said = describe(Entry(published=day, updated=day))
    assert (said.published, said.date_precision, said.modified) == (day, "day", day)
    assert describe(Entry(published=Millis(day + 1000))).date_precision == "second"


def test_nothing_at_all() -> None:
    """Fields without a value have no source, and nothing is made up."""
    article = describe(None)
    assert article == Article(extraction="failed")


@pytest.mark.parametrize(
    ("published", "modified", "expected"),
    [
        pytest.param("2024-05-02T10:00:00Z", "2024-05-02", None, id="the same day, without its time"),
        pytest.param("2024-05-02T10:00:00Z", "2024-05-02T09:00:00Z", None, id="before it was published"),
        pytest.param("2024-05-02T10:00:00Z", "2024-05-02T10:00:00Z", 1_714_644_000_000, id="at once"),
        pytest.param(None, "2024-05-02", 1_714_608_000_000, id="not known when published"),
    ],
)
def test_no_article_is_modified_before_it_is_published(
    published: str | None, modified: str, expected: int | None
) -> None:
    """Such a date is a mistake, or less precise than it looks; the record goes without."""
    jsonld = {"@type": "Article", "datePublished": published, "dateModified": modified}
    article = describe(None, look(page(jsonld=jsonld), URL))
    assert article.modified == expected
    assert ("date_modified" in article.sources) == (expected is not None)


def test_the_next_witness_is_asked_where_one_says_nothing_usable() -> None:
    """A date that is none, a language that is none, an image that is no address."""
    jsonld = {"@type": "Article", "datePublished": "soon", "inLanguage": "German", "image": "data:x"}
    article = describe(Entry(language="de"), look(page(jsonld=jsonld, meta={"og:image": "http://[x"} | META), URL))
    assert article.sources["date_published"] == "meta"
    assert article.sources["language"] == "feed"
    assert article.image is None


def test_what_is_long_is_cut() -> None:
    """Title and summary end at a word within their limits."""
    article = describe(Entry(title="word " * 1000, summary="word " * 5000))
    assert len(article.title or "") <= 1000
    assert len(article.summary or "") <= 5000
    assert (article.summary or "").endswith("word…")


def titled(
    headline: str, name: str, *, heading: str, shared: str | None = None, twitter: str | None = None
) -> str | None:
    said = json.dumps({"@type": "Article", "headline": headline, "name": name})
    metas = (("og:title", shared), ("twitter:title", twitter))
    head = "".join(f'<meta property="{key}" content="{value}">' for key, value in metas if value)
    tree = trafilatura.load_html(
        f'<html><head>{head}<script type="application/ld+json">{said}</script></head>'
        f"<body><h1>{heading}</h1><p>Words of the article itself.</p></body></html>"
    )
    return describe(None, look(tree, URL)).title


def test_a_headline_that_describes_is_no_title() -> None:
    """Wikis state a description as headline; the name is what stands in the page's heading."""
    assert titled("town on the northern coast", "Westmere", heading="Westmere") == "Westmere"
    assert titled("The harbour is open", "article-17", heading="The harbour") == "The harbour is open"


@pytest.mark.parametrize(
    ("twitter", "expected"),
    [
        pytest.param("The harbour is open", "The harbour is open", id="three against one"),
        pytest.param("You won't believe it", "You won't believe it", id="made for sharing, twice"),
        pytest.param(None, "You won't believe it", id="one against one"),
    ],
)
def test_opengraph_s_title_can_be_outvoted(twitter: str | None, expected: str) -> None:
    """By heading, headline and twitter:title together."""
    headline = "The harbour is open"
    assert titled(headline, "", heading=headline, shared="You won't believe it", twitter=twitter) == expected


def test_a_date_that_is_nowhere_stated_is_looked_for_where_wanted() -> None:
    """In the whole page, day-only; by default only where pages usually show theirs."""
    tree = trafilatura.load_html(
        "<html><body><h1>Harbour</h1><p>Words of the article.</p>"
        "<ul><li>as of 3 May 2024, in Westmere</li></ul></body></html>"
    )
    seen = look(tree, URL)
    assert describe(None, seen).published is None
    found = describe(None, seen, thoroughly=True)
    assert (found.published, found.date_precision) == (Millis(1_714_694_400_000), "day")


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        pytest.param("BlogPosting", "<p>Words, by Ada Lindqvist.</p>", ["Ada Lindqvist"], id="named"),
        pytest.param("BlogPosting", "<p>Words of the association.</p>", [], id="who has an account"),
        pytest.param("NewsArticle", "<p>Words of the harbour.</p>", ["Ada Lindqvist"], id="a newspaper's page"),
    ],
)
def test_authors_of_weblogs_are_named_to_readers(kind: str, body: str, expected: list[str]) -> None:
    """Or they are none: the program that made the page states whoever put the text in."""
    said = json.dumps({"@type": kind, "headline": "Harbour", "author": {"@type": "Person", "name": "Ada Lindqvist"}})
    tree = trafilatura.load_html(
        f'<html><head><script type="application/ld+json">{said}</script></head>'
        f"<body><h1>Harbour</h1>{body}</body></html>"
    )
    assert [author.name for author in describe(None, look(tree, URL)).authors] == expected


@pytest.mark.parametrize(
    ("stated", "meta", "expected"),
    [
        ("Reuters", {}, ("feed", "Reuters")),
        ("Reuters | AFP", {}, ("feed", "Reuters, AFP")),
        ("Agencies | Monitoring Desk", {}, ("feed", "Agencies")),
        ("Reuters", {"author": "Ada Lindqvist"}, ("meta", "Ada Lindqvist")),
    ],
)
def test_an_agency_is_the_author_where_nobody_else_is(
    stated: str, meta: dict[str, str], expected: tuple[str, str]
) -> None:
    """As the feed states it, or them; a person whom the page names comes first."""
    tree = page(meta={**meta, "og:type": "article"})
    article = describe(Entry(authors=(Author(name=stated),)), look(tree, URL))
    assert told(article)["authors"] == expected


@pytest.mark.parametrize(
    ("html", "head", "expected"),
    [
        (' lang="fr"', '<meta http-equiv="Content-Language" content="de">', ("page", "fr")),
        ("", '<meta http-equiv="Content-Language" content="de">', ("meta", "de")),
        ("", '<meta property="og:locale" content="de_AT">', ("opengraph", "de-AT")),
        ("", '<meta http-equiv="Content-Language" content="de, fr">', ("feed", "en-US")),
    ],
)
def test_languages_that_only_the_head_states(html: str, head: str, expected: tuple[str, str]) -> None:
    """They are the page's, and come before that of the feed's other entries; several are none."""
    assert told(describe(Entry(language="en-US"), look(page(extra=head, html=html), URL)))["language"] == expected


def test_a_site_s_name_is_no_title() -> None:
    """Where the page has a heading that is another; what is shared with each of its pages tells none from another."""
    shared = {"og:title": "Westmere News", "og:site_name": "The Westmere News"}
    tree = page(meta=shared)
    assert told(describe(None, look(tree, URL)))["title"] == ("opengraph", "Westmere News")
    tree.body.insert(0, trafilatura.load_html("<html><body><h1>Harbour opens</h1></body></html>").find(".//h1"))
    assert told(describe(None, look(tree, URL)))["title"] == ("page", "Harbour opens")


def test_the_first_heading_of_a_weblog_is_its_name() -> None:
    """The second is the title where the page's own has it."""
    tree = trafilatura.load_html(
        "<html><head><title>Westmere Days » Harbour opens again</title></head>"
        "<body><h1>Westmere Days</h1><h2>Harbour opens again</h2><p>It is open.</p></body></html>"
    )
    assert told(describe(None, look(tree, "https://days.example/1")))["title"] == ("page", "Harbour opens again")


def test_the_next_picture_is_taken_where_one_stands_in() -> None:
    """The site's logo is none; the last that may have one are twitter's card and the feed."""
    logo = {"og:image": "https://news.example/logo.png"}
    told_of = {"og:image": "https://news.example/logo.png", "twitter:image": "/harbour.jpg"}
    assert describe(None, look(page(meta=logo), URL)).image is None
    assert describe(None, look(page(meta=told_of), URL)).image == "https://news.example/harbour.jpg"
    assert describe(ENTRY, look(page(meta=logo, jsonld=JSONLD), URL)).image == "https://news.example/jsonld.jpg"
    assert describe(ENTRY, look(page(meta=logo), URL)).image == "https://news.example/feed.jpg"
