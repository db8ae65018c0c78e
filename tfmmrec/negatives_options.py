"""Which items a chosen one is told from, keys of the training file."""

import dataclasses

from tfmmrec.checks import check_count

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
    """

    among: str = "batch"
    uniform: int = 0
    spared: str = "past"
    hard: int = 0

    def __post_init__(self) -> None:
        if self.among not in AMONG:
            raise ValueError(f"among must be {' or '.join(AMONG)}. Received: {self.among!r}")
        if self.spared not in SPARED:
            raise ValueError(f"spared must be {', '.join(SPARED)}. Received: {self.spared!r}")
        for name in ("uniform", "hard"):
            check_count(name, getattr(self, name), 0)
        if self.uniform and self.among == "all":
            raise ValueError("uniform draws nothing new beside among: all; leave one of them out")
