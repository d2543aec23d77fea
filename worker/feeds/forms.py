"""Where well-known sites keep their feeds: derives the address of a feed from the address of a page.

Each rule was taken from the site's own documentation or pages, which name the same addresses. Pure: nothing is fetched,
so the caller must check whether a feed is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, urlsplit

from worker import urls

WELL_KNOWN = ("/feed", "/rss", "/feed.xml", "/rss.xml", "/atom.xml", "/index.xml", "/feed.json")
"""Where to look for the feed of a site that names none: the defaults of common systems (WordPress, Ghost, Jekyll, Hugo,
Hexo)."""

Page = tuple[str, list[str], dict[str, list[str]]]
"""`https://host`, the segments of the path, the query."""


def known_forms(url: str) -> tuple[str, ...]:
    """The likely feeds of the page at `url` by its site's rules, the likeliest first; empty if there are none."""
    parts = urlsplit(url)
    host = urls.host_of(url).removeprefix("www.")
    site = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    page = (site, [segment for segment in parts.path.split("/") if segment], parse_qs(parts.query))
    for pattern, rule in _RULES:
        match = re.fullmatch(pattern, host)
        if match is not None:
            return tuple(rule(page))
    return tuple(_anywhere(page))


def _youtube(page: Page) -> Sequence[str]:
    """A handle (/@name) can't be derived: its page names the feed."""
    _, path, query = page
    feed = "https://www.youtube.com/feeds/videos.xml"
    if "list" in query:
        return [f"{feed}?playlist_id={query['list'][0]}"]
    match path:
        case ["channel", channel, *_]:
            return [f"{feed}?channel_id={channel}"]
        case ["user", user, *_]:
            return [f"{feed}?user={user}"]
    return []


def _reddit(page: Page) -> Sequence[str]:
    match page[1]:
        case ["r", name, "comments", post, *_]:
            return [f"https://www.reddit.com/r/{name}/comments/{post}/.rss"]
        case ["r", name, *_]:
            return [f"https://www.reddit.com/r/{name}/.rss"]
        case ["user" | "u", name, *_]:
            return [f"https://www.reddit.com/user/{name}/.rss"]
        case []:
            return ["https://www.reddit.com/.rss"]
    return []


def _github(page: Page) -> Sequence[str]:
    match page[1]:
        case [owner, repository, "commits" | "tree", *branch] if branch:
            return [f"https://github.com/{owner}/{repository}/commits/{'/'.join(branch)}.atom"]
        case [owner, repository, "commits", *_]:
            return [f"https://github.com/{owner}/{repository}/commits.atom"]
        case [owner, repository, "tags", *_]:
            return [f"https://github.com/{owner}/{repository}/tags.atom"]
        case [owner, repository, "discussions", *_]:
            return [f"https://github.com/{owner}/{repository}/discussions.atom"]
        case [owner, repository, *_]:
            root = f"https://github.com/{owner}/{repository.removesuffix('.git')}"
            return [f"{root}/releases.atom", f"{root}/tags.atom", f"{root}/commits.atom"]
        case [owner]:
            return [f"https://github.com/{owner}.atom"]
    return []


def _gitlab(page: Page) -> Sequence[str]:
    site, path, _ = page
    match path:
        case [owner, project, "-", "tags" | "releases", *_]:
            return [f"{site}/{owner}/{project}/-/tags?format=atom"]
        case [owner, project, *_]:
            return [f"{site}/{owner}/{project}.atom", f"{site}/{owner}/{project}/-/tags?format=atom"]
        case [owner]:
            return [f"{site}/{owner}.atom"]
    return []


def _forgejo(page: Page) -> Sequence[str]:
    site, path, _ = page
    match path:
        case [owner, repository, *_]:
            return [f"{site}/{owner}/{repository}/releases.rss", f"{site}/{owner}/{repository}.rss"]
        case [owner]:
            return [f"{site}/{owner}.rss"]
    return []


def _medium(page: Page) -> Sequence[str]:
    match page[1]:
        case [name, "tagged", tag, *_]:
            return [f"https://medium.com/feed/{name}/tagged/{tag}"]
        case ["tag", tag, *_]:
            return [f"https://medium.com/feed/tag/{tag}"]
        case [name, *_] if name != "feed":
            return [f"https://medium.com/feed/{name}"]
    return []


def _stack_exchange(page: Page) -> Sequence[str]:
    site, path, _ = page
    match path:
        case ["questions", "tagged", tag, *_]:
            return [f"{site}/feeds/tag/{tag}"]
        case ["questions", number, *_] if number.isdigit():
            return [f"{site}/feeds/question/{number}"]
        case ["users", number, *_] if number.isdigit():
            return [f"{site}/feeds/user/{number}"]
    return [f"{site}/feeds"]


def _pypi(page: Page) -> Sequence[str]:
    match page[1]:
        case ["project", name, *_]:
            return [f"https://pypi.org/rss/project/{name}/releases.xml"]
    return ["https://pypi.org/rss/updates.xml", "https://pypi.org/rss/packages.xml"]


def _arxiv(page: Page) -> Sequence[str]:
    match page[1]:
        case ["list", category, *_] | ["archive", category]:
            return [f"https://rss.arxiv.org/atom/{category}"]
    return []


def _vimeo(page: Page) -> Sequence[str]:
    match page[1]:
        case ["channels" | "groups" as kind, name, *_]:
            return [f"https://vimeo.com/{kind}/{name}/videos/rss"]
        case [name] if not name.isdigit():
            return [f"https://vimeo.com/{name}/videos/rss"]
    return []


def _bluesky(page: Page) -> Sequence[str]:
    match page[1]:
        case ["profile", handle, *_]:
            return [f"https://bsky.app/profile/{handle}/rss"]
    return []


def _dev_to(page: Page) -> Sequence[str]:
    match page[1]:
        case ["t", tag, *_]:
            return [f"https://dev.to/feed/tag/{tag}"]
        case [name, *_]:
            return [f"https://dev.to/feed/{name}"]
    return ["https://dev.to/feed"]


def _at(*paths: str) -> Callable[[Page], Sequence[str]]:
    """Feeds at fixed paths of the site."""
    return lambda page: [page[0] + path for path in paths]


def _anywhere(page: Page) -> Sequence[str]:
    """Software that runs on many hosts: Mastodon (also its tags), Lemmy."""
    site, path, _ = page
    match path:
        case [name] if re.fullmatch(r"@\w+(@[\w.-]+)?", name):
            return [f"{site}/{name}.rss"]
        case ["tags", tag]:
            return [f"{site}/tags/{tag}.rss"]
        case ["c", community] if re.fullmatch(r"\w+(@[\w.-]+)?", community):
            return [f"{site}/feeds/c/{community}.xml?sort=New"]
    return []


_RULES: tuple[tuple[str, Callable[[Page], Sequence[str]]], ...] = (
    (r"(?:m\.)?youtube\.com", _youtube),
    (r"(?:old\.|new\.)?reddit\.com", _reddit),
    (r"github\.com", _github),
    (r"gitlab\.com|gitlab\.[\w.-]+", _gitlab),
    (r"codeberg\.org", _forgejo),
    (r"medium\.com", _medium),
    (r"[\w-]+\.medium\.com", _at("/feed")),
    (r"[\w-]+\.substack\.com", _at("/feed")),
    (r"[\w-]+\.tumblr\.com", _at("/rss")),
    (r"[\w-]+\.wordpress\.com", _at("/feed/")),
    (r"[\w-]+\.blogspot\.[\w.]+", _at("/feeds/posts/default")),
    (r"[\w-]+\.(?:bandcamp|itch)\.(?:com|io)", lambda _: ()),
    (r"(?:[\w-]+\.)?stackexchange\.com|stackoverflow\.com|serverfault\.com|superuser\.com", _stack_exchange),
    (r"pypi\.org", _pypi),
    (r"arxiv\.org", _arxiv),
    (r"vimeo\.com", _vimeo),
    (r"bsky\.app", _bluesky),
    (r"dev\.to", _dev_to),
    (r"news\.ycombinator\.com", _at("/rss")),
    (r"lobste\.rs", _at("/rss")),
    (r"(?:twitter|x|threads|tiktok|instagram|facebook)\.(?:com|net)", lambda _: ()),
)
"""The first that matches the host (without `www.`) applies."""
