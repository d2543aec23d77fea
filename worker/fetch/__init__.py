"""One polite, bounded, guarded GET: a URL becomes an `Outcome`, whatever the network does.

    client       one request, one outcome
    request      what is sent: headers, secrets, validators
    answer       what the head of an answer means, before its body is read
    body         the body, decoded, never larger than allowed
    pools        httpx's transport: kept connections, to sites and through proxies
    connection   one of these connections
    backend      limits on the network below: permitted addresses only, a total deadline, bounded bytes
    contact      whether anything outside answers
    sockets      TCP and TLS
    resolve      names to addresses
    addresses    which addresses may be asked
    retry_after  that header
    failures     the network's exceptions as outcomes
    webhook      a POST to a program of the operator's
    robots       robots.txt: what fetching it means, and what it allows

It does not wait for a host's turn, follow redirects, store validators or robots.txt, or try again: those are decisions
of the rooms above.
"""

from worker.fetch.client import Client
from worker.fetch.request import user_agent
from worker.fetch.resolve import Resolver
from worker.fetch.webhook import post_json

__all__ = ["Client", "Resolver", "post_json", "user_agent"]
