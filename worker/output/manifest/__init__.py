"""Which files an output directory has, and what became of them.

manifest.py   the lines;  chain.py  appends lines, each with the hash of the one before
inventory.py  which files there are according to the lines;  last.py  the last segments
"""
