"""What the built-in encoders that are trained from scratch have in common."""

import abc

import tensorflow as tf


class ScratchEncoder(tf.Module, abc.ABC):
    """Raw values -> vector by a net whose first weights are random, to be trained with the model.

    The output is normalised (layer norm), so that its scale stays while the weights move.

    Attributes:
        version: to be raised when equal inputs no longer give equal outputs.
        dim: the length of a vector.
        dropout: the share of values left out while training.
        input_spec: what a batch of values is.
    """

    version = 1
    from_scratch = True
    dim = 128
    dropout = 0.1

    # tf.Module has properties of these names; hub.KerasLayer reads saved lists.
    variables: list[tf.Variable] = []
    trainable_variables: list[tf.Variable] = []
    regularization_losses: list[object] = []

    num_drops = 0

    input_spec: tf.TensorSpec

    @tf.function
    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        # Convolutions of nothing come out with a wrong number of channels on some processors; in a
        # branch, they could not be compiled.
        batch = tf.shape(inputs)[0]
        missing = tf.maximum(0, 1 - batch)
        inputs = tf.pad(inputs, [[0, missing], *[[0, 0]] * (len(self.input_spec.shape) - 1)])
        return self.encode(inputs, training)[:batch]

    @abc.abstractmethod
    def encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        """Encodes a batch of at least one, to `[batch, dim]`."""

    def list_variables(self) -> None:
        """Writes the lists that are saved; called when all parts are built."""
        self.variables = list(tf.Module.variables.fget(self))
        self.trainable_variables = list(self.variables)
        self.regularization_losses = []

    def drop(self, values: tf.Tensor, training: bool) -> tf.Tensor:
        if not training:
            return values
        # Without a seed of its own, a loaded module would draw other numbers in every process.
        self.num_drops += 1
        return tf.nn.dropout(values, self.dropout, seed=self.num_drops)
