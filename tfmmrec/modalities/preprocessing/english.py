"""Detection and parts of speech of English text, with the lexicon and rules of TextBlob."""

import re
from types import ModuleType

from tfmmrec.modalities.preprocessing.requirements import need
from tfmmrec.modalities.preprocessing.resources import loaded_once
from tfmmrec.modalities.preprocessing.word_segmentation import pieces, words

# It's, don't, we'll: the tagger has the two parts, not the contraction.
_CONTRACTION = re.compile(r"(?i)^(.+?)(n't|'(?:s|re|ve|ll|d|m))$")


def is_english(text: str, step: str) -> bool:
    """Returns whether more than half of the words, without numbers, are in the lexicon.

    It holds 94,000 words and names; a title of nothing but names that it does not know counts as
    another language.
    """
    lexicon = _textblob(step).lexicon
    alphabetic = [word for word in words(_plain(text), step) if any(map(str.isalpha, word))]
    known = 0
    for word in alphabetic:
        halves = _CONTRACTION.match(word)
        stem = halves[1] if halves else word
        # FW marks the foreign words of the lexicon.
        known += any(lexicon.get(form, "FW") != "FW" for form in (stem.lower(), stem))
    return known > 0.5 * len(alphabetic)


def english_tags(text: str, step: str) -> list[str]:
    """Returns the Penn Treebank tag of each word, without emoji."""
    tokens: list[str] = []
    for piece in pieces(_plain(text), step):
        halves = _CONTRACTION.match(piece)
        tokens += halves.groups() if halves else piece.split()
    # The tokenizer of the tagger would split don't into four.
    tagged = _textblob(step).tag(" ".join(tokens), tokenize=False)
    return [tag for word, tag in tagged if any(map(str.isalnum, word))]


def _plain(text: str) -> str:
    return text.replace("’", "'")


@loaded_once
def _textblob(step: str) -> ModuleType:
    english = need("textblob.en", step)
    lexicon = english.lexicon
    # Each table loads at its first use, which is not thread-safe.
    for table in (lexicon, lexicon.morphology, lexicon.context, lexicon.entities):
        len(table)
    return english
