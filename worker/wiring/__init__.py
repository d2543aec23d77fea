"""Builds the parts from the settings. This room alone knows which implementations are used.

app.py       the worker, and what commands do in its place
means.py     the parts that fetch and read: client, CPU processes, and what polls, walks and ingests with them
outputs.py   the configured output
extras.py    parts that need extra packages, imported only if the settings ask for them
outside.py   the parts beside the engine: the watch over silent feeds, and the status page
scouting.py  the parts that look at feeds for a command
"""
