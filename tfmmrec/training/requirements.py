"""What a distribution strategy requires of a model and its config."""

import tensorflow as tf

from tfmmrec.distribute.strategies import is_asynchronous
from tfmmrec.errors import ConfigError
from tfmmrec.models.bundle import ModelBundle


def check_devices(strategy: tf.distribute.Strategy, bundle: ModelBundle, batch_size: int) -> None:
    """Raises ConfigError if a strategy cannot train a model on batches of `batch_size` rows."""
    num_replicas = strategy.num_replicas_in_sync
    is_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
    if batch_size < num_replicas or (is_tpu and batch_size % num_replicas):
        raise ConfigError(
            f"batch_size: a batch of {batch_size} rows cannot be divided among {num_replicas} "
            "replicas" + (" into equal parts, as a TPU requires" if is_tpu else "")
        )
    if num_replicas > 1 and bundle.config.jit_compile:
        raise ConfigError(
            f"jit_compile: needs a single device, and there are {num_replicas}; leave it out, or "
            "use strategy one"
        )
    fine_tuned = ", ".join(bundle.model.trainable_features)
    if fine_tuned and (is_tpu or is_asynchronous(strategy)):
        name = "tpu" if is_tpu else "parameter_server"
        reason = ", which read texts and files" if is_tpu else ""
        raise ConfigError(
            f"strategy: {name} cannot fine-tune encoders{reason}; leave out finetune of "
            f"{fine_tuned}, or use another strategy"
        )
    if not is_asynchronous(strategy):
        return
    options = bundle.config.negatives
    if options.cross_batch_memory_size or options.num_mined:
        option = "cross_batch_memory_size" if options.cross_batch_memory_size else "num_mined"
        raise ConfigError(
            f"negatives: {option}: with parameter_server the workers have no common previous step; "
            "leave it out, or use another strategy"
        )
    if bundle.config.checkpoint_steps:
        raise ConfigError(
            "checkpoint_steps: with parameter_server the workers have no common step; leave it "
            "out, checkpoints are written after each epoch"
        )
