"""When next: the poll of a feed, the retry of a page. Pure; times are `Millis`, chance is an argument."""

from worker.schedule.pages import next_try
from worker.schedule.polls import Timing, next_poll

__all__ = ["Timing", "next_poll", "next_try"]
