"""Runs trials: one training each, from hyperparameters to metrics."""

import dataclasses
import gc
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.closed_form import ClosedFormConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import read_json
from tfmmrec.distribute.strategies import use_strategy
from tfmmrec.errors import DataError, TfmmrecError, one_line
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.fit import fit
from tfmmrec.training.variants import VariantTrainer
from tfmmrec.tuning import marks
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.trial_store import PROPOSED, Record, read_record, record_path, write_record


class TrialRunner:
    """Runs trials in this process, which encodes and reads the data once.

    Args:
        dataset: the data folder.
        base: the config of the base.
        space: the search space.
        folder: of the search, shared by all processes.
        strategy: of each training.
        worker: the name of this process.
        checkpoints: of trials, from which longer trials continue; None writes none.
    """

    def __init__(
        self,
        dataset: Dataset,
        base: TrainConfig,
        space: Space,
        folder: Path,
        *,
        strategy: tf.distribute.Strategy,
        worker: str,
        checkpoints: Checkpoints | None,
    ):
        self._dataset = dataset
        self._base = base
        self._space = space
        self._folder = folder
        self._strategy = strategy
        self._worker = worker
        self._checkpoints = checkpoints
        self._trainers: dict[str, VariantTrainer] = {}

    def run(self, trial: int, values: Mapping[str, Any]) -> Record:
        """Runs a trial and writes its record, unless the trial has a record already.

        Args:
            trial: its number.
            values: of its hyperparameters, with the marks of the oracle.

        Returns:
            The record; with `error` if the training failed.
        """
        known = read_record(self._folder, trial, values)
        if known is not None:
            return known
        started = time.time()
        record: Record = {
            "trial": trial,
            "stage": _stage(values),
            "rerun_of": values.get(marks.RERUN_OF),
            "seed": values.get(marks.SEED, self._base.seed),
            "values": self._hyperparameters(values),
        }
        try:
            record |= self._train(trial, values)
        # The search continues after any error of a trial, such as a lack of memory.
        except Exception as error:
            record["error"] = _describe_error(error)
        # Models have reference cycles, and hundreds of them do not fit into memory.
        gc.collect()
        ended = time.time()
        seconds = {**record.get("seconds", {}), "total": round(ended - started, 2)}
        record |= {"seconds": seconds, "started": started, "ended": ended, "worker": self._worker}
        record[PROPOSED] = dict(values)
        known = read_record(self._folder, trial, values)
        if known is not None and "error" in record:
            # Another worker has run it in the meantime, because this one counted as lost.
            return known
        write_record(self._folder, record)
        return record

    def _hyperparameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if marks.BASE in values:
            return self._space.base_values
        return self._space.active(marks.without_marks(dict(values)))

    def _train(self, trial: int, values: Mapping[str, Any]) -> Record:
        config = config_of(self._base, self._space, values)
        # Terms in closed form are fitted to valid after a training, which is what trials compare.
        config = dataclasses.replace(config, closed_form=ClosedFormConfig(dim=0))
        history: list[dict[str, Any]] = []
        with use_strategy(self._strategy):
            bundle = self._trainer(config).build_bundle(config)
        checkpoints = self._own_checkpoints(trial, values, config)
        metrics = fit(bundle, checkpoints=checkpoints, history=history)
        training = metrics.pop("seconds")
        objective = config.objective_spec.name
        if not math.isfinite(metrics.get(objective, math.nan)):
            raise DataError(f"{objective} is not finite. Received: {metrics.get(objective)}")
        record: Record = {
            "metrics": metrics,
            "history": history,
            "weights": _weights(bundle),
            "seconds": {"training": training},
        }
        # Only reruns are compared in the end.
        if marks.RERUN_OF in values:
            record["jackknife"] = _jackknife(bundle, objective)
        return record

    def _trainer(self, config: TrainConfig) -> VariantTrainer:
        """The trainer for the encoders of a config, whose outputs are read once."""
        key = str([config.encoders, config.pca_dim])
        if key not in self._trainers:
            whole = dataclasses.replace(
                self._base, encoders=config.encoders, pca_dim=config.pca_dim
            )
            self._trainers[key] = VariantTrainer(self._dataset, whole)
        return self._trainers[key]

    def _own_checkpoints(
        self, trial: int, values: Mapping[str, Any], config: TrainConfig
    ) -> Checkpoints | None:
        """The checkpoints of a trial, which start as those of the trial that it continues."""
        if self._checkpoints is None or marks.RERUN_OF in values:
            return None
        own = self._checkpoints.subfolder(_folder(trial, self._worker))
        # A killed worker may have left some.
        own.clear()
        parent = values.get(marks.PARENT)
        # A learning rate that decays until the end of a training differs in a longer one.
        if parent is not None and not config.optimizer.depends_on_num_steps:
            record = read_json(record_path(self._folder, int(parent)))
            own.copy_from(self._checkpoints.subfolder(_folder(int(parent), record["worker"])))
        return own


def _folder(trial: int, worker: str) -> str:
    # Another worker may run the same trial, if this one counts as lost.
    return f"{trial:04d}-{worker}"


def config_of(base: TrainConfig, space: Space, values: Mapping[str, Any]) -> TrainConfig:
    """The config of a trial.

    Args:
        base: the config of the base.
        space: the search space.
        values: of the hyperparameters, with marks.
    """
    active = space.active(marks.without_marks(dict(values)))
    config = base if marks.BASE in values else space.config(active)
    seed = values.get(marks.SEED, config.seed)
    epochs = values.get(marks.EPOCHS, config.epochs)
    return dataclasses.replace(config, seed=seed, epochs=epochs)


def _stage(values: Mapping[str, Any]) -> str:
    if marks.RERUN_OF in values:
        return "rerun"
    return "base" if marks.BASE in values else "search"


def _weights(bundle: ModelBundle) -> dict[str, float] | None:
    """The weights of the features, if the fusion has weights that are the same for all items."""
    fusion = bundle.model.item_tower.fusion
    if not hasattr(fusion, "current_weights"):
        return None
    weights = fusion.current_weights().numpy().tolist()
    return dict(zip(fusion.names, weights, strict=True))


def _jackknife(bundle: ModelBundle, objective: str) -> list[float]:
    """The objective on valid without each of some groups of users."""
    scorer = Scorer(bundle.model)
    validation = Validation(bundle, scorer)
    groups = validation.without_groups(validation.predict(scorer.item_vectors()))
    return [group[objective] for group in groups]


def _describe_error(error: Exception) -> str:
    text = one_line(error)
    return text if isinstance(error, TfmmrecError) else f"{type(error).__name__}: {text}"
