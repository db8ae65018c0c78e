"""The built-in text encoder `builtin:lstm`."""

import math

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.layers import normal
from tfmmrec.encoders.builtin.text_sequence import SequenceEncoder


class BuiltinLstm(SequenceEncoder):
    """Encodes texts by a bidirectional LSTM over their words, for short texts in any language.

    One LSTM of 64 units per direction (Hochreiter and Schmidhuber 1997; Graves and Schmidhuber
    2005), with the bias of the forget gate initialized to 1. See `SequenceEncoder` for input and
    output.
    """

    def build(self, random: np.random.RandomState) -> None:
        units = self.dim // 2
        shape, deviation = [2, self.dim, 4 * units], 1.0 / math.sqrt(self.dim)
        self.inward = normal(random, shape, deviation, "inward")
        shape, deviation = [2, units, 4 * units], 1.0 / math.sqrt(units)
        self.recurrent = normal(random, shape, deviation, "recurrent")
        # The order of the gates: input, forget, cell, output.
        bias = np.zeros([2, 1, 4, units])
        bias[:, :, 1] = 1.0
        self.bias = tf.Variable(bias.reshape([2, 1, -1]), dtype=tf.float32, name="bias")

    def read(self, words: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        del training  # dropout was applied to the words
        # Padding is at the end of both directions, so it does not affect the words.
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        both = tf.stack([words, tf.reverse_sequence(words, lengths, seq_axis=1)])
        gates = tf.einsum("nbwd,ndg->wnbg", both, self.inward) + self.bias
        start = tf.zeros([2, tf.shape(words)[0], self.dim // 2])
        # The inputs of all steps are multiplied at once above; the loop has only the recurrence.
        hidden, _ = tf.scan(self._step, gates, (start, start))  # [words, 2, batch, units]
        hidden = tf.transpose(hidden, [1, 2, 0, 3])
        forwards, backwards = hidden[0], tf.reverse_sequence(hidden[1], lengths, seq_axis=1)
        return tf.concat([forwards, backwards], axis=2)

    def _step(self, state: tuple[tf.Tensor, tf.Tensor], gates: tf.Tensor) -> tuple:
        hidden, cell = state  # [2, batch, units]
        gates += tf.matmul(hidden, self.recurrent)
        write, forget, value, show = tf.split(gates, 4, axis=2)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(write) * tf.tanh(value)
        return tf.sigmoid(show) * tf.tanh(cell), cell
