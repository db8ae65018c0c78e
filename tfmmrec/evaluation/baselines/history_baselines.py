"""Baselines that score items by a user's history with recency: EASE, item-kNN, content, and sums.

Where users can choose an item again, so can a baseline: own items, and their sum with the others.

An event counts less the more events follow it, by a decay that is a hyperparameter like the others.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import context_of
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.evaluation.baselines.content import cosine_scores
from tfmmrec.evaluation.baselines.interactions import decayed_interaction_matrix
from tfmmrec.evaluation.baselines.item_item import ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.score_functions import (
    FitHistoryScores,
    HistoryScores,
    UserScores,
    blend,
    of_histories,
    ranker_of,
)
from tfmmrec.evaluation.baselines.tuning import choose
from tfmmrec.evaluation.ranking.rankers import Ranker

# Candidate decays; 1 gives all events of a history the same weight.
DECAYS = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
# Candidate weights of content in the sum with an item-to-item baseline, see `blend`.
CONTENT_WEIGHTS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
# Likewise of own items.
OWN_WEIGHTS = (0.3, 1.0, 3.0, 10.0)
# The weight of popularity beside own items, which it orders all other items after.
_TIE_BREAK = 1e-3


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of an item-to-item baseline.

    Attributes:
        value: the regularization of EASE, or the number of neighbors of item-kNN.
        decay: of the history, per later event.
    """

    value: float
    decay: float


class HistoryBaselines:
    """Tunes and fits the baselines of an evaluated split, each when it is first used.

    Hyperparameters are selected by `choose`, one after the other: the value at a decay of 1, the
    decay, then the weight of content in the sum. A log without times keeps a decay of 1, since the
    order within its histories is arbitrary.

    Args:
        dataset: the data folder.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.
    """

    def __init__(self, dataset: Dataset, split: str):
        self._dataset = dataset
        self._split = split
        self._has_order = dataset.schema.has_time

    @functools.cached_property
    def chosen(self) -> dict[str, Hyperparameters]:
        """The hyperparameters of the item-to-item baselines, by name."""
        return {name: self._tune(*given) for name, given in ITEM_ITEM_BASELINES.items()}

    @functools.cached_property
    def fitted(self) -> dict[str, HistoryScores]:
        """The item-to-item baselines, by name, fitted to the events before the evaluated split."""
        interactions = self._own.interactions
        return {
            name: fit(interactions, self.chosen[name].value)
            for name, (fit, _) in ITEM_ITEM_BASELINES.items()
        }

    def label(self, name: str) -> str:
        """Returns the name of an item-to-item baseline with its hyperparameters."""
        own = self.chosen[name]
        return f"{name} ({', '.join([f'{own.value:g}', *self._decay_text(own.decay)])})"

    def scores(self, name: str) -> UserScores:
        """Returns the scores of an item-to-item baseline, with the tuned decay."""
        return self._own.scores(self.fitted[name], self.chosen[name].decay)

    def item_item_rankers(self) -> dict[str, Ranker]:
        """Returns EASE and item-kNN, by label."""
        return {self.label(name): ranker_of(self.scores(name)) for name in self.chosen}

    def own_item_rankers(self) -> dict[str, Ranker]:
        """Returns the items of the history by recency, and their sums with EASE and item-kNN.

        They are none in a log whose users cannot choose an item again, see
        `Schema.ranks_histories`.
        """
        if not self._dataset.schema.ranks_histories:
            return {}
        decay = self._choose_decay(lambda: _own_items)
        own = self._own.scores(_own_items, decay)
        alone = ranker_of(blend(own, self._own.popularity, _TIE_BREAK))
        return {
            self._with_decay("own items", decay): alone,
            **self._sums("own items", _own_items, decay, OWN_WEIGHTS),
        }

    def content_rankers(self, content: np.ndarray) -> dict[str, Ranker]:
        """Returns the cosine similarity of content, and its sums with EASE and item-kNN.

        Args:
            content: `[items, width]`, see `content_matrix`.
        """
        cosine = cosine_scores(content)
        decay = self._choose_decay(lambda: cosine)
        return {
            self._with_decay("content cosine", decay): ranker_of(self._own.scores(cosine, decay)),
            **self._sums("content", cosine, decay, CONTENT_WEIGHTS),
        }

    def _sums(
        self, name: str, beside: HistoryScores, decay: float, weights: Sequence[float]
    ) -> dict[str, Ranker]:
        """The sums of EASE and of item-kNN with other scores, whose weights are selected."""
        found, others = {}, self._own.scores(beside, decay)
        for base in self.chosen:
            weight = self._choose_weight(base, beside, decay, weights)
            blended = blend(self.scores(base), others, weight)
            found[f"{base} + {name} ({weight:g})"] = ranker_of(blended)
        return found

    @functools.cached_property
    def _valid(self) -> "_Events":
        return _Events.before(self._dataset, "valid")

    @functools.cached_property
    def _own(self) -> "_Events":
        return _Events.before(self._dataset, self._split)

    def _tune(self, fit: FitHistoryScores, values: Sequence[float]) -> Hyperparameters:
        def scores(value: float) -> UserScores:
            return self._valid.scores(fit(self._valid.interactions, value), 1.0)

        value = self._choose(values, scores)
        # Fitted once for all decays, and not at all if nothing is tuned.
        fitted = functools.cache(lambda: fit(self._valid.interactions, value))
        return Hyperparameters(value, self._choose_decay(fitted))

    def _choose_decay(self, score: Callable[[], HistoryScores]) -> float:
        decays = DECAYS if self._has_order else (1.0,)
        return self._choose(decays, lambda decay: self._valid.scores(score(), decay))

    def _choose_weight(
        self, base: str, beside: HistoryScores, decay: float, weights: Sequence[float]
    ) -> float:
        """Selects the weight of a second part; both keep their own hyperparameters."""

        # Fitted again, since a matrix of EASE is large; once for all weights.
        @functools.cache
        def parts() -> tuple[UserScores, UserScores]:
            fit, own = ITEM_ITEM_BASELINES[base][0], self.chosen[base]
            score = fit(self._valid.interactions, own.value)
            return self._valid.scores(score, own.decay), self._valid.scores(beside, decay)

        return self._choose(weights, lambda weight: blend(*parts(), weight))

    def _choose(self, candidates: Sequence[float], scores: Callable[[float], UserScores]) -> float:
        return choose(
            self._dataset, self._split, candidates, lambda value: ranker_of(scores(value))
        )

    def _with_decay(self, name: str, decay: float) -> str:
        return " ".join([name, *(f"({text})" for text in self._decay_text(decay))])

    def _decay_text(self, decay: float) -> list[str]:
        return [f"decay {decay:g}"] if self._has_order else []


@dataclasses.dataclass(frozen=True)
class _Events:
    """The events that baselines are fitted to, and the histories that they score."""

    interactions: sparse.csr_matrix
    histories: Histories

    @classmethod
    def before(cls, dataset: Dataset, split: str) -> "_Events":
        """The events before a split; the histories have those of new users too."""
        histories = context_of(dataset, split, with_ratings=True)
        interactions = interaction_matrix(histories, dataset.count("items"))
        known = sparse.diags((~dataset.cold_users).astype(np.float32))
        return cls(sparse.csr_matrix(known @ interactions), histories)

    def popularity(self, users: np.ndarray) -> np.ndarray:
        """The number of events of each item, the same for all users, `[users, items]`."""
        counts = np.asarray(self.interactions.sum(axis=0), np.float64)
        return np.repeat(counts, len(users), axis=0)

    def scores(self, score: HistoryScores, decay: float) -> UserScores:
        num_items = self.interactions.shape[1]
        return of_histories(score, decayed_interaction_matrix(self.histories, num_items, decay))


def _own_items(histories: sparse.csr_matrix) -> np.ndarray:
    """The weight of each item in the history, 0 for all others."""
    return histories.toarray()
