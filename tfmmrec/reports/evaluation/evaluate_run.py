"""Evaluates a run and writes the results: metrics, ranks, cards and the HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfmmrec.evaluation.evaluate import EvaluationResult, evaluate
from tfmmrec.models.output_path import check_output_path
from tfmmrec.reports.bokeh import require_bokeh
from tfmmrec.reports.cards.write import write_cards
from tfmmrec.reports.evaluation.page import write_report
from tfmmrec.reports.evaluation.stored_metrics import CONDITIONS, evaluation_conditions


def evaluate_run(
    run: str | Path,
    *,
    split: str = "test",
    report: str | Path | None = None,
    modality_attribution: bool = False,
    cutoffs: Sequence[int] | None = None,
    allow_leakage: bool = False,
    seed: int = 0,
    quiet: bool = False,
) -> EvaluationResult:
    """Evaluates a run as `evaluate` does, and writes the results.

    Args:
        run: a run folder. `metrics.SPLIT.json`, `ranks.SPLIT.npz`, `model_card.md` and
            `data_card.md` are written into it.
        split: `valid` or `test`.
        report: an HTML page to write, with plots, examples and the modality attribution; it needs
            the extra `report`.
        modality_attribution: see `evaluate`; a page always has it.
        cutoffs: see `evaluate`.
        allow_leakage: see `evaluate`.
        seed: of the random baseline, the bootstrap, and the users and items on the page.
        quiet: no progress bars.

    Raises:
        DataError: see `evaluate`; or a file cannot be written, the page is inside a run or a data
            folder, or the extra `report` is missing.
        ConfigError: a cutoff is out of range.
    """
    run = Path(run)
    check_output_path("--report", report)
    if report is not None:
        require_bokeh()
    options: dict[str, Any] = {
        "modality_attribution": modality_attribution or report is not None,
        "cutoffs": cutoffs,
        "allow_leakage": allow_leakage,
        "seed": seed,
    }
    result = evaluate(run, split=split, quiet=quiet, **options)
    result.metrics[CONDITIONS] = evaluation_conditions(run, **options)
    result.save(run)
    write_cards(run, result)
    if report is not None:
        write_report(Path(report), run, result, seed=seed)
    return result
