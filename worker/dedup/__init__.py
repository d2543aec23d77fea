"""Recognises what is the same: identity keys, hashes of texts, and decisions based on both. Pure.

keys.py     an entry's keys within its feed, and across feeds by its canonical URL; articles as people name them
words.py    the words of a text
text.py     hashes of the words
sketch.py   a sketch of a text, by which its copies are recognised
credits.py  whether an article is the one that another credits
lines.py    lines that a site puts below its articles
judge.py    new, known, changed or duplicate, given what the store found under the keys
"""

from worker.dedup.credits import credits
from worker.dedup.judge import (
    NOTHING_SAID,
    Duplicate,
    Known,
    New,
    Nothing,
    Ref,
    Said,
    Skip,
    Skipped,
    Verdict,
    Write,
    has_moved,
    has_other_url,
    is_wanted_again,
    judge,
    may_be_another,
    place,
    said_of,
)
from worker.dedup.keys import Identity, Name, has_guid, identity, led_key, name_of, page_keys, url_key
from worker.dedup.lines import Window, line_keys, taken_out
from worker.dedup.sketch import Common, common, fingerprint, is_copy, sketch
from worker.dedup.text import (
    DATED_REVISIONS,
    content_hash,
    hashed_key,
    key_of_hash,
    revision_key,
    text_key,
    title_key,
    undated_key,
    version_key,
)
from worker.dedup.words import folded, is_flooded, word_count, words

__all__ = [
    "DATED_REVISIONS",
    "NOTHING_SAID",
    "Common",
    "Duplicate",
    "Identity",
    "Known",
    "Name",
    "New",
    "Nothing",
    "Ref",
    "Said",
    "Skip",
    "Skipped",
    "Verdict",
    "Window",
    "Write",
    "common",
    "content_hash",
    "credits",
    "fingerprint",
    "folded",
    "has_guid",
    "has_moved",
    "has_other_url",
    "hashed_key",
    "identity",
    "is_copy",
    "is_flooded",
    "is_wanted_again",
    "judge",
    "key_of_hash",
    "led_key",
    "line_keys",
    "may_be_another",
    "name_of",
    "page_keys",
    "place",
    "revision_key",
    "said_of",
    "sketch",
    "taken_out",
    "text_key",
    "title_key",
    "undated_key",
    "url_key",
    "version_key",
    "word_count",
    "words",
]
