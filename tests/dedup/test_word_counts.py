"""How long a text is, in any script."""

from __future__ import annotations

import pytest

from worker.dedup import text_key, word_count


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        pytest.param("The harbour opened again.", 4, 4, id="English"),
        pytest.param("港は再び開いた", 7, 7, id="Japanese, a sign a word"),
        pytest.param("한국어 문장은 띄어 쓴다", 4, 4, id="Korean"),
        pytest.param("ท่าเรือเปิดอีกครั้งหลังจากการขุดลอกเป็นเวลาสามสัปดาห์", 8, 14, id="Thai, 11 words"),
        pytest.param("ທ່າເຮືອເປີດອີກຄັ້ງຫຼັງຈາກສາມອາທິດ", 5, 9, id="Lao, 7 words"),
        pytest.param("កំពង់ផែបានបើកឡើងវិញបន្ទាប់ពីបីសប្តាហ៍", 6, 10, id="Khmer, 8 words"),
        pytest.param("ဆိပ်ကမ်းသည်သုံးပတ်အကြာတွင်ပြန်လည်ဖွင့်လှစ်ခဲ့သည်", 7, 13, id="Burmese, 9 words"),
        pytest.param("ท่าเรือ opened in 2024", 4, 4, id="mixed"),
        pytest.param("ไป", 1, 1, id="a short word"),
        pytest.param("", 0, 0, id="nothing"),
    ],
)
def test_words_are_counted_or_estimated(text: str, least: int, most: int) -> None:
    """Scripts without spaces come out near what a reader of theirs would count; a phrase is not one word."""
    assert least <= word_count(text) <= most


def test_a_long_text_without_spaces_identifies_an_article() -> None:
    """As one in English of the same length does."""
    phrase = "ท่าเรือเปิดอีกครั้งหลังจากการขุดลอกเป็นเวลาสามสัปดาห์"
    assert text_key(phrase) is None
    assert text_key(f"{phrase} " * 6) is not None
