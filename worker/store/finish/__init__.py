"""The results of finished work, judged and written.

commit.py      a batch of `Done` → one transaction: checks leases, frees slots, settles hosts; dispatches by kind
polls.py       polls: the feed's state and next poll
arrivals.py    the entries a poll brought: new, known, changed, left out or duplicate
moves.py       … where guids and links mislead, as the site has moved
homes.py       … given to their page's own feed
fresh.py       … as new rows
queueing.py    … queued to be read
walks.py       walks through older pages, beside the polls
entries.py     single entries: what becomes of their drafts
ingestion.py   such a draft, on its way to be judged
ends.py        work on an entry taken off the queue
articles.py    new articles that match nothing known, written together
duplicates.py  entries that are another article, by URL or text
"""
