"""media.py: what is no page, whatever it is called."""

from __future__ import annotations

import pytest

from worker.articles import media

PAGE = b"\n <!DOCTYPE html><html><body>hi</body></html>"


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        pytest.param(PAGE, "text/html; charset=utf-8", None, id="a page"),
        pytest.param(PAGE, None, None, id="a page without a type"),
        pytest.param(b"\xef\xbb\xbf" + PAGE, "image/jpeg", None, id="a page that is called an image"),
        pytest.param(b"<?xml version='1.0'?><html xmlns='x'>", "application/xml", None, id="XHTML as XML"),
        pytest.param(b"<p>hi", "application/octet-stream", None, id="of no stated kind"),
        pytest.param(b"hello", "Text/Plain", None, id="plain text"),
        pytest.param(b"", "text/html", None, id="nothing"),
        pytest.param(b"%PDF-1.7 ...", "text/html", "application/pdf", id="a PDF that is called a page"),
        pytest.param(b"\r\n%PDF-1.4", None, "application/pdf", id="a PDF after an empty line"),
        pytest.param(b"...", "application/pdf", "application/pdf", id="called a PDF"),
        pytest.param(b"\x89PNG\r\n\x1a\n", None, "image/png", id="PNG"),
        pytest.param(b"GIF89a", None, "image/gif", id="GIF"),
        pytest.param(b"\xff\xd8\xff\xe0", None, "image/jpeg", id="JPEG"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8 ", None, "image/webp", id="WebP"),
        pytest.param(b"RIFF\0\0\0\0WAVEfmt ", None, "audio/wav", id="WAVE"),
        pytest.param(b"RIFF is a word", "text/html", None, id="a word that begins like one"),
        pytest.param(b"\0\0\0\x20ftypisom", None, "video/mp4", id="MP4"),
        pytest.param(b"\0\0\0\x20ftypavif", None, "image/avif", id="AVIF"),
        pytest.param(b"ID3\x04", None, "audio/mpeg", id="MP3"),
        pytest.param(b"PK\x03\x04", "text/html", "application/zip", id="ZIP"),
        pytest.param(b'{"a": 1}\n', "text/html", "application/json", id="JSON that is called a page"),
        pytest.param(b"[1]", "application/json", "application/json", id="JSON"),
        pytest.param(b"[draft] A title", "text/plain", None, id="text in brackets"),
        pytest.param(b"<rss>", "application/rss+xml", "application/rss+xml", id="a feed"),
        pytest.param(b"body{}", "text/css", "text/css", id="another kind of text"),
    ],
)
def test_bytes_say_more_than_types(body: bytes, content_type: str | None, kind: str | None) -> None:
    """The bytes decide where they can; the stated type where they can't."""
    assert media.foreign(body, content_type) == kind


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [(b"hi", "text/plain; charset=utf-8", True), (PAGE, "text/plain", False), (b"hi", "text/html", False)],
)
def test_plain_text_is_what_says_so_and_is_no_html(body: bytes, content_type: str, expected: bool) -> None:
    """HTML that is served as text/plain is HTML."""
    assert media.is_plain_text(body, content_type) is expected
