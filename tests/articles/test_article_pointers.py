"""pointers.py: lines that lead on, in a page's text and at the end of a feed's."""

from __future__ import annotations

import pytest

from tests.articles.conftest import PARAGRAPHS, MakePage
from tests.cost import within
from worker.articles import from_entry, from_page, pointers
from worker.model import Entry

ONE, TWO, THREE, FOUR = PARAGRAPHS
LINK = '<a href="/other">Another harbour is closed for the winter, says its master</a>'


def lines(html: str) -> list[str]:
    article = from_page(html.encode(), url="https://site.example/a", content_type="text/html", entry=None)
    return article.text.split("\n")


@pytest.mark.parametrize(
    "pointer",
    [
        f"<p>Read more: {LINK}</p>",
        f"<p><strong>RELATED:</strong> {LINK}</p>",
        f"<p>ALSO READ | {LINK}</p>",
        f"<p>À lire aussi {LINK}</p>",
        f"<p>Lesen Sie auch: {LINK}</p>",
        f"<p>Czytaj też: {LINK}</p>",
        f"<p>Читайте также: {LINK}</p>",
        f"<p>Baca juga: {LINK}</p>",
        f"<p>اقرأ أيضاً: {LINK}</p>",
        f"<p>関連記事：{LINK}</p>",
        f"<p>See also: {LINK}</p>",
        f"<p>DON'T MISS</p><p>{LINK} [VIDEO]</p><p>{LINK} [INSIGHT]</p>",
        f"<p>Read more</p><p>{LINK}</p>",
        f"<p>Czytaj więcej</p><h4>{LINK}</h4><p>The master of that harbour told reporters on Sunday that the ic...</p>",
    ],
)
def test_what_points_to_other_articles_leaves_the_text(make_page: MakePage, pointer: str) -> None:
    """Amid an article: the label, and what stands on its line or below it."""
    html = make_page().replace(f"<p>{THREE}</p>", f"{pointer}<p>{THREE}</p>")
    assert lines(html) == list(PARAGRAPHS)


@pytest.mark.parametrize(
    "line",
    [
        "Read more: the council's report has four hundred pages.",
        'Related <a href="/o">research</a> of the port authority shows that silt returns within two winters or less.',
        'More on Monday, when <a href="/o">the council</a> meets; it wants to hear the owners of all boats first.',
        "Related",
        "Read more",
    ],
)
def test_what_only_looks_like_it_stays(make_page: MakePage, line: str) -> None:
    """Sentences, and labels below which the article goes on."""
    html = make_page().replace(f"<p>{THREE}</p>", f"<p>{line}</p><p>{THREE}</p>")
    assert len(lines(html)) == 5


def test_sections_of_a_wiki_stay(make_page: MakePage) -> None:
    """Its "See also" is a list that belongs to it."""
    items = "".join(f'<li><a href="/{name}">The harbour of {name}</a></li>' for name in ("Eastmere", "Northmere"))
    html = make_page().replace("</article>", f"<h2>See also</h2><ul>{items}</ul><p>{ONE} Again.</p></article>")
    assert lines(html)[4] == "See also"


@pytest.mark.parametrize("label", ["You may also like:", "Mehr Themen:", "Czytaj też:", "Ein Beitrag von:", "関連記事"])
def test_a_label_at_the_end_goes(make_page: MakePage, label: str) -> None:
    """What it led to is not in the text."""
    assert lines(make_page().replace("</article>", f"<p>{label}</p></article>")) == list(PARAGRAPHS)


ENDS = {
    "The ferry left... Read more": "The ferry left...",
    "The ferry left […] Weiterlesen →": "The ferry left […]",
    "The ferry left … Continue reading Ferries are back →": "The ferry left …",
    "The ferry left at Read More": "The ferry left at…",
    "The ferry left.\nRead more": "The ferry left.",
    "The ferry left.\n(more…)": "The ferry left.",
    "A ferry left. Lire la suite": "A ferry left.",
    "A ferry left.\nContinue reading on Westmere Weekly »": "A ferry left.",
}
FEEDS_OWN = (
    "The post Ferries are back appeared first on Westmere News.",
    "The post Ferries are back first appeared on Westmere News.",
    "Der Beitrag Fähren fahren wieder erschien zuerst auf Westmere.",
    "L’article Les ferries sont de retour est apparu en premier sur Westmere.",
    "La entrada Los ferris vuelven aparece primero en Westmere.",
    "L'articolo I traghetti proviene da Westmere.",
    "Artykuł Promy wróciły pochodzi z serwisu Westmere.",
    "Сообщение Паромы вернулись появились сначала на Westmere.",
    "投稿 フェリー再開 は Westmere に最初に表示されました。",
    "Ferries are back was originally published in Westmere on Medium, where people are continuing the conversation.",
    "74 posts - 43 participants",
    "Comments",
    "[link] [comments]",
    "submitted by /u/ada",
)


@pytest.mark.parametrize(("said", "left"), ENDS.items(), ids=ENDS.keys())
def test_what_leads_to_the_rest_of_a_text(said: str, left: str) -> None:
    """It goes, and what is left shows that there is more; with a link of the feed below it, too."""
    assert pointers.without_end(said) == (left, True)
    assert pointers.without_end(f"{said}\n{FEEDS_OWN[0]}") == (left, True)


@pytest.mark.parametrize("line", FEEDS_OWN)
def test_what_a_feed_says_below_an_entry(line: str) -> None:
    """Text and summary come without it, an entry that has nothing else without text."""
    entry = Entry(title="Ferries are back", content=f"<p>{ONE}</p><p>{TWO}</p><p>{line}</p>", summary=f"{ONE}<p>{line}")
    article = from_entry(entry)
    assert (article.text, article.summary) == (f"{ONE}\n{TWO}", ONE)
    nothing = from_entry(Entry(title="Ferries are back", content=f"<p>{line}</p>"))
    assert (nothing.text, nothing.extraction) == ("", "failed")


@pytest.mark.parametrize(
    "text",
    [
        "You can read more about both in my guide.",
        "He told me to read more",
        "And so on …",
        "The post office is closed.",
    ],
)
def test_other_ends_stay(text: str) -> None:
    """Sentences that say the same words."""
    assert pointers.without_end(text) == (text, False)


def test_an_end_is_looked_for_at_the_end() -> None:
    """However long a line is that looks like one all over."""
    for text in (
        "Read more! " * 200_000 + "x",
        "-" * 2_000_000 + "x",
        "Comments\n" * 200_000,
        "… read more " * 200_000,
    ):
        with within(1):
            pointers.without_end(text)
