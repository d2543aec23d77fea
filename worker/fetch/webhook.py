"""Telling a program of the operator's: one POST of JSON to an address that they chose, wherever that is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import orjson

from worker.fetch.failures import FOREIGN, failure_of


async def post_json(url: str, value: Mapping[str, object], *, user_agent: str, timeout_s: float) -> str | None:
    """Why it was not taken; None where it was, with a 2xx. What is answered is not read; redirects are not followed.

    The address is not checked as those of sites are: it may well be of this machine.
    """
    headers = {"Content-Type": "application/json", "User-Agent": user_agent}
    try:
        context = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)  # reads the certificates: 20 ms
        # The client is thrown away with its pool, which a cancelled request may leave unusable.
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(verify=context, trust_env=False) as client,
            client.stream("POST", url, content=orjson.dumps(value), headers=headers) as answer,
        ):
            return None if answer.is_success else f"the server answered {answer.status_code}"
    except FOREIGN as error:
        return failure_of(error).reason
