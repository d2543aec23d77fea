"""gaps.py: lines of an article that are on its page, and not in the text that was extracted."""

from __future__ import annotations

import pytest
from lxml.html import fromstring

from tests.articles.conftest import PARAGRAPHS
from tests.cost import within
from worker.articles import blocks, from_page, gaps

ONE, TWO, THREE, FOUR = PARAGRAPHS
TEXT = "\n".join(PARAGRAPHS)
LEAD = "The port is open again, and nobody has paid the fishermen for the three weeks that it was not."
STORY = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
ITEM = "Forty thousand tonnes of silt were taken from the channel."


def filled(article: str, text: str = TEXT, *, leads: tuple[str, ...] = ()) -> list[str]:
    """The lines of the text with what the page has beside them."""
    return gaps.filled(text, shown(article), leads).split("\n")


def shown(article: str) -> list[tuple[str, blocks.Block]]:
    page = fromstring(f"<html><body><article>{article}</article></body></html>")
    return [(blocks.squashed(block.text), block) for block in blocks.read(page)]


@pytest.mark.parametrize(
    "lead",
    [
        f'<p class="article__lead">{LEAD}</p>',
        f'<div class="TeaserText"><p>{LEAD}</p></div>',
        f'<header><h2 class="post-excerpt big">{LEAD}</h2><p>By Ada</p></header>',
        f'<div class="Preamble_root__x1"><p>{LEAD}</p></div><figure><figcaption>The harbour.</figcaption></figure>',
    ],
)
def test_a_lead_is_known_by_its_name(lead: str) -> None:
    """Below the title and above the text, whatever the page gives as its summary."""
    assert filled(f"<h1>Harbour open</h1>{lead}<div>{STORY}</div>") == [LEAD, *PARAGRAPHS]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(f'<p class="lead">{LEAD}</p><h1>Harbour open</h1>', id="above the title"),
        pytest.param(f'<h1>Harbour open</h1><p class="misleading">{LEAD}</p>', id="of another name"),
        pytest.param(f'<h1>Harbour open</h1><div class="teaser"><a href="/b">{LEAD}</a></div>', id="which leads on"),
        pytest.param(f'<h1>Harbour open</h1><figure class="lead"><p>{LEAD}</p></figure>', id="a caption"),
        pytest.param(f'<h1>Harbour open</h1><p class="intro">{LEAD[:60]}…</p>', id="cut off"),
        pytest.param(
            '<h1>Harbour open</h1><p class="intro">Monday, 5 August 2017, from Westmere, updated</p>', id="no sentence"
        ),
        pytest.param(f'<h1>Harbour open</h1><p class="summary">{ONE}</p>', id="of the text"),
    ],
)
def test_what_is_no_lead_stays_out(other: str) -> None:
    assert filled(f"{other}<div>{STORY}</div>") == list(PARAGRAPHS)


def test_a_lead_stands_where_the_page_has_it() -> None:
    """Below the title that an extractor left in the text; the page's summary is known without a name, too."""
    title = "The harbour of Westmere is open again after three weeks, and nobody is happy about that but the ferry"
    page = f"<h1>{title}</h1><p>{LEAD}</p><div>{STORY}</div>"
    assert filled(page, f"{title}\n{TEXT}", leads=(LEAD,)) == [title, LEAD, *PARAGRAPHS]
    assert filled(page, f"{title}\n{TEXT}") == [title, *PARAGRAPHS]


def test_headings_and_lists_between_paragraphs_are_of_the_text() -> None:
    page = f"<p>{ONE}</p><h3>What was done</h3><ul><li>{ITEM}</li><li><p>Little else.</p></li></ul><p>{TWO}</p>"
    expected = [ONE, "What was done", f"- {ITEM}", "- Little else.", TWO]
    assert filled(page, f"{ONE}\n{TWO}") == expected
    wrapped = page.replace("<ul>", "<div class='x'><ul>").replace("</ul>", "</ul></div>").replace("<h3>", "<div><h3>")
    assert filled(wrapped.replace("</h3>", "</h3></div>"), f"{ONE}\n{TWO}") == expected


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(f"<div><h3>Sign up</h3><p>{ITEM}</p></div>", id="in a box"),
        pytest.param("<h3>Related articles</h3>", id="a label"),
        pytest.param("<h3><a href=/b>Ferries stand still</a></h3>", id="that lead on"),
        pytest.param("<ul><li>Print</li><li>Share this</li></ul>", id="buttons"),
        pytest.param(f"<ul><li><a href='#a'>{ITEM}</a></li></ul>", id="contents"),
        pytest.param(f"<h3>Ferries</h3><p>{ITEM}</p>", id="not right above a line of the text"),
    ],
)
def test_other_headings_and_lists_stay_out(between: str) -> None:
    assert filled(f"<p>{ONE}</p>{between}<p>{TWO}</p>", f"{ONE}\n{TWO}") == [ONE, TWO]


def test_of_a_list_either_all_or_what_was_extracted() -> None:
    page = f"<p>{ONE}</p><ul><li>{ITEM}</li><li>{THREE}</li></ul><p>{TWO}</p>"
    assert filled(page, f"{ONE}\n- {ITEM}\n{TWO}") == [ONE, f"- {ITEM}", TWO]


PARTS = (
    f'<div class="row"><div class="story wide"><p class="line">{ONE}</p><p class="line">{TWO}</p></div></div>'
    "<div>Ad</div>"
    f'<div class="row"><div class="story"><h2>Money</h2><p class="line">{THREE}</p>{{}}</div></div>'
)


def test_a_text_goes_on_in_the_next_part() -> None:
    """Advertisements part many articles; extractors may take the first part alone."""
    page = PARTS.format(f'<h3>Then</h3><ul><li>{ITEM}</li></ul><p class="line">{FOUR}</p>')
    expected = [ONE, TWO, "Money", THREE, "Then", f"- {ITEM}", FOUR]
    assert filled(page, f"{ONE}\n{TWO}") == expected
    assert filled(page.replace(' class="line"', ""), f"{ONE}\n{TWO}") == expected


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(PARTS.format("").replace('"story"', '"other"'), id="of another name"),
        pytest.param(
            PARTS.format("").replace('<p class="line">' + THREE, f"<p class='author'>{THREE}"), id="paragraphs, too"
        ),
        pytest.param(PARTS.format("").replace("<h2>", "<h1>"), id="another article"),
        pytest.param(PARTS.format("").replace("<div>Ad</div>", "</article><article>"), id="in another article"),
        pytest.param(PARTS.format("").replace(THREE, f"<a href=/b>{THREE}</a>"), id="that leads on"),
        pytest.param(PARTS.format("").replace("line", "").replace("wide", "first"), id="not quite alike"),
        pytest.param(PARTS.format("").replace("line", "").replace("story", "main"), id="without a name of some length"),
    ],
)
def test_what_stands_beside_it_may_be_another_text(page: str) -> None:
    assert filled(page, f"{ONE}\n{TWO}") == [ONE, TWO]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        pytest.param(
            f'<div class="story"><p class="line">{ONE}</p></div>'
            + "<div>" * 200
            + '<div class="story"><p class="line">x</p></div>' * 20_000,
            ONE,
            id="parts of other kinds",
        ),
        pytest.param(
            "".join(f'<div class="story"><p class="line">{ONE} {n}</p></div>' for n in range(10_000)),
            f"{ONE} 0",
            id="parts",
        ),
        pytest.param(f"<p>{ONE}</p>" + "<h3>Heading</h3>" * 20_000 + f"<p>{TWO}</p>", f"{ONE}\n{TWO}", id="headings"),
        pytest.param(
            f"<p>{ONE}</p><ul>" + f"<li>{ITEM}</li>" * 20_000 + f"</ul><p>{TWO}</p>", f"{ONE}\n{TWO}", id="items"
        ),
        pytest.param(
            f"<p>{ONE}</p>" + "<ul><li>" * 100 + ITEM + "</ul>" * 100 + f"<p>{TWO}</p>", ONE, id="lists in lists"
        ),
        pytest.param("<p>Go!</p><h3>On</h3>" * 20_000, "Go!\n" * 20_000 + ONE, id="the same line over and over"),
        pytest.param(
            f"<div>{'<h3>Heading</h3><p>Line</p>' * 15_000}</div>", "Line\n" * 15_000 + ONE, id="in one element"
        ),
        pytest.param(
            f'<div class="{" ".join(f"story-of-{chr(97 + n % 26)}{n}" for n in range(20_000))}"><p>{ONE}</p></div>'
            + "<div><p>x</p></div>" * 5_000,
            ONE,
            id="a name for everything",
        ),
    ],
)
def test_no_page_takes_long(page: str, text: str) -> None:
    found = shown(page)
    with within(2):
        gaps.filled(text, found, (LEAD,))


def test_a_page_s_text_has_them() -> None:
    """As it comes out of the whole extraction, which took the first part of this one and left out its heading."""
    long = [f"{paragraph} {ITEM * 3}" for paragraph in PARAGRAPHS]
    paragraphs = [f'<p class="line">{paragraph}</p>' for paragraph in long]
    page = (
        f'<html><body><main><h1>Harbour open</h1><p class="lead">{LEAD}</p>'
        f'<div class="article-body wide">{paragraphs[0]}{paragraphs[1]}</div><div>Ad</div>'
        f'<div class="article-body">{paragraphs[2]}<h3>Money</h3>{paragraphs[3]}</div></main></body></html>'
    )
    article = from_page(page.encode(), url="https://site.example/a", content_type="text/html", entry=None)
    assert article.text.split("\n") == [LEAD, *long[:3], "Money", long[3]]
