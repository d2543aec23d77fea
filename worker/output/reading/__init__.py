"""The readers' side. Changes nothing but cursors that are kept here.

records.py    records in their order, of all shards;  reader.py  … of one directory;  follow.py  … as they come
cursors.py    where a reader is;  consumers.py  … kept by name
holding.py    where an article's last record is;  newest.py  the records that came last
"""
