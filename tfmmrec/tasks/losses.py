"""Softmax losses over a batch, in float32 whatever the precision of the scores."""

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.tasks.chunked_softmax import chunked_softmax
from tfmmrec.tasks.negatives.false_negative_mask import FalseNegativeMask
from tfmmrec.tasks.negatives.hard import hardest

# Finite, since minus infinity times zero is not a number; exp of it is exactly 0.
_NEVER = -1e9


def candidate_softmax(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    *,
    labels: tf.Tensor,
    log_sampling_probability: tf.Tensor,
    spared: tf.Tensor | FalseNegativeMask | None = None,
    hard: int = 0,
    counted: tf.Tensor | None = None,
) -> tf.Tensor:
    """Softmax over sampled candidates that estimates the one over all items.

    Negatives stand for those that were not drawn: exp of their logits is divided by the chance of
    their being drawn (Bengio and Senécal 2008; Yi et al. 2019, "Sampling-bias-corrected neural
    modeling"). The chosen item is there for certain and stands for itself alone (Khrylchenko et al.
    2025, "Correcting the LogQ correction", arXiv:2507.09331).

    Args:
        queries: `[events, dim]`, divided by the temperature.
        candidates: `[candidates, dim]`, each item once; zeros where nothing is said of one. Such
            an item is no negative, and events that chose it do not count.
        labels: int32 `[events]`, where among the candidates each event's item stands.
        log_chances: `[candidates]`, the log of the chance of each to be a candidate.
        spared: bool `[events, candidates]`, what is no negative of an event, or what gives slices
            of its rows; None spares nothing.
        hard: how many candidates are negatives of an event, see `hardest`; 0 for all.
        counted: bool `[events]`, which events there are; None for all.

    Returns:
        The mean over the events that count, a scalar; 0 without any. Of several replicas, each
        gives its events' part of the mean.
    """
    queries, candidates = tf.cast(queries, tf.float32), tf.cast(candidates, tf.float32)
    told, log_weights = _weighed(candidates, log_sampling_probability)

    def correct(logits: tf.Tensor, part: slice) -> tf.Tensor:
        scores, own = logits, tf.gather(logits, labels[part], batch_dims=1)
        logits += log_weights
        if spared is not None:
            logits = tf.where(spared[part], _NEVER, logits)
        if hard:
            logits = tf.where(_chosen(scores, logits, labels[part], hard), logits, _NEVER)
        # In the place of its own item an event keeps what is not corrected.
        return _with_own(logits, labels[part], own)

    known = _counted(told, labels, counted)
    return chunked_softmax(queries, candidates, labels, known, correct)


def candidate_bpr(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    *,
    labels: tf.Tensor,
    log_sampling_probability: tf.Tensor,
    spared: tf.Tensor | FalseNegativeMask | None = None,
    hard: int = 0,
    counted: tf.Tensor | None = None,
) -> tf.Tensor:
    """How surely the chosen item stands before another, drawn uniformly: −log σ(own − other).

    Rendle et al. 2009, "BPR: Bayesian personalized ranking from implicit feedback". Each candidate
    stands for as many items as the inverse of its chance.

    Args and return as for `candidate_softmax`.
    """
    logits, own, log_weights, told = _scored(
        queries, candidates, labels, log_sampling_probability, spared
    )
    if hard:
        chosen = _chosen(logits, tf.broadcast_to(log_weights, tf.shape(logits)), labels, hard)
        log_weights = tf.where(chosen, log_weights, _NEVER)
    weights = tf.broadcast_to(tf.exp(log_weights), tf.shape(logits))
    weights = _with_own(weights, labels, tf.zeros_like(own))
    surely = tf.nn.softplus(logits - own[:, tf.newaxis])
    total = tf.reduce_sum(weights * surely, axis=1)
    known = _counted(told, labels, counted)
    return _mean(tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1)), known)


def _scored(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    labels: tf.Tensor,
    log_sampling_probability: tf.Tensor,
    spared: tf.Tensor | FalseNegativeMask | None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns all logits, those of the own items, the logs of the weights, and who is told of."""
    told, log_weights = _weighed(candidates, log_sampling_probability)
    logits = tf.cast(tf.matmul(queries, candidates, transpose_b=True), tf.float32)
    own = tf.gather(logits, labels, batch_dims=1)
    if spared is not None:
        log_weights = tf.where(spared[:], _NEVER, log_weights)
    return logits, own, log_weights, told


def _chosen(scores: tf.Tensor, weighed: tf.Tensor, labels: tf.Tensor, num: int) -> tf.Tensor:
    """The hardest negatives of each event, of those whose weight is not nothing already."""
    # Neither its own item, nor what is spared, untold or fills up.
    there = _with_own(weighed > _NEVER / 2, labels, tf.zeros_like(labels, tf.bool))
    return hardest(scores, there, num)


def _weighed(
    candidates: tf.Tensor, log_sampling_probability: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of which candidates anything is said, and the logs of their weights, `[1, candidates]`."""
    told = tf.reduce_any(candidates != 0.0, axis=1)
    return told, tf.where(told, -log_sampling_probability, _NEVER)[tf.newaxis]


def _counted(told: tf.Tensor, labels: tf.Tensor, counted: tf.Tensor | None) -> tf.Tensor:
    """Which events count: those that there are, with an item of which anything is said."""
    known = tf.gather(told, labels)
    return known if counted is None else known & counted


def _with_own(rows: tf.Tensor, labels: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """Rows `[events, candidates]` with a value of its own in the place of each event's item."""
    places = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
    return tf.tensor_scatter_nd_update(rows, places, own)


def _mean(losses: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
    total = tf.reduce_sum(tf.where(counted, losses, 0.0))
    num_counted = replicas.total(tf.reduce_sum(tf.cast(counted, tf.float32)))
    return tf.math.divide_no_nan(total, num_counted)


# What a chosen item is told from others by, as training files name it.
RETRIEVAL_LOSS_FUNCTIONS = {"softmax": candidate_softmax, "bpr": candidate_bpr}


def info_nce(
    first: tf.Tensor,
    second: tf.Tensor,
    *,
    mask: tf.Tensor,
    temperature: float,
    same: tf.Tensor | None = None,
) -> tf.Tensor:
    """Pulls each row of one set to the same row of the other, away from the other rows.

    The mean of both directions (InfoNCE: van den Oord et al. 2018, arXiv 1807.03748; both ways as
    in CLIP, Radford et al. 2021). The other rows are those of all replicas, of which each gives its
    rows' part of the mean.

    Args:
        first: `[rows, dim]` of length 1.
        second: `[rows, dim]` of length 1.
        mask: bool `[rows]`, the rows that are there on both sides; the others are left out.
        temperature: what cosines are divided by.
        same: bool `[rows, rows of all replicas]`, pairs that are neither pulled nor pushed, in
            either direction; a row and itself are.

    Returns:
        A scalar; 0 where no row is there.
    """
    here = replicas.gather(mask)
    own = replicas.first_place(mask) + tf.range(tf.size(mask))
    never = tf.logical_not(here)[tf.newaxis]
    if same is not None:
        itself = own[:, tf.newaxis] == tf.range(tf.size(here))
        never |= same & ~itself

    def one_way(rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        logits = tf.matmul(rows, replicas.gather(others), transpose_b=True)
        logits = tf.where(never, _NEVER, tf.cast(logits, tf.float32) / temperature)
        pulled = tf.gather(logits, own, batch_dims=1)
        return _mean(tf.reduce_logsumexp(logits, axis=1) - pulled, mask)

    return (one_way(first, second) + one_way(second, first)) / 2.0
