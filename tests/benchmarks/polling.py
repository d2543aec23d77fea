"""Polling policies compared on a virtual clock: `python -m tests.benchmarks.polling [SITES [DAYS]]` prints the table.

Each policy polls the same sites; counted are its requests, the delay of each entry from publication to poll, and the
entries that had left their feed's window before they were seen. Ours is then made as eager or as thrifty as each rival,
to within 2 % of its requests, and has to be no worse.

    5,000 generated sites, 324,044 entries in 30 days

                                     requests mean min  p95 min   missed
    feedmill, as it is              1,191,393     35.7    100.1      255
    Media Cloud, overlap              344,654    242.3    680.6    6,644
      feedmill, price_s=12680         343,964    130.8    378.4    4,170
    Miniflux, entry frequency       1,126,356    137.7    698.8      775
      feedmill, price_s=1959        1,126,591     37.7    105.8      273
    every 60 min                    3,600,000     29.9     56.9      768
      feedmill, price_s=340         3,600,466     11.6     32.3       19
    every 30 min                    7,197,486     15.0     28.5        9
      feedmill, price_s=120         7,191,503      5.8     16.0        0

    The corpus' feeds, 4,887 entries in 30 days

                                     requests mean min  p95 min   missed
    feedmill, as it is                 13,166     30.8     68.8        0
    Media Cloud, overlap                4,753    271.0    680.6        0
      feedmill, price_s=9702            4,760     90.9    204.7        0
    Miniflux, entry frequency           9,465     91.5    380.3        0
      feedmill, price_s=2989            9,463     42.6     95.5        0
    every 60 min                       51,120     29.8     56.5        0
      feedmill, price_s=235            51,101      8.1     17.0        0
    every 30 min                      102,199     15.1     28.7        0
      feedmill, price_s=83            101,962      3.9      8.4        0

    319 s of CPU
"""

from __future__ import annotations

import random
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from tests.benchmarks.policies import Feedmill, Fixed, MediaCloud, Miniflux, Policy
from tests.benchmarks.publishing import DAY, HOUR, MINUTE, START, Site, generated, real
from worker.schedule.adaptive import Pace

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "feeds"

RIVALS: dict[str, Callable[[Site], Policy]] = {
    "Media Cloud, overlap": lambda _: MediaCloud(),
    "Miniflux, entry frequency": lambda _: Miniflux(),
    "every 60 min": lambda _: Fixed(60),
    "every 30 min": lambda _: Fixed(30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    requests: int
    mean_min: float
    """From publication to poll."""
    p95_min: float
    missed: int

    def __str__(self) -> str:
        return f"{self.requests:>10,} {self.mean_min:>8.1f} {self.p95_min:>8.1f} {self.missed:>8,}"


def simulate(sites: Iterable[Site], policy: Callable[[Site], Policy], *, days: int) -> Result:
    """What becomes of `days` from `START` on. What was not seen in them is seen at the poll that was due next."""
    end, requests, missed = START + days * DAY, 0, 0
    delays: list[int] = []
    for site in sites:
        decide, entries = policy(site), site.entries
        now = int(START + site.phase * HOUR)
        seen = bisect_right(entries, now)
        wait = decide.first(now, entries[max(seen - site.window, 0) : seen])
        while True:
            requests += 1
            now += int(wait)
            if now >= end:
                delays += [now - entry for entry in entries[seen:]]
                break
            out = bisect_right(entries, now, seen)
            if out == seen:
                wait = decide.poll(now, (), 0)
                continue
            new = entries[max(seen, out - site.window) : out]
            missed += out - seen - len(new)
            delays += [now - entry for entry in new]
            wait = decide.poll(now, new, min(site.window, out))
            seen = out
    delays.sort()
    return Result(
        requests=requests,
        mean_min=sum(delays) / len(delays) / MINUTE,
        p95_min=delays[int(len(delays) * 0.95)] / MINUTE,
        missed=missed,
    )


def ours(sites: Sequence[Site], *, days: int, price_s: float) -> Result:
    chance = random.Random(2)
    pace = Pace(price_s=price_s)
    return simulate(sites, lambda site: Feedmill(pace, phase=site.phase, chance=chance), days=days)


def ours_with(requests: int, sites: Sequence[Site], *, days: int) -> tuple[float, Result]:
    """Ours, and its price, so that it takes as many requests, give or take 1.5 %."""
    # To find the price, a sample that holds as many of the slow and of the busy as there are.
    price_s, sample = Pace().price_s, sorted(sites, key=lambda site: len(site.entries))[:: len(sites) // 250 or 1]
    for _ in range(12 if len(sample) < len(sites) else 0):
        part = ours(sample, days=days, price_s=price_s).requests * len(sites) / len(sample)
        if abs(part / requests - 1) < 0.005:
            break
        # Intervals go with price^(2/3), but for those at their bounds.
        price_s *= (part / requests) ** 1.5
    for _ in range(6):
        result = ours(sites, days=days, price_s=price_s)
        if abs(result.requests / requests - 1) < 0.015:
            return price_s, result
        price_s *= (result.requests / requests) ** 1.5
    raise ValueError(f"no price makes {requests} requests")


def table(name: str, sites: Sequence[Site], *, days: int) -> Iterator[str]:
    entries = sum(entry >= START for site in sites for entry in site.entries)
    yield f"\n{name}, {entries:,} entries in {days} days\n"
    yield f"{'':30} {'requests':>10} {'mean min':>8} {'p95 min':>8} {'missed':>8}"
    yield f"{'feedmill, as it is':30} {ours(sites, days=days, price_s=Pace().price_s)}"
    for rival, policy in RIVALS.items():
        result = simulate(sites, policy, days=days)
        price_s, matched = ours_with(result.requests, sites, days=days)
        yield f"{rival:30} {result}"
        yield f"{f'  feedmill, price_s={price_s:.0f}':30} {matched}"


def main(count: int = 5000, days: int = 30) -> None:
    for line in table(f"{count:,} generated sites", generated(count, days=days), days=days):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    if CORPUS.is_dir():
        for line in table("The corpus' feeds", real(CORPUS, days=days), days=days):
            sys.stdout.write(line + "\n")
    sys.stdout.write(f"\n{process_time():.0f} s of CPU\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
