"""The training step: loss, gradients and optimizer step of a batch."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.stateless_random import step_key, use_key
from tfmmrec.errors import ConfigError
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.training.gradient_norms import GradientNorms
from tfmmrec.training.optimizer_step import OptimizerStep


class Trainer(tf.keras.Model):
    """The Keras model that `fit` trains: it wraps a model and takes its training steps.

    Args:
        model: the model to train.
        config: of the training.
        num_batches: of the whole training.

    Attributes:
        optimizer_step: applies the gradients.
        gradient_norms: of the projections of the item features.

    Raises:
        ConfigError: `jit_compile` with fine-tuned encoders.
    """

    def __init__(self, model: TwoTower, config: TrainConfig, num_batches: int):
        super().__init__()
        self.model = model
        if model.retrieval is not None:
            model.retrieval.begin_training()
        self.optimizer_step = OptimizerStep(
            model.tower_weights,
            list(model.trainable_features.values()),
            config,
            num_batches,
            tables=model.tables,
        )
        self.gradient_norms = GradientNorms(_projections(model), model.tower_weights)
        self._seed = config.seed
        self._gradients = self.gradients
        if config.jit_compile:
            if model.trainable_features:
                raise ConfigError(
                    "jit_compile: the encoders that finetune trains read texts and files, which "
                    "XLA does not; leave one of the two out"
                )
            # The optimizer stays outside: XLA has no form of Adam's sparse update.
            self._gradients = tf.function(self.gradients, jit_compile=True)

    # No Python branch or loop of a step depends on a tensor; to convert its code takes seconds.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Takes one step of the towers and of each fine-tuned encoder."""
        key = step_key(self._seed, self.optimizer_step.step)
        loss, gradients = self._gradients(inputs, key, self.optimizer_step.factor)
        loss = replicas.all_reduce_sum(loss)
        self.gradient_norms.add(gradients[0], self.optimizer_step.factor)
        self.optimizer_step.apply_gradients(loss, gradients)
        return {"loss": loss}

    def gradients(
        self, inputs: Mapping[str, tf.Tensor], key: tf.Tensor, factor: tf.Tensor
    ) -> tuple[tf.Tensor, list[list[Any]]]:
        """The loss of a batch, and the gradients of `factor` times the loss.

        Each of several replicas computes its part of both.

        Args:
            inputs: see `TwoTower.compute_loss`.
            key: of the step's random numbers, see `step_key`.
            factor: the loss scale, a scalar.

        Returns:
            The loss, and the gradients of the towers' weights and of each encoder's.
        """
        model = self.model
        with use_key(key), tf.GradientTape() as tape:
            loss = model.compute_loss(inputs, training=True)
            loss += tf.add_n([0.0, *model.losses]) / replicas.num_replicas()
            scaled = factor * loss
        encoders = [feature.weights for feature in model.trainable_features.values()]
        return loss, tape.gradient(scaled, [model.tower_weights, *encoders])


def _projections(model: TwoTower) -> dict[str, list[tf.Variable]]:
    """The weights that project the encodings of each item feature, by feature."""
    projections = model.item_tower.projections
    if projections is None:
        return {}
    return {name: each.trainable_variables for name, each in projections.by_feature.items()}
