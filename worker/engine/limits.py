"""Time limits and sizes. Read when they are used, so that a test can lower them."""

from __future__ import annotations

LEASE_MS = 120_000
"""Longer than a fetch and an extraction take together. Renewed while the work goes on."""
RENEW_MS = 30_000
KEEP_S = 110.0
"""How long a lease may wait on a bus: it is removed there before it runs out and is handed out again."""
MAX_REFUSALS = 30
"""How many commits in a row, a second apart, the state may refuse before a run that has an end gives up; and for how
many seconds it waits for room, or for a machine that is able to work. `run` never gives up."""
UNABLE_MS = 60_000
"""When work is tried again that this machine could not do. Meanwhile one piece at a time finds out whether it can."""
GRACE_S = 8.0
"""How long work under way may take after a stop before it is handed back."""
SEAL_S = 1.0
"""How long a stop spends on publishing waiting records; the rest is published after the next start."""
GROUP = 50
GROUP_ENTRIES = 500
"""The most results, and entries of polls, in one transaction: leases, ticks and a stop have to wait for it."""
A_FEW = 8
"""If no more than this is under way, half of it is not worth a transaction of its own."""
LINGER, LINGER_S, LOOK_S = 20, 0.5, 0.01
"""The first result of a group waits for others: LINGER times as long as the last commit took, so that commits take a
small part of the time, but no more than LINGER_S. LOOK_S is the time between two looks. A transaction of 50 costs
little more than one of 1."""
TOGETHER_S = 0.05
"""Hosts whose turns come within this time of each other are claimed for together."""
JUMP_MS = 5_000
"""A wall clock that is off by more than this from one tick to the next has been set."""
UPKEEP_S = 3600.0
"""Time between two runs of upkeep."""
BEAT_S = 3
"""Time between two reports to the others on the same state."""
