"""When next: the poll of a feed, the retry of a page. Pure; times are `Millis`, chance is an argument."""

from worker.schedule.adaptive import Next, Pace, Seen, phase_of, plan
from worker.schedule.failures import FailureClass, Setbacks, class_of
from worker.schedule.freshness import freshness
from worker.schedule.history import History
from worker.schedule.pages import next_try
from worker.schedule.polls import Timing, next_poll

__all__ = [
    "FailureClass",
    "History",
    "Next",
    "Pace",
    "Seen",
    "Setbacks",
    "Timing",
    "class_of",
    "freshness",
    "next_poll",
    "next_try",
    "phase_of",
    "plan",
]
