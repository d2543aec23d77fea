"""Parsing and extraction in processes that can be killed.

pool.py     starts and bounds them, and calls functions there;  pipe.py  … over messages that block no event loop
preload.py  what they have loaded from the start
child.py    what one of them does, loaded without what only the parent needs
"""
