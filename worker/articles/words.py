"""How many words a text has, in scripts with and without spaces between them."""

from __future__ import annotations

import re

from worker.dedup import word_count
from worker.dedup.text import words as of

__all__ = ["count", "of"]

# Thai, Lao, Burmese and Khmer part phrases, not words.
_RUN = re.compile("[\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1780-\u17d3]+")
_PER_WORD = 5  # characters, vowel signs among them; a dictionary would say 4 to 6, and costs megabytes


def count(text: str) -> int:
    """Words as `dedup.word_count` has them (an ideograph or kana is one), where it takes a phrase for a word estimated.

    An estimate to some 30 %: enough to tell an article from a teaser.
    """
    runs = _RUN.findall(text)
    if not runs:
        return word_count(text)
    return word_count(_RUN.sub(" ", text)) + sum(max(1, round(len(run) / _PER_WORD)) for run in runs)
