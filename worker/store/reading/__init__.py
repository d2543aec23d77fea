"""What people ask, beside the engine that writes. Reads only.

status.py    feeds, hosts, and how the work does;  overview.py  … in figures
listing.py   … a page at a time
why.py       where an article is
hubs.py      how the hubs of feeds do
reader.py    a connection and a thread for all that, while the worker runs
"""
