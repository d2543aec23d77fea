"""The body of a request, within limits."""

from __future__ import annotations

import asyncio

from starlette.requests import Request


async def body_of(request: Request, *, max_bytes: int, within_s: float) -> bytes | None:
    """None if it is larger; then no more of it is read. Raises TimeoutError if it takes longer to arrive,
    ClientDisconnect."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        return None
    parts, size = [], 0
    async with asyncio.timeout(within_s):
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                return None
            parts.append(part)
    return b"".join(parts)
