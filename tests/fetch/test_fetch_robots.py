from __future__ import annotations

import multiprocessing
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fetch.sites import NewClient, Serve, answer, then_close
from worker.fetch import user_agent
from worker.fetch.robots import LONGEST_DELAY_S, MAX_BYTES, Finding, NoRules, Robots, Rules, Unreachable, finding
from worker.model import Fetched, FetchFailed, NotModified, Outcome, Redirected, Throttled, Validators
from worker.urls import robots_url

SITE = "https://a.example"


def allowed(text: str | bytes, path: str) -> bool:
    return Robots.parse(text.encode() if isinstance(text, str) else text).allows(SITE + path)


# --- what it allows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "path", "matches"),
    [
        pytest.param("/fish", "/fish", True, id="the path"),
        pytest.param("/fish", "/fish.html?x=1", True, id="what begins with it"),
        pytest.param("/fish", "/Fish", False, id="case counts"),
        pytest.param("/fish", "/a/fish", False, id="not in the middle"),
        pytest.param("/fish/", "/fish", False, id="a slash counts"),
        pytest.param("/*.php", "/index.php?x", True, id="a wildcard"),
        pytest.param("/*.php$", "/index.php", True, id="the end"),
        pytest.param("/*.php$", "/index.php?x", False, id="not the end"),
        pytest.param("/a*/b*/c", "/a1/b2/c3", True, id="several wildcards"),
        pytest.param("*/x", "/a/x", True, id="a wildcard first"),
        pytest.param("/a$b", "/a$b", True, id="a dollar elsewhere is a letter"),
        pytest.param("/x%24", "/x$", True, id="an escaped dollar is one, too"),
        pytest.param("/caf%C3%A9", "/café", True, id="escaped in the rule"),
        pytest.param("/café", "/caf%c3%a9", True, id="escaped in the URL"),
        pytest.param("/%7Ejoe/", "/~joe/", True, id="escaped without need"),
        pytest.param("/a%2Fb", "/a/b", False, id="an escaped slash is not one"),
        pytest.param("/?q=", "/?q=a", True, id="the query"),
        pytest.param("", "/", False, id="empty"),
        pytest.param("/a # comment", "/a", True, id="a comment"),
        pytest.param("https://a.example/fish", "/fish", False, id="a URL is no path"),
    ],
)
def test_a_rule_matches_as_the_rfc_says(rule: str, path: str, matches: bool) -> None:
    """RFC 9309 section 2.2.2 and 2.2.3."""
    assert allowed(f"User-agent: *\nDisallow: {rule}", path) is not matches


@pytest.mark.parametrize(
    ("text", "path", "allows"),
    [
        pytest.param("User-agent: *\nDisallow: /\nAllow: /p", "/page", True, id="the longest rule decides"),
        pytest.param("User-agent: *\nAllow: /\nDisallow: /p", "/page", False, id="in any order"),
        pytest.param("User-agent: *\nAllow: /p\nDisallow: /p", "/page", True, id="at a tie, allow"),
        pytest.param("User-agent: *\nDisallow: /\n\nUser-agent: feedmill\nDisallow: /x", "/a", True, id="our group"),
        pytest.param("User-agent: feedmill\nDisallow:\n\nUser-agent: *\nDisallow: /", "/a", True, id="and it alone"),
        pytest.param("User-agent: FeedMill/2.0\nDisallow: /", "/a", False, id="its case and version do not count"),
        pytest.param("User-agent: feed\nDisallow: /", "/a", True, id="not the beginning of our name"),
        pytest.param("User-agent: feedmill-images\nDisallow: /", "/a", True, id="not what begins with it"),
        pytest.param("User-agent: *bot\nDisallow: /", "/a", True, id="a star that is not alone"),
        pytest.param("User-agent: x\nUser-agent: *\nDisallow: /", "/a", False, id="one of several agents"),
        pytest.param(
            "User-agent: *\nDisallow: /a\nUser-agent: x\nDisallow: /\nUser-agent: *\nDisallow: /b",
            "/b",
            False,
            id="groups of one name are one",
        ),
        pytest.param("User-agent: *\nSitemap: /s\nUser-agent: x\nDisallow: /", "/a", False, id="Sitemap ends no group"),
        pytest.param("User-agent: *\nNoindex: /s\nUser-agent: x\nDisallow: /", "/a", False, id="nor does the unknown"),
        pytest.param("User-agent: *\nCrawl-delay: 9\nUser-agent: x\nDisallow: /", "/a", True, id="Crawl-delay does"),
        pytest.param("Disallow: /", "/a", True, id="a rule of no group"),
        pytest.param("user agent *\ndissallow /", "/a", False, id="mistakes that are often made"),
        pytest.param("User-agent\nUser-agent: *\nDisallow: /", "/a", False, id="an agent without a name"),
        pytest.param("\ufeffUser-agent: *\r\nDisallow: /\r\n", "/a", False, id="a byte order mark, CR LF"),
        pytest.param("User-agent: *\rDisallow: /\r", "/a", False, id="CR alone"),
        pytest.param("User-agent: *\nDisallow: /a\u2028Allow: /", "/x", True, id="a line break of Unicode's only"),
        pytest.param("User-agent: *\nDisallow: /a\x0bDisallow: /b", "/b", True, id="a vertical tab"),
        pytest.param("User-agent: *\n\x00\x00\nDisallow: /", "/a", False, id="NUL on a line of its own"),
        pytest.param(b"User-agent: *\nDisallow: /caf\xe9", "/caf%E9", False, id="Latin-1"),
        pytest.param("User-agent: *\nDisallow: /".encode("utf-16"), "/a", True, id="UTF-16, which it must not be"),
        pytest.param("<!doctype html><p>User-agent: *<p>Disallow: /", "/a", True, id="a page in its place"),
        pytest.param("User-agent: *\nDisallow: /", "/robots.txt", True, id="itself"),
    ],
)
def test_the_group_for_us_is_found_and_read(text: str | bytes, path: str, allows: bool) -> None:
    """RFC 9309 section 2.2.1, and what is written all the same."""
    assert allowed(text, path) is allows


def test_the_name_in_our_user_agent_is_the_one_that_is_looked_for() -> None:
    """So that a site owner finds it in the log and writes it into robots.txt."""
    assert not allowed(f"User-agent: {user_agent(None, '1.0')}\nDisallow: /", "/")


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        pytest.param("", None, id="none"),
        pytest.param("User-agent: *\nCrawl-delay: 1.5", 1.5, id="a fraction"),
        pytest.param("User-agent: *\nCrawl-delay: 0", 0.0, id="zero"),
        pytest.param("User-agent: *\nCrawl-delay: 86400", LONGEST_DELAY_S, id="a day"),
        pytest.param("User-agent: *\nCrawl-delay: inf", None, id="for ever"),
        pytest.param("User-agent: *\nCrawl-delay: nan", None, id="no number"),
        pytest.param("User-agent: *\nCrawl-delay: -1", None, id="negative"),
        pytest.param("User-agent: *\nCrawl-delay: soon", None, id="a word"),
        pytest.param("User-agent: feedmill\nDisallow:\nUser-agent: *\nCrawl-delay: 9", None, id="of another group"),
    ],
)
def test_a_crawl_delay_is_heard_within_bounds(text: str, delay_s: float | None) -> None:
    """In seconds; what makes no sense says nothing."""
    assert Robots.parse(text.encode()).crawl_delay_s == delay_s


def test_what_is_cut_off_is_cut_at_a_line() -> None:
    """Half of the last rule would be a rule for more than it says (section 2.5)."""
    head = b"User-agent: *\nDisallow: /secret\n"
    filler = b"#" * (MAX_BYTES - len(head) - len(b"\nDisallow: /")) + b"\nDisallow: /private\n"
    for text in (head + filler, (head + filler)[:MAX_BYTES]):
        robots = Robots.parse(text)
        assert not robots.allows(SITE + "/secret")
        assert robots.allows(SITE + "/page")
    assert not Robots.parse(head + filler[500:]).allows(SITE + "/private")


def test_rules_beyond_the_bound_are_not_read() -> None:
    """Each costs memory, and time for each URL; another group's do not count."""
    others = "User-agent: other\n" + "Disallow: /\n" * 5_000
    ours = "User-agent: feedmill\n" + "".join(f"Disallow: /{n}/\n" for n in range(5_001))
    robots = Robots.parse((others + ours).encode())
    assert not robots.allows(SITE + "/4999/")
    assert robots.allows(SITE + "/5000/")


def test_nothing_allows_all() -> None:
    """The empty text has no rules."""
    robots = Robots.parse(b"")
    assert robots.allows(SITE + "/a?b")
    assert robots.crawl_delay_s is None


@pytest.mark.parametrize(
    ("url", "robots"),
    [
        pytest.param("https://a.example/b/c?d#e", "https://a.example/robots.txt", id="a page"),
        pytest.param("http://A.example:8080/", "http://a.example:8080/robots.txt", id="a port"),
        pytest.param("https://me:pw@a.example:443", "https://a.example/robots.txt", id="credentials, the usual port"),
        pytest.param("http://[::1]/", "http://[::1]/robots.txt", id="IPv6"),
    ],
)
def test_the_rules_stand_at_the_root_of_the_origin(url: str, robots: str) -> None:
    """RFC 9309 section 2.3: a scheme, host and port have their own."""
    assert robots_url(url) == robots


LINES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["User-agent", "Disallow", "Allow", "Crawl-delay", "Sitemap", "x", ""]),
        st.sampled_from([": ", ":", " ", ""]),
        st.text(st.sampled_from("/*$%feedmilab0 29.\u2028\x00é#?="), max_size=20) | st.text(max_size=5),
    ),
    max_size=12,
).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass"))
PATHS = st.text(st.sampled_from("/*$%ab?=&é#;:@ .20"), max_size=20).map(lambda text: "/" + text)


@given(st.binary(max_size=300) | LINES, PATHS)
def test_any_bytes_are_rules_and_none_denies_robots_txt(text: bytes, path: str) -> None:
    """Nothing raises, and the rules themselves can always be asked for (section 2.2.2)."""
    robots = Robots.parse(text)
    assert robots.allows(SITE + path) in (True, False)
    assert robots.allows(robots_url(SITE + path))
    assert robots.crawl_delay_s is None or 0 <= robots.crawl_delay_s <= LONGEST_DELAY_S


FLOODS = {
    "one rule of wildcards": lambda: "User-agent: *\nDisallow: /" + "*a" * 250_000 + "$",
    "rules of wildcards": lambda: "User-agent: *\n" + "".join(f"Disallow: *a*a*ab{n}$\n" for n in range(25_000)),
    "agents and rules": lambda: "".join(f"User-agent: a{n}\n" for n in range(15_000)) + "Allow: /\n" * 28_000,
    "spaces": lambda: "User-agent" + " " * 500_000 + ":",
    "escapes": lambda: "User-agent: *\nDisallow: /" + "%41" * 160_000,
    "50 MB of it": lambda: "User-agent: *\nDisallow: /x\n" * 2_000_000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_no_robots_txt_costs_more_than_moments(flood: Callable[[], str]) -> None:
    """Each takes some 0.1 s; protego alone takes minutes over agents and rules. Killed where it does not end."""
    reading = multiprocessing.get_context("fork").Process(
        target=lambda: Robots.parse(flood().encode()).allows(SITE + "/" + "a" * 7000)
    )
    reading.start()
    reading.join(20)
    reading.kill()
    reading.join()
    assert reading.exitcode == 0


# --- what getting it comes to ---------------------------------------------------------------------------------------


def failed(kind: str, status: int | None = None) -> FetchFailed:
    return FetchFailed(kind=kind, reason="why", status=status)  # type: ignore[arg-type]


FETCHED = Fetched(url=SITE, status=200, content_type="text/html", validators=Validators(), body=b"x" * (MAX_BYTES + 1))
AWAY = Redirected(url="https://b.example/robots.txt", permanent=True)
BUSY = Throttled(status=503, retry_after_s=9.0)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(FETCHED, Rules(text=b"x" * MAX_BYTES), id="200, whatever its type"),
        pytest.param(AWAY, AWAY, id="redirect"),
        pytest.param(BUSY, BUSY, id="503"),
        *(
            pytest.param(failed("status", status), NoRules(reason="why"), id=str(status))
            for status in (204, 300, 400, 401, 403, 404, 410, 451, 499)
        ),
        *(
            pytest.param(failed(kind), NoRules(reason="why"), id=kind)
            for kind in ("redirects", "encoding", "too_large", "address")
        ),
        *(
            pytest.param(failed("status", status), Unreachable(reason="why"), id=str(status))
            for status in (408, 425, 500, 502, 599, 999)
        ),
        *(
            pytest.param(failed(kind), Unreachable(reason="why"), id=kind)
            for kind in ("dns", "connect", "tls", "timeout", "protocol")
        ),
        pytest.param(
            NotModified(validators=Validators()),
            Unreachable(reason="304 Not Modified to a request that named no version"),
            id="304",
        ),
    ],
)
def test_every_outcome_says_something_of_the_rules(outcome: Outcome, expected: Finding) -> None:
    """RFC 9309 section 2.3.1: what lasts leaves all allowed, what passes leaves nothing allowed."""
    assert finding(outcome) == expected


async def test_a_robots_txt_is_got_by_the_client(new_client: NewClient, serve: Serve) -> None:
    """One beyond the bound is read up to it; a server that fails, be it twice, leaves nothing allowed."""
    client = await new_client()
    text = b"User-agent: *\nDisallow: /private\n" + b"# more\n" * 100_000
    site = await serve(answer(text), answer(status="404 No"), then_close(b""))
    found = [
        finding(await client.get(robots_url(site.url("/page")), max_bytes=MAX_BYTES, accept="*/*", truncate=True))
        for _ in range(3)
    ]
    assert [request.path for request in site.requests] == ["/robots.txt"] * 4
    assert isinstance(found[0], Rules)
    assert not Robots.parse(found[0].text).allows(site.url("/private/x"))
    assert found[1] == NoRules(reason="404 Not Found")
    assert isinstance(found[2], Unreachable)
