"""The chunked softmax against an unchunked one with gradients by TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.tasks.chunked_softmax import chunked_softmax


def draw(num_events: int, num_candidates: int = 7, dim: int = 3) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(num_events)
    return {
        "queries": tf.constant(3.0 * rng.normal(size=[num_events, dim]), tf.float32),
        "candidates": tf.constant(rng.normal(size=[num_candidates, dim]), tf.float32),
        "labels": tf.constant(rng.integers(0, num_candidates, num_events), tf.int32),
        "valid": tf.constant(rng.random(num_events) < 0.7),
        "log_weights": tf.constant(rng.normal(size=[num_candidates]), tf.float32),
        "mask": tf.constant(rng.random([num_events, num_candidates]) < 0.3),
    }


def plain(queries: tf.Tensor, candidates: tf.Tensor, given: dict[str, tf.Tensor]) -> tf.Tensor:
    scores = tf.matmul(queries, candidates, transpose_b=True)
    is_target = tf.one_hot(given["labels"], tf.shape(scores)[1], on_value=True, off_value=False)
    logits = tf.where(given["mask"], -1e9, scores + given["log_weights"])
    # The target item is neither corrected nor masked.
    logits = tf.where(is_target, scores, logits)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(given["labels"], logits)
    valid = tf.cast(given["valid"], tf.float32)
    return tf.reduce_sum(losses * valid) / tf.maximum(tf.reduce_sum(valid), 1.0)


def chunked(queries: tf.Tensor, candidates: tf.Tensor, given: dict[str, tf.Tensor]) -> tf.Tensor:
    return chunked_softmax(
        queries,
        candidates,
        given["labels"],
        given["valid"],
        log_weights=given["log_weights"],
        false_negatives=given["mask"],
        chunk=4,
    )


def with_gradients(loss, given: dict[str, tf.Tensor], scale: float = 1.0) -> list[np.ndarray]:
    sides = [given["queries"], given["candidates"]]
    with tf.GradientTape() as tape:
        tape.watch(sides)
        value = scale * loss(*sides, given)
    return [value.numpy(), *(gradient.numpy() for gradient in tape.gradient(value, sides))]


@pytest.mark.parametrize("num_events", [1, 3, 4, 5, 8, 11])
def test_loss_and_gradients_equal_the_unchunked_softmax(num_events):
    given = draw(num_events)
    found = with_gradients(chunked, given, scale=2.0)
    expected = with_gradients(plain, given, scale=2.0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_dynamic_sizes():
    @tf.function(reduce_retracing=True)
    def step(queries, candidates, labels, valid, log_weights, mask):
        given = {"labels": labels, "valid": valid, "log_weights": log_weights, "mask": mask}
        with tf.GradientTape() as tape:
            tape.watch([queries, candidates])
            loss = chunked(queries, candidates, given)
        return loss, *tape.gradient(loss, [queries, candidates])

    traced = step.get_concrete_function(
        tf.TensorSpec([None, 3]),
        tf.TensorSpec([None, 3]),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.bool),
        tf.TensorSpec([None]),
        tf.TensorSpec([None, None], tf.bool),
    )
    for num_events, num_candidates in ((9, 5), (4, 8), (0, 6)):
        given = draw(num_events, num_candidates)
        found = traced(*given.values())
        for one, other in zip(found, with_gradients(plain, given), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("num_candidates", "chunks"), [(5, [1280, 770]), (4096, [512, 512, 512, 512, 2])]
)
def test_the_size_of_a_chunk_is_bounded(num_candidates, chunks):
    seen = []

    class NothingMasked:
        def __getitem__(self, events: slice) -> tf.Tensor:
            seen.append(events.stop - events.start)
            return tf.zeros([seen[-1], num_candidates], tf.bool)

    num_events = sum(chunks)
    vectors, labels = tf.zeros([num_events, 1]), tf.zeros([num_events], tf.int32)
    valid, candidates = tf.ones([num_events], tf.bool), tf.zeros([num_candidates, 1])
    loss = chunked_softmax(vectors, candidates, labels, valid, false_negatives=NothingMasked())
    assert seen == chunks
    np.testing.assert_allclose(loss, np.log(num_candidates), rtol=1e-5)


def test_without_valid_events_loss_and_gradients_are_zero():
    given = {**draw(5), "valid": tf.zeros([5], tf.bool)}
    for found in with_gradients(chunked, given):
        assert not found.any()


def test_large_logits_do_not_overflow():
    queries, candidates = tf.constant([[200.0], [-200.0]]), tf.constant([[1.0], [0.0]])
    given = {"labels": tf.constant([1, 1]), "valid": tf.constant([True, True])}
    loss = chunked_softmax(queries, candidates, *given.values())
    # log(e^200 + 1) and log(e^-200 + 1).
    np.testing.assert_allclose(loss, 100.0)


def test_weights_multiply_the_losses_and_not_their_number():
    given = draw(6)
    weight = tf.constant([0.5, 2.0, 0.0, 1.0, 3.0, 0.1])
    each = [
        with_gradients(chunked, {**given, "valid": given["valid"] & (tf.range(6) == event)})
        for event in range(6)
    ]
    num_valid = int(tf.reduce_sum(tf.cast(given["valid"], tf.int32)))
    sides = [given["queries"], given["candidates"]]
    with tf.GradientTape() as tape:
        tape.watch(sides)
        loss = chunked_softmax(
            *sides,
            given["labels"],
            given["valid"],
            log_weights=given["log_weights"],
            false_negatives=given["mask"],
            weight=weight,
            chunk=4,
        )
    found = [loss, *tape.gradient(loss, sides)]
    for own, parts in zip(found, zip(*each, strict=True), strict=True):
        expected = sum(w * part for w, part in zip(weight.numpy(), parts, strict=True)) / num_valid
        np.testing.assert_allclose(own, expected, atol=1e-5)
