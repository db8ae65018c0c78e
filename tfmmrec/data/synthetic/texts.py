"""Titles and descriptions of synthetic items: topic words, mood words, age words and noise."""

import numpy as np

# Ten English words per topic, and after the bar the topic in German, Spanish, Russian, Japanese,
# Chinese and Arabic.
_TOPICS = tuple(
    tuple(part.split() for part in line.split("|"))
    for line in (
        "ocean reef tide anchor sailor whale coral harpoon lagoon dolphin"
        "|Meer océano море 海 海洋 بحر",
        "summit cliff glacier climber avalanche ridge valley goat alpine boulder"
        "|Berg montaña гора 山 高山 جبل",
        "oven recipe butter pepper bakery soup garlic chef dumpling flour"
        "|Küche cocina кухня 台所 厨房 مطبخ",
        "orbit comet rocket galaxy astronaut nebula telescope asteroid lunar satellite"
        "|Weltraum espacio космос 宇宙 太空 فضاء",
        "orchid soil rake seedling hedge tulip compost greenhouse petal orchard"
        "|Garten jardín сад 庭 花园 حديقة",
        "castle knight dragon sword throne dungeon moat banner jester crown"
        "|Burg castillo замок 城 城堡 قلعة",
        "goal referee stadium sprint trophy racket marathon penalty coach relay"
        "|Spiel deporte спорт 運動 体育 رياضة",
        "locomotive railway platform tunnel signal carriage conductor steam junction freight"
        "|Zug tren поезд 電車 火车 قطار",
        "detective clue alibi suspect burglar fingerprint witness ransom sheriff verdict"
        "|Krimi misterio детектив 探偵 侦探 محقق",
        "beetle moth ant cricket larva antenna hive mantis pollen cocoon"
        "|Käfer insecto жук 虫 昆虫 حشرة",
        "surgeon clinic fever vaccine nurse bandage pulse stethoscope pharmacy diagnosis"
        "|Arzt médico врач 医者 医生 طبيب",
        "robot circuit software keyboard sensor algorithm battery laptop server pixel"
        "|Rechner ordenador компьютер 計算機 电脑 حاسوب",
    )
)
# From -1 to 1.
_MOODS = (
    ("serene", "quiet", "gentle"),
    ("mild", "steady", "plain"),
    ("lively", "bright", "brisk"),
    ("bold", "loud", "fierce"),
    ("wild", "furious", "savage"),
)
_AGES = (
    ("ancient", "primeval", "antique"),
    ("old", "vintage", "bygone"),
    ("classic", "seasoned", "familiar"),
    ("modern", "recent", "current"),
    ("futuristic", "newborn", "upcoming"),
)
_NOISE = tuple(
    word
    for line in (
        "story day table people window letter road morning paper friend coin chair door",
        "evening summer question corner number mirror basket river bridge shadow answer colour",
    )
    for word in line.split()
)
_CONNECTIVES = ("and", "with", "of", "near", "for", "without", "after", "under")
_FOREIGN_SHARE = 0.15


def write_words(topic: int, details: np.ndarray, rng: np.random.Generator) -> tuple[str, str]:
    """Writes the title and the description of an item.

    Args:
        topic: the cluster, from 0 to 11.
        details: the mood and the age, `[2]` in [-1, 1].
        rng: draws the words.

    Examples:
        >>> title, description = write_words(0, np.array([1.0, -1.0]), np.random.default_rng(0))
        >>> len(title.split())
        3
    """
    english, others = _TOPICS[topic]
    foreign = rng.random() < _FOREIGN_SHARE
    mood = _MOODS[_level(details[0], len(_MOODS))]
    age = _AGES[_level(details[1], len(_AGES))]
    topics = [str(word) for word in rng.choice(english, 6, replace=False)]
    if foreign:
        # One foreign language per item, in the title and every other topic word.
        word = str(rng.choice(others))
        topics[::2] = [word] * len(topics[::2])
    title = f"{rng.choice(mood)} {topics[0]} {topics[1]}"
    content = [*topics[2:], *rng.choice(mood, 2), *rng.choice(age, 2), *rng.choice(_NOISE, 6)]
    rng.shuffle(content)
    words = ["the"]
    for word in content:
        words += [str(word), str(rng.choice(_CONNECTIVES))]
    return _sentence(title), _sentence(" ".join(words[:-1])) + "."


def _level(detail: float, num_levels: int) -> int:
    return min(int((detail + 1.0) / 2.0 * num_levels), num_levels - 1)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
