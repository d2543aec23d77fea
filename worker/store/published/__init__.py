"""What has been published, or has to be taken back.

outbox.py        records numbered into segments, and deleted once these are published
publications.py  what was published under which name; whether an output directory matches it
takedowns.py     articles that have to be forgotten
recovery.py      an output directory read back into a state;  learning.py  … record by record
"""
