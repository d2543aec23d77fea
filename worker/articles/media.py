"""Answers for a page that are not pages."""

from __future__ import annotations

import re

_SIGNATURES = (  # https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern and the sections after it
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"Rar!\x1a\x07", "application/x-rar-compressed"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),  # Word, Excel, PowerPoint before 2007
    (b"ID3", "audio/mpeg"),
    (b"OggS\x00", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "unknown/unknown", "*/*", "text/*"})
_MARKUP = re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_SNIFFED = 1024  # bytes; as far as browsers look (WHATWG MIME Sniffing)


def essence(content_type: str | None) -> str:
    """`text/html` for `Text/HTML; charset=utf-8`; "" if none is stated."""
    return (content_type or "").partition(";")[0].strip().lower()


def foreign(body: bytes, content_type: str | None) -> str | None:
    """The media type of a body that is neither HTML nor plain text; None if it may be either.

    The bytes take precedence, since servers guess: a PDF under `text/html` is a PDF, a page under `image/jpeg` is a
    page.
    """
    start = body[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n\x0c")
    if found := _signature(start):
        return found
    if _MARKUP.search(start):
        return None
    if start[:1] in b"{[" and body.rstrip()[-1:] in b"}]" and start:
        return "application/json"
    stated = essence(content_type)
    return None if stated in _PAGES or stated in _UNTOLD or stated == "text/plain" else stated


def is_plain_text(body: bytes, content_type: str | None) -> bool:
    """Whether it is declared as plain text, and is not HTML declared wrongly."""
    return essence(content_type) == "text/plain" and _MARKUP.search(body[:_SNIFFED]) is None


def _signature(start: bytes) -> str | None:
    if start[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}.get(start[8:12])
    if start[4:8] == b"ftyp":
        return "image/avif" if start[8:12] in (b"avif", b"heic", b"mif1") else "video/mp4"
    return next((kind for magic, kind in _SIGNATURES if start.startswith(magic)), None)
