"""Which items a chosen one is told from, keys of the training file."""

import dataclasses
from typing import Any

import keras_tuner

from tfmmrec.config.checks import check_count

AMONG = ("batch", "all")
SPARED = ("none", "past", "all")


@dataclasses.dataclass(frozen=True)
class NegativesOptions:
    """Which items a chosen one is told from in training.

    Attributes:
        among: `batch`, the items that the batch chose on all replicas, or `all` that training
            knows, which is exact and costs as much as the catalogue is large; good up to some
            thousand items (default batch).
        uniform: with `batch`, how many items are drawn beside them, each as likely as the other,
            so that rare ones come up as well (default 0).
        spared: which of the other items that a user chose are no negatives: those of the `past`,
            which serving leaves out of its answers too, `all` of them, or `none` (default past).
        hard: how many of the candidates are negatives of an event, those that score highest for
            it; 0 takes all (default 0).
        mined: with `batch`, how many items join it for each of its rows, drawn from those that
            scored highest, when they were last looked for, of what the row's user did not choose
            (default 0).
        mined_from: how many of each user's highest these are drawn from (default 100).
        mine_every: after how many steps these are looked for, each time (default 500).
        memory: with `batch`, how many items are kept that earlier batches chose, with the vectors
            that they had then, as further candidates (default 0).
    """

    among: str = "batch"
    uniform: int = 0
    spared: str = "past"
    hard: int = 0
    mined: int = 0
    mined_from: int = 100
    mine_every: int = 500
    memory: int = 0

    @classmethod
    def search_space(
        cls, hp: keras_tuner.HyperParameters, *, few_items: bool = True
    ) -> dict[str, Any]:
        """Draws what negatives are taken from for one trial of a search.

        Args:
            hp: the hyperparameters of the trial.
            few_items: whether the catalogue is small enough for all of it to be negatives.
        """
        among = hp.Choice("negatives.among", list(AMONG) if few_items else ["batch"])
        with hp.conditional_scope("negatives.among", ["batch"]):
            uniform = hp.Choice("negatives.uniform", [0, 256, 1024])
        return {"among": among, "uniform": uniform or 0}

    def __post_init__(self) -> None:
        if self.among not in AMONG:
            raise ValueError(f"among must be {' or '.join(AMONG)}. Received: {self.among!r}")
        if self.spared not in SPARED:
            raise ValueError(f"spared must be {', '.join(SPARED)}. Received: {self.spared!r}")
        for name in ("uniform", "hard", "mined", "memory"):
            check_count(name, getattr(self, name), 0)
        check_count("mine_every", self.mine_every, 1)
        check_count("mined_from", self.mined_from, 1)
        if self.mined > self.mined_from:
            raise ValueError(
                f"mined must be at most mined_from, {self.mined_from}. Received: {self.mined}"
            )
        for name, finds in (("uniform", "draws"), ("mined", "finds"), ("memory", "keeps")):
            if getattr(self, name) and self.among == "all":
                raise ValueError(
                    f"{name} {finds} nothing new beside among: all; leave one of them out"
                )
