"""A reprint and its original as pages, built from the text of the reprint as a reader sees it.

The text is the corpus' (`reprint/reprint.txt`, a real case), or one of ours that has the same traits.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.corpus import CORPUS

REAL = CORPUS / "reprint" / "reprint.txt"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is said, by whom and where."""

    title: str
    reprinter: str
    """The name of the site that reprints; of the original's: `original`."""
    reprinter_url: str
    original: str
    original_url: str
    reprinted: str
    """The lines on the day that stand under the title, the reprint's and the original's."""
    published: str
    labels: Sequence[tuple[str, Sequence[str]]]
    """What the site sorts by: a label, and the links behind it."""
    text: Sequence[str]
    appeal: str
    behind: Sequence[str]
    """Lines of the reprinting site below the article."""


def real() -> Case:
    """The corpus' case."""
    raw = [_plain(line) for line in REAL.read_text().split("\n") if line.strip()]
    first = next(n for n, line in enumerate(raw) if line.startswith("Modern 9K333"))
    appeal = next(n for n, line in enumerate(raw) if line.startswith("If you're able"))
    labels = [line.split(": ", 1) for line in raw[4:first]]
    return Case(
        title=raw[0],
        reprinter="Global Research",
        reprinter_url="https://www.globalresearch.example/video-syria-army-and-us-supported-sdf/5602569",
        original="South Front",
        original_url="https://southfront.example/syrian-army-and-sdf-boost-cooperation/",
        reprinted=raw[2],
        published=raw[3],
        labels=[(label, themes.split(", ") if label == "Theme" else [themes]) for label, themes in labels],
        text=raw[first:appeal],
        appeal=raw[appeal],
        behind=raw[appeal + 1 :],
    )


def _plain(line: str) -> str:
    """The text is a reader's, with a little markup left."""
    line = re.sub(r"<[^>]+>|\*\*", "", line)
    if "$" in line:  # one line was taken for a formula
        line = re.sub(r"\\underline|\\color|\{\\?|\}|\\|\$", "", line.replace("{\\color{blue} ", ""))
        line = line.replace("blue ", "")
    return line.strip()


OURS = Case(
    title="Ferry Crews and Harbour Office Agree on One Timetable, a Joint Desk Follows?",
    reprinter="Coastal Review",
    reprinter_url="https://coastalreview.example/ferry-crews-and-harbour-office/71204",
    original="Harbour Watch",
    original_url="https://harbourwatch.example/ferry-crews-agree/",
    reprinted="Coastal Review, March 14, 2026",
    published="Harbour Watch 13 March 2026",
    labels=[("Region", ["Bays & Inlets"]), ("Theme", ["Ferries", "Tides and Timetables"])],
    text=[
        "The crews of the two ferry lines that cross the bay and the harbour office have agreed on one "
        "timetable, three years after they last spoke to each other. It was worked out in the back room "
        "of the ticket hall, on the paper that is otherwise used to wrap fish, and signed by all eleven "
        "who were there.",
        "Until now each line had its own idea of the tide. Passengers who changed at the long pier "
        "waited for up to two hours, most of them outdoors. The shelter that was promised in 2021 has a "
        "foundation and a plaque, and nothing between the two, as the council admitted in its last "
        "report.",
        'According to the harbour master, the new timetable "follows the water and not the wallet". The '
        "first boat leaves at a quarter to six, the last when the light at the mole is lit; on Sundays, "
        "a third boat runs in the afternoon for those who have visited the hospital on the other side.",
        "Both lines are to open a joint desk as well. It will sell one ticket for both, and is manned by "
        "a clerk of each line in turn. Who it is that pays for the desk's stove has been left open, and "
        "is thought to be the hardest of all the questions that are left.",
        "If the desk is there by summer, it would be the first thing that the two lines have built "
        "together since the bell at the long pier. The bell has been silent since the winter, as each "
        "line holds that it is the other's turn to have it mended. A collection among the passengers has "
        "brought in enough for the rope.",
    ],
    appeal="If you are able, and if you like what we write, please support the project. Our work would not "
    "be possible without your help: PayPal: harbourwatch@mail.example or via: "
    "https://harbourwatch.example/donate/ or via: https://www.patreon.example/harbourwatch",
    behind=[
        "The original source of this article is Harbour Watch Copyright © Harbour Watch, Harbour Watch, 2026",
        "Comment on Coastal Review Articles on our Facebook page",
        "Become a Member of Coastal Review",
        "Articles by: Harbour Watch",
        "Disclaimer: The contents of this article are of sole responsibility of the author(s). Coastal "
        "Review will not be responsible for any inaccurate or incorrect statement in this article. "
        "Coastal Review grants permission to cross-post its articles on community sites as long the "
        "source and copyright are acknowledged together with a hyperlink to the original article. For "
        "publication in print or other forms including commercial sites, contact: "
        "editors@coastalreview.example",
        "coastalreview.example contains copyrighted material the use of which has not always been "
        "specifically authorized by the copyright owner. We are making such material available to our "
        'readers under the provisions of "fair use" in an effort to advance a better understanding of '
        "coastal issues. The material on this site is distributed without profit to those who have "
        "expressed a prior interest in receiving it for research and educational purposes. If you wish "
        'to use copyrighted material for purposes other than "fair use" you must request permission from '
        "the copyright owner.",
        "For media inquiries: editors@coastalreview.example",
    ],
)


def reprint(case: Case, *, bare: bool) -> str:
    """The page of the reprinting site; `bare` has its lines in plain blocks without a word of metadata."""
    link = f'<a href="{case.original_url}">{html.escape(case.original)}</a>'
    behind = [
        html.escape(line).replace(case.original, link) if n == 0 else html.escape(line)
        for n, line in enumerate(case.behind)
    ]
    labels = [
        f"{label}: " + ", ".join(f'<a href="/{label.lower()}/x">{html.escape(name)}</a>' for name in names)
        for label, names in case.labels
    ]
    above = [
        f"By {link}",
        html.escape(case.reprinted),
        html.escape(case.published).replace(case.original, link),
        *labels,
    ]
    lines = "".join(f"<p>{html.escape(line)}</p>\n" for line in (*case.text, case.appeal))
    if bare:
        return _page(
            case.title,
            case.reprinter,
            "",
            f"""
<div id="post"><h1>{html.escape(case.title)}</h1>
{"".join(f"<p>{line}</p>" for line in above)}
{lines}{"".join(f"<p>{line}</p>" for line in behind)}</div>""",
        )
    meta = f"""<link rel="canonical" href="{case.reprinter_url}">
<meta property="og:type" content="article"><meta property="og:title" content="{html.escape(case.title)}">
<meta property="og:site_name" content="{html.escape(case.reprinter)}">"""
    return _page(
        case.title,
        case.reprinter,
        meta,
        f"""
<article class="post"><h1 class="title">{html.escape(case.title)}</h1>
<div class="byline">{above[0]}</div>{"".join(f'<div class="meta">{line}</div>' for line in above[1:])}
<div class="content">{lines}<p>{behind[0]}</p></div>
<div class="after">{"".join(f"<p>{line}</p>" for line in behind[1:])}</div></article>""",
    )


def original(case: Case, *, bare: bool) -> str:
    """The page that it was taken from: the same text and appeal, another heading above, no credit."""
    day = case.published.removeprefix(case.original).strip()
    lines = "".join(f"<p>{html.escape(line)}</p>\n" for line in (*case.text, case.appeal))
    meta = (
        ""
        if bare
        else f"""<link rel="canonical" href="{case.original_url}">
<meta property="og:type" content="article"><meta property="og:site_name" content="{html.escape(case.original)}">"""
    )
    return _page(
        case.title,
        case.original,
        meta,
        f"""
<article><h1>{html.escape(case.title)}</h1><p class="byline">By {html.escape(case.original)}</p><p>{day}</p>
{lines}<p>Copyright © {html.escape(case.original)}. All rights reserved.</p></article>""",
    )


def _page(title: str, site: str, meta: str, content: str) -> str:
    menu = "".join(
        f'<li><a href="/{n}">{name}</a></li>' for n, name in enumerate(("Home", "About", "Archive", "Donate"))
    )
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)} - {site}</title>
{meta}</head><body><header><a href="/">{site}</a><nav><ul>{menu}</ul></nav></header>
{content}
<footer>{site}</footer></body></html>"""
