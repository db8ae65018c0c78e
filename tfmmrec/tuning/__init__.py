"""Keras Tuner searches the options of a training.

`search` is the stage. What may be tried is in `parts`, which ask the parts of a model, in `ranges`
and `space`; what is tried next in `oracles`, and by whom in `processes` and `tuner`; a trial in
`trials` and `records`. `results` says which is best; `outputs` writes it, with `hparams` and the
`page`, whose plots stand on `axes`, `importance` and `triangle`.
"""

from tfmmrec.tuning.config import TuneConfig
from tfmmrec.tuning.tune import tune

__all__ = ["TuneConfig", "tune"]
