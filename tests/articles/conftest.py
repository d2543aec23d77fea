"""Made-up pages of the kinds that sites serve."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PARAGRAPHS = (
    "The harbour of Westmere opened again on Monday after three weeks of dredging, and the first ferry left at dawn.",
    "Crews had taken forty thousand tonnes of silt from the channel, said the harbour master, Ada Lindqvist, "
    "who has run the port for eleven years and had asked for the work since the spring floods.",
    "Fishing boats came back in the afternoon; their owners say that the closure cost them half a season, and that "
    "the promised compensation has not been paid to any of them so far.",
    "The council meets on Thursday to decide whether the channel is to be dredged every other year from now on.",
)

MakePage = Callable[..., str]


@pytest.fixture
def paragraphs() -> tuple[str, ...]:
    return PARAGRAPHS


@pytest.fixture
def make_page() -> MakePage:
    """A page with an article, navigation and a footer, around what a test puts into head and article."""

    def make(head: str = "", *, within: str = "", paragraphs: tuple[str, ...] = PARAGRAPHS, html: str = "") -> str:
        body = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
        return (
            f"<!DOCTYPE html><html{html}><head>{head}</head><body>"
            '<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>'
            f"<article>{within}{body}</article>"
            "<footer><p>All rights reserved by nobody in particular.</p></footer></body></html>"
        )

    return make
