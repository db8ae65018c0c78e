"""What tests of tfmmrec, and of what is built on it, share."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

ASSETS = "TFMMREC_TEST_ASSETS"


def test_assets(part: str) -> Path:
    """Returns a part of the folder of real data and encoders, or skips the test.

    Args:
        part: a path within the folder, such as `hub/minilm_l6_fp16`.
    """
    folder = os.environ.get(ASSETS)
    path = Path(folder or "") / part
    if not folder or not path.exists():
        import pytest

        where = f"{ASSETS} is not set" if not folder else f"{ASSETS} has no {part}"
        pytest.skip(f"needs real data or encoders: {where}")
    return path


test_assets.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it by its name


class TestCase(tf.test.TestCase):
    """A test case with a contract that every layer goes through."""

    # TensorFlow's context manager of this name would be collected, and reported as skipped.
    test_session = None

    def run_layer_test(
        self,
        make: Callable[[], tf.keras.layers.Layer],
        inputs: Mapping[str, tf.Tensor],
        output_shape: tuple[int, ...],
    ) -> None:
        """Checks a layer's config, shapes, gradient, reload and mixed precision.

        Args:
            make: builds the layer.
            inputs: the arguments of its call.
            output_shape: of the call, with the batch as it is in `inputs`.
        """
        layer = make()
        output = layer(**inputs)
        self.assertEqual(tuple(output.shape), output_shape)
        self.assertTrue(np.all(np.isfinite(output)), "the output is not finite")
        self._check_config(layer, inputs)
        self._check_graph(layer, inputs, output)
        self._check_gradient(layer, inputs)
        self._check_reload(layer, inputs)
        self._check_mixed_precision(make, inputs, output_shape)

    def _check_config(self, layer: tf.keras.layers.Layer, inputs: Mapping[str, Any]) -> None:
        config = json.loads(json.dumps(layer.get_config()))
        copy = type(layer).from_config(config)
        self.assertEqual(json.loads(json.dumps(copy.get_config())), config)
        copy(**inputs)
        copy.set_weights(layer.get_weights())
        self.assertAllClose(copy(**inputs), layer(**inputs))

    def _check_graph(
        self, layer: tf.keras.layers.Layer, inputs: Mapping[str, Any], output: tf.Tensor
    ) -> None:
        self.assertAllClose(tf.function(lambda given: layer(**given))(dict(inputs)), output)

    def _check_gradient(self, layer: tf.keras.layers.Layer, inputs: Mapping[str, Any]) -> None:
        if not layer.trainable_variables:
            return
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(**inputs, training=True) - 0.5))
        gradients = tape.gradient(loss, layer.trainable_variables)
        for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
            self.assertIsNotNone(gradient, f"{variable.name} has no gradient")
            self.assertTrue(np.all(np.isfinite(tf.convert_to_tensor(gradient))), variable.name)

    def _check_reload(self, layer: tf.keras.layers.Layer, inputs: Mapping[str, Any]) -> None:
        module = tf.Module()
        module.resources = layer.variables
        specs = {
            name: tf.TensorSpec([None, *value.shape[1:]], value.dtype, name)
            for name, value in inputs.items()
        }
        function = tf.function(lambda **given: {"output": layer(**given)})
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=function.get_concrete_function(**specs))
            served = tf.saved_model.load(folder).signatures["serving_default"]
            self.assertAllClose(served(**inputs)["output"], layer(**inputs))

    def _check_mixed_precision(
        self,
        make: Callable[[], tf.keras.layers.Layer],
        inputs: Mapping[str, Any],
        output_shape: tuple[int, ...],
    ) -> None:
        before = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:
            output = make()(**inputs)
        finally:
            tf.keras.mixed_precision.set_global_policy(before)
        self.assertEqual(output.dtype, tf.bfloat16)
        self.assertEqual(tuple(output.shape), output_shape)
