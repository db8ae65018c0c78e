"""Fits the model of a bundle to its data, on the devices for which it was built."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.models.bundle import ModelBundle
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.model_training import ModelTraining
from tfmmrec.training.term_weights import ScoreWeights


def fit(
    bundle: ModelBundle,
    folder: Path | None = None,
    *,
    checkpoints: Checkpoints | None = None,
    history: list[dict[str, Any]] | None = None,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    score_weights: ScoreWeights | None = None,
) -> dict[str, Any]:
    """Fits the model of a bundle and leaves it with the weights of the best epoch.

    Args:
        bundle: the model, its data and its config.
        folder: of `history.json` and TensorBoard's logs; None writes none.
        checkpoints: the folder of checkpoints, from which the training resumes if it has some; None
            writes none.
        history: a list to which the metrics of each epoch are appended.
        callbacks: Keras callbacks that run after those of the training.
        score_weights: see `ModelTraining.finish`.

    Returns:
        The best epoch, its metrics on valid, `num_valid_users` if these are of drawn users, and the
        `seconds` of the training.

    Raises:
        ConfigError: the devices cannot train this model.
        DataError: there is nothing to train on, the loss is not finite, or the checkpoints are of
            another config.
    """
    training = ModelTraining(bundle, folder, checkpoints=checkpoints, callbacks=callbacks)
    training.train_until(bundle.config.epochs)
    training.finish(score_weights)
    if history is not None:
        history.extend(training.history.epochs)
    return training.metrics
