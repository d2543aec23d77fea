"""The corpus beside the repository: real pages, against the plainest use of trafilatura."""

from __future__ import annotations

import importlib
import logging
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from worker.articles import extract

SHARED = Path(__file__).parents[2] / ".." / "shared"
# Every so manieth page of a set, so that it takes seconds.
EVERY = {"scrapinghub": 8, "fundus": 4, "trafilatura": 10, "readability": 8}

pytestmark = [
    pytest.mark.skipif(not (SHARED / "corpus").is_dir(), reason="../shared/corpus is not here"),
    # The scorer leaves its files to be closed by the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(
    scope="module", params=[pytest.param(4, id="a quarter"), pytest.param(1, id="the sample", marks=pytest.mark.slow)]
)
def scores(request: pytest.FixtureRequest) -> dict[str, dict[str, dict[str, float]]]:
    """By data set and extractor, what the scorer makes of a sample of pages."""
    sys.path.insert(0, str(SHARED / "tools" / "score"))
    try:
        lib, naive = importlib.import_module("exq_lib"), importlib.import_module("naive")
    finally:
        sys.path.pop(0)
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    logging.disable(logging.CRITICAL)
    try:
        docs = lib.load(f"corpus:{SHARED / 'corpus'}")
        for doc in (
            doc for name, n in EVERY.items() for doc in [d for d in docs if d.dataset == name][:: n * request.param]
        ):
            html = doc.html()
            record = extract(html, doc.url, content_type=doc.content_type)
            ours = {
                "text": record["content_text"],
                "title": record.get("title"),
                "authors": [author["name"] for author in record["authors"]],
                "date": record.get("date_published"),
            }
            rows[doc.dataset]["ours"].append(lib.score_page(doc, ours))
            rows[doc.dataset]["naive"].append(lib.score_page(doc, naive.extract(html, doc.url)))
    finally:
        logging.disable(logging.NOTSET)
    return {name: {who: lib.summarise(some) for who, some in by.items()} for name, by in rows.items()}


@pytest.mark.parametrize(
    ("dataset", "measure"),
    [("scrapinghub", "sh_f1"), ("fundus", "tok_f1"), ("trafilatura", "sn_f1"), ("readability", "tok_f1")],
)
def test_texts_are_no_worse(scores: dict[str, dict[str, dict[str, float]]], dataset: str, measure: str) -> None:
    """On each set, the text scores at least what plain trafilatura scores on the same pages."""
    of = scores[dataset]
    assert of["ours"][measure] >= of["naive"][measure] - 0.005


@pytest.mark.parametrize("measure", ["title_near", "auth_f1", "date_day"])
def test_metadata_is_no_worse(scores: dict[str, dict[str, dict[str, float]]], measure: str) -> None:
    """On news pages titles, authors and days are at least as good."""
    of = scores["fundus"]
    assert of["ours"][measure] >= of["naive"][measure] - 0.005


def test_dates_have_their_time(scores: dict[str, dict[str, dict[str, float]]]) -> None:
    """Plain trafilatura never has the instant; news pages state it."""
    assert scores["fundus"]["ours"]["date_instant"] >= 0.9
