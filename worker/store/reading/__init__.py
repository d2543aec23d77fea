"""What people ask about the state, read beside the engine that writes it. Nothing here writes.

status.py    feeds, hosts and totals, for `status` and `feeds`
overview.py  counts that stay cheap, for metrics and the status page
listing.py   feeds and entries a page at a time
why.py       what became of an article
hubs.py      subscriptions at hubs
reader.py    a connection and a thread for all of this, while the worker runs
"""
