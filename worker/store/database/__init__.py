"""The tables, and the database that holds them.

tables.py      the tables, and what they mean
columns.py     kinds of columns, as both databases keep them
migrations/    how the tables came about, from the first version on
opening.py     opens a state: location, pragmas
migrating.py   whether its tables have this version
holding.py     the lock of a state that one process works on
writing.py     the thread that writes to it, its transactions, and what happens when it is damaged
postgresql.py  … on PostgreSQL, shared by many processes
reaching.py    … whose server may be away when a worker starts
locks.py       row locks that a transaction takes on a shared state
dialects.py    one statement for many rows, in the way that is fastest for each database
batches.py     lists cut into pieces that every database accepts
notes.py       values stored under a name
clocks.py      the clock for leases and due times, and what happens when it is set
integrity.py   whether the SQLite file is whole
backup.py      a copy, made while the engine writes
moving.py      a whole state copied to another database
"""
