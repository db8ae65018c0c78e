"""Negative mining: the items that score highest for each user, without the user's own."""

import numpy as np
import tensorflow as tf

from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.tasks.negatives.mined_negatives import MinedNegatives
from tfmmrec.training.optimizer_step import OptimizerStep


class NegativeMiningCallback(tf.keras.callbacks.Callback):
    """Mines the hardest negatives of all users at regular intervals, with the current weights.

    Xiong et al. 2021, "Approximate nearest neighbor negative contrastive learning for dense text
    retrieval" (ANCE), arXiv:2007.00808; here the index is exact. The query of a user has all
    training events as its history. Neither items of that history nor items without training events
    are mined. Encodings of fine-tuned encoders are those of the last epoch.

    Args:
        bundle: the model, its data and its config.
        mined: the buffer to fill.
        optimizer_step: counts the steps.
        interval: number of steps from one mining to the next.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        mined: MinedNegatives,
        optimizer_step: OptimizerStep,
        interval: int,
    ):
        super().__init__()
        # Private: see `StepCallback`.
        self._supports_tf_logs = True
        self._histories = bundle.histories
        self._scorer = Scorer(bundle.model)
        self._known = bundle.model.known.numpy()
        self._mined = mined
        self._optimizer_step = optimizer_step
        self._interval = interval
        self._first = self._done = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._first = self._done = int(self._optimizer_step.step.numpy())

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        previous, self._done = self._done, self._first + batch + 1
        if previous // self._interval < self._done // self._interval:
            self._mined.rows.assign(self.mine())

    def mine(self) -> np.ndarray:
        """The items of highest score for each user, int32 `[users, n]`, padded with -1."""
        mined = np.full(self._mined.rows.shape, -1, np.int32)
        users = np.flatnonzero(np.diff(self._histories.offsets))
        vectors = self._scorer.item_vectors()
        for batch, scores in self._scorer.scores(vectors, self._histories, users):
            scores = np.where(self._known, scores, -np.inf)
            for row, user in enumerate(batch):
                start, stop = self._histories.offsets[user : user + 2]
                scores[row, self._histories.items[start:stop]] = -np.inf
            mined[batch] = highest(scores, mined.shape[1])
        return mined


def highest(scores: np.ndarray, num: int) -> np.ndarray:
    """The columns of the highest scores of each row, int32 `[rows, num]`; -1 for those of −inf."""
    num_columns = min(num, scores.shape[1])
    values, columns = tf.math.top_k(scores, num_columns)
    columns = np.where(np.isfinite(values), columns, -1)
    padding = ((0, 0), (0, num - num_columns))
    return np.pad(columns, padding, constant_values=-1).astype(np.int32)
