"""The callbacks of a training and their order."""

import tensorflow as tf

from tests.distribute.worlds import config
from tfmmrec.models.bundle import build_bundle
from tfmmrec.training.batches import create_batches
from tfmmrec.training.callbacks import TrainingCallbacks
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.history import TrainingHistory
from tfmmrec.training.train_step import Trainer


def names(callbacks: list) -> list[str]:
    return [type(callback).__name__ for callback in callbacks]


def test_the_order_of_callbacks(small, tmp_path) -> None:
    given = config(negatives={"num_mined": 1, "mining_top_k": 4, "mining_interval": 3})
    bundle = build_bundle(small, given)
    steps = create_batches(bundle).steps_per_epoch
    trainer = Trainer(bundle.model, given, steps)
    history, mine = TrainingHistory(given.objective_spec), tf.keras.callbacks.Callback()
    options = {"steps_per_epoch": steps, "others": [mine]}
    whole = TrainingCallbacks(
        bundle,
        trainer,
        history,
        folder=tmp_path,
        checkpoints=Checkpoints(tmp_path / "checkpoints"),
        **options,
    )
    callbacks = whole.in_order(initial_step=2)
    assert names(callbacks) == [
        "NegativeMiningCallback",
        "FiniteCheck",
        "ValidationCallback",
        "DiagnosticsCallback",
        "CheckpointCallback",
        "ProgressBar",
        "EarlyStopping",
        "TensorBoard",
        "Callback",
    ]
    assert callbacks[-1] is mine
    # Keras waits for the device after each step if one of these has not set it.
    assert all(
        callback._supports_tf_logs
        for callback in callbacks[:-1]
        if callback._implements_train_batch_hooks()
    )
    assert [callbacks[place].initial_step for place in (1, 4, 5)] == [2, 2, 2]
    in_memory = TrainingCallbacks(
        bundle, trainer, history, folder=None, checkpoints=None, **options
    )
    assert {"CheckpointCallback", "TensorBoard"}.isdisjoint(names(in_memory.in_order()))
    assert in_memory.restore() == (0, 0) and not in_memory.is_over()
