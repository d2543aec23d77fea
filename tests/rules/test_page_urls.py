"""pages.py: where pages are asked for."""

from __future__ import annotations

import pytest

from worker.model import Rewrite
from worker.rules import page_url


@pytest.mark.parametrize(
    ("rewrites", "url"),
    [
        pytest.param([], "https://m.a.example/x/1?utm=2", id="nothing"),
        pytest.param([(r"^(https?://)m\.", r"\1www.")], "https://www.a.example/x/1?utm=2", id="another host"),
        pytest.param([(r"/x/(\d+).*", r"/print/\1")], "https://m.a.example/print/1", id="a page to print"),
        pytest.param([(r"\?.*", ""), ("$", "?all=1")], "https://m.a.example/x/1?all=1", id="one after the other"),
        pytest.param([("(y)?/x", r"\1/z")], "https://m.a.example/z/1?utm=2", id="a group that is not there"),
        pytest.param([("/X/", "/z/")], "https://m.a.example/x/1?utm=2", id="case matters"),
        pytest.param([("/x", r"/\\\0")], r"https://m.a.example/\/x/1?utm=2", id="a backslash, and the whole"),
        pytest.param([("^https", "ftp")], "https://m.a.example/x/1?utm=2", id="no http"),
        pytest.param([(".*", "nothing")], "https://m.a.example/x/1?utm=2", id="no URL"),
        pytest.param([(".*", "nothing"), ("m", "w")], "https://w.a.example/x/1?utm=2", id="the others still hold"),
        pytest.param([("1", " ")], "https://m.a.example/x/%20?utm=2", id="a space"),
    ],
)
def test_rewriting(rewrites: list[tuple[str, str]], url: str) -> None:
    """The first match of each, heeding case; what comes out is an address, or nothing is changed."""
    found = page_url("https://m.a.example/x/1?utm=2", [Rewrite(match=match, to=to) for match, to in rewrites])
    assert found == url
