"""Ranks and best items where scores are products of vectors, a block of the catalogue at a time."""

import numpy as np
import tensorflow as tf

# How many queries and items are multiplied at a time; their scores take 4 MB.
QUERIES = 512
_ITEMS = 2048
# Of so many items side by side only the best is looked at first, when the best of all are sought.
_GROUP = 16

_VECTORS = tf.TensorSpec([None, None], tf.float32)
_BLOCKS = tf.TensorSpec([None, None, None], tf.float32)
_PLACES = tf.TensorSpec([None, 2], tf.int32)
_EDGES = tf.TensorSpec([None], tf.int32)


class ItemBlocks:
    """The vectors of a catalogue, laid out for ranking.

    Memory is that of one more copy of the vectors, and of the scores of a block. It runs where
    TensorFlow puts it: on a GPU where there is one.

    Args:
        vectors: float `[items, width]`. An item of which nothing is known has zeros, or what is no
            number, and stands behind all others.
        among: bool `[items]`, the items that are ranked.
    """

    def __init__(self, vectors: np.ndarray, candidate_mask: np.ndarray):
        self._vectors = _finite(vectors)
        self._among = candidate_mask
        self._known = self._vectors.any(axis=1)
        self._items = np.flatnonzero(candidate_mask & self._known)
        self._columns = np.full(len(candidate_mask), -1, np.int32)
        self._columns[self._items] = np.arange(len(self._items))
        # As wide as a batch of queries at least, whose own items are multiplied in the same shape.
        steps = max(1, -(-min(len(self._items), _ITEMS) // QUERIES))
        self._width = steps * QUERIES
        num = max(1, -(-len(self._items) // self._width))
        self._padding = num * self._width - len(self._items)
        padded = tf.pad(self._vectors[self._items], [[0, self._padding], [0, 0]])
        blocks = tf.reshape(padded, [num, self._width, vectors.shape[1]])
        self._blocks = tf.transpose(blocks, [0, 2, 1])

    def ranks(
        self, queries: np.ndarray, items: np.ndarray, rows: np.ndarray, left_out: np.ndarray
    ) -> np.ndarray:
        """The expected rank of an item for each query, as `expected_ranks` has it.

        The item's own score comes out of a product of the same shape as that of the others, so
        that an item with the very same vector has the very same score.

        Args:
            queries: float `[queries, width]`, QUERIES at most.
            items: the item of each query, int `[queries]`.
            rows: of the queries that have something left out, int `[pairs]`.
            left_out: what they leave out, rows of items, int `[pairs]`; a query's own item is
                ranked all the same.

        Returns:
            float64 `[queries]`, from 1.
        """
        others = left_out != items[rows]
        rows, left_out = _distinct(rows[others], left_out[others], len(self._among))
        places, edges = self._places(rows, left_out)
        signs = _signs(self._blocks, _finite(queries), self._vectors[items], places, edges)
        own, total = (part.numpy() for part in signs)
        # The padding is zeros, whose scores are 0.
        total = total + self._padding * np.sign(own)
        # Of n items, a above and l level, n + Σ sign is 2a + l. What is left out counts as below.
        there = self._columns[items] >= 0
        found = 1.0 + (len(self._items) + total - there) / 2.0
        unknown = ~self._known[items]
        if unknown.any():
            found[unknown] = self._ranks_of_unknown(items, rows, left_out)[unknown]
        return found

    def best(
        self, queries: np.ndarray, k: int, rows: np.ndarray, left_out: np.ndarray
    ) -> np.ndarray:
        """The `k` items with the highest scores for each query.

        Args:
            queries: float `[queries, width]`, QUERIES at most.
            k: how many.
            rows: as for `ranks`.
            left_out: as for `ranks`.

        Returns:
            int32 `[queries, k]`, rows of items, best first; -1 where there are no more.
        """
        places, edges = self._places(rows, left_out)
        found = _best(self._blocks, _finite(queries), places, edges, k, len(self._items)).numpy()
        items = np.append(self._items, -1).astype(np.int32)
        return items[found]

    def _places(self, rows: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in which block the scores of pairs are: `[pairs, 2]`, and where blocks begin."""
        columns = self._columns[items]
        rows, columns = rows[columns >= 0], columns[columns >= 0]
        order = np.argsort(columns, kind="stable")
        rows, columns = rows[order], columns[order]
        starts = np.arange(len(self._blocks) + 1) * self._width
        places = np.stack([rows, columns % self._width], axis=1)
        return places.astype(np.int32), np.searchsorted(columns, starts).astype(np.int32)

    def _ranks_of_unknown(
        self, items: np.ndarray, rows: np.ndarray, left_out: np.ndarray
    ) -> np.ndarray:
        """The ranks of items of which nothing is known: behind all known ones, level in turn."""
        counted = self._among[left_out]
        rows, known = rows[counted], self._known[left_out[counted]]
        above = len(self._items) - np.bincount(rows[known], minlength=len(items))
        level = (self._among & ~self._known).sum() - np.bincount(rows[~known], minlength=len(items))
        return 1.0 + above + (level - self._among[items]) / 2.0


def query_batches(num: int) -> list[slice]:
    """The batches of so many queries, QUERIES each."""
    return [slice(start, start + QUERIES) for start in range(0, num, QUERIES)]


def _finite(vectors: np.ndarray) -> np.ndarray:
    """float32, and zeros in the place of rows with what is no number."""
    vectors = np.asarray(vectors, np.float32)
    good = np.isfinite(vectors).all(axis=1, keepdims=True)
    return vectors if good.all() else np.where(good, vectors, np.float32(0.0))


def _distinct(rows: np.ndarray, items: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.unique(rows.astype(np.int64) * num + items)
    return pairs // num, pairs % num


@tf.function(input_signature=[_BLOCKS, _VECTORS, _VECTORS, _PLACES, _EDGES])
def _signs(
    blocks: tf.Tensor, queries: tf.Tensor, own: tf.Tensor, places: tf.Tensor, edges: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Each query's own score, and over all columns Σ sign(score − own score), both `[queries]`."""
    width = tf.shape(blocks)[2]
    beside = tf.pad(tf.transpose(own), [[0, 0], [0, width - tf.shape(own)[0]]])
    score = tf.linalg.diag_part(tf.matmul(queries, beside))
    total = tf.zeros([tf.shape(queries)[0]], tf.float64)
    for at in tf.range(tf.shape(blocks)[0]):
        signs = tf.sign(_scores(blocks, queries, places, edges, at) - score[:, tf.newaxis])
        total += tf.cast(tf.reduce_sum(signs, axis=1), tf.float64)
    return score, total


@tf.function(
    input_signature=[
        _BLOCKS,
        _VECTORS,
        _PLACES,
        _EDGES,
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.int32),
    ]
)
def _best(
    blocks: tf.Tensor,
    queries: tf.Tensor,
    places: tf.Tensor,
    edges: tf.Tensor,
    k: tf.Tensor,
    num_items: tf.Tensor,
) -> tf.Tensor:
    """The columns with the `k` highest scores, `[queries, k]`; -1 where there are no more."""
    num, width = tf.shape(queries)[0], tf.shape(blocks)[2]
    groups = width // _GROUP
    best, columns = tf.fill([num, k], -np.inf), tf.fill([num, k], -1)
    for at in tf.range(tf.shape(blocks)[0]):
        scores = _scores(blocks, queries, places, edges, at)
        scores = tf.where(at * width + tf.range(width) < num_items, scores, -np.inf)
        # The k best of all are in the k groups whose best are highest.
        grouped = tf.reshape(scores, [num, groups, _GROUP])
        chosen = tf.math.top_k(tf.reduce_max(grouped, axis=2), tf.minimum(k, groups)).indices
        inside = tf.gather(grouped, chosen, batch_dims=1)
        where = at * width + chosen[..., tf.newaxis] * _GROUP + tf.range(_GROUP)
        best = tf.concat([best, tf.reshape(inside, [num, -1])], axis=1)
        columns = tf.concat([columns, tf.reshape(where, [num, -1])], axis=1)
        best, order = tf.math.top_k(best, k)
        columns = tf.gather(columns, order, batch_dims=1)
    return tf.where(best > -np.inf, columns, -1)


def _scores(
    blocks: tf.Tensor, queries: tf.Tensor, places: tf.Tensor, edges: tf.Tensor, at: tf.Tensor
) -> tf.Tensor:
    """The scores of a block, −inf where something is left out, `[queries, block]`."""
    scores = tf.matmul(queries, blocks[at])
    own = places[edges[at] : edges[at + 1]]
    num = tf.shape(own)[0]
    if num > 0:
        scores = tf.tensor_scatter_nd_update(scores, own, tf.fill([num], -np.inf))
    return scores
