"""One polite, bounded, guarded GET: a URL becomes an `Outcome`, whatever the network does.

    client    one request, one outcome
    request   what is sent: headers, secrets, validators
    answer    what an answer's head means, before its body is read
    body      the body, decoded, never more than asked for
    pools     httpx's transport: connections that are kept, to sites and through proxies;  connection  one of them
    backend   the network under it: permitted addresses alone, total deadline, bounded bytes;  sockets  … itself
    resolve   names to addresses;  addresses  which of them may be asked;  retry_after  one header
    failures  the network's exceptions as outcomes
    webhook   a POST to a program of the operator's
    robots    robots.txt: what getting it means, and what it allows

It does not wait for a host's turn, follow a redirect, keep validators or robots.txt, or try again: those are decisions
of the rooms above.
"""

from worker.fetch.client import Client
from worker.fetch.request import user_agent
from worker.fetch.resolve import Resolver
from worker.fetch.webhook import post_json

__all__ = ["Client", "Resolver", "post_json", "user_agent"]
