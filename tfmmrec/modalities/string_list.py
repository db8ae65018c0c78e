"""Features that are stored as a list of strings: categories, the frames of a video."""

import dataclasses

import tensorflow as tf

from tfmmrec.modalities.base import Modality


@dataclasses.dataclass(frozen=True)
class Strings(Modality):
    """Several strings per row, ragged in a batch; an empty list is absent."""

    def parsing(self) -> tf.io.RaggedFeature:
        return tf.io.RaggedFeature(tf.string)

    def present(self, values: tf.RaggedTensor) -> tf.Tensor:
        return values.row_lengths() > 0

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None, None], tf.string, name)

    def from_request(self, values: tf.Tensor) -> tf.RaggedTensor:
        return tf.ragged.boolean_mask(values, tf.strings.length(values) > 0)
