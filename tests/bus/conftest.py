"""Brokers and claims for the tests of the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests import broker
from worker.bus import Bus, LocalBus
from worker.bus.jetstream import JetStreamBus
from worker.model import Claim

KEEP_S = 60.0


@pytest.fixture(params=["local", "jetstream"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus[Claim]]:
    """Each of the buses."""
    if request.param == "local":
        yield LocalBus[Claim]()
        return
    server: broker.Server = request.getfixturevalue("nats_server")
    async with JetStreamBus(server.address, keep_s=KEEP_S) as opened:
        yield opened
