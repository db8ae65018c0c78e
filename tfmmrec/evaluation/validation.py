"""The valid split, by which a training is judged while it runs."""

from collections.abc import Sequence

import numpy as np

from tfmmrec.evaluation.metrics.ranking import CUTOFFS, ranking_metrics
from tfmmrec.evaluation.outcomes.targets import outcome_targets, predict_outcomes
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer


class Validation:
    """Metrics on the valid split with a model as it is, none without such a split.

    Args:
        assembly: the model, its data and config; a model that is trained on the valid split is not
            measured.
        scorer: of the model.
    """

    def __init__(self, bundle: ModelBundle, scorer: Scorer):
        self._dataset = bundle.dataset
        self._scorer = scorer
        self._targets: Targets | None = None
        self._outcomes = {}
        # Metrics at the k that the training is judged by as well.
        own = bundle.config.objective_spec.cutoff
        self._cutoffs = sorted({*CUTOFFS, *([] if own is None else [own])})
        if not bundle.config.refit:
            self._outcomes = outcome_targets(bundle, "valid")
            ranks = bundle.model.ranks_by == "retrieval"
            if ranks and bundle.dataset.has_validation_events(bundle.config.task):
                self._targets = targets_of(
                    bundle.dataset, "valid", with_times=bundle.model.reads_times
                )

    def metrics(self, vectors: np.ndarray) -> dict[str, float]:
        """Measures the model, by the names of the metrics, with its item vectors."""
        return self._measure(self._predict(vectors))

    def without_groups(self, vectors: np.ndarray, groups: int = 20) -> list[dict[str, float]]:
        """Measures the model as often without some of the users, each being left out once.

        How far these lie apart says how much the metrics depend on which users there are, see
        `resampling.jackknife_error`.

        Args:
            vectors: of the items.
            groups: how many groups users are dealt to; as many as there are users at most.
        """
        predicted = self._predict(vectors)
        all_users = [each.events.user for each in self._outcomes.values()]
        all_users += [] if self._targets is None else [self._targets.user]
        users = np.unique(np.concatenate(all_users)) if all_users else np.zeros(0, np.int32)
        groups = min(groups, len(users))
        dealt = np.arange(len(users)) % max(groups, 1)
        return [self._measure(predicted, users[dealt == group]) for group in range(groups)]

    def _predict(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """What the model says of each target: `ranks`, and each outcome."""
        predicted = predict_outcomes(self._scorer, vectors, self._outcomes)
        if self._targets is not None:
            ranker = model_ranker(self._scorer, vectors, self._targets.histories)
            predicted["ranks"] = ranker.ranks(self._targets, ~self._dataset.cold_items)
        return predicted

    def _measure(
        self, predicted: dict[str, np.ndarray], left_out: Sequence[int] | np.ndarray = ()
    ) -> dict[str, float]:
        metrics: dict[str, float] = {}
        if self._targets is not None:
            rows = np.isin(self._targets.user, left_out, invert=True)
            metrics |= ranking_metrics(predicted["ranks"][rows], self._cutoffs)
        for name, targets in self._outcomes.items():
            rows = np.isin(targets.events.user, left_out, invert=True)
            metrics |= targets.take(rows).measure(name, predicted[name][rows])
        return metrics
