"""The model card and the data card of a run."""

from pathlib import Path

from tfmmrec.evaluation.evaluate import EvaluationResult
from tfmmrec.reports.cards.data_card import write_data_card
from tfmmrec.reports.cards.model_card import write_model_card
from tfmmrec.reports.cards.model_facts import model_facts


def write_cards(run: Path, result: EvaluationResult) -> None:
    """Writes `model_card.md` and `data_card.md` into a run folder; edits by the owner are kept.

    Args:
        run: the run folder.
        result: the evaluation of the run.

    Raises:
        DataError: a card cannot be written.
    """
    write_model_card(run, model_facts(result.bundle), result.metrics)
    write_data_card(run, result.bundle.dataset)
