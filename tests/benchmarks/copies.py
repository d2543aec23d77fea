"""Copies of articles, made by rule out of real ones: what near-duplicates are measured on.

Each maker takes the paragraphs of an article, and chance. `reprint` and its like are copies that have to be found;
`sharing` and `template` are none. The words around a copy are made up here, in the manner of those that sites use.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

Chance = random.Random
Paragraphs = Sequence[str]
Maker = Callable[[Paragraphs, Chance], list[str]]

_CREDITS = (
    "The original source of this article is The Harbour Letter. Copyright © The Harbour Letter, 2026",
    "This article was originally published by Quay & Tide and is republished here with permission.",
    "This article first appeared on The Long Ledger.",
    "Republished from The Northern Wire under a Creative Commons licence. Read the original article.",
    "Dieser Artikel erschien zuerst im Hafenboten.",
    "Cet article a été publié pour la première fois par La Lettre du Port.",
    "Este artículo fue publicado originalmente en El Cuaderno del Puerto.",
)
_APPEALS = (
    "If you are able, and if you like what we do, please support the project. Our work would not be possible without "
    "your help. You can give once or each month, by card or by bank transfer.",
    "Our journalism is free to read and costs money to make. Become a member today and help us to keep it that way.",
    "Subscribe to our newsletter and have the best of the week in your inbox each Friday morning.",
    "Follow us on the networks and join the conversation with ten thousand other readers.",
    "Unterstützen Sie unsere Arbeit: Mit einer Spende helfen Sie uns, auch morgen noch unabhängig zu berichten.",
)
_DISCLAIMERS = (
    "Disclaimer: The contents of this article are the sole responsibility of its author. The editors of this site will "
    "not be responsible for any inaccurate or incorrect statement in it. Permission is granted to cross-post articles "
    "on community sites as long as source and copyright are acknowledged together with a link to the original.",
    "The views expressed in this article are the author's own and do not necessarily reflect the editorial policy of "
    "this publication, of its owners or of its partners.",
    "This site has copyrighted material the use of which has not always been specifically authorised by the owner. "
    "It is made available to advance the understanding of matters of public interest, without profit, to those "
    "who have asked for it for research and education. Who wants to use it otherwise has to ask the owner.",
    "All rights reserved. For media inquiries: press@harbourletter.example",
    "Les opinions exprimées dans cet article n'engagent que leur auteur et ne reflètent pas nécessairement celles de "
    "la rédaction.",
)
_HEADS = (
    "By a staff writer, 23 November 2026",
    "The Harbour Letter, November 23, 2026",
    "Editor's note: we publish this article from our partner because it matters to readers here as well.",
    "Region: Coast and Islands",
)
_HEADLINES = ("What we know so far", "Here is what happened", "The story everyone is talking about", "Explained")
_MORE = ("Read the full story at The Harbour Letter.", "Continue reading …", "[…]", "Weiterlesen beim Hafenboten")
_WORDS = ("new", "large", "reportedly", "former", "local", "about", "several", "early", "late", "nearly", "official")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？])")


def reprint(text: Paragraphs, chance: Chance) -> list[str]:
    """The whole text between lines of the site that reprints it: a credit, and one to three more."""
    behind = [*chance.sample(_APPEALS, chance.randint(0, 2)), chance.choice(_CREDITS)]
    behind += chance.sample(_DISCLAIMERS, chance.randint(0, 2))
    return [*chance.sample(_HEADS, chance.randint(0, 2)), *text, *behind]


def headline(text: Paragraphs, chance: Chance) -> list[str]:
    """Another headline and another first line under it; in one of two, another paragraph order at the end."""
    changed = [chance.choice(_HEADLINES), *text]
    if len(changed) > 6 and chance.random() < 0.5:
        changed[-1], changed[-2] = changed[-2], changed[-1]
    return changed


def truncated(text: Paragraphs, chance: Chance) -> list[str]:
    """The first 50 to 95 % of it, and in two of three a line that leads on."""
    return [*_first(text, chance.uniform(0.5, 0.95)), *([chance.choice(_MORE)] if chance.random() < 0.67 else [])]


def halved(text: Paragraphs, chance: Chance) -> list[str]:
    """The first half of it, no more."""
    return _first(text, 0.5)


def _first(text: Paragraphs, share: float) -> list[str]:
    """By characters, to the end of a word where words have one."""
    whole = "\n".join(text)
    end = round(len(whole) * share)
    rest = re.match(r"[^\s\u0e00-\uffff]*", whole[end:])
    return whole[: end + (rest.end() if rest else 0)].split("\n")


def edited(text: Paragraphs, chance: Chance) -> list[str]:
    """One word in seventy replaced, left out or put in, and one sentence in twenty left out."""
    sentences = [[s for s in _SENTENCE.split(line) if chance.random() > 0.05] for line in text]
    return [line for line in (_with_edits(" ".join(kept), chance) for kept in sentences if kept) if line]


def _with_edits(line: str, chance: Chance) -> str:
    words: list[str] = []
    for word in line.split():
        if chance.random() > 1 / 70:
            words.append(word)
        else:
            words += chance.choice(([], [chance.choice(_WORDS)], [word, chance.choice(_WORDS)]))
    return " ".join(words)


def abridged(text: Paragraphs, chance: Chance) -> list[str]:
    """Cut, edited and reprinted at once: at least 60 % of it is left."""
    return reprint(edited(_first(text, chance.uniform(0.6, 0.9)), chance), chance)


COPIES: dict[str, Maker] = {
    "reprint": reprint,
    "headline": headline,
    "truncated": truncated,
    "halved": halved,
    "edited": edited,
    "abridged": abridged,
}
"""What has to be found."""


def sharing(text: Paragraphs, other: Paragraphs, share: float) -> list[str]:
    """Another article on the same event: `share` of the words of `text` (what an agency wrote, what somebody said) in
    an article of its own."""
    own, whole = "\n".join(other), len("\n".join(text))
    left = min(len(own), round(whole * (1 - share)))
    return [own[: left // 2], *_first(text, left * share / (1 - share) / whole), own[left // 2 : left]]


_PLACES = ("Altmar", "Brenock", "Corhaven", "Dunsley", "Eastwick", "Farlow", "Grenmoor", "Holmby", "Inverlay", "Kesby")
_FIRMS = ("Aldine", "Borrowell", "Castor & Lane", "Dovetail", "Everett", "Fenwick", "Garland", "Hallam", "Iris", "Jory")
_SKIES = ("rain", "showers", "drizzle", "sun", "fog", "cloud", "snow", "sleet", "bright spells", "thunder")


def weather(chance: Chance) -> list[str]:
    """A page that a site makes of figures each day."""
    place, a, b = chance.choice(_PLACES), *chance.sample(_SKIES, 2)
    low = chance.randint(-5, 12)
    return [
        f"The weather in {place} today: {a} in the morning, {b} later, with highs of {low + chance.randint(3, 12)} and "
        f"lows of {low} degrees. The wind comes from the {chance.choice(('north', 'south', 'east', 'west'))} at "
        f"{chance.randint(5, 60)} km/h, with gusts of up to {chance.randint(61, 110)} km/h on the hills.",
        f"The chance of {a} is {chance.randint(10, 95)} per cent. Sunrise is at {chance.randint(5, 8)}:"
        f"{chance.randint(10, 59)}, sunset at {chance.randint(16, 21)}:{chance.randint(10, 59)}. The water level "
        f"at the gauge of {place} stands at {chance.randint(100, 700)} cm.",
        f"Tomorrow brings {chance.choice(_SKIES)} and temperatures around {low + chance.randint(0, 9)} degrees. "
        f"Drivers in the {place} area should expect {b} on the roads. Made at {chance.randint(4, 9)} o'clock.",
    ]


def shares(chance: Chance) -> list[str]:
    """A report of a share's day, as sites make them by the thousand."""
    firm, price, change = chance.choice(_FIRMS), chance.uniform(5, 400), chance.uniform(0.1, 9)
    verb = chance.choice(("rose", "fell"))
    return [
        f"Shares of {firm} {verb} {change:.1f} per cent in {chance.choice(('early', 'midday', 'late'))} trading on "
        f"{chance.choice(('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'))}. The stock last traded at "
        f"${price:.2f}, with {chance.randint(10, 900)},{chance.randint(100, 999)} shares changing hands, against an "
        f"average of {chance.randint(10, 900)},{chance.randint(100, 999)}.",
        f"{firm} has a market capitalisation of ${chance.uniform(1, 90):.1f} billion, a price-to-earnings ratio of "
        f"{chance.uniform(5, 60):.1f} and a beta of {chance.uniform(0.4, 2):.2f}. Its {chance.choice((50, 200))}-day "
        f"moving average is ${price * chance.uniform(0.8, 1.2):.2f}.",
        f"{chance.choice(_PLACES)} Capital {chance.choice(('raised', 'cut', 'kept'))} its target from "
        f"${price * 0.9:.0f} to ${price * 1.1:.0f}. Of the analysts that follow {firm}, {chance.randint(0, 9)} say "
        f"sell, {chance.randint(0, 9)} hold and {chance.randint(1, 19)} buy.",
    ]


TEMPLATES: dict[str, Callable[[Chance], list[str]]] = {"weather": weather, "shares": shares}
"""What a site makes of a form: no copies of each other."""
