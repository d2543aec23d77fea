"""Due work, and who is doing it.

works.py          leased work with everything needed to do it
claims.py         due work leased for free slots of ready hosts; leases renewed and voided
settling.py       when a host can be claimed for next
takings.py        work leased by one process, taken up by another
turns.py          a host's turn, taken by a command
hosts.py          hosts slowed down when they refuse or their robots.txt asks for it
robots.py         copies of robots.txt
standing.py       what a poll means for its feed, and when that is polled next
floods.py         feeds that publish more than is read of them
subscriptions.py  subscriptions at the hubs that feeds name (WebSub)
pushes.py         what these hubs send
"""
