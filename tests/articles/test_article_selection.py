"""selection.py, and what page.py makes of it: the part of a page that its feed's rules name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cost import within
from worker.articles import from_page
from worker.articles.selection import NOT_THERE
from worker.model import Article, Entry, Extraction, Rewrite, Rules

URL = "https://news.example/2024/harbour"
LONG = Entry(url=URL, title="Harbour", content=f"<p>{'The feed has its own long story of the harbour here. ' * 20}</p>")
STORY = (
    "<div class=story><h1>Harbour</h1><p>It opened on Monday.</p><div class=ad>Buy <b>this</b>!</div>"
    "<p>The ferry left<br>at dawn.</p></div>"
)

MakePage = Callable[..., str]


def read(html: str, entry: Entry | None = LONG, *, url: str = URL, **rules: Any) -> Article:
    return from_page(
        html.encode(),
        url=url,
        content_type="text/html",
        entry=entry,
        rules=Rules(**{name: tuple(values) for name, values in rules.items()}),
    )


def test_what_select_names_is_the_text_to_the_letter(make_page: MakePage) -> None:
    """Short as it is, its title with it, whatever else is on the page, and though the feed has more."""
    article = read(make_page(within=STORY, html=" lang=en"), select=[".story"])
    assert article.text == "Harbour\nIt opened on Monday.\nBuy this!\nThe ferry left\nat dawn."
    assert (article.extraction, article.reason, article.sources["content_text"]) == ("ok", None, "page")
    assert (article.extractor, article.title, article.language) == ("feedmill-plain-5", "Harbour", "en")


BODY = "It opened on Monday.\nThe ferry left\nat dawn."


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        pytest.param({"select": [".story"], "remove": [".ad"]}, f"Harbour\n{BODY}", id="without a part"),
        pytest.param({"select": [".story p", "h1"]}, f"Harbour\n{BODY}", id="the page's order"),
        pytest.param({"select": ["div.story", ".story *"], "remove": ["h1", ".ad"]}, BODY, id="one within another"),
        pytest.param({"select": ["b"]}, "this", id="in a line"),
        pytest.param({"select": [".story p:nth-of-type(2)"]}, "The ferry left\nat dawn.", id="by place"),
        pytest.param({"select": [".story:has(> .ad) > p:first-of-type"]}, "It opened on Monday.", id="by what it has"),
    ],
)
def test_parts(rules: dict[str, Any], text: str, make_page: MakePage) -> None:
    """In the page's order, each once, a paragraph a line."""
    assert read(make_page(within=STORY), **rules).text == text


def test_remove_alone_leaves_the_rest_to_the_extraction(make_page: MakePage, paragraphs: tuple[str, ...]) -> None:
    """What follows a part that is taken out stays; the page's metadata are those of the whole."""
    letter = "Subscribe to our letter from the harbour, which comes out each and every week."
    box = f"<div class=letter><p>{letter}</p></div> And so on."
    page = make_page("<meta name=author content='Ada Brandt'>", paragraphs=(paragraphs[0] + box, *paragraphs[1:]))
    assert "Subscribe" in read(page, None).text
    article = read(page, None, remove=[".letter", "meta"])
    assert "Subscribe" not in article.text
    assert "And so on." in article.text
    assert paragraphs[-1] in article.text
    assert (article.extractor or "").startswith("trafilatura-")


@pytest.mark.parametrize("select", [".gone", ".empty", "script"])
def test_a_selector_for_nothing_is_told_and_costs_no_article(select: str, make_page: MakePage) -> None:
    """The site has changed: its pages are read as without it, and the reason is there to be seen."""
    page = make_page(within="<div class=empty> </div><script>let text = 'no text';</script>")
    article, plain = read(page, None, select=[select]), read(page, None)
    assert (article.text, article.extraction, article.reason) == (plain.text, "ok", NOT_THERE)
    assert plain.reason is None


@pytest.mark.parametrize("everything", ["*", "html", "body", ":root"])
def test_removing_everything_leaves_the_feeds_text(everything: str, make_page: MakePage) -> None:
    """As of any page without text."""
    article = read(make_page(), remove=[everything])
    assert (article.extraction, article.reason) == ("feed_only", "the page has no article text")


@pytest.mark.parametrize("everything", ["*", "html", "body", ":root"])
def test_selecting_everything_gives_all_the_page_says_once(everything: str, make_page: MakePage) -> None:
    """That is what was asked for; scripts say nothing."""
    article = read(make_page(within="<script>hidden()</script>"), select=[everything])
    lines = article.text.split("\n")
    assert lines[0] == "Home"
    assert lines[-1] == "All rights reserved by nobody in particular."
    assert len(lines) == len(set(lines))
    assert "hidden" not in article.text


CHALLENGE = "<title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/h/b'></script>"
LOCKED = '<script type="application/ld+json">{"@type": "NewsArticle", "isAccessibleForFree": false}</script>'


@pytest.mark.parametrize(
    ("head", "extraction"),
    [
        pytest.param(CHALLENGE, "feed_only", id="a challenge"),
        pytest.param(LOCKED, "feed_only", id="a paywall"),
        pytest.param("<title>Nothing here</title>", "ok", id="what was not announced"),
    ],
)
def test_walls_are_no_article_wherever_they_stand(head: str, extraction: Extraction) -> None:
    """What the page states of itself holds; what only its shape suggests gives way to who has seen the site."""
    page = f"<!doctype html><html><head>{head}</head><body><p class=s>Some words.</p></body></html>"
    entry = Entry(url=URL, title="Channel dredging finished before schedule", summary="<p>It is all done now.</p>")
    assert read(page, entry, select=[".s"]).extraction == extraction


def test_a_list_that_is_selected_is_an_article() -> None:
    """A link blog's day: linked headings, one after the other."""
    links = "".join(f"<h3><a href='/{n}'>A thing that somebody has found, number {n}</a></h3>" for n in range(9))
    page = f"<!doctype html><html><head><title>Links</title></head><body><main>{links}</main></body></html>"
    entry = Entry(url=URL, title="What else there was to read this week")
    assert read(page, entry).extraction != "ok"
    assert read(page, entry, select=["main"]).extraction == "ok"


def test_a_page_at_its_rewritten_address_is_where_it_was_asked_for(make_page: MakePage) -> None:
    """No redirect is seen in it, such as one to a login: the rule says /login/story, and so it is."""
    entry = Entry(url="https://news.example/story", title="Harbour")
    page, url = make_page(), "https://news.example/login/story"
    rewrite = (Rewrite(match="example/", to="example/login/"),)
    assert read(page, entry, url=url, rewrite=rewrite).extraction == "ok"
    assert read(page, entry, url=url).extraction == "paywalled"


@pytest.mark.parametrize("selector", ["div div div div div", "i:nth-last-of-type(2n+1)", ":not(:has(b))"])
def test_a_large_page_takes_seconds_at_most(selector: str) -> None:
    """5,000 elements, deep or flat. `i ~ i ~ i`, which takes minutes, is killed with its process, as any page."""
    page = "<html><body>" + "<div>" * 200 + "<i>x</i>" * 5000
    with within(8):
        read(page, None, select=[selector], remove=["u"])
