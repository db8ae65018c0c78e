"""Measures known-item search by text; prints Markdown.

python benchmarks/search.py RUN --feature title --queries 200

Items are drawn that have a text in the feature. From each, three queries are made: its text in the
feature; this text without one word, or with one letter changed; and four words, in their order, of
all its texts together. The tables count the queries whose item comes first, and within ten. Items
with the same text in the feature are equally right; other items with the same score come before it.

The methods are TF-IDF over all texts together, BM25 alone, the encodings of each feature alone and
of all features averaged, and the search of tfmmrec.
"""

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras
from tfmmrec.data.feature_values import read_feature_column
from tfmmrec.errors import ConfigError
from tfmmrec.models.feature_table import encode_given
from tfmmrec.models.run_folder import load_run
from tfmmrec.reports.tables import markdown_table
from tfmmrec.serving.serving_model import ServingModel

# Scores `[queries, items]` of texts.
Method = Callable[[list[str]], np.ndarray]


def main(run: Path, *, feature: str, queries: int = 200, seed: int = 0) -> None:
    """Prints the table of one run.

    Args:
        run: a run folder.
        feature: the text feature whose texts are the queries.
        queries: number of items to draw.
        seed: of the queries.
    """
    search = Search(run)
    if feature not in search.texts:
        raise ConfigError(f"--feature: choose one of {', '.join(search.texts)}")
    own = np.array(search.texts[feature])
    with_text = np.flatnonzero(own != "").tolist()
    rng = random.Random(seed)
    drawn = np.array(rng.sample(with_text, min(queries, len(with_text))))
    is_other = own[drawn][:, np.newaxis] != own
    sets = {
        "the text": [str(own[row]) for row in drawn],
        "changed": [changed(str(own[row]), rng) for row in drawn],
        "four words": [four_words(search.together[row], rng) for row in drawn],
    }
    table = []
    for name, method in search.methods().items():
        cells = [name]
        for texts in sets.values():
            # In batches, since the scores of a batch are [queries, items].
            ranks = [
                ranks_of(method(texts[i : i + 50]), drawn[i : i + 50], is_other[i : i + 50])
                for i in range(0, len(texts), 50)
            ]
            rank = np.concatenate(ranks)
            cells.append(f"{np.mean(rank < 1):.3f} / {np.mean(rank < 10):.3f}")
        table.append(cells)
    print(f"{len(drawn)} queries, {len(own)} items: first / within ten\n")
    print(markdown_table(["", *sets], table))
    search.best(sets["changed"][:1])
    start = time.perf_counter()
    for text in sets["changed"][:20]:
        search.best([text])
    print(f"\n{(time.perf_counter() - start) / 20 * 1000:.0f} ms a query")


class Search:
    """The scores of several kinds of search in the texts of a run.

    Attributes:
        texts: by feature and row.
        together: all texts of an item as one, by row.
    """

    def __init__(self, run: Path):
        bundle = load_run(run, quiet=True)
        self.items = bundle.items
        self.model = ServingModel(bundle)
        self.words = self.model.content_search.words
        if self.words is None:
            raise ConfigError(f"{run}: the model reads no texts")
        rows = np.arange(bundle.dataset.count("items"))
        self.texts = {
            name: [
                text.decode()
                for text in read_feature_column(bundle.dataset, "items", name, rows).numpy()
            ]
            for name in self.words.features
        }
        self.together = [" ".join(texts) for texts in zip(*self.texts.values(), strict=True)]

    def methods(self) -> dict[str, Method]:
        names = list(self.texts)
        single = {f"{name} alone": self._encodings([name]) for name in names}
        return {
            "TF-IDF": tf_idf(self.together),
            "BM25": self._bm25,
            **single,
            "all features averaged": self._encodings(names),
            "tfmmrec search": lambda texts: self._scores(names, texts),
        }

    def best(self, texts: list[str]) -> np.ndarray:
        return self._scores(list(self.texts), texts).argmax(1)

    def _scores(self, names: list[str], texts: list[str]) -> np.ndarray:
        values = dict.fromkeys(names, strings(texts))
        encoded = encode_given(self.items, values, num_rows=len(texts))
        search = self.model.content_search
        return search.scores(search.query(encoded, values)).numpy()

    def _bm25(self, texts: list[str]) -> np.ndarray:
        assert self.words is not None
        shares = self.words.shares(dict.fromkeys(self.texts, strings(texts)))
        return 1 - np.prod([1 - np.clip(share.numpy(), 0, 1) for share in shares], axis=0)

    def _encodings(self, names: list[str]) -> Method:
        """The cosine of the fused content plus the mean cosine of the encodings."""

        def scores(texts: list[str]) -> np.ndarray:
            values = dict.fromkeys(names, strings(texts))
            search = self.model.content_search
            query = search.query(encode_given(self.items, values, num_rows=len(texts)), values)
            similar = [
                query.encodings[n].numpy().astype("f4") @ search.encodings[n].numpy().astype("f4").T
                for n in names
            ]
            return query.content.numpy() @ search.content.numpy().T + np.mean(similar, axis=0)

        return scores


def strings(texts: list[str]) -> Any:
    import tensorflow as tf

    return tf.constant(texts)


def changed(text: str, rng: random.Random) -> str:
    """Drops a word of a text of three or more, or replaces a letter, each in half of the cases."""
    words = text.split()
    if len(words) > 2 and rng.random() < 0.5:
        words.pop(rng.randrange(len(words)))
        return " ".join(words)
    letters = [place for place, character in enumerate(text) if character.isalpha()] or [0]
    place = rng.choice(letters)
    return text[:place] + rng.choice("abcdefghijklmnopqrstuvwxyz") + text[place + 1 :]


def four_words(text: str, rng: random.Random) -> str:
    words = text.split()
    places = sorted(rng.sample(range(len(words)), min(4, len(words))))
    return " ".join(words[place] for place in places)


def ranks_of(scores: np.ndarray, drawn: np.ndarray, is_other: np.ndarray) -> np.ndarray:
    """The number of other items whose scores are not below that of the item drawn."""
    own = scores[np.arange(len(drawn)), drawn][:, np.newaxis]
    return ((scores >= own) & is_other).sum(1)


def tf_idf(texts: list[str]) -> Method:
    """Cosines of TF-IDF vectors with smooth idf, those of scikit-learn's TfidfVectorizer."""

    def words(text: str) -> list[str]:
        return re.findall(r"\b\w\w+\b", text.lower())

    vocabulary: dict[str, int] = {}
    rows = [[vocabulary.setdefault(word, len(vocabulary)) for word in words(t)] for t in texts]
    counts = np.zeros(len(vocabulary))
    for row in rows:
        counts[list(set(row))] += 1
    idf = np.log((1 + len(texts)) / (1 + counts)) + 1

    def vector(row: list[int]) -> dict[int, float]:
        values = {word: row.count(word) * idf[word] for word in set(row)}
        length = np.sqrt(sum(value**2 for value in values.values())) or 1.0
        return {word: value / length for word, value in values.items()}

    entries: list[list[tuple[int, float]]] = [[] for _ in vocabulary]
    for number, row in enumerate(rows):
        for word, value in vector(row).items():
            entries[word].append((number, value))

    def scores(queries: list[str]) -> np.ndarray:
        found = np.zeros([len(queries), len(texts)])
        for number, query in enumerate(queries):
            row = [vocabulary[word] for word in words(query) if word in vocabulary]
            for word, value in vector(row).items():
                items, weights = zip(*entries[word], strict=True)
                found[number, list(items)] += value * np.array(weights)
        return found

    return scores


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
