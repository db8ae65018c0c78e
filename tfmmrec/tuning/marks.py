"""Marks among the values of a trial: what the oracle knows of it besides hyperparameters."""

from typing import Any

# The trial is the base.
BASE = "tuner/base"
# The number of the trial that a rerun repeats, and its seed.
RERUN_OF = "tuner/rerun_of"
SEED = "tuner/seed"
# Of Hyperband: the number of epochs, and the trial that this one continues.
EPOCHS = "tuner/epochs"
PARENT = "tuner/trial_id"
_MARK = "tuner/"


def without_marks(values: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters among the values of a trial."""
    return {name: value for name, value in values.items() if not name.startswith(_MARK)}
