"""The keys of the tuning file, with their defaults."""

import dataclasses
from typing import Any

from tfmmrec.config.checks import check_above, check_count
from tfmmrec.config.choices import STRATEGIES
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError
from tfmmrec.tuning.components import PARTS, parts_of
from tfmmrec.tuning.ranges import flattened

TUNERS = ("random", "bayesian", "hyperband", "grid")
# A trial trains in one process.
_ONE_PROCESS = ("auto", "one", "mirrored", "tpu")
_TRIALS = 30


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """How to search.

    Attributes:
        train: the training file that the search starts from, and compares with.
        search: the parts whose options are searched: `fusion`, `query`, `towers`, `loss`, `head`
            and `optimizer`. By default all that the task has but `query`: by mean alone, a trial
            costs a third.
        space: by key of the training file, the range that is searched instead of the part's own:
            a list of values, `{min: 0.001, max: 0.01, sampling: log}` with an optional `step`, or
            one value, which stays. Keys that no part searches widen the search. Options of a kind
            have it in their key, `fusion.gated.units`. Keys may be nested.
        tuner: `random`; `bayesian`, a Gaussian process over the finished trials; `hyperband`, many
            short trainings of which the best go on; `grid`, all combinations.
        trials: how many to run, beside that of `train` as it is: by default 30, with `grid` all
            there are, with `hyperband` one iteration.
        objective: the metric on valid that trials are told apart by, see `TrainConfig.objective`;
            by default that of `train`.
        epochs: of a trial at most; by default those of `train`.
        finalists: how many of the best trials are trained again with other seeds, beside `train`
            as it is.
        reruns: how many other seeds; 0 takes the best trial as it was found.
        lost_after: seconds without a sign of life after which a worker counts as lost, and its
            trial is given to another.
        seed: of the search; trainings have that of `train`.
        quiet: no lines about trials.
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
        if self.tuner not in TUNERS:
            raise ConfigError(f"tuner: unknown {self.tuner!r}; there are {', '.join(TUNERS)}")
        for part in self.search or ():
            if part not in PARTS:
                raise ConfigError(f"search: no part {part!r}; there are {', '.join(PARTS)}")
        if self.search is not None and not self.search and not self.space:
            raise ConfigError("search: name a part, or give space a key. Received: neither")
        try:
            for name in ("trials", "epochs"):
                if getattr(self, name) is not None:
                    check_count(name, getattr(self, name), 1)
            check_count("finalists", self.finalists, 1)
            check_count("reruns", self.reruns, 0)
            check_above("lost_after", self.lost_after, 0)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        if self.train.strategy not in _ONE_PROCESS:
            others = ", ".join(name for name in STRATEGIES if name not in _ONE_PROCESS)
            raise ConfigError(
                f"train.strategy: a trial trains in one process, with one, mirrored or tpu and not "
                f"with {others}; more machines are more workers. Received: {self.train.strategy!r}"
            )

    @property
    def ranges(self) -> dict[str, Any]:
        """What `space` gives, by whole keys."""
        return flattened(self.space)

    @property
    def parts(self) -> list[str]:
        """The parts that are searched."""
        return parts_of(self.train.task) if self.search is None else self.search

    @property
    def most_trials(self) -> int | None:
        """How many trials are searched at most; None is as many as the tuner takes."""
        if self.trials is None and self.tuner in ("random", "bayesian"):
            return _TRIALS
        return self.trials

    @property
    def base(self) -> TrainConfig:
        """What each trial starts from: a training that chooses nothing and is done once."""
        return dataclasses.replace(
            self.train,
            objective=self.objective or self.train.objective,
            epochs=self.epochs or self.train.epochs,
            query=self.train.history_encoder,
            refit=False,
            quiet=True,
        )
