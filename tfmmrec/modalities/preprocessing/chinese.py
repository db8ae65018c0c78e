"""Chinese: whether a text is, its words and their parts of speech."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from tfmmrec.modalities.preprocessing.requirements import need
from tfmmrec.modalities.preprocessing.resources import loaded_once
from tfmmrec.modalities.preprocessing.word_segmentation import is_word, words

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN_LETTER = re.compile(f"[{_HAN}]")
_KANA_LETTER = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
# What jieba takes for one stretch: Chinese with the letters and digits in it, as in T恤.
_STRETCH = re.compile(f"([{_HAN}A-Za-z0-9+#&._%-]+)")
# A character says about as much as three letters.
_LEAST_SHARE = 0.25


def is_chinese(text: str) -> bool:
    """Whether at least a quarter of the letters are Chinese characters, and hardly any kana."""
    letters = sum(map(str.isalpha, text))
    han, kana = len(_HAN_LETTER.findall(text)), len(_KANA_LETTER.findall(text))
    return han > 0 and han >= _LEAST_SHARE * letters and kana < 0.1 * (han + kana)


def chinese_words(text: str, step: str) -> list[str]:
    """Returns the words of a Chinese text by jieba; those of other scripts in it as `words`."""
    return list(itertools.chain.from_iterable(_words(text, step)))


def _words(text: str, step: str) -> Iterator[list[str]]:
    for part in _STRETCH.split(text):
        if _HAN_LETTER.search(part):
            yield [word for word in _tokenizer(step).lcut(part) if is_word(word, step)]
        else:
            yield words(part, step)


def chinese_tags(text: str, step: str) -> list[str]:
    """Returns jieba's part-of-speech flag of each word, emoji left out."""
    pairs = _tagger(step).lcut(text)
    return [pair.flag for pair in pairs if any(map(str.isalnum, pair.word))]


@loaded_once
def _tokenizer(step: str) -> Any:
    """A tokenizer of our own, so that words that a program taught jieba's own change nothing."""
    tokenizer = need("jieba", step).Tokenizer()
    # Its own initialize() logs, and reads and writes a cache in the shared temporary folder.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


@loaded_once
def _tagger(step: str) -> Any:
    return need("jieba.posseg", step).POSTokenizer(_tokenizer(step))
