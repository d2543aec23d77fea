"""Documents made to harm, parsed as in production: in a process with the deadline and the memory that are shipped.

An attack that is cheap by a guard is big enough here to miss the deadline without it. What no guard makes cheap costs
its process, and nobody else: the next feed is parsed as if nothing had been.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.feeds.bounds import assert_sound
from tests.site import Site
from worker.cpu.pool import Pool
from worker.errors import TaskCrashed, TaskTimeout
from worker.feeds import parse
from worker.model import Millis, NotAFeed, ParsedFeed

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = Millis(1_795_392_000_000)  # 2026-11-23T00:00:00Z
TIMEOUT_S, MEMORY = 10, 1_000_000_000  # extract.timeout and extract.memory
PATIENCE_S = 120
"""The deadline here: the one that is shipped is asserted of CPU time, whatever else the machine does."""
ESCAPES = "\x00\x1b[2J\x1b]0;title\x07\x9b31m\x7f\x85\u2028 &#0;&#27;[31m&#155;1m &amp;#27;[1m"
HARMLESS = (
    b'<rss version="2.0"><channel><title>t</title><item><guid>harmless</guid><title>x</title></item></channel></rss>'
)


DAMAGES: dict[str, Callable[[str], str]] = {
    "well-formed": lambda document: document,
    "mended": lambda document: f"{document}<",
    "malformed": lambda document: document[: document.rindex("</")],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[Pool]:
    async with Pool(workers=1, timeout_s=PATIENCE_S, memory=MEMORY, preload=("worker.feeds.read",)) as pool:
        yield pool


async def parsed(
    pool: Pool, body: str | bytes, content_type: str | None = None, known: frozenset[bytes] = frozenset()
) -> ParsedFeed | NotAFeed:
    """What came of it in time, which is sound in any case. Raises what the pool does."""
    data = body.encode() if isinstance(body, str) else body
    begun = await pool.run(time.process_time)
    outcome = await pool.run(
        parse, data, url="https://example.org/feed", content_type=content_type, known=known, now=NOW
    )
    assert await pool.run(time.process_time) - begun < TIMEOUT_S
    assert_sound(outcome, now=NOW)
    return outcome


def rss(*items: str, doctype: str = "", channel: str = "", attributes: str = "") -> str:
    inside = "".join(f"<item><guid>{n}</guid>{item}</item>" for n, item in enumerate(items))
    return (
        f'<?xml version="1.0"?>{doctype}<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>'
        f"<channel><title>t</title>{channel}{inside}</channel></rss>"
    )


def atom(inside: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>0</id>{inside}</entry></feed>'


def json_feed(*items: str) -> str:
    return f'{{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [{", ".join(items)}]}}'


def many(markup: str, count: int) -> str:
    """`markup` so often, each with its number in place of `#`."""
    return "".join(markup.replace("#", str(n)) for n in range(count))


def declared(*entities: str) -> str:
    return f"<!DOCTYPE rss [{''.join(f'<!ENTITY {entity}>' for entity in entities)}]>"


ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
LAUGHS = declared('l0 "ha"', *(f'l{n} "{f"&l{n - 1};" * 10}"' for n in range(1, 12)))
LENGTHS = "".join(
    f'<enclosure url="https://example.org/{n}" type="audio/mpeg" length="{length}"/>'
    for n, length in enumerate((10**30, -1, "1e400", "NaN", "9" * 5000, 2**53, "٣", 7))
)
NUMBERS = ", ".join(
    f'{{"url": "https://example.org/{n}", "mime_type": "a/b", "size_in_bytes": {number}, '
    f'"duration_in_seconds": {number}}}'
    for n, number in enumerate((10**30, -1, "1e400", "-1e400", "NaN", "Infinity", "9" * 5000, 7.9))
)
LISTS = {
    "tags": '"<b>#"',
    "authors": '{"name": "#"}',
    "attachments": '{"url": "https://example.org/#", "mime_type": "a/b"}',
}
TEXTS = ("url", "external_url", "title", "summary", "content_html", "image", "language", "date_published")


def attributes() -> str:
    return many('a#="x" ', 100_000)


def lists() -> str:
    return ", ".join(f'"{name}": [{many(item + ", ", 10_000)}"x"]' for name, item in LISTS.items())


def texts() -> str:
    return ", ".join(f'"{name}": "https://example.org/{"x" * 3_000_000}"' for name in TEXTS)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(lambda: rss("<title>a&l11;</title>", doctype=LAUGHS), id="billion laughs"),
        pytest.param(
            lambda: rss(f"<title>a{'&a;' * 50_000}</title>", doctype=declared(f'a "{"x" * 50_000}"')),
            id="quadratic blowup",
        ),
        pytest.param(lambda: rss(many("<category>#</category>", 50_000)), id="categories of an entry"),
        pytest.param(lambda: rss(f"<x>{many('<category>#</category>', 50_000)}</x>"), id="categories further in"),
        pytest.param(lambda: rss(many("<dc:subject>#</dc:subject>", 50_000)), id="subjects"),
        pytest.param(lambda: atom(many('<category term="#"/>', 50_000)), id="categories of Atom"),
        pytest.param(
            lambda: rss(f"<i:keywords>{many('#,', 100_000)}</i:keywords>", attributes=f'xmlns:i="{ITUNES}"'),
            id="keywords",
        ),
        pytest.param(
            lambda: rss(many("<x#:y/>", 3000) * 20, attributes=many('xmlns:x#="urn:#" ', 3000)), id="namespaces"
        ),
        pytest.param(lambda: rss(f"<title>{'&x ' * 100_000}{'<![CDATA[' * 100_000}</title>"), id="ampersands"),
        pytest.param(
            lambda: rss("", channel=f"<x>{many('<dc:subject>#</dc:subject>', 50_000)}</x>"), id="subjects of the feed"
        ),
        pytest.param(lambda: rss(f"<description>{'&lt;!--' * 100_000}</description>"), id="comments in HTML"),
        pytest.param(lambda: rss(f"<title>{'&lt;!--' * 100_000}</title>"), id="comments in a title"),
        pytest.param(lambda: rss("<!-- x -->" * 300_000), id="comments in XML"),
        pytest.param(lambda: rss(f"<x {attributes()}/>"), id="attributes"),
        pytest.param(
            lambda: rss(f"<description>&lt;a {many('a#=x ', 100_000)}&gt;</description>"), id="attributes in HTML"
        ),
        pytest.param(lambda: rss(f"{'<x>' * 100_000}{'</x>' * 100_000}"), id="100,000 levels"),
        pytest.param(lambda: rss(f"<description>{'&lt;b&gt;' * 100_000}</description>"), id="100,000 levels of HTML"),
        pytest.param(lambda: rss(f"<title>{'x' * 10_000_000}</title>"), id="a title of 10 MB"),
        pytest.param(lambda: rss(f"<title>&#{'1' * 1_000_000};x</title>"), id="a reference without end"),
        pytest.param(lambda: rss(f"<title>{'&#120;' * 100_000}</title>"), id="references"),
        pytest.param(lambda: rss(LENGTHS), id="lengths of enclosures"),
        pytest.param(lambda: f"<?xml {' ' * 1_000_000}?>{rss('')}", id="space"),
        pytest.param(lambda: json_feed(f'{{"id": 0, "attachments": [{NUMBERS}]}}'), id="numbers in JSON"),
        pytest.param(lambda: json_feed('{"id": 0, "x": 1' + "0" * 100_000 + "}"), id="a number of 100,000 digits"),
        pytest.param(lambda: json_feed('{"id": 0, "x": ' + "[" * 900 + "]" * 900 + "}"), id="JSON as deep as it goes"),
        pytest.param(lambda: json_feed(f'{{"id": 0, {lists()}}}'), id="lists in JSON"),
        pytest.param(lambda: json_feed(f'{{"id": 0, {texts()}}}'), id="texts of 3 MB"),
    ],
)
async def test_what_a_guard_makes_cheap(pool: Pool, document: Callable[[], str]) -> None:
    """The feed is read in time, its one entry too, and nothing in it is beyond its bounds."""
    outcome = await parsed(pool, document())
    assert isinstance(outcome, ParsedFeed), outcome
    assert [entry.guid for entry in outcome.entries] == ["0"]


WORDS = many("word-# ", 700)  # all that a guid may hold


async def test_a_document_whose_known_entries_have_the_words_of_the_new_ones(pool: Pool) -> None:
    """Each of them is looked for in all that is known, which has them at its end."""
    document = rss(*[f"<description>{'x' * 9_000}</description>"] * 1_900, f"<title>{WORDS}</title>")
    before = await parsed(pool, document)
    assert isinstance(before, ParsedFeed)
    new = many(f"<item><guid>#{WORDS}</guid></item>", 8).join(["", "</channel>"])
    outcome = await parsed(pool, document.replace("</channel>", new), known=frozenset(before.elements))
    assert isinstance(outcome, ParsedFeed)
    assert len(outcome.entries) == 8


@pytest.mark.parametrize("copy", ["cdn.ampproject.org/c/s/", "www.google.com/amp/s/"])
async def test_links_that_are_nearly_copies_of_pages(pool: Pool, copy: str) -> None:
    """With all the dots that an address may have, and none after which it can be a copy."""
    document = rss(*(f"<link>https://{copy}{'.' * 7_900}{n}@</link>" for n in range(50)))
    outcome = await parsed(pool, document)
    assert isinstance(outcome, ParsedFeed)
    assert len(outcome.entries) == 50


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(lambda: "x" + "<rss >" * 60_000, id="roots"),
        pytest.param(lambda: "x" + rss("") + "</rss " * 60_000, id="ends of roots"),
        pytest.param(lambda: rss("") + "<item " * 500_000, id="entries without an end"),
        pytest.param(lambda: rss("<!-- " * 500_000), id="comments without an end"),
        pytest.param(lambda: rss("<![CDATA[ ]]>" * 200_000), id="sections"),
        pytest.param(lambda: rss("<?x" * 500_000), id="instructions without an end"),
        pytest.param(lambda: rss("<item>" * 200_000), id="entries in entries"),
    ],
)
async def test_marks_that_entries_are_found_by(pool: Pool, document: Callable[[], str]) -> None:
    """Whatever is made of them, it is made in time."""
    await parsed(pool, document())


async def test_what_no_guard_makes_cheap_costs_one_process() -> None:
    """Floods in malformed documents, which lxml can't prune: the deadline holds, and the next feed is parsed."""
    async with Pool(workers=1, timeout_s=1, memory=MEMORY, preload=("worker.feeds.read",)) as pool:
        for flood in (many("<category>#</category>", 30_000), f"<x {attributes()}/>"):
            with pytest.raises(TaskTimeout):
                await parsed(pool, rss(flood, "<b>"))
            assert await parsed(pool, HARMLESS)


async def test_a_feed_of_50_mb(pool: Pool) -> None:
    """Its first 2,000 entries are read within the memory that is shipped."""
    outcome = await parsed(pool, rss(*[f"<description>{'lorem ipsum ' * 1000}</description>"] * 4200))
    assert isinstance(outcome, ParsedFeed)
    assert len(outcome.entries) == 2000
    assert outcome.problem == "more than 2000 entries: the last 2200 were left out"


async def test_what_takes_too_much_memory_costs_one_process() -> None:
    """Neither a feed without its entries nor a document that is called no feed: the task fails, and is told so."""
    async with Pool(workers=1, timeout_s=PATIENCE_S, memory=300_000_000, preload=("worker.feeds.read",)) as pool:
        with pytest.raises(TaskCrashed):
            await parsed(pool, rss(*[f"<description>{'x' * 10_000}</description>"] * 9000))
        assert await parsed(pool, HARMLESS)


@pytest.mark.parametrize(
    ("document", "count"),
    [
        pytest.param(lambda: rss(*[""] * 100_000), 100_000, id="XML"),
        pytest.param(lambda: rss(*[""] * 149_999, "<b>"), 150_000, id="malformed"),
        pytest.param(lambda: json_feed(*(f'{{"id": {n}}}' for n in range(100_000))), 100_000, id="JSON"),
    ],
)
async def test_100_000_entries(pool: Pool, document: Callable[[], str], count: int) -> None:
    """The first 2,000 are read, and the problem says how many were not."""
    outcome = await parsed(pool, document())
    assert isinstance(outcome, ParsedFeed)
    assert [entry.guid for entry in outcome.entries] == [str(n) for n in range(2000)]
    assert (outcome.problem or "").endswith(f"more than 2000 entries: the last {count - 2000} were left out")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("remote", [False, True], ids=["file", "http"])
@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(('<!DOCTYPE rss [<!ENTITY x SYSTEM "{}">]>', "&x;"), id="an external entity"),
        pytest.param(('<!DOCTYPE rss SYSTEM "{}">', "&secret;"), id="an external DTD"),
        pytest.param(('<!DOCTYPE rss [<!ENTITY % p SYSTEM "{}"> %p;]>', "&secret;"), id="a parameter entity"),
        pytest.param(
            ('<?xml-stylesheet href="{0}"?>', '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{0}"/>'),
            id="XInclude and a stylesheet",
        ),
    ],
)
async def test_nothing_else_is_read(
    pool: Pool, site: Site, tmp_path: Path, attack: tuple[str, str], remote: bool, damaged: Callable[[str], str]
) -> None:
    """No file and no address that a document names, whatever it calls it."""
    secret = '<!ENTITY secret "a secret">'
    (tmp_path / "secret.dtd").write_text(secret)
    address = f"http://127.0.0.1:{site.port}/secret.dtd" if remote else (tmp_path / "secret.dtd").as_uri()
    head, inside = (part.format(address) for part in attack)
    document = rss(f"<title>a{inside}</title><description>{inside}</description>", doctype=head)
    outcome = await parsed(pool, damaged(document))
    assert isinstance(outcome, ParsedFeed), outcome
    assert [entry.guid for entry in outcome.entries] == ["0"]
    assert "a secret" not in repr(outcome)
    assert not site.requests


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
async def test_escapes_in_every_field_of_xml(pool: Pool, damaged: Callable[[str], str]) -> None:
    """Control characters and what terminals obey, raw and as references, in elements and in attributes."""
    elements = (
        "title",
        "link",
        "description",
        "author",
        "category",
        "pubDate",
        "dc:language",
        "dc:creator",
        "comments",
    )
    inside = "".join(f"<{name}>https://e.org/{ESCAPES}</{name}>" for name in elements)
    inside += f'<enclosure url="https://e.org/{ESCAPES}" type="{ESCAPES}" length="{ESCAPES}"/>'
    channel = f"<link>https://e.org/{ESCAPES}</link><title>{ESCAPES}</title><language>{ESCAPES}</language><ttl>{ESCAPES}</ttl>"
    links = (
        f'<link href="https://e.org/{ESCAPES}"/><link rel="enclosure" href="https://e.org/{ESCAPES}" type="{ESCAPES}"/>'
    )
    people = f"<author><name>{ESCAPES}x</name><uri>https://e.org/{ESCAPES}</uri></author>"
    for document in (rss(inside, channel=channel), atom(f"{links}{people}<summary type='html'>{ESCAPES}</summary>")):
        outcome = await parsed(pool, damaged(document))
        assert isinstance(outcome, ParsedFeed)
        assert len(outcome.entries) == 1
        assert outcome.entries[0].url is not None
        assert outcome.entries[0].attachments


async def test_escapes_in_every_field_of_json(pool: Pool) -> None:
    """The same, and halves of surrogate pairs, which no record could be written with."""
    written = '"https://e.org/\\u0000\\u001b[31m\\u009b1m\\u007f\\ud800x\\udc00"'
    names = ("id", "url", "external_url", "title", "content_html", "summary", "image", "date_published", "language")
    item = ", ".join(f'"{name}": {written}' for name in names)
    more = f'"tags": [{written}], "authors": [{{"name": {written}, "url": {written}}}]'
    files = f'"attachments": [{{"url": {written}, "mime_type": {written}}}]'
    outcome = await parsed(pool, json_feed(f"{{{item}, {more}, {files}}}"))
    assert isinstance(outcome, ParsedFeed)
    assert outcome.entries[0].url == outcome.entries[0].image == "https://e.org/[31m1mx"


@pytest.mark.parametrize(
    "written",
    [
        "0000-00-00T00:00:00Z", "0000-01-01", "9999-12-31T23:59:59Z", "99999-01-01", "-0001-01-01T00:00:00Z",
        "Mon, 00 Jan 0000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -9999", "Mon, 01 Jan -2024 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 +2359", "1e400", "9" * 5000, "(" * 5000, "Mon, 01 Jan 2024 25:61:61 GMT",
        "2024-01-01T00:00:00+99:99", "2024-W54-8", "٢٠٢٤-٠١-٠١",
    ],
    ids=lambda written: written[:20],
)  # fmt: skip
async def test_dates_that_are_none(pool: Pool, written: str) -> None:
    """Of year 0, 9999 or less than nothing: the entry has no date, and is there."""
    for document in (rss(f"<pubDate>{written}</pubDate>"), json_feed(f'{{"id": 0, "date_published": "{written}"}}')):
        outcome = await parsed(pool, document)
        assert isinstance(outcome, ParsedFeed)
        assert [(entry.guid, entry.published) for entry in outcome.entries] == [("0", None)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rss("").replace("1.0", '1.0" encoding="utf-7', 1).encode("utf-7"), id="UTF-7, declared"),
        pytest.param(b"+ADw-rss+AD4-<rss/>", id="UTF-7, not declared"),
        pytest.param(b"\xff\xfe" + rss("").encode("utf-16-be"), id="UTF-16 with the other mark"),
        pytest.param(b"\xfe\xff" + rss("").encode(), id="UTF-8 with a mark of UTF-16"),
        pytest.param(b"\xff\xfe\0\0" + rss("").encode("utf-16-le"), id="UTF-16 with a mark of UTF-32"),
        pytest.param(rss("<title>\ud83d</title>").encode("utf-16-le", "surrogatepass"), id="UTF-16 with half a pair"),
        pytest.param(rss("").encode("utf-16")[:-1], id="UTF-16 that ends in the middle"),
        pytest.param(b"\x2b\x2f\x76\x38" + rss("").encode(), id="a mark of UTF-7"),
        pytest.param(rss("").replace("1.0", '1.0" encoding="ebcdic-cp-us', 1).encode("cp037"), id="EBCDIC"),
        pytest.param(rss("").replace("1.0", '1.0" encoding="unicode_escape', 1).encode(), id="a codec of Python's"),
        pytest.param(rss("").replace("1.0", f'1.0" encoding="{"x" * 100_000}', 1).encode(), id="a long name"),
        pytest.param(b"\xc0\xbcrss\xc0\xbe\xed\xa0\x80", id="overlong UTF-8 and a surrogate"),
    ],
)
async def test_tricks_with_encodings(pool: Pool, body: bytes) -> None:
    """Read or not, whatever comes out is sound; markup never appears that the bytes did not have as ASCII or UTF-16."""
    outcome = await parsed(pool, body, "application/xml; charset=utf-7")
    assert "<" not in repr(outcome.title if isinstance(outcome, ParsedFeed) else "")


async def test_deep_json(pool: Pool) -> None:
    """The parser gives up, not the process."""
    outcome = await parsed(pool, json_feed("[" * 1_000_000))
    assert isinstance(outcome, NotAFeed)
    assert outcome.reason.startswith("not JSON")
