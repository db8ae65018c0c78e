"""Keras Tuner searches the fusion."""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import yaml

from tfmmrec.assembly import assemble
from tfmmrec.config import TrainConfig
from tfmmrec.dataset import Dataset
from tfmmrec.errors import ConfigError, DataError, TfmmrecError
from tfmmrec.fitting import fit
from tfmmrec.folders import whole_folder
from tfmmrec.fusion import FUSIONS
from tfmmrec.objective import objective_of

TUNERS: dict[str, type[keras_tuner.Tuner]] = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
}


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """How to search.

    Attributes:
        train: the config that every trial starts from.
        kinds: the kinds of fusion to choose from; each brings its own options to the search.
        tuner: `random` or `bayesian`.
        trials: how many to run.
        epochs: of a trial at most.
        seed: of the search.
        quiet: no progress bars.
    """

    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    kinds: list[str] = dataclasses.field(default_factory=lambda: ["weighted"])
    tuner: str = "bayesian"
    trials: int = 10
    epochs: int = 10
    seed: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.tuner not in TUNERS:
            raise ConfigError(f"tuner: unknown {self.tuner!r}; there are {', '.join(TUNERS)}")
        for kind in self.kinds:
            FUSIONS.variant({"kind": kind})
        for name in ("trials", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1. Received: {getattr(self, name)}")
        if not self.kinds:
            raise ConfigError("kinds: name at least one kind of fusion. Received: none")


def tune(data: Path, out: Path, config: TuneConfig) -> dict[str, Any]:
    """Searches the fusion's options for what is best on the valid split by the metric of the task.

    Args:
        data: a data folder; it needs a valid split.
        out: gets `best.yaml` (a training file) and `trials.jsonl`.
        config: how to search.

    Returns:
        The best trial: its number, its fusion and its metrics.

    Raises:
        TfmmrecError: the data does not serve, or no trial finished.
    """
    dataset = Dataset(data, cache=config.train.cache)
    if not dataset.has_valid(config.train.task):
        raise DataError(f"{data}: has no valid split to tune on; give the dataset file a split")
    names = list(config.train.features or dataset.schema.items)
    if not names:
        raise DataError(f"{data}: the items have no features to fuse")
    with whole_folder(Path(out)) as folder:
        trials = _search(dataset, config, names, folder / "tuner")
        shutil.rmtree(folder / "tuner")
        finished = [trial for trial in trials if "error" not in trial]
        lines = "".join(json.dumps(trial) + "\n" for trial in trials)
        (folder / "trials.jsonl").write_text(lines, encoding="utf-8")
        if not finished:
            raise DataError(f"{data}: no trial finished; the first said: {trials[0]['error']}")
        worth = objective_of(config.train.task).worth
        best = max(finished, key=lambda trial: worth(trial["metrics"]))
        train = dataclasses.asdict(config.train)
        del train["quiet"]
        text = yaml.safe_dump({**train, "fusion": best["fusion"]}, sort_keys=False)
        (folder / "best.yaml").write_text(text, encoding="utf-8")
    return best


def _search(
    dataset: Dataset, config: TuneConfig, names: list[str], folder: Path
) -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = []
    objective = objective_of(config.train.task)

    base: Any = TUNERS[config.tuner]

    class FusionTuner(base):
        """Keras Tuner's own search binds to Keras 3; a trial of ours trains and gives numbers."""

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
            fusion = draw_fusion(trial.hyperparameters, config.kinds, names)
            record: dict[str, Any] = {"trial": len(trials), "fusion": fusion}
            trials.append(record)
            train = dataclasses.replace(
                config.train,
                fusion=fusion,
                epochs=config.epochs,
                refit=False,
                quiet=config.quiet,
            )
            try:
                record["metrics"] = fit(assemble(dataset, train))
            except TfmmrecError as error:
                record["error"] = str(error)
                raise keras_tuner.errors.FailedTrialError(str(error)) from error
            return {objective.name: record["metrics"][objective.name]}

    # The space is drawn once here, so that it is known before the first trial.
    space = keras_tuner.HyperParameters()
    draw_fusion(space, config.kinds, names)
    tuner = FusionTuner(
        objective=keras_tuner.Objective(objective.name, objective.direction),
        max_trials=config.trials,
        seed=config.seed,
        hyperparameters=space,
        directory=str(folder),
        project_name="fusion",
        max_consecutive_failed_trials=config.trials,
    )
    try:
        tuner.search(verbose=0)
    except RuntimeError:
        # Raised when all trials in a row failed; their records say why.
        if any("error" not in trial for trial in trials):
            raise
    return trials


def draw_fusion(
    hp: keras_tuner.HyperParameters, kinds: list[str], names: list[str]
) -> dict[str, Any]:
    """Draws a fusion's config: the kind, then what that kind declares."""
    kind = hp.Choice("fusion", kinds) if len(kinds) > 1 else kinds[0]
    options: Mapping[str, Any] = {}
    for candidate in kinds:
        # All kinds declare their options, so that the space does not depend on the draw.
        drawn = FUSIONS.variant({"kind": candidate}).search_space(hp, names)  # type: ignore[attr-defined]
        options = drawn if candidate == kind else options
    return {"kind": kind, **options}
