"""Evaluation on the valid split during training."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfmmrec.evaluation.metrics.ranking import CUTOFFS, ranking_metrics
from tfmmrec.evaluation.outcomes.targets import outcome_targets, predict_outcomes
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer


class Validation:
    """Computes metrics on the valid split with the current weights of a model.

    There are no metrics if the split is empty, or if the model is trained on it (`refit`). If the
    split has more users than `validation.max_users`, the metrics are of so many of them, drawn by
    the seed of the config: of the users with ranked items, and likewise of those with each outcome.

    Args:
        bundle: the model with its data and config.
        scorer: of the model.

    Attributes:
        drawn: the entry `num_valid_users` of metrics of drawn users; empty if none are drawn.
        num_users: number of users of the split with targets, drawn or not.
    """

    def __init__(self, bundle: ModelBundle, scorer: Scorer):
        self._dataset = bundle.dataset
        self._scorer = scorer
        self._targets: Targets | None = None
        self._outcomes = {}
        # The cutoff of the training objective is included.
        own = bundle.config.objective_spec.cutoff
        self._cutoffs = sorted({*CUTOFFS, *([] if own is None else [own])})
        if not bundle.config.refit:
            self._outcomes = outcome_targets(bundle, "valid")
            ranks = bundle.model.ranks_by == "retrieval"
            if ranks and bundle.dataset.has_validation_events(bundle.config.task):
                self._targets = targets_of(
                    bundle.dataset, "valid", with_times=bundle.model.reads_times
                )
        self.num_users, self.drawn = len(self._users()), {}
        max_users = bundle.config.validation.max_users
        if self.num_users > max_users:
            self.drawn = {"num_valid_users": max_users}
            self._draw_users(max_users, bundle.config.seed)

    def metrics(self, vectors: np.ndarray) -> dict[str, float]:
        """Computes the metrics by name, from the item embeddings `[items, width]`."""
        return self.measure(self.predict(vectors))

    def without_groups(
        self, predicted: Mapping[str, np.ndarray], groups: int = 20
    ) -> list[dict[str, float]]:
        """Computes the metrics without each of several groups of users.

        `jackknife_error` turns these into the standard error of a metric over users.

        Args:
            predicted: from `predict`.
            groups: number of groups (default 20), at most one per user.
        """
        users = self._users()
        groups = min(groups, len(users))
        group_of_user = np.arange(len(users)) % max(groups, 1)
        return [self.measure(predicted, users[group_of_user == group]) for group in range(groups)]

    def predict(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """Predicts for each target: `ranks`, and each outcome by name.

        Args:
            vectors: item embeddings, `[items, width]`.
        """
        predicted = predict_outcomes(self._scorer, vectors, self._outcomes)
        if self._targets is not None:
            ranker = model_ranker(self._scorer, vectors, self._targets.histories)
            predicted["ranks"] = ranker.ranks(self._targets, ~self._dataset.cold_items)
        return predicted

    def measure(
        self, predicted: Mapping[str, np.ndarray], excluded_users: Sequence[int] | np.ndarray = ()
    ) -> dict[str, float]:
        """Computes the metrics by name.

        Args:
            predicted: from `predict`.
            excluded_users: users whose targets are left out (default none).
        """
        metrics: dict[str, float] = {}
        if self._targets is not None:
            rows = np.isin(self._targets.user, excluded_users, invert=True)
            metrics |= ranking_metrics(predicted["ranks"][rows], self._cutoffs)
        for name, targets in self._outcomes.items():
            rows = np.isin(targets.events.user, excluded_users, invert=True)
            metrics |= targets.take(rows).measure(name, predicted[name][rows])
        return metrics

    def _users(self) -> np.ndarray:
        """The rows of the users with targets, ascending."""
        all_users = [each.events.user for each in self._outcomes.values()]
        all_users += [] if self._targets is None else [self._targets.user]
        return np.unique(np.concatenate(all_users)) if all_users else np.zeros(0, np.int32)

    def _draw_users(self, num: int, seed: int) -> None:
        """Keeps the targets of some users, who depend on the data and the seed only."""
        order = np.random.default_rng(seed).permutation(self._users())

        def of_first(users: np.ndarray) -> np.ndarray:
            """Which targets are of the first users in the order, of those that have any."""
            return np.isin(users, order[np.isin(order, users)][:num])

        if self._targets is not None:
            self._targets = self._targets.take(of_first(self._targets.user))
        self._outcomes = {
            name: each.take(of_first(each.events.user)) for name, each in self._outcomes.items()
        }
