"""Evaluates a model on a split, next to simple baselines."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.holdout import leaking_events
from tfmmrec.data.storage import write_json
from tfmmrec.evaluation.attribution.modality_attribution import attribute_metric
from tfmmrec.evaluation.metrics.ranking import CUTOFFS
from tfmmrec.evaluation.outcomes.evaluate import measure_outcomes
from tfmmrec.evaluation.rank_store import save_ranks
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.segment_result import SegmentResult, rank_segments
from tfmmrec.evaluation.ranking.targets import check_no_leakage, targets_of
from tfmmrec.evaluation.segments import SEGMENTS, K
from tfmmrec.evaluation.summary import summarize_segments
from tfmmrec.evaluation.verdict import model_verdict
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.models.trained_events import check_not_trained_on


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """The result of an evaluation.

    Attributes:
        split: the evaluated split, `valid` or `test`.
        bundle: the evaluated model with its data.
        scorer: of the model.
        item_vectors: vectors of all items, float32 `[items, width]`; `[0, 0]` if the model does not
            rank items.
        segments: the ranks and lists of each segment; empty if the model does not rank items.
        metrics: the content of `metrics.SPLIT.json`: `{"split", "verdict", "num_events",
            "num_repeats", "num_both_cold", "num_leaking", "warm", "cold", "new_users",
            "outcomes"}`. `verdict` is one sentence on the lead over the best baseline; `num_events`
            counts the positives of the split, `num_repeats` and `num_both_cold` those that were not
            evaluated, `num_leaking` the targets with temporal leakage, None for a log without
            times; `warm`, `cold` and `new_users` are as returned by `summarize_segment`, None for a
            segment without targets and for a model that does not rank; `outcomes` is as returned by
            `measure_outcomes`.
    """

    split: str
    bundle: ModelBundle
    scorer: Scorer
    item_vectors: np.ndarray
    segments: list[SegmentResult]
    metrics: dict[str, Any]

    def __repr__(self) -> str:
        return f"EvaluationResult(split {self.split}: {self.metrics['verdict'] or 'no verdict'})"

    def save(self, run: Path) -> None:
        """Writes `metrics.SPLIT.json` and, if items are ranked, `ranks.SPLIT.npz`.

        Args:
            run: the run folder.
        """
        if self.segments:
            save_ranks(Path(run), self.split, self.segments)
        write_json(Path(run) / f"metrics.{self.split}.json", self.metrics)


def evaluate(
    run: str | Path | ModelBundle,
    *,
    split: str = "test",
    modality_attribution: bool = False,
    cutoffs: Sequence[int] | None = None,
    allow_leakage: bool = False,
    seed: int = 0,
    quiet: bool = False,
) -> EvaluationResult:
    """Ranks the target items of a split by the model and by simple baselines.

    It writes no file into the run. The ranks of the baselines are cached in the data folder, since
    they do not depend on the run.

    The candidates of a user are all items that are not excluded for the user, see
    `Schema.are_excluded`: those that the user has not chosen earlier, or all. Cold-start items are
    ranked among themselves, and new users are a segment of their own. Models with a rating or click
    task are evaluated on these as well; without retrieval, on these only.

    Args:
        run: a run folder, or a loaded model.
        split: `valid` or `test`.
        modality_attribution: whether to compute the Shapley attribution of the modalities
            (`attribute_metric`), stored as `modality_attribution` of each segment.
        cutoffs: the k of HR@k, NDCG@k and the like, from 1 to the number of items (default 10 and
            20). 10, the cutoff of all comparisons, is always included.
        allow_leakage: whether the history of a user may contain events later than the target event
            (temporal leakage), as in random splits. The verdict then counts these targets.
        seed: of the random baseline and of the bootstrap over users.
        quiet: no progress bars.

    Raises:
        DataError: the run or its data is incomplete or has changed, the split is empty, or there is
            temporal leakage.
        ConfigError: a cutoff is out of range.
    """
    bundle = run if isinstance(run, ModelBundle) else load_run(Path(run), quiet=quiet)
    check_not_trained_on(bundle, split)
    for k in cutoffs or ():
        bundle.dataset.check_k("cutoffs", k)
    cutoffs = CUTOFFS if cutoffs is None else sorted({K, *cutoffs})
    metrics: dict[str, Any] = {"split": split, "verdict": None, **dict.fromkeys(SEGMENTS)}
    segments: list[SegmentResult] = []
    scorer, vectors = Scorer(bundle.model), np.zeros([0, 0], np.float32)
    if bundle.model.ranks_by == "retrieval":
        targets = targets_of(bundle.dataset, split, with_times=bundle.model.reads_times)
        num_leaking = len(leaking_events(bundle.dataset, split)) if allow_leakage else 0
        if not allow_leakage:
            check_no_leakage(bundle.dataset, split)
        has_time = bundle.dataset.schema.has_time
        vectors = scorer.item_vectors()
        ranker = model_ranker(scorer, vectors, targets.histories)
        segments = rank_segments(bundle, ranker, targets, split, seed, quiet=quiet)
        metrics |= {
            "num_events": len(targets.user) + targets.num_repeats + targets.num_both_cold,
            "num_repeats": targets.num_repeats,
            "num_both_cold": targets.num_both_cold,
            "num_leaking": num_leaking if has_time else None,
        }
        if bundle.dataset.schema.kinds.are_weighted:
            metrics["target_kinds"] = bundle.dataset.schema.kinds.target_names
        metrics |= summarize_segments(bundle, segments, cutoffs=cutoffs, seed=seed)
        metrics["verdict"] = model_verdict(metrics[segments[0].name])
        if num_leaking:
            metrics["verdict"] += f"; {num_leaking} targets have temporal leakage"
        if modality_attribution:
            attribution = attribute_metric(bundle, scorer, segments, seed=seed)
            for segment in segments:
                metrics[segment.name]["modality_attribution"] = attribution.get(segment.name)
    metrics["outcomes"] = measure_outcomes(bundle, split)
    return EvaluationResult(split, bundle, scorer, vectors, segments, metrics)
