"""Retrieval losses over sampled candidates, in float32 for every precision of the embeddings."""

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.tasks.chunked_softmax import chunked_softmax
from tfmmrec.tasks.negatives.false_negatives import EventSlices
from tfmmrec.tasks.negatives.masking import MASKED, mask_logits, with_target
from tfmmrec.tasks.negatives.sampler import Candidates
from tfmmrec.tasks.targets import Targets


def candidate_softmax(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    *,
    labels: tf.Tensor,
    log_sampling_probability: tf.Tensor,
    false_negatives: tf.Tensor | EventSlices | None = None,
    num_hard_negatives: int = 0,
    valid: tf.Tensor | None = None,
    weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Sampled softmax with log-Q correction: an estimate of the softmax over the whole catalog.

    The logit of a negative is its score − log Q, with Q the probability that it is a candidate
    (Bengio and Senécal 2008; Yi et al. 2019, "Sampling-bias-corrected neural modeling"). The target
    item is always a candidate, so its logit is its score (Khrylchenko et al. 2025, "Correcting the
    LogQ correction", arXiv:2507.09331).

    Args:
        queries: `[events, dim]`, divided by the temperature.
        candidates: `[candidates, dim]`, each item once; zeros for an item without content. Such an
            item is no negative, and events whose target item it is do not count.
        labels: int32 `[events]`, column of the target item among the candidates.
        log_sampling_probability: `[candidates]`, log Q.
        false_negatives: bool `[events, candidates]`, True where a candidate is no negative of the
            event; or an object whose slices of events are that, or the positions (default none).
        num_hard_negatives: number of highest-scoring negatives per event, see `hardest_negatives`;
            0 keeps all (default 0).
        valid: bool `[events]`, False for padding (default all True).
        weight: float32 `[events]`, factors of the losses (default all 1).

    Returns:
        The mean over the events that count, a scalar; 0 without any. With several replicas, each
        returns its part of the mean.

    Example:
        >>> queries = tf.constant([[2.0, 0.0], [0.0, 2.0]])
        >>> loss = candidate_softmax(
        ...     queries,
        ...     tf.constant([[1.0, 0.0], [0.0, 1.0]]),
        ...     labels=tf.constant([0, 1]),
        ...     log_sampling_probability=tf.zeros([2]),
        ... )
        >>> round(float(loss), 4)  # log(1 + exp(-2))
        0.1269
    """
    queries, candidates = tf.cast(queries, tf.float32), tf.cast(candidates, tf.float32)
    has_content, log_weights = _log_weights(candidates, log_sampling_probability)
    return chunked_softmax(
        queries,
        candidates,
        labels,
        _countable(has_content, labels, valid),
        log_weights=log_weights,
        false_negatives=false_negatives,
        num_hard_negatives=num_hard_negatives,
        weight=weight,
    )


def candidate_bpr(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    *,
    labels: tf.Tensor,
    log_sampling_probability: tf.Tensor,
    false_negatives: tf.Tensor | EventSlices | None = None,
    num_hard_negatives: int = 0,
    valid: tf.Tensor | None = None,
    weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Bayesian personalized ranking (BPR): −log σ(target score − negative score).

    Rendle et al. 2009, "BPR: Bayesian personalized ranking from implicit feedback". The mean over
    negatives weighs each by 1 / Q, so that it estimates the mean over uniformly drawn items.

    Args and return value as for `candidate_softmax`. All logits are in memory at once.
    """
    has_content, log_weights = _log_weights(candidates, log_sampling_probability)
    scores = tf.cast(tf.matmul(queries, candidates, transpose_b=True), tf.float32)
    target_scores = tf.gather(scores, labels, batch_dims=1)
    log_weights = mask_logits(
        tf.broadcast_to(log_weights, tf.shape(scores)),
        scores,
        labels,
        false_negatives=None if false_negatives is None else false_negatives[:],
        num_hard_negatives=num_hard_negatives,
    )
    weights = with_target(tf.exp(log_weights), labels, tf.zeros_like(target_scores))
    losses = tf.nn.softplus(scores - target_scores[:, tf.newaxis])  # [events, candidates]
    total = tf.reduce_sum(weights * losses, axis=1)
    mean = tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1))
    mean = mean if weight is None else weight * mean
    return masked_mean(mean, _countable(has_content, labels, valid))


def disliked_loss(
    queries: tf.Tensor,
    items: tf.Tensor,
    disliked: tf.Tensor,
    candidates: Candidates,
    targets: Targets,
) -> tf.Tensor:
    """BPR of the target item against an item that the user disliked: −log σ(target − disliked).

    In a softmax over the catalog, a disliked item is a negative as every item is that the user did
    not choose. This term makes it count for more. The loss of an event is multiplied by its weight
    and by that of the dislike.

    Args:
        queries: `[events, dim]`, divided by the temperature.
        items: embeddings of the candidates, `[candidates, dim]`.
        disliked: embeddings of `candidates.disliked.rows`, `[disliked, dim]`.
        candidates: of the batch, with disliked items.
        targets: the events of the batch.

    Returns:
        The mean over the events that count for `candidate_softmax`, a scalar; events without a
        disliked item are 0. With several replicas, each returns its part of the mean.
    """
    assert candidates.disliked is not None
    queries, items, disliked = (tf.cast(each, tf.float32) for each in (queries, items, disliked))
    rows = tf.gather(candidates.disliked.positions, targets.batch_row)  # [events]
    weight = tf.gather(candidates.disliked.weight, targets.batch_row)
    weight *= tf.cast(tf.gather(tf.reduce_any(disliked != 0.0, axis=1), rows), tf.float32)
    if targets.weight is not None:
        weight *= targets.weight
    differences = tf.gather(disliked, rows) - tf.gather(items, candidates.labels)
    losses = weight * tf.nn.softplus(tf.reduce_sum(queries * differences, axis=1))
    has_content = tf.reduce_any(items != 0.0, axis=1)
    return masked_mean(losses, _countable(has_content, candidates.labels, targets.valid))


def masked_mean(losses: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean over the valid losses of all replicas, a scalar."""
    total = tf.reduce_sum(tf.where(valid, losses, 0.0))
    num_valid = replicas.all_reduce_sum(tf.reduce_sum(tf.cast(valid, tf.float32)))
    return tf.math.divide_no_nan(total, num_valid)


def _log_weights(
    candidates: tf.Tensor, log_sampling_probability: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which candidates have content, and the log of their weights, `[candidates]` each."""
    has_content = tf.reduce_any(candidates != 0.0, axis=1)
    return has_content, tf.where(has_content, -log_sampling_probability, MASKED)


def _countable(has_content: tf.Tensor, labels: tf.Tensor, valid: tf.Tensor | None) -> tf.Tensor:
    """Valid events whose target item has content, bool `[events]`."""
    countable = tf.gather(has_content, labels)
    return countable if valid is None else countable & valid


# The retrieval losses, by their names in the training file.
RETRIEVAL_LOSS_FUNCTIONS = {"softmax": candidate_softmax, "bpr": candidate_bpr}
