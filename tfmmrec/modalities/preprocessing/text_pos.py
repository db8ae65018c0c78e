"""The step `pos`: the distribution of parts of speech in a text."""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from tfmmrec.modalities.preprocessing.base import STEPS, Step, Values
from tfmmrec.modalities.preprocessing.chinese import chinese_tags
from tfmmrec.modalities.preprocessing.english import english_tags
from tfmmrec.modalities.preprocessing.language import check_language, language_of

# The universal tags in the order of the derived vector.
TAGS = ("NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "NUM", "CONJ", "PRT", "X")

# The mapping of Petrov et al. by the first two letters of a Penn Treebank tag; others are X.
_PENN = {
    "CC": "CONJ",
    "CD": "NUM",
    "DT": "DET",
    "EX": "DET",
    "IN": "ADP",
    "JJ": "ADJ",
    "MD": "VERB",
    "NN": "NOUN",
    "PD": "DET",
    "PO": "PRT",
    "PR": "PRON",
    "RB": "ADV",
    "RP": "PRT",
    "TO": "PRT",
    "VB": "VERB",
    "WD": "DET",
    "WP": "PRON",
    "WR": "ADV",
}
# The flags of jieba (ICTCLAS), by the whole flag or its first letter; others are X.
_ICTCLAS = {
    "ad": "ADV",
    "eng": "X",
    "un": "X",
    "vn": "NOUN",
    "a": "ADJ",
    "b": "ADJ",
    "c": "CONJ",
    "d": "ADV",
    "f": "PRT",
    "g": "NOUN",
    "h": "PRT",
    "j": "NOUN",
    "k": "PRT",
    "m": "NUM",
    "n": "NOUN",
    "p": "ADP",
    "q": "NUM",
    "r": "PRON",
    "s": "NOUN",
    "t": "NOUN",
    "u": "PRT",
    "v": "VERB",
    "y": "PRT",
    "z": "ADJ",
}


@STEPS.register("pos")
@dataclasses.dataclass(frozen=True)
class PartsOfSpeech(Step):
    """Derives the vector feature `pos`: the share of each universal tag among the words.

    The 11 shares sum to 1, in the order of `TAGS` (the universal tag set of
    Petrov et al. 2012, "A Universal Part-of-Speech Tagset", arXiv 1104.2086, without punctuation).
    English is tagged by TextBlob's pattern tagger, Chinese by jieba. A text in another language,
    or without a word, has none.

    Attributes:
        language: `en`, `zh` or `auto` (default), which detects it per text.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    language: str = "auto"

    def __post_init__(self) -> None:
        check_language(self.language)

    def derived(self) -> Mapping[str, Mapping[str, Any]]:
        return {"pos": {"modality": "vector", "dim": len(TAGS)}}

    def run(self, value: bytes) -> tuple[bytes, Mapping[str, Values]]:
        text = value.decode("utf-8")
        language = language_of(text, self.language, self.kind)
        tags: list[str] = []
        if language == "zh":
            flags = chinese_tags(text, self.kind)
            tags = [_ICTCLAS.get(flag) or _ICTCLAS.get(flag[:1], "X") for flag in flags]
        elif language == "en":
            tags = [_PENN.get(tag[:2], "X") for tag in english_tags(text, self.kind)]
        counts = collections.Counter(tags)
        return value, {"pos": [counts[tag] / len(tags) for tag in TAGS]} if tags else {}
