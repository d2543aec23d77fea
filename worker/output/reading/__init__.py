"""The readers' side. Changes nothing, except the cursors of consumers that keep them here.

records.py    records in order, of all shards;  reader.py  … of one directory;  follow.py  … as they come
cursors.py    how far a reader has come;  consumers.py  … kept under a name
holding.py    finds the record, or the file, of an article;  newest.py  the records sealed last
"""
