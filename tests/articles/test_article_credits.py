"""Who had it first, by what pages say: credit lines, datelines, canonical addresses, JSON-LD."""

from __future__ import annotations

import json

import pytest

from worker.articles import from_page
from worker.articles.credits import dateline, is_credit
from worker.model import Credit

PROSE = "".join(
    f"<p>{text}</p>"
    for text in (
        "The keeper of the tide tables has counted the boats in the bay again, as she does each spring, and found "
        "three more than a year ago, two of them without a name and one with a name that is taken.",
        "Those without a name will get a number until their owners have come forward. The other one is to be talked "
        "about at the next meeting, to which the owners of both boats are to come, though not at the same time.",
        "Nothing of this is new to her. In the year of the great fog there were eleven boats too many, and in the end "
        "they were all found to belong to one man, who had forgotten them.",
    )
)
QUAY, TIDE = "https://quay.example/2026/boats", "https://tide.example/boats-counted"


def page(*, behind: str = "", before: str = "", head: str = "") -> str:
    return f"""<html lang="en"><head><title>Boats - Quay</title><meta property="og:site_name" content="Quay">
<meta property="og:type" content="article">{head}</head><body><article><h1>Boats</h1>{before}{PROSE}{behind}</article>
</body></html>"""


def found(html: str) -> Credit | None:
    return from_page(html.encode(), url=QUAY, content_type="text/html; charset=utf-8", entry=None).original


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "The original source of this article is Tide Weekly"),
        ("en", "This article was originally published by Tide Weekly."),
        ("en", "This article originally appeared in Tide Weekly, and is republished here with permission."),
        ("en", "This story was first published on Tide Weekly on 4 May 2026."),
        ("en", "This article first appeared on Tide Weekly."),
        ("en", "Originally published at Tide Weekly"),
        ("en", "First published in Tide Weekly."),
        (
            "en",
            "This article is republished from Tide Weekly under a Creative Commons license. Read the original article.",
        ),
        ("en", "Republished with permission from Tide Weekly."),
        ("en", "Reprinted with kind permission of Tide Weekly"),
        ("de", "Dieser Artikel erschien zuerst bei Tide Weekly."),
        ("de", "Zuerst erschienen in Tide Weekly"),
        ("de", "Dieser Beitrag wurde ursprünglich von Tide Weekly veröffentlicht."),
        ("fr", "Cet article a été publié pour la première fois par Tide Weekly."),
        ("es", "Este artículo fue publicado originalmente en Tide Weekly."),
        ("pt", "Este artigo foi publicado originalmente em Tide Weekly."),
        ("it", "Questo articolo è stato pubblicato originariamente su Tide Weekly."),
        ("nl", "Dit artikel is eerder verschenen in Tide Weekly."),
        ("ru", "Впервые опубликовано в Tide Weekly"),
    ],
)
def test_credit_lines(language: str, line: str) -> None:
    """Below the text or above it, in the main languages; with the link where the name has one. The line goes."""
    assert found(page(behind=f"<p><em>{line}</em></p>").replace('lang="en"', "")) == Credit(name="Tide Weekly")
    linked = line.replace("Tide Weekly", f'<a href="{TIDE}">Tide Weekly</a>')
    html = page(before=f"<p>{linked}</p>").replace('lang="en"', f'lang="{language}"')
    article = from_page(html.encode(), url=QUAY, content_type="text/html; charset=utf-8", entry=None)
    assert article.original == Credit(name="Tide Weekly", url=TIDE)
    assert "Tide Weekly" not in article.text
    assert article.text.startswith("The keeper")


def test_the_link_to_the_article_is_better_than_that_to_the_site() -> None:
    """As The Conversation asks for it."""
    line = (
        '<p>This article is republished from <a href="https://tide.example">Tide Weekly</a> under a Creative Commons '
        f'license. Read the <a href="{TIDE}">original article</a>.</p>'
    )
    assert found(page(behind=line)) == Credit(name="Tide Weekly", url=TIDE)


@pytest.mark.parametrize(
    "line",
    [
        "<p>This article was originally published by Quay.</p>",
        f'<p>Originally published at <a href="{QUAY}">our site</a></p>',
        "<p>This article was first published on 4 May 2026.</p>",
        "<p>This article was first published on November 19, and has been updated since.</p>",
        '<p>This article was first published in <a href="https://shop.example/q">Quay 10/26</a>.</p>',
        "<p>Her book was first published in 1984 by a house that is gone.</p>",
        "<p>The original source of the river is not known.</p>",
        "<p>The post Boats appeared first on Quay.</p>",
    ],
)
def test_what_is_no_credit(line: str) -> None:
    """A site that credits itself, a date, a book, a river."""
    assert found(page(behind=line)) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("LONDON (Reuters) - The bay was calm.", "Reuters", id="Reuters"),
        pytest.param("LONDON, May 4 (AP) — The bay was calm.", "AP", id="with a day"),
        pytest.param("Kiel (dpa/lno) – Die Bucht lag still.", "dpa", id="dpa, of a state"),
        pytest.param("(ANSA) - ROMA, 4 MAG - La baia era calma.", "ANSA", id="before the place"),
        pytest.param("Madrid, 4 may (EFE).- La bahía estaba en calma.", "EFE", id="EFE"),
        pytest.param("MOSCOW, May 4. /TASS/. The bay was calm.", "TASS", id="between slashes"),
        pytest.param("The bay (AP photo) was calm.", None, id="a picture"),
        pytest.param("He works for Reuters (Reuters) and is calm.", None, id="no dateline"),
    ],
)
def test_datelines(text: str, name: str | None) -> None:
    """The agency is named; nobody waits for its own article."""
    assert dateline(text) == (name and Credit(name=name, is_agency=True))


def test_an_agencys_dateline_is_its_source() -> None:
    """And stays in the text: it is a part of the sentence."""
    html = page().replace("<p>The keeper", "<p>ALTMAR (Reuters) - The keeper")
    article = from_page(html.encode(), url=QUAY, content_type="text/html", entry=None)
    assert (article.original, article.sources["original"]) == (Credit(name="Reuters", is_agency=True), "agency")
    assert article.text.startswith("ALTMAR (Reuters)")


def linked_data(**fields: object) -> str:
    node = {"@type": "NewsArticle", "headline": "Boats", "publisher": {"@type": "Organization", "name": "Quay"}}
    return f'<script type="application/ld+json">{json.dumps(node | fields)}</script>'


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(f'<link rel="canonical" href="{TIDE}">', Credit(url=TIDE), id="canonical, on another site"),
        pytest.param('<link rel="canonical" href="https://tide.example/">', None, id="a front page"),
        pytest.param('<link rel="canonical" href="https://www.quay.example/x">', None, id="the same site"),
        pytest.param('<link rel="canonical" href="https://www.quay.co.uk/x">', None, id="… in another country"),
        pytest.param(linked_data(isBasedOn=TIDE), Credit(url=TIDE), id="isBasedOn"),
        pytest.param(
            linked_data(isBasedOn={"@type": "NewsArticle", "url": TIDE, "publisher": {"name": "Tide"}}),
            Credit(name="Tide", url=TIDE),
            id="isBasedOn, with its publisher",
        ),
        pytest.param(
            linked_data(copyrightHolder={"@type": "Organization", "name": "Tide Weekly"}),
            Credit(name="Tide Weekly"),
            id="copyrightHolder",
        ),
        pytest.param(
            linked_data(copyrightHolder={"@type": "Organization", "name": "Quay Media"}), None, id="… is the site"
        ),
        pytest.param(linked_data(copyrightHolder={"@type": "Person", "name": "Ada Lind"}), None, id="… is a person"),
    ],
)
def test_what_machines_are_told(head: str, expected: Credit | None) -> None:
    """Where no line says it for readers."""
    assert found(page(head=head)) == expected


def test_a_line_has_the_name_and_canonical_the_address() -> None:
    """Each says a half."""
    head = f'<link rel="canonical" href="{TIDE}">'
    assert found(page(head=head, behind="<p>Originally published by Tide Weekly</p>")) == Credit(
        name="Tide Weekly", url=TIDE
    )


def test_long_lines_are_no_credits() -> None:
    """A paragraph that tells where something was first published is one of the article's."""
    assert not is_credit("The poem was originally published by Quay. " + "It was long. " * 60)
