"""What is known, by key: feeds, entries, texts, stories.

feeds.py       the configured feeds and the hosts' policies → rows
keys.py        keys as they are stored;  identities.py  … of entries;  refs.py  … which are known by them
names.py       what many entries have in common, each once
owners.py      whose a URL is that two feeds show
shelf.py       all of that for the entries of a batch, read with a few statements
left_out.py    entries that their feed's rules leave out
graves.py      entries that are no longer kept
texts.py       who has a text
stories.py     near-duplicates: what is filed, found, clustered, and named when it comes later
lines.py       lines that are a site's, learned from its articles, left out of its records
records.py     records, on their way out
"""
