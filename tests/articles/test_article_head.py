"""head.py: meta, link and time elements."""

from __future__ import annotations

import pytest
from lxml.html import document_fromstring

from worker.articles import head
from worker.articles.head import Head

URL = "https://news.example/2024/harbour"


def read(markup: str, body: str = "") -> Head:
    return head.read(document_fromstring(f"<html><head>{markup}</head><body>x{body}</body></html>"), URL)


def test_meta_is_read_by_property_name_and_itemprop() -> None:
    """In lower case, each value once, in document order; empty ones are none."""
    page = read(
        '<meta property="og:title" content="A"><meta name="OG:Title" content="B"><meta property="og:title" content="A">'
        '<meta itemprop="datePublished" content="2024"><meta name="author" content=" "><meta charset="utf-8">'
    )
    assert page.meta["og:title"] == ("A", "B")
    assert page.first("nothing", "author", "datepublished") == "2024"
    assert page.first("nothing") is None


def test_a_flood_of_meta_is_bounded() -> None:
    """No more than a hundred values of one name are kept."""
    page = read("".join(f'<meta property="article:tag" content="{n}">' for n in range(1000)))
    assert len(page.meta["article:tag"]) == 100


@pytest.mark.parametrize(
    ("markup", "canonical"),
    [
        pytest.param('<link rel="canonical" href="https://news.example/a">', "https://news.example/a", id="absolute"),
        pytest.param('<link rel="Canonical nofollow" href="/a">', "https://news.example/a", id="relative"),
        pytest.param('<base href="/x/"><link rel="canonical" href="a">', "https://news.example/x/a", id="to the base"),
        pytest.param(
            '<base href="data:x"><link rel="canonical" href="a">', "https://news.example/2024/a", id="bad base"
        ),
        pytest.param('<link rel="canonical" href="javascript:x">', None, id="no address"),
        pytest.param('<link rel="canonical">', None, id="no href"),
        pytest.param('<a rel="canonical" href="/a">x</a>', None, id="not a link element"),
        pytest.param('<link rel="amphtml" href="/a">', None, id="another relation"),
    ],
)
def test_the_canonical_link_is_resolved(markup: str, canonical: str | None) -> None:
    """Against the page's base; only http(s) addresses count."""
    assert read(markup).canonical == canonical


@pytest.mark.parametrize("markup", ['<link rel="license" href="/by">', '<a rel="license nofollow" href="/by">CC</a>'])
def test_a_license_is_linked_in_head_or_text(markup: str) -> None:
    """rel=license, on either kind of link."""
    assert read("", markup).license == "https://news.example/by"


def test_json_ld_scripts_are_collected() -> None:
    """Those with the type, whatever its parameters; not other scripts, not empty ones."""
    page = read(
        '<script type="application/ld+json">1</script><script>2</script>'
        '<script type="Application/LD+JSON; charset=utf-8">3</script><script type="application/ld+json"></script>'
    )
    assert page.scripts == ("1", "3")


@pytest.mark.parametrize(("attributes", "language"), [('lang="de"', "de"), ('xml:lang="fr"', "fr"), ("", None)])
def test_the_language_is_that_of_the_root(attributes: str, language: str | None) -> None:
    """`lang`, or XHTML's `xml:lang`."""
    assert head.read(document_fromstring(f"<html {attributes}><body>x</body></html>"), URL).language == language


@pytest.mark.parametrize(
    ("body", "heading"),
    [("<h1>One <b>only</b></h1>", "One only"), ("<h1>One</h1><h1>Two</h1>", None), ("<h1> </h1>", None), ("", None)],
)
def test_the_heading_is_the_only_h1(body: str, heading: str | None) -> None:
    """Of several it is not known which is the article's."""
    assert read("", body).heading == heading


@pytest.mark.parametrize(
    ("body", "time"),
    [
        pytest.param('<time datetime="1">x</time>', "1", id="the only one"),
        pytest.param('<time datetime="1">x</time><time datetime="2" itemprop="datePublished">', "2", id="itemprop"),
        pytest.param('<time datetime="1">x</time><time class="Entry-Date" datetime="2">', "2", id="class"),
        pytest.param('<time datetime="1">x</time><time pubdate datetime="2">', "2", id="pubdate"),
        pytest.param('<time datetime="1"></time><main><time datetime="2"></main>', "2", id="the article's only one"),
        pytest.param('<time datetime="1"></time><time datetime="2"></time>', None, id="no telling which"),
        pytest.param("<time>today</time>", None, id="without a datetime"),
    ],
)
def test_the_time_is_the_likeliest_one(body: str, time: str | None) -> None:
    """One that is marked, or stands alone; neighbours' dates are not taken."""
    assert read("", body).time == time
