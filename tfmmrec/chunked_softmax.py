"""The softmax of many events over many candidates, a chunk of events at a time."""

from collections.abc import Callable

import tensorflow as tf

# Measured on a CPU: loops over fewer rows cost more than what their smaller arrays spare, and so do
# arrays that no cache holds.
_MOST_ROWS = 1024
_MOST_LOGITS = 2**21

# Gives the logits that stand in for those of some events, `[rows, candidates]`, own items included.
Correct = Callable[[tf.Tensor, slice], tf.Tensor]


def chunked_softmax(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    labels: tf.Tensor,
    counted: tf.Tensor,
    correct: Correct,
    chunk: int | None = None,
) -> tf.Tensor:
    """The mean of `logsumexp(logits) - own logit` over the events that count.

    No more than `chunk * candidates` logits are held at a time, and none for the gradient: it is
    worked out with the loss, as (p − 1 at the own item) times the other side's vectors, p being
    the softmax. So it costs one exp a logit, and cannot be differentiated again.

    Args:
        queries: float32 `[events, dim]`.
        candidates: float32 `[candidates, dim]`.
        labels: int32 `[events]`, where among the candidates each event's item stands.
        counted: bool `[events]`.
        correct: what is made of the products of some events' queries with all candidates before
            the softmax; it may add to them or put constants in their places.
        chunk: events a chunk; default 1024, or fewer where that makes more than two million logits.

    Returns:
        A scalar; 0 where no event counts.
    """
    num_events = tf.shape(queries)[0]
    if chunk is None:
        chunk = _rows_at_a_time(tf.shape(candidates)[0])
    shares = tf.cast(counted, tf.float32)
    shares = tf.math.divide_no_nan(shares, tf.reduce_sum(shares))

    @tf.custom_gradient
    def mean_loss(queries: tf.Tensor, candidates: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def add_chunk(start: tf.Tensor, loss: tf.Tensor, found: tf.TensorArray, of_all: tf.Tensor):
            part = slice(start, start + chunk)
            rows = queries[part]
            products = tf.matmul(rows, candidates, transpose_b=True)
            losses, slopes = _softmax_loss(correct(products, part), labels[part])
            # Shares of the mean go to the vectors, of which there are fewer numbers than of slopes.
            mine = shares[part, tf.newaxis]
            return (
                start + chunk,
                loss + tf.tensordot(losses, shares[part], 1),
                found.write(start // chunk, mine * tf.matmul(slopes, candidates)),
                of_all + tf.matmul(slopes, mine * rows, transpose_a=True),
            )

        found = tf.TensorArray(
            tf.float32,
            size=-(-num_events // chunk),
            infer_shape=False,
            element_shape=[None, queries.shape[1]],
        )
        _, loss, found, of_all = tf.while_loop(
            lambda start, *_: start < num_events,
            add_chunk,
            (0, 0.0, found, tf.zeros_like(candidates)),
            parallel_iterations=1,
        )
        of_each = tf.reshape(found.concat(), tf.shape(queries))
        return loss, lambda upstream: (upstream * of_each, upstream * of_all)

    return mean_loss(queries, candidates)


def _rows_at_a_time(num_candidates: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(_MOST_LOGITS // tf.maximum(num_candidates, 1), 1, _MOST_ROWS)


def _softmax_loss(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Losses `[rows]`, and what they change by with the logits, `[rows, candidates]`."""
    own = tf.gather(logits, labels, batch_dims=1)
    shares = tf.nn.softmax(logits)
    # log Σ exp(x) is x − log p for any of the logits; the largest has a p that is not near 0.
    total = tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(shares, axis=1))
    places = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
    return total - own, tf.tensor_scatter_nd_sub(shares, places, tf.ones_like(own))
