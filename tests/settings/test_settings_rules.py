"""The rules of a feed, as they are written, and what is wrong with them."""

from __future__ import annotations

import pickle

import pytest

from tests.settings.configs import Config
from worker.model import NO_RULES, Backlog, Filter, Rewrite, Rules

BROWSER = "(no pseudo-elements, and no states of a browser)"
FULL = """
feeds:
  - url: https://a.example/
    select: [".story > p", "h1, h2"]
    remove: [aside]
    rewrite:
      - {match: '^(https://)m[.]', to: '\\1www.'}
    only:
      - language: [de, pt-BR]
      - title: river
        url: [/news/, /sport/]
    skip:
      - {tag: sport, older: 7d}
    backlog: {newest: 20, younger: 30d}
"""


def test_rules_in_full(config: Config) -> None:
    """Every key; one value may stand for a list of one; filters know where they stand."""
    (feed,) = config.write(feeds=FULL).load().feeds
    at = f"{config.folder}/feeds.yaml"
    assert feed.rules == Rules(
        select=(".story > p", "h1, h2"),
        remove=("aside",),
        rewrite=(Rewrite(match="^(https://)m[.]", to="\\1www."),),
        only=(
            Filter(place=f"only in {at}:9", language=("de", "pt-BR")),
            Filter(place=f"only in {at}:10", title=("river",), url=("/news/", "/sport/")),
        ),
        skip=(Filter(place=f"skip in {at}:13", tag=("sport",), older_s=7 * 86400.0),),
        filters_key=feed.rules.filters_key,
        backlog=Backlog(newest=20, younger_s=30 * 86400.0),
    )
    assert pickle.loads(pickle.dumps(feed)) == feed  # noqa: S301  # our own


def test_the_key_of_filters_is_of_what_they_say(config: Config) -> None:
    """Not of where they stand, or of other rules: else moving a line would have every feed read whole again."""
    (before,) = config.write(feeds=FULL).load().feeds
    (moved,) = config.write(feeds="# more\n" + FULL.replace("remove: [aside]", "remove: [nav]")).load().feeds
    (other,) = config.write(feeds=FULL.replace("older: 7d", "older: 8d")).load().feeds
    assert before.rules.filters_key == moved.rules.filters_key != other.rules.filters_key
    assert before.rules != moved.rules
    (none,) = config.write(feeds="feeds: [{url: https://a.example/, skip: [], remove: [nav]}]").load().feeds
    assert none.rules.filters_key == b""


def test_rules_of_all_feeds_of_a_list(config: Config) -> None:
    """A key of a feed takes the place of that of the defaults, whole; an empty one is none."""
    config.write(
        feeds="""
defaults:
  skip: [{title: a}]
  remove: [nav]
  backlog: {newest: 3}
feeds:
  - https://a.example/
  - {url: https://b.example/, skip: [{title: b}]}
  - {url: https://c.example/, skip: [], remove: [], backlog: {}}
"""
    )
    a, b, c = (feed.rules for feed in config.load().feeds)
    assert [f.title for f in a.skip] == [("a",)]
    assert a.skip[0].place.endswith("feeds.yaml:3")
    assert [f.title for f in b.skip] == [("b",)]
    assert b.skip[0].place.endswith("feeds.yaml:8")
    assert (b.remove, b.backlog) == (a.remove, a.backlog) == (("nav",), Backlog(newest=3))
    assert a.filters_key != b.filters_key
    assert c == NO_RULES


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        pytest.param("skip: [{titel: x}]", 'skip[0].titel: unknown key "titel" (did you mean "title"?)', id="key"),
        pytest.param("skip: [{tags: x}]", '(did you mean "tag"?)', id="the key of a feed"),
        pytest.param("language: de", '"language" (belongs under feeds.only: or under feeds.skip:)', id="of a filter"),
        pytest.param("match: a", "(belongs under feeds.rewrite:)", id="of a rewrite"),
        pytest.param("newest: 4", "(belongs under feeds.backlog:)", id="of the backlog"),
        pytest.param("backlog: {newst: 4}", '(did you mean "newest"?)', id="near one of the backlog"),
        pytest.param("backlog: {newest: 0}", "expected a whole number from 1 on, not 0", id="none"),
        pytest.param("backlog: 4", "feeds[0].backlog: expected a mapping, not 4", id="no mapping"),
        pytest.param("skip: [{}]", "feeds[0].skip[0]: a filter that would hold for every entry (give it", id="empty"),
        pytest.param("skip: [{title: []}]", "a filter that would hold for every entry", id="as good as empty"),
        pytest.param("only: {title: x}", "feeds[0].only: expected a list, not a mapping", id="no list"),
        pytest.param("skip: [x]", 'feeds[0].skip[0]: expected a mapping, not "x"', id="a text"),
        pytest.param(
            "skip: [{title: '(?=x)'}]", 'not "(?=x)" (RE2 has no lookarounds and no backreferences)', id="lookahead"
        ),
        pytest.param(
            "skip: [{title: [a, '(b']}]",
            'title[1]: expected a pattern in RE2\'s syntax, not "(b" (missing',
            id="syntax",
        ),
        pytest.param("skip: [{title: 5}]", "expected a list, not 5", id="a number"),
        pytest.param("skip: [{language: german}]", "expected a language such as de or pt-BR", id="no language"),
        pytest.param("skip: [{older: 5}]", "expected a duration such as 30s or 5m, not 5 (add a unit", id="no unit"),
        pytest.param("skip: [{tag: ['']}]", "tag[0]: expected a tag", id="an empty tag"),
        pytest.param(
            "select: ['div[']", 'select[0]: expected a CSS selector, not "div[" (see character 5)', id="selector"
        ),
        pytest.param("select: ['a:hover']", BROWSER, id="a state"),
        pytest.param("remove: ['p::before']", BROWSER, id="a pseudo-element"),
        pytest.param("remove: [':nonsense(1)']", BROWSER, id="an unknown one"),
        pytest.param("remove: ['']", "expected a CSS selector", id="an empty one"),
        pytest.param("remove: p", "feeds[0].remove: expected a list", id="a selector alone"),
        pytest.param("rewrite: [{match: a}]", 'feeds[0].rewrite[0]: "to" is missing', id="no to"),
        pytest.param("rewrite: [{match: a, to: '\\1'}]", "to does not go with match (\\1 stands for", id="no group"),
        pytest.param(
            "rewrite: [{match: a, to: 'b\\'}]", "(after a backslash there is a digit or another one", id="backslash"
        ),
    ],
)
def test_what_is_wrong_with_rules(config: Config, rules: str, complaint: str) -> None:
    """One mistake, one problem, at its place, with the way out."""
    (found,) = config.write(feeds=f"feeds:\n  - url: https://a.example/\n    {rules}\n").complaints()
    assert found.startswith("feeds.yaml:3:")
    assert complaint in found


def test_what_the_environment_puts_into_a_rule_is_told_nobody(config: Config) -> None:
    """As of any other value."""
    config.write(feeds="feeds: [{url: https://a.example/, skip: [{title: '(${A}'}], select: ['x[${A}']}]")
    assert all("topsecret" not in found for found in config.complaints({"A": "topsecret"}))
