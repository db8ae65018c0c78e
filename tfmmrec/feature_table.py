"""Encoded features of one side, to gather from."""

from collections.abc import Collection, Mapping

import numpy as np
import tensorflow as tf

from tfmmrec.encoders import Encoded
from tfmmrec.towers import Feature


class FeatureTable(tf.Module):
    """The encoded features of one side, from which batches are gathered by row.

    Args:
        encoded: the encoder outputs of every row, by feature.
        trained: features whose encoder is trained, so that their outputs change (default none).
    """

    def __init__(self, encoded: Mapping[str, Encoded], *, trained: Collection[str] = ()):
        super().__init__()
        self.outputs = {
            name: tf.Variable(np.asarray(e.outputs), trainable=False, name=f"outputs_{name}")
            if name in trained
            else tf.constant(np.asarray(e.outputs))
            for name, e in encoded.items()
        }
        self.present = {name: tf.constant(e.present) for name, e in encoded.items()}

    def gather(self, rows: tf.Tensor) -> dict[str, Feature]:
        """Returns the features of some rows, `[batch]`."""
        return {
            name: (tf.gather(output, rows), tf.gather(self.present[name], rows))
            for name, output in self.outputs.items()
        }
