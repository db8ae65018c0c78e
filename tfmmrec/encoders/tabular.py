"""Encoders of tabular features (categories, numbers, vectors), fitted to packing statistics."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import fingerprint
from tfmmrec.encoders.base import FeatureEncoder

_LARGEST = float(np.finfo(np.float32).max)
_EPSILON = float(np.finfo(np.float32).eps)


class CategoryEncoder(FeatureEncoder):
    """Looks up categories in a vocabulary.

    Args:
        categories: the vocabulary; entry n is encoded as n + 2 (0 is padding, 1 is unknown).
        max_values: number of categories of a row that are encoded; the others are ignored.
    """

    is_network = False

    def __init__(self, categories: list[str], max_values: int):
        super().__init__()
        # Tuples, since TensorFlow tracks the elements of lists.
        self.categories = tuple(categories)
        self.max_values = max_values
        self.size = len(categories) + 2
        self.fingerprint = fingerprint(["categories", categories, max_values])
        # A table cannot be empty, as of an optional feature without values; no category is "".
        numbers = {"": 1} | {name: row + 2 for row, name in enumerate(categories)}
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant([*numbers], tf.string), tf.constant([*numbers.values()], tf.int32)
            ),
            default_value=1,
        )

    def encode(self, values: tf.RaggedTensor) -> tf.Tensor:
        rows = values.with_values(self.table.lookup(values.values))
        padded = rows[:, : self.max_values].to_tensor(default_value=0)
        padded = tf.pad(padded, [[0, 0], [0, self.max_values - tf.shape(padded)[1]]])
        return tf.ensure_shape(padded, [None, self.max_values])

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "vocabulary_size": self.size}

    def fitted(self) -> dict[str, Any]:
        return {"categories": list(self.categories), "max_values": self.max_values}


class NumberEncoder(FeatureEncoder):
    """Encodes numbers piecewise linearly between quantiles.

    Component b grows from 0 to 1 while the number crosses the b-th bin, so that a linear layer
    over the components is a piecewise linear function of the number, whatever its scale
    (Gorishniy et al. 2022, "On Embeddings for Numerical Features", arXiv 2203.05556).

    Args:
        edges: increasing edges of the bins, which float32 tells apart; a single edge gives one bin
            of constant encoding.
    """

    is_network = False

    def __init__(self, edges: list[float]):
        super().__init__()
        exact = np.asarray(edges, np.float32).astype(np.float64)
        if len(exact) == 1:
            # Neighbors of large float32 numbers are more than 1 away.
            exact = np.append(exact, exact[0] + max(1.0, _EPSILON * abs(exact[0])))
        self.edges = tuple(exact.tolist())
        self.fingerprint = fingerprint(["number", list(self.edges)])
        # A width up to twice the largest float32 number overflows; halves do not.
        scale = np.where(np.diff(exact) > _LARGEST, 0.5, 1.0)  # [bins]
        self.scale = tf.constant(scale, tf.float32)
        self.low = tf.constant(exact[:-1] * scale, tf.float32)
        self.width = tf.constant(np.diff(exact) * scale, tf.float32)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        values = tf.where(tf.math.is_finite(values), values, 0.0)
        above = values[:, None] * self.scale - self.low  # [batch, bins]
        return tf.clip_by_value(above / self.width, 0.0, 1.0)

    def fitted(self) -> dict[str, Any]:
        return {"edges": list(self.edges)}


class VectorEncoder(FeatureEncoder):
    """Returns vectors unchanged; absent ones become zeros.

    Args:
        dim: length of the vectors.
    """

    is_network = False

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim
        self.fingerprint = fingerprint(["vector", dim])

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        is_present = tf.reduce_all(tf.math.is_finite(values), axis=1, keepdims=True)
        return tf.ensure_shape(tf.where(is_present, values, 0.0), [None, self.dim])

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "dim": self.dim}

    def fitted(self) -> dict[str, Any]:
        return {"dim": self.dim}


@dataclasses.dataclass(frozen=True)
class Tabular:
    """An encoder of tabular features.

    Attributes:
        create: the class, whose arguments are fitted to the data.
        fit: fits these arguments to a feature of items or users.
    """

    create: Callable[..., FeatureEncoder]
    fit: Callable[[Dataset, EntityName, str], Mapping[str, Any]]


def _fit_categories(dataset: Dataset, entity: EntityName, feature: str) -> dict[str, Any]:
    statistics = dataset.statistics[entity]["features"][feature]
    categories = dataset.categories(entity, feature)
    return {"categories": categories, "max_values": statistics["max_values"]}


def _fit_number(dataset: Dataset, entity: EntityName, feature: str) -> dict[str, Any]:
    return {"edges": dataset.statistics[entity]["features"][feature]["quantiles"]}


def _fit_vector(dataset: Dataset, entity: EntityName, feature: str) -> dict[str, Any]:
    return {"dim": dataset.features(entity)[feature].parsing().shape[-1]}


# The encoder of a feature, by the encoder that its modality declares.
TABULAR: dict[str, Tabular] = {
    "categorical": Tabular(CategoryEncoder, _fit_categories),
    "number": Tabular(NumberEncoder, _fit_number),
    "vector": Tabular(VectorEncoder, _fit_vector),
}
