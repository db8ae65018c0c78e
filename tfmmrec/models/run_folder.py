"""Run folder: the weights, the config and the metrics of a training, and its data folder."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.plain_paths import plain_path
from tfmmrec.data.storage import MANIFEST, check_format, checksum, read_json, write_json
from tfmmrec.distribute.checkpoint_options import checkpoint_options
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.errors import ConfigError, DataError, one_line
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.version import __version__

RUN = "run.json"
# Raised whenever runs trained earlier can no longer be loaded.
RUN_FORMAT = 2
_WEIGHTS = "weights/model"


def save_run(folder: Path, bundle: ModelBundle, metrics: dict[str, Any]) -> None:
    """Writes the weights, then run.json, which marks the folder as complete.

    Args:
        folder: the run folder, which exists.
        bundle: the trained model.
        metrics: stored in run.json.
    """
    (folder / _WEIGHTS).parent.mkdir(exist_ok=True)
    options = checkpoint_options(bundle.model.distribute_strategy)
    tf.train.Checkpoint(model=bundle.model).write(str(folder / _WEIGHTS), options)
    write_json(
        folder / RUN,
        {
            "format": RUN_FORMAT,
            "version": __version__,
            "data": str(bundle.dataset.folder.resolve()),
            "manifest_sha256": checksum(bundle.dataset.folder / MANIFEST),
            "config": dataclasses.asdict(bundle.config),
            "encoders": {
                side: {name: encoder.describe() for name, encoder in encoders.items()}
                for side, encoders in _encoders(bundle).items()
            },
            "metrics": metrics,
        },
    )


def _encoders(bundle: ModelBundle) -> dict[str, Mapping[str, FeatureEncoder]]:
    # By entity, since items and users may have features of the same name.
    return {"items": bundle.items.encoders, "users": bundle.users.encoders}


def read_run(folder: Path) -> dict[str, Any]:
    """Reads run.json.

    Raises:
        DataError: the folder is not a run folder, or has another format.
    """
    path = Path(folder) / RUN
    if not path.is_file():
        raise DataError(f"{folder}: not a run folder (it has no {RUN}); run tfmmrec train")
    content = read_json(path)
    check_format(folder, content, "run", RUN_FORMAT, "train it again")
    return content


def load_run(folder: str | Path, *, quiet: bool = False) -> ModelBundle:
    """Loads a run: its data folder, its encoders and its trained model.

    Raises:
        DataError: the run, its data folder or an encoder is missing or has changed since training.
    """
    folder = Path(folder)
    run = read_run(folder)
    dataset = Dataset(Path(run["data"]), cache=run["config"].get("cache"))
    if checksum(dataset.folder / MANIFEST) != run["manifest_sha256"]:
        raise DataError(f"{folder}: the data in {dataset.folder} changed since; train again")
    try:
        # Mixed precision is for training; evaluation and serving use float32.
        options = {**run["config"], "quiet": quiet, "precision": "float32"}
        config = TrainConfig(**options)
    except TypeError as error:
        raise ConfigError(f"{folder}/{RUN}: config: {error}; train again") from None
    bundle = build_bundle(dataset, config)
    for side, encoders in _encoders(bundle).items():
        for name, encoder in encoders.items():
            if encoder.fingerprint != run["encoders"][side][name]["fingerprint"]:
                raise DataError(f"{folder}: the encoder of {name} changed since; train again")
    weights = Path(folder) / _WEIGHTS
    try:
        checkpoint = tf.train.Checkpoint(model=bundle.model)
        checkpoint.read(plain_path(weights)).expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        reason = one_line(error)
        raise DataError(f"{weights}: the weights cannot be read: {reason}; train again") from None
    return bundle
