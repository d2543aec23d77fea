"""Whether an article is the one that a reprint says it is from."""

from __future__ import annotations

import pytest

from worker.dedup import credits
from worker.model import Credit

NAMED = Credit(name="South Harbour")


@pytest.mark.parametrize(
    ("credit", "url", "site", "expected"),
    [
        pytest.param(Credit(url="https://quay.example/a"), "https://www.quay.example/a?x=1", None, True, id="its host"),
        pytest.param(Credit(url="https://quay.example/"), "https://quay.example/2026/a", None, True, id="its site"),
        pytest.param(Credit(url="https://quay.example/a"), "https://tide.example/a", None, False, id="another host"),
        pytest.param(NAMED, "https://southharbour.example/a", None, True, id="a name that is the host's"),
        pytest.param(NAMED, "https://south-harbour.example/a", None, True, id="… with a hyphen"),
        pytest.param(Credit(name="The Quayside"), "https://quayside.example/a", None, True, id="… with an article"),
        pytest.param(NAMED, "https://x.example/a", "South Harbour – News", True, id="the name of its feed"),
        pytest.param(NAMED, "https://x.example/a", "News of South Harbour", False, id="a name within another"),
        pytest.param(Credit(name="AP"), "https://ap.example/a", None, False, id="too short to be sure of"),
        pytest.param(Credit(name="Tide"), "https://tide.example/a", None, True, id="just long enough"),
        pytest.param(NAMED, None, None, False, id="nothing is known"),
        pytest.param(Credit(name="…"), "https://x.example/a", "…", False, id="a name without letters"),
        pytest.param(Credit(url="http://[bad"), "https://x.example/a", None, False, id="an address that is none"),
    ],
)
def test_credits(credit: Credit, url: str | None, site: str | None, expected: bool) -> None:
    """A reason a row."""
    assert credits(credit, url=url, site=site) is expected
