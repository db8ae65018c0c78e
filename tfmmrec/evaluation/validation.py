"""The valid split, by which a training is judged while it runs."""

import numpy as np

from tfmmrec.assembly import Assembly
from tfmmrec.evaluation.metrics import CUTOFFS, ranking_metrics
from tfmmrec.evaluation.outcome_targets import outcome_targets, predict_outcomes
from tfmmrec.evaluation.rankers import model_ranker
from tfmmrec.evaluation.targets import Targets, targets_of
from tfmmrec.scoring import Scorer


class Validation:
    """Metrics on the valid split with a model as it is, none without such a split.

    Args:
        assembly: the model, its data and config; a model that is trained on the valid split is not
            measured.
        scorer: of the model.
    """

    def __init__(self, assembly: Assembly, scorer: Scorer):
        self._dataset = assembly.dataset
        self._scorer = scorer
        self._targets: Targets | None = None
        self._outcomes = {}
        # Metrics at the k that the training is judged by as well.
        own = assembly.config.judged_by.cutoff
        self._cutoffs = sorted({*CUTOFFS, *([] if own is None else [own])})
        if not assembly.config.refit:
            self._outcomes = outcome_targets(assembly, "valid")
            ranks = assembly.model.ranks_by == "retrieval"
            if ranks and assembly.dataset.has_valid(assembly.config.task):
                self._targets = targets_of(assembly.dataset, "valid", timed=assembly.reads_times)

    def metrics(self, vectors: np.ndarray) -> dict[str, float]:
        """Measures the model, by the names of the metrics, with its item vectors."""
        metrics: dict[str, float] = {}
        if self._targets is not None:
            targets = self._targets
            ranker = model_ranker(self._scorer, vectors, targets.histories)
            metrics |= ranking_metrics(
                ranker.ranks(targets, ~self._dataset.cold_items), self._cutoffs
            )
        predicted = predict_outcomes(self._scorer, vectors, self._outcomes)
        for name, targets_of_one in self._outcomes.items():
            metrics |= targets_of_one.measure(name, predicted[name])
        return metrics
