"""Mined negatives: what scores highest for a user of all that they did not choose."""

import numpy as np
import tensorflow as tf

from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.tasks.negatives.sampler import MinedNegatives
from tfmmrec.training.optimizer_step import OptimizerStep


class NegativeMiningCallback(tf.keras.callbacks.Callback):
    """Looks for the hardest negatives of all users every so many steps, with the weights as then.

    Xiong et al. 2021, "Approximate nearest neighbor negative contrastive learning for dense text
    retrieval" (ANCE), arXiv:2007.00808, whose index is exact here. A user is read with all that
    they chose in training, and is given none of that, nor of what training does not know. Encoders
    that are trained give what they gave after the last epoch.

    Args:
        assembly: the model that is trained, and its data.
        mined: where what is found goes.
        updates: what counts the steps.
        every: how many steps lie between.
    """

    # So that Keras does not wait for the device after each step.
    _supports_tf_logs = True

    def __init__(
        self, bundle: ModelBundle, mined: MinedNegatives, updates: OptimizerStep, every: int
    ):
        super().__init__()
        self._histories = bundle.histories
        self._scorer = Scorer(bundle.model)
        self._known = bundle.model.known.numpy()
        self._mined = mined
        self._updates = updates
        self._every = every
        self._first = self._done = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._first = self._done = int(self._updates.step.numpy())

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # Before a checkpoint is written of this step, so that it holds what was found.
        before, self._done = self._done, self._first + batch + 1
        if before // self._every < self._done // self._every:
            self._mined.rows.assign(self.find())

    def find(self) -> np.ndarray:
        """Each user's highest of what they did not choose, int32 `[users, n]`, -1 behind them."""
        found = np.full(self._mined.rows.shape, -1, np.int32)
        users = np.flatnonzero(np.diff(self._histories.offsets))
        vectors = self._scorer.item_vectors()
        for batch, scores in self._scorer.scores(vectors, self._histories, users):
            scores = np.where(self._known, scores, -np.inf)
            for row, user in enumerate(batch):
                start, stop = self._histories.offsets[user : user + 2]
                scores[row, self._histories.items[start:stop]] = -np.inf
            found[batch] = highest(scores, found.shape[1])
        return found


def highest(scores: np.ndarray, num: int) -> np.ndarray:
    """The columns of the highest scores of each row, int32 `[rows, num]`; -1 for those of −inf."""
    num_there = min(num, scores.shape[1])
    values, columns = tf.math.top_k(scores, num_there)
    columns = np.where(np.isfinite(values), columns, -1)
    return np.pad(columns, ((0, 0), (0, num - num_there)), constant_values=-1).astype(np.int32)
