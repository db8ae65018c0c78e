"""Sampled softmax of many events over many candidates, one chunk of events at a time."""

from collections.abc import Callable

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.tasks.negatives.false_negatives import EventSlices
from tfmmrec.tasks.negatives.masking import mask_logits, with_target

# Measured on a CPU: smaller chunks cost more in loop overhead than their smaller arrays save, and
# larger arrays do not fit into the cache. A batch of windows has around 1,024 events, more or less.
_MAX_ROWS = 1280
_MAX_LOGITS = 2**21


def chunked_softmax(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    labels: tf.Tensor,
    valid: tf.Tensor,
    *,
    log_weights: tf.Tensor | None = None,
    false_negatives: tf.Tensor | EventSlices | None = None,
    num_hard_negatives: int = 0,
    weight: tf.Tensor | None = None,
    chunk: int | None = None,
) -> tf.Tensor:
    """Mean of `logsumexp(logits) - target logit` over valid events, in bounded memory.

    Logits are `queries · candidates + log_weights`, masked as in `mask_logits`; the target item
    keeps its uncorrected score. At most `chunk * candidates` logits exist at a time. The gradient
    is computed in the forward pass, as (p − 1 at the target item) times the embeddings of the other
    tower, with p the softmax. So each logit costs one exp, and there is no second derivative.

    `tf.nn.sampled_softmax_loss` draws its own candidates, and `tfrs.tasks.Retrieval` keeps all
    logits for the backward pass: this loss is 8 to 14 times as fast at batch 8,192
    (docs/TRAINING.md).

    Args:
        queries: float32 `[events, dim]`.
        candidates: float32 `[candidates, dim]`.
        labels: int32 `[events]`, column of the target item among the candidates.
        valid: bool `[events]`, events that count.
        log_weights: float32 `[candidates]`, added to the logits of negatives (default 0).
        false_negatives: bool `[events, candidates]`, True where a candidate is masked; or an object
            whose slices of events are that, or the positions (default none).
        num_hard_negatives: number of highest-scoring negatives per event; 0 keeps all (default 0).
        weight: float32 `[events]`, factors of the losses; the mean divides by the number of valid
            events, and not by the sum of the weights (default all 1).
        chunk: events per chunk; default 1280, or fewer where that makes more than 2,097,152 logits.

    Returns:
        A scalar; 0 without valid events. With several replicas, each returns its part of the mean.
    """
    if chunk is None:
        chunk = _chunk_size(_num_rows(candidates))
    event_weights = tf.cast(valid, tf.float32)
    event_weights = tf.math.divide_no_nan(
        event_weights, replicas.all_reduce_sum(tf.reduce_sum(event_weights))
    )
    if weight is not None:
        event_weights *= weight

    def corrected_logits(scores: tf.Tensor, events: slice) -> tf.Tensor:
        """Log-Q correction and masks, `[chunk, candidates]`."""
        event_labels = labels[events]
        logits = mask_logits(
            scores if log_weights is None else scores + log_weights,
            scores,
            event_labels,
            false_negatives=None if false_negatives is None else false_negatives[events],
            num_hard_negatives=num_hard_negatives,
        )
        target_scores = tf.gather(scores, event_labels, batch_dims=1)
        return with_target(logits, event_labels, target_scores)

    @tf.custom_gradient
    def mean_loss(queries: tf.Tensor, candidates: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def chunk_loss(events: slice) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            chunk_queries = queries[events]
            scores = tf.matmul(chunk_queries, candidates, transpose_b=True)  # [chunk, candidates]
            losses, gradients = _softmax_loss(corrected_logits(scores, events), labels[events])
            # Scales the embeddings, since they have fewer numbers than the gradients of the logits.
            scale = event_weights[events, tf.newaxis]
            return (
                tf.tensordot(losses, event_weights[events], 1),
                scale * tf.matmul(gradients, candidates),  # [chunk, dim]
                tf.matmul(gradients, scale * chunk_queries, transpose_a=True),  # [candidates, dim]
            )

        num_events = _num_rows(queries)
        static_sizes = isinstance(num_events, int) and isinstance(chunk, int)
        sum_chunks = _sum_unrolled if static_sizes else _sum_in_loop
        loss, query_gradient, candidate_gradient = sum_chunks(
            chunk_loss, num_events, chunk, candidates
        )
        query_gradient = tf.reshape(query_gradient, tf.shape(queries))
        return loss, lambda upstream: (upstream * query_gradient, upstream * candidate_gradient)

    return mean_loss(queries, candidates)


# The loss of a chunk, and its gradients with respect to the chunk's queries and the candidates.
_ChunkLoss = Callable[[slice], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def _sum_unrolled(
    chunk_loss: _ChunkLoss, num_events: int, chunk: int, candidates: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """One chunk after the other, each of static size for XLA."""
    loss, candidate_gradient = tf.constant(0.0), tf.zeros_like(candidates)
    query_gradients = []
    for start in range(0, num_events, chunk):
        with tf.control_dependencies([loss, candidate_gradient]):
            own, of_queries, of_candidates = chunk_loss(
                slice(start, min(start + chunk, num_events))
            )
        loss, candidate_gradient = loss + own, candidate_gradient + of_candidates
        query_gradients.append(of_queries)
    return loss, tf.concat(query_gradients, axis=0), candidate_gradient


def _sum_in_loop(
    chunk_loss: _ChunkLoss, num_events: tf.Tensor, chunk: tf.Tensor, candidates: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    def add_chunk(
        start: tf.Tensor, loss: tf.Tensor, query_gradients: tf.TensorArray, total: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray, tf.Tensor]:
        own, of_queries, of_candidates = chunk_loss(slice(start, start + chunk))
        query_gradients = query_gradients.write(start // chunk, of_queries)
        return start + chunk, loss + own, query_gradients, total + of_candidates

    query_gradients = tf.TensorArray(
        tf.float32,
        size=-(-num_events // chunk),
        infer_shape=False,
        element_shape=[None, candidates.shape[1]],
    )
    _, loss, query_gradients, candidate_gradient = tf.while_loop(
        lambda start, *_: start < num_events,
        add_chunk,
        (0, 0.0, query_gradients, tf.zeros_like(candidates)),
        parallel_iterations=1,
    )
    return loss, query_gradients.concat(), candidate_gradient


def _num_rows(embeddings: tf.Tensor) -> int | tf.Tensor:
    """The number of rows: a Python int where it is static, else a tensor."""
    return tf.shape(embeddings)[0] if embeddings.shape[0] is None else embeddings.shape[0]


def _chunk_size(num_candidates: int | tf.Tensor) -> int | tf.Tensor:
    if isinstance(num_candidates, int):
        return min(max(_MAX_LOGITS // max(num_candidates, 1), 1), _MAX_ROWS)
    return tf.clip_by_value(_MAX_LOGITS // tf.maximum(num_candidates, 1), 1, _MAX_ROWS)


def _softmax_loss(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Losses `[events]`, and their gradients with respect to the logits `[events, candidates]`."""
    target_logits = tf.gather(logits, labels, batch_dims=1)
    probabilities = tf.nn.softmax(logits)
    # logsumexp(x) is x − log p for any logit; the largest has a p that is not near 0.
    logsumexp = tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(probabilities, axis=1))
    positions = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
    gradients = tf.tensor_scatter_nd_sub(probabilities, positions, tf.ones_like(target_logits))
    return logsumexp - target_logits, gradients
