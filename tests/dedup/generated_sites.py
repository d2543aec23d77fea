"""Sites of made-up articles, with lines that stand under many of them, and what looks like such lines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from worker.model import Millis

DAY_MS = 86_400_000
START = Millis(1_773_000_000_000)  # 2026-03-08
ARTICLES = 30
REPEATED = 5

_FURNITURE = (
    "Support independent journalism: become a member today.",
    "The views expressed here are those of the author and not of this paper.",
    "Sign up for our newsletter and get the best stories every morning.",
    "This article is for information only and is no investment advice.",
    "© 2026 Harbour Media Ltd. All rights reserved.",
    "Folgen Sie uns auf allen Kanälen, damit Sie nichts verpassen!",
    "Lisez aussi nos autres articles sur le même sujet, tous les jours.",
    "この記事が気に入ったら、ぜひ友だちに知らせてください。",
    "Подпишитесь на нашу рассылку и получайте лучшие статьи недели.",
    "Share this",
    "Read also",
    "Advertisement",
    "広告",
)
_HEADINGS = ("Background", "What comes next", "The numbers", "Why it matters", "Reactions")
_WORDS = tuple(
    f"{first}{last}"
    for first in ("har", "lam", "tor", "bel", "quay", "mist", "ferr")
    for last in ("bour", "p", "y", "n")
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """An article of a generated site."""

    title: str
    author: str
    published: Millis
    lines: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class GeneratedSite:
    articles: Sequence[Made]
    repeated: frozenset[str]
    """What is to go. All else is some articles' own."""


def generated(seed: int) -> GeneratedSite:
    """A site with a manner of its own: where its lines stand, how often, and what else its articles share."""
    chance = random.Random(seed)
    repeated = [*chance.sample(_FURNITURE[:9], REPEATED - 1), chance.choice(_FURNITURE[9:])]
    chance.shuffle(repeated)
    manner = chance.choice(("all at the end", "some in the middle", "around the text", "between links"))
    presence = chance.choice((1.0, 1.0, 0.9, 0.75))
    refrain = f"Part of a series on the {_sentence(chance)}"
    articles = []
    for number in range(ARTICLES):
        body = [_sentence(chance) for _ in range(chance.randint(2, 14))]
        if chance.random() < 0.7:
            for heading in chance.sample(_HEADINGS, 2):
                body.insert(chance.randint(1, len(body) - 1), heading)
        if 3 <= number < 8:
            body.append(refrain)  # five articles of a series
        body.insert(1, f"Magnitude: {chance.randint(10, 99) / 10}")
        here = [line for line in repeated if chance.random() < presence]
        articles.append(
            Made(
                title=_sentence(chance)[:60],
                author=f"Ada {chance.choice(_WORDS).title()}",
                published=Millis(START + number * DAY_MS),
                lines=_placed(body, here, manner, chance),
            )
        )
    return GeneratedSite(articles=articles, repeated=frozenset(repeated))


def _placed(body: list[str], repeated: list[str], manner: str, chance: random.Random) -> list[str]:
    long = [line for line in repeated if len(line) >= 25]
    match manner:
        case "some in the middle":
            at = len(body) // 2 + 1  # a short line in the middle stands beside one that says something
            box = [line for line in repeated if line not in long][:1] + long[:1]
            return [*body[:at], *box, *body[at:], *(line for line in repeated if line not in box)]
        case "around the text":
            return [*long[:1], *body, *(line for line in repeated if line not in long[:1])]
        case "between links":
            rest = [line for line in repeated if line not in long[:2]]
            return [*body, *long[:1], _sentence(chance), *long[1:2], _sentence(chance), *rest]
        case _:
            return [*body, *repeated]


def _sentence(chance: random.Random) -> str:
    return " ".join(["The", *(chance.choice(_WORDS) for _ in range(chance.randint(8, 25)))]) + "."
