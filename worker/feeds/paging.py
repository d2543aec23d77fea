"""Where a feed document's older entries are: by RFC 5005 (paging, archives), or JSON Feed's `next_url`.

`prev-archive` (section 4) is preferred to `next` (section 3): archive documents do not change, pages shift with each
new entry. Both occur in Atom feeds, and in RSS as Atom links of the channel.
"""

from __future__ import annotations

from lxml import etree

from worker.urls import absolute

_LINK = "{http://www.w3.org/2005/Atom}link"
_RELATIONS = ("prev-archive", "next")
_PREFIX = "http://www.iana.org/assignments/relation/"  # the prefix that a relation may have or omit (RFC 4287, 4.2.7.2)


def older_page(root: etree._Element) -> str | None:
    """The address of the previous document in a well-formed one, as written there."""
    found: dict[str, str] = {}
    for holder in (root, *root.iterfind("{*}channel")):
        for link in holder.iterfind(_LINK):
            found.setdefault(link.get("rel", "").strip().lower().removeprefix(_PREFIX), link.get("href", ""))
    return next((found[relation] for relation in _RELATIONS if found.get(relation)), None)


def resolved(address: str | None, url: str) -> str | None:
    """The address as absolute http(s), for a document that came from `url`; None if it leads nowhere else."""
    older = absolute(address, url) if address else None
    return None if older == url else older
