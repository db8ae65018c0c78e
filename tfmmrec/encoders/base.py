"""The interface of feature encoders: stored values of a feature to fixed-size tensors."""

import abc
from typing import Any

import tensorflow as tf


class FeatureEncoder(tf.Module, abc.ABC):
    """Encodes the stored values of a feature, with core TensorFlow ops only, so it can be served.

    Attributes:
        fingerprint: hash of the encoder, its weights and its preprocessing. Equal fingerprints
            give equal encodings; the cache is keyed by it.
        base: the encoder whose encodings this one transforms (see `encode_from_base`), or None.
            The encodings of `base` are cached as well.
        is_network: whether `encode` costs more than reading an encoding from disk. Encodings of
            networks are cached by value and shared by data folders; others are computed again
            when the data changes.
    """

    fingerprint: str
    base: "FeatureEncoder | None" = None
    is_network: bool = True

    @abc.abstractmethod
    def encode(self, values: Any) -> tf.Tensor:
        """Encodes a batch of stored values.

        Args:
            values: as the `parsing` of the modality gives them, `[batch]` or ragged `[batch, n]`.

        Returns:
            float32 `[batch, dim]`; or int32 `[batch, n]`, ids of vocabulary entries (0 is padding,
            1 is out of vocabulary); or float32 `[batch, n, dim]`, a vector for each of several
            values, zeros as padding, which the tower pools. Rows of absent values are undefined.
        """

    def encode_from_base(self, encodings: tf.Tensor) -> tf.Tensor:
        """Encodes a batch of encodings of `base`; equal to `encode` of the values."""
        raise NotImplementedError(f"{type(self).__name__} has no base encoder")

    def resources(self) -> Any:
        """Returns the variables, tables and files that `encode` reads, to be saved with it."""
        return self

    def describe(self) -> dict[str, Any]:
        """Returns the description of the encoder that a run stores, as JSON."""
        return {"encoder": type(self).__name__, "fingerprint": self.fingerprint}

    def fitted(self) -> dict[str, Any]:
        """Returns what was fitted to the data, as JSON: the vocabulary, the edges, the axes.

        A run stores it, so that `create_encoder` can create the same encoder for other data.
        """
        return {}

    def summary(self) -> str:
        """Returns a short description for people."""
        return type(self).__name__
