"""BM25 by hand, similar spellings, and indexes that lack words."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.modalities import Modality, create
from tfmmrec.models.lexical.index import LexicalIndex, lexical_features
from tfmmrec.models.lexical.match import LexicalMatch


class _Texts:
    """A data folder with texts by feature."""

    def __init__(self, **texts: list[str]):
        self.texts = texts

    def rows_per_chunk(self, entity: str) -> int:
        return 2

    def values(self, entity: str, feature: str, batch_size: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(self.texts[feature]).batch(batch_size)


def _match(**texts: list[str]) -> LexicalMatch:
    modalities: dict[str, Modality] = {name: create({"modality": "text"}) for name in texts}
    index = LexicalIndex.build(_Texts(**texts), modalities)
    return LexicalMatch(index, len(next(iter(texts.values()))))


def _share(match: LexicalMatch, query: str, feature: str = "title") -> list[float]:
    return match.shares({feature: tf.constant([query])})[0].numpy()[0].tolist()


def test_scores_are_the_bm25_share_of_the_query():
    match = _match(title=["red cow", "red red dog", "blue", ""])
    # Three texts of 2, 3 and 1 words, 2 on average. "red" is in two of them:
    # idf = ln(1 + (3 - 2 + 0.5) / (2 + 0.5)) = ln 1.6.
    # Of a text of the mean length, the norm is 1.2; of three words, 1.2 * (0.25 + 0.75 * 1.5).
    red = np.log(1.6)
    first, second = red * 2.2 / (1 + 1.2), red * 2 * 2.2 / (2 + 1.2 * 1.375)
    # A text of one word has the norm 1.2 * (0.25 + 0.75 * 0.5) = 0.75.
    ideal = red * 2.2 / (1 + 0.75)
    np.testing.assert_allclose(
        _share(match, "Red"), [first / ideal, second / ideal, 0, 0], rtol=1e-5
    )


def test_the_same_text_has_share_1():
    titles = ["Red cow", "red red dog", "blue", ""]
    match = _match(title=titles)
    for row, title in enumerate(titles[:3]):
        assert _share(match, title)[row] == pytest.approx(1, abs=1e-6)


def test_words_of_one_feature_are_not_those_of_another():
    match = _match(title=["cow", "dog"], plot=["dog", "cat"])
    assert np.argmax(_share(match, "dog", "title")) == 1
    assert np.argmax(_share(match, "dog", "plot")) == 0
    together = match.shares({"plot": tf.constant(["dog", "cat"]), "title": tf.constant(["dog"])})
    for scores, expected in zip(together, ([[1, 0], [0, 1]], [[0, 1]]), strict=True):
        np.testing.assert_allclose(scores, expected, atol=1e-6)
    # A word that only another feature has is neither found nor misspelled.
    assert _share(match, "cat", "title") == [0, 0]


def test_unknown_words_stand_for_words_of_similar_spelling():
    match = _match(title=["matrix", "matron saint", "cow", "heidi"])
    found = _share(match, "matrxi")
    assert np.argmax(found) == 0
    # ^m ma at tr rx xi i$ and ^m ma at tr ri ix x$ share 4 of 7 pairs each: Dice 4/7. An unknown
    # word has the idf ln(1 + 4.5 / 0.5), and "matrix" ln(1 + 3.5 / 1.5), in the same texts.
    expected = 4 / 7 * np.log(10 / 3) / np.log(10)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    assert _share(match, "zzqx") == [0, 0, 0, 0]
    # Beside an unknown word, the known ones count.
    assert np.argmax(_share(match, "zzqx cow")) == 2


def test_a_batch_has_the_scores_of_its_rows():
    match = _match(title=["red cow", "red dog", "blue"])
    queries = ["red", "", "bluu", "cow cow red", "!"]
    together = match.shares({"title": tf.constant(queries)})[0].numpy()
    for query, scores in zip(queries, together, strict=True):
        np.testing.assert_allclose(scores, _share(match, query), atol=1e-6)
    assert not together[1].any()
    # The values of a multi-valued feature are one text.
    several = match.shares({"title": tf.constant([["red", "cow"], ["blue", ""]])})[0].numpy()
    np.testing.assert_allclose(several[0], _share(match, "red cow"), atol=1e-6)


def test_catalogs_without_words():
    text, number = create({"modality": "text"}), create({"modality": "number"})
    assert LexicalIndex.build(_Texts(title=["", "…"]), {"title": text}) is None
    assert LexicalIndex.build(_Texts(), {"year": number}) is None


def test_an_index_is_saved_and_loaded(tmp_path: Path):
    texts = {"title": ["red cow", "東京"], "plot": ["", "a\u2028dog"]}
    modalities: dict[str, Modality] = {name: create({"modality": "text"}) for name in texts}
    index = LexicalIndex.build(_Texts(**texts), modalities)
    saved = index.save(tmp_path / "words")
    loaded = LexicalMatch(LexicalIndex.load(tmp_path / "words", saved), 2)
    for query, feature in (("cow", "title"), ("京", "title"), ("dgo", "plot")):
        assert _share(loaded, query, feature) == _share(LexicalMatch(index, 2), query, feature)
    (tmp_path / "words/words.txt").write_text("red\n")
    with pytest.raises(ValueError, match="words"):
        LexicalIndex.load(tmp_path / "words", saved)


def test_derived_features_are_not_indexed_twice():
    modalities = {"title": create({"modality": "text", "steps": ["clean", "tokens"]})}
    modalities |= {f"title_{name}": each for name, each in modalities["title"].derived().items()}
    assert lexical_features(modalities) == ["title"]
