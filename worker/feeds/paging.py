"""Where the entries are that a feed document shows no more: by RFC 5005 (paging, archives), and JSON Feed's `next_url`.

`prev-archive` (section 4) goes before `next` (section 3): archive documents stay as they are, pages move on with each
entry. Both stand in Atom feeds, and in RSS as Atom links of the channel.
"""

from __future__ import annotations

from lxml import etree

from worker.urls import absolute

_LINK = "{http://www.w3.org/2005/Atom}link"
_RELATIONS = ("prev-archive", "next")
_PREFIX = "http://www.iana.org/assignments/relation/"  # what a relation stands for without it (RFC 4287, 4.2.7.2)


def older_page(root: etree._Element) -> str | None:
    """The address that a well-formed document gives of the one before it, as it is written there."""
    found: dict[str, str] = {}
    for holder in (root, *root.iterfind("{*}channel")):
        for link in holder.iterfind(_LINK):
            found.setdefault(link.get("rel", "").strip().lower().removeprefix(_PREFIX), link.get("href", ""))
    return next((found[relation] for relation in _RELATIONS if found.get(relation)), None)


def resolved(address: str | None, url: str) -> str | None:
    """Absolute http(s), for a document that came from `url`; None where it leads nowhere else."""
    older = absolute(address, url) if address else None
    return None if older == url else older
