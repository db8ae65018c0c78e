"""Evaluation on the valid split after each epoch."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.cold_start.never_chosen_scale import fit_never_chosen_scale
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.ema import ExponentialMovingAverage
from tfmmrec.training.history import TrainingHistory


class ValidationCallback(tf.keras.callbacks.Callback):
    """Evaluates the averaged weights on the valid split and finds the best epoch.

    The metrics go into the history, with `num_valid_users` if they are of drawn users, and into the
    logs as `valid_NAME`. The encodings of items are
    first computed again if their encoder is fine-tuned. Without a valid split, or if the model is
    trained on it, every epoch is the best so far.

    Args:
        bundle: the model, its data and its config.
        average: of the weights; it is evaluated, the weights themselves are trained further.
        history: gets an entry per epoch.
        keep_best: whether the weights of the best epoch are kept in memory, because there are no
            checkpoints to read them from.

    Attributes:
        item_embeddings: of all items after the last epoch, float `[items, dim]`.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        average: ExponentialMovingAverage,
        history: TrainingHistory,
        *,
        keep_best: bool,
    ):
        super().__init__()
        self.item_embeddings = np.zeros([0, 0], np.float32)
        self._bundle = bundle
        self._model = bundle.model
        self._scorer = Scorer(bundle.model)
        self._validation = Validation(bundle, self._scorer)
        self._average = average
        self._history = history
        self._keep_best = keep_best
        self._best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        for name, feature in self._model.trainable_features.items():
            feature.refresh(self._model.items.encodings[name])
        with self._average.applied():
            self.item_embeddings = fit_never_chosen_scale(
                self._bundle, self._scorer, self._scorer.item_vectors()
            )
            valid = self._same_in_all_processes(self._validation.metrics(self.item_embeddings))
            loss = float(logs.get("loss", 0.0))
            is_best = self._history.add(
                {"epoch": epoch + 1, "loss": loss, **valid, **self._validation.drawn}
            )
            if is_best and self._keep_best:
                self._best_weights = self._model.get_weights()
        # Keras passes the same dict to all callbacks; TensorBoard writes it.
        logs.update({f"valid_{name}": value for name, value in valid.items()})

    def drawn_line(self) -> str | None:
        """Says how many users the metrics are of, if not of all users of the split."""
        if not self._validation.drawn:
            return None
        return (
            f"each epoch is measured on {self._validation.drawn['num_valid_users']} of "
            f"{self._validation.num_users} users of valid, drawn by the seed (validation.max_users)"
        )

    def restore_best(self) -> None:
        """Sets the weights of the best epoch, if they are in memory."""
        if self._best_weights is not None:
            self._model.set_weights(self._best_weights)

    def _same_in_all_processes(self, valid: dict[str, float]) -> dict[str, float]:
        """The metrics of the first process.

        Other machines may round differently, but all processes must stop at the same epoch.
        """
        if not valid:
            return valid
        everywhere = gather_from_processes(
            self._model.distribute_strategy, np.array([*valid.values()])
        )
        return dict(zip(valid, everywhere[0].tolist(), strict=True))
