"""The keys of the tuning file, with their defaults."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfmmrec.config.checks import check_above, check_choice, check_count
from tfmmrec.config.choices import STRATEGIES
from tfmmrec.config.known_fields import known_fields
from tfmmrec.config.parse import parse_fields
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError

# What is searched; `tfmmrec.tuning.components` has the hyperparameters of each.
COMPONENTS = ("fusion", "query", "towers", "loss", "head", "optimizer")
TUNERS = ("random", "bayesian", "hyperband", "grid")
# A trial trains in one process.
_ONE_PROCESS = ("auto", "one", "mirrored", "tpu")
_TRIALS = 30


@known_fields
@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """The options of a search.

    Attributes:
        train: the training file of the base, the config with which the search starts.
        search: the components whose options are searched: `fusion`, `query`, `towers`, `loss`,
            `head` and `optimizer`. By default all that the task has, except `query`: with the
            history encoder `mean` alone, a trial takes a third of the time.
        space: by key of the training file, a range that replaces the component's own: a list of
            values, `{min: 0.001, max: 0.01, sampling: log}` with an optional `step`, or a fixed
            value. Keys that no component declares extend the search. The key of an option contains
            its kind, `fusion.gated.units`. Keys may be nested.
        tuner: `random`; `bayesian`, a Gaussian process over the finished trials; `hyperband`, many
            short trainings, the best of which continue; `grid`, all combinations.
        trials: number of trials after the base: by default 30, with `grid` all combinations, with
            `hyperband` one iteration.
        objective: the metric on valid, see `TrainConfig.objective`; by default that of `train`.
        epochs: maximum number of epochs per trial; by default that of `train`.
        finalists: number of best trials that are trained again with other seeds, in addition to the
            base.
        reruns: number of other seeds; 0 takes the best trial of the search.
        lost_after: seconds without a heartbeat after which a worker counts as lost; another worker
            gets its trial.
        seed: of the search; trainings have the seed of `train`.
        quiet: no messages about trials.
    """

    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    search: list[str] | None = None
    space: dict[str, Any] = dataclasses.field(default_factory=dict)
    tuner: str = "bayesian"
    trials: int | None = None
    objective: str | None = None
    epochs: int | None = None
    finalists: int = 3
    reruns: int = 3
    lost_after: float = 60.0
    seed: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        parse_fields(self)
        check_choice("tuner", self.tuner, TUNERS)
        for name in self.search or ():
            check_choice("search", name, COMPONENTS)
        if self.search is not None and not self.search and not self.space:
            raise ConfigError("search: name a component, or give space a key. Received: neither")
        for name in ("trials", "epochs"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), 1)
        check_count("finalists", self.finalists, 1)
        check_count("reruns", self.reruns, 0)
        check_above("lost_after", self.lost_after, 0)
        if self.train.strategy not in _ONE_PROCESS:
            refused = ", ".join(name for name in STRATEGIES if name not in _ONE_PROCESS)
            raise ConfigError(
                f"train.strategy: a trial trains in one process, with one, mirrored or tpu and not "
                f"with {refused}; use other machines as workers. Received: {self.train.strategy!r}"
            )

    @property
    def ranges(self) -> dict[str, Any]:
        """The ranges of `space`, by full key."""
        return flatten(self.space)

    @property
    def components(self) -> list[str]:
        """The components that are searched."""
        if self.search is not None:
            return self.search
        losses = {"retrieval": ["loss"], "joint": ["loss", "head"]}.get(self.train.task, ["head"])
        return ["fusion", "towers", *losses, "optimizer"]

    @property
    def max_trials(self) -> int | None:
        """The maximum number of trials after the base; None leaves it to the tuner."""
        if self.trials is None and self.tuner in ("random", "bayesian"):
            return _TRIALS
        return self.trials

    @property
    def base(self) -> TrainConfig:
        """The config of the base: a single training, without `auto` and `refit`."""
        return dataclasses.replace(
            self.train,
            objective=self.objective or self.train.objective,
            epochs=self.epochs or self.train.epochs,
            query=self.train.history_encoder,
            refit=False,
            quiet=True,
        )


def flatten(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Ranges by full key: `{fusion: {kind: [a, b]}}` becomes `{fusion.kind: [a, b]}`."""
    ranges: dict[str, Any] = {}
    for key, content in given.items():
        if isinstance(content, Mapping) and not {"min", "max"} & set(content):
            ranges |= flatten(content, f"{prefix}{key}.")
        else:
            ranges[f"{prefix}{key}"] = content
    return ranges
