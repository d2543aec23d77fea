"""When a cron line comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from worker.model import DAY_MS, Millis

_NEVER_MS = DAY_MS
"""For lines that never come, such as the 30th of February, which settings refuse."""


def next_fire(line: str, timezone: str, now: Millis) -> Millis:
    """The first time after `now` that the line (five fields as in crontab(5), weekdays by name) names in `timezone`."""
    after = datetime.fromtimestamp(now / 1000, UTC) + timedelta(milliseconds=1)
    fires = [trigger.get_next_fire_time(None, after) for trigger in _triggers(line, timezone)]
    found = [round(fire.timestamp() * 1000) for fire in fires if fire]
    return Millis(min(found, default=now + _NEVER_MS))


@lru_cache(maxsize=4096)
def _triggers(line: str, timezone: str) -> tuple[CronTrigger, ...]:
    """Where a date and a weekday are named, crontab(5) takes either; APScheduler wants both."""
    minute, hour, day, month, weekday = line.split()
    lines = [line]
    if not day.startswith("*") and not weekday.startswith("*"):
        lines = [f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}"]
    return tuple(CronTrigger.from_crontab(part, timezone=ZoneInfo(timezone)) for part in lines)
