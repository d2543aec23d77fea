"""Applies the rules that a feed's owner has set. Pure: no I/O, no clock, no randomness.

filters.py   an entry → why it is left out, if it is
backlog.py   the entries of a first poll → those that are left out
pages.py     an entry's link → the address its page is fetched from

Which part of a page is the article is decided by `articles.selection`. The rules themselves are in `model.rules`.
"""

from worker.rules.backlog import left_out
from worker.rules.filters import UNKNOWN, skipped
from worker.rules.pages import page_url

__all__ = ["UNKNOWN", "left_out", "page_url", "skipped"]
