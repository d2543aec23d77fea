"""bylines.py: persons out of what is stated, and the bylines that pages show."""

from __future__ import annotations

import pytest
import trafilatura

from tests.cost import within
from worker.articles import bylines
from worker.articles.seen import look


def persons(*stated: str, site: tuple[str | None, ...] = ("Westmere News",), host: str = "news.example") -> list[str]:
    return list(bylines.persons(stated, site=site, host=host))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param("Ada Lindqvist", ["Ada Lindqvist"], id="a name"),
        pytest.param("By Ada Lindqvist", ["Ada Lindqvist"], id="by"),
        pytest.param("Von Ada Lindqvist", ["Ada Lindqvist"], id="von"),
        pytest.param("Par Ada Lindqvist", ["Ada Lindqvist"], id="par"),
        pytest.param("di Ada Lindqvist", ["Ada Lindqvist"], id="di"),
        pytest.param("Autor: Ada Lindqvist", ["Ada Lindqvist"], id="a label"),
        pytest.param("View all posts by Ada Lindqvist", ["Ada Lindqvist"], id="a link's text"),
        pytest.param("Maria von Trapp", ["Maria von Trapp"], id="nobility"),
        pytest.param("Von Trapp", ["Von Trapp"], id="nobility alone"),
        pytest.param("Da Silva", ["Da Silva"], id="a name that begins like a byline"),
        pytest.param("Ada Lindqvist and Bo Ek", ["Ada Lindqvist", "Bo Ek"], id="and"),
        pytest.param("Ada Lindqvist, Bo Ek und Cy Dahl", ["Ada Lindqvist", "Bo Ek", "Cy Dahl"], id="three"),
        pytest.param("Ada Lindqvist, Political Editor", ["Ada Lindqvist"], id="a role"),
        pytest.param("Ada Lindqvist, CNN", ["Ada Lindqvist"], id="a medium"),
        pytest.param("Lindqvist, Ada", ["Lindqvist, Ada"], id="the last name first"),
        pytest.param("Ada Lindqvist / Reuters", ["Ada Lindqvist"], id="an agency behind"),
        pytest.param("Ada Lindqvist (ali)", ["Ada Lindqvist"], id="initials behind"),
        pytest.param("Ada Lindqvist ada@news.example", ["Ada Lindqvist"], id="an address behind"),
        pytest.param("Ada Lindqvist | 12/10/2020", ["Ada Lindqvist"], id="a date behind"),
        pytest.param("Ada Lindqvist am 21. April 2020", ["Ada Lindqvist"], id="a German date behind"),
        pytest.param("happyface313", ["happyface313"], id="a forum name"),
        pytest.param("xX_wolf", ["xX_wolf"], id="a forum name with its own case"),
        pytest.param("山田太郎", ["山田太郎"], id="Japanese"),
        pytest.param("Анна Петрова", ["Анна Петрова"], id="Russian"),
        pytest.param("Reuters", [], id="an agency"),
        pytest.param("dpa/lno", [], id="an agency's region"),
        pytest.param("Westmere News", [], id="the site"),
        pytest.param("The Westmere News", [], id="the site with its article"),
        pytest.param("news.example", [], id="the host"),
        pytest.param("Harbour Verlag GmbH", [], id="a company"),
        pytest.param("Redaktion", [], id="the editors"),
        pytest.param("admin", [], id="a role"),
        pytest.param("Our Correspondent", [], id="one of theirs"),
        pytest.param("Letters To The Editor", [], id="readers"),
        pytest.param("kj", [], id="initials"),
        pytest.param("@ada", [], id="a handle"),
        pytest.param("8. November 2021", [], id="a date"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_persons_are_told_from_what_else_is_stated(stated: str, expected: list[str]) -> None:
    """Names stay as they are written; sites, agencies, companies, roles and dates are none."""
    assert persons(stated) == expected


def test_who_a_site_is_named_after_may_write_on_it() -> None:
    """A person's name is one, though the host has it too."""
    assert persons("Ada Lindqvist", site=(None,), host="adalindqvist.example") == ["Ada Lindqvist"]
    assert persons("adalindqvist", site=(None,), host="adalindqvist.example") == []


@pytest.mark.parametrize("host", ["quay.example", "www.thequay.example"])
def test_a_publication_is_nobody(host: str) -> None:
    """The host says that it is one, where the page names the site otherwise."""
    assert persons("The Quay", site=("Quay News",), host=host) == []
    assert persons("The Quay, Ada Lindqvist", site=("Quay News",), host=host) == ["Ada Lindqvist"]
    assert persons("The Anh Lindqvist", site=("Quay News",), host=host) == ["The Anh Lindqvist"]


def shown(body: str, *, logins: bool = False) -> list[str]:
    tree = trafilatura.load_html(f"<html><body>{body}<p>Some text.</p></body></html>")
    return bylines.shown(tree, texts=look(tree, "https://site.example/").texts, logins=logins)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param('<a rel="author" href="/a">Ada Lindqvist</a>', ["Ada Lindqvist"], id="rel"),
        pytest.param(
            '<span itemprop="author"><span itemprop="name">Ada Lindqvist</span></span>',
            ["Ada Lindqvist"],
            id="itemprop",
        ),
        pytest.param('<p class="byline">By Ada Lindqvist, May 5, 2024</p>', ["Ada Lindqvist"], id="byline"),
        pytest.param('<div class="article-author__name">Ada Lindqvist</div>', ["Ada Lindqvist"], id="a compound class"),
        pytest.param('<span class="author vcard">McFly</span>', ["McFly"], id="a nickname"),
        pytest.param("<p>Von Ada Lindqvist</p>", ["Ada Lindqvist"], id="a line that says so"),
        pytest.param("<p>By the time it opened, the ferry had left.</p>", [], id="a sentence"),
        pytest.param('<div class="comments"><span class="author">Bo Ek</span></div>', [], id="a comment's"),
        pytest.param('<aside class="related"><p class="byline">By Bo Ek</p></aside>', [], id="another article's"),
        pytest.param("".join(f'<p class="item__author">Ada B{c} Ek</p>' for c in "abcdef"), [], id="a list's"),
        pytest.param(
            '<div class="has-widget widget"><h1>Title</h1><p class="author">Ada Ek</p></div>',
            ["Ada Ek"],
            id="around all",
        ),
        pytest.param('<p class="authority">Ada Lindqvist</p>', [], id="another word"),
        pytest.param('<p class="author"></p>', [], id="empty"),
    ],
)
def test_bylines_of_the_article_are_read(body: str, expected: list[str]) -> None:
    """By markup or by a line; comments, lists and neighbours have their own."""
    assert shown(body) == expected


@pytest.mark.parametrize("name", ["happyface313", "mossy_kettle", "Agnes of the Attic"])
def test_nicknames_are_names(name: str) -> None:
    """As they are written."""
    assert shown(f'<p class="meta">Started by <span class="author">{name}</span></p>') == [name]


@pytest.mark.parametrize(("logins", "expected"), [(True, ["fmiller"]), (False, [])])
def test_a_login_is_a_name_in_forums_alone(logins: bool, expected: list[str]) -> None:
    """Elsewhere it is who has put the article in."""
    assert shown('<a class="username author" rel="author">fmiller</a>', logins=logins) == expected


@pytest.mark.parametrize("text", ["(a)" * 400, "By " * 400, "a, " * 400, "a@b." * 300, " 1" * 500, "[(" * 500])
def test_floods_are_read_in_little_time(text: str) -> None:
    """What a stranger states as a name can be anything."""
    with within(1):
        persons(text)
