"""Trials in TensorBoard's HParams dashboard."""

from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api

from tfmmrec.tuning.trial_store import Record

FOLDER = "tensorboard"


def hparams_path(folder: Path, record: Record) -> Path:
    """The folder of a trial's TensorBoard logs in the folder of a search."""
    return folder / FOLDER / f"trial-{record['trial']:04d}"


def write_hparams(folder: Path, record: Record) -> None:
    """Writes hyperparameters, metrics and epochs of a trial for `tensorboard --logdir`.

    Args:
        folder: of the search.
        record: of a trial that finished.
    """
    path = hparams_path(folder, record)
    values = {**record["values"], "stage": record["stage"], "seed": record["seed"]}
    writer = tf.summary.create_file_writer(str(path))
    with writer.as_default():
        api.hparams(values, trial_id=path.name)
        for entry in record["history"]:
            for metric, value in entry.items():
                if metric != "epoch":
                    tf.summary.scalar(f"epoch/{metric}", value, step=entry["epoch"])
        for metric, value in record["metrics"].items():
            if metric != "epoch":
                tf.summary.scalar(f"best/{metric}", value, step=0)
    writer.close()
