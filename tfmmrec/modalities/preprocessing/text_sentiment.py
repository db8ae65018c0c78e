"""The step `sentiment`: the sentiment of a text."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from tfmmrec.config.checks import check_count
from tfmmrec.modalities.preprocessing.base import STEPS, Step, Values
from tfmmrec.modalities.preprocessing.language import check_language, language_of
from tfmmrec.modalities.preprocessing.requirements import need
from tfmmrec.modalities.preprocessing.resources import loaded_once
from tfmmrec.modalities.preprocessing.word_segmentation import is_word


@STEPS.register("sentiment")
@dataclasses.dataclass(frozen=True)
class Sentiment(Step):
    """Derives the number feature `sentiment`, from -1 (negative) over 0 to 1 (positive).

    English is VADER's compound score (Hutto and Gilbert 2014); Chinese is SnowNLP's probability p
    of a positive review as 2 p - 1. A text in another language, or without a word, has none.

    Attributes:
        language: `en`, `zh` or `auto` (default), which detects it per text.
        max_chars: the number of characters to read from the start (default 500). Both models are
            made for reviews of a few sentences; SnowNLP reads 5,000 characters a second, and
            VADER's time grows with the square of the length.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    language: str = "auto"
    max_chars: int = 500

    def __post_init__(self) -> None:
        check_language(self.language)
        check_count("max_chars", self.max_chars, 1)

    def derived(self) -> Mapping[str, Mapping[str, Any]]:
        return {"sentiment": {"modality": "number"}}

    def run(self, value: bytes) -> tuple[bytes, Mapping[str, Values]]:
        text = value.decode("utf-8")[: self.max_chars]
        if not is_word(text, self.kind):
            return value, {}
        language = language_of(text, self.language, self.kind)
        if language is None:
            return value, {}
        score = _english(text, self.kind) if language == "en" else _chinese(text, self.kind)
        return value, {"sentiment": [min(1.0, max(-1.0, score))]}


def _english(text: str, step: str) -> float:
    return _vader(step).polarity_scores(text)["compound"]


def _chinese(text: str, step: str) -> float:
    snownlp = _snownlp(step)
    # The model was trained on simplified characters.
    return 2 * snownlp.sentiment.classify(snownlp.normal.zh2hans(text)) - 1


@loaded_once
def _vader(step: str) -> Any:
    return need("vaderSentiment.vaderSentiment", step).SentimentIntensityAnalyzer()


@loaded_once
def _snownlp(step: str) -> Any:
    return need("snownlp", step)
