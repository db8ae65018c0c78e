"""Evaluates a run beside simple recommenders, and says so in metrics.SPLIT.json."""

from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.cards.write import write_cards
from tfmmrec.evaluation.described import describe, item_facts, verdict
from tfmmrec.evaluation.kept_ranks import save_ranks
from tfmmrec.evaluation.outcome_report import measure_outcomes
from tfmmrec.evaluation.page import check_plots, write_report
from tfmmrec.evaluation.ranked import Ranked, rank_parts
from tfmmrec.evaluation.rankers import model_ranker
from tfmmrec.evaluation.shares import measure_shares
from tfmmrec.evaluation.targets import PARTS, targets_of
from tfmmrec.folders import write_json
from tfmmrec.runs import load_run


def evaluate(
    run: Path,
    *,
    split: str = "test",
    report: Path | None = None,
    shares: bool = False,
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
        shares: whether to say what each modality is worth, as `measure_shares` does, under
            `modalities` of each part; a report has it in any case.
        seed: of chance, and of the draws of users behind intervals.
        quiet: no progress bars while the run is loaded.

    Returns:
        `{"split", "verdict", "num_repeats", "num_both_cold", "warm", "cold", "new_users",
        "outcomes"}`: how far the model is ahead in a sentence; the next positives that were left
        out; `warm`, `cold` and `new_users` as `describe` has them, None where there are no such
        targets, or nothing is ranked; and `outcomes` as `measure_outcomes` has it.
    """
    if report is not None:
        check_plots()
    assembly = load_run(run, quiet=quiet)
    assembly.check_unseen(split)
    result: dict[str, Any] = {"split": split, "verdict": None, **dict.fromkeys(PARTS)}
    ranked: list[Ranked] = []
    scorer, vectors = assembly.scorer(), np.zeros([0, 0], np.float32)
    if assembly.model.ranks_by == "retrieval":
        targets = targets_of(assembly.dataset, split, timed=assembly.reads_times)
        vectors = scorer.item_vectors()
        result |= {"num_repeats": targets.num_repeats, "num_both_cold": targets.num_both_cold}
        ranked = rank_parts(
            assembly,
            model_ranker(scorer, vectors, targets.histories),
            targets,
            split,
            seed,
        )
        facts = item_facts(assembly)
        result |= {part.part: describe(assembly, facts, part, seed=seed) for part in ranked}
        result["verdict"] = verdict(result[ranked[0].part])
        if shares or report is not None:
            worth = measure_shares(assembly, scorer, ranked, seed=seed)
            for part in ranked:
                result[part.part]["modalities"] = worth.get(part.part)
        save_ranks(Path(run), split, ranked)
    result["outcomes"] = measure_outcomes(assembly, split)
    write_json(Path(run) / f"metrics.{split}.json", result)
    write_cards(Path(run), assembly, result)
    if report is not None:
        write_report(Path(report), Path(run), assembly, scorer, vectors, ranked, result, seed=seed)
    return result
