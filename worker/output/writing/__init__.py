"""The writer's side.

directory.py   everything that the one writing process does to a directory
compaction.py  plans what to do with the files of closed days;  merging.py  … the bytes of several files as one
takedown.py    files without an article;  removed.py  the keys of articles that are gone
latest.py      the newest revision of each article, one file each;  recent.py  the newest articles as one feed
"""
