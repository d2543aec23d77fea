"""The form of a claim on the bus: five integers as JSON, on a subject of its own. Anything else was not sent by
feedmill."""

from __future__ import annotations

import orjson

from worker.model import Claim, Lease, Millis

KINDS = ("poll", "ingest")
MAX_BYTES = 128
"""Five 64-bit integers take 101."""
_MOST = 2**63 - 1
"""The largest value of PostgreSQL's bigint."""


def subject(prefix: str, claim: Claim) -> str:
    """One subject per piece of work, so that a stream with one message per subject has it only once."""
    return f"{prefix}.{claim.kind}.{claim.lease.work_id}"


def encode(claim: Claim) -> bytes:
    lease = claim.lease
    return orjson.dumps([lease.work_id, lease.host_id, lease.slot, lease.token, lease.expires_at])


def decode(data: bytes, *, subject: str) -> Claim | None:
    """None if no feedmill has written it."""
    kind, _, work_id = subject.partition(".")[2].partition(".")
    if kind not in KINDS or len(data) > MAX_BYTES:
        return None
    try:
        numbers = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(numbers, list) or len(numbers) != 5 or str(numbers[0]) != work_id:
        return None
    if not all(type(number) is int and 0 <= number <= _MOST for number in numbers):
        return None
    lease = Lease(
        work_id=numbers[0], host_id=numbers[1], slot=numbers[2], token=numbers[3], expires_at=Millis(numbers[4])
    )
    return Claim(lease=lease, kind="poll" if kind == "poll" else "ingest")
