"""Parsing and extraction in processes that can be killed.

pool.py     starts, limits and kills the processes, and calls functions in them
pipe.py     messages to them that don't block the event loop
preload.py  the modules they have loaded from the start
child.py    what runs in each of them, without what only the parent needs
"""
