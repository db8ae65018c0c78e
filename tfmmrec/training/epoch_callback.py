"""Watches a training: evaluates after each epoch, keeps the best, goes on after a stop."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tfmmrec.data.storage import write_json
from tfmmrec.distribute.checkpoint_options import checkpoint_options
from tfmmrec.distribute.strategies import leads, of_all
from tfmmrec.errors import DataError
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.diagnostics import Alarms
from tfmmrec.training.train_step import Trainer

# To look at a variable waits for the device.
_STEPS_UNSEEN = 20


class Watch(tf.keras.callbacks.Callback):
    """Evaluates after each epoch, keeps the last and the best checkpoint, stops in time.

    Where there is no valid split, or the model is trained on it, every epoch is the best so far.

    Args:
        assembly: the model that is trained, its data and config.
        trainer: what takes the steps.
        steps: of an epoch.
        folder: where the history goes; None keeps none.
        checkpoints: where checkpoints go; None keeps the best weights in memory.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        trainer: Trainer,
        steps: int,
        folder: Path | None,
        checkpoints: Checkpoints | None,
    ):
        super().__init__()
        self.bundle = bundle
        self.config = bundle.config
        self.updates = trainer.optimizer_step
        self.steps = steps
        self.folder = folder
        self.checkpoints = checkpoints
        self.best: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self._best_weights: list[np.ndarray] | None = None
        # What was done of the epoch in which the training was stopped, and of the present one.
        self._skipped = self._first = self._done = self._epoch = 0
        self._last: str | None = None
        self._strategy = bundle.model.distribute_strategy
        self._io = checkpoint_options(self._strategy)
        self._scorer = Scorer(bundle.model)
        self._validation = Validation(bundle, self._scorer)
        quiet = self.config.quiet or not leads(self._strategy)
        self._alarms = Alarms(bundle.model, trainer.gradient_norms, quiet=quiet)
        self._objective = self.config.objective_spec
        self._progress: tqdm.tqdm | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        disable = True if self.config.quiet else None
        self._progress = tqdm.tqdm(
            total=self.steps, desc=f"epoch {epoch + 1}", unit="step", disable=disable
        )
        self._done, self._skipped = self._skipped, 0
        self._first, self._epoch = self._done, epoch

    def after_batch(self, batch: int) -> None:
        """Counts a batch, and looks at what it left, where workers are in step."""
        before, self._done = self._done, self._first + batch + 1
        if self._progress is not None:
            self._progress.update(self._done - before)
        if self._done // _STEPS_UNSEEN > before // _STEPS_UNSEEN:
            self._refuse_nan()
        every = self.config.checkpoint_steps
        if every and before // every < self._done // every and self._done < self.steps:
            self._refuse_nan(whole=True)
            self._save(self._epoch, self._done)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        self._refuse_nan(whole=True)
        for name, feature in self.bundle.model.trainable_features.items():
            feature.refresh(self.bundle.model.items.outputs[name])
        # What is evaluated and kept is the average; what is trained on is not.
        self.updates.average.swap()
        vectors = self._scorer.item_vectors()
        valid = self._validation.metrics(vectors)
        if valid:
            # Processes that compute on other machines must still stop at the same epoch.
            everywhere = of_all(self._strategy, np.array([*valid.values()]))
            valid = dict(zip(valid, everywhere[0].tolist(), strict=True))
        # Keras hands the same dict to the callbacks that follow: TensorBoard logs it all.
        logs.update({f"valid_{name}": value for name, value in valid.items()})
        logs.update({f"sign_{name}": sign for name, sign in self._alarms.look(vectors).items()})
        entry = {"epoch": epoch + 1, "loss": float(logs.get("loss", 0.0)), **valid}
        self.history.append(entry)
        worth = self._objective.worth
        if self._objective.name not in valid or worth(valid) > worth(self.best):
            self.best = entry
            self._keep_best()
        self.updates.average.swap()
        self._save(epoch + 1)
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

    def restore(self) -> tuple[int, int]:
        """Restores the last checkpoint where there is one.

        Returns:
            The epoch to go on with, and how many of its steps are done.
        """
        state = None if self.checkpoints is None else self.checkpoints.read_state()
        if self.checkpoints is None or state is None:
            return 0, 0
        if state["fingerprint"] != self._fingerprint():
            raise DataError(
                f"{self.checkpoints.folder}: was trained with another config or other data; "
                "remove it to train anew"
            )
        self.history, self.best = state["history"], state["best"]
        self._last = self.checkpoints.path(state["checkpoint"])
        self.checkpoints.restore(state["checkpoint"], self._checkpoint(), self._io)
        self._skipped = state["step"]
        return state["epoch"], state["step"]

    def restore_best(self) -> None:
        """Gives the model the weights of its best epoch."""
        if self._best_weights is not None:
            self.bundle.model.set_weights(self._best_weights)
        elif self.checkpoints is not None and self.best:
            name = f"epoch-{self.best['epoch']}"
            self.checkpoints.restore(name, self._checkpoint(), self._io)
            self.updates.average.swap()

    def _refuse_nan(self, *, whole: bool = False) -> None:
        """Raises DataError where a loss was not finite, or with `whole` the weights are not."""
        bad = int(self.updates.bad_step.numpy())
        if bad < 0 and (not whole or self.updates.are_finite()):
            return
        step = bad if bad >= 0 else int(self.updates.step.numpy()) - 1
        rate = float(self.updates.rate(step // self.config.optimizer.gradient_accumulation_steps))
        what = "the loss" if bad >= 0 else "a weight"
        advice = "train anew with a lower learning_rate or with optimizer.global_clipnorm"
        if self._last is not None:
            advice = (
                f"the last good checkpoint is {self._last}: lower learning_rate and add --resume, "
                f"or {advice}"
            )
        raise DataError(
            f"{what} was not finite after step {step % self.steps + 1} of epoch "
            f"{step // self.steps + 1}, at a learning rate of {rate:g}; {advice}"
        )

    def _keep_best(self) -> None:
        if self.checkpoints is None:
            self._best_weights = self.bundle.model.get_weights()

    def _save(self, epoch: int, step: int = 0) -> None:
        """Keeps what to go on from, and the best.

        Args:
            epoch: how many epochs are done.
            step: how many steps of the next one are.
        """
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "history.json", self.history)
        if self.checkpoints is None:
            return
        name = f"epoch-{epoch}" + (f"-step-{step}" if step else "")
        state = {
            "epoch": epoch,
            "step": step,
            "best": self.best,
            "history": self.history,
            "fingerprint": self._fingerprint(),
        }
        keep = [f"epoch-{self.best['epoch']}"] if self.best else []
        self.checkpoints.save(name, self._checkpoint(), self._io, state, keep)
        self._last = self.checkpoints.path(name)

    def _checkpoint(self) -> tf.train.Checkpoint:
        return tf.train.Checkpoint(model=self.bundle.model, updates=self.updates)

    def _fingerprint(self) -> str:
        """Names what must be the same for a checkpoint to be of use: all but how long and where.

        A training whose loss went astray may go on with a lower learning rate.
        """
        free = {"patience", "cache", "quiet", "learning_rate", "checkpoints", "checkpoint_steps"}
        if not self.config.optimizer.depends_on_num_steps:
            free.add("epochs")
        config = {
            name: value
            for name, value in dataclasses.asdict(self.config).items()
            if name not in free
        }
        manifest = self.bundle.dataset.manifest["files"]
        return json.dumps([config, sorted(entry["sha256"] for entry in manifest.values())])

    def _shown(self, metrics: dict[str, float]) -> dict[str, str]:
        return {
            name: f"{value:.4f}" for name, value in metrics.items() if name == self._objective.name
        }
