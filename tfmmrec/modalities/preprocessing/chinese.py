"""Detection, word segmentation and parts of speech of Chinese text."""

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
# The runs that jieba segments: Chinese with the letters and digits in it, as in T恤.
_STRETCH = re.compile(f"([{_HAN}A-Za-z0-9+#&._%-]+)")
# A Chinese character carries about as much information as three letters.
_LEAST_SHARE = 0.25


def is_chinese(text: str) -> bool:
    """Returns whether a quarter or more of the letters are Chinese characters, with few kana."""
    letters = sum(map(str.isalpha, text))
    han, kana = len(_HAN_LETTER.findall(text)), len(_KANA_LETTER.findall(text))
    return han > 0 and han >= _LEAST_SHARE * letters and kana < 0.1 * (han + kana)


def chinese_words(text: str, step: str) -> list[str]:
    """Segments a Chinese text with jieba, and other scripts in it with `words`."""
    return list(itertools.chain.from_iterable(_words(text, step)))


def _words(text: str, step: str) -> Iterator[list[str]]:
    for part in _STRETCH.split(text):
        if _HAN_LETTER.search(part):
            yield [word for word in _tokenizer(step).lcut(part) if is_word(word, step)]
        else:
            yield words(part, step)


def chinese_tags(text: str, step: str) -> list[str]:
    """Returns the part-of-speech flag of each word by jieba, without emoji."""
    pairs = _tagger(step).lcut(text)
    return [pair.flag for pair in pairs if any(map(str.isalnum, pair.word))]


@loaded_once
def _tokenizer(step: str) -> Any:
    """Creates a separate tokenizer, which words added to the global one do not affect."""
    tokenizer = need("jieba", step).Tokenizer()
    # initialize() would log, and use a cache in the shared temporary folder.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


@loaded_once
def _tagger(step: str) -> Any:
    return need("jieba.posseg", step).POSTokenizer(_tokenizer(step))
