"""A page's text: what is mended of an extractor's, and what the three efforts do."""

from __future__ import annotations

import re

import pytest
import trafilatura
from lxml.html import HtmlElement

from tests.articles.conftest import PARAGRAPHS, MakePage
from worker.articles import blocks, extract, from_page, text
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


BRIEFS = {
    "en": (
        ("Pool stays shut", "By Ada Brandt", "Support independent journalism: become a member for 5 a month."),
        "The pool stays shut until Friday, the council says. Swimmers may use the hall in Tarn for free until then.",
        "Traders were told last week.",
    ),
    "de": (
        ("Bad bleibt zu", "Von Änne Größmann", "Unabhängiger Journalismus kostet: Werden Sie Mitglied für 5 Euro."),
        "Das Freibad bleibt bis Freitag geschlossen, teilte die Stadt mit, weil eine Pumpe ausgefallen ist.",
        "Bis dahin ist die Halle frei.",
    ),
    "zh": (
        ("旧桥将关闭", "作者：王小明", "支持独立新闻：每月五元成为会员。"),
        "港务局周一表示，这座旧桥将在复活节前关闭，届时所有车辆都须绕行北侧的新桥，工程将持续约八个月，费用由市政府承担。",
        "商户上周已接到通知。",
    ),
    "ja": (
        ("プールは閉鎖のまま", "文：山田花子", "独立した報道を支援してください：月五百円で会員になれます。"),
        "町議会によると、プールは金曜日まで閉鎖されたままで、ポンプの故障が再び起きたことが原因だという。",
        "修理の費用はまだ分かっていない。",
    ),
}
LINKED_DATA = '{"@type": "NewsArticle", "headline": "%s", "author": {"@type": "Person", "name": "%s"}}'


def brief(language: str, around: str, between: str, linked_data: bool) -> str:
    """A page of two short paragraphs, between a title, a byline and buttons above and an appeal below."""
    (title, byline, appeal), *paragraphs = BRIEFS[language]
    author = re.split("[：]|^\\w+ ", byline)[1]
    head = f'<meta name="author" content="{author}"><meta property="og:type" content="article">'
    if linked_data:
        head += f'<script type="application/ld+json">{LINKED_DATA % (title, author)}</script>'
    body = f"<div>{'<br><br>'.join(paragraphs)}</div>" if between == "br" else "</p><p>".join(("", *paragraphs, ""))
    return (
        f'<html lang="{language}"><head><title>{title}</title>{head}</head><body>'
        '<header><nav><a href="/">Home</a> <a href="/sport">Sport</a></nav></header>'
        f'<{around}><h1>{title}</h1><div class="byline">{byline} · <time>2026-11-30T07:05:08Z</time></div>'
        '<div class="share"><a href="#">Facebook</a> <a href="#">Tweet</a> <a href="/mail">Email</a></div>'
        f'{body}<p class="support">{appeal}</p></{around}><footer><p>All rights reserved.</p></footer></body></html>'
    )


@pytest.mark.parametrize("effort", ["fast", "normal"])
@pytest.mark.parametrize("linked_data", [False, True], ids=["", "json-ld"])
@pytest.mark.parametrize("between", ["p", "br"])
@pytest.mark.parametrize("around", ["article", "main", "div"])
@pytest.mark.parametrize("language", BRIEFS)
def test_a_brief_has_its_own_lines(language: str, around: str, between: str, linked_data: bool, effort: Effort) -> None:
    """And none of those above them; the appeal below is a line by itself, which can be learned to be the site's."""
    (*_, appeal), *paragraphs = BRIEFS[language]
    assert read(brief(language, around, between, linked_data), effort).split("\n") == [*paragraphs, appeal]


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        pytest.param("<p>One for sorrow<br>Two for joy<br>Three for a girl</p>", None, id="a rhyme has no sentence"),
        pytest.param("<p>The pool stays shut.</p><p>Nobody knows why</p>", ["The pool stays shut."], id="a button"),
        pytest.param("<p>The pool stays shut.</p><p><a href='/x'>Why?</a></p><p>So it is.</p>", None, id="a link"),
        pytest.param("<p>Mended are</p><ul><li><a href='/3'>A winch of the old ferry</a></li></ul>", None, id="a list"),
    ],
)
def test_one_line_of_several_blocks_is_read_as_these(shown: str, wanted: list[str] | None) -> None:
    """From the first sentence to the last, unless these are less than half of it; links are none."""
    page = tree_of(f"<nav><a href='/'>Home</a></nav>{shown}")
    lines = [block.text for block in blocks.read(page)[1:]]
    assert text.prose(" ".join(lines), page).split("\n") == (wanted or [line for line in lines if line != "Why?"])


def test_a_list_below_menus_is_left_as_it_is() -> None:
    """Only what begins with the page's first menu is all of the page."""
    page = tree_of("<nav><a href='/'>Home</a></nav><p>You need</p><p>an egg</p><p>salt.</p><p>oil</p>")
    assert text.prose("You need\nan egg\nsalt.\noil", page) == "You need\nan egg\nsalt.\noil"
    assert text.prose("Something else\nthan the page has", page) == "Something else\nthan the page has"


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


def test_an_effort_that_is_none_is_refused(make_page: MakePage) -> None:
    """By who has it from a setting of their own: a word that is not known would be taken for one of the three."""
    with pytest.raises(ValueError, match="fast, normal, thorough, not 'turbo'"):
        extract(make_page(), URL, effort="turbo")  # type: ignore[arg-type]


def test_tables_that_are_there_for_the_looks_leave_no_marks(make_page: MakePage) -> None:
    """One cell is a paragraph, an empty row or item is nothing; a table stays one."""
    looks = "<table><tr><td>Seen from the mole at dawn.</td></tr></table><table><tr><td></td><td> </td></tr></table>"
    table = "<table><tr><th>Ferry</th><th>Leaves</th></tr><tr><td>Ada</td><td>7:00</td></tr></table>"
    html = make_page().replace(f"<p>{PARAGRAPHS[3]}</p>", f"{looks}<p>{PARAGRAPHS[3]}</p>{table}")
    found = read(html).split("\n")
    assert found[3:5] == ["Seen from the mole at dawn.", PARAGRAPHS[3]]
    assert found[5:] == ["| Ferry | Leaves |", "|---|---|", "| Ada | 7:00 |"]


@pytest.mark.parametrize(
    ("extracted", "expected"),
    [
        ("| one |\n| two | three |\n| | |\n|---|\n| |", "one\n| two | three |"),
        ("a\n-\nb\n-", "a\nb"),
        ("-\n- a\n| | b |\n| c | |", "- a\n| | b |\n| c | |"),
    ],
)
def test_marks_of_what_holds_nothing(extracted: str, expected: str) -> None:
    """Rows and items without text; those with some keep theirs, and so the column."""
    assert text._plain(extracted) == expected
