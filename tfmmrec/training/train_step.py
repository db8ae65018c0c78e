"""The step of a training: a batch's loss, its gradients, and what is made of them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.stateless_random import drawing, step_key
from tfmmrec.errors import ConfigError
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.training.gradient_norms import GradientNorms
from tfmmrec.training.optimizer_step import OptimizerStep


class Trainer(tf.keras.Model):
    """What Keras fits: it takes steps of a model, which need not know how.

    Args:
        model: what is trained.
        config: how.
        num_batches: of the whole training.

    Raises:
        ConfigError: what the config asks for does not go together.
    """

    def __init__(self, model: TwoTower, config: TrainConfig, num_batches: int):
        super().__init__()
        self.model = model
        if model.retrieval is not None:
            model.retrieval.begin_training()
        self.optimizer_step = OptimizerStep(
            model.tower_weights, list(model.trainable_features.values()), config, num_batches
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
            # Updates stay outside: what Adam does to the rows of a table has no form in XLA.
            self._gradients = tf.function(self.gradients, jit_compile=True)

    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of the towers and of each trained encoder."""
        key = step_key(self._seed, self.optimizer_step.step)
        loss, gradients = self._gradients(inputs, key, self.optimizer_step.factor)
        loss = replicas.total(loss)
        self.gradient_norms.add(gradients[0], self.optimizer_step.factor)
        self.optimizer_step.take(loss, gradients)
        return {"loss": loss}

    def gradients(
        self, inputs: Mapping[str, tf.Tensor], key: tf.Tensor, factor: tf.Tensor
    ) -> tuple[tf.Tensor, list[list[Any]]]:
        """The loss of a batch, and the gradients of `factor` times the loss.

        Of several replicas, each gives its part of both.

        Args:
            inputs: as `TwoTower.compute_loss` takes them.
            key: of what the step draws, see `step_key`.
            factor: a scalar.

        Returns:
            The loss, and the gradients by the towers' weights and by those of each encoder.
        """
        model = self.model
        with drawing(key), tf.GradientTape() as tape:
            loss = model.compute_loss(inputs, training=True)
            loss += tf.add_n([0.0, *model.losses]) / replicas.count()
            scaled = factor * loss
        encoders = [feature.weights for feature in model.trainable_features.values()]
        return loss, tape.gradient(scaled, [model.tower_weights, *encoders])


def _projections(model: TwoTower) -> dict[str, list[tf.Variable]]:
    """The weights between what encoders give and an item's vector, by feature."""
    projections = model.item_tower.projections
    if projections is None:
        return {}
    return {each.name: each.trainable_variables for each in projections.projections}
