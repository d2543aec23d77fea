"""Due work, and who is on it.

works.py       work with all that is needed to do it
claims.py      … for free slots of ready hosts; leases renewed, voided;  takings.py  … and taken up by who was handed it
turns.py       the turns of hosts, which commands take as well
hosts.py       how hosts are treated that refuse, or ask for patience;  robots.py  … and what they ask of robots
standing.py    what polls say of their feed, and when it is polled next
floods.py      feeds that say more than is read of them
subscriptions.py  hubs that are asked to tell of new entries;  pushes.py  … and what they say
"""
