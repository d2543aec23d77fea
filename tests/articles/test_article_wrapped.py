"""wrapped.py: paragraphs that were wrapped become a line each; everything else keeps its lines."""

from __future__ import annotations

import textwrap

import pytest

from tests.cost import within
from worker.articles import from_entry, from_page, plain
from worker.articles.wrapped import unwrapped
from worker.dedup import content_hash, revision_key
from worker.model import Article, Entry

ONE = (
    "The harbour of Westmere opened again on Monday after three weeks of dredging, and the first ferry left at dawn "
    "with everybody who had waited for it. Crews had taken forty thousand tonnes of silt from the channel, said the "
    "harbour master, who has run the port for eleven years and had asked for the work since the spring floods."
)
TWO = (
    "Die Fischer kamen am Nachmittag zurück; sie sagen, dass die Sperre sie die halbe Saison gekostet hat und dass von "
    "dem Geld, das ihnen der Rat im Frühjahr versprochen hatte, bis heute noch nichts bei ihnen angekommen ist."
)
SHORT = "The council meets on Thursday to decide whether the channel is to be dredged again."


def wrapped(text: str, width: int = 72, indent: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


@pytest.mark.parametrize("width", [55, 64, 72, 78, 98])
def test_paragraphs_of_a_plain_text_become_lines(width: int) -> None:
    """At every width that mail programs wrap at; one of two lines is told by the width of the others."""
    digest = "\n\n".join(["Harbour news", *(wrapped(text, width) for text in (ONE, TWO, SHORT)), "-- \nAda"])
    assert plain.lines(digest) == "\n".join(["Harbour news", ONE, TWO, SHORT, "--", "Ada"])


@pytest.mark.parametrize(
    "markup",
    [
        pytest.param(f"<p>News</p><pre>{wrapped(ONE)}\n\n{wrapped(TWO)}</pre>", id="pre"),
        pytest.param(f"News<br><br>{wrapped(ONE)}\n\n{wrapped(TWO)}".replace("\n", "<br>\n"), id="breaks"),
        pytest.param(f"<p>News</p>{wrapped(ONE)}<p>{wrapped(TWO)}", id="the source's own lines, which were none"),
    ],
)
def test_paragraphs_of_a_feed_become_lines(markup: str) -> None:
    """Whatever the feed made its lines with. The words stay the same, so nothing that is known counts as changed."""
    article = from_entry(Entry(title="Harbour", content=markup))
    assert (article.text, article.extractor) == (f"News\n{ONE}\n{TWO}", "feedmill-plain-5")
    before = Article(extraction="skipped", title="Harbour", text=f"News\n{wrapped(ONE)}\n{wrapped(TWO)}")
    assert content_hash(article.text) == content_hash(before.text)
    assert revision_key(article) == revision_key(before)


def test_paragraphs_of_a_plain_page_become_lines() -> None:
    """An archive's e-mail, with its headers and what it quotes."""
    quoted = "\n".join(f"> {line}" for line in wrapped(TWO, 70).splitlines())
    mail = f"From: ada@westmere.example\nSubject: Harbour\n\n{wrapped(ONE)}\n\nBob wrote:\n{quoted}\n"
    page = from_page(mail.encode(), url="https://a.example/1", content_type="text/plain; charset=utf-8", entry=None)
    assert page.text.splitlines() == [*mail.splitlines()[:2], ONE, "Bob wrote:", *quoted.splitlines()]


def test_items_become_lines_each() -> None:
    """With a hanging indent or without; a first line may be indented, too."""
    items = [f"* {ONE}", f"2. {TWO}", f"- {SHORT}"]
    text = "\n".join(wrapped(item, 72, "  ") for item in items)
    assert plain.lines(text) == "\n".join(items)
    assert plain.lines("\n".join(wrapped(f"    {text}", 72, "") for text in (ONE,))) == ONE


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "for line in lines_of_the_file_that_was_read:\n    if line and not line.startswith('# from the source'):\n"
            "        found.append(line.strip() if line.endswith('as it was') else line)\nreturn found or a_default",
            id="code",
        ),
        pytest.param(
            "set service dhcp-server shared-network-name LAN subnet 10.32.0.0 start\n"
            "set service dhcp-server shared-network-name LAN subnet 10.32.0.0 stop\n"
            "set service dhcp-server shared-network-name LAN subnet 10.32.0.0 route",
            id="commands",
        ),
        pytest.param(
            "Harbour of Westmere Opens Again After Three Weeks of Dredging\n"
            "Fishing Boats Are Back, But Their Owners Have Not Been Paid\n"
            "Council to Decide on Thursday Whether the Channel Is Dredged",
            id="headlines",
        ),
        pytest.param(
            "The harbour is open again after three weeks of work on it.\nThe first ferry has left at dawn, and it was "
            "full of people.\nThe owners of the boats say they have not been paid yet.",
            id="short paragraphs",
        ),
        pytest.param(
            "and so we went down to the harbour\nwhere the ferry was to leave\nfor the island in the morning\n" * 3,
            id="verse",
        ),
        pytest.param(
            "the ferry to the island     the first at six     the last at ten\n"
            "the ferry to the mainland   the first at seven   the last at nine",
            id="columns",
        ),
        pytest.param(
            "港は三週間の浚渫工事を終えて再び開かれ、最初のフェリーは月曜日の夜明けに出港しました。これは長い段落です。\n"
            * 4,
            id="no spaces",
        ),
    ],
)
def test_what_was_not_wrapped_keeps_its_lines(text: str) -> None:
    """Alone, and beside a paragraph that tells how wide lines are."""
    lines = text.splitlines()
    assert list(unwrapped(lines)) == lines
    beside = list(unwrapped([*lines, "", *wrapped(ONE).splitlines()]))
    assert beside == [*(line.rstrip() for line in lines), ONE]


def test_long_texts_are_soon_read() -> None:
    """In linear time, wrapped or not."""
    with within(seconds=1.0):
        plain.lines("\n\n".join([wrapped(ONE)] * 2_000))
        plain.lines((wrapped(ONE) + "\n") * 2_000)
