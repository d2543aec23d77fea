"""What is known, by key: feeds, entries, texts, stories.

feeds.py       the configured feeds and the hosts' policies → rows
keys.py        the shortened form in which keys are stored
identities.py  which keys an entry has
refs.py        entries, found by key
names.py       strings that many entries share (feed ids, origins of URLs), stored once each
owners.py      which feed keeps a URL that two of them show
shelf.py       all of this for the entries of a batch, read with a few statements
left_out.py    entries that their feed's rules leave out
graves.py      entries that are no longer kept, and the keys they leave behind
texts.py       which entry was first with a text
stories.py     near-duplicates: filed, found, clustered, and linked to an original that comes later
lines.py       lines that belong to a site, not to an article: learned from its articles, cut from its records
records.py     records, written to the outbox
"""
