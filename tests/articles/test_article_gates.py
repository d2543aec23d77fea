"""gates.py: what stands in an article's place is never saved as one; articles pass.

All pages are made up after the public look of such pages.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.articles import from_page
from worker.model import Article, Entry

URL = "https://news.example/2024/05/harbour-opens-again"
TITLE = "Westmere harbour opens again after dredging"
SENTENCE = "The harbour opened again after three weeks of dredging and the first ferry left at dawn on Monday. "
LINK_ONLY = Entry(title=TITLE, url=URL)
TEASER = Entry(title=TITLE, url=URL, summary="<p>The harbour of Westmere opened again on Monday.</p>")

MakePage = Callable[..., str]


def read(html: str, entry: Entry | None = LINK_ONLY, url: str = URL) -> Article:
    return from_page(html.encode(), url=url, content_type="text/html; charset=utf-8", entry=entry)


def doc(title: str, body: str, head: str = "") -> str:
    return (
        f"<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title>{head}</head><body>{body}</body></html>"
    )


CHROME = (
    '<header><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li><li><a href="/login">Log in</a>'
    '</li><li><a href="/subscribe">Subscribe</a></li></ul></nav></header>'
)
FOOTER = (
    '<footer><p>© Westmere News. <a href="/privacy">Privacy</a> <a href="/cookies">Cookie settings</a></p></footer>'
)
ARTICLE_HEAD = f'<meta property="og:type" content="article"><meta property="og:title" content="{TITLE}">'


CHALLENGES = {
    "Cloudflare": doc(
        "Just a moment...",
        '<noscript><div class="h2"><span id="challenge-error-text">Enable JavaScript and cookies to '
        "continue</span></div>"
        "</noscript><script>(function(){window._cf_chl_opt={cvId:'3',cZone:'news.example',cType:'managed'};"
        "var a=document.createElement('script');a.src='/cdn-cgi/challenge-platform/h/g/orchestrate/chl_page/v1?ray=8';"
        "document.getElementsByTagName('head')[0].appendChild(a);}());</script>",
        '<meta name="robots" content="noindex,nofollow"><meta http-equiv="refresh" content="390">',
    ),
    "Cloudflare's block": doc(
        "Attention Required! | Cloudflare",
        '<div id="cf-wrapper"><div id="cf-error-details"><h1>Sorry, you have been blocked</h1><h2>You are '
        "unable to access "
        "news.example</h2><h2>Why have I been blocked?</h2><p>This website is using a security service to "
        "protect itself "
        "from online attacks. The action you just performed triggered the security solution. There are several actions "
        "that could trigger this block including submitting a certain word or phrase, a SQL command or malformed data."
        "</p><p>Cloudflare Ray ID: 7d1</p></div></div>",
    ),
    "Cloudflare in German": doc(
        "Einen Moment…",
        "<h1>news.example</h1><p>Bestätigen Sie, dass Sie ein Mensch sind. Dies kann einige Sekunden dauern.</p>",
    ),
    "DataDome": doc(
        "news.example",
        "<p id=\"cmsg\">Please enable JS and disable any ad blocker</p><script>var dd={'rt':'c','cid':'AH','hsh':'D0'}"
        '</script><script src="https://ct.captcha-delivery.com/c.js"></script>',
    ),
    "HUMAN": doc(
        "Access to this page has been denied",
        '<div class="px-captcha-container"><h1>Press &amp; Hold to confirm you are a human (and not a bot).</h1>'
        '<div id="px-captcha"></div><p>Reference ID 1b2</p></div><script>window._pxAppId="PX1";</script>',
    ),
    "Akamai": doc(
        "Access Denied",
        '<h1>Access Denied</h1>You don\'t have permission to access "http&#58;&#47;&#47;news&#46;example" on '
        "this server."
        "<p>Reference&#32;&#35;18&#46;8</p><p>https&#58;&#47;&#47;errors&#46;edgesuite&#46;net&#47;18</p>",
    ),
    "Imperva": doc(
        "",
        '<iframe id="main-iframe" src="/_Incapsula_Resource?SWUDNSAI=31&xinfo=7-1&incident_id=1-2&edet=12" '
        "frameborder=0>"
        "Request unsuccessful. Incapsula incident ID: 1-2</iframe>",
        '<META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW">',
    ),
    "Imperva's interruption": doc(
        "Pardon Our Interruption",
        "<h1>Pardon Our Interruption</h1><p>As you were browsing something about your browser made us think you "
        "were a bot. "
        "There are a few reasons this might happen:</p><ul><li>You're a power user moving through this website with "
        "super-human speed.</li><li>You've disabled cookies in your web browser.</li></ul>",
    ),
    "AWS WAF": doc(
        "",
        '<script>window.awsWafCookieDomainList = [];window.gokuProps = {"key":"A","iv":"B"};</script><div '
        'id="challenge-'
        'container"></div><noscript><h1>JavaScript is disabled</h1>In order to continue, we need to verify '
        "that you're not "
        "a robot. This requires JavaScript.</noscript>",
    ),
    "Anubis": doc(
        "Making sure you're not a bot!",
        "<h1>Making sure you're not a bot!</h1><p>Loading...</p><details><summary>Why am I seeing "
        "this?</summary><p>You are "
        "seeing this because the administrator has set up Anubis to protect the server against the scourge of "
        "companies "
        'aggressively scraping websites.</p></details><script id="anubis_challenge" '
        'type="application/json">{}</script>',
    ),
    "a captcha of nobody's": doc(
        "Are you a robot?",
        '<h1>Are you a robot?</h1><form><div class="g-recaptcha"></div><button>Continue</button></form>',
    ),
    "a check in Russian": doc(
        "Вы не робот?",
        "<h1>Подтвердите, что запросы отправляли вы, а не робот</h1><p>Нам очень жаль, но запросы похожи на "
        "автоматические.</p><form><input type=checkbox> Я не робот</form>",
    ),
    "a check in Japanese": doc(
        "アクセス確認", "<p>あなたが人間であることを確認してください。</p><button>私はロボットではありません</button>"
    ),
    "a check in Chinese": doc("安全验证", "<p>请完成安全验证后继续访问</p>"),
    "a check in French": doc(
        "Accès bloqué", "<h1>Accès bloqué</h1><p>Veuillez confirmer que vous n'êtes pas un robot pour continuer.</p>"
    ),
    "a check in Spanish": doc("Acceso denegado", "<p>Confirma que no eres un robot para continuar.</p>"),
}


@pytest.mark.parametrize("html", CHALLENGES.values(), ids=CHALLENGES.keys())
@pytest.mark.parametrize("entry", [None, LINK_ONLY, TEASER], ids=["no feed", "link", "teaser"])
def test_challenges_are_blocked(html: str, entry: Entry | None) -> None:
    """Whoever made it, in whatever language; the feed's content serves where there is some, and the page is retried."""
    article = read(html, entry)
    assert article.extraction == ("feed_only" if entry is TEASER else "blocked")
    assert article.retry
    assert article.reason
    assert article.text == ("The harbour of Westmere opened again on Monday." if entry is TEASER else "")
    assert article.title == (TITLE if entry else None)
    assert article.canonical_url is None


CONSENTS = {
    "English": doc(
        "Before you continue",
        "<h1>We value your privacy</h1><p>We and our 842 partners store and access personal data, like browsing "
        "data or "
        "unique identifiers, on your device. Selecting Accept all enables tracking technologies to support the "
        "purposes "
        "shown under we and our partners process data to provide personalised advertising and content, advertising and "
        "content measurement. If trackers are disabled, some content and ads you see may not be as relevant to "
        "you. You can "
        "change your choices or withdraw consent at any time by clicking Manage options. Our vendors may "
        "process your data "
        "on the basis of legitimate interest, to which you can object. See our privacy policy.</p>"
        "<button>Accept all</button><button>Reject all</button>",
    ),
    "German, pay or consent": doc(
        "Willkommen bei Westmere",
        "<h1>Mit Werbung weiterlesen</h1><p>Besuchen Sie unsere Seite wie gewohnt mit Werbung und Tracking. "
        "Ihre Zustimmung "
        "können Sie jederzeit widerrufen. Details zu Werbe- und Analyse-Trackern sowie zum Widerruf finden Sie in der "
        "Datenschutzerklärung.</p><p>Tracking: Zur Verbesserung und Finanzierung unseres Webangebots arbeiten "
        "wir mit 180 "
        "Partnern zusammen, die Cookies einsetzen und personenbezogene Daten verarbeiten, um personalisierte Werbung "
        "anzuzeigen.</p><h2>Oder werbefrei im Pur-Abo</h2><p>Nutzen Sie unser Angebot ohne Werbetracking für "
        "4,99 Euro im "
        "Monat. Einwilligung nicht erforderlich.</p><button>Akzeptieren und weiter</button>",
    ),
    "French": doc(
        "Votre vie privée",
        "<p>Avec votre consentement, nos partenaires et nous utilisons des cookies ou technologies similaires "
        "pour stocker "
        "et accéder à des informations personnelles comme votre visite sur ce site. Vous pouvez retirer votre "
        "consentement "
        "ou vous opposer aux traitements basés sur l'intérêt légitime en cliquant sur notre politique de "
        "confidentialité. "
        "Nos partenaires traitent ces données pour des publicités personnalisées et la mesure des publicités.</p>"
        "<button>Accepter et fermer</button><button>Refuser</button>",
    ),
    "Spanish": doc(
        "Tu privacidad",
        "<p>Nosotros y nuestros socios utilizamos cookies para almacenar datos y mostrar publicidad "
        "personalizada según tu "
        "perfil de navegación. Puedes aceptar todas las cookies, rechazar su uso o configurar tu consentimiento. Más "
        "información en la política de privacidad y en la lista de socios con los que se comparte la publicidad.</p>",
    ),
    "Italian": doc(
        "Il tuo consenso",
        "<p>Noi e i nostri partner utilizziamo cookie e tecnologie simili per mostrare pubblicità "
        "personalizzata. Con il "
        "tuo consenso possiamo leggere e archiviare informazioni sul dispositivo. Puoi accettare la pubblicità "
        "e i cookie "
        "oppure rifiutare e abbonarti. Il consenso si può revocare nella pagina della privacy dei partner.</p>",
    ),
    "Japanese": doc(
        "プライバシー",
        "<p>当社と広告パートナーは、クッキーを使用して広告を表示します。同意するとプライバシーに関する情報が広告"
        "に使われます。"
        "クッキーの同意はプライバシー設定でいつでも撤回できます。広告の詳細は広告ポリシーをご覧ください。</p>",
    ),
}


@pytest.mark.parametrize("html", CONSENTS.values(), ids=CONSENTS.keys())
def test_consent_walls_are_blocked(html: str) -> None:
    """At the article's own address."""
    article = read(html)
    assert (article.extraction, article.reason, article.retry, article.text) == ("blocked", "a consent wall", True, "")


SHORT_CONSENTS = {
    "English": doc(
        "Westmere News",
        "<h1>We value your privacy</h1><p>We and our 842 partners store and/or access information on a device, such as "
        "cookies, and process personal data, such as unique identifiers. Click to consent.</p>"
        "<button>Accept all</button><button>Reject all</button>",
    ),
    "English, a form": doc(
        "Before you continue",
        "<h1>Before you continue</h1><p>We use cookies and data to deliver our services, and to show you personalised "
        "content and ads.</p><form><input type=submit value='Reject all'><input type=submit value='Accept all'></form>",
    ),
    "French": doc(
        "Le Journal",
        "<h1>Nous respectons votre vie privée</h1><p>Nous et nos partenaires stockons et accédons à des informations "
        "de votre appareil, comme des cookies, et traitons des données personnelles.</p>"
        "<button>Tout accepter</button><button>Tout refuser</button>",
    ),
    "German, links": doc(
        "Westmerer Zeitung",
        "<h1>Wir schätzen Ihre Privatsphäre</h1><p>Wir und unsere Partner speichern Informationen auf Ihrem Gerät, zum "
        "Beispiel Cookies, und verarbeiten Daten.</p><a href='#'>Alle akzeptieren</a> <a href='#'>Ablehnen</a>",
    ),
    "Japanese": doc(
        "新聞",
        "<p>当サイトはクッキーを使用しています。続けるには同意が必要です。プライバシーポリシーをご覧ください。</p>"
        "<button>同意する</button>",
    ),
}


@pytest.mark.parametrize("title", ["Bridge closed", "Cookies: what bakeries sell"])
@pytest.mark.parametrize("html", SHORT_CONSENTS.values(), ids=SHORT_CONSENTS.keys())
def test_short_ones_are_known_by_their_buttons(html: str, title: str) -> None:
    """Whatever was announced."""
    article = read(html, Entry(title=title, url=URL))
    assert (article.extraction, article.reason, article.retry, article.text) == ("blocked", "a consent wall", True, "")


def test_without_a_button_to_agree_with_the_same_words_are_an_articles() -> None:
    html = SHORT_CONSENTS["German, links"].partition("<a ")[0]
    assert read(html, Entry(title="Bridge closed", url=URL)).extraction == "ok"


TEASER_TEXT = f"<p>{SENTENCE}</p><p>Crews had taken forty thousand tonnes of silt from the channel.</p>"
LOCKED = (
    '<script type="application/ld+json">{"@type":"NewsArticle","headline":"x","isAccessibleForFree":%s,"hasPart":'
    '{"@type":"WebPageElement","isAccessibleForFree":%s,"cssSelector":".locked"}}</script>'
)
PAYWALLS = {
    "JSON-LD": doc(TITLE, f"{CHROME}<article>{TEASER_TEXT}</article>{FOOTER}", LOCKED % ("false", "false")),
    "JSON-LD as text": doc(TITLE, f"{CHROME}<article>{TEASER_TEXT}</article>{FOOTER}", LOCKED % ('"False"', '"False"')),
    "content tier": doc(
        TITLE,
        f"<article>{TEASER_TEXT}</article>",
        ARTICLE_HEAD + '<meta property="article:content_tier" content="locked">',
    ),
    **{
        language: doc(
            TITLE,
            f"{CHROME}<article><h1>{TITLE}</h1>{TEASER_TEXT}<div class=box><p>{said}</p></div></article>{FOOTER}",
            ARTICLE_HEAD,
        )
        for language, said in {
            "English": "This article is for subscribers only. Subscribe to continue reading. From £1 a month.",
            "English, a letter": "This post is for paid subscribers",
            "English, metered": "You have reached your limit of free articles.",
            "English, login": "Sign in to read the full story",
            "German": "Dieser Artikel ist nur für Abonnenten zugänglich. Jetzt 30 Tage gratis testen.",
            "German, plus": "Mit SZ Plus weiterlesen",
            "French": "Article réservé aux abonnés. Il vous reste 80 % de cet article à lire.",
            "Spanish": "Contenido exclusivo para suscriptores. Suscríbete para seguir leyendo.",
            "Italian": "Contenuto riservato agli abbonati",
            "Portuguese": "Conteúdo exclusivo para assinantes",
            "Dutch": "Dit artikel is alleen voor abonnees",
            "Swedish": "Artikeln är endast för prenumeranter",
            "Polish": "Artykuł dostępny tylko dla prenumeratorów",
            "Russian": "Материал доступен только по подписке",
            "Japanese": "この記事は有料会員限定です。残り1234文字",
            "Chinese": "登录后继续阅读全文",
            "Korean": "이 기사는 구독자 전용입니다",
            "Arabic": "هذا المقال للمشتركين فقط",
        }.items()
    },
}


@pytest.mark.parametrize("html", PAYWALLS.values(), ids=PAYWALLS.keys())
def test_a_paywalled_page_gives_its_free_part(html: str) -> None:
    """Without the box that ends it, and marked as what it is."""
    article = read(html)
    assert (article.extraction, article.retry, article.sources["content_text"]) == ("paywalled", True, "page")
    assert article.text.split("\n") == [
        SENTENCE.strip(),
        "Crews had taken forty thousand tonnes of silt from the channel.",
    ]


@pytest.mark.parametrize(
    ("entry", "extraction", "start"),
    [
        pytest.param(TEASER, "paywalled", SENTENCE[:20], id="the feed has less"),
        pytest.param(
            Entry(title=TITLE, content=f"<p>Feed: {SENTENCE * 3}</p>"), "feed_only", "Feed:", id="the feed has more"
        ),
    ],
)
def test_the_longer_of_teaser_and_feed_serves(entry: Entry, extraction: str, start: str) -> None:
    """Both leave the page to be tried again."""
    article = read(PAYWALLS["English"], entry)
    assert (article.extraction, article.retry) == (extraction, True)
    assert article.text.startswith(start)


def test_a_login_form_is_no_article() -> None:
    """At the article's own address, without anything of the article."""
    html = doc(
        "Westmere News", f"{CHROME}<h1>Welcome back</h1><form><input name=u><input type=password name=p>Log in</form>"
    )
    assert (read(html).extraction, read(html).reason) == ("paywalled", "the page asks for a login")


ERRORS = {
    language: doc(f"{said} | Westmere News", f"{CHROME}<h1>{said}</h1><p>{more}</p>{FOOTER}")
    for language, said, more in [
        (
            "English",
            "Page not found",
            "Sorry, we can't find what you were looking for. Try our search or the front page.",
        ),
        ("a number", "404", "The link may be old."),
        ("gone", "This article is no longer available", "It may have expired."),
        ("German", "Seite nicht gefunden", "Leider konnten wir die gewünschte Seite nicht finden."),
        ("French", "Page introuvable", "La page que vous cherchez n'existe plus."),
        ("Spanish", "Página no encontrada", "Lo sentimos."),
        ("Italian", "Pagina non trovata", "Torna alla home."),
        ("Portuguese", "Página não encontrada", "Volte ao início."),
        ("Dutch", "Pagina niet gevonden", "Helaas."),
        ("Polish", "Strona nie została znaleziona", "Przepraszamy."),
        ("Russian", "Страница не найдена", "Возможно, она была удалена."),
        ("Japanese", "ページが見つかりません", "お探しのページは移動した可能性があります。"),
        ("Chinese", "页面不存在", "您访问的页面已被删除。"),
        ("Korean", "페이지를 찾을 수 없습니다", "주소를 확인해 주세요."),
        ("Arabic", "الصفحة غير موجودة", "عذرا."),
        ("out of order", "Internal Server Error", "Something broke."),
        ("a database", "Error establishing a database connection", ""),
        ("maintenance", "Site maintenance", "We'll be back soon."),
    ]
}


@pytest.mark.parametrize("html", ERRORS.values(), ids=ERRORS.keys())
def test_errors_with_status_200_are_no_articles(html: str) -> None:
    """The page says so in its title; nothing of it is kept."""
    article = read(html)
    assert (article.extraction, article.retry, article.text, article.title) == ("failed", True, "", TITLE)


def listing(n: int, teaser: str = "", head: str = "") -> str:
    items = "".join(
        f'<article><h2><a href="/2024/{i}">Headline number {i} about the town of Westmere and its people</a></h2>'
        f"<p>{teaser.format(i)}</p></article>"
        for i in range(n)
    )
    return doc("News from Westmere", f"{CHROME}<main><h1>News</h1>{items}</main>{FOOTER}", head)


LISTS = {
    "headlines": listing(20),
    "headlines with teasers": listing(
        12, "Story {0} is one of the many that the town has seen in this long and wet spring season."
    ),
    "links around headlines": doc(
        "Start",
        "<main>"
        + "".join(
            f'<a href="/{i}"><h3>Headline number {i} about the town of Westmere and its people</h3></a><p>A '
            f"sentence about it "
            f"stands below the headline, as number {i} of the list.</p>"
            for i in range(15)
        )
        + "</main>",
        '<meta property="og:type" content="website">',
    ),
}


@pytest.mark.parametrize("html", LISTS.values(), ids=LISTS.keys())
@pytest.mark.parametrize("entry", [None, LINK_ONLY], ids=["no feed", "link"])
def test_lists_are_no_articles(html: str, entry: Entry | None) -> None:
    """Of whatever length."""
    article = read(html, entry)
    assert article.extraction == "failed"
    assert (article.reason or "").startswith(("a list of", "the page has no article text"))
    assert article.text == ""


SHELLS = {
    "an empty mount": doc("App", '<div id="root"></div><script src="/main.js"></script>'),
    "noscript": doc("App", '<noscript>You need to enable JavaScript to run this app.</noscript><div id="app"></div>'),
    "a message": doc(
        "App", "<div id=x><p>This site requires JavaScript. Please enable JavaScript in your browser.</p></div>"
    ),
    "German": doc("App", "<p>Bitte aktivieren Sie JavaScript, um diese Seite zu nutzen.</p>"),
    "French": doc("App", "<p>Veuillez activer JavaScript pour afficher cette page.</p>"),
    "Japanese": doc("App", "<p>このサイトを利用するにはJavaScriptを有効にしてください。</p>"),
    "loading": doc("App", '<div class="spinner">Loading, please wait…</div><script src="/main.js"></script>'),
    "leading on": doc(
        "", "<p>You are being redirected to the news.</p>", '<meta http-equiv="refresh" content="0; url=/x">'
    ),
}


@pytest.mark.parametrize("html", SHELLS.values(), ids=SHELLS.keys())
def test_shells_are_no_articles(html: str) -> None:
    """What scripts were to fill is empty."""
    article = read(html)
    assert (article.extraction, article.text, article.title, article.retry) == ("failed", "", TITLE, True)


def test_the_head_of_a_shell_is_believed() -> None:
    """Where it describes the article: only the text is missing."""
    head = f'{ARTICLE_HEAD}<meta name="author" content="Ada Lindqvist">'
    article = read(doc(TITLE, '<div id="__next"></div><script src="/x.js"></script>', head))
    assert (article.extraction, [author.name for author in article.authors]) == ("failed", ["Ada Lindqvist"])


@pytest.mark.parametrize(
    ("url", "extraction"),
    [
        pytest.param("https://news.example/", "failed", id="front page"),
        pytest.param("https://news.example/login?next=%2F2024", "paywalled", id="login"),
        pytest.param("https://accounts.example/o/x", "paywalled", id="login host"),
        pytest.param("https://news.example/anmelden.html", "paywalled", id="German login"),
        pytest.param("https://consent.example/collect?x=1", "blocked", id="consent host"),
        pytest.param("https://news.example/consent/", "blocked", id="consent"),
        pytest.param("https://news.example/404.html", "failed", id="error"),
        pytest.param("https://news.example/page-not-found", "failed", id="not found"),
    ],
)
def test_where_a_redirect_ends_says_what_it_is(url: str, extraction: str, make_page: MakePage) -> None:
    """However much like an article the page looks."""
    article = read(make_page("<title>Westmere News</title>"), url=url)
    assert (article.extraction, article.text, article.retry, article.title) == (extraction, "", True, TITLE)


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        pytest.param(URL, URL + "/?utm_source=rss", id="tracking"),
        pytest.param("https://t.example/x1", URL, id="a shortener"),
        pytest.param("https://docs.example/login/", "https://docs.example/en/login/", id="an article on logins"),
        pytest.param("https://docs.example/old", "https://docs.example/how-to-login-with-404s", id="a word in a name"),
        pytest.param("https://news.example/", "https://news.example/", id="the front page was asked for"),
        pytest.param(None, "https://news.example/login", id="nobody asked"),
        pytest.param("not a url", URL, id="no address"),
    ],
)
def test_other_redirects_say_nothing(asked: str | None, url: str, make_page: MakePage) -> None:
    """The page is read."""
    article = read(make_page(f"<title>{TITLE}</title>"), Entry(title=TITLE, url=asked), url)
    assert article.extraction == "ok"


def test_an_interstitial_that_nobody_described_is_blocked() -> None:
    """One page is enough: nothing that the feed announced stands on it."""
    html = doc(
        "news.example",
        f"{CHROME}<h1>Quick survey</h1><p>{'Tell us how you like our service before we go on. ' * 4}</p>",
    )
    assert (read(html).extraction, read(html).reason) == ("blocked", "nothing on the page is what the feed announced")
    assert read(html, None).extraction == "ok"


QUOTES = (
    "".join(
        f"<p>{SENTENCE}{said}</p>"
        for said in (
            "Just a moment, he said, and access denied was what she read.",
            "Page not found, the screen showed.",
            "Subscribe to continue reading, it said below.",
            "Please enable JavaScript and accept all cookies, partners, vendors and tracking, the page asked.",
        )
    )
    * 3
)


@pytest.mark.parametrize(
    "html",
    [
        pytest.param(doc(TITLE, f"{CHROME}<article>{QUOTES}</article>{FOOTER}"), id="quotes"),
        pytest.param(
            doc("Page not found: why links rot", f"<article>{TEASER_TEXT}</article>", ARTICLE_HEAD),
            id="a title about 404",
        ),
        pytest.param(
            doc("Access denied error in Windows 11 setup after the update", f"<article>{TEASER_TEXT}</article>"),
            id="a forum",
        ),
        pytest.param(
            doc(
                TITLE,
                f'<article><p>{SENTENCE}</p><div class="locked"><p>{SENTENCE * 9}</p></div></article>',
                LOCKED % ("false", "false"),
            ),
            id="what is not free is there",
        ),
        pytest.param(
            doc(
                TITLE,
                f"{CHROME}<div class=menu><a href=/plus>Only for subscribers: sign in to "
                f"read</a></div><article>{TEASER_TEXT}</article>",
                ARTICLE_HEAD,
            ),
            id="a wall's words above the article",
        ),
        pytest.param(
            doc(
                TITLE,
                f"{CHROME}<article>{TEASER_TEXT}</article>"
                '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
                '<script src="https://js.datadome.co/tags.js"></script><script '
                'src="/_Incapsula_Resource?SWJIYLWA=7"></script>',
            ),
            id="protected, and let through",
        ),
        pytest.param(
            doc(
                TITLE,
                "<article>"
                + "".join(
                    f'<h2 id="s{i}">Section {i} of the manual<a href="#s{i}">#</a></h2><p>{SENTENCE}</p>'
                    for i in range(9)
                )
                + "</article>",
            ),
            id="headings with anchors",
        ),
        pytest.param(
            doc(
                "All you need to know about cookies",
                f"<article><p>{'Cookies are small files that a site stores in a browser. '}"
                f"{'Bakers and lawyers mean different things by the word, as a court found on Monday. ' * 3}"
                "The regulator asks for consent before tracking; advertising firms disagree.</p></article>",
            ),
            id="an article on consent",
        ),
        pytest.param(
            doc(
                "Court rules on cookies",
                "<article><p>Cookies are small files that a site stores in a browser. A court found on Monday that the "
                "baker had not asked for consent.</p></article><p>We use cookies.</p><button>Accept all</button>",
                '<meta property="og:type" content="article">',
            ),
            id="a short one under a banner",
        ),
    ],
)
def test_articles_pass(html: str) -> None:
    """Whatever they quote or load."""
    article = read(html, None)
    assert (article.extraction, article.reason, article.retry) == ("ok", None, False)
    assert SENTENCE.strip()[:30] in article.text or "Cookies" in article.text
