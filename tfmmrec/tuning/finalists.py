"""Which training a search found, once the best were trained again with other seeds."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmmrec.config.objective import Objective
from tfmmrec.evaluation.metrics.jackknife import jackknife_error
from tfmmrec.tuning.best_trial import finished, is_rerun
from tfmmrec.tuning.trial_store import Record


@dataclasses.dataclass(frozen=True)
class Finalist:
    """One of the best trials.

    Attributes:
        trial: its number; 0 is the training that the search started from.
        found: the metric by which it was found.
        seeds: the metric with other seeds, by seed, of those trainings that did not fail.
        without: the metric of the same without each of some groups of users.
    """

    trial: int
    found: float
    seeds: dict[int, float]
    without: dict[int, list[float]]

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
    done = [record for record in again if "error" not in record]
    found = [
        Finalist(
            number,
            known[number]["metrics"][objective.name],
            {r["seed"]: r["metrics"][objective.name] for r in done if r["of"] == number},
            {r["seed"]: r["without"] for r in done if r["of"] == number},
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
    base = _base(found)
    seeds = f"over {len(best.seeds)} other seeds" if best.seeds else "with one seed"
    said = f"{name} {best.mean:.4f} {seeds}"
    if best.trial == 0:
        others = "no finalist is better" if len(found) > 1 else "there is no other"
        return f"the training as given is best: {said}; {others}"
    said = f"trial {best.trial} is best: {said} (found with {best.found:.4f})"
    if base is None:
        return f"{said}; the training as given failed"
    said += f"; as given {base.mean:.4f}"
    lead = lead_of(best, base, objective)
    if lead is None:
        return f"{said}; more reruns would tell whether this is luck"
    ahead = f"ahead by {lead.mean:.4f} ± {lead.error:.4f} (standard error over seeds and users)"
    luck = ", which may be luck" if lead.may_be_luck else ""
    return f"{said}, {ahead}, with {lead.wins} of {lead.seeds} seeds{luck}"


@dataclasses.dataclass(frozen=True)
class Lead:
    """By how much a finalist is ahead of the training that the search started from.

    Attributes:
        mean: over the seeds that both have been trained with; above 0 is better.
        seeds_error: the standard error that comes of the seeds.
        users_error: the standard error that comes of the users on valid, who are the same for all
            trials and all seeds.
        seeds: how many there are.
        wins: with how many of them the finalist is better.
    """

    mean: float
    seeds_error: float
    users_error: float
    seeds: int
    wins: int

    @property
    def error(self) -> float:
        """The standard error for other seeds and other users."""
        return math.hypot(self.seeds_error, self.users_error)

    @property
    def may_be_luck(self) -> bool:
        """Whether it is not above two standard errors."""
        return not self.mean > 2 * self.error


def lead_of(best: Finalist, base: Finalist, objective: Objective) -> Lead | None:
    """The lead of one finalist over another; None with fewer than two seeds in common."""
    shared = sorted(set(best.seeds) & set(base.seeds))
    if len(shared) < 2:
        return None
    turn = 1 if objective.direction == "max" else -1
    gains = turn * np.array([best.seeds[seed] - base.seeds[seed] for seed in shared])
    without = [np.subtract(best.without[seed], base.without[seed]) for seed in shared]
    return Lead(
        mean=float(gains.mean()),
        seeds_error=float(gains.std(ddof=1) / len(gains) ** 0.5),
        users_error=jackknife_error(np.mean(without, axis=0)),
        seeds=len(gains),
        wins=int((gains > 0).sum()),
    )


def lead_told(found: Sequence[Finalist], objective: Objective) -> dict[str, Any] | None:
    """The best finalist's lead over the base in plain words, where re-runs tell of one."""
    base = _base(found)
    lead = None if base is None or base == found[0] else lead_of(found[0], base, objective)
    return None if lead is None else {**dataclasses.asdict(lead), "may_be_luck": lead.may_be_luck}


def _base(found: Sequence[Finalist]) -> Finalist | None:
    return next((finalist for finalist in found if finalist.trial == 0), None)


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
