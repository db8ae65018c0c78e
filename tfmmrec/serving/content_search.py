"""Similarity of queries by content to all items of the catalog, in core TensorFlow ops."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfmmrec.data.array_file import release_pages
from tfmmrec.data.feature_values import values_by_row
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.catalog_embeddings import CatalogEmbeddings, unit_encodings
from tfmmrec.models.lexical.match import LexicalMatch

# Weights of the parts of a score, chosen by known-item search (docs/QUALITY.md).
_WORDS, _ENCODINGS, _CONTRASTIVE, _CONTENT = 4.0, 2.0, 2.0, 1.0

_BLOCK_ITEMS = 16384


class ContentQuery(NamedTuple):
    """What a search compares with the catalog.

    Attributes:
        content: float32 `[batch, width]`, fused content of length 1.
        contrastive: float32 `[batch, dim]`, contrastive embeddings; None if items have no features.
        encodings: standardized encodings of length 1, `[batch, encoding width]` by feature.
        present: bool `[batch]` by feature, the features that are given.
        texts: string `[batch]` or `[batch, n]` by text feature, to be compared by their words.
    """

    content: tf.Tensor
    contrastive: tf.Tensor | None
    encodings: Mapping[str, tf.Tensor]
    present: Mapping[str, tf.Tensor]
    texts: Mapping[str, tf.Tensor]


class ContentSearch:
    """Compares queries with the content of all items.

    A score is the weighted mean of up to four parts, those that a query has. 1 is the same content.

    - Words (weight 4): the share of the query, by BM25, that an item's text contains.
    - Encodings (weight 2): the cosine of standardized encodings, at least 0.
    - Contrastive embeddings (weight 2), of a model with the cross-modal contrastive loss: their
      cosine, by which a text finds images.
    - Fused content (weight 1): the cosine of the content embeddings, which also finds items without
      the modality of the query.

    Several features of one modality are alternatives: a query in all text features finds items by
    any of them. With the similarity s of each feature, from 0 to 1, theirs is `1 - prod(1 - s)`:
    high if one feature fits well, and higher if several do, such as a title and an author. Of
    several modalities, the mean counts.

    Args:
        bundle: a trained model with its data.
        catalog: the embeddings of its items.

    Attributes:
        content: float32 `[items, width]`, fused content of length 1.
        contrastive: float32 `[items, dim]`, embeddings in the space of the cross-modal contrastive
            loss; None without this loss.
        encodings: standardized encodings of length 1, `[items, encoding width]` by feature; float16
            if they have 16 or more components.
        words: the words of the items' texts; None without texts. All four are created when they are
            first used.
    """

    def __init__(self, bundle: ModelBundle, catalog: CatalogEmbeddings):
        self.item_tower = bundle.model.item_tower
        self.kinds = {name: each.kind for name, each in bundle.items.modalities.items()}
        self._catalog = catalog
        self._contrastive = bool(bundle.config.contrastive.cross_modal)
        self._index = bundle.words
        self._dataset = bundle.dataset

    @functools.cached_property
    def content(self) -> tf.Variable:
        return _variable(self._catalog.content)

    @functools.cached_property
    def contrastive(self) -> tf.Variable | None:
        values = self._catalog.contrastive
        return None if values is None or not self._contrastive else _variable(values)

    @functools.cached_property
    def encodings(self) -> dict[str, tf.Variable]:
        return {name: _table(values) for name, values in self._catalog.encodings.items()}

    @functools.cached_property
    def words(self) -> LexicalMatch | None:
        index = self._index()
        with tf.init_scope():  # The first use may be within a graph.
            return None if index is None else LexicalMatch(index, len(self._catalog.item))

    def query(
        self, features: Mapping[str, Feature], values: Mapping[str, tf.Tensor]
    ) -> ContentQuery:
        """Computes what is compared with the catalog.

        Args:
            features: the encoded features.
            values: raw values by feature, as specified by `Modality.signature`; needed of texts.
        """
        projections = self.item_tower.projections
        if projections is None:
            raise ValueError("The items have no features to search by")
        embeddings, mask = projections.project(features)  # [batch, features, dim]
        texts = () if self.words is None else self.words.features
        return ContentQuery(
            content=unit_length(self.item_tower.join(projections.pool(embeddings, mask))),
            contrastive=projections.contrastive_embedding(embeddings, mask),
            encodings=unit_encodings(projections, features),
            present={name: feature.present for name, feature in features.items()},
            texts={name: values[name] for name in texts if name in values},
        )

    def item_query(self, row: int) -> ContentQuery:
        """Returns the query by the content of an item of the catalog, without any encoder."""
        catalog, rows = self._catalog, np.array([row])
        texts = () if self.words is None else self.words.features
        contrastive = catalog.contrastive
        return ContentQuery(
            content=tf.constant(catalog.content[rows]),
            contrastive=None if contrastive is None else tf.constant(contrastive[rows]),
            encodings={name: tf.constant(each[rows]) for name, each in catalog.encodings.items()},
            present={name: tf.constant(each[rows]) for name, each in catalog.present.items()},
            texts={name: self._text(name, row) for name in texts},
        )

    def _text(self, feature: str, row: int) -> tf.Tensor:
        found = values_by_row(self._dataset, "items", feature, [row])
        return tf.constant([found.get(row, b"")])

    def scores(self, query: ContentQuery) -> tf.Tensor:
        """Returns the scores of all items, float32 `[batch, items]`, at most 1."""
        parts = [
            (_CONTENT, _is_nonzero(query.content), _cosine(query.content, self.content)),
            (_ENCODINGS, *self._encoding_similarity(query)),
        ]
        if self.contrastive is not None:
            given = _is_nonzero(query.contrastive)
            parts.append((_CONTRASTIVE, given, _cosine(query.contrastive, self.contrastive)))
        if query.texts:
            given = tf.stack([query.present[name] for name in query.texts])
            parts.append((_WORDS, tf.reduce_any(given, 0), self._shared_words(query.texts)))
        total: tf.Tensor = 0.0
        weights: tf.Tensor = 0.0
        for weight, given, similarity in parts:
            own = weight * tf.cast(given, tf.float32)[:, tf.newaxis]
            total, weights = total + own * similarity, weights + own
        return tf.math.divide_no_nan(total, weights)

    def _shared_words(self, texts: Mapping[str, tf.Tensor]) -> tf.Tensor:
        assert self.words is not None
        return _any_of(self.words.shares(texts))

    def _encoding_similarity(self, query: ContentQuery) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether a feature with an encoding is given, and the mean over the given modalities."""
        by_kind: dict[str, list[str]] = {}
        for name in query.encodings:
            by_kind.setdefault(self.kinds[name], []).append(name)
        total: tf.Tensor = tf.zeros([tf.shape(query.content)[0], 1])
        num_kinds: tf.Tensor = tf.zeros_like(total)
        for names in by_kind.values():
            # The encoding of a feature that is not given is zeros.
            total += _any_of([_cosine(query.encodings[n], self.encodings[n]) for n in names])
            given = tf.reduce_any(tf.stack([query.present[name] for name in names]), 0)
            num_kinds += tf.cast(given, tf.float32)[:, tf.newaxis]
        return num_kinds[:, 0] > 0, tf.math.divide_no_nan(total, num_kinds)

    def resources(self) -> dict[str, Any]:
        """Returns the variables and tables, to save them along."""
        return {
            "content": self.content,
            "contrastive": self.contrastive,
            "encodings": self.encodings,
            "words": self.words,
        }


def _cosine(queries: tf.Tensor, items: tf.Variable) -> tf.Tensor:
    """The products of queries and items, float32 `[batch, items]`."""
    if items.dtype != tf.float16:
        return tf.matmul(queries, items, transpose_b=True)
    queries, num_items = tf.cast(queries, tf.float32), items.shape[0]

    def of_block(start: tf.Tensor) -> tf.Tensor:
        block = tf.cast(items[start : start + _BLOCK_ITEMS], tf.float32)
        products = tf.matmul(queries, block, transpose_b=True)
        return tf.pad(products, [[0, 0], [0, _BLOCK_ITEMS - tf.shape(block)[0]]])

    # One block after the other is in memory in float32.
    starts = tf.range(0, num_items, _BLOCK_ITEMS)
    blocks = tf.map_fn(of_block, starts, fn_output_signature=tf.float32, parallel_iterations=1)
    products = tf.reshape(tf.transpose(blocks, [1, 0, 2]), [tf.shape(queries)[0], -1])
    return products[:, :num_items]


def _any_of(similarities: Sequence[tf.Tensor]) -> tf.Tensor:
    """Combines the similarities of several features, between 0 and 1, as alternatives."""
    missing = tf.ones_like(similarities[0])
    for similarity in similarities:
        missing *= 1.0 - tf.clip_by_value(similarity, 0.0, 1.0)
    return 1.0 - missing


def _is_nonzero(vectors: tf.Tensor) -> tf.Tensor:
    return tf.reduce_any(vectors != 0.0, axis=-1)


def _variable(values: np.ndarray) -> tf.Variable:
    with tf.init_scope():  # The first use may be within a graph.
        return tf.Variable(values, trainable=False)


def _table(values: np.ndarray) -> tf.Variable:
    """A variable of large values, which are copied a block at a time."""
    with tf.init_scope():
        table = tf.Variable(tf.zeros(values.shape, values.dtype), trainable=False)
        for start in range(0, len(values), _BLOCK_ITEMS):
            block = np.asarray(values[start : start + _BLOCK_ITEMS])
            # table[start:end].assign would read, and so copy, the table for each block.
            tf.raw_ops.ResourceStridedSliceAssign(
                ref=table.handle, begin=[start], end=[start + len(block)], strides=[1], value=block
            )
            release_pages(values)
        return table
