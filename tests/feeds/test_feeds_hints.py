"""What a document says of when to come again."""

from __future__ import annotations

import pytest

from worker.model import NO_HINTS, Hints

SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
DAY_S = 86_400.0
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {}>'
    '<channel><title>t</title>{}</channel><item rdf:about="1"/></rdf:RDF>'
)
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" {}><title>t</title>{}<entry><id>1</id></entry></feed>'


def syndicated(period: str, frequency: str) -> str:
    return f"<sy:updatePeriod>{period}</sy:updatePeriod><sy:updateFrequency>{frequency}</sy:updateFrequency>"


def skipping(hours: object = (), days: object = ()) -> str:
    hour = "".join(f"<hour>{value}</hour>" for value in hours)
    day = "".join(f"<day>{value}</day>" for value in days)
    return f"<skipHours>{hour}</skipHours><skipDays>{day}</skipDays>"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        pytest.param("60", 3600.0, id="minutes"),
        pytest.param("\n\t 90 ", 5400.0, id="space"),
        pytest.param("<![CDATA[5]]>", 300.0, id="CDATA"),
        pytest.param("30.0", 1800.0, id="a decimal"),
        pytest.param("525600", 365 * DAY_S, id="a year"),
        pytest.param("525601", None, id="more than a year"),
        pytest.param("1795392000", None, id="an instant"),
        pytest.param("9" * 10_000, None, id="many digits"),
        pytest.param("0", None, id="zero"),
        pytest.param("-60", None, id="negative"),
        pytest.param("NaN", None, id="NaN"),
        pytest.param("1e3", None, id="an exponent"),
        pytest.param("٦٠", None, id="digits that are not ASCII"),
        pytest.param("an hour", None, id="words"),
        pytest.param("", None, id="nothing"),
    ],
)
@pytest.mark.parametrize("malformed", [False, True])
def test_ttl_is_in_minutes(read, rss, written, seconds, malformed):
    """What is no number of minutes up to a year is none, in malformed documents too."""
    feed = read(rss("<guid>1</guid>", channel=f"<ttl>{written}</ttl>") + ("<" if malformed else ""))
    assert bool(feed.problem) == malformed
    assert feed.hints == Hints(ttl_s=seconds)


@pytest.mark.parametrize(
    ("inside", "seconds"),
    [
        pytest.param(syndicated("hourly", "1"), 3600.0, id="hourly"),
        pytest.param(syndicated("daily", "4"), DAY_S / 4, id="four times a day"),
        pytest.param(syndicated("weekly", "1"), 7 * DAY_S, id="weekly"),
        pytest.param(syndicated("monthly", "1"), 30 * DAY_S, id="monthly"),
        pytest.param(syndicated("yearly", "2"), 182.5 * DAY_S, id="yearly"),
        pytest.param(syndicated("\n\tHourly\t", "\n 2\n"), 1800.0, id="as WordPress writes it"),
        pytest.param("<sy:updatePeriod>weekly</sy:updatePeriod>", 7 * DAY_S, id="once is left out"),
        pytest.param("<sy:updateFrequency>2</sy:updateFrequency>", DAY_S / 2, id="daily is left out"),
        pytest.param(syndicated("fortnightly", "1"), None, id="no such period"),
        pytest.param(syndicated("hourly", "0"), None, id="never"),
        pytest.param(syndicated("hourly", "-1"), None, id="negative"),
        pytest.param(syndicated("hourly", "often"), None, id="no number"),
        pytest.param(syndicated("hourly", "9" * 5000), None, id="many digits"),
        pytest.param("", None, id="nothing"),
    ],
)
@pytest.mark.parametrize("malformed", [False, True])
def test_update_period_and_frequency(read, rss, inside, seconds, malformed):
    """The period divided by the frequency; daily and once are understood where one is left out."""
    feed = read(rss("<guid>1</guid>", channel=inside, attributes=SY) + ("<" if malformed else ""))
    assert feed.hints == Hints(update_s=seconds)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        pytest.param([0, 7, 23], {0, 7, 23}, id="0 to 23"),
        pytest.param([1, 24], {0, 1}, id="24 is midnight"),
        pytest.param([-1, 25, 99, "", "noon", "9" * 5000, 3], {3}, id="others are none"),
        pytest.param([" 08\n", 8, 8], {8}, id="each once"),
        pytest.param(range(24), set(), id="all of them make no sense"),
        pytest.param(range(1, 25), set(), id="all of them, from 1 to 24"),
        pytest.param(range(23), set(range(23)), id="all but one"),
    ],
)
def test_skipped_hours(read, rss, hours, expected):
    """Of the day in UTC."""
    assert read(rss("<guid>1</guid>", channel=skipping(hours=hours))).hints == Hints(skip_hours=frozenset(expected))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(["Saturday", "Sunday"], {5, 6}, id="names"),
        pytest.param([" monday ", "TUESDAY"], {0, 1}, id="any case"),
        pytest.param(["Sonntag", "", "6", "Sun", "Friday"], {4}, id="others are none"),
        pytest.param(
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"], set(), id="all of them"
        ),
    ],
)
def test_skipped_days(read, rss, days, expected):
    """Monday is 0."""
    assert read(rss("<guid>1</guid>", channel=skipping(days=days))).hints == Hints(skip_days=frozenset(expected))


@pytest.mark.parametrize("document", [pytest.param(RDF, id="RDF"), pytest.param(ATOM, id="Atom")])
def test_the_module_is_known_by_its_namespace(read, document):
    """Whatever its prefix, in every dialect; the same names in another namespace say nothing."""
    inside = syndicated("daily", "2").replace("sy:", "when:")
    assert read(document.format(SY.replace("sy=", "when="), inside)).hints == Hints(update_s=DAY_S / 2)
    assert read(document.format('xmlns:when="urn:x"', inside)).hints == NO_HINTS


def test_rss_with_a_namespace_of_its_own(read):
    """Some declare one, though RSS has none."""
    feed = read(
        '<rss version="2.0" xmlns="http://backend.userland.com/rss2"><channel><title>t</title><ttl>5</ttl>'
        "<skipHours><hour>3</hour></skipHours><item><guid>1</guid></item></channel></rss>"
    )
    assert feed.hints == Hints(ttl_s=300.0, skip_hours=frozenset({3}))


def test_hints_are_told_where_all_is_known(read, rss):
    """The channel may say something else while its entries stay the same."""
    document = rss("<guid>1</guid>", channel=f"<ttl>5</ttl>{syndicated('hourly', '1')}{skipping([1])}", attributes=SY)
    whole = read(document)
    assert whole.hints == Hints(ttl_s=300.0, update_s=3600.0, skip_hours=frozenset({1}))
    known = read(document, known=frozenset(whole.elements))
    assert (known.entries, known.hints) == ((), whole.hints)


def test_entries_say_nothing_of_the_feed(read, rss):
    """What stands in an item is not the channel's."""
    inside = f"<guid>1</guid><ttl>5</ttl>{syndicated('hourly', '1')}{skipping([1], ['Monday'])}"
    assert read(rss(inside, attributes=SY)).hints == NO_HINTS


def test_a_json_feed_has_none(read):
    """Whatever members it has."""
    assert read('{"version": "https://jsonfeed.org/version/1.1", "ttl": 5, "items": []}').hints == NO_HINTS
