"""The bus, with a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests import broker
from worker.bus import Bus
from worker.bus.jetstream import JetStreamBus

KEEP_S = 60.0


@pytest.fixture
async def bus(nats_server: broker.Server) -> AsyncIterator[Bus]:
    async with JetStreamBus(nats_server.address, keep_s=KEEP_S) as opened:
        yield opened
