"""URLs. The canonical forms are pinned: they identify entries for ever, and a table row may only be added."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker import urls
from worker.urls import (
    BadUrl,
    absolute,
    canonical,
    canonical_if_any,
    host_of,
    is_home,
    likenesses,
    origin_of,
    uncached,
    without_credentials,
    without_referral,
)

CANONICAL = {
    "scheme and host have no case": ("HTTP://Example.COM/A", "http://example.com/A"),
    "an empty path is the root": ("http://a.example", "http://a.example/"),
    "an empty path before a query": ("http://a.example?x", "http://a.example/?x"),
    "the default port of http": ("http://a.example:80/", "http://a.example/"),
    "the default port of https": ("https://a.example:443/", "https://a.example/"),
    "https's port is none of http's": ("http://a.example:443/", "http://a.example:443/"),
    "a port without digits": ("http://a.example:/", "http://a.example/"),
    "a port with zeros before it": ("http://a.example:08080/", "http://a.example:8080/"),
    "credentials say who asks, not for what": ("http://u:p@a.example/", "http://a.example/"),
    "credentials with an at sign": ("http://u:p@q@a.example/", "http://a.example/"),
    "the fragment is never sent": ("http://a.example/b?c#d", "http://a.example/b?c"),
    "a fragment right after the host": ("http://a.example#d", "http://a.example/"),
    "white space around it": ("  http://a.example/\n", "http://a.example/"),
    "line breaks within, which browsers drop": ("http://a.example/a\r\nb", "http://a.example/ab"),
    # hosts
    "a trailing dot": ("http://a.example./", "http://a.example/"),
    "an underscore, which DNS does not mind": ("http://a_b.example/", "http://a_b.example/"),
    "an IDN": ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    "an IDN in upper case": ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
    "an IDN that is encoded already": ("http://XN--bcher-kva.example/", "http://xn--bcher-kva.example/"),
    "an IDN with ß, which IDNA 2008 keeps": ("http://straße.example/", "http://xn--strae-oqa.example/"),
    "ideographic full stops": ("http://例え。jp。/", "http://xn--r8jz45g.jp/"),
    "full-width letters": ("http://ａ.example/", "http://a.example/"),
    "an IPv4 address": ("http://192.0.2.1/", "http://192.0.2.1/"),
    "an IPv6 address": ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
    "an IPv6 address with a port": ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
    "an IPv6 address that holds one of IPv4": ("http://[::ffff:192.0.2.1]/", "http://[::ffff:192.0.2.1]/"),
    "www. may be another site": ("http://www.a.example/", "http://www.a.example/"),
    # paths
    "dot segments": ("http://a.example/a/./b/../c", "http://a.example/a/c"),
    "a dot segment at the end": ("http://a.example/a/b/..", "http://a.example/a/"),
    "more dot segments than folders": ("http://a.example/../../a", "http://a.example/a"),
    "escaped dot segments": ("http://a.example/a/%2e%2E/b", "http://a.example/b"),
    "dots in a name": ("http://a.example/a/.b/..c", "http://a.example/a/.b/..c"),
    "a trailing slash may be another page": ("http://a.example/a/", "http://a.example/a/"),
    "double slashes may be another page": ("http://a.example//a//b", "http://a.example//a//b"),
    "an escape that is not needed": ("http://a.example/%7Eann/%41", "http://a.example/~ann/A"),
    "an escape in lower case": ("http://a.example/a%2fb%3f", "http://a.example/a%2Fb%3F"),
    "letters that are not ASCII": ("http://a.example/é", "http://a.example/%C3%A9"),
    "the same, escaped": ("http://a.example/%c3%a9", "http://a.example/%C3%A9"),
    "an escape that is no UTF-8": ("http://a.example/%e9", "http://a.example/%E9"),
    "a per cent sign that escapes nothing": ("http://a.example/100%", "http://a.example/100%25"),
    "and one before what is no hex": ("http://a.example/%zz", "http://a.example/%25zz"),
    "an escaped per cent sign stays one": ("http://a.example/%2541", "http://a.example/%2541"),
    "a space": ("http://a.example/a b", "http://a.example/a%20b"),
    "what RFC 3986 does not allow": ('http://a.example/"<>^`{|}[]', "http://a.example/%22%3C%3E%5E%60%7B%7C%7D%5B%5D"),
    "what it allows in a path": ("http://a.example/!$&'()*+,;=:@", "http://a.example/!$&'()*+,;=:@"),
    "parameters of a path": ("http://a.example/a;v=1", "http://a.example/a;v=1"),
    # queries
    "an empty query": ("http://a.example/?", "http://a.example/"),
    "ampersands that part nothing": ("http://a.example/?&&a=1&&b=2&", "http://a.example/?a=1&b=2"),
    "the order of parameters": ("http://a.example/?b=2&a=1", "http://a.example/?b=2&a=1"),
    "a parameter given twice": ("http://a.example/?a=1&a=1", "http://a.example/?a=1&a=1"),
    "a value that is empty and one that is none": ("http://a.example/?a=&b", "http://a.example/?a=&b"),
    "a plus is a space to a form": ("http://a.example/?q=a+b", "http://a.example/?q=a+b"),
    "an escaped plus is a plus": ("http://a.example/?q=c%2b%2b", "http://a.example/?q=c%2B%2B"),
    "an equals sign in a value": ("http://a.example/?a=b=c", "http://a.example/?a=b=c"),
    "an escaped equals sign is another": ("http://a.example/?a=b%3dc", "http://a.example/?a=b%3Dc"),
    "escaped ampersands part nothing": ("http://a.example/?a=b%26c", "http://a.example/?a=b%26c"),
    "semicolons may part parameters": ("http://a.example/?a=1;b=2", "http://a.example/?a=1;b=2"),
    "an URL in a query": ("http://a.example/?u=http://b.example/?c", "http://a.example/?u=http://b.example/?c"),
    # tracking
    "a campaign's mark": ("http://a.example/?utm_source=x", "http://a.example/"),
    "among others, in any case": ("http://a.example/?a=1&UTM_Medium=x&b=2", "http://a.example/?a=1&b=2"),
    "with its name escaped": ("http://a.example/?%75tm%5fsource=x&a=1", "http://a.example/?a=1"),
    "without a value": ("http://a.example/?fbclid&a", "http://a.example/?a"),
    "a name that only begins like one": ("http://a.example/?fbclids=1&itoa=2", "http://a.example/?fbclids=1&itoa=2"),
    "a name that only ends like one": ("http://a.example/?my_gclid=1", "http://a.example/?my_gclid=1"),
    "a value that looks like one": ("http://a.example/?a=utm_source", "http://a.example/?a=utm_source"),
    "names that may tell pages apart": ("http://a.example/?ref=1&id=2&p=3", "http://a.example/?ref=1&id=2&p=3"),
}

NO_URLS = {
    "nothing": "",
    "a path": "/a",
    "a host without a scheme": "//a.example/a",
    "another scheme": "ftp://a.example/",
    "a script": "javascript:alert(1)",
    "an address for mail": "mailto:a@b.example",
    "no host": "http:///a",
    "no slashes": "http:a.example",
    "one slash": "http:/a.example/",
    "credentials for no host": "http://u:p@/",
    "a dot for a host": "http://./",
    "an empty label": "http://a..example/",
    "a label before which there is nothing": "http://.example/",
    "a label longer than DNS takes": f"http://{'a' * 64}.example/",
    "a name longer than DNS takes": f"http://{'.'.join(['a' * 49] * 6)}/",
    "a space in the host": "http://a b.example/",
    "an escaped space in the host": "http://a%20b/",
    "an escaped host": "http://ex%61mple.com/",
    "a wildcard": "http://*.example/",
    "a symbol in the host": "http://☃.example/",
    "a character that becomes several with a slash": "http://a℀b.example/",
    "an invisible host": "http://\u00ad/",
    "a full-width per cent sign": "http://％41.example/",
    "port 0": "http://a.example:0/",
    "a port out of range": "http://a.example:65536/",
    "a negative port": "http://a.example:-1/",
    "a port of letters": "http://a.example:http/",
    "full-width digits for a port": "http://a.example:８０/",
    "an IPv6 address without brackets": "http://2001:db8::1/",
    "an open bracket": "http://[::1/",
    "a lone bracket": "http://a]/",
    "IPv4 in brackets": "http://[192.0.2.1]/",
    "a future address": "http://[v1.abc]/",
    "an address with a zone of this machine": "http://[fe80::1%25eth0]/",
    "a lone surrogate in the path": "http://a.example/\ud800",
    "a lone surrogate in the host": "http://\ud800.example/",
}

PIECES = st.sampled_from(
    [
        "http://",
        "https://",
        "HTTP://",
        "//",
        "/",
        "..",
        ".",
        "%2e",
        "%",
        "%zz",
        "%41",
        "%C3",
        "?",
        "#",
        "&",
        "=",
        "+",
        "@",
        ":",
        "[",
        "]",
        "::1",
        "80",
        "a",
        "A",
        "ü",
        "。",
        "utm_source",
        "a.example",
        "xn--",
        " ",
        "\n",
        "\x00",
        "\ud800",
        "\u200b",
        "ß",
        ";",
        "\\",
        "~",
        "_",
        "-",
        "*",
        "cdn.ampproject.org",
        "/c/s/",
        "\x9b",
        "℀",
        "İ",
        "Ⅷ",
        "\u0301",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text()
URLS = st.builds(
    "http://{}/{}".format, st.sampled_from(["a.example", "ü.example:81", "[::1]", "u:p@b.example."]), TEXTS
)


@pytest.mark.parametrize(("url", "form"), CANONICAL.values(), ids=CANONICAL.keys())
def test_the_canonical_form_of_an_url_is_pinned(url: str, form: str) -> None:
    """All ways to write one address share a form, which no release may change."""
    assert canonical(url) == form
    assert canonical(form) == form


@given(
    st.builds(
        "{}{}/{}".format,
        st.sampled_from(["http://", "https://"]),
        st.from_regex(r"[a-z.-]{1,9}", fullmatch=True),
        TEXTS,
    )
)
@example("https://www.google.com/amp/s/a.example/b")
@example("https://a-example.cdn.ampproject.org/c/s/a.example/b")
@example(f"https://{'.'.join(['a' * 49] * 6)}/")
def test_what_is_canonical_at_a_glance_is_so_at_a_close_look(url: str) -> None:
    """Most URLs are taken as they are, by one pattern; without it, the same comes out."""
    with pytest.MonkeyPatch.context() as patch:
        at_a_glance = canonical_if_any(url), absolute(url)
        patch.setattr(urls, "_PLAIN", re.compile("(?!)"))
        canonical.cache_clear()
        assert (canonical_if_any(url), absolute(url)) == at_a_glance
    canonical.cache_clear()


@pytest.mark.parametrize(
    "name",
    [
        "utm_source",
        "utm_id",
        "at_medium",
        "at_custom1",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "_hsenc",
        "_hsmi",
        "gclid",
        "yclid",
        "fbclid",
        "dclid",
        "gclsrc",
        "msclkid",
        "twclid",
        "ttclid",
        "igshid",
        "wbraid",
        "gbraid",
        "srsltid",
        "vero_id",
        "wt_mc",
        "pk_campaign",
        "mtm_group",
        "ns_campaign",
        "smid",
        "ref_src",
        "__twitter_impression",
        "guccounter",
        "guce_referrer_sig",
        "_ga",
        "_gl",
        "spm",
        "cmpid",
        "ocid",
        "xtor",
    ],
)
def test_a_tracking_parameter_is_dropped(name: str) -> None:
    """What only says where a reader came from is no part of the address."""
    assert canonical(f"http://a.example/?{name}=1&id=2") == "http://a.example/?id=2"


@pytest.mark.parametrize(
    ("copy", "own"),
    [
        ("https://www-a-example.cdn.ampproject.org/c/s/www.a.example/2026/x.amp", "https://www.a.example/2026/x.amp"),
        ("https://cdn.ampproject.org/v/s/a.example/x?amp_js_v=0.1&id=2&usqp=mq331", "https://a.example/x?id=2"),
        ("https://CDN.ampproject.org./%63/a.example:8080/x#top", "http://a.example:8080/x"),
        ("https://a-example.bing-amp.com/c/s/a.example", "https://a.example/"),
        ("https://www.google.com/amp/s/a.example/x/amp/", "https://a.example/x/amp/"),
        ("https://www.google.co.uk/amp/a.example/x", "http://a.example/x"),
        ("https://cdn.ampproject.org/c/s/www.google.com/amp/s/a.example/x", "https://a.example/x"),
        ("https://a-example.cdn.ampproject.org/i/s/a.example/x.jpg", None),
        ("https://cdn.ampproject.org/v0.js", None),
        ("https://www.google.com/amp/", None),
        ("https://www.google.evil.example/amp/s/a.example/x", None),
        ("https://cdn.ampproject.org.evil.example/c/s/a.example/x", None),
        ("https://a.example/amp/s/b.example/x", None),
        ("https://cdn.ampproject.org/c/s/not..a..host/x", None),
        ("https://cdn.ampproject.org/c/s/user:secret@a.example/x", None),
    ],
)
def test_a_copy_in_an_amp_cache_has_the_address_of_its_page(copy: str, own: str | None) -> None:
    """As Google writes such addresses; what only looks like one is itself."""
    form = canonical(copy)
    assert form == own if own else copy.split("/")[2] in form
    assert canonical(form) == form
    assert canonical(uncached(copy)) == form


@pytest.mark.parametrize("within", ["bing-amp.com/c/", "google.co/amp/", "a.cdn.ampproject.org/v/s/"])
def test_a_copy_of_a_copy_of_a_copy_has_the_address_of_its_page(within: str) -> None:
    """However many a stranger has put into each other: their number is no depth of calls, which would end with an
    error that no reader of URLs expects."""
    deep = f"https://{within * (7900 // len(within))}a.example/x"
    assert canonical(deep) in ("http://a.example/x", "https://a.example/x")
    assert uncached(deep) == canonical(deep)


@pytest.mark.parametrize("text", NO_URLS.values(), ids=NO_URLS.keys())
def test_what_is_no_http_url_is_refused_everywhere(text: str) -> None:
    """Each way to read an URL raises BadUrl for one that can't be asked for; `absolute` gives None."""
    for read in (canonical, host_of, origin_of, is_home):
        with pytest.raises(BadUrl):
            read(text)
    assert absolute(text) is None


@given(TEXTS | URLS)
@example("http://a.example/%2e%2e/%2E")
@example("http://ü。/")
def test_the_canonical_form_is_its_own_canonical_form(url: str) -> None:
    """Canonical twice is canonical once, whatever the text; what is none raises nothing but BadUrl."""
    try:
        form = canonical(url)
    except BadUrl:
        return
    assert canonical(form) == form
    assert form.isascii()
    assert host_of(form) == host_of(url)
    assert origin_of(form) == origin_of(url)
    assert is_home(form) == is_home(url)


@given(TEXTS | URLS, st.none() | URLS | TEXTS)
def test_an_absolute_url_is_one_that_the_rest_can_read(url: str, base: str | None) -> None:
    """`absolute` never raises, and what it gives is clean and has a canonical form."""
    found = absolute(url, base)
    if found is not None:
        assert canonical(found).startswith(("http://", "https://"))
        assert not any(character <= " " or character == "\x7f" for character in found)


@given(st.text(alphabet=st.characters(exclude_characters="/?#[]\\"), max_size=30))
def test_no_password_outlives_without_credentials(password: str) -> None:
    """Whatever a password is made of, as long as it ends at the last at sign of the authority, it is cut."""
    shown = without_credentials(f"http://user:s3cr3t{password}@a.example/b")
    assert shown in ("http://a.example/b", "<unreadable URL>")


ABSOLUTE = {
    "one that is absolute": ("http://a.example/x", "https://b.example/", "http://a.example/x"),
    "without a base": ("http://a.example/x", None, "http://a.example/x"),
    "a path": ("/x", "https://b.example/c/d", "https://b.example/x"),
    "a relative path": ("x", "https://b.example/c/d", "https://b.example/c/x"),
    "the base's scheme": ("//a.example/x", "https://b.example/", "https://a.example/x"),
    "a query": ("?x", "https://b.example/c", "https://b.example/c?x"),
    "spaces around and within": (" /a b\n", "https://b.example/", "https://b.example/a%20b"),
    "a control character in the host": ("http://a\x00.example/", None, "http://a.example/"),
    "control characters": ("/a\x00\x1b\x7fb", "https://b.example/", "https://b.example/ab"),
    "a relative path and no base": ("/x", None, None),
    "a script": ("javascript:alert(1)", "https://b.example/", None),
    "data": ("data:text/html,x", "https://b.example/", None),
    "nothing": ("  ", "https://b.example/", None),
    "one that is too long": ("/" + "a" * urls.MAX_LENGTH, "https://b.example/", None),
    "a base that is none": ("/x", "http://[", None),
    "a base with a space": ("http://", "HTTP://0/a b ", "http://0/a%20b"),
    "a host that is none": ("http://a b/", "https://b.example/", None),
}


@pytest.mark.parametrize(("url", "base", "found"), ABSOLUTE.values(), ids=ABSOLUTE.keys())
def test_links_are_made_absolute(url: str, base: str | None, found: str | None) -> None:
    """A link as a feed or page writes it becomes an http(s) URL, or None."""
    assert absolute(url, base) == found


WITHOUT_CREDENTIALS = {
    "none": ("http://a.example/b?c#d", "http://a.example/b?c#d"),
    "a user": ("http://u@a.example/", "http://a.example/"),
    "a password": ("http://u:p@a.example:81/b", "http://a.example:81/b"),
    "a password with an at sign": ("http://u:p@q@a.example/", "http://a.example/"),
    "a password with a slash": ("http://u:p/q@a.example/", "<unreadable URL>"),
    "no scheme": ("u:p@a.example/feed", "<unreadable URL>"),
    "one slash": ("http:/u:p@a.example/", "<unreadable URL>"),
    "three slashes": ("http:///u:p@a.example/", "<unreadable URL>"),
    "only a host": ("//u:p@a.example/", "//a.example/"),
    "an at sign in the path": ("https://a.example/@ann", "https://a.example/@ann"),
    "a broken host": ("http://u:p@[a/", "<unreadable URL>"),
}


@pytest.mark.parametrize(("url", "shown"), WITHOUT_CREDENTIALS.values(), ids=WITHOUT_CREDENTIALS.keys())
def test_credentials_are_cut_from_what_is_shown(url: str, shown: str) -> None:
    """`user:password@` goes; what can't be read is not shown at all."""
    assert without_credentials(url) == shown


@pytest.mark.parametrize("url", ["http://u:s3cr3t/x@a.example/", "u:s3cr3t@a.example", "http://u:s3cr3t@a b/"])
def test_an_error_shows_no_password(url: str) -> None:
    """Neither BadUrl's text nor what it was raised from tells credentials."""
    with pytest.raises(BadUrl) as raised:
        canonical(url)
    assert "s3cr3t" not in str(raised.value)
    assert raised.value.__cause__ is None or "s3cr3t" not in str(raised.value.__cause__)


ORIGINS = {
    "http": ("http://A.example./b", ("http", "a.example", 80)),
    "https": ("https://a.example/", ("https", "a.example", 443)),
    "a port": ("https://u:p@a.example:80/", ("https", "a.example", 80)),
    "an IDN": ("https://ü.example/", ("https", "xn--tda.example", 443)),
    "an IPv6 address": ("http://[::1]:81/", ("http", "::1", 81)),
}


@pytest.mark.parametrize(("url", "origin"), ORIGINS.values(), ids=ORIGINS.keys())
def test_an_origin_is_scheme_host_and_port(url: str, origin: tuple[str, str, int]) -> None:
    """What secrets may be sent to is told from anything else."""
    assert origin_of(url) == origin
    assert host_of(url) == origin[1]


HOMES = {
    "the root": ("http://a.example/", True),
    "an empty path": ("http://a.example", True),
    "with a fragment": ("http://a.example/#top", True),
    "with a campaign's mark": ("http://a.example/?utm_source=rss", True),
    "by way of a folder": ("http://a.example/a/..", True),
    "a page by its query": ("http://a.example/?p=1", False),
    "a page": ("http://a.example/a", False),
}


@pytest.mark.parametrize(("url", "home"), HOMES.values(), ids=HOMES.keys())
def test_a_front_page_is_known_as_one(url: str, home: bool) -> None:
    """The URL of a site's front page, however it is written, identifies no entry."""
    assert is_home(url) is home


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        pytest.param("feed://a.example/x", "http://a.example/x", id="a scheme"),
        pytest.param("feed:https://a.example/x", "https://a.example/x", id="a prefix"),
        pytest.param("FEED:http://a.example/x", "http://a.example/x", id="in capitals"),
        pytest.param("feed:nonsense", "feed:nonsense", id="neither"),
        pytest.param("feed:ftp://a.example/", "feed:ftp://a.example/", id="of another scheme"),
        pytest.param("feed.example/x", "feed.example/x", id="a host of that name"),
        pytest.param("https://a.example/feed:x", "https://a.example/feed:x", id="in the path"),
    ],
)
def test_an_old_spelling_of_a_feed_means_http(url: str, meant: str) -> None:
    """As browsers and other readers take it."""
    assert urls.of_feed_scheme(url) == meant


@pytest.mark.parametrize(
    ("url", "likely"),
    [
        pytest.param("https://a.example/x", "http://a.example/x", id="the other scheme"),
        pytest.param("https://a.example/x", "https://a.example/x/", id="a slash at its end"),
        pytest.param("https://a.example/x/", "https://a.example/x", id="none"),
        pytest.param("https://a.example/x", "https://www.a.example/x", id="www"),
        pytest.param("https://www.a.example/x", "https://a.example/x", id="no www"),
        pytest.param("https://m.a.example/x", "http://www.a.example/x/", id="all at once"),
        pytest.param("https://a.example/x/amp/", "https://a.example/x", id="AMP by its path"),
        pytest.param("https://amp.a.example/amp/x?amp=1", "https://www.a.example/x", id="AMP by its host and query"),
        pytest.param("https://a.example/x", "https://a.example/x/amp", id="the AMP page of it"),
        pytest.param("https://a.example:8443/x?page=2", "https://a.example:8443/x", id="no query"),
        pytest.param("https://a.example/", "http://www.a.example/", id="a front page"),
    ],
)
def test_addresses_that_are_often_one_page_are_known(url: str, likely: str) -> None:
    """Each once, in their canonical form, and never the address itself."""
    found = likenesses(url)
    assert likely in found
    assert url not in found
    assert len(set(found)) == len(found) < 128
    assert [canonical(each) for each in found] == found


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/b", "https://a.example/b"),
        ("https://a.example/b?ref=rss", "https://a.example/b"),
        ("https://a.example/b?id=1&traffic_source=RSS", "https://a.example/b?id=1"),
        ("https://a.example/b?partner=rss&emc=rss&id=1", "https://a.example/b?id=1"),
        ("https://medium.com/@a/b?source=rss-6b1f4dd1f4a2------2", "https://medium.com/@a/b"),
        ("https://a.example/b?feed=rss", "https://a.example/b?feed=rss"),  # WordPress's feed itself
        ("https://a.example/b?source=rss.xml", "https://a.example/b?source=rss.xml"),
        ("https://a.example/b?ref=42&type=rss", "https://a.example/b?ref=42&type=rss"),
        ("https://a.example/b?ref=feeder", "https://a.example/b?ref=feeder"),
    ],
)
def test_that_a_reader_comes_from_a_feed_is_not_shown(url: str, shown: str) -> None:
    """The canonical form keeps it: an entry that is known must be known tomorrow."""
    assert canonical(url) == url
    assert without_referral(url) == shown
    assert without_referral(shown) == shown
