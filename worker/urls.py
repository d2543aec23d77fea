"""URLs: which spellings are one address (RFC 3986 section 6), and to which site it belongs.

The canonical form identifies entries, so it must be the same in every version. It is therefore our own and pinned in
the tests, instead of coming from a library whose next release may differ.
"""

from __future__ import annotations

import base64
import functools
import re
from itertools import product
from urllib.parse import SplitResult, quote, unquote, unquote_to_bytes, urljoin, urlsplit

import idna

_TRACKING = re.compile(
    r"(utm_\w+|at_(medium|campaign|custom\d|link_\w+|ptr_\w+|format|bbc_team)|mc_[ce]id|mkt_tok|_hs(enc|mi)|hsctatracking|"
    r"[gy]clid|d?fbclid|gclsrc|msclkid|twclid|ttclid|igshid|li_fat_id|wbraid|gbraid|dclid|srsltid|"
    r"vero_(conv|id)|oly_(anon|enc)_id|wt_?mc(_\w+)?|cmpid|ocid|ns_(mchannel|source|campaign|linkname|fee)|"
    r"pk_(campaign|kwd|source|medium|content)|mtm_\w+|piwik_\w+|ito|smid|smtyp|xtor|__twitter_impression|"
    r"sfnsn|guccounter|guce_referrer(_sig)?|_ga|_gl|spm|trk(campaign)?|s_cid|icid|ref_src|ref_url)",
    re.IGNORECASE,
)
# Medium's: "source=rss-6b1f4dd1f4a2------2".
_FROM_FEED = re.compile(
    r"(?:ref|referr?er|source|src|from|via|origin|traffic_source|partner|emc)="
    r"(?:rss2?(?:[-_][\w-]*)?|atom|feeds?|(?:news|web)feeds?|feedburner)",
    re.IGNORECASE,
)
_SCHEME = re.compile("^https?://", re.IGNORECASE)
Origin = tuple[str, str, int]
"""Scheme, host and port (RFC 6454 section 4)."""
DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986 section 2.3 (unreserved) and what may stand in a path or a query without being escaped (section 3.3, 3.4).
_UNRESERVED = "-._~"
_PATH_SAFE = _UNRESERVED + "/!$&'()*+,;=:@"
# "+" and "=" stay as they are: in a form "%2B" is a plus and "+" a space, and "=" may separate where "%3D" does not.
_QUERY_SAFE = _UNRESERVED + "/?!$'()*+,;:@="
_LABEL = "[a-z0-9_~-]{1,63}"  # RFC 1035 section 2.3.4, with two more characters that occur
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_IPV6 = re.compile(r"[0-9a-f.]*:[0-9a-f:.]*")  # without a zone, which only means something on one machine
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
MAX_LENGTH = 8000  # RFC 9110 section 4.1 asks for at least 8000 octets
# Most URLs match this, and so are canonical already; segments that begin with a dot, and AMP, need a closer look.
_PLAIN = re.compile(rf"https?://(?=[^/]{{1,253}}/){_LABEL}(\.{_LABEL})*(/(?!\.)[A-Za-z0-9._~!$&'()*+,;=:@-]*)+")


# https://developers.google.com/amp/cache/overview#amp-cache-url-format: c and v are documents, wp their web packages.
_AMP_CACHE = re.compile(r"(?:[a-z0-9-]+\.)?(?:cdn\.ampproject\.org|bing-amp\.com)", re.IGNORECASE)
_HOST_IN_PATH = r"([^/@][^/@.]*\.[^/@]+)"  # the first dot it may have is the one: else 8,000 of them took a second
_AMP_COPY = re.compile(rf"/(?:c|v|wp)(/s)?/{_HOST_IN_PATH}(/.*)?")
# … and the viewer of a search engine, on any of its country domains.
_AMP_VIEWER = re.compile(r"(?:www\.)?google(?:\.[a-z]{2,3}){1,2}", re.IGNORECASE)
_AMP_VIEWED = re.compile(rf"/amp(/s)?/{_HOST_IN_PATH}(/.*)?")
_MAY_BE_AMP = re.compile("ampproject|bing-amp|/amp/", re.IGNORECASE)  # a quick check before the others
_AMP_OWN = re.compile(r"(?:amp_(?:js_v|gsa|r|cb|lite)|usqp|aoh|csi|referrer)=", re.IGNORECASE)

_SIDE = re.compile(r"^(?:www|m|mobile|amp)\.")
"""Prefixes that a site's host name may have."""


class BadUrl(ValueError):
    """Not an absolute http or https URL that can be fetched."""


def absolute(url: str, base: str | None = None) -> str | None:
    """`url` as an absolute http(s) URL without control characters and with spaces escaped; None if it is not one."""
    if is_plain(url):
        return url
    url = _clean(url)
    if not url or len(url) > MAX_LENGTH:
        return None
    try:
        joined = urljoin(_clean(base), url) if base else url
        _split(joined)
    except ValueError:
        return None
    return joined


def of_feed_scheme(url: str) -> str:
    """The address meant by an old spelling for feeds: `feed://host/path` means http, and `feed:` before a whole URL is
    dropped (https://datatracker.ietf.org/doc/html/draft-obasanjo-feed-uri-scheme-02). Any other URL is returned as it
    is."""
    scheme, _, rest = url.partition(":")
    if scheme.strip().lower() != "feed":
        return url
    meant = f"http:{rest}" if rest.startswith("//") else rest
    return meant if absolute(meant) is not None else url


def is_plain(url: str) -> bool:
    """Whether `url` is evidently canonical. A URL for which this is False may be canonical, too."""
    return len(url) <= MAX_LENGTH and _looks_plain(url)


@functools.lru_cache(maxsize=512)  # called three times for an entry's link, and whenever other URLs are met
def _looks_plain(url: str) -> bool:
    return _PLAIN.fullmatch(url) is not None and _MAY_BE_AMP.search(url) is None


def _clean(url: str) -> str:
    return _CONTROLS.sub("", url).strip().replace(" ", "%20")


def uncached(url: str) -> str:
    """If the URL is a copy in an AMP cache or a search engine's viewer (or a copy of a copy): the address at the page's
    own site; any other URL as it is."""
    while (own := _copied(url)) is not None:  # each is shorter than the one before
        url = own
    return url


def _copied(url: str) -> str | None:
    """What `url` is a copy of; None if it isn't one."""
    if _MAY_BE_AMP.search(url) is None:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    form = _AMP_COPY if _AMP_CACHE.fullmatch(host) else _AMP_VIEWED if _AMP_VIEWER.fullmatch(host) else None
    found = form.fullmatch(parts.path) if form else None
    if found is None:
        return None
    scheme = "https" if found[1] else "http"
    query = "&".join(part for part in parts.query.split("&") if not _AMP_OWN.match(part))
    own = f"{scheme}://{found[2]}{found[3] or '/'}" + (f"?{query}" if query else "")
    try:
        _split(own)
    except ValueError:
        return None
    return own


@functools.lru_cache(maxsize=2048)  # called four times for an entry's link on the way to its record
def canonical(url: str) -> str:
    """The one form for all spellings of an address.

    At its own site instead of an AMP cache; lower-case scheme and host (A-labels), no default port, no credentials, no
    fragment, dot segments resolved, escapes normalised, tracking parameters dropped. Order of the other parameters,
    trailing slashes, `www.` and the scheme are kept, because they can make a difference, and both forms seldom occur in
    one feed.

    Raises BadUrl.
    """
    if is_plain(url):
        return url
    form = _form(_split(url))
    while (own := uncached(form)) != form:
        form = _form(_split(own))
    return form


def _form(parts: SplitResult) -> str:
    """`canonical` for a URL that may still be a copy."""
    path = without_dots(_escaped(parts.path, _PATH_SAFE)) or "/"  # unescaped first: "%2E%2E" is ".."
    kept = [p for p in parts.query.split("&") if p and not _TRACKING.fullmatch(unquote(p.split("=", 1)[0]))]
    query = "&".join(_escaped(p, _QUERY_SAFE) for p in kept)
    origin = parts.scheme, _host(parts), parts.port or DEFAULT_PORTS[parts.scheme]
    return f"{site(origin)}{path}" + (f"?{query}" if query else "")


def canonical_if_any(url: str | None) -> str | None:
    """`canonical`; None if there is no URL, or not a valid one."""
    try:
        return canonical(url) if url else None
    except BadUrl:
        return None


def without_referral(url: str) -> str:
    """A canonical URL without parameters that only say that a reader comes from a feed: `ref=rss`. They stay in the
    canonical form, which has to be the same for ever."""
    path, _, query = url.partition("?")
    kept = "&".join(part for part in query.split("&") if not _FROM_FEED.fullmatch(part))
    return f"{path}?{kept}" if kept else path


def host_of(url: str) -> str:
    """The host that a request for `url` goes to: lower case, A-labels, no port. Raises BadUrl."""
    return url.split("/", 3)[2] if is_plain(url) else _read(url)[1]


def bare_host(url: str | None) -> str:
    """The host without `www.`; empty if there is no URL, or not a valid one."""
    try:
        return host_of(url).removeprefix("www.") if url else ""
    except BadUrl:
        return ""


def origin_of(url: str) -> Origin:
    """The origin of `url`, to which its secrets may be sent. Raises BadUrl."""
    if is_plain(url):
        scheme, _, host, _ = url.split("/", 3)
        return scheme[:-1], host, DEFAULT_PORTS[scheme[:-1]]
    parts, host = _read(url)
    return parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme]


def is_of_site(url: str, other: str) -> bool:
    """Whether both are on one host, or one is on a host below the other's, because whoever owns a name owns those below
    it. Raises BadUrl."""
    one, two = (host_of(each).removeprefix("www.") for each in (url, other))
    return one == two or one.endswith(f".{two}") or two.endswith(f".{one}")


def loses_tls(url: str, to: str) -> bool:
    """Whether a way that begins at `url` with TLS leads to an address without."""
    return url.startswith("https:") and not to.startswith("https:")


def site(origin: Origin) -> str:
    """The URL of an origin, without a path."""
    scheme, host, port = origin
    netloc = f"[{host}]" if ":" in host else host
    return f"{scheme}://{netloc}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


def robots_url(url: str) -> str:
    """The URL of the robots.txt for the site of `url` (RFC 9309 section 2.3). Raises BadUrl."""
    return site(origin_of(url)) + "/robots.txt"


def without_credentials(url: str) -> str:
    """`url` without `user:password@`, for logs and errors; a URL that can't be parsed is not shown at all."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a password with a slash in it makes the host "user:pass"
    except ValueError:
        return "<unreadable URL>"
    if not parts.netloc and "@" in url:
        return "<unreadable URL>"  # "user:password@host/", without a scheme
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def basic(url: str) -> str | None:
    """The credentials in `url` as the value of an Authorization header (RFC 7617); None if there are none."""
    parts = urlsplit(url)
    if "@" not in parts.netloc or parts.username is None:
        return None
    pair = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
    return f"Basic {base64.b64encode(pair).decode()}"


def without_scheme(identifier: str) -> str:
    """A URL, or a guid that is one, without its scheme, so that it stays the same when the site moves from http to
    https; any other text as it is."""
    return _SCHEME.sub("", identifier)


def likenesses(url: str) -> list[str]:
    """Other addresses at which the page of a canonical URL is often found, most likely first: with the other scheme,
    with or without a slash at the end or `www.`, the mobile and AMP versions, without its query."""
    scheme, _, rest = url.partition("://")
    host, _, rest = rest.partition("/")
    path, _, query = rest.partition("?")
    name = _SIDE.sub("", host)
    plain = path.removesuffix("/").removesuffix("/amp").removeprefix("amp/")
    places = (path, plain, f"{plain}/", f"{plain}/amp", f"{plain}/amp/", f"amp/{plain}") if plain else (path,)
    hosts = (host, name, f"www.{name}", f"m.{name}", f"amp.{name}")
    schemes = (scheme, *(DEFAULT_PORTS.keys() - {scheme}))
    made = product(dict.fromkeys((query and f"?{query}", "")), places, hosts, schemes)
    found = dict.fromkeys(f"{scheme}://{host}/{path}{query}" for query, path, host, scheme in made)
    return [each for each in found if each != url]


def path_of(url: str) -> str:
    """Path and query of a canonical URL, without the slash at the beginning."""
    return url.split("/", 3)[3]


def is_home(url: str) -> bool:
    """Whether it is the URL of a site's front page, which identifies no entry. Raises BadUrl."""
    return path_of(canonical(url)) == ""


def _split(url: str) -> SplitResult:
    return _read(url)[0]


def _read(url: str) -> tuple[SplitResult, str]:
    """The parsed URL, and its host in the form used for requests."""
    try:
        parts = urlsplit(url)
        port = parts.port
        url.encode()  # a lone surrogate has no escape
    except ValueError:  # not chained, because its text may quote a password that was taken for a port
        raise BadUrl(f"not a URL: {without_credentials(url)[:200]!r}") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise BadUrl(f"not an http or https URL: {without_credentials(url)[:200]!r}")
    if port == 0:
        raise BadUrl("port 0 is none to connect to")
    return parts, _host(parts)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host.rstrip("."):
        raise BadUrl("a URL without a host")
    bracketed = "[" in parts.netloc.rpartition("@")[2]
    try:
        name = host if bracketed or host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise BadUrl(f"not a host name: {host[:100]!r}") from error
    name = name if bracketed else name.removesuffix(".")
    if (_IPV6 if bracketed else _NAME).fullmatch(name) is None:
        raise BadUrl(f"not a host name: {host[:100]!r}")
    return name


def _escaped(text: str, safe: str) -> str:
    """Escapes every character that needs it exactly once, and no others, in upper-case hex."""
    pieces = re.split(r"(%[0-9A-Fa-f]{2})", _BROKEN_ESCAPE.sub("%25", text))
    return "".join(_escape(piece) if piece.startswith("%") else quote(piece, safe=safe) for piece in pieces)


def _escape(triplet: str) -> str:
    character = chr(int(triplet[1:], 16))
    return character if character.isascii() and (character.isalnum() or character in _UNRESERVED) else triplet.upper()


def without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
