"""Hashes of texts that are equal if a reader would call the words the same.

All of them are pinned in the tests: a hash that changed with a release would give every article a second record. A new
way to hash gets a new number in its prefix instead, and never causes an update by itself.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable

from worker.dedup.words import LONG, count_of, folded, in_form, said, word_count
from worker.model import Article, Entry, Millis

KEY_BYTES = 16
SAME_BYTES = 5
"""The length of a key that is only compared with one other, and never looked up: one change in 10^12 goes unnoticed."""
MIN_WORDS = 50
"""Shorter texts ("Sign in to read on") may be the same by chance, and are identified by key and URL alone."""


@functools.lru_cache(maxsize=1)  # text_key() asks for the same one
def content_hash(text: str) -> str:
    """`sha256-1:` and 64 hex digits, over the words of a text: the same for texts that differ only in markup, case,
    spaces or punctuation. A text without words has the hash of the empty one."""
    return "sha256-1:" + hashlib.sha256(said(text)).hexdigest()


def text_key(text: str) -> bytes | None:
    """16 bytes of the content hash if the text is long enough to identify an article; else None."""
    if count_of(text) < MIN_WORDS and word_count(text) < MIN_WORDS:
        return None
    return key_of_hash(content_hash(text))


def key_of_hash(content_hash: str) -> bytes:
    """The `text_key` of a (long enough) text whose content hash is known."""
    return bytes.fromhex(content_hash.partition(":")[2])[:KEY_BYTES]


def title_key(title: str | None) -> bytes:
    """5 bytes over the words of a title; empty if it has none."""
    found = said(title or "")
    return hashlib.blake2b(found, digest_size=8).digest()[:SAME_BYTES] if found else b""


DATED_REVISIONS = 4
"""Up to this revision, an article that differs in nothing but its date has changed."""


def revision_key(article: Article) -> bytes:
    """5 bytes that change when a new revision of an article is due: over title, text, authors and date of publication.

    White space is ignored; punctuation is not: "1.000" to "1,000" is a correction. `date_modified` is ignored: a date
    that changes while the words stay says nothing, and many sites change it with each view.
    """
    return _joined(
        article.title or "",
        article.text,
        "; ".join(author.name for author in article.authors),
        str(article.published or ""),
    )


def undated_key(article: Article) -> bytes:
    """`revision_key` without the date, for later revisions: some feeds give the time of each poll as the date of all
    their entries."""
    return _joined(article.title or "", article.text, "; ".join(author.name for author in article.authors))


def hashed_key(title: str | None, content_hash: str, authors: Iterable[str], published: Millis | None) -> bytes:
    """`revision_key` with the text's hash in place of the text, for an article whose text is no longer known."""
    return _joined(title or "", content_hash, "; ".join(authors), str(published or ""))


def version_key(entry: Entry) -> bytes:
    """5 bytes over what a feed says of an entry. If they change, the article may have changed.

    Ignored are markup and white space, tags, images, attachments and links in the text, because feeds put signatures,
    rotating items and counters there.
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
    """Text that is good enough for comparison. A "<" without a following ">" is not a tag: "a < b"."""
    first, *rest = (html or "").split("<")
    # The first tag does not separate words: a quirk kept so that hashes stay the same.
    return first + " ".join([piece.partition(">")[2] if ">" in piece else piece for piece in rest])


def _joined(*parts: str) -> bytes:
    fields = b"".join(_short_field(part) if len(part) < LONG else _last_field(part) for part in parts)
    return hashlib.blake2b(fields, digest_size=KEY_BYTES).digest()[:SAME_BYTES]


def _field(text: str) -> bytes:
    """The text with its length in front, so that text can't move from one field into the next without a change."""
    data = folded(in_form("NFC", text).replace("\n", " ")).encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "big") + data


_short_field = functools.lru_cache(maxsize=64)(_field)
"""Cached because four keys ask for the same titles, authors and dates."""
_last_field = functools.lru_cache(maxsize=1)(_field)
"""Two of them ask for the same text."""
