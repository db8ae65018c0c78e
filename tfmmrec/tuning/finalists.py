"""The finalists of a search: the best trials and the base, trained again with other seeds."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmmrec.config.objective import Objective
from tfmmrec.evaluation.metrics.bootstrap import MIN_USERS
from tfmmrec.evaluation.metrics.jackknife import jackknife_error
from tfmmrec.tuning.best_trial import finished_trials, is_rerun
from tfmmrec.tuning.trial_store import Record


@dataclasses.dataclass(frozen=True)
class Finalist:
    """One of the best trials, or the base.

    Attributes:
        trial: its number; 0 is the base, the training file as given.
        search_metric: the objective in the search.
        seeds: the objective by other seed, of the reruns that did not fail.
        jackknife: by other seed, the objective without each of some groups of users.
    """

    trial: int
    search_metric: float
    seeds: dict[int, float]
    jackknife: dict[int, list[float]]

    @property
    def mean(self) -> float:
        """The expected objective: the mean over other seeds, or `search_metric` without reruns.

        The metric in the search is biased upwards, as the maximum over many trials; the other seeds
        took no part in the selection.
        """
        return float(np.mean(list(self.seeds.values()))) if self.seeds else self.search_metric

    @property
    def std(self) -> float:
        """The standard deviation over other seeds, 0 of a single seed."""
        return float(np.std(list(self.seeds.values()), ddof=1)) if len(self.seeds) > 1 else 0.0


def find_finalists(records: Sequence[Record], objective: Objective) -> list[Finalist]:
    """The finalists of a search, best first; without reruns, the best trial and the base.

    Args:
        records: of all trials.
        objective: the metric and its direction.
    """
    reruns = [record for record in records if is_rerun(record)]
    trials = {r["trial"]: r for r in finished_trials(records, objective.name)}
    numbers = dict.fromkeys(record["rerun_of"] for record in reruns)
    if not numbers:
        best = max(trials.values(), key=lambda r: objective.worth(r["metrics"]))
        numbers = dict.fromkeys([0, best["trial"]])
    done = [record for record in reruns if "error" not in record]
    finalists = [
        Finalist(
            number,
            trials[number]["metrics"][objective.name],
            {r["seed"]: r["metrics"][objective.name] for r in done if r["rerun_of"] == number},
            {r["seed"]: r["jackknife"] for r in done if r["rerun_of"] == number},
        )
        for number in numbers
        if number in trials
    ]

    # A finalist without a successful rerun ranks last; among equals, the base ranks first.
    def rank(finalist: Finalist) -> tuple[bool, float, bool]:
        measured = bool(finalist.seeds) or not reruns
        return measured, objective.worth({objective.name: finalist.mean}), finalist.trial == 0

    return sorted(finalists, key=rank, reverse=True)


@dataclasses.dataclass(frozen=True)
class Lead:
    """The lead of a finalist over the base.

    Attributes:
        mean: the mean difference over the seeds of both; above 0 is better.
        seeds_error: its standard error over seeds.
        users_error: its standard error over the users of the valid split, who are the same for all
            trials and seeds; by a jackknife over groups of users. None for fewer than 10 users,
            who say too little on how much users differ.
        num_seeds: number of seeds.
        wins: number of seeds with which the finalist is better.
    """

    mean: float
    seeds_error: float
    users_error: float | None
    num_seeds: int
    wins: int

    @property
    def error(self) -> float | None:
        """The standard error over seeds and users; None for fewer than 10 users."""
        return None if self.users_error is None else math.hypot(self.seeds_error, self.users_error)

    @property
    def within_noise(self) -> bool:
        """Whether the lead is at most two standard errors, or the error is unknown."""
        return self.error is None or not self.mean > 2 * self.error

    def to_dict(self) -> dict[str, Any]:
        """The content of `lead` in `results.json`."""
        return {**dataclasses.asdict(self), "within_noise": self.within_noise}


def lead_over(best: Finalist, base: Finalist, objective: Objective) -> Lead | None:
    """The lead of one finalist over another; None with fewer than two common seeds."""
    seeds = sorted(set(best.seeds) & set(base.seeds))
    if len(seeds) < 2:
        return None
    sign = 1 if objective.direction == "max" else -1
    gains = sign * np.array([best.seeds[seed] - base.seeds[seed] for seed in seeds])
    jackknife = [np.subtract(best.jackknife[seed], base.jackknife[seed]) for seed in seeds]
    # There are 20 groups, or one per user.
    enough = len(jackknife[0]) >= MIN_USERS
    return Lead(
        mean=float(gains.mean()),
        seeds_error=float(gains.std(ddof=1) / len(gains) ** 0.5),
        users_error=jackknife_error(np.mean(jackknife, axis=0)) if enough else None,
        num_seeds=len(gains),
        wins=int((gains > 0).sum()),
    )


def lead_of_best(finalists: Sequence[Finalist], objective: Objective) -> Lead | None:
    """The lead of the best finalist over the base; None if that is the best, or if unknown."""
    best, base = finalists[0], _base(finalists)
    return None if base is None or base == best else lead_over(best, base, objective)


def search_verdict(finalists: Sequence[Finalist], objective: Objective) -> str:
    """The result of a search in a sentence or two."""
    best, base = finalists[0], _base(finalists)
    seeds = f"over {len(best.seeds)} other seeds" if best.seeds else "with one seed"
    result = f"{objective.name} {best.mean:.4f} {seeds}"
    if best.trial == 0:
        others = "no finalist is better" if len(finalists) > 1 else "there is no other finalist"
        return f"the base is best: {result}; {others}"
    result = f"trial {best.trial} is best: {result} ({best.search_metric:.4f} in the search)"
    if base is None:
        return f"{result}; the base failed"
    result += f"; the base {base.mean:.4f}"
    lead = lead_over(best, base, objective)
    if lead is None:
        return f"{result}; more reruns would show whether the lead is noise"
    wins = f"better with {lead.wins} of {lead.num_seeds} seeds"
    if lead.error is None:
        few = f"too few users for a verdict (at least {MIN_USERS} are needed)"
        return f"{result}, a lead of {lead.mean:.4f}, {wins}; {few}"
    noise = "; the lead is within noise (two standard errors)" if lead.within_noise else ""
    return (
        f"{result}, a lead of {lead.mean:.4f} ± {lead.error:.4f} (standard error over seeds and "
        f"users), {wins}{noise}"
    )


def summarize(finalists: Sequence[Finalist]) -> list[dict[str, Any]]:
    """The content of `finalists` in `results.json`, the best first."""
    return [
        {
            "trial": finalist.trial,
            "search_metric": finalist.search_metric,
            "seeds": {str(seed): value for seed, value in finalist.seeds.items()},
            "mean": finalist.mean,
            "std": finalist.std,
            "best": index == 0,
        }
        for index, finalist in enumerate(finalists)
    ]


def _base(finalists: Sequence[Finalist]) -> Finalist | None:
    return next((finalist for finalist in finalists if finalist.trial == 0), None)
