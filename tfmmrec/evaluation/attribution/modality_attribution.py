"""Shapley attribution of NDCG@10 to modalities, and the ablation of each modality."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tfmmrec.evaluation.attribution.modality_ablation import ModalityAblation
from tfmmrec.evaluation.attribution.shapley import coalition_values, shapley_values
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.segment_result import SegmentResult
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.evaluation.segments import K
from tfmmrec.evaluation.slices import MIN_TARGETS, slices_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer

# The model is evaluated 2 ** (number of modalities) times.
_MAX_MODALITIES = 6
_MAX_USERS = 2000


def attribute_metric(
    bundle: ModelBundle, scorer: Scorer, segments: Sequence[SegmentResult], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Attributes NDCG@10 to the modalities, by removing every subset of them from all items.

    The modalities are removed from histories as well. The Shapley value of a modality is its
    contribution to NDCG@10, averaged over all orders of adding the modalities (Shapley 1953;
    Lundberg and Lee 2017). The values add up to the NDCG@10 of the model minus that of a model
    without any item information, for which all items tie.

    Args:
        bundle: the model with its data.
        scorer: of the model.
        segments: the segments; at most 2000 users of each are sampled.
        seed: of this sample, and of the bootstrap over users.

    Returns:
        By segment, `{"metric", "all_modalities", "no_modalities", "modalities": {NAME:
        {"shapley_value", "ablation"}}, "slices": [{"group", "name", "targets", "shapley_values":
        {NAME: mean}}]}`. `all_modalities` and `no_modalities` are the metric with and without all
        item information. `shapley_value` and `ablation` are `{"mean", "low", "high"}`; `ablation`
        is the loss in the metric if this modality alone is missing. `slices` has those with at
        least 30 targets. Empty for a model with one modality, or with more than six.
    """
    items = ModalityAblation(bundle)
    modalities = items.modalities
    if not 1 < len(modalities) <= _MAX_MODALITIES:
        return {}
    samples = [_sample_users(segment.targets, seed) for segment in segments]

    def ndcg(present: Collection[str]) -> np.ndarray:
        """The targets of all segments, one segment after the other."""
        vectors = items.vectors(present)
        ranks = [
            model_ranker(scorer, vectors, targets.histories).ranks(targets, segment.candidate_mask)
            for segment, targets in zip(segments, samples, strict=True)
        ]
        return target_metrics(np.concatenate(ranks), [K])[f"ndcg@{K}"]

    values = coalition_values(modalities, ndcg)
    shapley = shapley_values(modalities, values)
    ends = np.cumsum([len(targets.user) for targets in samples])[:-1]
    full = values[frozenset(modalities)]
    ablation = [full - values[frozenset(modalities) - {name}] for name in modalities]
    columns = np.stack([*shapley.values(), *ablation, full, values[frozenset()]], axis=1)
    return {
        segment.name: _summarize(bundle, modalities, targets, own, seed)
        for segment, targets, own in zip(segments, samples, np.split(columns, ends), strict=True)
    }


def _sample_users(targets: Targets, seed: int) -> Targets:
    users = np.unique(targets.user)
    if len(users) <= _MAX_USERS:
        return targets
    sample = np.random.default_rng(seed).choice(users, _MAX_USERS, replace=False)
    return targets.take(np.isin(targets.user, sample))


def _summarize(
    bundle: ModelBundle, modalities: Sequence[str], targets: Targets, values: np.ndarray, seed: int
) -> dict[str, Any]:
    """Summarizes the columns `[targets, 2 * modalities + 2]` of one segment.

    The columns are the Shapley value of each modality, the ablation of each, and the metric with
    all modalities and with none.
    """
    intervals = UserBootstrap(targets.user, seed=seed).intervals(values[:, :-2])
    means = [dataclasses.asdict(interval) for interval in intervals]
    num = len(modalities)
    slices = slices_of(bundle, targets)
    return {
        "metric": f"ndcg@{K}",
        "all_modalities": float(values[:, -2].mean()),
        "no_modalities": float(values[:, -1].mean()),
        "modalities": {
            name: {"shapley_value": means[column], "ablation": means[num + column]}
            for column, name in enumerate(modalities)
        },
        "slices": [
            {
                "group": own.group,
                "name": own.name,
                "targets": int(own.rows.sum()),
                "shapley_values": dict(
                    zip(modalities, map(float, values[own.rows, :num].mean(0)), strict=True)
                ),
            }
            for own in slices
            if own.rows.sum() >= MIN_TARGETS
        ],
    }
