"""The tables, and the database that holds them.

tables.py      the tables, and what they mean;  migrations/  how they came to be, from the first version on
opening.py     opens it: pragmas, migrations, the lock of one process a state
postgresql.py  … a database that many processes share;  reaching.py  … and may be away when a worker starts
locks.py       what a transaction holds, where others run beside it
dialects.py    one statement for many rows, as each database carries it out best
batches.py     lists in pieces that every database takes
notes.py       what is kept under a name, for who comes later
clocks.py      by which time leases and due times go, and what becomes of that when it is set
integrity.py   whether its file is whole
backup.py      a copy of it, made beside the engine that writes;  moving.py  … of all of it, to another database
"""
