"""edges.py: what stands around a text and is not of it."""

from __future__ import annotations

from html import escape

import pytest

from worker.articles import edges, from_entry
from worker.model import Entry

BODY = ("The harbour opened again on Monday after three weeks.", "The first ferry left at dawn, said the master.")


def cut(*lines: str) -> list[str]:
    text = "\n".join(lines)
    return edges.cut(text, title="Harbour opens", authors=["Ada Lindqvist", "Bo Ek"]).split("\n")


@pytest.mark.parametrize(
    "line",
    [
        "HARBOUR OPENS.",
        "By Ada Lindqvist",
        "Von Ada Lindqvist und Bo Ek",
        "Ada Lindqvist, Reuters",
        "Ada Lindqvist, 22.11.2026",
        "May 5, 2024",
        "5 May 2024, 10:30",
        "12.03.2024, 14:05 Uhr",
        "2024-05-01",
        "12 de mayo de 2024",
        "2024年5月1日",
        "By Ada Lindqvist · 2024-05-01T07:05:08Z",
        "2024-05-01T07:05+02:00",
        "sexta-feira, 22 de outubro de 2010 às 20:13",
        "Latest update May 6th, 2022 12:49 AM",
        "Published: 5 May 2024 | Updated: 6 May 2024, 10:30",
        "Stand: 28.04.2020 18:00 Uhr",
        "zuletzt bearbeitet: 04.02.2022, 08:27 Uhr",
        "Publié le 12/03/2024 à 10:30",
        "Uppdaterad 15.59 | Publicerad 14.14",
        "20 Nisan 2026•Güncelleme: 20 Nisan 2026",
        "- -Aktualisiert am",
        "3 min read",
        "Lesezeit: ca. 4 Minuten",
        "Tempo de leitura: 1 minuto",
        "作者：Ada Lindqvist",
        "記者 Ada Lindqvist",
        "Share this article",
        "Advertisement",
        "Read more",
        "Teilen",
        "Lire la suite",
        "Поделиться",
        "続きを読む",
    ],
)
def test_what_is_not_of_the_text_leaves_it(line: str) -> None:
    """Its title, byline, date or a button, in the languages of the web, above the text; and all of them together."""
    assert cut(line, *BODY) == list(BODY)
    assert cut("Harbour opens", line, "Share", *BODY) == list(BODY)


@pytest.mark.parametrize("line", ["Bo Ek", "Von Ada Lindqvist", "5 May 2024", "Read more", "Anzeige"])
def test_the_end_is_trimmed_too(line: str) -> None:
    """Where a byline may stand as well."""
    assert cut(*BODY, line) == list(BODY)


@pytest.mark.parametrize(
    "line",
    [
        "By the time it opened, the ferry had left.",
        "Ada Lindqvist has run the port for eleven years.",
        "On May 5, 2024 it closed.",
        "The crisis of 2008",
        "Share of the market",
        "More than before",
        "Print is dead",
        "1,200 tonnes",
        "At 10 in 2024",
        "3 minutes to midnight",
        "Published poets",
        "Reading time",
        "…",
    ],
)
def test_what_only_looks_like_it_stays(line: str) -> None:
    """A sentence, a heading, a number."""
    assert cut(line, *BODY) == [line, *BODY]
    assert cut(*BODY, line) == [*BODY, line]


@pytest.mark.parametrize("line", ["Von Ada Lindqvist", "Uppdaterad 15.59 | Publicerad 14.14", "5 May 2024"])
def test_they_stand_below_a_lead_as_well(line: str) -> None:
    """Of a long text; in a short one, such as that of an event, it may be said there. The title never is."""
    assert cut("Ferries are back.", line, *BODY * 4) == ["Ferries are back.", *BODY * 4]
    assert cut("Ferries are back.", line, *BODY) == ["Ferries are back.", line, *BODY]
    assert cut("Ferries are back.", "Harbour opens", line, *BODY) == ["Ferries are back.", line, *BODY]


def test_the_middle_is_left_alone() -> None:
    """A name or date between paragraphs may be a heading or a list's item."""
    lines = (*BODY * 3, "Ada Lindqvist", "Updated: May 5, 2024", "3 min read", "May 5, 2024", "Read more", *BODY * 3)
    assert cut(*lines) == list(lines)


@pytest.mark.parametrize("text", ["", "Share", "Harbour opens", "By Ada Lindqvist\nMay 5, 2024"])
def test_something_is_left_of_every_text(text: str) -> None:
    """A text that is nothing but that stays as it is."""
    assert edges.cut(text, title="Harbour opens", authors=["Ada Lindqvist"]) == text


@pytest.mark.parametrize(
    "label", ["Advertisement", "Ad", "Anzeige", "Passer la publicité", "PUBLICIDADE", "Реклама", "広告"]
)
def test_labels_of_advertisements_go_wherever_they_stand(label: str) -> None:
    """They are of no text; a sentence of them is."""
    assert cut(*BODY * 3, label, *BODY * 3, label) == [*BODY * 6]
    assert cut(*BODY, f"{label} was all there was.", *BODY) == [*BODY, f"{label} was all there was.", *BODY]


def test_the_heading_of_the_page_goes_however_it_is_put() -> None:
    """With the line above its title that pages have in one element with it, and no space between."""
    body = "\n".join(BODY)
    text = f"Ferries after the storm Harbour opens again\n{body}"
    for heading in ("Ferries after the stormHarbour opens again", "Ferries after the storm Harbour opens again"):
        assert edges.cut(text, title="Harbour opens", authors=(), heading=heading) == body
    assert edges.cut(text, title="Harbour opens", authors=(), heading="Westmere News") == text


@pytest.mark.parametrize(
    ("line", "goes"),
    [
        ("Ferries after the storm : Harbour of Westmere opens again", True),
        ("AFTER THE STORMHarbour of Westmere opens again", True),
        ("Home > News > Harbour of Westmere opens again", True),
        ("Westmere opens again", False),
        ("Harbour of Westmere opens again, says its master.", False),
        (f"{'What the council had said all the time came true: ' * 2}Harbour of Westmere opens again", False),
    ],
)
def test_the_title_goes_with_the_words_above_it(line: str, goes: bool) -> None:
    """The whole title, at the end of the first line."""
    text = "\n".join((line, *BODY))
    assert edges.cut(text, title="Harbour of Westmere opens again", authors=()) == ("\n".join(BODY) if goes else text)
    later = "\n".join((BODY[0], text))
    assert edges.cut(later, title="Harbour of Westmere opens again", authors=()) == later


def test_it_goes_without_the_words_above_it() -> None:
    """Which only the title of the feed or the page's head has."""
    text = "\n".join(("Harbour of Westmere opens again", *BODY))
    title = "After the storm: Harbour of Westmere opens again"
    assert edges.cut(text, title=title, authors=()) == "\n".join(BODY)


@pytest.mark.parametrize(
    ("markup", "left"),
    [
        ("<h1>Harbour Opens.</h1>\n<p>It is open.</p>", "\n<p>It is open.</p>"),
        (' <h2 class="t"><a href="/h">Harbour <b>opens</b></a></h2>It is open.', "It is open."),
        ("<h2>Harbour opens again</h2>It is open.", None),
        ("<p>Harbour opens</p>It is open.", None),
        ("It is open.<h2>Harbour opens</h2>", None),
    ],
)
def test_a_feed_s_text_begins_below_its_title(markup: str, left: str | None) -> None:
    """Where that is its heading once more; a first sentence that is the title, too, is text."""
    assert edges.begun(markup, Entry(title="Harbour opens")) == (markup if left is None else left)
    assert edges.begun(markup, Entry()) == markup


def test_its_summary_does_as_well() -> None:
    """Both are cut, so that a summary is still known to be all of the text."""
    markup = "<h1>Harbour opens</h1><p>It is open.</p>"
    article = from_entry(Entry(title="Harbour opens", summary=markup))
    assert (article.text, article.summary) == ("It is open.", None)
    article = from_entry(Entry(title="Harbour opens", summary=markup, content=f"{markup}<p>It was closed.</p>"))
    assert (article.text, article.summary) == ("It is open.\nIt was closed.", "It is open.")


REPLY = '<a href="https://westmere.example/harbour/#comment-12" rel="nofollow">Bo Ek</a>'


@pytest.mark.parametrize("words", ["In reply to {}.", "En réponse à {}.", "Als Antwort auf {}.", "{} への返信。"])
def test_a_comment_begins_below_the_one_it_replies_to(words: str) -> None:
    """In the HTML of a comment's feed, and in its plain text, where the link is markup, in the site's language."""
    url = "https://westmere.example/harbour/#comment-13"
    reply = words.format(REPLY)
    for markup in (f"<p>{reply}</p>\n<p>It is open.<br />\nBo</p>", f"{escape(reply)}\n\nIt is open.\nBo"):
        assert from_entry(Entry(url=url, title="By: Ada", content=markup)).text == "It is open.\nBo"
        article = from_entry(Entry(url=url, title="By: Ada", summary=markup))
        assert (article.text, article.summary) == ("It is open.\nBo", None)


@pytest.mark.parametrize(
    ("url", "markup"),
    [
        ("https://westmere.example/ferries", f"<p>In reply to {REPLY}.</p><p>It is open.</p>"),
        (
            "https://westmere.example/harbour/#comment-13",
            f"<p>I agree with {REPLY}, but not with all that follows from it.",
        ),
        (
            "https://westmere.example/harbour/#comment-13",
            '<p>In reply to <a href="/ada">Ada</a>.</p><p>It is open.</p>',
        ),
    ],
)
def test_what_links_to_a_comment_stays(url: str, markup: str) -> None:
    """In a post of its own, in a sentence, and where it is another link."""
    assert edges.begun(markup, Entry(url=url)) == markup
