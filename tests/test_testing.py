"""The layers' contract finds what it is there to find."""

import pytest
import tensorflow as tf

from tfmmrec.testing import TestCase


@tf.keras.utils.register_keras_serializable("tests")
class Scale(tf.keras.layers.Layer):
    """Multiplies by a weight; what is wrong with it comes with its kinds."""

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=[], initializer="ones")
        super().build(input_shape)

    def call(self, inputs, training=False):
        return inputs * tf.cast(self.scale, inputs.dtype)


@tf.keras.utils.register_keras_serializable("tests")
class Overflow(Scale):
    def call(self, inputs, training=False):
        # 300 * 300 is beyond float16.
        return super().call(300.0 * inputs * 300.0) / 90000.0


@tf.keras.utils.register_keras_serializable("tests")
class NoGradient(Scale):
    def call(self, inputs, training=False):
        # The root of 0 has an infinite slope, whatever it is multiplied by.
        return super().call(inputs) + tf.sqrt(0.0 * super().call(inputs))


@tf.keras.utils.register_keras_serializable("tests")
class Unreached(Scale):
    def call(self, inputs, training=False):
        return tf.stop_gradient(super().call(inputs))


@tf.keras.utils.register_keras_serializable("tests")
class NoXla(Scale):
    def call(self, inputs, training=False):
        texts = tf.strings.as_string(tf.cast(inputs, tf.float32))
        return super().call(inputs) + tf.cast(0.0 * tf.strings.to_number(texts), inputs.dtype)


@tf.keras.utils.register_keras_serializable("tests")
class CallsPython(Scale):
    def call(self, inputs, training=False):
        same = tf.numpy_function(lambda given: given, [inputs], inputs.dtype)
        return super().call(tf.ensure_shape(same, inputs.shape))


class RunLayerTest(TestCase):
    inputs = {"inputs": tf.constant([[1.0, 2.0]])}

    def test_a_sound_layer_passes(self):
        self.run_layer_test(Scale, self.inputs, (1, 2))

    def test_faults_are_found(self):
        for layer, reason in (
            (Overflow, "mixed_float16: not finite"),
            (NoGradient, "the gradient of .* is not finite"),
            (Unreached, "scale:0 has no gradient"),
            (CallsPython, r"\['PyFunc'\]"),
        ):
            with pytest.raises(AssertionError, match=reason):
                self.run_layer_test(layer, self.inputs, (1, 2))
        with pytest.raises(AssertionError, match=r"\(1, 2\)"):
            self.run_layer_test(Scale, self.inputs, (1, 3))
        with pytest.raises(tf.errors.InvalidArgumentError, match="unsupported operations"):
            self.run_layer_test(NoXla, self.inputs, (1, 2))

    def test_xla_may_be_left_out(self):
        self.run_layer_test(NoXla, self.inputs, (1, 2), xla=False)
