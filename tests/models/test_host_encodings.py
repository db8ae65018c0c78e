"""Encodings that stay in their files: the same numbers as those in memory."""

import numpy as np
import pytest
import tensorflow as tf

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.training.batches import create_batches
from tfmmrec.training.distribute_batches import distribute_batches

VALUES = np.arange(24, dtype=np.float32).reshape(6, 4)
ENCODED = {
    "half": Encodings(VALUES.astype(np.float16), np.arange(6) > 0),
    "full": Encodings(VALUES[:, :1] + 0.1, np.ones(6, bool)),
    "several": Encodings(VALUES.reshape(6, 2, 2), np.ones(6, bool)),
    "categories": Encodings(VALUES[:, :2].astype(np.int32), np.ones(6, bool)),
}


def assert_same(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)
    assert [each.dtype for each in tf.nest.flatten(first)] == [
        each.dtype for each in tf.nest.flatten(second)
    ]


@pytest.mark.parametrize("ahead", [None, [4, 0, 4], [[5, -1], [2, 0]]])
def test_rows_are_those_of_the_device_in_a_batch_and_beside_it(ahead):
    host, device = FeatureTable(ENCODED, on_host=True), FeatureTable(ENCODED)
    rows = tf.constant([5, 0, 2, 5])
    batch = None if ahead is None else host.read_ahead([tf.constant(ahead)])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def gather(rows):
        with host.use_batch(batch):
            return host.gather(rows)

    assert_same(gather(rows), device.gather(rows))
    assert [each.shape[1:] for each in tf.nest.flatten(gather(rows))] == [
        each.shape[1:]
        for each in tf.nest.flatten(gather.get_concrete_function().structured_outputs)
    ]
    assert_same(gather(rows[:0]), device.gather(rows[:0]))
    assert_same(host.gather(tf.constant(3)), device.gather(tf.constant(3)))
    assert_same(host.gather_known(np.array([3, -1])), device.gather_known(np.array([3, -1])))


def test_a_batch_has_each_row_once_and_in_order():
    host = FeatureTable(ENCODED, on_host=True)
    batch = host.read_ahead([tf.constant([[4, -1], [2, 4]]), tf.constant([5])])
    # Row 0 stands for padding.
    assert batch.rows.numpy().tolist() == [0, 2, 4, 5]
    np.testing.assert_array_equal(batch.encodings["half"], VALUES[[0, 2, 4, 5]])
    assert batch.encodings["half"].dtype == tf.float16  # half of what is sent to the device
    assert FeatureTable(ENCODED).read_ahead([tf.constant([1])]) is None
    one = FeatureTable({"half": ENCODED["half"]}, on_host=True)
    graph = tf.function(one.gather, autograph=False)
    for gather in (one.gather, graph):
        np.testing.assert_array_equal(gather(tf.constant([3, 1]))["half"].encoding, VALUES[[3, 1]])
    # What changes while it is trained is a variable.
    both = FeatureTable(ENCODED, on_host=True, trainable_features=["full"])
    assert isinstance(both.encodings["full"], tf.Variable)
    assert set(both.read_ahead([tf.constant([1])]).encodings) == {"half", "several", "categories"}


STEPS = {
    "windows and drawn negatives": {
        "query": {"kind": "gru", "units": 8},
        "negatives": {"num_uniform": 4},
        "contrastive": {"cross_modal": 0.1, "co_engagement": 0.1},
    },
    "histories and two tasks": {"task": "joint", "query": {"kind": "mean"}},
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("windows and drawn negatives", marks=pytest.mark.slow),
        "histories and two tasks",
    ],
)
def test_a_step_is_that_of_encodings_in_memory(small, name):
    results = []
    for place in ("device", "host"):
        config = TrainConfig(**{**ONCE, "quiet": True, **STEPS[name], "features_on": place})
        bundle = build_bundle(small, config)
        model = bundle.model
        assert model.reads_files == (place == "host")
        batches = distribute_batches(
            model.distribute_strategy, create_batches(bundle), model, epoch=0, seed=0
        )
        batch = next(iter(batches))
        assert ("item_encodings" in batch) == (place == "host")

        @tf.function
        def step(batch, model=model):
            with tf.GradientTape() as tape:
                loss = model.compute_loss(batch, training=False)
            weights = model.tower_weights
            return loss, tape.gradient(loss, weights, unconnected_gradients="zero")

        loss, gradients = step(batch)
        results.append((loss, [tf.convert_to_tensor(gradient) for gradient in gradients]))
    assert float(results[0][0]) > 0
    assert_same(*results)
