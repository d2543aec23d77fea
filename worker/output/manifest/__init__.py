"""Which files an output directory has, and what became of them.

manifest.py   the lines;  chain.py  … added to, each with the hash of the one before
inventory.py  … come to which files there are;  last.py  … and the last of them
"""
