"""Hashes of texts, over what a reader would call the same words.

All of them are pinned in the tests: a hash that moves with a release would give every article a second record. A new
way to hash gets a new number in its prefix instead, and never by itself makes an update.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable

from worker.dedup.words import LONG, count_of, folded, in_form, said, word_count
from worker.model import Article, Entry, Millis

KEY_BYTES = 16
SAME_BYTES = 5
"""Of a key that is compared with one other alone, and under which nothing is looked for: one change in 10^12
is missed."""
MIN_WORDS = 50
"""Shorter texts ("Sign in to read on") are the same by chance, and go by key and URL alone."""


@functools.lru_cache(maxsize=1)  # the text's key is a part of it
def content_hash(text: str) -> str:
    """`sha256-1:` and 64 hex digits over the words of a text: equal for texts that differ in markup, case, spaces or
    punctuation alone. The hash of a text without words is that of the empty one."""
    return "sha256-1:" + hashlib.sha256(said(text)).hexdigest()


def text_key(text: str) -> bytes | None:
    """The content hash as 16 bytes, where the text is long enough to identify an article; else None."""
    if count_of(text) < MIN_WORDS and word_count(text) < MIN_WORDS:
        return None
    return key_of_hash(content_hash(text))


def key_of_hash(content_hash: str) -> bytes:
    """The `text_key` of a text whose content hash is known, if it is long enough."""
    return bytes.fromhex(content_hash.partition(":")[2])[:KEY_BYTES]


def title_key(title: str | None) -> bytes:
    """5 bytes over the words of a title; empty where there are none."""
    found = said(title or "")
    return hashlib.blake2b(found, digest_size=8).digest()[:SAME_BYTES] if found else b""


def revision_key(article: Article) -> bytes:
    """5 bytes over what makes another revision of an article: title, text, authors and date of publication.

    White space does not count, punctuation does: "1.000" to "1,000" is a correction. `date_modified` does not: a
    date that moves while the words stay says nothing, and many sites move it with each view.
    """
    return _joined(
        article.title or "",
        article.text,
        "; ".join(author.name for author in article.authors),
        str(article.published or ""),
    )


def hashed_key(title: str | None, content_hash: str, authors: Iterable[str], published: Millis | None) -> bytes:
    """`revision_key`, with the text's hash for the text: for an article of which no more is known."""
    return _joined(title or "", content_hash, "; ".join(authors), str(published or ""))


def version_key(entry: Entry) -> bytes:
    """5 bytes over what a feed says of an entry. Another one means that the article may have changed.

    Markup and white space do not count, nor do tags, images, attachments and the links in the text: feeds sign,
    rotate and count in them.
    """
    return _joined(
        entry.title or "",
        _without_markup(entry.summary),
        _without_markup(entry.content),
        "; ".join(author.name for author in entry.authors),
        str(entry.published or ""),
        str(entry.updated or ""),
    )


def _without_markup(html: str | None) -> str:
    """Text enough to compare by. What no ">" follows is no tag: "a < b"."""
    first, *rest = (html or "").split("<")
    # As it always was: the first tag parts no words.
    return first + " ".join([piece.partition(">")[2] if ">" in piece else piece for piece in rest])


def _joined(*parts: str) -> bytes:
    fields = b"".join(_short_field(part) if len(part) < LONG else _field(part) for part in parts)
    return hashlib.blake2b(fields, digest_size=KEY_BYTES).digest()[:SAME_BYTES]


def _field(text: str) -> bytes:
    """Its length goes before it, so that no text can run over from one field into the next."""
    data = folded(in_form("NFC", text).replace("\n", " ")).encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "big") + data


_short_field = functools.lru_cache(maxsize=64)(_field)
"""Titles, authors and dates are asked for by three keys."""
