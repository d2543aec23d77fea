"""filters.py: which entries are left out, by which filter, and what has to be known for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cost import within
from worker.model import Entry, Filter, Millis, Rules
from worker.rules import UNKNOWN, skipped

NOW = Millis(1_795_406_706_000)
DAY = 86_400_000
ENTRY = Entry(
    title="Sponsored: Über den Fluß",
    url="https://a.example/live/river?x=1",
    tags=("World", "Science &amp; Tech"),
    published=Millis(NOW - 3 * DAY),
)


def only(*filters: dict[str, Any]) -> Rules:
    return Rules(only=tuple(Filter(place=f"only {n}", **values) for n, values in enumerate(filters)))


def skip(*filters: dict[str, Any]) -> Rules:
    return Rules(skip=tuple(Filter(place=f"skip {n}", **values) for n, values in enumerate(filters)))


def judged(rules: Rules, entry: Entry = ENTRY, language: Any = None) -> str | None:
    return skipped(entry, rules, language=language, seen_at=NOW)


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        pytest.param({"title": ("^sponsored",)}, True, id="a title, ignoring case"),
        pytest.param({"title": ("(?-i)^sponsored",)}, False, id="or heeding it"),
        pytest.param({"title": ("ÜBER",)}, True, id="in every script"),
        pytest.param({"title": ("live", "fluß")}, True, id="one of several"),
        pytest.param({"title": ("river",)}, False, id="which is of the link alone"),
        pytest.param({"url": ("/live/",)}, True, id="a link"),
        pytest.param({"url": ("/live$",)}, False, id="… its end"),
        pytest.param({"tag": ("WORLD",)}, True, id="a tag, ignoring case"),
        pytest.param({"tag": ("wor",)}, False, id="not a part of one"),
        pytest.param({"tag": ("science  & tech",)}, True, id="a tag as records have it"),
        pytest.param({"older_s": 2 * 86400.0}, True, id="older"),
        pytest.param({"older_s": 3 * 86400.0}, False, id="just as old"),
        pytest.param({"title": ("sponsored",), "tag": ("sport",)}, False, id="not all of it"),
        pytest.param({"title": ("sponsored",), "tag": ("world",), "url": ("live",), "older_s": 1.0}, True, id="all"),
    ],
)
def test_a_filter_holds_or_not(values: dict[str, Any], holds: bool) -> None:
    """`skip` leaves out that for which it holds, `only` all else."""
    assert (judged(skip(values)) is not None) is holds
    assert (judged(only(values)) is None) is holds


@pytest.mark.parametrize("values", [{"title": (".*",)}, {"url": (".*",)}, {"tag": ("x",)}, {"older_s": 1.0}])
def test_what_an_entry_does_not_say_fits_nothing(values: dict[str, Any]) -> None:
    """No title is no title that matches; no date is no age."""
    assert judged(skip(values), Entry(guid="1")) is None
    assert judged(only(values), Entry(guid="1")) is not None


@pytest.mark.parametrize(
    ("wanted", "language", "holds"),
    [
        ("de", "de", True),
        ("de", "de-AT", True),
        ("DE-at", "de_AT", True),
        ("de-AT", "de", False),
        ("de", "den", False),
        ("de", None, False),
        ("und", None, True),
        ("und", "de", False),
    ],
)
def test_languages(wanted: str, language: str | None, holds: bool) -> None:
    """By range: RFC 4647 section 3.3.1."""
    assert (judged(skip({"language": (wanted,)}), language=language) is not None) is holds


@pytest.mark.parametrize(
    ("rules", "language", "outcome"),
    [
        pytest.param(skip({"language": ("fr",)}), UNKNOWN, False, id="wait for the page"),
        pytest.param(only({"language": ("fr",)}), UNKNOWN, False, id="wait, also here"),
        pytest.param(skip({"language": ("fr",), "title": ("river",)}), UNKNOWN, False, id="it can't hold any more"),
        pytest.param(only({"language": ("fr",), "title": ("river",)}), UNKNOWN, True, id="… nor here"),
        pytest.param(only({"language": ("fr",)}, {"tag": ("world",)}), UNKNOWN, False, id="another holds"),
        pytest.param(skip({"language": ("fr",)}, {"tag": ("world",)}), UNKNOWN, True, id="… and leaves it out"),
        pytest.param(only({"language": ("fr",)}), None, True, id="the page states none"),
        pytest.param(skip({"language": ("fr",)}), None, False, id="… which is no French"),
        pytest.param(only({"language": ("fr", "und")}), None, False, id="… unless that is asked for"),
    ],
)
def test_a_language_may_stand_on_the_page_alone(rules: Rules, language: Any, outcome: bool) -> None:
    """Then the judgement waits, where it depends on it."""
    assert (judged(rules, language=language) is not None) is outcome


def test_the_reason_names_filter_and_what_it_speaks_of() -> None:
    """For the one who asks `why`."""
    assert judged(skip({"title": ("x",)}, {"title": ("sponsored",), "tag": ("world",)})) == (
        'left out by skip 1: its title is "Sponsored: Über den Fluß", its tags are World, Science &amp; Tech'
    )
    assert judged(only({"language": ("fr",)}, {"title": ("x",)}), language="de") == (
        "left out by only 0: it does not hold, nor one of 1 more (its language is de)"
    )
    assert judged(skip({"language": ("und",)})) == "left out by skip 0: its language is not stated"


def test_no_rules_leave_nothing_out() -> None:
    """As most feeds have none."""
    assert judged(Rules()) is None


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"(a|a)*b", r"(.*a){20}$", r"(?:\s*a\s*)*$", "a{1,500}a{1,500}b"])
def test_no_pattern_takes_time_that_explodes(pattern: str) -> None:
    """Titles that are made to hang backtracking matchers, at the length that titles may have."""
    entry = Entry(title="a" * 1000 + "!")
    with within(1):
        judged(skip({"title": (pattern,), "url": (pattern,)}), entry)
