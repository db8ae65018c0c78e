"""The step `tokens`: splits a text into words."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from tfmmrec.modalities.preprocessing.base import STEPS, Step, Values
from tfmmrec.modalities.preprocessing.chinese import chinese_words, is_chinese
from tfmmrec.modalities.preprocessing.language import check_language
from tfmmrec.modalities.preprocessing.word_segmentation import words


@STEPS.register("tokens")
@dataclasses.dataclass(frozen=True)
class Tokens(Step):
    """Derives the text feature `tokens`: words and emoji separated by spaces, without punctuation.

    Chinese is segmented by jieba, every other language by Unicode's word boundaries.

    Attributes:
        language: `zh`, `en` or `auto` (default), which is Chinese where at least a quarter of
            the letters are, and else the other.
        lower: whether to convert words to lower case (default true).
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    language: str = "auto"
    lower: bool = True

    def __post_init__(self) -> None:
        check_language(self.language)

    def derived(self) -> Mapping[str, Mapping[str, Any]]:
        return {"tokens": {"modality": "text"}}

    def run(self, value: bytes) -> tuple[bytes, Mapping[str, Values]]:
        text = value.decode("utf-8")
        chinese = self.language == "zh" or (self.language == "auto" and is_chinese(text))
        found = (chinese_words if chinese else words)(text, self.kind)
        tokens = " ".join(found)
        if self.lower:
            tokens = tokens.lower()
        return value, {"tokens": [tokens.encode("utf-8")]} if tokens else {}
