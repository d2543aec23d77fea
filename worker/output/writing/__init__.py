"""The writer's side.

directory.py   what the one process that writes does with a directory
compaction.py  what is to be done with closed days;  merging.py  … and the bytes of several files in one
takedown.py    files without an article;  removed.py  what the articles were known by that are gone
latest.py      the newest revision of each article, in files of their own;  recent.py  … and the newest in one feed
"""
