"""languages.py: the language of a text, if nobody states it and it is clear."""

from __future__ import annotations

import pytest

from worker.articles import extract, from_entry, from_page
from worker.articles.languages import spoken, told
from worker.model import Article, Entry

HARBOUR = {
    "en": "The harbour is open again after three weeks, and the first ferry left at dawn. It was full of people "
    "who had waited for this day, but the owners of the boats say that they have not been paid.",
    "de": "Der Hafen ist nach drei Wochen wieder geöffnet, und die erste Fähre ist am Morgen ausgelaufen. Sie war "
    "voll mit Leuten, die auf diesen Tag gewartet haben, aber die Fischer sagen, dass sie nicht bezahlt "
    "wurden.",
    "fr": "Le port est de nouveau ouvert après trois semaines de travaux, et le premier bac est parti à l'aube. "
    "Il était plein de gens qui attendaient ce jour, mais les pêcheurs disent qu'ils ne sont pas payés par "
    "la ville.",
    "es": "El puerto está abierto de nuevo después de tres semanas, y el primer barco salió al amanecer. Estaba "
    "lleno de gente que esperaba este día, pero los pescadores dicen que no han cobrado lo que se les debe "
    "por el cierre.",
    "pt": "O porto está aberto de novo depois de três semanas, e o primeiro barco saiu ao amanhecer. Estava cheio "
    "de pessoas que esperavam por isso, mas os pescadores dizem que não foram pagos pela cidade até agora.",
    "it": "Il porto è di nuovo aperto dopo tre settimane di lavori, e il primo traghetto è partito all'alba. Era "
    "pieno di gente che aspettava questo giorno, ma i pescatori dicono che non sono stati pagati dalla "
    "città.",
    "nl": "De haven is na drie weken weer open, en de eerste veerboot is bij het aanbreken van de dag vertrokken. "
    "Er waren veel mensen aan boord, maar de vissers zeggen dat ze nog niet zijn betaald voor het werk.",
    "sv": "Hamnen är öppen igen efter tre veckor, och den första färjan gick i gryningen. Den var full av folk "
    "som hade väntat på den här dagen, men fiskarna säger att de inte har fått betalt för arbetet.",
    "nb": "Havnen er åpen igjen etter tre uker, og den første ferjen gikk ved daggry. Den var full av folk som "
    "hadde ventet på denne dagen, men fiskerne sier at de ikke har fått betalt for arbeidet, og at det må skje nå.",
    "da": "Havnen er åben igen efter tre uger, og den første færge sejlede af sted ved daggry. Den var fuld af "
    "folk, der havde ventet på dagen, men fiskerne siger, at de ikke har fået penge for arbejdet, da kun få "
    "blev betalt.",
    "fi": "Satama on auki jälleen kolmen viikon jälkeen, ja ensimmäinen lautta lähti aamulla. Se oli täynnä "
    "ihmisiä, jotka olivat odottaneet tätä, mutta kalastajat sanovat, että he eivät ole saaneet rahaa, "
    "vaikka niin luvattiin.",
    "pl": "Port jest znów otwarty po trzech tygodniach, a pierwszy prom wypłynął o świcie. Był pełen ludzi, "
    "którzy czekali na ten dzień, ale rybacy mówią, że nie dostali pieniędzy za przerwę i że to nie jest w "
    "porządku.",
    "cs": "Přístav je po třech týdnech znovu otevřen a první trajekt vyplul za úsvitu. Byl plný lidí, kteří na "
    "ten den čekali, ale rybáři říkají, že jim za práci nebylo zaplaceno a že by to mělo být jinak, protože "
    "se to tak slíbilo.",
    "hu": "A kikötő három hét után újra nyitva van, és az első komp hajnalban indult el. Tele volt emberekkel, "
    "akik erre a napra vártak, de a halászok azt mondják, hogy még nem kaptak pénzt, és ez így nem mehet.",
    "ro": "Portul este din nou deschis după trei săptămâni, iar primul feribot a plecat în zori. Era plin de "
    "oameni care au așteptat această zi, dar pescarii spun că nu au fost plătiți pentru pauză și că este "
    "prea mult.",
    "tr": "Liman üç hafta sonra yeniden açıldı ve ilk vapur şafakta yola çıktı. Bu günü bekleyen insanlarla "
    "doluydu, ancak balıkçılar çok para kaybettiklerini ve bu iş için daha bir şey almadıklarını söylüyor; "
    "bu da ne kadar doğru.",
    "id": "Pelabuhan itu dibuka lagi setelah tiga minggu, dan feri pertama berangkat saat fajar. Kapal itu penuh "
    "dengan orang yang menunggu hari ini, namun para nelayan mengatakan bahwa mereka tidak dibayar karena "
    "kota belum bisa.",
    "ms": "Pelabuhan itu dibuka semula selepas tiga minggu, dan feri pertama bertolak pada waktu subuh. Ramai orang "
    "menunggu hari itu, tetapi nelayan berkata bahawa mereka tidak dibayar kerana kerajaan belum menyediakan wang "
    "untuk mereka.",
    "vi": "Cảng đã mở lại sau ba tuần và chuyến phà đầu tiên rời bến lúc bình minh. Phà đầy những người đã chờ "
    "ngày này, nhưng các ngư dân nói họ không được trả tiền cho một mùa và điều đó là không đúng với những "
    "gì đã hứa.",
    "ru": "Порт снова открыт после трёх недель работ, и первый паром ушёл на рассвете. Он был полон людей, "
    "которые ждали этого дня, но рыбаки говорят, что им ещё не заплатили за то время, как порт был закрыт.",
    "uk": "Порт знову відкрито після трьох тижнів робіт, і перший пором вийшов на світанку. На ньому було багато "
    "людей, що чекали цього дня, але рибалки кажуть, що їм не заплатили за це та що так не може бути.",
    "ar": "أعيد فتح الميناء بعد ثلاثة أسابيع من العمل وغادرت أول عبارة في الفجر مع كثير من الناس الذين كانوا في "
    "انتظار هذا اليوم، إلا أن أصحاب القوارب لم يحصلوا على المال حتى الآن، كما قال أحدهم عن ذلك.",
    "fa": "بندر پس از سه هفته باز شد و نخستین کشتی در سپیده‌دم به راه افتاد. این کشتی پر از مردمی بود که برای این "
    "روز در انتظار بودند، اما ماهیگیران می‌گویند که پول را از شهر نگرفته‌اند و باید با آن چه کنند.",
    "hi": "बंदरगाह तीन सप्ताह के बाद फिर से खुल गया है और पहली नाव सुबह में निकली। वह उन लोगों से भरी थी जो इस "
    "दिन का इंतज़ार कर रहे थे, पर मछुआरों का कहना है कि उन को पैसे नहीं मिले हैं।",
    "el": "Το λιμάνι άνοιξε ξανά μετά από τρεις εβδομάδες και το πρώτο πλοίο έφυγε τη Δευτέρα.",
    "he": "הנמל נפתח מחדש אחרי שלושה שבועות והמעבורת הראשונה יצאה עם שחר ביום שני בבוקר.",
    "th": "ท่าเรือเปิดอีกครั้งหลังจากการขุดลอกเป็นเวลาสามสัปดาห์ และเรือข้ามฟากลำแรกออกเดินทางในวันจันทร์",
    "ko": "항구가 삼 주 만에 다시 열렸고 첫 여객선이 월요일 새벽에 출항했다. 어민들은 보상을 받지 못했다.",
    "ja": "港は三週間の浚渫工事を終えて再び開かれ、最初のフェリーは月曜日の夜明けに出港しました。",
    "zh": "港口在三周的疏浚之后重新开放，第一班渡轮于星期一黎明出发，船上满是等待这一天的人。",
}


@pytest.mark.parametrize("language", HARBOUR)
def test_a_text_of_some_sentences_tells_its_language(language: str) -> None:
    """By its script, or by the words that each text in the language has."""
    assert spoken(HARBOUR[language]) == language


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="none"),
        pytest.param("Peanut Butter Truffles with Chocolate", id="too short"),
        pytest.param("12.5 % | 13.1 % | 14.0 %\n" * 30, id="numbers"),
        pytest.param(
            "Lorem ipsum dolor sit amet, consectetur adipisicing elit, sed do eiusmod tempor incididunt ut labore et "
            "dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip.",
            id="of no language",
        ),
        pytest.param(
            "for i in a: s = o[i]; z = u(i, s, a); i += k; o.append(v); print(a, i, o, u)\n" * 12,
            id="code, whose names are words of many",
        ),
        pytest.param(
            "Uhlalele ovalweni umndeni wesaguga saseMbali, okuthiwa sibhokodwe ngommese emzini waso, yilungu lomndeni "
            "ngoLwesine olwedlule. Ngokuthola kwephephandaba umsolwa ubehlala nogogo wakhe emzini ofanayo.",
            id="of a language that is not known here",
        ),
        pytest.param("Москва Киев Минск София " * 10, id="a script of several languages, no words"),
        pytest.param(
            "Vi skal ud at rejse i morgen, og vi vil nå toget, så vi skal op tidligt.", id="Danish, nearly Norwegian"
        ),
        pytest.param(
            "Han var der kun i to dager, men det var meget viktig for dem som var der, og de husker det.",
            id="Norwegian, nearly Danish",
        ),
        pytest.param(
            "Nu kan du se den i SVT Play. Nu har vi en ny domare, och hon kan nu börja i Malmö i maj.",
            id="Swedish, nearly Danish",
        ),
        pytest.param(
            "Namun para peserta tersebut sudah pulang hingga ke kampung agar sebuah rumah adalah tempat mereka.",
            id="Malay, nearly Indonesian",
        ),
        pytest.param(
            "Beliau telah turut serta dalam acara itu dan berkata bahwa semua pihak boleh hadir.",
            id="Indonesian, nearly Malay",
        ),
    ],
)
def test_what_is_not_clear_is_not_told(text: str) -> None:
    """A wrong language is worse than none."""
    assert spoken(text) is None


def test_foreign_words_do_not_change_the_language() -> None:
    """Neither a quotation, nor code, nor names."""
    assert spoken(f"{HARBOUR['ja'] * 4} {HARBOUR['en']}") == "ja"
    assert spoken(f"{HARBOUR['de'] * 3} „{HARBOUR['en'][:60]}“") == "de"
    assert spoken(f"{HARBOUR['en'] * 3} Το λιμάνι άνοιξε ξανά μετά από τρεις") == "en"


def test_only_what_nobody_states_is_told() -> None:
    """A statement is never doubted; what the text told is marked, and is not what is stated."""
    stated = Article(extraction="ok", text=HARBOUR["en"], language="cy", sources={"language": "page"})
    assert told(stated) is stated
    assert stated.stated_language == "cy"
    found = told(Article(extraction="ok", title="Harbour", text=HARBOUR["de"], sources={"title": "feed"}))
    assert (found.language, found.sources) == ("de", {"title": "feed", "language": "text"})
    assert found.stated_language is None


def test_pages_and_entries_without_a_language_get_that_of_their_text() -> None:
    """Whichever the text comes from, and in the library as well."""
    html = f"<html><title>Le port</title><body><article><p>{HARBOUR['fr']}</p></article></body></html>"
    page = from_page(html.encode(), url="https://a.example/1", content_type="text/html; charset=utf-8", entry=None)
    entry = from_entry(Entry(title="Le port", content=HARBOUR["fr"]))
    for article in (page, entry):
        assert (article.language, article.sources["language"]) == ("fr", "text")
    assert extract(html, "https://a.example/1")["language"] == "fr"
    assert from_entry(Entry(content=HARBOUR["fr"], language="en")).language == "en"
