from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import urls
from worker.settings.addresses import address, slug


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://example.org/feed.xml", "example.org-feed.xml", id="host and path"),
        pytest.param("https://example.org/", "example.org", id="a home page"),
        pytest.param("https://example.org/a/b_c-d/", "example.org-a-b_c-d", id="a longer path"),
        pytest.param("https://example.org:8443/feed", "example.org-8443-feed", id="a port"),
        pytest.param("http://example.org/feed.xml", "example.org-feed.xml-edf27b19", id="not https"),
        pytest.param("https://example.org/feed?a=1", "example.org-feed-e6226df2", id="a query"),
        pytest.param("https://example.org/Feed.xml", "example.org-feed.xml-c1f10a56", id="upper case"),
        pytest.param("https://example.org/%C3%A9", "example.org-c3-a9-00f19d90", id="an escape"),
        pytest.param("https://example.org/x~rdf.xml", "example.org-x-rdf.xml-bc72a90b", id="another sign"),
        pytest.param("https://[::1]/feed", "1-feed-84ad2efb", id="an address"),
        pytest.param("https://~/~", "c9a4e4d1", id="nothing readable"),
        pytest.param(
            "https://example.org/" + "a" * 90, "example.org-" + "a" * 59 + "-2702cbb2", id="longer than 80 characters"
        ),
    ],
)
def test_the_default_id_is_a_readable_form_of_the_url(url: str, expected: str) -> None:
    """Pinned: the id names a feed's state, so it has to be the same in every version."""
    assert slug(url) == expected


@given(st.text(alphabet="abAB01.-_~%/?&=:é ", max_size=120))
def test_any_default_id_could_be_given_as_an_explicit_one(path: str) -> None:
    """Whatever the URL, the id is short and made of the characters that ids are made of."""
    try:
        canonical = urls.canonical(f"https://example.org/{path}")
    except ValueError:
        return
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", slug(canonical))


@pytest.mark.parametrize(
    ("text", "url", "authorization"),
    [
        pytest.param("https://example.org/f", "https://example.org/f", None, id="none"),
        pytest.param("https://example.org/@ann/f", "https://example.org/@ann/f", None, id="an @ in the path"),
        pytest.param("https://ann:pw@example.org/f", "https://example.org/f", "Basic YW5uOnB3", id="name and password"),
        pytest.param("https://ann@example.org/f", "https://example.org/f", "Basic YW5uOg==", id="a name alone"),
        pytest.param("https://ann:p%40%C3%A4@example.org/", "https://example.org/", "Basic YW5uOnBAw6Q=", id="escapes"),
    ],
)
def test_credentials_are_taken_out_of_the_url(text: str, url: str, authorization: str | None) -> None:
    """They become the value of a header, UTF-8 and Base64 (RFC 7617), and the URL can be logged."""
    found = address(text)
    assert found is not None
    assert (found.url, found.authorization) == (url, authorization)
    assert "pw" not in repr(found)
    assert "Basic" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("example.org/feed", id="no scheme"),
        pytest.param("ftp://example.org/feed", id="another scheme"),
        pytest.param("https:///feed", id="no host"),
        pytest.param("https://ann:p/w@example.org/", id="a password that needs escaping"),
        pytest.param("https://exa mple.org/", id="a host that is none"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Feeds are had from absolute http and https URLs."""
    assert address(text) is None
