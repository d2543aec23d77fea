"""fields.py: what is stated, made clean."""

from __future__ import annotations

import pytest

from worker.articles import fields
from worker.model import Author


@pytest.mark.parametrize(
    ("stated", "site", "shorter", "expected"),
    [
        pytest.param("Harbour opens", None, (), "Harbour opens", id="as it is"),
        pytest.param("Harbour opens | Westmere News", "Westmere News", (), "Harbour opens", id="the site's name"),
        pytest.param("Harbour opens - WESTMERE news", "Westmere News", (), "Harbour opens", id="in another case"),
        pytest.param("Harbour opens | Westmere | by Ada", "Westmere", (), "Harbour opens", id="more behind the name"),
        pytest.param("港が再開｜西港新聞", "西港新聞", (), "港が再開", id="a wide separator"),
        pytest.param("The anti-Westmere-law", "Westmere", (), "The anti-Westmere-law", id="a hyphenated word"),
        pytest.param("Westmere News", "Westmere News", (), "Westmere News", id="the site's name alone"),
        pytest.param("| Westmere News", "Westmere News", (), "| Westmere News", id="after nothing"),
        pytest.param("Why I left Westmere", "Westmere", (), "Why I left Westmere", id="a name in the sentence"),
        pytest.param("Harbour opens – Sea – Daily", None, (None, "Harbour opens"), "Harbour opens", id="a heading"),
        pytest.param(
            "Harbour opens again", None, ("Harbour opens",), "Harbour opens again", id="a heading that says less"
        ),
        pytest.param(
            "Sport - The harbour opens again",
            None,
            ("The harbour opens again",),
            "The harbour opens again",
            id="a rubric ahead",
        ),
        pytest.param(
            "Ferries: The harbour opens again",
            None,
            ("The harbour opens again",),
            "Ferries: The harbour opens again",
            id="a colon ahead",
        ),
        pytest.param(
            "Westmere - Harbour opens",
            None,
            ("Harbour opens",),
            "Westmere - Harbour opens",
            id="a short heading behind",
        ),
        pytest.param("Harbour &amp; sea", None, (), "Harbour & sea", id="escaped twice"),
        pytest.param(" ", "x", (), None, id="nothing"),
        pytest.param(None, None, (), None, id="none"),
    ],
)
def test_titles_lose_what_is_appended(
    stated: str | None, site: str | None, shorter: tuple[str | None, ...], expected: str | None
) -> None:
    """The site's name and rubrics behind a separator go; words of the title stay."""
    assert fields.title(stated, site=site, shorter=shorter) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("Harbour opens | westmere.example", "Harbour opens"),
        ("Harbour opens - The ferry, too - Westmere Weekly", "Harbour opens - The ferry, too"),
        ("Harbour opens ⋆ Westmere-Weekly.com", "Harbour opens"),
        ("Harbour opens – in Westmere Weekly’s words", None),
        ("Westmere", None),
    ],
)
def test_titles_lose_what_the_site_s_address_says(stated: str, expected: str | None) -> None:
    """Where it states no name of its own, or another form of it, at the end alone."""
    found = fields.title(stated, site="Westmere", shorter=(), named=("westmere.example", "westmere", "Westmere Weekly"))
    assert found == (expected or stated)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Westmere Days » Blog Archive » The harbour is open", "The harbour is open"),
        ("The harbour is open : Westmere Days", "The harbour is open"),
        ("The harbour is open.", "The harbour is open"),
        ("The ferry is back | Westmere Days", None),
        ("Westmere Days", None),
        ("Westmere Days | Sea", None),
        ("", None),
        (None, None),
    ],
)
def test_a_heading_is_known_by_the_title(head: str | None, expected: str | None) -> None:
    """Whichever it is: of weblogs the first is the site's own name."""
    headings = ("Westmere Days", "The harbour is open", "No comments")
    assert fields.titled(head, headings, named=("westmeredays",)) == expected


def test_names_and_tags_come_once_and_are_bounded() -> None:
    """Whatever their case; the first form stays, and its address."""
    found = fields.authors([Author(name="Ada  Ek", url="https://a.example/"), Author(name="ADA EK"), Author(name=" ")])
    assert found == (Author(name="Ada Ek", url="https://a.example/"),)
    assert fields.tags(["Sea", "sea", "", "Port\n City"]) == ("Sea", "Port City")
    assert len(fields.authors(Author(name=f"N {n}") for n in range(99))) == fields.MAX_AUTHORS
    assert len(fields.tags(str(n) for n in range(99))) == fields.MAX_TAGS


@pytest.mark.parametrize(
    ("meta", "names"),
    [
        pytest.param({"author": ("Ada Ek; Bo Ek",)}, ["Ada Ek", "Bo Ek"], id="a list in one"),
        pytest.param({"author": ("admin",), "dc.creator": ("Ada Ek",)}, ["Ada Ek"], id="after an account's name"),
        pytest.param({"article:author": ("https://facebook.com/ada", "Ada Ek")}, ["Ada Ek"], id="after an address"),
        pytest.param({"author": ("松岡大地",)}, ["松岡大地"], id="a script without spaces"),
        pytest.param({"title": ("Ada Ek",)}, [], id="something else"),
    ],
)
def test_meta_authors_are_names(meta: dict[str, tuple[str, ...]], names: list[str]) -> None:
    """Addresses and single words are no authors."""
    assert [author.name for author in fields.meta_authors(meta)] == names


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("EN_gb", "en-GB"),
        ("zh-hant-TW", "zh-Hant-TW"),
        ("de", "de"),
        (" fr-FR ", "fr-FR"),
        ("de-1996", "de-1996"),
        ("German", None),
        ("", None),
        (None, None),
        ("x" * 999, None),
    ],
)
def test_languages_are_tags(stated: str | None, expected: str | None) -> None:
    """BCP 47 in its recommended case, or nothing."""
    assert fields.language(stated) == expected


URL = "https://www.news.example/2024/harbour?utm_source=rss"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param("https://news.example/harbour?utm_source=x", "https://news.example/harbour", id="without www"),
        pytest.param("https://m.news.example/harbour", "https://m.news.example/harbour", id="the mobile site"),
        pytest.param("https://amp.news.example/harbour", "https://amp.news.example/harbour", id="AMP"),
        pytest.param("https://www.news.example/", None, id="the front page"),
        pytest.param("https://other.example/harbour", None, id="another site"),
        pytest.param("https://blog.news.example/harbour", None, id="another host of the site"),
        pytest.param("http://[bad", None, id="no address"),
        pytest.param(None, None, id="none"),
    ],
)
def test_a_canonical_url_is_believed_on_the_same_site(stated: str | None, expected: str | None) -> None:
    """And only where it is not the front page."""
    assert fields.canonical_url(stated, URL) == expected


def test_a_page_without_an_address_has_no_canonical_url() -> None:
    """There is nothing to compare it to."""
    assert fields.canonical_url("https://news.example/a", "") is None


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("The harbour is open. Weiterlesen →", "The harbour is open."),
        ("The harbour is … Continue reading →", "The harbour is …"),
        (
            "Open after three weeks, says its master. Open after three weeks, says its master.",
            "Open after three weeks, says its master.",
        ),
        ("Hear, hear! Hear, hear!", "Hear, hear! Hear, hear!"),
        ("", None),
        (None, None),
    ],
)
def test_summaries(stated: str | None, expected: str | None) -> None:
    """Without what leads on to the article, and once."""
    assert fields.summary(stated) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param(["Sea", "Uncategorized", "Non classé", "未分類"], ("Sea",), id="filed nowhere"),
        pytest.param(
            ["Category: Sea", "Section: News:Ports", "WC: 1000-1999", "Tide"], ("Sea", "Ports", "Tide"), id="keyed"
        ),
        pytest.param(["Alien: Covenant", "Film"], ("Alien: Covenant", "Film"), id="a colon of its own"),
        pytest.param(["26157981-b4f7-4929-adc1-e860c6f03636", "Sea"], ("Sea",), id="for machines"),
    ],
)
def test_tags_are_words_for_readers(stated: list[str], expected: tuple[str, ...]) -> None:
    """What says that there is none, and what only machines take, goes; of what has a key, the value stays."""
    assert fields.tags(stated) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("Beauty,Weddings", "Beauty"),
        ("Business, Finance, & Economics", "Business, Finance, & Economics"),
        ("Top 1,000", "Top 1,000"),
        (None, None),
    ],
)
def test_one_section(stated: str | None, expected: str | None) -> None:
    """The first of several that are joined; one that has a comma is one."""
    assert fields.section(stated) == expected


@pytest.mark.parametrize(
    ("link", "is_picture"),
    [
        ("https://cdn.example/i/blank.jpg", False),
        ("https://cdn.example/img/ms-icon-310x310.png", False),
        ("https://cdn.example/apple-touch-icon@2.png?v=05", False),
        ("https://cdn.example/images/westmere_fb_logo.jpg", False),
        ("https://cdn.example/no-img_460x320_logo.jpg", False),
        ("https://cdn.example/google-logo-getty.jpg", True),
        ("https://cdn.example/vi/abc/default.jpg", True),
        ("https://cdn.example/iconic-harbour.jpg", True),
        ("https://cdn.example/2019/06/image.jpg", True),
        ("https://cdn.example/a5d63f/", True),
    ],
)
def test_pictures_are_told_from_what_stands_in_for_one(link: str, is_picture: bool) -> None:
    """By the name of the file, where it says nothing else; another's logo may be what an article is about."""
    assert fields.picture(link, "www.westmere.example") == (link if is_picture else None)
