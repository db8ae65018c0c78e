"""Test helpers for tfmmrec and its extensions: `TestCase` with a contract for layers."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.serving.core_ops import foreign_ops

ASSETS = "TFMMREC_TEST_ASSETS"


def test_assets(part: str) -> Path:
    """Returns a path within the folder of real data and encoders, or skips the test.

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
    """A TensorFlow test case with `run_layer_test`, the contract of every layer."""

    # pytest would collect the context manager of this name, and report it as skipped.
    test_session = None

    def run_layer_test(
        self,
        make: Callable[[], tf.keras.layers.Layer],
        inputs: Mapping[str, tf.Tensor],
        output_shape: tuple[int, ...],
        *,
        xla: bool = True,
    ) -> None:
        """Checks a layer's config, shapes, gradients, SavedModel, XLA and mixed precision.

        Args:
            make: creates the layer.
            inputs: arguments of its call, by name.
            output_shape: shape of the output for `inputs`, including the batch axis.
            xla: whether it must compile with XLA; False for layers of strings (default True).
        """
        layer = make()
        output = layer(**inputs)
        self.assertEqual(tuple(output.shape), output_shape)
        self.assertTrue(np.all(np.isfinite(output)), "the output is not finite")
        self._check_config(layer, inputs)
        self._check_graph(layer, inputs, output)
        self._check_gradients(layer, inputs)
        self._check_reload(layer, inputs)
        if xla:
            self._check_xla(layer, inputs, output)
        for policy in ("mixed_bfloat16", "mixed_float16"):
            self._check_mixed_precision(policy, make, inputs, output_shape)

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

    def _check_gradients(self, layer: tf.keras.layers.Layer, inputs: Mapping[str, Any]) -> None:
        for name, gradient in _gradients(layer, inputs).items():
            self.assertIsNotNone(gradient, f"{name} has no gradient")
            self.assertTrue(np.all(np.isfinite(gradient)), f"the gradient of {name} is not finite")

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
            self.assertEqual(foreign_ops(Path(folder)), [], "a stock server lacks ops")
            served = tf.saved_model.load(folder).signatures["serving_default"]
            self.assertAllClose(served(**inputs)["output"], layer(**inputs))

    def _check_xla(
        self, layer: tf.keras.layers.Layer, inputs: Mapping[str, Any], output: tf.Tensor
    ) -> None:
        # One program with the output and a training step, for compiling takes seconds.
        @tf.function(jit_compile=True)
        def step(given: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, Any]]:
            return layer(**given), _gradients(layer, given)

        compiled, gradients = step(dict(inputs))
        self.assertAllClose(compiled, output, rtol=1e-4, atol=1e-4)
        for name, gradient in gradients.items():
            self.assertTrue(np.all(np.isfinite(gradient)), f"XLA: {name} is not finite")

    def _check_mixed_precision(
        self,
        policy: str,
        make: Callable[[], tf.keras.layers.Layer],
        inputs: Mapping[str, Any],
        output_shape: tuple[int, ...],
    ) -> None:
        before = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy(policy)
        try:
            layer = make()
            output = layer(**inputs)
            gradients = _gradients(layer, inputs)
        finally:
            tf.keras.mixed_precision.set_global_policy(before)
        self.assertEqual(output.dtype.name, policy.removeprefix("mixed_"))
        self.assertEqual(tuple(output.shape), output_shape)
        self.assertTrue(np.all(np.isfinite(tf.cast(output, tf.float32))), f"{policy}: not finite")
        for name, gradient in gradients.items():
            self.assertTrue(np.all(np.isfinite(gradient)), f"{policy}: {name} is not finite")


def _gradients(layer: tf.keras.layers.Layer, inputs: Mapping[str, tf.Tensor]) -> dict[str, Any]:
    """The gradients of a training step by the weights and by the float inputs, named.

    Only that of a weight may be None, for a test to find.
    """
    floats = {name: value for name, value in inputs.items() if value.dtype.is_floating}
    weights = {f"{number} {v.name}": v for number, v in enumerate(layer.trainable_variables)}
    with tf.GradientTape() as tape:
        tape.watch(floats)
        output = tf.cast(layer(**inputs, training=True), tf.float32)
        loss = tf.reduce_sum(tf.square(output - 0.5))
    by_weight, by_input = tape.gradient(loss, (weights, floats))
    float_inputs = {name: gradient for name, gradient in by_input.items() if gradient is not None}
    # Embeddings have theirs in slices.
    return {
        name: None if gradient is None else tf.convert_to_tensor(gradient)
        for name, gradient in {**float_inputs, **by_weight}.items()
    }
