"""Whether an output directory is as promised.

verify.py    all of that, in its order
audit.py     the manifest;  contents.py  files of records, and beside them;  pages.py  the archive
revisions.py no record twice
findings.py  what may be wrong, and what mends it
"""
