"""The language of a text, by its letters and most frequent words: for articles whose language nobody states.

A wrong language is worse than none. So the words of one language have to be frequent in the text, and more so than
those of any other; a language that is not listed should resemble none that is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from worker.model import BY_TEXT, Article

_LOOKED_AT = 800  # characters
_FEWEST, _DIFFERENT = 6, 4  # words found, and how many different ones of more than a letter
_FREQUENT = 0.15  # the share of words that have to be among the most frequent ones
_AHEAD = 1.3  # how many times those of the next language
_IN_PROSE = 0.25  # … of any language
_FEWEST_LETTERS = 20  # of a script

_OTHER_SCRIPTS = re.compile("[\u0370-\U0003ffff]")
# Scripts that are, but for rare exceptions, those of one language each; by the first word of a letter's Unicode name.
_SCRIPTS = {
    **{"GREEK": "el", "HEBREW": "he", "HANGUL": "ko", "THAI": "th", "GEORGIAN": "ka", "ARMENIAN": "hy"},
    **{"TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "GUJARATI": "gu", "KHMER": "km"},
    **{"HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh"},
}
_KANA = 0.1  # kana for an ideograph, from which it is Japanese
_WORDS: Mapping[str, str] = {
    "en": "the of and to in is that for it with as was on are by this be at from have not which you he but they has we",
    "de": "der die und in den das von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
    "er hat dass sie nach wird bei einer um am sind noch wie einem über so zum haben nur oder aber vor zur "
    "bis mehr durch",
    "fr": "de la le et les des en un du une que est pour qui dans par sur au pas plus avec ce il sont son se ou aux "
    "a ne cette été mais comme nous vous l d qu c n s",
    "es": "de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí "
    "porque esta entre cuando muy sin sobre ser también fue es son",
    "pt": "de a que o e do da em um para com não uma os no se na por mais as dos como mas ao das à seu sua ou "
    "quando muito nos já também pelo pela até isso foi são é está ser",
    "it": "di e il la che in un a per è non una sono con del da i al le si dei della nel alla gli come anche più lo "
    "ha dal delle se nella ma ci o questo l d degli dalla sul essere",
    "nl": "de van het een en in is dat op te zijn met voor niet die aan er om ook als maar bij door naar dan uit "
    "nog over worden wordt heeft deze ze we je of hebben geen werd",
    "af": "die van en in is het wat nie te vir op n met dat as aan sy hy om ook deur by word hulle maar so kan daar "
    "ek was nog hierdie een uit",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var sig från vi så kan när år "
    "ut skulle eller vid efter även också jag du nu blev mer vara",
    "da": "og i at det en på er som for af til den med de ikke har et der fra var han ved blev men om også sig være "
    "kan eller efter vi have jeg du hvor nu når kun mere havde uden nogen meget mellem siger fået dette skal vil nå",
    "nb": "og i å det som en på er for av til den med de ikke har et var han fra seg også ble men at om være kan "
    "eller etter vi jeg du ved hvor nå når mer skal vil hadde uten noen mye mellom sier fått dette der kun meget",
    "nn": "og i å det som ein på er for av til den med dei ikkje har eit var han frå seg òg vart men at om vere kan "
    "eller etter vi eg du ved kva no når meir skal vil ei berre hadde utan nokon mykje mellom seier fått "
    "dette der",
    "is": "og í að á er sem við um til en með af fyrir það hann var ekki því frá eru hefur þá sér eftir upp þess "
    "þeirra ég hún",
    "fi": "ja on että ei se oli hän joka myös kuin mutta ovat tai sen kun hänen ole mukaan jotka vain jos niin sekä "
    "vuonna nyt voi tämä siitä jo vielä mitä olla eivät",
    "et": "ja on ei et see oli kui ka ta mis aga ning või selle oma kes siis nii välja seda kuid mida pole olla "
    "olid veel juba mille tema ainult",
    "lv": "un ir ar par no kas ka uz arī nav bet kā to pēc vai tas lai tika ko vēl bija viņš līdz pie jau tikai šo "
    "kad gan savu būs",
    "lt": "ir kad į su iš tai ne kaip yra buvo jis bet už apie po dėl ar tik kuris savo nuo jau per dar iki taip "
    "kas jų gali prie ji",
    "pl": "w i z na do się nie że o jest to jak za od po przez dla są co ale tym tego oraz który jego czy przy "
    "tylko może być już był była które ich także jako",
    "cs": "a v se na je že s z do o k i to ve za pro ale jako po jsou jeho byl by od ze které který tak při si bylo "
    "již nebo jen podle aby však bude také",
    "sk": "a v sa na je že s z do o k i to vo za pre ale ako po sú jeho bol by od zo ktoré ktorý tak pri si bolo už "
    "alebo len podľa aby však bude aj",
    "sl": "je in v se na da za so ki z ne pa tudi s po o kot bi bil od ali pri še do bo ter iz ni bila kar le ker "
    "tako lahko samo kako",
    "sh": "je i u se na da za su od s kako koji a ne o što će iz sa to bi nije kao ali po ili do koja samo već biti "
    "bilo tijekom gdje prije",
    "hu": "a az és hogy nem is egy meg van ez csak de el volt már ha vagy mint még ki azt ezt kell ami majd lehet "
    "után minden pedig őket aki szerint között",
    "ro": "de în și a la cu pe să nu o un din este care că pentru mai al ce sau au fost fi ale prin după dar între "
    "această către fără lui cel sunt ca",
    "sq": "të e në që dhe i me për një nga është më se si u ka nuk do ai kjo ky por janë ishte edhe kur ose duke "
    "pas deri vetëm",
    "tr": "ve bir bu da de için ile olarak çok daha olan gibi kadar sonra ne var en ama o değil göre olduğu her ya "
    "şu ise ancak olduğunu tarafından mi",
    "az": "və bir bu da də üçün ilə olaraq daha çox olan kimi qədər sonra nə var ən amma o deyil görə hər ya isə "
    "tərəfindən edir edən olub onun",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke oleh namun hingga sudah tersebut "
    "adalah para agar sebuah serta kepada boleh daripada ialah telah berkata beliau mengenai turut "
    "karena bahwa bisa saat terkait ujar pemerintah polisi sedangkan usai resmi uang kantor perusahaan senin "
    "kamis jumat kesehatan pihaknya",
    "ms": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke oleh namun hingga sudah tersebut "
    "adalah para agar sebuah serta kepada boleh daripada ialah telah berkata beliau mengenai turut "
    "kerana bahawa semasa manakala iaitu kerajaan polis selepas apabila mahu rasmi wang syarikat baharu isnin "
    "khamis jumaat kesihatan bandar",
    "vi": "và của là có được cho trong không một người này với các đã những để khi đến về như từ nhiều vào ra ở năm "
    "cũng đó sẽ tại phải",
    "sw": "ya na wa kwa ni katika la za kuwa cha hii huu au kama hiyo yake lakini kwamba pia hilo moja baada wake "
    "vya hizo ambayo sana ili",
    "tl": "ang ng sa na mga ay at ni si para kung hindi nang siya ito ko niya may pa lang din mula kay isang ako rin",
    "ca": "de la i que el a en les els per un una amb no del es l d al com més va són ha però dels seva aquest "
    "també si pel s o perquè ser aquesta",
    "gl": "de a que o e do da en un para con non unha os no se na por máis as dos como pero ao das á seu súa ou "
    "cando moi nos xa tamén pola pode isto foi son é está ser",
    "eu": "eta da ez du bat ere izan egin zen dira baina hori dute duen edo den beste bere zuen ditu hau behar "
    "baino arte dela gabe oso",
    "eo": "la de kaj en estas al por ne kun mi ĝi li vi ke el pri per sed tiu aŭ kiel estis oni ĉi je sur pli",
    "cy": "y yn yr i o a ar ac ei am wedi gan mae ond bod oedd eu nid hyn gyda neu fel sydd at rhwng un",
    "ga": "an na agus ar is i a le go ag ní ach bhí do tá sé de leis sin mar ó nó nach atá chun seo bheith",
    "gd": "an na agus ann air a is e tha gu do le bha nach bhith airson chaidh anns ach dhen nan sin seo cha eil "
    "bidh iad",
    "lb": "de an d déi vun ass mat fir den datt net op och en sech eng am dem ze si no hunn et sinn wou awer nach vum",
    "so": "iyo ee ka u ku in waa oo ah la soo uu ay wuxuu kale sida ayaa isagoo waxaa si kala inay",
    "ru": "в и не на что с по как это для из к он за от но его у же о до так все она при года которые был также или "
    "только если уже чтобы",
    "uk": "в і не на що з у та для як до це за від про але його й той також при є або року які так був щоб під "
    "цього має бути після",
    "be": "і ў не на што з у як для да гэта за ад пра але яго ён таксама пры ёсць або год якія так быў каб пад "
    "гэтага мае быць пасля яна",
    "bg": "на и да в за от се не с е че по са ще като той но това до при който или си след му беше може както има "
    "към които един само",
    "mk": "на и да во за од се не со е дека по ќе како тој но ова до при кој или што нѐ беше може има кон кои еден "
    "само го ја ги",
    "sr": "је и у се на да за су од с како који а не о што ће из са то би није као али по или до која само већ бити "
    "било",
    "kk": "және мен бұл үшін деп бар болып бір да де жоқ осы ол болды қазақстан екен туралы деген емес бойынша жылы",
    "ky": "жана бул үчүн деп бар болуп бир да де жок ушул ал болду кыргыз экен тууралуу деген эмес боюнча жылы менен",
    "mn": "нь байна бол энэ юм болон гэж ба тэр байсан дээр нэг оны их бас ч хүн хийх тухай болох гэсэн байгаа",
    "uz": "va bu bilan uchun bir ham boʻlgan deb edi shu da emas bor uning ularning oʻz yoki kerak esa boʻlib qilish",
    "ar": "في من على أن إلى عن التي هذا مع ما لا كان الذي هذه بعد ذلك أو قد بين كما لم هو كل قبل وقال هي ثم غير",
    "fa": "و در به از که این را با است برای آن یک هم تا شد کرد بر نیز خود شده ها می بود باید گفت ایران وی اما هر",
    "ur": "کے کی میں ہے اور کا سے کو اس پر نے کہ بھی یہ ہیں ایک تھا وہ کر گیا تھے جو نہیں ہو لیے ان کیا گئی تک",
    "hi": "के में की है और से का को पर हैं यह ने एक भी कि नहीं इस तो था ही कर लिए गया जो रहे साथ अपने हो रहा वह",
    "mr": "आहे आणि या च्या हे की तर ते मध्ये होते केली आहेत नाही यांनी असे त्या एक होता झाले केले म्हणून हा ही",
    "ne": "छ र को मा का हो ले पनि गर्न छन् यो भने गरेको लागि एक थियो नेपाल गर्ने हुने तथा बाट भएको सो त्यो पर्छ",
}


def _languages() -> Mapping[str, tuple[str, ...]]:
    """Each of the words, with the languages that it is frequent in."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for language, words in _WORDS.items():
        for word in dict.fromkeys(words.split()):
            found[word].append(language)
    return {word: tuple(languages) for word, languages in found.items()}


_LANGUAGES = _languages()


def told(article: Article) -> Article:
    """The article with the language of its text, if none is stated and it is clear."""
    found = None if article.language else spoken(f"{article.title or ''}\n{article.text[:_LOOKED_AT]}")
    return replace(article, language=found, sources={**article.sources, "language": BY_TEXT}) if found else article


def spoken(text: str) -> str | None:
    """The language of a text, as a BCP 47 tag without a region; None if that is not clear."""
    sample = text[:_LOOKED_AT].casefold()
    return _written(sample) or _worded(_words(sample))


def is_prose(text: str) -> bool:
    """Whether many of its words are frequent in some language, as in sentences, and not in commands or lists."""
    words = _words(text.casefold())
    return sum(len(word) > 1 and word in _LANGUAGES for word in words) >= _IN_PROSE * len(words)


def _words(text: str) -> list[str]:
    """The words, some with punctuation: those that are looked for seldom have any, and it takes a fifth of the time."""
    return text.replace("'", " ").replace("’", " ").split()


def _written(sample: str) -> str | None:
    """The language that alone has the script of most letters."""
    others = _OTHER_SCRIPTS.findall(sample)
    if len(others) < _FEWEST_LETTERS:
        return None
    found: Counter[str] = Counter()
    for letter in others:
        found[_SCRIPTS.get(unicodedata.name(letter, "").partition(" ")[0], "")] += 1
    if found["ja"] > _KANA * found["zh"]:
        found["ja"] += found.pop("zh", 0)
    best, most = max(found.items(), key=lambda one: one[1])
    return best if most >= _FEWEST_LETTERS and 2 * most > sum(map(str.isalpha, sample)) else None


def _worded(words: Sequence[str]) -> str | None:
    """The language whose frequent words these have most of; one that others have, too, counts as a part."""
    known = Counter(filter(_LANGUAGES.__contains__, words))
    found: defaultdict[str, float] = defaultdict(float)
    for word, times in known.items():
        languages = _LANGUAGES[word]
        part = times / len(languages)
        for language in languages:
            found[language] += part
    if not found:
        return None
    best, *others = sorted(found, key=found.__getitem__, reverse=True)
    own = {word: times for word, times in known.items() if best in _LANGUAGES[word]}
    is_frequent = sum(own.values()) >= max(_FEWEST, _FREQUENT * len(words))
    is_ahead = not others or found[best] >= _AHEAD * found[others[0]]
    return best if is_frequent and is_ahead and sum(len(word) > 1 for word in own) >= _DIFFERENT else None
