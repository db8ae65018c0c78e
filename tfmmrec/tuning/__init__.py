"""Hyperparameter search over the options of a training with Keras Tuner.

`tune` is the stage. `components`, `ranges` and `search_space` define the search space; `oracles`
select the hyperparameters of the next trial; `tuner` and `distributed` run trials in one or several
processes; `trial_runner` and `trial_store` train a trial and store its record. `finalists` compares
the best trials, and `results` writes the files. The page is written by `tfmmrec.reports.tuning`.
"""

from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.tuning.tune import tune

__all__ = ["TuneConfig", "tune"]
