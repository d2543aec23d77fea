"""The functions that run in the CPU processes: bytes in, plain values out.

entries.py  a feed document → its entries, ready to be judged at commit
drafts.py   an entry and its page → the draft of its record
"""

from worker.tasks.drafts import Source, draft_from_entry, draft_from_page, draft_without_text, without_secrets
from worker.tasks.entries import Drafting, FeedRead, read_feed

__all__ = [
    "Drafting",
    "FeedRead",
    "Source",
    "draft_from_entry",
    "draft_from_page",
    "draft_without_text",
    "read_feed",
    "without_secrets",
]
