"""Paths, files and locks of an output directory, on a file system or in a bucket.

layout.py   names of files and folders, except the manifest's
files.py    operations on files;  objects.py  … on objects of a bucket;  packing.py  zstd compression
lock.py     makes sure that only one process writes;  object_lock.py  … to a bucket
"""
