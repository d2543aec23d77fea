"""One polite, bounded, guarded GET: a URL becomes an `Outcome`, whatever the network does.

    client    the request, its redirects within the host, the outcome
    request   what is sent: headers, secrets, validators
    answer    what an answer's head means, before its body is read
    body      the body, decoded, never more than asked for
    backend   the network under httpx: permitted addresses alone, total deadline, bounded bytes
    resolve   names to addresses;  addresses  which of them may be asked;  retry_after  one header
    failures  the network's exceptions as outcomes

It does not wait for a host's turn, follow a redirect to another host, keep validators, or try again: those are
decisions of the rooms above.
"""

from worker.fetch.client import Client
from worker.fetch.request import user_agent
from worker.fetch.resolve import Resolver

__all__ = ["Client", "Resolver", "user_agent"]
