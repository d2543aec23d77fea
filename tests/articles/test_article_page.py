"""page.py and feed.py: whose text is taken, and why it is not the page's."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import orjson
import pytest

from tests.cost import within
from worker.articles import from_entry, from_page
from worker.model import Article, Entry, Extraction, FullText

URL = "https://news.example/2024/harbour"
WORDS = "The harbour opened again after three weeks of dredging and the first ferry left at dawn on Monday. "
FULL = Entry(title="Harbour", content=f"<p>{WORDS * 10}</p>")
TEASER = Entry(title="Harbour", summary="<p>The harbour opened.</p>")

MakePage = Callable[..., str]


def read(
    html: str | bytes, entry: Entry | None = None, content_type: str | None = "text/html", full_text: FullText = "auto"
) -> Article:
    body = html.encode() if isinstance(html, str) else html
    return from_page(body, url=URL, content_type=content_type, entry=entry, full_text=full_text)


def test_the_text_is_the_article_without_what_surrounds_it(make_page: MakePage, paragraphs: tuple[str, ...]) -> None:
    """A paragraph is a line; navigation and footer are gone; the maker of the text is named."""
    article = read(make_page("<title>Harbour</title>"), TEASER)
    assert article.text == "\n".join(paragraphs)
    assert (article.extraction, article.reason, article.sources["content_text"]) == ("ok", None, "page")
    assert (article.extractor or "").startswith("trafilatura-2.")


def test_a_first_line_that_repeats_the_title_is_dropped(make_page: MakePage, paragraphs: tuple[str, ...]) -> None:
    """However it is written; a first line that says anything else stays."""
    headed = make_page("<title>Harbour</title>", paragraphs=("HARBOUR.", *paragraphs))
    assert read(headed, TEASER).text == "\n".join(paragraphs)
    other = make_page("<title>Harbour</title>", paragraphs=("Harbour, again.", *paragraphs))
    assert read(other, TEASER).text.startswith("Harbour, again.")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Der Hafen ist nach drei Wochen wieder geöffnet, und die erste Fähre ist am Montag ausgelaufen."),
        ("ru", "Порт снова открыт после трёх недель работ, и первый паром ушёл в понедельник на рассвете."),
        ("ja", "港は三週間の浚渫工事を終えて再び開かれ、最初のフェリーは月曜日の夜明けに出港しました。"),
        ("ar", "أعيد فتح الميناء بعد ثلاثة أسابيع من أعمال التجريف وغادرت أول عبارة فجر يوم الاثنين."),
        ("el", "Το λιμάνι άνοιξε ξανά μετά από τρεις εβδομάδες και το πρώτο πλοίο έφυγε τη Δευτέρα."),
        ("th", "ท่าเรือเปิดอีกครั้งหลังจากการขุดลอกเป็นเวลาสามสัปดาห์ และเรือข้ามฟากลำแรกออกเดินทางในวันจันทร์"),
    ],
)
def test_texts_of_any_language_are_taken(language: str, sentence: str, make_page: MakePage) -> None:
    """Scripts with and without spaces, from left or right."""
    html = make_page(html=f' lang="{language}"', paragraphs=tuple(f"{n}. {sentence}" for n in range(6)))
    article = read(html)
    assert article.text.splitlines() == [f"{n}. {sentence}" for n in range(6)]
    assert article.language == language


def test_the_text_is_clean(make_page: MakePage) -> None:
    """NFC, no soft hyphens, no controls: what a reader sees."""
    dirty = (
        "Der Cafe\u0301besitzer\x00 hat die Straßen\u00adbahn\x0b am Montag\u00a0früh verpasst, sagt er selbst." * 2,
    ) * 3
    text = read(make_page(paragraphs=dirty)).text
    assert "Der Cafébesitzer hat die Straßenbahn am Montag früh verpasst" in text


def test_comments_are_no_part_of_the_article(make_page: MakePage) -> None:
    """What readers wrote below stays out."""
    html = make_page().replace(
        "</article>",
        '</article><div id="comments" class="comments"><p>First! All of this is wrong, as it has been.</p></div>',
    )
    assert "First!" not in read(html).text


@pytest.mark.parametrize(
    ("entry", "full_text", "expected", "source"),
    [
        pytest.param(FULL, "auto", "feed_only", "feed", id="the feed has much more"),
        pytest.param(FULL, "always", "ok", "page", id="the page is wanted whatever it has"),
        pytest.param(TEASER, "auto", "ok", "page", id="the feed has a teaser"),
        pytest.param(Entry(content=WORDS * 3), "auto", "feed_only", "feed", id="the feed has twice as much"),
        pytest.param(Entry(content=WORDS * 2), "auto", "ok", "page", id="the feed has less than an article"),
        pytest.param(None, "auto", "ok", "page", id="no feed"),
    ],
)
def test_the_feeds_content_is_witness(
    entry: Entry | None, full_text: FullText, expected: Extraction, source: str
) -> None:
    """A page that gives less than half of what the feed carries is not the article."""
    stub = "<html><body><article><p>The harbour opened again. Much more of it is elsewhere.</p></article></body></html>"
    article = read(stub, entry, full_text=full_text)
    assert (article.extraction, article.sources["content_text"]) == (expected, source)
    assert (article.reason is None) == (expected == "ok")
    if source == "feed":
        assert article.text.startswith(WORDS.strip())
        assert article.reason is not None
        assert article.reason.startswith("the page has 10 words, the feed ")


def test_a_page_of_about_the_feeds_length_leads(make_page: MakePage, paragraphs: tuple[str, ...]) -> None:
    """The feed's full content does not replace a page that has it too."""
    entry = Entry(content="".join(f"<p>{p}</p>" for p in paragraphs) + "<p>More from us: read also this and that.</p>")
    assert read(make_page(), entry).text == "\n".join(paragraphs)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(FULL, "feed_only", id="the feed has it"),
        pytest.param(Entry(title="x"), "failed", id="nobody has it"),
        pytest.param(None, "failed", id="no feed"),
    ],
)
@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        pytest.param(b"%PDF-1.7\n\x00\x01", "text/html", "the page is application/pdf", id="PDF"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00", None, "the page is image/png", id="image"),
        pytest.param(b"", "text/html", "the page is empty", id="empty"),
        pytest.param(b" \r\n", "text/html", "the page is empty", id="white space"),
        pytest.param(b"\x01\x02\x03" * 99, "text/html", "the page is not HTML", id="noise"),
        pytest.param(
            b"<html><body><div id=app></div><script src=x></script></body></html>",
            None,
            "the page needs JavaScript",
            id="shell",
        ),
    ],
)
def test_pages_without_an_article_give_the_feeds_content(
    body: bytes, content_type: str | None, reason: str, entry: Entry | None, expected: Extraction
) -> None:
    """With the reason; where the feed carries nothing either, the article failed for it."""
    article = read(body, entry, content_type)
    assert (article.extraction, article.reason) == (expected, reason)
    assert bool(article.text) == (expected == "feed_only")
    assert (article.extractor is None) == (expected == "failed")


def test_plain_text_is_taken_as_it_is() -> None:
    """A page of text/plain is its own text; markup in it is text."""
    article = read("One  line\r\n\r\nAnother <b>line</b>\n", TEASER, "text/plain; charset=utf-8")
    assert (article.text, article.extraction) == ("One line\nAnother <b>line</b>", "ok")
    assert article.title == "Harbour"


def test_html_under_text_plain_is_html(make_page: MakePage, paragraphs: tuple[str, ...]) -> None:
    """Servers get it wrong."""
    assert read(make_page(), content_type="text/plain").text == "\n".join(paragraphs)


def test_the_charset_of_http_counts(make_page: MakePage) -> None:
    """From the header to the text."""
    sentence = "Порт снова открыт после трёх недель работ, и первый паром ушёл в понедельник на рассвете."
    body = make_page(paragraphs=(sentence,) * 4).encode("koi8-r")
    assert read(body, content_type="text/html; charset=koi8-r").text.startswith(sentence)


def test_metadata_of_the_page_stays_with_the_feeds_text() -> None:
    """A page that has no text may still say who wrote the article, and when."""
    html = (
        '<html><head><meta name="author" content="Ada Lindqvist">'
        '<meta property="article:published_time" content="2024-05-01T10:00:00Z"></head>'
        "<body><div></div><script>x</script></body></html>"
    )
    article = read(html, FULL)
    assert article.extraction == "feed_only"
    assert [author.name for author in article.authors] == ["Ada Lindqvist"]
    assert article.published == 1_714_557_600_000


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<html><body>" + "<div>" * 100_000 + "deep", id="deep nesting"),
        pytest.param("<html><body>_Incapsula_Resource?" * 20_000, id="half a challenge"),
        pytest.param("<html><body>" + f"<div><h2><a href=/x>{WORDS}</a></h2></div>" * 3000, id="headings"),
        pytest.param("<html><title>" + "a - " * 100_000 + "</title><body><p>x", id="a title"),
        pytest.param("<html><body>" + "<b>" * 3000 + "bold", id="unclosed elements"),
        pytest.param("<html><body>" + "<!--" * 50_000 + "x", id="comments that never end"),
        pytest.param("<html><body><p " + " ".join(f"a{n}=1" for n in range(5000)) + ">x</p>", id="attributes"),
        pytest.param("<html><body>" + "<table><tr><td>" * 200 + "x", id="tables in tables"),
        pytest.param("<html><body><p>" + "&" * 200_000, id="ampersands"),
        pytest.param("\x00" * 1000 + "<html><body><p>" + WORDS * 9 + "\x00", id="NUL"),
        pytest.param(
            '<html><script type="application/ld+json">' + "[" * 100_000 + "</script><p>" + WORDS, id="JSON-LD"
        ),
        pytest.param('<html><base href="http://[x"><link rel=canonical href="http://[x"><p>' + WORDS, id="addresses"),
        pytest.param(
            '<html lang="&#xD800;"><meta property="og:title" content="&#xD800;\ufffe"><p>' + WORDS, id="surrogates"
        ),
        pytest.param(
            '<html><script type="application/ld+json">{"@type":"Article","headline":"\\ud800","image":"http://a/\\udfff","author":{"name":"\\ud800x","url":"http://a/\\ud800"}}</script><p>'
            + WORDS,
            id="surrogates in JSON-LD",
        ),
    ],
)
def test_hostile_pages_come_back_as_plain_values(html: str) -> None:
    """In little time, picklable, and as text that JSON takes."""
    with within(3):
        article = read(html, TEASER)
    assert pickle.loads(pickle.dumps(article)) == article  # noqa: S301  # our own
    orjson.dumps(article)


@pytest.mark.parametrize(
    ("entry", "reason", "expected"),
    [
        pytest.param(FULL, None, ("skipped", None), id="no page was asked for"),
        pytest.param(FULL, "the page answered 404", ("feed_only", "the page answered 404"), id="the page can't be had"),
        pytest.param(Entry(title="x"), "the page answered 404", ("failed", "the page answered 404"), id="neither"),
        pytest.param(Entry(title="x"), None, ("failed", "the feed carries no text"), id="a link alone"),
        pytest.param(Entry(content="<img src=x>"), None, ("failed", "the feed carries no text"), id="a picture alone"),
    ],
)
def test_the_feed_alone(entry: Entry, reason: str | None, expected: tuple[Extraction, str | None]) -> None:
    """What there is without a page is said by `extraction` and `reason`."""
    article = from_entry(entry, reason=reason)
    assert (article.extraction, article.reason) == expected
    assert (article.extractor, "content_text" in article.sources) == (
        (None, False) if expected[0] == "failed" else ("feedmill-plain-5", True)
    )


def test_the_longest_text_of_the_feed_is_the_article() -> None:
    """Content before summary; a summary that is the whole text is not repeated as its own summary."""
    both = from_entry(Entry(summary="<p>Short.</p>", content="<p>Long&nbsp;one.</p><p>Two.</p>"))
    assert (both.text, both.summary) == ("Long one.\nTwo.", "Short.")
    one = from_entry(Entry(summary="<p>All</p><p>there is.</p>"))
    assert (one.text, one.summary) == ("All\nthere is.", None)
    assert "summary" not in one.sources


def test_a_summary_of_a_feed_is_more_than_its_text_s_beginning() -> None:
    """Some feeds state the whole text twice, or most of it; a few sentences of it are a summary."""
    text = "\n".join(f"{n}. {WORDS.strip()}" for n in range(200))
    whole = f"<p>{text.replace(chr(10), '</p><p>')}</p>"
    for summary, kept in ((text[:300], True), (text[:3000], False), (text, False), (f"Not so. {text[:3000]}", True)):
        article = from_entry(Entry(summary=f"{summary}", content=f"{whole}<p>The end.</p>"))
        assert article.text == f"{text}\nThe end."
        assert (article.summary is not None, "summary" in article.sources) == (kept, kept)
