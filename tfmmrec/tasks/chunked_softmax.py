"""The softmax of many events over many candidates, a chunk of events at a time."""

from collections.abc import Callable

import tensorflow as tf

from tfmmrec.distribute import replicas

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
        A scalar; 0 where no event counts. Of several replicas, each gives its events' part.
    """
    if chunk is None:
        chunk = _rows_at_a_time(_size(candidates))
    shares = tf.cast(counted, tf.float32)
    shares = tf.math.divide_no_nan(shares, replicas.total(tf.reduce_sum(shares)))

    @tf.custom_gradient
    def mean_loss(queries: tf.Tensor, candidates: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def loss_of(part: slice) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            rows = queries[part]
            products = tf.matmul(rows, candidates, transpose_b=True)
            losses, slopes = _softmax_loss(correct(products, part), labels[part])
            # Shares of the mean go to the vectors, of which there are fewer numbers than of slopes.
            mine = shares[part, tf.newaxis]
            return (
                tf.tensordot(losses, shares[part], 1),
                mine * tf.matmul(slopes, candidates),
                tf.matmul(slopes, mine * rows, transpose_a=True),
            )

        num_events = _size(queries)
        sizes_known = isinstance(num_events, int) and isinstance(chunk, int)
        sum_up = _sum_in_turn if sizes_known else _sum_in_a_loop
        loss, of_each, of_all = sum_up(loss_of, num_events, chunk, candidates)
        of_each = tf.reshape(of_each, tf.shape(queries))
        return loss, lambda upstream: (upstream * of_each, upstream * of_all)

    return mean_loss(queries, candidates)


# Of some events: their loss, the gradients by each of their queries, and by the candidates.
_LossOf = Callable[[slice], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def _sum_in_turn(
    loss_of: _LossOf, num_events: int, chunk: int, candidates: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """One chunk after the other, each of a size that XLA knows."""
    loss, of_all, found = tf.constant(0.0), tf.zeros_like(candidates), []
    for start in range(0, num_events, chunk):
        with tf.control_dependencies([loss, of_all]):
            own, of_rows, of_candidates = loss_of(slice(start, min(start + chunk, num_events)))
        loss, of_all = loss + own, of_all + of_candidates
        found.append(of_rows)
    return loss, tf.concat(found, axis=0), of_all


def _sum_in_a_loop(
    loss_of: _LossOf, num_events: tf.Tensor, chunk: tf.Tensor, candidates: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    def add_chunk(start: tf.Tensor, loss: tf.Tensor, found: tf.TensorArray, of_all: tf.Tensor):
        own, of_rows, of_candidates = loss_of(slice(start, start + chunk))
        found = found.write(start // chunk, of_rows)
        return start + chunk, loss + own, found, of_all + of_candidates

    found = tf.TensorArray(
        tf.float32,
        size=-(-num_events // chunk),
        infer_shape=False,
        element_shape=[None, candidates.shape[1]],
    )
    _, loss, found, of_all = tf.while_loop(
        lambda start, *_: start < num_events,
        add_chunk,
        (0, 0.0, found, tf.zeros_like(candidates)),
        parallel_iterations=1,
    )
    return loss, found.concat(), of_all


def _size(vectors: tf.Tensor) -> int | tf.Tensor:
    """How many vectors there are, a tensor where only a step knows."""
    return tf.shape(vectors)[0] if vectors.shape[0] is None else vectors.shape[0]


def _rows_at_a_time(num_candidates: int | tf.Tensor) -> int | tf.Tensor:
    if isinstance(num_candidates, int):
        return min(max(_MOST_LOGITS // max(num_candidates, 1), 1), _MOST_ROWS)
    return tf.clip_by_value(_MOST_LOGITS // tf.maximum(num_candidates, 1), 1, _MOST_ROWS)


def _softmax_loss(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Losses `[rows]`, and what they change by with the logits, `[rows, candidates]`."""
    own = tf.gather(logits, labels, batch_dims=1)
    shares = tf.nn.softmax(logits)
    # log Σ exp(x) is x − log p for any of the logits; the largest has a p that is not near 0.
    total = tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(shares, axis=1))
    places = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
    return total - own, tf.tensor_scatter_nd_sub(shares, places, tf.ones_like(own))
