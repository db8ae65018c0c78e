"""The best items of many users, in batches whose scores fit into memory."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfmmrec.data.packing.parallel import map_in_order
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.item_blocks import QUERIES, AddedScores, ItemBlocks
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.serving.user_inputs import table_of

# The inputs of some users, and for each the rows of items that are left out.
UserBatch = tuple[UserInputs, Sequence[np.ndarray]]

# Users whose whole catalog is scored at a time, and the maximum number of their scores, 64 MB.
_USERS, _MAX_SCORES = 256, 2**24
# Items that are multiplied at a time, and the longest lists that are merged block by block.
BLOCK_SIZE, _MAX_K = 8192, 1000


class BatchRanker:
    """Finds the best items of users, as `ServingModel.recommend_encoded` does.

    For many users, the catalog is multiplied in blocks with a running top k, so that the memory
    does not grow with users x items, several batches at a time. Where scores are no dot products,
    and for very long lists, fewer users of a larger catalog are scored at a time.

    Args:
        serving_model: of the run.
        item_ids: the ids of the items by row.
        num_users: number of users, of all batches.
        k: number of items per user.
        mask: bool `[items]`, the items that may be recommended (default all).

    Attributes:
        batch_size: the maximum number of users in a batch.
    """

    def __init__(
        self,
        serving_model: ServingModel,
        item_ids: Sequence[str],
        *,
        num_users: int,
        k: int,
        mask: np.ndarray | None = None,
    ):
        self._serving_model = serving_model
        self._item_ids = item_ids
        self._k = k
        self._mask = mask
        num_items = len(item_ids)
        self._in_blocks = (
            serving_model.model.scores_by_product
            and num_users * num_items > _MAX_SCORES
            and k <= _MAX_K
        )
        self.batch_size = min(_USERS, max(1, _MAX_SCORES // num_items))
        if self._in_blocks:
            self.batch_size = QUERIES

    def rank(self, batches: Iterable[UserBatch]) -> Iterator[tuple[list[str], list[float]]]:
        """Yields the ids of the best items of each user and their scores, highest first."""
        return self._rank_in_blocks(batches) if self._in_blocks else self._rank_whole(batches)

    def _rank_whole(self, batches: Iterable[UserBatch]) -> Iterator[tuple[list[str], list[float]]]:
        for inputs, left_out in batches:
            excluded = table_of([np.asarray(own, np.int32) for own in left_out], np.int32, -1)
            k = tf.fill([len(left_out)], self._k)
            best = self._serving_model.recommend_encoded(inputs, excluded, k, self._mask)
            items, scores = (part.numpy() for part in best)
            for ids, own, valid in zip(items, scores, items != b"", strict=True):
                yield [name.decode() for name in ids[valid]], own[valid].tolist()

    def _rank_in_blocks(
        self, batches: Iterable[UserBatch]
    ) -> Iterator[tuple[list[str], list[float]]]:
        model, index = self._serving_model.model, self._serving_model.item_index
        repeat_term = model.repeat_term
        mask = np.ones(len(self._item_ids), bool) if self._mask is None else self._mask
        blocks = ItemBlocks(index.embeddings.numpy(), mask, block_size=BLOCK_SIZE)

        def embed(batch: UserBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray, AddedScores]:
            """The queries, the pairs of a query and an excluded item, and what is added."""
            inputs, left_out = batch
            rows = np.repeat(np.arange(len(left_out)), [len(own) for own in left_out])
            queries = model.query_vectors(index, inputs).numpy()
            added = AddedScores.none()
            if repeat_term is not None:
                added = AddedScores.of(inputs.history, repeat_term.added(inputs.history))
            return queries, rows, np.concatenate(left_out).astype(np.int64), added

        def best(
            embedded: tuple[np.ndarray, np.ndarray, np.ndarray, AddedScores],
        ) -> tuple[np.ndarray, np.ndarray]:
            queries, rows, excluded, added = embedded
            return blocks.best(queries, self._k, rows, excluded, added)

        # Users are embedded while others are ranked.
        for items, scores in map_in_order(best, map(embed, batches), items_per_task=1):
            for rows, own, valid in zip(items, scores, items >= 0, strict=True):
                yield [self._item_ids[row] for row in rows[valid]], own[valid].tolist()
