"""Evaluates a run beside simple recommenders, and says so in metrics.SPLIT.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.holdout import leaking_events
from tfmmrec.data.storage import write_json
from tfmmrec.evaluation.attribution.modality_shares import measure_shares
from tfmmrec.evaluation.metrics.ranking import CUTOFFS
from tfmmrec.evaluation.outcomes.evaluate import measure_outcomes
from tfmmrec.evaluation.rank_store import save_ranks
from tfmmrec.evaluation.ranking.ranked_part import K, Ranked, rank_parts
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import PARTS, check_no_future, targets_of
from tfmmrec.evaluation.summary import describe_parts, verdict
from tfmmrec.models.run_folder import load_run
from tfmmrec.reports.bokeh import check_plots
from tfmmrec.reports.cards.write import write_cards
from tfmmrec.reports.evaluation.page import write_report


def evaluate(
    run: Path,
    *,
    split: str = "test",
    report: Path | None = None,
    modality_attribution: bool = False,
    cutoffs: Sequence[int] | None = None,
    allow_leakage: bool = False,
    seed: int = 0,
    quiet: bool = False,
) -> dict:
    """Ranks what users chose next, by the model and by simple recommenders, and compares them.

    Every item is ranked that the user has not chosen before; items that were kept cold are ranked
    among themselves, and new users are counted by themselves, in tables of their own. A model that
    was taught ratings or clicks is measured by these as well, or by these alone where it was taught
    nothing else.

    Args:
        run: a run folder; `metrics.SPLIT.json`, `ranks.SPLIT.npz`, `model_card.md` and
            `data_card.md` are written into it.
        split: `valid` or `test`.
        report: an HTML page to write, with plots and examples; it needs the extra `report`.
        modality_attribution: whether to say what each modality is worth, as `measure_shares` does,
            under `modalities` of each part; a report has it in any case.
        cutoffs: the k of HR@k, NDCG@k and the like, from 1 to the number of items (default 10 and
            20); 10, by which models are compared, is measured in any case.
        allow_leakage: whether a user's past may hold what came after a choice to be predicted, as
            it does where splits are random; the verdict says so.
        seed: of chance, and of the draws of users behind intervals.
        quiet: no progress bars while the run is loaded.

    Returns:
        `{"split", "verdict", "num_repeats", "num_both_cold", "warm", "cold", "new_users",
        "outcomes"}`: how far the model is ahead in a sentence; the next positives that were left
        out; `warm`, `cold` and `new_users` as `describe` has them, None where there are no such
        targets, or nothing is ranked; and `outcomes` as `measure_outcomes` has it.

    Raises:
        DataError: the run or its data is not whole or has changed, or the split holds nothing, or
            the past holds the future.
        ConfigError: a cutoff is out of range.
    """
    if report is not None:
        check_plots()
    bundle = load_run(run, quiet=quiet)
    bundle.check_unseen(split)
    for k in cutoffs or ():
        bundle.dataset.check_length("cutoffs", k)
    cutoffs = CUTOFFS if cutoffs is None else sorted({K, *cutoffs})
    result: dict[str, Any] = {"split": split, "verdict": None, **dict.fromkeys(PARTS)}
    ranked: list[Ranked] = []
    scorer, vectors = bundle.scorer(), np.zeros([0, 0], np.float32)
    if bundle.model.ranks_by == "retrieval":
        targets = targets_of(bundle.dataset, split, timed=bundle.reads_times)
        late = len(leaking_events(bundle.dataset, split)) if allow_leakage else 0
        if not allow_leakage:
            check_no_future(bundle.dataset, split)
        vectors = scorer.item_vectors()
        ranker = model_ranker(scorer, vectors, targets.histories)
        ranked = rank_parts(bundle, ranker, targets, split, seed)
        result |= {"num_repeats": targets.num_repeats, "num_both_cold": targets.num_both_cold}
        result |= describe_parts(bundle, ranked, cutoffs=cutoffs, seed=seed)
        told = verdict(result[ranked[0].part])
        result["verdict"] = f"{told}; of {late} choices the past holds the future" if late else told
        if modality_attribution or report is not None:
            worth = measure_shares(bundle, scorer, ranked, seed=seed)
            for part in ranked:
                result[part.part]["modalities"] = worth.get(part.part)
        save_ranks(Path(run), split, ranked)
    result["outcomes"] = measure_outcomes(bundle, split)
    write_json(Path(run) / f"metrics.{split}.json", result)
    write_cards(Path(run), bundle, result)
    if report is not None:
        write_report(Path(report), Path(run), bundle, scorer, vectors, ranked, result, seed=seed)
    return result
