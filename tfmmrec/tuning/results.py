"""Which training a search found, once the best were trained again with other seeds."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmmrec.objective import Objective
from tfmmrec.tuning.finished import finished, is_rerun
from tfmmrec.tuning.records import Record


@dataclasses.dataclass(frozen=True)
class Finalist:
    """One of the best trials.

    Attributes:
        trial: its number; 0 is the training that the search started from.
        found: the metric by which it was found.
        seeds: the metric with other seeds, by seed, of those trainings that did not fail.
    """

    trial: int
    found: float
    seeds: dict[int, float]

    @property
    def mean(self) -> float:
        """The metric to expect: over other seeds, or as found where there are none.

        What was found is the highest of many, and so too high: other seeds were not chosen.
        """
        return float(np.mean(list(self.seeds.values()))) if self.seeds else self.found

    @property
    def spread(self) -> float:
        """The standard deviation over other seeds, 0 of a single one."""
        return float(np.std(list(self.seeds.values()), ddof=1)) if len(self.seeds) > 1 else 0.0


def finalists(records: Sequence[Record], objective: Objective) -> list[Finalist]:
    """The finalists of a search, best first; without re-runs, the best trial and the base.

    Args:
        records: of all trials.
        objective: what they are told apart by.
    """
    again = [r for r in records if is_rerun(r)]
    known = {r["trial"]: r for r in finished(records, objective.name)}
    numbers = dict.fromkeys(r["of"] for r in again)
    if not numbers:
        best = max(known.values(), key=lambda r: objective.worth(r["metrics"]))
        numbers = dict.fromkeys([0, best["trial"]])
    found = [
        Finalist(
            number,
            known[number]["metrics"][objective.name],
            {
                r["seed"]: r["metrics"][objective.name]
                for r in again
                if r["of"] == number and "error" not in r
            },
        )
        for number in numbers
        if number in known
    ]

    # Which fails with other seeds is behind all that do not; of equals, the base is the simplest.
    def rank(finalist: Finalist) -> tuple[bool, float, bool]:
        tried = bool(finalist.seeds) or not again
        return tried, objective.worth({objective.name: finalist.mean}), finalist.trial == 0

    return sorted(found, key=rank, reverse=True)


def verdict(found: Sequence[Finalist], objective: Objective) -> str:
    """What a search came to, in a sentence or two."""
    best = found[0]
    name = objective.name
    base = next((finalist for finalist in found if finalist.trial == 0), None)
    seeds = f"over {len(best.seeds)} other seeds" if best.seeds else "with one seed"
    said = f"{name} {best.mean:.4f} {seeds}"
    if best.trial == 0:
        others = "no finalist is better" if len(found) > 1 else "there is no other"
        return f"the training as given is best: {said}; {others}"
    said = f"trial {best.trial} is best: {said} (found with {best.found:.4f})"
    if base is None:
        return f"{said}; the training as given failed"
    said += f"; as given {base.mean:.4f}"
    shared = sorted(set(best.seeds) & set(base.seeds))
    if len(shared) < 2:
        return f"{said}; more reruns would tell whether this is luck"
    gains = np.array([best.seeds[seed] - base.seeds[seed] for seed in shared])
    gains = gains if objective.direction == "max" else -gains
    error = gains.std(ddof=1) / len(gains) ** 0.5
    lead = f"ahead by {gains.mean():.4f} ± {error:.4f} (standard error)"
    luck = "" if gains.mean() > 2 * error else ", which may be luck"
    return f"{said}, {lead}, with {int((gains > 0).sum())} of {len(gains)} seeds{luck}"


def told(found: Sequence[Finalist]) -> list[dict[str, Any]]:
    """The finalists in plain words, the best first."""
    return [
        {
            "trial": finalist.trial,
            "found": finalist.found,
            "seeds": {str(seed): value for seed, value in finalist.seeds.items()},
            "mean": finalist.mean,
            "spread": finalist.spread,
            "best": place == 0,
        }
        for place, finalist in enumerate(found)
    ]
