"""Ranks and top items by dot products, computed for one block of the catalog at a time."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import ranges

# Queries that are multiplied at a time.
QUERIES = 512
# Adjacent items in a group: top-k first compares the maxima of the groups.
_GROUP = 16

_VECTORS = tf.TensorSpec([None, None], tf.float32)
_BLOCKS = tf.TensorSpec([None, None, None], tf.float32)
_POSITIONS = tf.TensorSpec([None, 2], tf.int32)
_VALUES = tf.TensorSpec([None], tf.float32)
_OFFSETS = tf.TensorSpec([None], tf.int32)


@dataclasses.dataclass(frozen=True)
class AddedScores:
    """What is added to the dot products of some pairs of a query and an item.

    Attributes:
        rows: of the queries, int `[pairs]`.
        items: rows of the items, int `[pairs]`; no pair occurs twice.
        values: what is added, float32 `[pairs]`.
    """

    rows: np.ndarray
    items: np.ndarray
    values: np.ndarray

    @classmethod
    def none(cls) -> "AddedScores":
        """Nothing is added."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

    @classmethod
    def of(cls, items: Any, values: Any) -> "AddedScores":
        """What is added for the items of a table.

        Args:
            items: int32 `[queries, n]`, rows of items, -1 for padding.
            values: float32 `[queries, n]`; an item that occurs twice in a row has one that is not
                0.
        """
        items, values = np.asarray(items), np.asarray(values)
        rows, places = np.nonzero((items >= 0) & (values != 0.0))
        return cls(rows, items[rows, places], values[rows, places])

    def of_queries(self, queries: np.ndarray) -> "AddedScores":
        """What is added for some queries, any of which may be given several times.

        Args:
            queries: int `[n]`; the rows of the result are indices of it.
        """
        order = np.argsort(self.rows, kind="stable")
        bounds = (np.searchsorted(self.rows[order], queries, side) for side in ("left", "right"))
        rows, places = ranges(*bounds)
        pairs = order[places]
        return AddedScores(rows, self.items[pairs], self.values[pairs])


class ItemBlocks:
    """The item embeddings of a catalog in blocks, for ranking.

    It needs the memory of a second copy of the embeddings and of the scores of one block. It runs
    on the device that TensorFlow selects: a GPU if there is one.

    Args:
        vectors: float `[items, width]`. An item that cannot be scored has zeros, or a value that is
            not finite, and ranks after all others.
        candidate_mask: bool `[items]`, the items that are ranked.
        block_size: number of items that are multiplied at a time (default 2048, which is fastest
            for `ranks`; the float32 scores of 512 queries take 4 MB). Larger blocks are faster for
            `best` with a large k.
    """

    def __init__(self, vectors: np.ndarray, candidate_mask: np.ndarray, *, block_size: int = 2048):
        self._vectors = _finite(vectors)
        self._candidate_mask = candidate_mask
        self._scorable = self._vectors.any(axis=1)
        self._items = np.flatnonzero(candidate_mask & self._scorable)
        self._columns = np.full(len(candidate_mask), -1, np.int32)
        self._columns[self._items] = np.arange(len(self._items))
        # At least as wide as a batch of queries: the target items are multiplied in this shape too.
        steps = max(1, -(-min(len(self._items), block_size) // QUERIES))
        self._width = steps * QUERIES
        num_blocks = max(1, -(-len(self._items) // self._width))
        self._padding = num_blocks * self._width - len(self._items)
        padded = tf.pad(self._vectors[self._items], [[0, self._padding], [0, 0]])
        blocks = tf.reshape(padded, [num_blocks, self._width, vectors.shape[1]])
        self._blocks = tf.transpose(blocks, [0, 2, 1])

    def ranks(
        self,
        queries: np.ndarray,
        items: np.ndarray,
        rows: np.ndarray,
        excluded: np.ndarray,
        added: AddedScores | None = None,
    ) -> np.ndarray:
        """Computes the expected rank of the target item of each query, as `expected_ranks` does.

        The target's score is computed by a product of the same shape as the others, so that an item
        with exactly the same embedding has exactly the same score.

        Args:
            queries: float `[queries, width]`, at most QUERIES.
            items: the target item of each query, int `[queries]`.
            rows: of the queries of (query, excluded item) pairs, int `[pairs]`.
            excluded: rows of the excluded items, int `[pairs]`. A target item is always ranked.
            added: to the dot products (default: nothing).

        Returns:
            float64 `[queries]`, from 1.
        """
        others = excluded != items[rows]
        rows, excluded = _distinct(rows[others], excluded[others], len(self._candidate_mask))
        added = added or AddedScores.none()
        of_targets, is_target = np.zeros(len(items), np.float32), added.items == items[added.rows]
        of_targets[added.rows[is_target]] = added.values[is_target]
        signs = _signs(
            self._blocks,
            _finite(queries),
            self._vectors[items],
            of_targets,
            *self._changes(rows, excluded, added),
        )
        own, total = (part.numpy() for part in signs)
        # The padding is zeros, with scores of 0.
        total = total + self._padding * np.sign(own)
        # With a items above, t tied and S = Σ sign, n + S = 2a + t. Excluded items count as below.
        is_candidate = self._columns[items] >= 0
        found = 1.0 + (len(self._items) + total - is_candidate) / 2.0
        unscorable = ~self._scorable[items]
        if unscorable.any():
            found[unscorable] = self._ranks_of_unscorable(items, rows, excluded)[unscorable]
        return found

    def best(
        self,
        queries: np.ndarray,
        k: int,
        rows: np.ndarray,
        excluded: np.ndarray,
        added: AddedScores | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the `k` items with the highest scores for each query.

        Args:
            queries: float `[queries, width]`, at most QUERIES.
            k: number of items per query.
            rows: as for `ranks`.
            excluded: as for `ranks`.
            added: as for `ranks`.

        Returns:
            Rows of items, int32 `[queries, k]`, best first and those with the same score in the
            order of rows, -1 after the last candidate; and their scores, float32 `[queries, k]`,
            −inf after the last candidate.
        """
        changes = self._changes(rows, excluded, added or AddedScores.none())
        best = _best(self._blocks, _finite(queries), *changes, k, len(self._items))
        columns, scores = (part.numpy() for part in best)
        items = np.append(self._items, -1).astype(np.int32)
        return items[columns], scores

    def _changes(
        self, rows: np.ndarray, excluded: np.ndarray, added: AddedScores
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is added to the scores of pairs, −inf for excluded ones.

        Returns:
            The (query, column in block) of the pairs, int32 `[pairs, 2]`; what is added to each,
            float32 `[pairs]`; and the offsets of the blocks.
        """
        columns = self._columns[np.concatenate([excluded, added.items])]
        rows = np.concatenate([rows, added.rows])
        values = np.full(len(rows), -np.inf, np.float32)
        values[len(excluded) :] = added.values
        order = np.argsort(columns, kind="stable")
        order = order[np.searchsorted(columns[order], 0) :]  # -1 is no candidate
        rows, columns, values = rows[order], columns[order], values[order]
        starts = np.arange(len(self._blocks) + 1) * self._width
        positions = np.stack([rows, columns % self._width], axis=1).astype(np.int32)
        return positions, values, np.searchsorted(columns, starts).astype(np.int32)

    def _ranks_of_unscorable(
        self, items: np.ndarray, rows: np.ndarray, excluded: np.ndarray
    ) -> np.ndarray:
        """The ranks of items that cannot be scored: after all others, and tied with each other."""
        counted = self._candidate_mask[excluded]
        rows, scorable = rows[counted], self._scorable[excluded[counted]]
        above = len(self._items) - np.bincount(rows[scorable], minlength=len(items))
        tied = (self._candidate_mask & ~self._scorable).sum() - np.bincount(
            rows[~scorable], minlength=len(items)
        )
        return 1.0 + above + (tied - self._candidate_mask[items]) / 2.0


def query_batches(num: int) -> list[slice]:
    """Slices of at most QUERIES queries."""
    return [slice(start, start + QUERIES) for start in range(0, num, QUERIES)]


def _finite(vectors: np.ndarray) -> np.ndarray:
    """Converts to float32; a row with a value that is not finite becomes zeros."""
    vectors = np.asarray(vectors, np.float32)
    good = np.isfinite(vectors).all(axis=1, keepdims=True)
    return vectors if good.all() else np.where(good, vectors, np.float32(0.0))


def _distinct(rows: np.ndarray, items: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.unique(rows.astype(np.int64) * num + items)
    return pairs // num, pairs % num


@tf.function(input_signature=[_BLOCKS, _VECTORS, _VECTORS, _VALUES, _POSITIONS, _VALUES, _OFFSETS])
def _signs(
    blocks: tf.Tensor,
    queries: tf.Tensor,
    own: tf.Tensor,
    own_added: tf.Tensor,
    positions: tf.Tensor,
    added: tf.Tensor,
    offsets: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The target's score, and Σ sign(score − target's score) over all columns; `[queries]` both."""
    width = tf.shape(blocks)[2]
    padded = tf.pad(tf.transpose(own), [[0, 0], [0, width - tf.shape(own)[0]]])
    score = tf.linalg.diag_part(tf.matmul(queries, padded)) + own_added
    total = tf.zeros([tf.shape(queries)[0]], tf.float64)
    for at in tf.range(tf.shape(blocks)[0]):
        scores = _scores(blocks, queries, positions, added, offsets, at)
        signs = tf.sign(scores - score[:, tf.newaxis])
        total += tf.cast(tf.reduce_sum(signs, axis=1), tf.float64)
    return score, total


@tf.function(
    input_signature=[
        _BLOCKS,
        _VECTORS,
        _POSITIONS,
        _VALUES,
        _OFFSETS,
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.int32),
    ]
)
def _best(
    blocks: tf.Tensor,
    queries: tf.Tensor,
    positions: tf.Tensor,
    added: tf.Tensor,
    offsets: tf.Tensor,
    k: tf.Tensor,
    num_items: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The columns with the `k` highest scores, -1 after the last candidate, and these scores.

    Both are `[queries, k]`, highest first. Of equal scores, that of the lower column comes first,
    as in `tf.math.top_k`.
    """
    num, width = tf.shape(queries)[0], tf.shape(blocks)[2]
    groups = width // _GROUP
    best, columns = tf.fill([num, k], -np.inf), tf.fill([num, k], -1)
    for at in tf.range(tf.shape(blocks)[0]):
        scores = _scores(blocks, queries, positions, added, offsets, at)
        if (at + 1) * width > num_items:  # the last block has padding
            scores = tf.where(at * width + tf.range(width) < num_items, scores, -np.inf)
        # The top k items are in the k groups with the highest maxima, and better than the last of
        # the items found so far: in later blocks, few groups have one.
        grouped = tf.reshape(scores, [num, groups, _GROUP])
        highest = tf.reduce_max(grouped, axis=2)
        better = tf.reduce_sum(tf.cast(highest > best[:, -1:], tf.int32), axis=1)  # [queries]
        num_groups = tf.minimum(tf.reduce_max(better), tf.minimum(k, groups))
        if num_groups > 0:
            # In the order of columns, which decides between equal scores.
            best_groups = tf.sort(tf.math.top_k(highest, num_groups).indices, axis=1)
            inside = tf.gather(grouped, best_groups, batch_dims=1)
            where = at * width + best_groups[..., tf.newaxis] * _GROUP + tf.range(_GROUP)
            both = tf.concat([best, tf.reshape(inside, [num, -1])], axis=1)
            where = tf.concat([columns, tf.reshape(where, [num, -1])], axis=1)
            best, order = tf.math.top_k(both, k)
            columns = tf.gather(where, order, batch_dims=1)
    return tf.where(best > -np.inf, columns, -1), best


def _scores(
    blocks: tf.Tensor,
    queries: tf.Tensor,
    positions: tf.Tensor,
    added: tf.Tensor,
    offsets: tf.Tensor,
    at: tf.Tensor,
) -> tf.Tensor:
    """The scores of a block, −inf for excluded items, `[queries, block]`."""
    scores = tf.matmul(queries, blocks[at])
    own = slice(offsets[at], offsets[at + 1])
    # In place, as nothing else reads the product.
    return tf.tensor_scatter_nd_add(scores, positions[own], added[own])
