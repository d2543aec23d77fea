"""When a cron line comes next.

APScheduler is asked in UTC alone, where no hour is skipped: across one its arithmetic loses what comes next, so that a
poll at midnight would be followed by none at the midnight after. What a zone's clock shows is moved to and fro here.
"""

from __future__ import annotations

from bisect import bisect
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from worker.model import DAY_MS, Millis

_NEVER_MS = DAY_MS
"""For lines that never come, such as the 30th of February, which settings refuse."""
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def next_fire(line: str, timezone: str, now: Millis) -> Millis:
    """The first time after `now` that the line (five fields as in crontab(5), weekdays by name) names in `timezone`.

    What an hour that is skipped would have had comes at the same distance from what came before; of an hour that comes
    twice both are meant.
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
            # In a skipped hour the clock that has changed may name something sooner.
            sooner = None if change is None else _by_offset(line, _offset(zone, change), change)
            return Millis(round(min(fire, sooner or fire).timestamp() * 1000))
        after = change


def _by_offset(line: str, offset: timedelta, after: datetime) -> datetime | None:
    """The first time from `after` on that the line names on a clock which is so far ahead of UTC."""
    fires = [trigger.get_next_fire_time(None, after + offset) for trigger in _triggers(line)]
    return min((fire - offset for fire in fires if fire), default=None)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _change(zone: ZoneInfo, begin: datetime, end: datetime) -> datetime | None:
    """When the zone's clock is first set after `begin`, up to `end`; None where it is not. It is not twice in a day,
    and on a full minute."""
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
    """Where a date and a weekday are named, crontab(5) takes either; APScheduler wants both."""
    minute, hour, day, month, weekday = line.split()
    lines = [line]
    if not day.startswith("*") and not weekday.startswith("*"):
        lines = [f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}"]
    return tuple(CronTrigger.from_crontab(part, timezone=UTC) for part in lines)
