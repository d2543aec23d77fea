"""Lines of the site leave the text where they say what they are; the article's own stay."""

from __future__ import annotations

import pytest

from tests.articles.test_article_credits import PROSE, QUAY, page
from worker.articles import from_page
from worker.model import Article

TEXT = PROSE.replace("</p><p>", "\n").removeprefix("<p>").removesuffix("</p>")


def read(html: str) -> Article:
    return from_page(html.encode(), url=QUAY, content_type="text/html; charset=utf-8", entry=None)


@pytest.mark.parametrize(
    "line",
    [
        "© 2026 Quay. All rights reserved.",
        "Copyright Quay Media Group",
        "Disclaimer: the contents of this article are its author's alone.",
        "The views expressed in this article are those of the author and do not necessarily reflect those of Quay.",
        "The opinions expressed here are the author's own.",
        "Die hier geäußerte Meinung gibt nicht unbedingt die der Redaktion wieder.",
        "Les propos tenus n'engagent que leur auteur.",
        "Las opiniones aquí expresadas no reflejan necesariamente las de este medio.",
        "Please support our journalism with a donation: your help keeps it free.",
        "PayPal: quay@mail.example",
        "Become a member of Quay",
        "Subscribe to our weekly newsletter",
        "Follow us on the usual networks",
        "Comment on Quay articles on our Facebook page",
        "Like this story? Share it with a friend!",
        "Did you enjoy this article? Tell us.",
        "Hat Ihnen dieser Beitrag gefallen? Dann teilen Sie ihn.",
        "Cet article vous a plu ?",
        "¿Te ha gustado este artículo?",
        "There is more where that came from. Sign up for The Quay to get the news delivered to your inbox daily.",
        "Get the day's top headlines sent to your inbox every morning.",
        "Quay will soon launch Tides, a newsletter with all that floats. Sign up here.",
        "Wenn du nichts verpassen willst, dann hol dir jetzt meinen Newsletter!",
        "Email Ada Lind at ada@quay.example. Follow us on Twitter @quay and on Facebook.",
        "Follow the Quay's full coverage of the floods at https://quay.example/floods",
        "Unterstützen Sie unsere Arbeit mit einer Spende.",
        "Abonnez-vous à notre lettre.",
        "Suscríbete a nuestro boletín",
        "For media inquiries: press@quay.example",
        "press@quay.example",
        "Articles by: Ada Lind",
        "More stories by Ada Lind",
    ],
)
def test_lines_below(line: str) -> None:
    """Each kind, with another one below it."""
    assert read(page(behind=f"<p>{line}</p><p>© 2026 Quay</p>")).text == TEXT


@pytest.mark.parametrize(
    "line",
    [
        "Who wants to donate can do so at the town hall, which passes it on to the boatmen.",
        "She hopes that readers will support the fleet.",
        'The last word is hers. "Contact with the other side is rare, and I follow them with my glasses."',
        "The poet's views were never expressed in public.",
        "In the end, copyright was the least of his worries.",
        "Disclosure is not her habit.",
        "Do you love this town as much as she does?",
        "¿Te gustó el final?",
        "Hat Ihnen der Film gefallen?",
        "What is sent to your inbox is read by them first.",
        "Like this story, all of hers are about boats; did you think they would not be?",
        "The newsletter is read by four hundred boatmen, who get it at the harbour.",
        "Follow the harbour wall to the end; the coverage of the last metres is new.",
        "The film hat ihr gefallen, sagt sie; der Newsletter des Hafens lobt ihn auch.",
    ],
)
def test_what_an_article_ends_with(line: str) -> None:
    """Lines of its own that have words of those."""
    assert read(page(behind=f"<p>{line}</p>")).text == f"{TEXT}\n{line}"


def test_nothing_goes_from_the_middle() -> None:
    """What stands between two lines of the article is the article's."""
    line = "The views expressed in this article are the author's own."
    behind = "<p>She has seen worse, she says, and shut the book on it.</p>"
    assert line in read(page(behind=f"<p>{line}</p>{behind}")).text


def test_a_text_is_never_eaten_up() -> None:
    """Where hardly a word is left, what looked like the frame was the picture."""
    lines = "".join(f"<p>© 2026 Quay: {'an exhibit of the museum of seals, ' * 3} number {n}.</p>" for n in range(9))
    html = f"<html><body><article><h1>Seals</h1><p>Our seals.</p>{lines}</article></body></html>"
    assert "number 8" in read(html).text


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(
            '<p>Topics: <a href="/t/1">Boats, small</a> <a href="/t/2">Tide</a></p>',
            ("Boats, small", "Tide"),
            id="links",
        ),
        pytest.param(
            '<p><a href="/c">Categories</a>: <a href="/c/1">Boats</a> <a href="/c/2">Tide</a></p>',
            ("Boats", "Tide"),
            id="a label that is linked as well",
        ),
        pytest.param("<p>Region: The Bay</p><p>Theme: Boats, Tide</p>", ("The Bay", "Boats", "Tide"), id="words"),
        pytest.param("<p>Schlagwörter: Boote; Flut</p>", ("Boote", "Flut"), id="German"),
        pytest.param("<p>Topic: what we do about the boats in the bay is on the table again</p>", (), id="a sentence"),
        pytest.param("<p>Weather: rain</p>", (), id="another label"),
    ],
)
def test_labels(before: str, expected: tuple[str, ...]) -> None:
    """What the page files it under is its tags, where nothing else gives any."""
    assert read(page(before=before)).tags == expected


def test_stated_tags_come_first() -> None:
    """Those for machines are the publisher's choice."""
    stated = '<meta property="article:tag" content="Fleet">'
    assert read(page(head=stated, before="<p>Theme: Boats</p>")).tags == ("Fleet",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("Harbour Watch", ["Harbour Watch"], id="a publication of two words"),
        pytest.param("Quay", [], id="one word: every page of some sites is by it"),
    ],
)
def test_publications_as_authors(name: str, expected: list[str]) -> None:
    """Where the byline says so, and nobody else is named."""
    html = page(before=f"<p>By {name}</p>").replace('content="Quay"', f'content="{name}"')
    assert [author.name for author in read(html).authors if author.name == name] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("Quay, May 4, 2026", 1777852800000, id="with the site's name"),
        pytest.param("4 May 2026", 1777852800000, id="alone"),
        pytest.param("4. Mai 2026", 1777852800000, id="German"),
        pytest.param("le 4 mai 2026", 1777852800000, id="French"),
        pytest.param("4 de mayo de 2026", 1777852800000, id="Spanish"),
        pytest.param("4 maggio 2026", 1777852800000, id="Italian"),
        pytest.param("31 February 2026", None, id="no such day"),
        pytest.param("It all began a long time ago, and will end on 4 May 2026", None, id="a sentence"),
    ],
)
def test_a_day_on_its_own_line(line: str, expected: int | None) -> None:
    """Found where machines are told none."""
    assert read(page(before=f"<p>{line}</p>")).published == expected
