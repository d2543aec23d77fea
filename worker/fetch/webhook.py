"""Notifies a program of the operator's: one POST of JSON to an address that they chose, wherever that is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_network

import orjson

from worker import urls
from worker.fetch.backend import limited
from worker.fetch.client import HEAD_BYTES, certificates, request
from worker.fetch.failures import FOREIGN, failure_of
from worker.fetch.pools import Pools
from worker.fetch.request import Asking
from worker.fetch.resolve import Resolver
from worker.model import NO_VALIDATORS

_ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


async def post_json(url: str, value: Mapping[str, object], *, user_agent: str, timeout_s: float) -> str | None:
    """Returns why it was not accepted; None if it was, with a 2xx. The answer's body is not read, redirects are not
    followed. The address is not checked as those of sites are, because it may well be on this machine."""
    resolver = Resolver(threads=1, timeout_s=timeout_s)
    pools = Pools(context=certificates(), resolver=resolver, allow=_ANYWHERE, max_connections=1)
    try:
        asking = Asking.of(
            url,
            user_agent=user_agent,
            accept="*/*",
            headers={"content-type": "application/json"},
            validators=NO_VALIDATORS,
            content=orjson.dumps(value),
        )
        with limited(deadline=time.monotonic() + timeout_s, wire_bytes=HEAD_BYTES):
            answer = await pools.handle_async_request(request(asking))
            await answer.aclose()
    except urls.BadUrl as error:
        return str(error)
    except FOREIGN as error:
        return failure_of(error).reason
    finally:
        await pools.aclose()
        resolver.close()
    return None if answer.is_success else f"the server answered {answer.status_code}"
