"""BM25 index of the texts of the items, by feature."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.schema import derived_names
from tfmmrec.data.vocabulary import read_vocabulary, write_vocabulary
from tfmmrec.modalities import Modality
from tfmmrec.models.lexical.spelling import SpellingIndex
from tfmmrec.models.lexical.words import Tokenizer

K1, B = 1.2, 0.75
_WORDS = "words.txt"


@dataclasses.dataclass(frozen=True)
class LexicalIndex:
    """The words of the items' texts with their BM25 weights (Robertson and Zaragoza, 2009).

    The weight of word w in the text of an item with n words, in a feature whose texts have m words
    on average, is `idf(w) * tf * (K1 + 1) / (tf + K1 * (1 - B + B * n / m))`, where tf is how often
    the text has w. `idf(w) = ln(1 + (N - df + 0.5) / (df + 0.5))`, where df of the N texts of the
    feature have w. https://doi.org/10.1561/1500000019

    Attributes:
        features: names of the text features.
        words: all words, by row.
        starts: int32 `[features * words + 1]`; the entries of word w in feature f are
            `items[starts[r]:starts[r + 1]]` with `r = f * words + w`.
        items: int32 `[entries]`, rows of items.
        weights: float32 `[entries]`, BM25 weights.
        idf: float32 `[features * words + features]`; the last ones are of unknown words.
        mean_length: float32 `[features]`, the mean number of words in a text.
        spelling: finds words of similar spelling.
    """

    features: list[str]
    words: list[str]
    starts: np.ndarray
    items: np.ndarray
    weights: np.ndarray
    idf: np.ndarray
    mean_length: np.ndarray
    spelling: SpellingIndex

    @classmethod
    def build(cls, dataset: Dataset, modalities: Mapping[str, Modality]) -> "LexicalIndex | None":
        """Indexes the text features of a data folder; None if they have no word.

        Args:
            dataset: the data folder.
            modalities: the item features that the model reads.
        """
        features = lexical_features(modalities)
        tokenizer, vocabulary = Tokenizer(), dict[str, int]()
        counted = [_count_words(dataset, name, tokenizer, vocabulary) for name in features]
        if not vocabulary:
            return None
        weighted = [_weigh(*each, num_words=len(vocabulary)) for each in counted]
        words = list(vocabulary)
        lengths = np.concatenate([each.num_items for each in weighted])
        return cls(
            features=features,
            words=words,
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            items=np.concatenate([each.items for each in weighted]).astype(np.int32),
            weights=np.concatenate([each.weights for each in weighted]).astype(np.float32),
            idf=np.concatenate(
                [*(each.idf for each in weighted), [each.unknown_idf for each in weighted]]
            ).astype(np.float32),
            mean_length=np.array([each.mean_length for each in weighted], np.float32),
            spelling=SpellingIndex.build(words),
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the index into a folder, which is created; returns what `load` needs, as JSON."""
        folder.mkdir(exist_ok=True)
        write_vocabulary(folder / _WORDS, self.words)
        for name, array in self._arrays().items():
            np.save(folder / f"{name}.npy", array)
        return {"features": self.features}

    def _arrays(self) -> dict[str, np.ndarray]:
        own = {name: getattr(self, name) for name in _ARRAYS}
        return own | {f"spelling_{name}": each for name, each in self.spelling._asdict().items()}

    @classmethod
    def load(cls, folder: Path, saved: Mapping[str, Any]) -> "LexicalIndex":
        """Reads what `save` has written; `saved` is what it returned.

        Raises:
            OSError: a file is missing.
            ValueError: a file is truncated.
        """
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        spelling = {
            name: np.load(folder / f"spelling_{name}.npy", mmap_mode="r")
            for name in SpellingIndex._fields
        }
        words = read_vocabulary(folder / _WORDS)
        index = cls(
            features=list(saved["features"]),
            words=words,
            spelling=SpellingIndex(**spelling),
            **arrays,
        )
        if len(index.starts) != len(index.features) * len(words) + 1:
            raise ValueError(f"{_WORDS} has {len(words)} words, and the index has others")
        return index


_ARRAYS = ("starts", "items", "weights", "idf", "mean_length")


def lexical_features(modalities: Mapping[str, Modality]) -> list[str]:
    """The text features, without those that are derived from others, such as their tokens."""
    derived = derived_names(modalities)
    return [
        name for name, each in modalities.items() if each.kind == "text" and name not in derived
    ]


def join_values(texts: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    """Joins the values of a multi-valued feature, `[batch, n]`, to one text each, `[batch]`."""
    if texts.shape.rank == 1:
        return texts
    return tf.strings.reduce_join(texts, axis=-1, separator=" ")


def _count_words(
    dataset: Dataset, feature: str, tokenizer: Tokenizer, vocabulary: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The row of each word of each item, int64 `[tokens]`, and the number of words per item."""
    tokens, lengths = [], []
    for values in dataset.values("items", feature, dataset.rows_per_chunk("items")):
        words = tokenizer(join_values(values))
        distinct, positions = tf.unique(words.flat_values)
        rows = [vocabulary.setdefault(w.decode(), len(vocabulary)) for w in distinct.numpy()]
        tokens.append(np.array(rows, np.int64)[positions.numpy()])
        lengths.append(words.row_lengths().numpy())
    return np.concatenate(tokens), np.concatenate(lengths)


@dataclasses.dataclass(frozen=True)
class _Weighted:
    num_items: np.ndarray
    items: np.ndarray
    weights: np.ndarray
    idf: np.ndarray
    unknown_idf: float
    mean_length: float


def _weigh(tokens: np.ndarray, lengths: np.ndarray, *, num_words: int) -> _Weighted:
    """Computes the BM25 weights of one feature."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    pairs, counts = np.unique(tokens * len(lengths) + rows, return_counts=True)
    words, items = np.divmod(pairs, len(lengths))
    num_items = np.bincount(words, minlength=num_words)
    num_texts = np.count_nonzero(lengths)
    mean_length = lengths.sum() / max(num_texts, 1)
    idf = np.log1p((num_texts - num_items + 0.5) / (num_items + 0.5))
    norm = K1 * (1 - B + B * lengths[items] / max(mean_length, 1e-9))
    weights = idf[words] * counts * (K1 + 1) / (counts + norm)
    unknown_idf = float(np.log1p((num_texts + 0.5) / 0.5))
    return _Weighted(num_items, items, weights, idf, unknown_idf, mean_length)
