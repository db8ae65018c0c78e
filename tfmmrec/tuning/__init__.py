"""Keras Tuner searches the options of a training."""

from tfmmrec.tuning.config import TuneConfig
from tfmmrec.tuning.search import tune

__all__ = ["TuneConfig", "tune"]
