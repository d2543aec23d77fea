"""What went out, or has to be taken back.

outbox.py        rows numbered into segments, and marked when they are published
publications.py  what was published, and under which name; whether a directory has it
takedowns.py     articles that have to be forgotten
recovery.py      records that stand in an output directory → rows
"""
