"""Feed lists → feeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from worker import urls
from worker.errors import Problem
from worker.model import Feed, FeedId, Rules
from worker.settings.addresses import hidden, slug
from worker.settings.feed_list import FeedDefaults, FeedEntry, FeedFile
from worker.settings.feed_rules import rules_of
from worker.settings.problems import problems_of
from worker.settings.yaml_file import Loc, YamlFile


def feeds_of(
    files: Iterable[YamlFile], *, beside: Sequence[Feed], blank: bool = False
) -> tuple[list[tuple[Feed, ...]], tuple[Problem, ...]]:
    """The feeds of each list in order, and everything that is wrong with them. A feed listed twice is a mistake, even
    if the other is among those `beside`. blank: accept a list that says nothing as one without feeds."""
    feeds: list[tuple[Feed, ...]] = []
    problems: list[Problem] = []
    by_url: dict[str, tuple[YamlFile, Loc]] = {}
    by_id: dict[FeedId, tuple[YamlFile, Loc]] = {}
    other_urls, other_ids = {urls.canonical(feed.url) for feed in beside}, {feed.id for feed in beside}
    alike: dict[tuple[str, ...], tuple[str, ...]] = {}
    for file in files:
        defaults, wrong = _defaults(file)
        problems += [*file.problems, *wrong]
        own: list[Feed] = []
        common = rules_of(defaults, file, ("defaults",))
        for loc, entry in _entries(file, is_sound=not (blank or file.problems or wrong)):
            if isinstance(entry, Problem):
                problems.append(entry)
                continue
            rules = rules_of(entry, file, loc, defaults=common)
            tags = (entry if "tags" in entry.model_fields_set else defaults).tags
            tags = alike.setdefault(tags, tags)  # a hundred thousand feeds share a hundred sets of tags
            feed, here = _feed(entry, defaults, rules, tags, _put_into_url(file, loc)), (file, loc)
            same_url = by_url.setdefault(entry.url.canonical, here)
            same_id = by_id.setdefault(feed.id, here)
            if same_url is not here:
                problems.append(_repeated(here, same_url, "the same feed as in", "remove one of them"))
            elif same_id is not here:
                problems.append(_repeated(here, same_id, "the same id as the feed in", "give it an id of its own"))
            elif entry.url.canonical in other_urls or feed.id in other_ids:
                problems.append(file.problem(loc, "the same feed, or id, as in another list"))
            else:
                own.append(feed)
        feeds.append(tuple(own))
    return feeds, tuple(problems)


def _defaults(file: YamlFile) -> tuple[FeedDefaults, list[Problem]]:
    """The defaults of `file`, and what is wrong with it apart from its feeds."""
    content = {**file.value, "feeds": []} if isinstance(file.value, dict) else file.value
    try:
        return FeedFile.model_validate(content).defaults, []
    except ValidationError as error:
        return FeedDefaults(), list(problems_of(error, file, FeedFile))


def _entries(file: YamlFile, *, is_sound: bool) -> Iterator[tuple[Loc, FeedEntry | Problem]]:
    """The feeds one by one, so that a mistake in one does not hide others. is_sound: report a list that says
    nothing."""
    listed = file.value.get("feeds") if isinstance(file.value, dict) else None
    if not isinstance(listed, list):
        if listed is not None:
            yield (), file.wrong(("feeds",), "expected a list", hint="put a dash before each feed")
        elif is_sound:
            # This is how an editor, or a full disk, leaves a file that was truncated before being written.
            yield (), file.problem(("feeds",), "nothing is listed", hint="feeds: [] if that is meant")
        return
    for index, item in enumerate(listed):
        loc: Loc = ("feeds", index)
        if not isinstance(item, str | dict):
            if not file.is_reported(loc):
                yield loc, file.wrong(loc, "expected a URL, or a mapping with a url")
            continue
        try:
            yield loc, FeedEntry.model_validate({"url": item} if isinstance(item, str) else item)
        except ValidationError as error:
            for problem in problems_of(error, file, FeedFile, loc):
                yield loc, problem


def _put_into_url(file: YamlFile, loc: Loc) -> tuple[str, ...]:
    return file.put_in(loc) or file.put_in((*loc, "url"))


def _feed(
    entry: FeedEntry, defaults: FeedDefaults, rules: Rules, tags: tuple[str, ...], secrets: Sequence[str]
) -> Feed:
    own = entry.model_fields_set
    older = (entry if "backfill_from" in own else defaults).backfill_from
    due = entry if own & {"every_s", "cron"} else defaults
    return Feed(
        id=FeedId(entry.id or slug(entry.url.canonical, secrets)),
        url=entry.url.url,
        public_url=hidden(entry.url.url, secrets),
        title=(entry if "title" in own else defaults).title,
        tags=tags,
        every_s=due.every_s,
        cron=due.cron,
        full_text=(entry if "full_text" in own else defaults).full_text,
        html=(entry if "html" in own else defaults).html,
        backfill_s=(entry if "backfill_s" in own else defaults).backfill_s,
        backfill_from=None if older is None else older.url,
        recheck_s=(entry if "recheck_s" in own else defaults).recheck_s,
        rules=rules,
        expect_s=(entry if "expect_s" in own else defaults).expect_s,
        headers=_headers((entry if "headers" in own else defaults).headers, entry.url.authorization),
    )


def _headers(headers: Mapping[str, str], authorization: str | None) -> Mapping[str, str]:
    if authorization is None:
        return headers
    return {k: v for k, v in headers.items() if k.lower() != "authorization"} | {"Authorization": authorization}


def _repeated(here: tuple[YamlFile, Loc], first: tuple[YamlFile, Loc], message: str, hint: str) -> Problem:
    """Does not show the URL or id, which may be made from environment variables."""
    (file, loc), (first_file, first_loc) = here, first
    return file.problem(loc, f"{message} {first_file.place(first_loc)}", hint=hint)
