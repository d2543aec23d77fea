"""When a cron line comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from worker.model import Millis

_NEVER_MS = 86_400_000
"""For lines that never come, such as the 30th of February, which settings refuse."""


def next_fire(line: str, timezone: str, now: Millis) -> Millis:
    """The first time after `now` that the line (five fields as in crontab(5), weekdays by name) names in `timezone`."""
    after = datetime.fromtimestamp(now / 1000, UTC) + timedelta(milliseconds=1)
    fire = _trigger(line, timezone).get_next_fire_time(None, after)
    return Millis(round(fire.timestamp() * 1000) if fire else now + _NEVER_MS)


@lru_cache(maxsize=4096)
def _trigger(line: str, timezone: str) -> CronTrigger:
    return CronTrigger.from_crontab(line, timezone=ZoneInfo(timezone))
