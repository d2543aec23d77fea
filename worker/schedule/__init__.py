"""When next: the poll of a feed, the retry of a page. Pure; times are `Millis`, randomness is an argument.

adaptive.py   when a feed is polled again, and why: as configured, or as found out from the following
history.py    what is remembered of a feed's publishing
rhythm.py     how many entries it has probably published since
coverage.py   how many of them were probably missed
hints.py      what its site asks for in the document
freshness.py  what its site asks for in header fields
cron.py       cron lines
durations.py  durations in words
failures.py   failed polls in a row, by class
moves.py      301 and 308: the address to use from now on
gone.py       410, and 404 of a page: when it is believed
trust.py      304: how far it is believed
silence.py    feeds that have brought nothing for longer than expected
pressure.py   the pace for a host that has refused
pages.py      the tries of a page
looks.py      when a page is looked at again
"""

from worker.schedule.adaptive import Next, Pace, Polled, Seen, phase_of, plan
from worker.schedule.coverage import coverage, missed
from worker.schedule.failures import NO_SETBACKS, Setbacks, class_of
from worker.schedule.freshness import freshness, http_date_s
from worker.schedule.gone import NOT_GONE, Gone
from worker.schedule.hints import decode_hints, encode_hints
from worker.schedule.history import History
from worker.schedule.looks import NOT_HAD_S, next_look, next_look_if_gone, next_revision
from worker.schedule.moves import Moves
from worker.schedule.pages import next_try
from worker.schedule.pressure import WHOLE, answered, paced, refused
from worker.schedule.silence import Silence, silence
from worker.schedule.trust import Trust

__all__ = [
    "NOT_GONE",
    "NOT_HAD_S",
    "NO_SETBACKS",
    "WHOLE",
    "Gone",
    "History",
    "Moves",
    "Next",
    "Pace",
    "Polled",
    "Seen",
    "Setbacks",
    "Silence",
    "Trust",
    "answered",
    "class_of",
    "coverage",
    "decode_hints",
    "encode_hints",
    "freshness",
    "http_date_s",
    "missed",
    "next_look",
    "next_look_if_gone",
    "next_revision",
    "next_try",
    "paced",
    "phase_of",
    "plan",
    "refused",
    "silence",
]
