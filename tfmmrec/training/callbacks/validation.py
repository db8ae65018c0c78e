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
        in_race: whether the history also gets the objective without groups of users.

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
        in_race: bool = False,
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
        self._in_race = in_race
        self._best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        for name, feature in self._model.trainable_features.items():
            feature.refresh(self._model.items.encodings[name])
        with self._average.applied():
            self.item_embeddings = fit_never_chosen_scale(
                self._bundle, self._scorer, self._scorer.item_vectors()
            )
            valid, without_groups = self._measure()
            loss = float(logs.get("loss", 0.0))
            entry = {"epoch": epoch + 1, "loss": loss, **valid, **self._validation.drawn}
            is_best = self._history.add(entry, without_groups)
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

    def _measure(self) -> tuple[dict[str, float], list[float]]:
        """The metrics of the first process, and its objective without each group of users.

        Other machines may round differently, but all processes must stop at the same epoch.
        """
        predicted = self._validation.predict(self.item_embeddings)
        valid, groups = self._validation.measure(predicted), []
        if not valid:
            return valid, []
        if self._in_race:
            objective = self._history.objective.name
            groups = [each[objective] for each in self._validation.without_groups(predicted)]
        everywhere = gather_from_processes(
            self._model.distribute_strategy, np.array([*valid.values(), *groups])
        )
        first = everywhere[0].tolist()
        return dict(zip(valid, first, strict=False)), first[len(valid) :]
