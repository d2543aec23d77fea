"""The rules of a feed as values: its own keys, and for those it lacks the defaults of its list."""

from __future__ import annotations

import hashlib

from worker.model import NO_RULES, Backlog, Filter, Rewrite, Rules
from worker.settings.feed_list import FeedDefaults
from worker.settings.rules import FilterKeys
from worker.settings.yaml_file import Loc, YamlFile

_RULES = frozenset({"select", "remove", "rewrite", "only", "skip", "backlog"})


def rules_of(keys: FeedDefaults, file: YamlFile, loc: Loc, *, defaults: Rules = NO_RULES) -> Rules:
    """The rules among the `keys` at `loc`; each key overrides that of the defaults."""
    own = keys.model_fields_set & _RULES
    if not own:
        return defaults
    only = _filters("only", keys.only, file, loc) if "only" in own else defaults.only
    skip = _filters("skip", keys.skip, file, loc) if "skip" in own else defaults.skip
    backlog = Backlog(newest=keys.backlog.newest, younger_s=keys.backlog.younger_s)
    return Rules(
        select=keys.select if "select" in own else defaults.select,
        remove=keys.remove if "remove" in own else defaults.remove,
        rewrite=tuple(Rewrite(match=r.match, to=r.to) for r in keys.rewrite) if "rewrite" in own else defaults.rewrite,
        only=only,
        skip=skip,
        filters_key=_key(only, skip),
        backlog=backlog if "backlog" in own else defaults.backlog,
    )


def _filters(name: str, filters: tuple[FilterKeys, ...], file: YamlFile, loc: Loc) -> tuple[Filter, ...]:
    return tuple(
        Filter(
            place=f"{name} in {file.place((*loc, name, index))}",
            title=keys.title,
            url=keys.url,
            tag=keys.tag,
            language=keys.language,
            older_s=keys.older_s,
        )
        for index, keys in enumerate(filters)
    )


def _key(*lists: tuple[Filter, ...]) -> bytes:
    """Changes if the filters change, but not if they are only moved."""
    if not any(lists):
        return b""
    said = [[(f.title, f.url, f.tag, f.language, f.older_s) for f in filters] for filters in lists]
    return hashlib.blake2b(repr(said).encode("utf-8", "replace"), digest_size=8).digest()
