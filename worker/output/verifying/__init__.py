"""Checks whether an output directory keeps its promises.

verify.py     all checks, in order
audit.py      the manifest;  contents.py  files of records, and those derived from them;  pages.py  the archive
revisions.py  that no record is there twice
findings.py   what can be wrong, and how it is mended
"""
