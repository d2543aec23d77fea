"""jsonld.py: a page's own words about its article, in the many ways they are put."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.articles import jsonld
from worker.articles.jsonld import Claims
from worker.model import Author

URL = "https://news.example/2024/harbour"
ADA = Author(name="Ada Lindqvist")


def read(*nodes: Any) -> Claims:
    return jsonld.read([json.dumps(node) for node in nodes], URL)


def article(**fields: Any) -> dict[str, Any]:
    return {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Harbour opens", **fields}


def test_everything_that_an_article_states_is_read() -> None:
    """The fields of one complete node."""
    claims = read(
        article(
            description="It &amp; more",
            author={"@type": "Person", "name": "Ada Lindqvist", "url": "https://news.example/ada"},
            datePublished="2024-05-01T10:00:00+02:00",
            dateModified="2024-05-02",
            inLanguage="en-GB",
            image=["https://img.example/1.jpg", "https://img.example/2.jpg"],
            keywords=["port", "council"],
            articleSection=["Local", "Sea"],
            publisher={"@type": "Organization", "name": "The Westmere News"},
            license="https://creativecommons.org/licenses/by/4.0/",
        )
    )
    assert claims == Claims(
        is_article=True,
        is_news=True,
        headline="Harbour opens",
        description="It & more",
        authors=(Author(name="Ada Lindqvist", url="https://news.example/ada"),),
        published="2024-05-01T10:00:00+02:00",
        modified="2024-05-02",
        language="en-GB",
        image="https://img.example/1.jpg",
        keywords=("port", "council"),
        section="Local",
        publisher="The Westmere News",
        license="https://creativecommons.org/licenses/by/4.0/",
    )


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([article()], id="a node"),
        pytest.param([[{"@type": "WebSite", "name": "x"}, article()]], id="a list"),
        pytest.param([{"@context": "x", "@graph": [{"@type": "WebPage", "name": "x"}, article()]}], id="a graph"),
        pytest.param([{"@type": "WebPage", "mainEntity": article()}], id="the main entity of a page"),
        pytest.param([{"@type": "Organization", "name": "x"}, article()], id="the second script"),
        pytest.param([article(**{"@type": ["Article", "NewsArticle"]})], id="several types"),
        pytest.param([article(**{"@type": "https://schema.org/BlogPosting"})], id="a type as an address"),
        pytest.param([article(**{"@type": "article"})], id="a type in lower case"),
        pytest.param([article(**{"@type": "JobPosting", "headline": "A job"}), article()], id="a job is no article"),
        pytest.param(
            [article(headline="Other", url="/other"), article(url="/2024/harbour#x")], id="the one of this URL"
        ),
        pytest.param(
            [article(headline="Other"), article(mainEntityOfPage={"@id": URL + "?utm_source=x"})], id="by its main page"
        ),
        pytest.param([article(), article(headline="Other")], id="the first, where none says"),
        pytest.param([article(url="http://[bad"), article(headline="Other")], id="an address that is none"),
        pytest.param([{"@type": "Article", "name": "Harbour opens"}], id="a name for a headline"),
    ],
)
def test_the_article_is_found_where_sites_put_it(nodes: list[Any]) -> None:
    """Lists, graphs, nesting, several scripts and several articles."""
    assert read(*nodes).headline == "Harbour opens"


@pytest.mark.parametrize(
    "node",
    [
        pytest.param({"@type": "ItemList", "itemListElement": [article()]}, id="an article in a list of others"),
        pytest.param({"@type": "Product", "name": "A boat", "headline": "Buy it"}, id="a product"),
        pytest.param({"@type": None, "headline": "x"}, id="no type"),
        pytest.param({"headline": "x"}, id="no type at all"),
        pytest.param("text", id="a string"),
        pytest.param(None, id="null"),
        pytest.param([[], {}, 1, [None]], id="nothing in particular"),
    ],
)
def test_what_is_not_the_article_is_not_read(node: Any) -> None:
    """Other things of a page are not its article."""
    assert read(node) == Claims()


def test_a_page_gives_its_dates_where_there_is_no_article() -> None:
    """Of a WebPage only what is the article's as well: no name, no author."""
    page = {
        "@type": "WebPage",
        "name": "News - Westmere",
        "datePublished": "2024-05-01",
        "author": {"name": "webmaster"},
    }
    assert read(page) == Claims(published="2024-05-01")


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        pytest.param("Ada Lindqvist", (ADA,), id="a string"),
        pytest.param({"name": "Ada Lindqvist"}, (ADA,), id="a node without a type"),
        pytest.param({"@type": "Organization", "name": "dpa"}, (Author(name="dpa"),), id="an agency"),
        pytest.param(["Ada Lindqvist", {"name": "Bo Ek"}], (ADA, Author(name="Bo Ek")), id="a list of both"),
        pytest.param({"name": ["Ada Lindqvist", "Bo Ek"]}, (ADA, Author(name="Bo Ek")), id="names in one node"),
        pytest.param({"@id": "#ada"}, (ADA,), id="a reference"),
        pytest.param({"@id": "#nobody"}, (), id="a reference to nothing"),
        pytest.param({"name": "Ada Lindqvist", "url": "/ada"}, (ADA,), id="an address that is relative to nothing"),
        pytest.param(
            {"name": "Ada", "url": ["https://a.example/"]},
            (Author(name="Ada", url="https://a.example/"),),
            id="addresses",
        ),
        pytest.param("https://facebook.com/ada", (), id="an address is no name"),
        pytest.param({"name": "\ud800 "}, (), id="a name of nothing"),
        pytest.param([None, 1, {}, {"name": None}, [["x"]]], (), id="nothing"),
    ],
)
def test_authors_are_persons_organisations_or_references(author: Any, expected: tuple[Author, ...]) -> None:
    """The forms that authors come in."""
    graph = [article(author=author), {"@type": "Person", "@id": "#ada", "name": "Ada Lindqvist"}]
    assert read({"@graph": graph}).authors == expected


def test_a_creator_is_an_author() -> None:
    """`creator` stands in where there is no `author`."""
    assert read(article(author=[], creator="Ada Lindqvist")).authors == (ADA,)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param("https://img.example/1.jpg", "https://img.example/1.jpg", id="an address"),
        pytest.param({"@type": "ImageObject", "url": "/1.jpg"}, "/1.jpg", id="an object"),
        pytest.param({"contentUrl": "/1.jpg", "url": "/page"}, "/1.jpg", id="the file before its page"),
        pytest.param({"url": ["/1.jpg"]}, "/1.jpg", id="a list in an object"),
        pytest.param({"@id": "#image"}, "/i.jpg", id="a reference"),
        pytest.param({"@id": "https://img.example/1.jpg"}, "https://img.example/1.jpg", id="an address as an id"),
        pytest.param([{}, None, " ", "/1.jpg"], "/1.jpg", id="after nothing"),
        pytest.param([], None, id="nothing"),
        pytest.param({"url": []}, None, id="an empty list"),
    ],
)
def test_images_are_addresses_objects_or_references(image: Any, expected: str | None) -> None:
    """The forms that images come in."""
    graph = [article(image=image), {"@type": "ImageObject", "@id": "#image", "url": "/i.jpg"}]
    assert read({"@graph": graph}).image == expected


def test_a_thumbnail_stands_in_for_an_image() -> None:
    """`thumbnailUrl` where there is no image."""
    assert read(article(thumbnailUrl="/t.jpg")).image == "/t.jpg"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", "de"),
        ({"@type": "Language", "name": "German", "alternateName": "de"}, "de"),
        ({"name": "German"}, "German"),
        (["de", "en"], "de"),
        (7, None),
    ],
)
def test_languages_are_tags_or_nodes(language: Any, expected: str | None) -> None:
    """The forms that languages come in."""
    assert read(article(inLanguage=language)).language == expected


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ("port, council,,sea ", ("port", " council", "sea")),
        (["Boats, large", "port"], ("Boats, large", "port")),
        (["port, council,sea"], ("port", "council", "sea")),
        (None, ()),
        ([1, None], ()),
    ],
)
def test_keywords_are_lists_or_strings_with_commas(keywords: Any, expected: tuple[str, ...]) -> None:
    """A comma separates in a string, and in a list that is one string, but not within a longer list."""
    assert tuple(k.strip() for k in read(article(keywords=keywords)).keywords if k.strip()) == tuple(
        k.strip() for k in expected
    )


WRITTEN = '{"@type": "Article", "headline": "Harbour opens"}'


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"\n//<![CDATA[\n{WRITTEN}\n//]]>\n", id="CDATA behind a comment"),
        pytest.param(f"<!-- {WRITTEN} -->", id="an HTML comment"),
        pytest.param(f"{WRITTEN};", id="a semicolon"),
        pytest.param(f"{WRITTEN}{WRITTEN}", id="twice"),
        pytest.param('{"@type": "Article", "headline": "Harbour\n opens",}', id="a line break and a stray comma"),
        pytest.param(f"var data = {WRITTEN}", id="an assignment"),
        pytest.param(WRITTEN.replace("Harbour", "Har\\u0062our"), id="an escape"),
    ],
)
def test_slightly_broken_scripts_are_read(script: str) -> None:
    """What sites get wrong most is put right."""
    assert jsonld.read([script], URL).headline == "Harbour opens"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("", id="empty"),
        pytest.param("not JSON", id="words"),
        pytest.param('{"@type": "Article", "headline": "Har', id="cut off"),
        pytest.param('{"@type": "Article", "headline": "a "quote" in it"}', id="quotes in quotes"),
        pytest.param("[" * 100_000, id="a flood of brackets"),
        pytest.param('{"a":' * 100_000, id="a flood of braces"),
        pytest.param('{"@type":"Article","headline":' + "1" * 20_000 + "}", id="a number without end"),
    ],
)
def test_a_broken_script_says_nothing_and_stops_nobody(script: str) -> None:
    """A script that can't be read is left out; the next one still counts."""
    assert jsonld.read([script], URL) == Claims()
    assert jsonld.read([script, WRITTEN], URL).headline == "Harbour opens"


def test_what_is_stated_is_bounded() -> None:
    """Neither a long text nor a long list grows a record without end."""
    claims = read(article(headline="x" * 5000, author=["A B"] * 5000, keywords=["k"] * 5000, image="/" + "x" * 20_000))
    assert claims.headline is not None
    assert (len(claims.headline), len(claims.authors), len(claims.keywords)) == (1000, 50, 50)
    assert len(claims.image or "") > 8000, "too long to be an address, rather than cut to another one"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param("NewsArticle", (True, False, False), id="an article"),
        pytest.param("DiscussionForumPosting", (True, True, False), id="a thread"),
        pytest.param("Question", (True, True, False), id="a question"),
        pytest.param("VideoObject", (False, False, True), id="a video"),
        pytest.param("PodcastEpisode", (False, False, True), id="an episode"),
        pytest.param("CollectionPage", (False, False, False), id="a list"),
    ],
)
def test_what_the_page_is_about_is_told(kind: str, expected: tuple[bool, bool, bool]) -> None:
    """An article, a discussion, a recording, or none of them."""
    claims = read({"@type": kind, "name": "x"})
    assert (claims.is_article, claims.is_discussion, claims.is_recording) == expected


def test_a_video_in_an_article_is_not_what_the_page_is_about() -> None:
    """A recording counts where there is no article."""
    claims = read({"@type": "VideoObject", "name": "Film"}, article(headline="Text"))
    assert (claims.headline, claims.is_recording) == ("Text", False)


def test_a_video_tells_name_description_and_day() -> None:
    """As an article does."""
    node = {"@type": "VideoObject", "name": "Film", "description": "About it", "uploadDate": "2024-05-01"}
    claims = read(node)
    assert (claims.headline, claims.description, claims.published) == ("Film", "About it", "2024-05-01")


@pytest.mark.parametrize(
    ("says", "free"),
    [
        ({}, None),
        ({"isAccessibleForFree": True}, True),
        ({"isAccessibleForFree": "True"}, True),
        ({"isAccessibleForFree": False}, False),
        ({"isAccessibleForFree": "false"}, False),
        ({"isAccessibleForFree": "http://schema.org/False"}, False),
        ({"isAccessibleForFree": None}, None),
        ({"isAccessibleForFree": True, "hasPart": [{"isAccessibleForFree": "False", "cssSelector": ".x"}]}, False),
        ({"hasPart": {"isAccessibleForFree": True, "cssSelector": ".x"}}, None),
        ({"hasPart": ["x", None, 3]}, None),
    ],
)
def test_whether_an_article_is_free_is_told(says: dict[str, Any], free: bool | None) -> None:
    """As a boolean or a text; a part that is not free makes the article none."""
    claims = read(article(**says))
    assert claims.free is free
    assert claims.locked == ((".x",) if free is False and "hasPart" in says else ())


@pytest.mark.parametrize(
    ("stated", "words"), [(412, 412), ("412", 412), ("many", None), (-1, None), (True, None), ([], None)]
)
def test_the_number_of_words_is_read(stated: object, words: int | None) -> None:
    """As a number or digits."""
    assert read(article(wordCount=stated)).words == words
