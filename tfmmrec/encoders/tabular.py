"""Encoders of what tables hold themselves, fitted by what packing counted."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.encoders.base import FeatureEncoder


class CategoryEncoder(FeatureEncoder):
    """Looks categories up in a vocabulary.

    Args:
        categories: the vocabulary; entry n is encoded as n + 2.
        most_values: how many categories of one row are kept.
    """

    is_network = False

    def __init__(self, categories: list[str], most_values: int):
        super().__init__()
        self.most_values = most_values
        self.size = len(categories) + 2
        content = json.dumps(["categories", categories, most_values])
        self.fingerprint = hashlib.sha256(content.encode()).hexdigest()
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(categories, tf.string), tf.range(2, self.size, dtype=tf.int32)
            ),
            default_value=1,
        )

    def encode(self, values: tf.RaggedTensor) -> tf.Tensor:
        rows = values.with_values(self.table.lookup(values.values))
        padded = rows[:, : self.most_values].to_tensor(default_value=0)
        padded = tf.pad(padded, [[0, 0], [0, self.most_values - tf.shape(padded)[1]]])
        return tf.ensure_shape(padded, [None, self.most_values])

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "vocabulary_size": self.size}


class NumberEncoder(FeatureEncoder):
    """Encodes numbers piecewise linearly between quantiles.

    Component b grows from 0 to 1 while the number crosses the b-th bin, so that a linear layer
    over the components is a piecewise linear function of the number, whatever its scale
    (Gorishniy et al. 2022, "On Embeddings for Numerical Features", arXiv 2203.05556).

    Args:
        edges: the increasing edges of the bins; a single one makes a single constant bin.
    """

    is_network = False

    def __init__(self, edges: list[float]):
        super().__init__()
        edges = edges if len(edges) > 1 else [edges[0], edges[0] + 1.0]
        self.fingerprint = hashlib.sha256(json.dumps(["number", edges]).encode()).hexdigest()
        self.low = tf.constant(edges[:-1], tf.float32)
        self.width = tf.constant(edges[1:], tf.float32) - self.low

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        values = tf.where(tf.math.is_finite(values), values, 0.0)
        return tf.clip_by_value((values[:, None] - self.low) / self.width, 0.0, 1.0)


class VectorEncoder(FeatureEncoder):
    """Passes vectors on as they are; absent ones become zeros.

    Args:
        dim: their length.
    """

    is_network = False

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim
        self.fingerprint = hashlib.sha256(json.dumps(["vector", dim]).encode()).hexdigest()

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        whole = tf.reduce_all(tf.math.is_finite(values), axis=1, keepdims=True)
        return tf.ensure_shape(tf.where(whole, values, 0.0), [None, self.dim])

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "dim": self.dim}


def _fit_categories(dataset: Dataset, side: EntityName, feature: str) -> CategoryEncoder:
    counted = dataset.statistics[side]["features"][feature]
    return CategoryEncoder(dataset.categories(side, feature), counted["most_values"])


def _fit_number(dataset: Dataset, side: EntityName, feature: str) -> NumberEncoder:
    return NumberEncoder(dataset.statistics[side]["features"][feature]["quantiles"])


def _fit_vector(dataset: Dataset, side: EntityName, feature: str) -> VectorEncoder:
    return VectorEncoder(dataset.features(side)[feature].options()["dim"])


# By modality, how the encoder of one feature is fitted.
TABULAR: dict[str, Callable[[Dataset, EntityName, str], FeatureEncoder]] = {
    "categorical": _fit_categories,
    "number": _fit_number,
    "vector": _fit_vector,
}
