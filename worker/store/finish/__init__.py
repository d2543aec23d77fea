"""What work led to, judged and written.

commit.py      a batch of `Done` → one transaction: fences, slots, hosts, and by kind
polls.py       … of polls: the feed's state, and its entries
arrivals.py    … which are new, known, changed, left out, duplicates
walks.py       … and older pages, gone through beside polls
entries.py     … of entries: what their drafts lead to
ingestion.py   … such a draft;  ends.py  … and the end of its work
articles.py    … new articles that meet nothing, together
duplicates.py  … and those that are another article, by URL or text
"""
