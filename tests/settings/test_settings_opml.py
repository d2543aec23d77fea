"""OPML, taken in and given out."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import within
from worker.errors import ConfigError, Problem
from worker.model import Feed, FeedId
from worker.settings import load, opml

FOREIGN = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.0">
  <head><title>Mine</title></head>
  <body>
    <outline text="World">
      <outline text="Asia" title="Asia">
        <outline type="rss" text="One" title="The One" xmlUrl="https://one.example/feed" htmlUrl="https://one.example/"/>
      </outline>
      <outline type="rss" text="Two" xmlUrl=" https://two.example/feed "/>
    </outline>
    <outline text="Again"><outline text="One" xmlUrl="https://one.example/feed"/></outline>
    <outline type="rss" text="Three" xmlUrl="https://three.example/feed" category="/Science/Physics,news"/>
    <outline type="link" text="no feed" url="https://three.example/"/>
    <outline text="an empty folder"/>
  </body>
</opml>
"""


def loaded(folder: Path, text: str | bytes, **environ: str) -> tuple[Feed, ...]:
    """The feeds of worker.yaml with one list."""
    (folder / "list.opml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "worker.yaml").write_text("feeds: [list.opml]\n")
    return load(folder / "worker.yaml", environ).feeds


def test_a_list_of_another_reader_is_a_feed_list(tmp_path: Path) -> None:
    """Folders and categories become tags; what stands in two folders is one feed with two; what is no feed is none."""
    assert [(feed.id, feed.title, feed.tags) for feed in loaded(tmp_path, FOREIGN)] == [
        ("one.example-feed", "The One", ("World/Asia", "Again")),
        ("two.example-feed", "Two", ("World",)),
        ("three.example-feed", "Three", ("Science/Physics", "news")),
    ]


def test_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    """All at once, as those of YAML are."""
    text = FOREIGN.replace("https://two", "ftp://two").replace("three.example/feed", "one.example:x/feed")
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    first, second = caught.value.problems
    assert (first.line, first.key) == (9, "feeds[1].url")
    assert 'not "ftp://two.example/feed"' in first.message
    assert second.line == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("<opml><body><outline></body>", "not XML", id="torn"),
        pytest.param("", "not XML", id="empty"),
        pytest.param("<rss/>", "its first element is <rss>", id="a feed"),
        pytest.param("<opml/>", "not OPML", id="no body"),
        pytest.param(
            '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><body><outline text="&x;" '
            'xmlUrl="https://a.example/"/></body></opml>',
            "document type|entit",
            id="an entity that is a file",
        ),
        pytest.param(
            '<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa">'
            + "".join(f'<!ENTITY {n} "{f"&{p};" * 10}">' for p, n in zip("abcdefgh", "bcdefghi", strict=True))
            + ']><opml><body><outline text="&i;" xmlUrl="https://a.example/"/></body></opml>',
            "document type|entit|amplif|not XML",
            id="a billion laughs",
        ),
        pytest.param(
            '<!DOCTYPE opml SYSTEM "http://127.0.0.1:1/x.dtd"><opml><body/></opml>', "document type", id="DTD"
        ),
        pytest.param(
            "<opml><body>" + "<outline text='x'>" * 200 + "</outline>" * 200 + "</body></opml>", "deep", id="deep"
        ),
        pytest.param("<opml><body>" + "<o>" * 5000 + "</o>" * 5000 + "</body></opml>", "not XML", id="deeper"),
    ],
)
def test_what_is_no_opml_or_means_harm_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Quickly, naming the file; no file and no server is read."""
    with within(5), pytest.raises(ConfigError, match=said) as caught:
        loaded(tmp_path, text)
    assert caught.value.problems[0].file.endswith("list.opml")
    assert "root:" not in str(caught.value)


def test_a_document_type_in_utf_16_is_one_too(tmp_path: Path) -> None:
    """It is found in the tree, not in the bytes."""
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE opml [<!ENTITY x "y">]><opml><body/></opml>'
    with pytest.raises(ConfigError, match="document type"):
        loaded(tmp_path, text.encode("utf-16"))


def test_what_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its bytes."""
    monkeypatch.setattr(opml, "MAX_BYTES", 100)
    found = opml.nodes(FOREIGN.encode(), name="x")
    assert isinstance(found, Problem)
    assert "larger" in found.message


def test_a_strangers_list_learns_nothing_of_the_environment(tmp_path: Path) -> None:
    """What looks like a variable is none."""
    (feed,) = loaded(
        tmp_path, '<opml><body><outline xmlUrl="https://a.example/?k=${SECRET}"/></body></opml>', SECRET="hush"
    )
    assert feed.url == "https://a.example/?k=${SECRET}"


tags = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
        lambda tag: not tag.startswith("/") and "%2" not in tag
    )
    | st.sampled_from(["World/Asia", "World", "a, b", "50%25", "a/b/c", "x//y"]),
    max_size=4,
    unique=True,
)
feeds = st.lists(
    st.builds(
        Feed,
        id=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).map(FeedId),
        url=st.from_regex(r"https://[a-z]{1,8}\.example/[a-z]{0,10}", fullmatch=True),
        title=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20),
        tags=tags.map(tuple),
        every_s=st.sampled_from([None, 0.25, 1.0, 900.0, 5400.0, 86400.0 * 365]),
        full_text=st.sampled_from(["auto", "always", "never"]),
        html=st.booleans(),
        expect_s=st.sampled_from([None, 21600.0]),
        backfill_from=st.sampled_from([None, "https://a.example/news-sitemap.xml"]),
        recheck_s=st.sampled_from([(), (3600.0,), (3600.0, 86400.0)]),
    ),
    max_size=5,
    unique_by=(lambda feed: feed.id, lambda feed: feed.url),
)


@given(feeds)
def test_what_is_given_out_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, given: list[Feed]) -> None:
    """Ids, titles, tags in their order, intervals; whatever of it OPML has no words for."""
    data = opml.document(((feed, "Its own title", "https://site.example/") for feed in given), title="Mine")
    folder = tmp_path_factory.mktemp("opml")
    back = {feed.id: feed for feed in loaded(folder, data)}
    assert back == {
        feed.id: Feed(**{f: getattr(feed, f) for f in Feed.__slots__} | {"public_url": feed.url}) for feed in given
    }


def test_other_readers_find_folders_titles_and_sites() -> None:
    """In the attributes of OPML 2.0."""
    one = Feed(id=FeedId("one"), url="https://one.example/feed", tags=("World/Asia", "news"))
    two = Feed(id=FeedId("two"), url="https://two.example/feed", title="Mine", cron="0 5 * * mon")
    data = opml.document([(one, "One", "https://one.example/"), (two, "Two", None)], title="My feeds")
    root = ElementTree.fromstring(data)  # noqa: S314  # our own
    assert root.findtext("head/title") == "My feeds"
    (found,) = root.findall("body/outline[@text='World']/outline[@text='Asia']/outline")
    assert (found.get("type"), found.get("xmlUrl"), found.get("htmlUrl")) == ("rss", one.url, "https://one.example/")
    assert (found.get("text"), found.get("category")) == ("One", "/World/Asia,news")
    (other,) = root.findall("body/outline[@xmlUrl]")
    assert other.get("title") == "Mine"
