"""Times ranking against the metrics of TensorFlow Recommenders (TFRS); prints a Markdown table.

python benchmarks/evaluate.py --rounds 7

Each contestant receives the query and item embeddings and measures how well the target item of each
query is ranked:

* tfmmrec computes the expected rank among all items, with and without 100 excluded items per query,
  and also the top 10;
* TFRS updates its FactorizedTopK metric over its layers Streaming, at its default batch size, and
  BruteForce.

The matrix product alone is the upper bound of the speed. It is computed by TensorFlow, a block at a
time, and by NumPy. Each contestant runs once per round, and the order rotates from round to round.
A ratio is the median over the rounds of the ratio to the matrix product, followed by the lowest and
the highest.

The ranks of the first 300 queries are checked against ranks by float64 scores of all items. The
target items of 100 of these queries have the same embedding as another item. Ranking uses float32,
which cannot distinguish the closest of 100,000 scores.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip
import tensorflow_recommenders as tfrs  # isort: skip
import tqdm  # isort: skip

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.ranking.rankers import DotProductRanker
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.models.item_blocks import QUERIES

ALONE = "matrix product alone"
_BLOCK = 2048
_CHECKED, _TWINS = 300, 100


def main(
    *,
    queries: int = 4096,
    items: int = 100_000,
    dim: int = 64,
    left_out: int = 100,
    rounds: int = 7,
) -> None:
    """Times the ranking of one target item per query.

    Args:
        queries: number of queries.
        items: number of items.
        dim: dimension of the embeddings.
        left_out: number of excluded items per query, for the contestants that exclude any.
        rounds: number of rounds; each contestant runs once per round.
    """
    draw = np.random.default_rng(0)
    users = draw.normal(size=(queries, dim)).astype(np.float32)
    vectors = draw.normal(size=(items, dim)).astype(np.float32)
    vectors[-_TWINS:] = vectors[:_TWINS]
    own = draw.integers(items, size=queries)
    own[:_TWINS] = np.arange(_TWINS)
    past = draw.integers(items, size=(queries, left_out))
    contestants = _contestants(users, vectors, own, past)
    wrong = _wrong(users, vectors, own)
    print(f"{wrong} of {_CHECKED} ranks differ from the ranks by float64 scores.\n")
    seconds = _timed(contestants, rounds)
    rows = f"{queries:,} queries, {items:,} items, dimension {dim}"
    print(f"| {rows} | seconds | speed relative to the {ALONE} |\n|---|---|---|")
    for name, own_seconds in seconds.items():
        pairs = zip(seconds[ALONE], own_seconds, strict=True)
        ratios = [alone / theirs for alone, theirs in pairs]
        print(
            f"| {name} | {statistics.median(own_seconds):.2f} | {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f}) |"
        )
    ours = seconds["ranks"]
    print("\n| speed of `ranks` relative to | ratio |\n|---|---|")
    for name in ("TFRS Streaming", "TFRS BruteForce"):
        ratios = [theirs / mine for theirs, mine in zip(seconds[name], ours, strict=True)]
        print(
            f"| {name} | {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) |"
        )


def _contestants(
    users: np.ndarray, vectors: np.ndarray, own: np.ndarray, past: np.ndarray
) -> dict[str, Callable[[], Any]]:
    everything = np.ones(len(vectors), bool)
    ranker = _ranker(users, vectors)
    nothing_left_out = _targets(own, np.zeros([len(own), 0], np.int64))
    some_left_out = _targets(own, past)
    blocks = tf.constant(_blocks(vectors))
    turned = np.ascontiguousarray(vectors.T)
    inputs = tf.data.Dataset.from_tensor_slices(vectors)
    streaming = tfrs.layers.factorized_top_k.Streaming(k=100).index_from_dataset(inputs.batch(128))
    brute_force = tfrs.layers.factorized_top_k.BruteForce(k=100).index(vectors)
    return {
        ALONE: lambda: [_product(q, blocks).numpy() for q in _batches(users)],
        f"{ALONE}, NumPy": lambda: [(q @ turned)[0, 0] for q in _batches(users)],
        "ranks": lambda: ranker.ranks(nothing_left_out, everything),
        f"ranks, {past.shape[1]} items excluded per query": lambda: ranker.ranks(
            some_left_out, everything
        ),
        "ranks and top 10": lambda: ranker.rank(some_left_out, everything, 10),
        "TFRS BruteForce": _metric(brute_force, users, vectors[own]),
        "TFRS Streaming": _metric(streaming, users, vectors[own]),
    }


def _metric(layer: Any, users: np.ndarray, own: np.ndarray) -> Callable[[], Any]:
    """Updates the TFRS metric with all queries; traced once."""
    metric = tfrs.metrics.FactorizedTopK(candidates=layer, ks=(1, 10, 100))

    @tf.function
    def update(queries: tf.Tensor, items: tf.Tensor) -> None:
        metric.update_state(queries, items)

    batches = [
        (tf.constant(q), tf.constant(i))
        for q, i in zip(_batches(users), _batches(own), strict=True)
    ]

    def measure() -> list[Any]:
        metric.reset_states()
        for q, i in batches:
            update(q, i)
        return [value.numpy() for value in metric.result()]

    return measure


def _ranker(users: np.ndarray, vectors: np.ndarray) -> DotProductRanker:
    return DotProductRanker(vectors, lambda rows: iter([(rows, users[rows])]))


def _targets(own: np.ndarray, past: np.ndarray) -> Targets:
    offsets = np.arange(len(own) + 1) * past.shape[1]
    histories = Histories(past.ravel().astype(np.int32), offsets)
    return Targets(np.arange(len(own)), own, histories, num_repeats=0)


def _blocks(vectors: np.ndarray) -> np.ndarray:
    padded = np.pad(vectors, [[0, -len(vectors) % _BLOCK], [0, 0]])
    return padded.reshape(-1, _BLOCK, vectors.shape[1]).transpose(0, 2, 1)


def _batches(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + QUERIES] for start in range(0, len(rows), QUERIES)]


@tf.function
def _product(queries: tf.Tensor, blocks: tf.Tensor) -> tf.Tensor:
    """Sums one element of each product, so that no product is optimized away."""
    total = tf.zeros([])
    for at in tf.range(tf.shape(blocks)[0]):
        total += tf.matmul(queries, blocks[at])[0, 0]
    return total


def _wrong(users: np.ndarray, vectors: np.ndarray, own: np.ndarray) -> int:
    targets = _targets(own, np.zeros([len(own), 0], np.int64)).take(np.arange(_CHECKED))
    found = _ranker(users, vectors).ranks(targets, np.ones(len(vectors), bool))
    scores = users[:_CHECKED].astype(np.float64) @ vectors.T.astype(np.float64)
    expected = expected_ranks(scores, own[:_CHECKED], np.zeros(scores.shape, bool))
    return int((found != expected).sum())


def _timed(contestants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()  # traces the graph
    names = list(contestants)
    for number in tqdm.trange(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
