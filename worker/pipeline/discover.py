"""discover(url): finds the feeds of a site and checks each. Tries one source of addresses after another until one has
feeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from worker import feeds, urls
from worker.cpu.pool import Pool
from worker.errors import TaskError
from worker.fetch.request import bare
from worker.model import Fetched, FoundFeed, Millis, NotAFeed, ParsedFeed
from worker.pipeline.gets import ACCEPT
from worker.pipeline.turns import Looks

MAX_CHECKED = 5
"""How many feeds of one page are checked; further ones are only named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """A feed that was found and read."""

    url: str
    """The URL to list: after permanent redirects."""
    title: str | None
    entries: int
    newest_at: Millis | None
    """The latest date of its entries; None if none has a date."""
    how: str
    """How it was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    found: Sequence[Discovered]
    """The most likely first."""
    unseen: Sequence[FoundFeed] = ()
    """Further feeds that the page names, not checked."""
    problem: str = ""
    """Why there is none."""


class Discoverer:
    """Finds feeds, for a command."""

    def __init__(self, *, looks: Looks, cpu: Pool, clock: Callable[[], Millis]) -> None:
        self._looks, self._cpu, self._clock = looks, cpu, clock

    async def discover(self, url: str) -> Discovery:
        """The feeds at `url` or of its site, from the first of these sources that has any: the known form of the site's
        feed addresses, the feed that `url` is itself, feeds the page declares or links to, and the usual places. Raises
        urls.BadUrl."""
        url = bare(url)
        formed = [FoundFeed(url=form) for form in feeds.known_forms(url)]
        found = await self._checked(formed, "by the form of its site's addresses")
        if found:
            return Discovery(found=found)
        answer, lasting = await self._looks.get(url, accept=ACCEPT)
        if not isinstance(answer, Fetched):
            return Discovery(found=(), problem=answer.reason)
        itself = await self._read(answer, lasting, "it is one itself")
        if isinstance(itself, Discovered):
            return Discovery(found=[itself])
        try:
            named = await self._cpu.run(feeds.discover, answer.body, url=answer.url, content_type=answer.content_type)
        except TaskError as error:
            return Discovery(found=(), problem=f"the page could not be read: {error}")
        found = await self._checked(named[:MAX_CHECKED], "named by its page")
        if found:
            return Discovery(found=found, unseen=named[MAX_CHECKED:])
        for place in _usual_places(answer.url):
            if found := await self._checked([FoundFeed(url=place)], "at a usual place"):
                return Discovery(found=found)
        return Discovery(found=(), problem=f"it is {itself}, and names no feed; none is at the usual places")

    async def _checked(self, candidates: Iterable[FoundFeed], how: str) -> list[Discovered]:
        """Those that are feeds, without repetitions."""
        found: dict[str, Discovered] = {}
        for candidate in candidates:
            answer, lasting = await self._looks.get(candidate.url, accept=ACCEPT)
            read = await self._read(answer, lasting, how) if isinstance(answer, Fetched) else None
            if isinstance(read, Discovered):
                found.setdefault(urls.canonical(read.url), read)
        return list(found.values())

    async def _read(self, answer: Fetched, lasting: str, how: str) -> Discovered | str:
        """The feed in the answer, or what the answer is instead."""
        try:
            parsed: ParsedFeed | NotAFeed = await self._cpu.run(
                feeds.parse,
                answer.body,
                url=answer.url,
                content_type=answer.content_type,
                known=frozenset(),
                now=self._clock(),
            )
        except TaskError as error:
            return f"a document that could not be read ({error})"
        if isinstance(parsed, NotAFeed):
            return parsed.reason
        dates = [at for entry in parsed.entries if (at := entry.published or entry.updated) is not None]
        return Discovered(
            url=lasting, title=parsed.title, entries=len(parsed.entries), newest_at=max(dates, default=None), how=how
        )


def _usual_places(url: str) -> list[str]:
    """Addresses below the page, then at the root of its site."""
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    folder = parts.path.rpartition("/")[0] if "." in parts.path.rpartition("/")[2] else parts.path.rstrip("/")
    below = [f"{root}{folder}/feed"] if folder else []
    return below + [root + path for path in feeds.WELL_KNOWN]
