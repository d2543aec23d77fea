from __future__ import annotations

import pickle

import pytest

from tests.cost import within
from tests.settings.configs import Config
from worker.model import Feed, FeedId


def test_a_url_is_a_feed(config: Config) -> None:
    """The shorthand: everything else by default, the id a readable form of the URL."""
    config.write(feeds="feeds:\n  - https://Example.org/feed.xml\n")
    (feed,) = config.load().feeds
    assert feed == Feed(
        id=FeedId("example.org-feed.xml"), url="https://Example.org/feed.xml", public_url="https://Example.org/feed.xml"
    )


def test_a_feed_in_full(config: Config) -> None:
    """Every key; white space around a header's value is not part of it."""
    config.write(
        feeds="""
feeds:
  - url: https://example.com/rss
    id: example
    title: Example
    tags: [world, "2024"]
    every: 15m
    full_text: always
    headers: {Authorization: "Bearer ${TOKEN}", X-Empty: ""}
  - url: https://example.net/
    cron: "*/20 6-22 * * mon-fri"
"""
    )
    first, second = config.load({"TOKEN": "abc\n"}).feeds
    assert first == Feed(
        id=FeedId("example"),
        url="https://example.com/rss",
        public_url="https://example.com/rss",
        title="Example",
        tags=("world", "2024"),
        every_s=900,
        full_text="always",
        headers={"Authorization": "Bearer abc", "X-Empty": ""},
    )
    assert second.cron == "*/20 6-22 * * mon-fri"
    assert "abc" not in repr(first)
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301  # our own


def test_defaults_are_for_what_a_feed_does_not_say(config: Config) -> None:
    """A feed's own key takes the place of the default; its every or cron the place of either; null is none."""
    config.write(
        feeds="""
defaults: {title: T, tags: [a], cron: "0 * * * *", full_text: never, headers: {X: "1"}}
feeds:
  - https://a.example/
  - {url: https://b.example/, title: B, tags: [], every: 5m, full_text: auto, headers: {Y: "2"}}
  - {url: https://c.example/, cron: "5 * * * *"}
  - {url: https://d.example/, title: null, cron: null}
"""
    )
    a, b, c, d = config.load().feeds
    assert a == Feed(
        id=FeedId("a.example"),
        url="https://a.example/",
        public_url="https://a.example/",
        title="T",
        tags=("a",),
        cron="0 * * * *",
        full_text="never",
        headers={"X": "1"},
    )
    assert b == Feed(
        id=FeedId("b.example"),
        url="https://b.example/",
        public_url="https://b.example/",
        title="B",
        every_s=300,
        headers={"Y": "2"},
    )
    assert (c.cron, c.every_s) == ("5 * * * *", None)
    assert (d.title, d.cron, d.every_s) == (None, None, None)


def test_credentials_in_a_url_become_a_header(config: Config) -> None:
    """Of that feed, in place of an Authorization header of the defaults; the URL is kept without them."""
    config.write(
        feeds="""
defaults: {headers: {authorization: Bearer x, X: "1"}}
feeds: ["https://ann:${PW}@example.org/f", https://example.net/]
"""
    )
    first, second = config.load({"PW": "pw"}).feeds
    assert first.url == "https://example.org/f"
    assert first.headers == {"Authorization": "Basic YW5uOnB3", "X": "1"}
    assert second.headers == {"authorization": "Bearer x", "X": "1"}


def test_a_list_may_be_empty(config: Config) -> None:
    """Where it says so."""
    assert config.write(feeds="feeds: []").load().feeds == ()


@pytest.mark.parametrize(
    ("feeds", "place"),
    [("", ""), ("# x\n", ""), ("feeds:", ":1:7: feeds"), ("defaults:\nfeeds: null\n", ":2:8: feeds"), ("{}", ":1:1")],
)
def test_a_list_that_was_cut_off_is_no_empty_one(config: Config, feeds: str, place: str) -> None:
    """As by an editor that is about to write, or a full disk: all feeds would be let go."""
    assert config.write(feeds=feeds).complaints() == [
        f"feeds.yaml{place}: nothing is listed (feeds: [] if that is meant)"
    ]


@pytest.mark.parametrize(
    ("feeds", "complaint"),
    [
        pytest.param(
            "- https://a.example/", "1:1: expected a mapping, not a list (put the list under feeds:)", id="bare"
        ),
        pytest.param("feeds: {a: b}", "1:8: feeds: expected a list, not a mapping (put a dash", id="no list"),
        pytest.param("feeds: [17]", "feeds[0]: expected a URL, or a mapping with a url, not 17", id="a number"),
        pytest.param("feeds:\n- ", "feeds[0]: expected a URL, or a mapping with a url, not nothing", id="a dash alone"),
        pytest.param("feeds: [{id: a}]", 'feeds.yaml:1:9: feeds[0]: "url" is missing', id="no url"),
        pytest.param("feeds: [{url: }]", "feeds[0].url: expected an http or https URL, not nothing", id="empty url"),
        pytest.param("feeds: ['ftp://a.example']", 'feeds[0]: expected an http or https URL, not "ftp:', id="scheme"),
        pytest.param(
            "feeds: ['http://u:pw@exa mple/']", "feeds[0]: expected an http or https URL (such as", id="secret"
        ),
        pytest.param("defaults: {id: x}", 'unknown key "id" (belongs under feeds:)', id="a default id"),
        pytest.param("feeds: [{url: 'http://a.example', defaults: 1}]", "belongs at the top level", id="defaults"),
        pytest.param("feeds: [{url: 'http://a.example', tittle: x}]", 'did you mean "title"?', id="unknown key"),
        pytest.param("feeds: [{url: 'http://a.example', id: -a}]", "expected an id of letters, digits", id="id, sign"),
        pytest.param("feeds: [{url: 'http://a.example', id: a b}]", 'no sign, not "a b"', id="id, space"),
        pytest.param(f"feeds: [{{url: 'http://a.example', id: {'a' * 101}}}]", "100 at most", id="id, too long"),
        pytest.param("feeds: [{url: 'http://a.example', title: 5}]", "expected text, not 5 (put it in", id="title"),
        pytest.param("feeds: [{url: 'http://a.example', tags: [5]}]", "tags[0]: expected text, not 5", id="tag"),
        pytest.param("feeds: [{url: 'http://a.example', every: 0s}]", "expected a duration above 0s", id="every"),
        pytest.param("feeds: [{url: 'http://a.example', full_text: alway}]", 'did you mean "always"?', id="full_text"),
        pytest.param("feeds: [{url: 'http://a.example', cron: '* * *'}]", "(minute, hour, day, month,", id="cron"),
        pytest.param("feeds: [{url: 'http://a.example', cron: '61 * * * *'}]", "expected a cron line such as", id="61"),
        pytest.param("feeds: [{url: 'http://a.example', cron: '0 0 * * 8'}]", "expected a cron line", id="weekday 8"),
        pytest.param("feeds: [{url: 'http://a.example', cron: '0 0 31 2 *'}]", "that comes due", id="31 February"),
        pytest.param(
            "feeds: [{url: 'http://a.example', every: 5m, cron: '* * * * *'}]",
            "feeds.yaml:1:9: feeds[0]: every and cron exclude each other (keep one of them)",
            id="every and cron",
        ),
        pytest.param("defaults: {every: 5m, cron: '* * * * *'}", "defaults: every and cron exclude", id="defaults"),
        pytest.param(
            "feeds: [{url: 'http://a:b@a.example', headers: {AUTHORIZATION: x}}]",
            "feeds[0]: credentials in the URL and an Authorization header exclude each other",
            id="two authorizations",
        ),
    ],
)
def test_what_is_wrong_with_a_list(config: Config, feeds: str, complaint: str) -> None:
    """One mistake, one problem, at its place."""
    (found,) = config.write(feeds=feeds).complaints()
    assert complaint in found


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        pytest.param(
            "{'Authorization: topsecret': x}", "headers.…: expected the name of a header", id="name and value"
        ),
        pytest.param(
            "{'Authorization: topsecret': }", "headers.…: expected a text in ASCII", id="name and value alone"
        ),
        pytest.param("'Authorization: topsecret'", "headers: expected a mapping (a mapping is written", id="text"),
        pytest.param("['Authorization: topsecret']", "headers: expected a mapping, not a list", id="list"),
        pytest.param('{Authorization: "topsecret\\nX: y"}', "headers.Authorization: expected a text in ASCII", id="LF"),
        pytest.param("{Authorization: topsecretö}", "headers.Authorization: expected a text in ASCII", id="not ASCII"),
        pytest.param(
            "{Authorization: ['topsecret']}", "headers.Authorization: expected a text in ASCII", id="a list in"
        ),
        pytest.param("{Authorization: '${TOKEN}ö'}", "headers.Authorization: expected a text in ASCII", id="variable"),
        pytest.param("{X: 'topsecret ${NO}'}", "headers.X: not set in the environment: NO", id="not set"),
    ],
)
def test_headers_are_never_shown(config: Config, headers: str, complaint: str) -> None:
    """Nor what may be one that was written wrongly."""
    config.write(feeds=f"feeds: [{{url: https://a.example/, headers: {headers}}}]")
    complaints = config.complaints({"TOKEN": "topsecret"})
    assert any(complaint in found for found in complaints)
    assert all("topsecret" not in found for found in complaints)


def test_a_feed_that_stands_twice_is_told_with_the_place_of_the_first(config: Config) -> None:
    """By canonical URL or by id, in one list or in several; without showing what the environment may have given."""
    config.write(
        worker="feeds: [feeds.yaml, more.yaml]",
        feeds="""feeds:
  - https://example.org/a?b=c
  - {url: https://example.org/x, id: one}
  - https://EXAMPLE.org:443/a?b=c&utm_source=x#top
""",
        more="""feeds:
  - {url: "https://user:pw@example.org/a?b=c", id: other}
  - {url: https://example.org/y, id: one}
  - {url: https://example.org/z, id: One}
""",
    )
    assert config.complaints() == [
        "feeds.yaml:4:5: feeds[2]: the same feed as in feeds.yaml:2 (remove one of them)",
        "more.yaml:2:5: feeds[0]: the same feed as in feeds.yaml:2 (remove one of them)",
        "more.yaml:3:5: feeds[1]: the same id as the feed in feeds.yaml:3 (give it an id of its own)",
    ]


def test_a_mistake_in_one_feed_hides_none_in_another(config: Config) -> None:
    """Each feed is checked by itself, and duplicates among those that are right."""
    config.write(
        feeds="defaults: 5\nfeeds:\n  - https://a.example/\n  - {id: x}\n  - https://a.example/\n  - ftp://x\n"
    )
    assert [(problem.line, problem.key) for problem in config.problems()] == [
        (1, "defaults"),
        (4, "feeds[1]"),
        (5, "feeds[2]"),
        (6, "feeds[3]"),
    ]


def test_an_alias_can_stand_for_what_feeds_share(config: Config) -> None:
    """YAML's own means, within one file."""
    config.write(feeds="feeds:\n  - {url: https://a.example/, tags: &t [x]}\n  - {url: https://b.example/, tags: *t}\n")
    assert [feed.tags for feed in config.load().feeds] == [("x",), ("x",)]


def test_a_long_list_takes_time_in_proportion(config: Config) -> None:
    """20,000 feeds took 0.7 s of CPU; ten times that would be something quadratic."""
    config.write(feeds="feeds:\n" + "".join(f"  - https://host{n}.example/feed.xml\n" for n in range(20_000)))
    with within(7):
        assert len(config.load().feeds) == 20_000


def test_what_the_environment_puts_into_a_url_is_told_nobody(config: Config) -> None:
    """Neither by the feed's id nor by the URL that records carry; the host is no secret."""
    feeds = "feeds: ['https://${HOST}/${KEY}/feed?t=${KEY}&n=1', {url: 'https://example.org/${KEY}'}]"
    first, second = config.write(feeds=feeds).load({"HOST": "h.example", "KEY": "k/1 2"}).feeds
    assert first.url == "https://h.example/k/1%202/feed?t=k/1%202&n=1"
    assert first.public_url == "https://h.example/***/feed?t=***&n=1"
    assert second.public_url == "https://example.org/***"
    assert first.id.startswith("h.example-feed-")
    assert second.id.startswith("example.org-")
    assert len({first.id, second.id}) == 2
