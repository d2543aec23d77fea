"""A page's text: what is mended of an extractor's, and what the three efforts do."""

from __future__ import annotations

import pytest
import trafilatura
from lxml.html import HtmlElement

from tests.articles.conftest import PARAGRAPHS, MakePage
from worker.articles import extract, from_page, text
from worker.model import Effort, Entry

URL = "https://westmere.example/2026/harbour"
LEAD = "Ferries run again from Westmere, three weeks after dredging began in its silted harbour."
EFFORTS: tuple[Effort, ...] = ("fast", "normal", "thorough")


def tree_of(html: str) -> HtmlElement:
    tree = trafilatura.load_html(f"<html><body>{html}</body></html>")
    assert tree is not None
    return tree


def read(html: str, effort: Effort = "normal", entry: Entry | None = None) -> str:
    article = from_page(html.encode(), url=URL, content_type="text/html; charset=utf-8", entry=entry, effort=effort)
    assert article.extraction == "ok"
    return article.text


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_has_the_article(make_page: MakePage, effort: Effort) -> None:
    """All of its paragraphs, and nothing of the page's frame."""
    assert read(make_page("<title>The harbour is open</title>"), effort) == "\n".join(PARAGRAPHS)


def teaser(number: int) -> str:
    """A box about another article, a paragraph of which is shown."""
    return (
        f'<section class="story"><h2><a href="/2026/{number}">Another story, number {number}</a></h2>'
        f"<p>What stands here is the beginning of story {number}, long enough to be taken for a paragraph of an "
        "article by whoever counts characters, and about something else altogether.</p></section>"
    )


def test_neighbours_do_not_take_over_a_short_article(make_page: MakePage) -> None:
    """That the whole page has more than twice as much text is no reason to prefer it."""
    page = make_page("<title>The harbour is open</title>").replace(
        "<footer>", f"<div>{''.join(map(teaser, range(12)))}</div><footer>"
    )
    found = read(page)
    assert PARAGRAPHS[1] in found
    assert "beginning of story" not in found


def test_prose_that_the_first_result_lacks_is_found(make_page: MakePage) -> None:
    """Where the page's longest run of paragraphs is elsewhere, the other extractors are asked."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS * 2)
    page = (
        "<html><head><title>The harbour</title></head><body>"
        f'<div class="article-body"><p>{LEAD}</p></div>'
        f'<div class="haber-metin"><div>{body}</div></div></body></html>'
    )
    assert all(paragraph in read(page) for paragraph in PARAGRAPHS)


def with_lead(make_page: MakePage, description: str = LEAD) -> str:
    head = f'<title>The harbour</title><meta name="description" content="{description}">'
    return make_page(head).replace(
        "<article>", f'<header><h1>The harbour</h1><div class="dek">{LEAD}</div></header><article>'
    )


def test_a_lead_above_the_text_is_of_it(make_page: MakePage) -> None:
    """The paragraph that the page itself gives as its summary."""
    assert read(with_lead(make_page)).split("\n")[0] == LEAD
    assert read(with_lead(make_page)).count(LEAD) == 1


def test_what_is_no_summary_is_no_lead(make_page: MakePage) -> None:
    """What else stands above the text is not taken."""
    assert LEAD not in read(with_lead(make_page, "News from the coast, every day, since the year of the great flood."))


def test_the_feed_s_summary_knows_a_lead(make_page: MakePage) -> None:
    """As well as the page's own description."""
    page = with_lead(make_page, "News from the coast.")
    assert read(page, entry=Entry(title="The harbour", summary=f"<p>{LEAD}</p>")).startswith(LEAD)


def with_line(make_page: MakePage, line: str) -> str:
    return make_page(paragraphs=(*PARAGRAPHS[:2],)).replace(
        "</article>", f"{line}<p>{PARAGRAPHS[2]}</p><p>{PARAGRAPHS[3]}</p></article>"
    )


def test_a_paragraph_that_is_a_link_goes() -> None:
    """It leads to another article, and is none of this one's words; a link in a sentence is."""
    shown = "\n".join((PARAGRAPHS[0], "Storm closes the southern pier for a second week", f"{PARAGRAPHS[1]}"))
    page = tree_of(
        f"<p>{PARAGRAPHS[0]}</p><p><a href='/storm'>Storm closes the southern pier for a second week</a></p>"
        f"<p><a href='/lindqvist'>{PARAGRAPHS[1][:60]}</a>{PARAGRAPHS[1][60:]}</p>"
    )
    assert (
        text.mended(shown, page, URL, effort="normal", language="en", leads=()) == f"{PARAGRAPHS[0]}\n{PARAGRAPHS[1]}"
    )


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('<ul><li><a href="/pull/7">Fix the reader of tide tables</a></li></ul>', id="a list of changes"),
        pytest.param('<h3><a href="#tides">How the tide tables are read</a></h3>', id="a heading with its own anchor"),
    ],
)
def test_links_that_are_content_stay(line: str) -> None:
    """Lists of links, and headings that link to themselves, as documentation has them."""
    words = tree_of(line).text_content().strip()
    shown = f"{PARAGRAPHS[0]}\n{words}\n{PARAGRAPHS[1]}"
    page = tree_of(f"<p>{PARAGRAPHS[0]}</p>{line}<p>{PARAGRAPHS[1]}</p>")
    assert text.mended(shown, page, URL, effort="normal", language="en", leads=()) == shown


def test_a_line_that_no_witness_has_goes_where_thorough(make_page: MakePage) -> None:
    """And not at less effort; where the witnesses have next to nothing, all lines stay."""
    page = tree_of(make_page())
    shown = "\n".join((*PARAGRAPHS[:2], "Widget state: undefined", *PARAGRAPHS[2:]))
    assert text.mended(shown, page, URL, effort="thorough", language="en", leads=()) == "\n".join(PARAGRAPHS)
    assert text.mended(shown, page, URL, effort="normal", language="en", leads=()) == shown
    other = tree_of("<html><body><p>Nothing of it.</p></body></html>")
    assert text.mended(shown, other, URL, effort="thorough", language="en", leads=()) == shown


def test_the_feed_s_own_text_chooses_between_results(monkeypatch: pytest.MonkeyPatch, make_page: MakePage) -> None:
    """The result that is more like it is taken; fast does not ask."""
    whole = "\n".join(PARAGRAPHS)

    def found(tree: HtmlElement, url: str, *, fast: bool = False, **_: bool) -> str:
        return PARAGRAPHS[0] if fast else whole

    monkeypatch.setattr(text, "_of", found)
    page = tree_of(make_page(paragraphs=PARAGRAPHS[:1]))
    assert text.read(page, URL, discussion=False, effort="normal", witness=whole) == whole
    assert text.read(page, URL, discussion=False, effort="fast", witness=whole) == PARAGRAPHS[0]
    assert text.read(page, URL, discussion=False, effort="normal") == PARAGRAPHS[0]


@pytest.mark.parametrize("effort", EFFORTS)
def test_the_library_takes_the_effort(make_page: MakePage, effort: Effort) -> None:
    """`extract` gives the text that the worker would."""
    page = with_lead(make_page)
    assert extract(page, URL, effort=effort)["content_text"] == read(page, effort)
    assert extract(page, URL)["content_text"] == read(page, "normal")
