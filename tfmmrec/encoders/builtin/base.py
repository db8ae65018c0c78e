"""The base class of built-in encoders that are trained from scratch."""

import abc

import tensorflow as tf


class ScratchEncoder(tf.Module, abc.ABC):
    """Encodes raw values by a neural network with random initial weights, trained with the model.

    The encoding is layer-normalized, so that its scale is constant during training.

    Attributes:
        version: raised whenever equal inputs no longer give equal encodings.
        dim: length of the encoding.
        dropout: dropout rate in training.
        input_spec: spec of a batch of values.
    """

    version = 1
    from_scratch = True
    dim = 128
    dropout = 0.1

    # Lists instead of tf.Module's properties, because hub.KerasLayer reads saved lists.
    variables: list[tf.Variable] = []
    trainable_variables: list[tf.Variable] = []
    regularization_losses: list[object] = []

    num_drops = 0

    input_spec: tf.TensorSpec

    @tf.function
    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        # An empty batch is padded: on some processors a convolution of it has a wrong number of
        # channels, and a tf.cond could not be compiled by XLA.
        batch = tf.shape(inputs)[0]
        missing = tf.maximum(0, 1 - batch)
        inputs = tf.pad(inputs, [[0, missing], *[[0, 0]] * (len(self.input_spec.shape) - 1)])
        return self.encode(inputs, training)[:batch]

    @abc.abstractmethod
    def encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        """Encodes a non-empty batch to `[batch, dim]`."""

    def list_variables(self) -> None:
        """Sets the lists of variables to save; called after all variables are created."""
        self.variables = list(tf.Module.variables.fget(self))
        self.trainable_variables = list(self.variables)
        self.regularization_losses = []

    def drop(self, values: tf.Tensor, training: bool) -> tf.Tensor:
        """Applies dropout in training."""
        if not training:
            return values
        # With a fixed seed per call, since a loaded module would otherwise differ by process.
        self.num_drops += 1
        return tf.nn.dropout(values, self.dropout, seed=self.num_drops)
