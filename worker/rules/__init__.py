"""What of a feed is wanted, and where its pages are: the rules of its owner. Pure: no I/O, no clock, no chance.

filters.py   an entry → why it is left out, if it is
backlog.py   the entries of a first poll → those that are left out
pages.py     an entry's link → where its page is asked for

Which part of a page is the article is for `articles.selection`. The rules themselves are values of `model.rules`.
"""

from worker.rules.backlog import left_out
from worker.rules.filters import UNKNOWN, skipped
from worker.rules.pages import page_url

__all__ = ["UNKNOWN", "left_out", "page_url", "skipped"]
