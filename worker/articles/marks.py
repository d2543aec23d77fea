"""The signs by which walls, errors and shells are recognized: traces of their makers, and their wording in the web's
languages.

Wording counts only if the page is short, and in the places that `gates` names: an article may quote all of it.
"""

from __future__ import annotations

import re

# Scripts, forms and elements that stand on the challenge itself. What the same makers put on the pages that they
# protect (/cdn-cgi/challenge-platform/scripts/jsd, js.datadome.co, Incapsula's SWJIYLWA, awswaf's script) is none.
_MAKERS = {
    "Cloudflare": ("_cf_chl_opt", "cf-browser-verification", "/cdn-cgi/challenge-platform/h/", "cf-error-details"),
    "DataDome": ("captcha-delivery.com/", "var dd={'rt'"),
    "HUMAN": ("px-captcha", "captcha.px-cdn.net", "captcha.px-cloud.net"),
    "Akamai": ("errors.edgesuite.net", "/_sec/cp_challenge/", "sec-if-cpt-container", "bm-verify="),
    "Imperva": ("_Incapsula_Resource?SWUDNSAI", "_Incapsula_Resource?CWUDNSAI", "Incapsula incident ID"),
    "AWS WAF": ("gokuProps", "awsWafCookieDomainList"),
    "Sucuri": ("sucuri_cloudproxy_js", "Sucuri WebSite Firewall"),
    "Anubis": ("anubis_challenge", "/.within.website/x/cmd/anubis/"),
    "SiteGround": ("/.well-known/sgcaptcha/",),
    "Kasada": ("KPSDK.now",),
    "Fastly": ("/_fs-ch-",),
    "DDoS-Guard": ("/.well-known/ddos-guard/check", "/.well-known/ddos-guard/mark"),
    "Yandex": ("/checkcaptcha?", "/showcaptcha"),
    "Alibaba": ("/_____tmd_____/",),
    "testcookie": ("slowAES", "toNumbers(d)"),
}
_BOX_LINE = 160  # characters


def _any(lines: str) -> re.Pattern[str]:
    """Matches any of the lines, each a pattern of alternatives, ignoring case; a backslash at a line's end joins it
    with the next."""
    whole = re.sub(r"\\\n\s*", "", lines.strip())
    return re.compile("|".join(line.strip() for line in whole.splitlines()), re.IGNORECASE)


ROBOT_CHECK = _any(
    r"""
    just a moment|one moment,? please|checking (?:if the site connection is secure|your browser)
    verif(?:y|ying|ication)\W.{0,24}\bhuman|human verification|not a (?:ro)?bot\b|are you (?:a )?(?:human|robot)
    robot check|bot (?:check|verification)|enable javascript and cookies to continue
    unusual (?:traffic|activity)|pardon our interruption|press (?:&|and) hold
    complete the (?:captcha|security check)|client challenge
    access (?:to this (?:page|site|website) )?(?:has been |is )?(?:denied|blocked|restricted)
    you (?:have been|are) (?:blocked|rate.limited)|attention required|security (?:check(?:point)?|verification)
    request (?:blocked|rejected|unsuccessful)|too many requests|ddos protection by|^(?:403 )?forbidden$
    einen moment|sicherheits(?:über)?prüfung|(?:kein|bin kein) roboter|sie ein mensch sind
    zugriff (?:wurde )?verweigert|un instant|vous (?:n.êtes pas un robot|êtes (?:bien )?(?:un )?humain)
    pas un robot|accès (?:refusé|interdit|bloqué)|^un momento|no (?:soy|eres) un robot
    (?:eres|es) (?:un ser )?humano|acceso (?:denegado|bloqueado)|non (?:sono|sei) un robot
    sei (?:un essere )?umano|accesso (?:negato|bloccato)|não (?:sou|é) um rob[ôo]|(?:é|você é) humano
    acesso (?:negado|bloqueado)|só um momento|ik ben geen robot|u een mens bent|toegang geweigerd
    nie jest(?:em|eś) robotem|jesteś człowiekiem|odmowa dostępu|robot olmadığınız|insan olduğunuz
    erişim (?:engellendi|reddedildi)|är (?:inte )?en (?:robot|människa)|åtkomst nekad|один момент
    проверка (?:браузера|безопасности)|не робот|что вы человек|доступ (?:запрещ[её]н|ограничен|заблокирован)
    しばらくお待ちください|ロボットではありません|人間であること|アクセスが(?:拒否|制限)|请稍候|請稍候|安全验证
    安全驗證|(?:是|为)真人|人机(?:身份)?验证|不是(?:机器人|機器人)|访问(?:被拒绝|受限)|잠시만 기다|로봇이 아닙
    사람인지 확인|접근이? ?(?:거부|차단)|لست (?:برنامج )?روبوت|أنك إنسان|تم رفض الوصول|ไม่ใช่หุ่นยนต์
    không phải (?:là )?(?:người máy|robot)
    """
)
MISSING = _any(
    r"""
    (?:^|\berror\W{0,3})(?:404|410)\b
    (?:page|article|content|story|post|document|file|url)\W.{0,24}\b(?:not found|not exist|unavailable)
    (?:page|article|content|story|post)\W.{0,24}\b(?:no longer (?:available|exists)|been? (?:found|removed|deleted))
    ^(?:oops\W*)?not found$|nothing (?:was )?found
    (?:seite|artikel|beitrag|inhalt)\W.{0,24}nicht (?:gefunden|mehr verfügbar|verfügbar|vorhanden|existiert)
    nicht gefunden$
    (?:page|article|contenu)\W.{0,24}(?:introuvable|n.existe (?:pas|plus)|non trouvée?|n.est plus disponible)
    (?:página|art[ií]culo|contenido)\W.{0,24}no (?:se )?(?:ha sido )?(?:encontrad|existe|disponible)
    (?:página|artigo|conteúdo)\W.{0,24}não (?:foi )?(?:encontrad|existe|disponível|localizad)
    (?:pagina|articolo)\W.{0,24}non (?:è stat[ao] )?(?:trovat|esiste|disponibile)
    pagina\W.{0,16}(?:niet (?:gevonden|beschikbaar)|nu (?:a fost găsit|există))
    sidan\W.{0,16}(?:hittades inte|finns inte|kunde inte hittas)
    side[nr]?\W.{0,16}(?:ikke (?:funnet|fundet)|blev ikke|ble ikke)|sivua ei löyt
    stron[ay]\W.{0,16}nie (?:została )?(?:znaleziono|znaleziona|istnieje)|stránka\W.{0,16}(?:nebyla )?nenalezena
    stránka nebyla nalezena|sayfa bulunamadı|az oldal nem található|σελίδα δεν βρέθηκε
    (?:страниц[аы]|статья|материал)\W.{0,24}(?:не найден|не существует|удал[её]н)|сторінк[уи] не знайдено
    ページが?(?:見つかり|存在し)|お探しのページ|記事(?:が見つかり|は(?:削除|終了))
    页面(?:不存在|未找到|没有找到)|找不到(?:该|您|页|頁|網)|頁面不存在|文章不存在|페이지를 찾을 수 없
    (?:الصفحة|المقال)\W.{0,16}(?:غير موجود|غير متوفر)|لم يتم العثور|ไม่พบหน้า|không tìm thấy trang
    halaman tidak ditemukan
    """
)
BROKEN = _any(
    r"""
    ^(?:error\W{0,3})?50[0-4]\b|internal server error|bad gateway|service (?:temporarily )?unavailable
    gateway time-?out|error establishing a database connection
    (?:site|system|scheduled|under|down for) maintenance|we.ll be (?:right )?back
    (?:account|website|site) (?:has been |is )?suspended
    domain (?:name )?(?:is )?(?:for sale|parked|has expired)|something went wrong|an error (?:has )?occurred
    wartungsarbeiten|wartungsmodus|ein fehler ist aufgetreten|(?:site|page) en maintenance
    erreur (?:interne|serveur)|en mantenimiento|se ha producido un error|in manutenzione|em manutenção
    ocorreu um erro|технические работы|произошла ошибка|メンテナンス中|エラーが発生|系统维护|服务器错误|网站维护
    점검 ?중
    """
)
# Where the free part ends. "Already a subscriber?" and "Subscribe" alone stand in the headers of whole articles.
WALL = _any(
    r"""
    (?:article|story|content|post|report|edition) is (?:only |exclusively )?(?:available |reserved |exclusive |free )?\
    (?:only |exclusively )?(?:for|to) (?:our |paid |paying |registered |premium )*(?:subscribers|members|readers)
    (?:subscriber|member|premium)s?.only (?:article|content|story|post)
    (?:subscribe|sign up|sign in|log ?in|register|join|become a (?:member|subscriber))(?: now| today| for free)?,? \
    (?:to|and) (?:continue|keep|finish|read(?! more)|unlock|view|access|get (?:full|unlimited))
    (?:to|and) (?:continue|keep) reading,? (?:this|the|please|subscribe|sign|log|register|with|for)
    continue reading (?:this|the|your) (?:article|story|post) with|this post is for (?:paid|paying)
    you(?:.ve| have) (?:reached|read|used|hit) (?:your|all|the) .{0,40}(?:free|limit|article)
    unlock (?:this|the full|unlimited) (?:article|story|access)|purchase a subscription
    nur für (?:unsere )?(?:registrierte |digital-?)*(?:abonnent|mitglied|premium|nutzer)
    (?:jetzt|weiter)lesen mit|mit .{0,30}(?:abo|plus|\+|premium) (?:weiterlesen|lesen)
    (?:anmelden|registrieren|abonnieren),? (?:um|und) .{0,24}(?:weiter|lesen)
    diese[nr] (?:artikel|inhalt|beitrag) .{0,30}(?:abonnent|freischalten|exklusiv|abo\b)
    exklusiv für .{0,20}abonnent|réservé (?:à nos|aux) (?:abonné|membre)
    il vous reste .{0,20}(?:de cet article|à (?:lire|découvrir))
    (?:abonnez|connectez|inscrivez)-vous (?:pour|et) (?:lire|continuer|accéder|poursuivre|débloquer)
    pour lire la suite
    (?:exclusiv[oa]|sólo|solo|reservad[oa]) (?:para|a) (?:nuestros )?(?:suscriptor|abonad|socios)
    suscr[ií]b(?:ete|ase) (?:para|y) (?:seguir|continuar|leer|acceder)|para (?:seguir|continuar) leyendo
    (?:riservat[oa] agli|solo per gli|esclusiv[oa] per gli) abbonati
    abbonati (?:per|e) (?:continuare|leggere|proseguire)|per continuare a leggere
    (?:exclusivo|só|somente|apenas) para assinantes|assine (?:para|e) (?:continuar|ler)
    para continuar (?:lendo|a ler)|(?:alleen|exclusief) voor (?:abonnees|leden)|verder lezen\?
    om verder te lezen|(?:bara|endast|exklusivt) för (?:prenumerant|abonnent)
    (?:logga in|prenumerera|teckna).{0,20} (?:för att|och) läs|(?:kun|bare|eksklusivt) for abonnent
    for at læse (?:videre|hele)|for å lese (?:videre|hele)|vain tilaajille|lue lisää tilaamalla
    tylko dla (?:subskrybent|prenumerator|zalogowan)|aby czytać dalej|pouze pro předplatitel|csak előfizető
    (?:только|доступн\w+) (?:по подписке|для подписчик|подписчик)|оформите подписку,? чтобы
    чтобы (?:читать|прочитать|продолжить)|sadece aboneler|devamını okumak için
    (?:有料|会員|登録会員)(?:会員)?(?:限定|記事)|残り.{0,12}(?:文字|字)|続きを(?:読む|お読みいただく)には
    (?:付费|会员|订阅)(?:后|专享|可|阅读)
    (?:登录|登入|訂閱|订阅)后?(?:以|可|即可)?(?:继续)?(?:阅读|閱讀)(?:全文)?|구독자 ?전용|회원 ?전용
    로그인 후 (?:이용|계속)|(?:للمشتركين|للأعضاء) فقط|اشترك (?:ل|في).{0,16}(?:قراءة|متابعة)
    """
)
_CONSENT = _any(
    r"""
    cookies?\b|cookie-?(?:einstellungen|richtlinie|policy)|consent\w*|gdpr|dsgvo|rgpd|iab\b|tcf\b|opt.out
    vendors?\b|third.part(?:y|ies)|partners?\b|partnern?\b|personali[sz]ed (?:ads|content|advertising)|privacy
    legitimate interest|accept all|reject all|manage (?:options|settings|preferences)|advertising|tracking\w*
    identifiers?\b|zustimm\w*|einwilligung\w*|datenschutz\w*|personalisiert\w*|werbung|akzeptieren|ablehnen
    verarbeit\w*|consentement|partenaires?|publicités?|accepter|refuser|traceurs|confidentialité
    personnalisée?s?|vie privée|consentimiento|socios|publicidad|aceptar|rechazar|privacidad|personalizad\w*
    consenso|partner\b|pubblicità|accetta\w*|rifiuta\w*|personalizzat\w*|consentimento|parceiros|publicidade
    aceitar|rejeitar|personalizad\w*|toestemming|advertenties|accepteren|weigeren|gepersonaliseerd\w*
    zgod[aęy]\w*|reklam\w*|partner\w*|prywatnoś\w*|samtyck\w*|annonser|godkänn\w*|samtykke\w*|annoncer
    hyväksy\w*|evästei\w*|souhlas\w*|файл\w* cookie|соглас\w*|конфиденциальност\w*|реклам\w*|クッキー|同意
    プライバシー|広告|个人信息|隐私|广告|동의|쿠키|개인정보|ملفات تعريف الارتباط|الخصوصية|موافق\w*
    """
)
_CONSENT_ITSELF = (
    *("cookie", "consen", "zustimm", "einwillig", "toestemming", "zgod", "samtyck", "samtykk", "hyväks"),
    *("souhlas", "соглас", "クッキー", "同意", "쿠키", "동의", "الارتباط", "privacy"),
)
# What the buttons of a wall say, the whole of it.
AGREE = _any(
    r"""
    (?:(?:yes,? )?i )?(?:accept|agree|consent|allow|reject|decline|refuse)(?: .{1,24})?|got it
    (?:alles? )?(?:akzeptieren|annehmen|zustimmen|ablehnen)(?: .{1,20})?|(?:tout )?(?:accepter|refuser)(?: .{1,20})?
    (?:continuer sans|j.)accept\w*(?: .{1,20})?|(?:acept|rechaz|aceit|rejeit|accett|rifiut)\w*(?: .{1,20})?
    (?:alles )?(?:accepteren|weigeren|akkoord)(?: .{1,20})?|(?:zgadzam się|akceptuj\w*|odrzuć\w*)(?: .{1,20})?
    (?:godkänn|accepter|acceptér|tillåt|tillad|godta|avvis|hyväksy|hylkää)\w*(?: .{1,20})?
    (?:přijm|souhlas|odmít)\w*(?: .{1,20})?|(?:принять|соглас|отклонить)\w*(?: .{1,20})?
    .{0,4}(?:同意|許可|拒否|接受|拒绝).{0,4}|(?:모두 )?(?:동의|수락|허용|거부).{0,4}
    (?:موافق|أوافق|قبول|رفض)(?: .{1,20})?
    """
)
NEEDS_SCRIPT = _any(
    r"""
    (?:enable|activate|turn on|allow|requires?|without|support|need) .{0,30}javascript
    javascript\W.{0,40}(?:enabled?|disabled|required|activated|turned on\
    |(?:de)?aktivier|benötigt|d?[eé]?s?activ|(?:des)?habilit|attivat|disabilitat|desativad|ingeschakeld\
    |włącz|включ|отключ|povol|aktiver|käytössä)
    (?:aktivieren sie|activez|activer|active|habilite|habilitar|abilita(?:re)?|ative|schakel\
    |włącz|включите|aktivera|aktivér) .{0,20}javascript
    javascript.{0,3}(?:を有効|が無効|を有効に|が必要)|(?:启用|啟用|开启).{0,6}javascript
    javascript.{0,6}(?:사용|활성화)|تفعيل.{0,12}javascript
    """
)
WAITING = _any(
    r"""
    (?:loading|please wait|redirecting|you are being redirected\
    |wird geladen|bitte warten|sie werden weitergeleitet|chargement|veuillez patienter\
    |redirection|cargando|espere por favor|redirigiendo|caricamento|carregando|laden|загрузка|ładowanie\
    |読み込み中|加载中|로딩 ?중)\b.{0,60}
    """
)


def challenge(html: str) -> str | None:
    """The maker of the challenge that a page is, by its markup; None if no maker is recognized.

    Not one pattern: that would take 60 ms a page, and this takes one.
    """
    return next((maker for maker, traces in _MAKERS.items() if any(trace in html for trace in traces)), None)


def consent(text: str) -> list[str]:
    """The words about consent in a text, in lower case; none if the text does not have the word itself."""
    lower = text.lower()
    return _CONSENT.findall(lower) if any(core in lower for core in _CONSENT_ITSELF) else []


def free_part(text: str) -> str:
    """A text up to the line where a wall begins: only a short line, since an article may quote it, and not the
    first."""
    lines = text.split("\n")
    for at, line in enumerate(lines[1:], 1):
        if len(line) <= _BOX_LINE and WALL.search(line):
            return "\n".join(lines[:at])
    return text
