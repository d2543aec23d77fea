"""Where known sites keep their feeds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import urls
from worker.feeds import known_forms


@pytest.mark.parametrize(
    ("page", "feed"),
    [
        ("https://www.youtube.com/channel/UCabc/videos", "https://www.youtube.com/feeds/videos.xml?channel_id=UCabc"),
        ("https://m.youtube.com/playlist?list=PLabc", "https://www.youtube.com/feeds/videos.xml?playlist_id=PLabc"),
        ("https://youtube.com/user/name", "https://www.youtube.com/feeds/videos.xml?user=name"),
        ("https://www.youtube.com/@name", None),  # the page names it
        ("https://www.reddit.com/r/python/", "https://www.reddit.com/r/python/.rss"),
        ("https://old.reddit.com/r/python/comments/1a2b/title/", "https://www.reddit.com/r/python/comments/1a2b/.rss"),
        ("https://www.reddit.com/user/name", "https://www.reddit.com/user/name/.rss"),
        ("https://github.com/python/cpython", "https://github.com/python/cpython/releases.atom"),
        ("https://github.com/python/cpython.git", "https://github.com/python/cpython/releases.atom"),
        ("https://github.com/a/b/tree/feature/x", "https://github.com/a/b/commits/feature/x.atom"),
        ("https://github.com/a/b/commits", "https://github.com/a/b/commits.atom"),
        ("https://github.com/gvanrossum", "https://github.com/gvanrossum.atom"),
        ("https://gitlab.com/a/b", "https://gitlab.com/a/b.atom"),
        ("https://codeberg.org/a/b", "https://codeberg.org/a/b/releases.rss"),
        ("https://mastodon.social/@Gargron", "https://mastodon.social/@Gargron.rss"),
        ("https://hachyderm.io/tags/python", "https://hachyderm.io/tags/python.rss"),
        ("https://name.substack.com/p/an-article", "https://name.substack.com/feed"),
        ("https://medium.com/@name/an-article-1a2b", "https://medium.com/feed/@name"),
        ("https://medium.com/tag/python", "https://medium.com/feed/tag/python"),
        ("https://name.medium.com/", "https://name.medium.com/feed"),
        ("https://name.tumblr.com/post/1", "https://name.tumblr.com/rss"),
        ("https://name.wordpress.com/2026/", "https://name.wordpress.com/feed/"),
        ("https://name.blogspot.com/", "https://name.blogspot.com/feeds/posts/default"),
        ("https://stackoverflow.com/questions/tagged/python", "https://stackoverflow.com/feeds/tag/python"),
        ("https://unix.stackexchange.com/questions/12/x", "https://unix.stackexchange.com/feeds/question/12"),
        ("https://pypi.org/project/httpx/", "https://pypi.org/rss/project/httpx/releases.xml"),
        ("https://arxiv.org/list/cs.CL/recent", "https://rss.arxiv.org/atom/cs.CL"),
        ("https://vimeo.com/channels/staffpicks", "https://vimeo.com/channels/staffpicks/videos/rss"),
        ("https://bsky.app/profile/name.bsky.social", "https://bsky.app/profile/name.bsky.social/rss"),
        ("https://dev.to/name", "https://dev.to/feed/name"),
        ("https://lemmy.world/c/python", "https://lemmy.world/feeds/c/python.xml?sort=New"),
        ("https://news.ycombinator.com/newest", "https://news.ycombinator.com/rss"),
        ("https://www.tiktok.com/@name", None),  # not Mastodon's
        ("https://example.org/2026/an-article", None),
    ],
)
def test_the_address_of_a_page_tells_that_of_its_feed(page: str, feed: str | None) -> None:
    """By the rules of its site; of others nothing is guessed."""
    assert next(iter(known_forms(page)), None) == feed


@given(st.from_regex(r"https://(www\.)?(youtube\.com|github\.com|a\.example)/[ -~]{0,40}", fullmatch=True))
def test_whatever_is_asked_the_answer_can_be_asked_for(page: str) -> None:
    """Absolute addresses, or none."""
    if urls.absolute(page) is None:
        return
    assert all(urls.absolute(form) is not None for form in known_forms(page))
