"""Watches a training: evaluates after each epoch, keeps the best, goes on after a stop."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tfmmrec.assembly import Assembly
from tfmmrec.errors import DataError
from tfmmrec.evaluation.validation import Validation
from tfmmrec.folders import read_json, write_json
from tfmmrec.objective import objective_of
from tfmmrec.weight_average import WeightAverage


class Watch(tf.keras.callbacks.Callback):
    """Evaluates after each epoch, keeps the last and the best checkpoint, stops in time.

    Where there is no valid split, or the model is trained on it, every epoch is the best so far.

    Args:
        assembly: the model that is trained, its data and config.
        steps: of an epoch.
        folder: where checkpoints and the history go; None keeps the best weights in memory.
    """

    def __init__(self, assembly: Assembly, steps: int, folder: Path | None):
        super().__init__()
        self.assembly = assembly
        self.config = assembly.config
        self.steps = steps
        self.folder = folder
        self.best: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self._best_weights: list[np.ndarray] | None = None
        self._average = WeightAverage(assembly.model.tower_weights, self.config.average)
        self._validation = Validation(assembly)
        self._objective = objective_of(self.config.task)
        self._progress: tqdm.tqdm | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        disable = True if self.config.quiet else None
        self._progress = tqdm.tqdm(
            total=self.steps, desc=f"epoch {epoch + 1}", unit="step", disable=disable
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._average.update()
        if self._progress is not None:
            self._progress.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        if not np.isfinite(logs.get("loss", 0.0)):
            raise DataError(
                f"the loss became {logs['loss']} in epoch {epoch + 1}; "
                f"lower learning_rate (now {self.config.learning_rate})"
            )
        self.assembly.model.refresh()
        # What is evaluated and kept is the average; what is trained on is not.
        self._average.swap()
        valid = self._validation.metrics()
        # Keras hands the same dict to the callbacks that follow: TensorBoard logs it all.
        logs.update({f"valid_{name}": value for name, value in valid.items()})
        entry = {"epoch": epoch + 1, "loss": float(logs.get("loss", 0.0)), **valid}
        self.history.append(entry)
        worth = self._objective.worth
        if self._objective.name not in valid or worth(valid) > worth(self.best):
            self.best = entry
            self._keep_best()
        self._average.swap()
        self._save()
        if self._progress is not None:
            self._progress.set_postfix({"loss": entry["loss"], **self._shown(valid)})
            self._progress.close()
        if self.is_done():
            self.model.stop_training = True

    def is_done(self) -> bool:
        """Whether the valid metric has not risen for the epochs of the patience."""
        return bool(self.history) and (
            self.history[-1]["epoch"] - self.best["epoch"] >= self.config.patience
        )

    def restore(self) -> int:
        """Restores the last whole epoch where there is one; returns the epoch to go on with."""
        if self.folder is None or not (self.folder / "checkpoints/state.json").is_file():
            return 0
        state = read_json(self.folder / "checkpoints/state.json")
        if state["fingerprint"] != self._fingerprint():
            raise DataError(
                f"{self.folder}: was trained with another config or other data; "
                "remove it to train anew"
            )
        self.history, self.best = state["history"], state["best"]
        # The optimizer makes its slots when it first steps; restored values wait for that.
        self._checkpoint().read(str(self.folder / f"checkpoints/epoch-{state['epoch']}"))
        return state["epoch"]

    def restore_best(self) -> None:
        """Gives the model the weights of its best epoch."""
        if self._best_weights is not None:
            self.assembly.model.set_weights(self._best_weights)
        elif self.folder is not None and self.best:
            path = str(self.folder / f"checkpoints/epoch-{self.best['epoch']}")
            self._checkpoint().read(path).expect_partial()
            self._average.swap()

    def _keep_best(self) -> None:
        if self.folder is None:
            self._best_weights = self.assembly.model.get_weights()

    def _save(self) -> None:
        """Writes the checkpoint, then the state that names it, then drops what is older."""
        if self.folder is None:
            return
        epoch = self.history[-1]["epoch"]
        folder = self.folder / "checkpoints"
        folder.mkdir(parents=True, exist_ok=True)
        self._checkpoint().write(str(folder / f"epoch-{epoch}"))
        state = {
            "epoch": epoch,
            "best": self.best,
            "history": self.history,
            "fingerprint": self._fingerprint(),
        }
        write_json(folder / "state.json.new", state)
        (folder / "state.json.new").rename(folder / "state.json")
        write_json(self.folder / "history.json", self.history)
        kept = {f"epoch-{epoch}", f"epoch-{self.best['epoch']}"}
        for path in folder.glob("epoch-*"):
            if path.name.split(".")[0] not in kept:
                path.unlink()

    def _checkpoint(self) -> tf.train.Checkpoint:
        model = self.assembly.model
        return tf.train.Checkpoint(model=model, optimizer=model.optimizer, average=self._average)

    def _fingerprint(self) -> str:
        """Names what must be the same for a checkpoint to be of use: all but how long and where."""
        config = {
            name: value
            for name, value in vars(self.config).items()
            if name not in ("epochs", "patience", "cache", "quiet")
        }
        manifest = self.assembly.dataset.manifest["files"]
        return json.dumps([config, sorted(entry["sha256"] for entry in manifest.values())])

    def _shown(self, metrics: dict[str, float]) -> dict[str, str]:
        return {
            name: f"{value:.4f}" for name, value in metrics.items() if name == self._objective.name
        }
