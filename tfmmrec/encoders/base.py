"""What turns the stored values of a feature into tensors that a tower reads."""

import abc
from typing import Any

import tensorflow as tf


class FeatureEncoder(tf.Module, abc.ABC):
    """Stored values in, fixed-size tensors out, by core ops alone, so that it can be served.

    Attributes:
        fingerprint: names the encoder, its weights and its preprocessing; equal fingerprints give
            equal outputs, so that cached outputs are found by it.
        base: the encoder that this one goes on from, by `encode_outputs`, where there is one; what
            it gave is then read from the cache as well.
        is_network: whether `encode` costs more than to read outputs back: they are then kept by
            the value, beyond one data folder; others are computed anew when the data changes.
    """

    fingerprint: str
    base: "FeatureEncoder | None" = None
    is_network: bool = True

    @abc.abstractmethod
    def encode(self, values: Any) -> tf.Tensor:
        """Encodes a batch of stored values.

        Args:
            values: as the modality's `parsing` gives them, `[batch]` or ragged `[batch, n]`.

        Returns:
            float32 `[batch, dim]`, or int32 `[batch, n]` of vocabulary entries (0 is padding and
            1 stands for what is not in the vocabulary), or float32 `[batch, n, dim]`, a vector for
            each of several values, zeros where there is none, which the tower pools. What absent
            features get has no meaning.
        """

    def encode_outputs(self, outputs: tf.Tensor) -> tf.Tensor:
        """Encodes a batch of what `base` gave, as `encode` does."""
        raise NotImplementedError(f"{type(self).__name__} goes on from no other encoder")

    def resources(self) -> Any:
        """What holds the variables, tables and files that `encode` reads, to be saved with it."""
        return self

    def describe(self) -> dict[str, Any]:
        """What a run stores about the encoder, as JSON."""
        return {"encoder": type(self).__name__, "fingerprint": self.fingerprint}

    def summary(self) -> str:
        """What it is, in a few words for people."""
        return type(self).__name__
