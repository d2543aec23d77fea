"""Whether an article is the one that another names as its source. Pure."""

from __future__ import annotations

from worker.dedup.words import words
from worker.model import Credit
from worker.urls import bare_host

_MIN_NAME = 4  # a shorter name is not looked for in the name of a host


def credits(credit: Credit, *, url: str | None, site: str | None) -> bool:
    """Whether the credit may mean the article at `url`, from a feed called `site`: judged by the host, or by the
    publication's name.

    Only meant for articles with nearly the same text, because there are many publications called "The Post".
    """
    host = bare_host(url)
    if credit.url is not None and host and bare_host(credit.url) == host:
        return True
    name = words(credit.name or "")
    if not name:
        return False
    if words(site or "")[: len(name)] == name:
        return True
    joined = "".join(name).removeprefix("the")
    labels = {label.replace("-", "").removeprefix("the") for label in host.split(".")[:-1]}
    return len(joined) >= _MIN_NAME and joined in labels
