"""When a cron line fires next.

APScheduler is only asked in UTC, where no hour is skipped: across a skipped hour its arithmetic loses the next time, so
that a poll at midnight would be followed by none at the midnight after. Conversion from and to the zone's clock is done
here.
"""

from __future__ import annotations

from bisect import bisect
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from worker.model import DAY_MS, Millis

_NEVER_MS = DAY_MS
"""For lines that never fire, such as the 30th of February, which settings refuse."""
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def next_fire(line: str, timezone: str, now: Millis) -> Millis:
    """The first time after `now` that the line (five fields as in crontab(5), weekdays by name) names in `timezone`.

    Times within a skipped hour are moved by the length of the jump; an hour that comes twice fires both times.
    """
    zone = ZoneInfo(timezone)
    after = datetime.fromtimestamp(now / 1000, UTC) + timedelta(milliseconds=1)
    while True:
        offset = _offset(zone, after)
        fire = _by_offset(line, offset, after)
        if fire is None:
            return Millis(now + _NEVER_MS)
        change = _change(zone, after, fire)
        if change is None or fire < change + max(_offset(zone, change) - offset, timedelta()):
            # After a skipped hour, the changed clock may name an earlier time.
            sooner = None if change is None else _by_offset(line, _offset(zone, change), change)
            return Millis(round(min(fire, sooner or fire).timestamp() * 1000))
        after = change


def _by_offset(line: str, offset: timedelta, after: datetime) -> datetime | None:
    """The first time from `after` on that the line names on a clock this far ahead of UTC."""
    fires = [trigger.get_next_fire_time(None, after + offset) for trigger in _triggers(line)]
    return min((fire - offset for fire in fires if fire), default=None)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _change(zone: ZoneInfo, begin: datetime, end: datetime) -> datetime | None:
    """When the zone's clock first changes after `begin`, up to `end`; None if it does not. Assumes at most one change a
    day, on a full minute."""
    before = _offset(zone, begin)
    while begin < end:
        step = min(begin + _DAY, end)
        if _offset(zone, step) != before:
            low = begin.replace(second=0, microsecond=0)
            minutes = range(-((low - step) // _MINUTE) + 1)
            changed = bisect(minutes, x=False, key=lambda minute: _offset(zone, low + minute * _MINUTE) != before)
            return low + changed * _MINUTE
        begin = step
    return None


@lru_cache(maxsize=4096)
def _triggers(line: str) -> tuple[CronTrigger, ...]:
    """If both a date and a weekday are given, crontab(5) fires on either, while APScheduler requires both."""
    minute, hour, day, month, weekday = line.split()
    lines = [line]
    if not day.startswith("*") and not weekday.startswith("*"):
        lines = [f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}"]
    return tuple(CronTrigger.from_crontab(part, timezone=UTC) for part in lines)
