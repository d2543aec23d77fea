"""How long, how many. Read when they are needed, so that a test may have less of them."""

from __future__ import annotations

LEASE_MS = 120_000
"""Longer than a fetch and an extraction take together; renewed while the work goes on."""
RENEW_MS = 30_000
KEEP_S = 110.0
"""For a lease that waits on a bus: it is gone from there before it ends, and may be handed out anew."""
MAX_REFUSALS = 30
"""Commits, a second apart, that the state may refuse before a run that has an end gives up; `run` goes on for ever."""
GRACE_S = 8.0
"""What is in flight may take so long to end after a stop; then it is handed back."""
SEAL_S = 1.0
"""What a stop gives to a backlog of records; the rest is sealed after the next start."""
GROUP = 50
GROUP_ENTRIES = 500
"""Of polls: the leases, the ticks and a stop wait for the transaction."""
A_FEW = 8
"""Of which half is not worth a transaction of its own."""
LINGER, LINGER_S, LOOK_S = 20, 0.5, 0.01
"""The first of a group waits for others, so many times as long as the commit before took, so that commits take little
of the time, and so many seconds at most. 50 in one transaction cost little more than one."""
TOGETHER_S = 0.05
"""Hosts whose turn comes within so long of each other are claimed for together."""
JUMP_MS = 5_000
"""A wall clock that is off by more than this from one tick to the next has been set."""
UPKEEP_S = 3600.0
"""From one upkeep to the next."""
BEAT_S = 3
"""From one sign of life to the next, to those who work on the same state."""
