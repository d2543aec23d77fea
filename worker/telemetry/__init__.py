"""What the worker tells of itself while it runs; what reaches people of that is for `web` and `cli`.

vitals.py    whether it is well, and what it can't do now
meters.py    what it has done since its start
traces.py    what happens to each article, as OpenTelemetry traces (an extra, which nothing else here imports)
steps.py     … the steps of a piece of work, timed
exporting.py … and their way to a collector
"""
