"""The places of an output directory, and what is done to them.

layout.py   the places, besides the manifest
files.py    what is done to files;  objects.py  … where they are a bucket's objects;  packing.py  … packed with zstd
lock.py     one process writes;  object_lock.py  … to a bucket
"""
